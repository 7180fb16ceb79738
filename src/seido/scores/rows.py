"""Score movies clip by clip, each beside the trivial rows that a still picture earns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seido.errors import BadInputError, NotFiniteError
from seido.scores.frames import Frames, grey, hold
from seido.scores.lag import LagCurve, lag_curve
from seido.scores.motion import moments
from seido.scores.similarity import ssim
from seido.values import Frame, Movie, Region, check_frame

FIRST_SCORED = 1
"""Frame 0 is the network's input; scoring it would reward copying, so every row begins at frame 1."""
GENERATED = "generated"
FIRST_FRAME = "first frame"
MEAN_FRAME = "mean frame"


class Measure(NamedTuple):
    """A column of the table: the field of Scores, its title and what is best."""

    name: str
    title: str
    digits: int


MEASURES = (
    Measure("ssim", "SSIM ↑", 4),
    Measure("nmse", "NMSE ↓", 4),
    Measure("motion_correlation", "motion correlation ↑", 3),
    Measure("motion_amplitude", "motion amplitude → 1", 3),
    Measure("lag_ms", "lag, ms → 0", 0),
    Measure("tract_error_mm", "tract error, mm ↓", 2),
    Measure("skill_over_mean", "skill over mean frame ↑", 3),
    Measure("skill_over_first", "skill over first frame ↑", 3),
)


@dataclass(frozen=True)
class Scores:
    """One clip's scores over `frames` frames (all but frame 0); None is undefined, as docs/scores.md tells.

    `lag_ms` is positive when the generated movement is late. `tract_error_mm` is filled in where tract variables have
    been measured.
    """

    frames: int
    ssim: float
    nmse: float | None
    motion_correlation: float | None
    motion_amplitude: float | None
    skill_over_mean: float | None
    skill_over_first: float | None
    lag_ms: float | None = None
    tract_error_mm: float | None = None

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise BadInputError(f"scores need at least one frame, got {self.frames}")
        for measure in MEASURES:
            value = self.value(measure)
            if value is not None and not np.isfinite(value):
                raise NotFiniteError(f"the score {measure.name} is {value}; look at the movies it comes from")

    def value(self, measure: Measure) -> float | None:
        """Read one measure."""
        number: float | None = getattr(self, measure.name)
        return number


@dataclass(frozen=True)
class Row:
    """The scores of one clip under one predictor: generated, first frame or mean frame."""

    clip: str
    predictor: str
    scores: Scores
    condition: str = ""
    speaker: str = ""
    """Whose clip it is; with three speakers or more, intervals are over speakers too."""


def score_movie(
    true: Movie,
    predicted: Movie,
    region: Region | None = None,
    mean_frame: Frame | None = None,
    *,
    trim: bool = False,
) -> Scores:
    """Score a predicted movie against the true one, frame 0 left out.

    Parameters
    ----------
    true, predicted
        Of the same size and rate, and the same length unless `trim`.
    region
        Only this rectangle is scored; by default the whole frame.
    mean_frame
        The speaker's mean frame over other clips (H, W), whole frame; without it there is no skill over it.
    trim
        Score the frames that both movies have instead of refusing movies of different length.

    Raises BadInputError when the movies do not fit each other, the region or the mean frame, or have one frame.

    """
    return score_motion(true, predicted, region, mean_frame, trim=trim)[0]


def score_motion(
    true: Movie,
    predicted: Movie,
    region: Region | None = None,
    mean_frame: Frame | None = None,
    *,
    trim: bool = False,
) -> tuple[Scores, LagCurve | None]:
    """Do what score_movie does, and return the motion correlation at each lag too, which it computes anyway."""
    x, y = _scored(true, predicted, region, trim=trim)
    sums = moments(x, y)
    moved, curve = sums.motion(), lag_curve(x, y, sums=sums)
    scores = Scores(
        frames=len(x),
        ssim=float(ssim(x, y).mean()),
        nmse=sums.normalised_error(),
        motion_correlation=moved.correlation,
        motion_amplitude=moved.amplitude,
        skill_over_mean=None if mean_frame is None else sums.skill(_still(mean_frame, true, region)),
        skill_over_first=sums.skill(_still(true.frames[0], true, region)),
        lag_ms=None if curve is None else curve.milliseconds(true.rate),
    )
    return scores, curve


