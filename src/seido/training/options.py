"""Everything a user can choose about training, checked when it is written down."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args

from seido.errors import BadInputError
from seido.files import require_file, sha256
from seido.models.blocks import exact_width
from seido.models.checkpoint import Trainable
from seido.models.registry import bundled_models, find_model
from seido.plan import Recipe
from seido.timebase import WINDOW
from seido.training.adapt import AdaptOptions
from seido.training.augment import AugmentOptions
from seido.training.checks import require_between, require_one_of, require_whole
from seido.training.noise_options import NoiseOptions
from seido.training.sync_batches import SyncOptions

Model = Trainable
Reference = Literal["first", "far", "any"]
"""Which frame of the clip shows the network the speaker; see TrainOptions.reference."""
Precision = Literal["auto", "float32", "bfloat16", "float16"]

FROM_SCRATCH: dict[Model, float] = dict.fromkeys(get_args(Model), 1e-3) | {"syncnet": 2e-3}
FINE_TUNING = 1e-4
WIDTHS: dict[Model, Fraction] = dict.fromkeys(get_args(Model), Fraction(1)) | {
    "wav2lip": Fraction(1, 4),
    "syncnet": Fraction(1, 8),
}
NOISE_MODELS: tuple[Model, ...] = ("frcrn", "frcrn-small")
"""Networks that take noise out of speech: they learn from folders of sound, not from clips."""
FREE = ("minutes", "device", "threads", "memory", "ahead", "tensorboard", "pictures")
"""Options that may differ when a run is resumed: they say where, how long and what to show, not what is learnt."""


@dataclass(frozen=True)
class LossOptions:
    """What a generator's training makes small; weights of the parts."""

    motion: float = 0.0
    """Share of L1 weighted by where the clip's picture moves: 0 counts all pixels alike, 1 only moving ones."""
    structure: float = 0.0
    """Weight of 1 − SSIM beside L1; 0.1 makes outlines sharper."""
    sync: float = 0.0
    """Weight of the sync expert's judgement, which takes L1's place by so much; published: 0.03. Needs `expert`."""
    expert: Path | None = None
    """The sync expert, a SyncNet checkpoint that never changes; `--model syncnet` trains one."""
    sync_below: float = 0.75
    """The sync loss in validation from which on it counts; published: 0.75."""
    sync_ramp: int = 500
    """Steps over which its weight then rises."""
    quality: float = 0.0
    """Weight of a discriminator that learns to tell generated from true frames; published: 0.07."""

    def __post_init__(self) -> None:
        if self.expert is not None:
            object.__setattr__(self, "expert", Path(self.expert))
        for name in ("motion", "sync", "quality"):
            require_between(f"losses.{name}", getattr(self, name), 0, 1)
        for name in ("structure", "sync_below"):
            require_between(f"losses.{name}", getattr(self, name), 0, math.inf)
        require_whole("losses.sync_ramp", self.sync_ramp, 0)
        if self.sync + self.quality > 1:
            raise BadInputError("losses: sync and quality take L1's place; give weights whose sum is at most 1")
        if self.sync and self.expert is None:
            raise BadInputError(
                "losses.sync: it needs a sync expert; train one with --model syncnet and name it with --losses.expert"
            )


@dataclass(frozen=True)
class AlignedOptions:
    """What the field's baselines hear and learn; None is the default, so that older runs can be resumed."""

    columns: int | None = None
    """Mel columns around the middle of a frame that it hears, up to 16, 0.2 s, which is the default; 1 is 50 ms."""
    loss: Literal["mse", "l1"] | None = None
    """mse, the mean squared difference, as published, or l1, the mean absolute difference; by default mse."""

    def __post_init__(self) -> None:
        if self.columns is not None:
            require_whole("aligned.columns", self.columns, 1)
            require_between("aligned.columns", self.columns, 1, WINDOW)
        if self.loss is not None:
            require_one_of("aligned.loss", self.loss, ("mse", "l1"))


@dataclass(frozen=True)
class TractOptions:
    """What the tract generator is and learns; None is the default, so that older runs can be resumed."""

    size: int | None = None
    """Pixels along each side of the pictures it works on; by default 128, and 64 for those of the
    trial."""
    change: float | None = None
    """Weight, beside L1, of the L1 of the differences between neighbouring frames; by default 0."""
    stride: int | None = None
    """Only every so many-th frame of a stretch is learnt, so that a step sees more of a clip; by default 3."""
    hear: Literal["mel", "features"] | None = None
    """Learn from log-mels, or from what a frozen speech encoder made of the speech; by default from features where the
    clips have some, which `seido hear` gives them."""

    def __post_init__(self) -> None:
        if self.size is not None:
            require_whole("tract.size", self.size, 32)
            require_between("tract.size", self.size, 32, 1024)
        if self.change is not None:
            require_between("tract.change", self.change, 0, math.inf)
        if self.stride is not None:
            require_whole("tract.stride", self.stride, 1)


