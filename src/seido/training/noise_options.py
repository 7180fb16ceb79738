"""What can be chosen about the training of noise removers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from seido.errors import BadInputError
from seido.training.checks import require_between
from seido.training.noise_scanner import Repetitions, parse_spans


@dataclass(frozen=True)
class NoiseOptions:
    """What a noise remover learns from: clean speech, noise, and how they are mixed; and what it makes small."""

    folder: Path | None = None
    """Folder of .wav files of noise in which nobody speaks, mixed in beside scanners drawn at random."""
    share: float = 0.5
    """Share of examples with noise from that folder."""
    leave_out: tuple[str, ...] = ()
    """Clean speech to leave out: patterns of paths in the folder, such as W_*."""
    lowest: float = -10.0
    """Least ratio of speech to noise in dB, before a template."""
    highest: float = 15.0
    """Greatest ratio of speech to noise in dB, before a template."""
    reduced: float = 0.5
    """Share of scanners whose lines are 12 to 40 dB softer, as after a template."""
    repetition: str = "3-15"
    """Repetition times of the scanners, in ms."""
    held_out: str = "4.2-4.6,5.2-5.7,5.9-6.1,8-9"
    """Repetition times in ms that are not trained on, so that they can test."""
    mask: float | None = None
    """Weight of the complex mask's squared error beside the signal-to-noise ratio in dB; by default 1, as published,
    for frcrn and 0.005 for frcrn-small."""
    magnitude: float | None = None
    """Weight of the squared error of magnitudes to the power 0.3; by default 0 for frcrn and 50 for frcrn-small."""

    def __post_init__(self) -> None:
        if self.folder is not None:
            object.__setattr__(self, "folder", Path(self.folder))
        for name in ("share", "reduced"):
            require_between(f"noise.{name}", getattr(self, name), 0, 1)
        for name in ("lowest", "highest"):
            require_between(f"noise.{name}", getattr(self, name), -60, 60)
        if self.lowest > self.highest:
            raise BadInputError("noise.lowest: it lies above noise.highest; exchange them")
        for name in ("mask", "magnitude"):
            if getattr(self, name) is not None:
                require_between(f"noise.{name}", getattr(self, name), 0, math.inf)
        _ = self.repetitions

    @property
    def repetitions(self) -> Repetitions:
        """The repetition times that are drawn; raises BadInputError."""
        spans = parse_spans(self.repetition, "noise.repetition")
        if len(spans) != 1:
            raise BadInputError(f"noise.repetition: give one span like 3-15, got {self.repetition!r}")
        return Repetitions(*spans[0], parse_spans(self.held_out, "noise.held_out"))