def rows(
    clip: str,
    true: Movie,
    predicted: Movie,
    *,
    region: Region | None = None,
    mean_frame: Frame | None = None,
    condition: str = "",
    speaker: str = "",
    trim: bool = False,
) -> tuple[Row, ...]:
    """Score a clip's predicted movie, its first frame held, and the mean frame held if one is given.

    Errors and arguments as in `score_movie`, and any error names the clip.
    """
    movies = {GENERATED: predicted, FIRST_FRAME: _held(true.frames[0], predicted)}
    if mean_frame is not None:
        movies[MEAN_FRAME] = _held(check_frame(mean_frame, "the mean frame"), predicted)
    try:
        return tuple(
            Row(clip, name, score_movie(true, movie, region, mean_frame, trim=trim), condition, speaker)
            for name, movie in movies.items()
        )
    except BadInputError as error:
        raise BadInputError(f"{clip}: {error}") from error


def mean_frame(movies: Iterable[Movie]) -> Frame:
    """Average all frames of some movies into one grey picture: uint8 (H, W); they are read one at a time.

    Give the speaker's other clips, never the one that is scored. Raises BadInputError when there are none or
    their sizes differ.
    """
    total, count = np.zeros((0, 0)), 0
    for movie in movies:
        if not count:
            total = np.zeros(movie.size)
        if movie.size != total.shape:
            raise BadInputError(f"a mean frame needs movies of one size, got {total.shape} and {movie.size}")
        for first in range(0, len(movie), 16):
            total += grey(movie.frames[first : first + 16]).sum(axis=0)
        count += len(movie)
    if not count:
        raise BadInputError("a mean frame needs at least one movie, got none: give the speaker's other clips")
    picture: Frame = np.rint(total * (255 / count)).astype(np.uint8)
    return picture


def _held(picture: Frame, like: Movie) -> Movie:
    return Movie(np.asarray(hold(picture, len(like)), np.uint8), like.rate)


def _scored(true: Movie, predicted: Movie, region: Region | None, *, trim: bool) -> tuple[Frames, Frames]:
    """Check that two movies fit each other and cut out what is scored."""
    if true.rate != predicted.rate:
        raise BadInputError(
            f"the true movie has {true.rate} frames/s and the predicted one {predicted.rate}; "
            "generate at the true movie's rate"
        )
    if true.size != predicted.size:
        raise BadInputError(
            f"the true movie is {true.size[1]} × {true.size[0]} pixels and the predicted one "
            f"{predicted.size[1]} × {predicted.size[0]}; generate at the true movie's size"
        )
    if len(true) != len(predicted) and not trim:
        raise BadInputError(
            f"the true movie has {len(true)} frames and the predicted one {len(predicted)}; "
            "give movies of one length or ask to trim to the common one"
        )
    last = min(len(true), len(predicted))
    if last <= FIRST_SCORED:
        raise BadInputError("a movie of one frame has nothing to score: frame 0 is the input; give a longer movie")
    region = (region or Region.whole(true.frames[0])).within(*true.size, "the movie")
    return (
        region.crop(true.frames[FIRST_SCORED:last], axis=1),
        region.crop(predicted.frames[FIRST_SCORED:last], axis=1),
    )


def _still(picture: Frame, true: Movie, region: Region | None) -> Frame:
    check_frame(picture, "the mean frame")
    if picture.shape[:2] != true.size:
        raise BadInputError(
            f"the mean frame is {picture.shape[1]} × {picture.shape[0]} pixels and the true movie "
            f"{true.size[1]} × {true.size[0]}; make it from movies of that size"
        )
    return region.crop(picture) if region else picture