@dataclass(frozen=True)
class TrainOptions:
    """How to train a network; raises BadInputError naming the option that cannot be used."""

    model: Model = "wav2lip"
    """What to train: wav2lip, the generator, syncnet, the expert that tells whether speech and picture agree, or a
    baseline that sees no picture of the speaker: csapo-dnn, csapo-cnn, csapo-lstm, oura-blstm. tract is the
    generator made for the vocal tract, which moves what the first frame shows; trial-e and
    trial-hb are those of a trial that came before it. frcrn and frcrn-small take noise out of
    speech; they learn from a folder of .wav files of clean speech instead of clips."""
    speaker: str | None = None
    """Train and validate on this speaker's clips only, or several speakers', separated by commas; by default on all."""
    without: str | None = None
    """Leave these speakers' clips out of training and validation; separated by commas."""
    width: Fraction | None = None
    """Hidden channels relative to the published network; 1/4 for a generator, 1/8 for the expert, 1 for a
    baseline, or as in `init`."""
    residual: bool | None = None
    """Whether the network adds to the reference frame, by default in the tract recipe; `init` has its own way."""
    init: Path | None = None
    """A checkpoint to fine-tune, a file or a bundled model's name; without one, training begins from scratch."""
    recipe: Recipe = "tract"
    """What the network sees: tract shows nothing of the target, talk its upper half, as the published training does."""
    reference: Reference | None = None
    """first: the clip's first frame, as when generating. far: that, or a frame at least 0.6 s away (the tract
    recipe's). any: any other frame (the talk's)."""
    window: int | None = None
    """Frames in a row that an example has; 1, but 5 where the sync expert judges 16 for a recurrent baseline, and
    12 for tract."""
    batch: int | None = None
    """Examples in a step, over all processes; by default 16 frames for a generator, 64 windows for the expert,
    128 frames for a baseline, 4 stretches for tract."""
    accumulate: int = 1
    """Passes that a step is split into, for less memory; batch normalisation then sees the smaller parts."""
    learning_rate: float | None = None
    """Adam's step size after the warm-up; by default 0.001 from scratch (the expert: 0.002), 0.0001 fine-tuning."""
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
    clips: int | None = None
    """Train on so many of the training clips, spread evenly over them; by default on all."""
    seed: int = 0
    """Decides the first weights and the order of the data."""
    precision: Precision = "auto"
    """Numbers to calculate with; auto takes bfloat16 on a GPU that has it and float32 elsewhere."""
    compile: bool = False
    """Let torch compile the network first: minutes at the start, faster steps on a GPU."""
    device: str = "auto"
    """Where to compute: cpu, cuda, cuda:1, mps; auto takes a GPU if there is one."""
    threads: int | None = None
    """CPU threads; by default as many as torch takes."""
    memory: float = 4.0
    """Gigabytes of pictures kept in memory; larger corpora are read from disk as they are needed."""
    ahead: int = 2
    """Batches made ahead while the network learns."""
    pictures: bool = True
    """Write a sample picture at every validation."""
    tensorboard: bool = False
    """Write the history for TensorBoard too."""
    losses: LossOptions = field(default_factory=LossOptions)
    """What training makes small."""
    augment: AugmentOptions = field(default_factory=AugmentOptions)
    """How examples are varied."""
    adapt: AdaptOptions = field(default_factory=AdaptOptions)
    """Which part of a generator learns."""
    sync: SyncOptions = field(default_factory=SyncOptions)
    """What the sync expert learns from."""
    aligned: AlignedOptions = field(default_factory=AlignedOptions)
    """What the baselines learn from."""
    tract: TractOptions = field(default_factory=TractOptions)
    """What the tract generator is and learns."""
    noise: NoiseOptions = field(default_factory=NoiseOptions)
    """What noise removers learn from."""

    def __post_init__(self) -> None:
        if self.width is not None:
            try:
                object.__setattr__(self, "width", exact_width(Fraction(str(self.width))))
            except (ValueError, ZeroDivisionError):
                raise BadInputError(f"width: {str(self.width)!r} is not a number; write 1/4 or 0.25") from None
        if self.init is not None:
            named = str(self.init) in bundled_models()
            object.__setattr__(self, "init", find_model(self.init) if named else Path(self.init))
        require_one_of("model", self.model, get_args(Model))
        require_one_of("recipe", self.recipe, get_args(Recipe))
        require_one_of("precision", self.precision, get_args(Precision))
        if self.reference is not None:
            require_one_of("reference", self.reference, get_args(Reference))
        for name in ("window", "threads", "clips"):
            if getattr(self, name) is not None:
                require_whole(name, getattr(self, name), 1)
        if self.batch is not None:
            # Batch normalisation has nothing to normalise where a map is one point and the batch one frame.
            require_whole("batch", self.batch, 2)
        for name in ("warm_up", "seed", "ahead"):
            require_whole(name, getattr(self, name), 0)
        for name in ("accumulate", "steps", "validate_every", "validation_frames", "patience"):
            require_whole(name, getattr(self, name), 1)
        if self.learning_rate is not None:
            require_between("learning_rate", self.learning_rate, 0, 1, open_below=True)
        if self.minutes is not None:
            require_between("minutes", self.minutes, 0, math.inf, open_below=True)
        require_between("clip_gradient", self.clip_gradient, 0, math.inf, open_below=True)
        for name in ("floor", "minimum_gain"):
            require_between(name, getattr(self, name), 0, 1)
        require_between("memory", self.memory, 0, math.inf)

    @property
    def peak_rate(self) -> float:
        """The learning rate after the warm-up."""
        if self.learning_rate is not None:
            return self.learning_rate
        return FROM_SCRATCH[self.model] if self.init is None else FINE_TUNING

    @property
    def channels(self) -> Fraction:
        """The width of a new network."""
        return WIDTHS[self.model] if self.width is None else self.width

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
        """List what must be the same when a run is resumed, ready for JSON; files stand as their SHA-256."""
        values = {name: value for name, value in asdict(self).items() if name not in FREE}
        values["losses"]["expert"] = sha256(require_file(self.losses.expert)) if self.losses.expert else None
        if self.model in NOISE_MODELS:
            values["noise"]["folder"] = self.noise.folder is not None  # its contents are in the data's digest
        else:
            del values["noise"]  # so that older runs can be resumed
        values |= {"width": str(self.channels), "learning_rate": self.peak_rate}
        values["init"] = sha256(require_file(self.init)) if self.init else None
        plain: dict[str, Any] = json.loads(json.dumps(values))
        return plain
