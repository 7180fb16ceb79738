"""Everything a user can choose about training, checked when it is written down."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args

from seido.errors import BadInputError
from seido.files import require_file, sha256
from seido.models.blocks import exact_width
from seido.plan import Recipe

Reference = Literal["first", "far"]
"""Which frame of the clip shows the network the speaker; see TrainOptions.reference."""

FROM_SCRATCH = 1e-3
FINE_TUNING = 1e-4
FREE = ("minutes", "device", "threads", "memory")
"""Options that may differ when a run is resumed: they say where and how long, not what is learnt."""


@dataclass(frozen=True)
class TrainOptions:
    """How to train a generator; raises BadInputError naming the option that cannot be used."""

    width: Fraction = Fraction(1, 4)
    """Hidden channels relative to the published network, like 1/4; with `init` its own width counts."""
    residual: bool = True
    """Whether the network adds to the reference frame; with `init` its own way counts."""
    init: Path | None = None
    """A checkpoint to fine-tune; without one, training begins from scratch."""
    recipe: Recipe = "first-frame"
    """What the network sees: first-frame shows nothing of the target, published shows its upper half."""
    reference: Reference = "far"
    """first: always the clip's first frame, as when generating. far: that, or a frame at least 0.6 s away."""
    structure: float = 0.0
    """Weight of 1 − SSIM beside L1 in the loss; 0.1 makes outlines sharper."""
    batch: int = 16
    """Frames in a step."""
    learning_rate: float | None = None
    """Adam's step size after the warm-up; by default 0.001 from scratch and 0.0001 when fine-tuning."""
    warm_up: int = 100
    """Steps in which the learning rate rises from 0."""
    floor: float = 0.03
    """The share of the learning rate that is left at the last step; it falls along a cosine."""
    clip_gradient: float = 1.0
    """Longest gradient (L2 norm over all weights) that a step may follow."""
    steps: int = 20_000
    """Steps after which training ends at the latest; the learning rate falls until then."""
    validate_every: int = 500
    """Steps from one validation, and one saving, to the next."""
    validation_frames: int = 512
    """At most this many validation frames are looked at, evenly spaced."""
    patience: int = 10
    """Training stops after this many validations in a row without a gain."""
    minimum_gain: float = 0.001
    """What counts as a gain: the share by which the validation loss has to fall."""
    minutes: float | None = None
    """Stop, ready to be resumed, after this long."""
    seed: int = 0
    """Decides the first weights and the order of the data."""
    device: str = "auto"
    """Where to compute: cpu, cuda, cuda:1, mps; auto takes a GPU if there is one."""
    threads: int | None = None
    """CPU threads; by default as many as torch takes."""
    memory: float = 4.0
    """Gigabytes of pictures kept in memory; larger corpora are read from disk as they are needed."""

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "width", exact_width(Fraction(str(self.width))))
        except (ValueError, ZeroDivisionError):
            raise BadInputError(f"width: {str(self.width)!r} is not a number; write 1/4 or 0.25") from None
        if self.init is not None:
            object.__setattr__(self, "init", Path(self.init))
        self._require_one_of("recipe", get_args(Recipe))
        self._require_one_of("reference", get_args(Reference))
        # Batch normalisation has nothing to normalise where a map is one point and the batch one frame.
        self._require_whole("batch", 2)
        self._require_whole("warm_up", 0)
        for name in ("steps", "validate_every", "validation_frames", "patience"):
            self._require_whole(name, 1)
        self._require_whole("seed", 0)
        if self.threads is not None:
            self._require_whole("threads", 1)
        if self.learning_rate is not None:
            self._require_between("learning_rate", 0, 1, open_below=True)
        if self.minutes is not None:
            self._require_between("minutes", 0, math.inf, open_below=True)
        self._require_between("clip_gradient", 0, math.inf, open_below=True)
        self._require_between("structure", 0, math.inf)
        self._require_between("floor", 0, 1)
        self._require_between("minimum_gain", 0, 1)
        self._require_between("memory", 0, math.inf)

    @property
    def peak_rate(self) -> float:
        """The learning rate after the warm-up."""
        if self.learning_rate is not None:
            return self.learning_rate
        return FROM_SCRATCH if self.init is None else FINE_TUNING

    def rate_at(self, step: int) -> float:
        """Compute the learning rate of the step after `step` steps: a linear warm-up, then half a cosine.

        >>> [round(TrainOptions(steps=300, warm_up=100).rate_at(step), 5) for step in (0, 99, 200, 299)]
        [1e-05, 0.001, 0.00052, 3e-05]
        """
        if step < self.warm_up:
            return self.peak_rate * (step + 1) / self.warm_up
        gone = (step - self.warm_up) / max(1, self.steps - self.warm_up)
        return self.peak_rate * (self.floor + (1 - self.floor) * (1 + math.cos(math.pi * gone)) / 2)

    def record(self) -> dict[str, Any]:
        """List what must be the same when a run is resumed, ready for JSON; `init` stands as its SHA-256."""
        values = {name: value for name, value in asdict(self).items() if name not in FREE}
        return {
            **values,
            "width": str(self.width),
            "learning_rate": self.peak_rate,
            "init": sha256(require_file(self.init)) if self.init else None,
        }

    def _require_one_of(self, name: str, choices: tuple[str, ...]) -> None:
        if getattr(self, name) not in choices:
            raise BadInputError(f"{name}: choose {' or '.join(choices)}, got {getattr(self, name)!r}")

    def _require_whole(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise BadInputError(f"{name}: give a whole number, at least {least}, got {value!r}")

    def _require_between(self, name: str, least: float, most: float, *, open_below: bool = False) -> None:
        value = getattr(self, name)
        known = isinstance(value, int | float) and math.isfinite(value)
        if not known or not least <= value <= most or (open_below and value == least):
            span = f"{'above' if open_below else 'from'} {least:g}" + (f" to {most:g}" if most < math.inf else "")
            raise BadInputError(f"{name}: give a number {span}, got {value!r}")
