"""The values that travel from stage to stage; each is checked when made, and none changes afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError, NotFiniteError
from seido.timebase import MAX_RATE, exact_rate, frames_to_cover

Frame = NDArray[np.uint8]
"""One picture: uint8, (height, width) grey or (height, width, 3) RGB."""
Samples = NDArray[np.float32]
"""Sound: float32, (samples,), −1 … 1."""


def check_frame(frame: NDArray[Any], what: str = "the frame") -> Frame:
    """Return `frame` if it is one uint8 picture, grey (H, W) or RGB (H, W, 3); raises BadInputError."""
    if frame.dtype != np.uint8:
        raise BadInputError(f"{what} should be 8-bit (uint8), got {frame.dtype}")
    if not (frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] == 3)):
        raise BadInputError(f"{what} should have shape (height, width) or (height, width, 3), got {frame.shape}")
    if min(frame.shape[:2]) < 1:
        raise BadInputError(f"{what} has no pixels: shape {frame.shape}")
    return frame


@dataclass(frozen=True)
class Region:
    """A rectangle of whole pixels in a frame: left edge, top edge, width, height."""

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise BadInputError(f"region {self} is empty: width and height must be at least 1")
        if self.x < 0 or self.y < 0:
            raise BadInputError(f"region {self} begins outside the frame: X and Y must not be negative")

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}"

    @classmethod
    def parse(cls, text: str) -> Region:
        """Read "X,Y,W,H" in pixels; raises BadInputError.

        >>> Region.parse("40,32,128,128")
        Region(x=40, y=32, width=128, height=128)
        """
        try:
            x, y, width, height = (int(part) for part in text.split(","))
        except ValueError:
            raise BadInputError(f"region {text!r} should be X,Y,W,H in pixels, like 40,32,128,128") from None
        return cls(x, y, width, height)

    @classmethod
    def whole(cls, frame: NDArray[Any]) -> Region:
        """Make the region that covers a frame (H, W, …)."""
        return cls(0, 0, frame.shape[1], frame.shape[0])

    def within(self, height: int, width: int, what: str = "the frame") -> Region:
        """Return the region if it lies inside a frame of that size; raises BadInputError."""
        if self.x + self.width > width or self.y + self.height > height:
            raise BadInputError(
                f"region {self} reaches outside {what}, which is {width} × {height} pixels; give X,Y,W,H that fit in it"
            )
        return self

    def crop(self, frames: NDArray[Any], *, axis: int = 0) -> NDArray[Any]:
        """Cut the region out of a frame (axis=0) or a stack of frames (axis=1); a view, not a copy."""
        rows, columns = slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)
        return frames[(slice(None),) * axis + (rows, columns)]


@dataclass(frozen=True)
class Speech:
    """Mono speech: samples float32 (N,), nominally −1 … 1, and their rate in Hz."""

    samples: Samples
    rate: int
    name: str = "speech"

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.dtype != np.float32:
            raise BadInputError(
                f"{self.name}: speech should be float32 of shape (samples,), "
                f"got {self.samples.dtype} {self.samples.shape}"
            )
        if self.rate < 1:
            raise BadInputError(f"{self.name}: a sample rate of {self.rate} Hz is impossible")
        if not len(self.samples):
            raise BadInputError(f"{self.name}: there are no samples in it; give a recording with speech")
        if not np.isfinite(self.samples).all():
            raise NotFiniteError(f"{self.name}: it holds NaN or infinite samples; export the recording again")

    @property
    def seconds(self) -> Fraction:
        """Its exact duration."""
        return Fraction(len(self.samples), self.rate)

    def frames(self, rate: Fraction) -> int:
        """Count the frames that cover it to its end."""
        return frames_to_cover(len(self.samples), self.rate, rate)


@dataclass(frozen=True)
class Movie:
    """A movie in memory: frames uint8 (T, H, W) grey or (T, H, W, 3) RGB, and their exact rate per second."""

    frames: NDArray[np.uint8]
    rate: Fraction

    def __post_init__(self) -> None:
        if self.frames.ndim not in {3, 4}:
            raise BadInputError(f"a movie should have shape (T, H, W) or (T, H, W, 3), got {self.frames.shape}")
        if not len(self.frames):
            raise BadInputError("a movie needs at least one frame, got none")
        check_frame(self.frames[0], "a movie's frame")
        object.__setattr__(self, "rate", exact_rate(self.rate))

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def seconds(self) -> Fraction:
        """Its exact duration."""
        return len(self.frames) / self.rate

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.frames.shape[1], self.frames.shape[2]


@dataclass(frozen=True)
class Recording:
    """One take on disk: a movie and the speech that goes with it (the movie itself when it carries sound).

    The movie is a file FFmpeg reads, a stack (`.npz`, `.h5`), or a folder of DICOM files.
    """

    name: str
    movie: Path
    speech: Path
    speaker: str
    language: str = ""
    session: str = ""
    rate: Fraction | None = None
    """Frames per second, where the movie's own header is wrong or says nothing."""
    labels: Path | None = None
    """TextGrid, .trans, .trs or database that says what was spoken when."""

    def __post_init__(self) -> None:
        if not self.name or not self.speaker:
            raise BadInputError(f"{self.movie}: a recording needs a name and a speaker")
        if self.rate is not None:
            object.__setattr__(self, "rate", exact_rate(self.rate))


@dataclass(frozen=True)
class Clip:
    """A few seconds of one recording, ready for training: movie and 16 kHz speech of the same length."""

    name: str
    movie: Movie
    speech: Speech
    speaker: str
    recording: str
    start: Fraction
    split: str
    language: str = ""
    extras: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise BadInputError(f"clip {self.name}: split should be one of {', '.join(SPLITS)}, got {self.split!r}")
        if abs(self.movie.seconds - self.speech.seconds) * self.movie.rate > 1:
            raise BadInputError(
                f"clip {self.name}: picture ({float(self.movie.seconds):.3f} s) and speech "
                f"({float(self.speech.seconds):.3f} s) differ by more than a frame"
            )
        if self.start < 0:
            raise BadInputError(f"clip {self.name}: it cannot start before its recording")


SPLITS = ("train", "validation", "test")
"""The parts a corpus is divided into."""


@dataclass(frozen=True)
class MovieInfo:
    """What a movie on disk says of itself: pixels, exact frame rate, frames, colour, sound."""

    path: Path
    width: int
    height: int
    rate: Fraction
    frames: int
    colour: bool
    sound: bool

    def __post_init__(self) -> None:
        if self.frames < 1 or min(self.width, self.height) < 1:
            raise BadInputError(f"{self.path}: there are no pictures in it; give a movie with frames")
        if not 0 < self.rate <= MAX_RATE:
            raise BadInputError(f"{self.path}: its frame rate, {self.rate}, is impossible; give the right one")
