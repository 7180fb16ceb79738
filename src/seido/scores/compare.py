"""Two movies of anyone's making: fitted to each other, scored beside the true movie's own still pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.scores.frames import Grey
from seido.scores.motion import moments
from seido.scores.rows import FIRST_FRAME, GENERATED, MEAN_FRAME, Row, mean_frame, rows
from seido.timebase import source_frame
from seido.values import Movie, Region

TALK_HEIGHT, TALK_WIDTH = 1080, 1920
TALK_BOX_HEIGHT, TALK_BOX_WIDTH = 420, 400
"""Pixels of the talk's enlarged picture, and of the box in it that is scored."""


def compare(
    true: Movie, generated: Movie, region: Region | None = None, *, trim: bool = False, name: str = "movie"
) -> tuple[Row, ...]:
    """Score a generated movie, the true movie's first frame held, and the true movie's mean frame held.

    The mean frame is of the true movie itself: no other movie of the speaker is known. That flatters it (no still
    picture has a smaller error), so `skill_over_mean` is stricter here than with other clips' mean. Arguments and
    errors as in `seido.scores.rows.rows`; movies that fit each other are made with `retimed` and `enlarged`.
    """
    used = true if not trim else Movie(true.frames[: len(generated)], true.rate)
    return rows(name, used, generated, region=region, mean_frame=mean_frame([used]), trim=trim)


def as_json(table: tuple[Row, ...]) -> dict[str, Any]:
    """Make one object of what `compare` found: the generated movie's scores, and those of the two still pictures."""
    found = {row.predictor: asdict(row.scores) for row in table}
    for scores in found.values():
        # Two movies alone come without tract variables.
        del scores["tract_error_mm"]
    return {**found[GENERATED], "first_frame": found[FIRST_FRAME], "mean_frame": found[MEAN_FRAME]}


def undefined(table: tuple[Row, ...], true: str, generated: str) -> Iterator[str]:
    """Say in a sentence each which measures of a comparison are undefined, and why."""
    scores = next(row.scores for row in table if row.predictor == GENERATED)
    if scores.nmse is None:
        yield f"{true} is one even grey: NMSE, which divides by its variance, is undefined"
    if scores.motion_correlation is None:
        yield f"{true} stands still: motion correlation, amplitude, lag and skill over its own pictures mean nothing"
    elif scores.lag_ms is None:
        why = "stands still" if scores.motion_amplitude == 0 else "moves unlike the true movie at every shift"
        yield f"{generated} {why}: its lag is undefined"


def retimed(frames: int, rate: Fraction, new_rate: Fraction) -> list[int]:
    """List the frames of a movie of `frames` frames that are shown at another rate, by exact time.

    Each new frame shows what the movie shows at the new frame's middle; there are as many as have their middle inside
    the movie.

    >>> retimed(5, Fraction(50), Fraction(25)), retimed(3, Fraction(25), Fraction(50))
    ([1, 3], [0, 0, 1, 1, 2, 2])
    """
    most = math.ceil(frames * new_rate / rate) + 1
    chosen = (source_frame(index, new_rate, rate) for index in range(most))
    return [index for index in chosen if index < frames]


def talk_box(true: Movie) -> Region:
    """Place the talk's 400 × 420 box where most of the true movie's movement lies, in the 1920 × 1080 picture.

    The talk shows its box in a picture and gives no place for it. Raises BadInputError when the box does not fit.
    """
    placed = talk_picture(*true.size)
    if placed.width < TALK_BOX_WIDTH or placed.height < TALK_BOX_HEIGHT:
        raise BadInputError(
            f"enlarged to {placed.width} × {placed.height} pixels the movie has no room for the talk's box of "
            f"{TALK_BOX_WIDTH} × {TALK_BOX_HEIGHT}; score it without --protocol talk"
        )
    moving = moments(true.frames, true.frames).variances()[0]
    scale = placed.height / true.size[0]
    sums = np.pad(moving.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    rows, columns = (
        min(side, max(1, round(box / scale)))
        for side, box in zip(true.size, (TALK_BOX_HEIGHT, TALK_BOX_WIDTH), strict=True)
    )
    within = sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns] + sums[:-rows, :-columns]
    top, left = np.unravel_index(int(within.argmax()), within.shape)
    return Region(
        placed.x + min(round(int(left) * scale), placed.width - TALK_BOX_WIDTH),
        placed.y + min(round(int(top) * scale), placed.height - TALK_BOX_HEIGHT),
        TALK_BOX_WIDTH,
        TALK_BOX_HEIGHT,
    )


def talk_picture(height: int, width: int) -> Region:
    """Tell where a movie lies in the 1920 × 1080 picture: as large as fits, its shape kept, in the middle.

    >>> str(talk_picture(256, 256))
    '420,0,1080,1080'
    """
    scale = min(Fraction(TALK_HEIGHT, height), Fraction(TALK_WIDTH, width))
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    return Region((TALK_WIDTH - across) // 2, (TALK_HEIGHT - down) // 2, across, down)


def enlarged(frames: NDArray[np.uint8], box: Region) -> NDArray[np.uint8]:
    """Enlarge grey frames (T, H, W) to the talk's 1920 × 1080 picture and cut out a box: uint8 (T, box height, width).

    Bicubic (Keys 1981, a = −1/2), pixel centres aligned, rounded to whole levels as a movie file would. Only the box is
    computed. Raises BadInputError when the box leaves the enlarged movie.
    """
    height, width = frames.shape[1:3]
    placed = talk_picture(height, width)
    right, bottom = box.x + box.width - placed.x, box.y + box.height - placed.y
    if box.x < placed.x or box.y < placed.y or right > placed.width or bottom > placed.height:
        raise BadInputError(
            f"region {box} leaves the movie, which fills {placed} of the {TALK_WIDTH} × {TALK_HEIGHT} picture; "
            "give X,Y,W,H inside it"
        )
    down = _interpolation(height, placed.height, box.y - placed.y, box.height)
    across = _interpolation(width, placed.width, box.x - placed.x, box.width)
    large = np.empty((len(frames), box.height, box.width), np.uint8)
    for frame, picture in zip(large, frames, strict=True):
        frame[:] = np.rint(np.clip(down @ (picture @ across.T), 0, 255))
    return large


def _interpolation(size: int, enlarged_size: int, first: int, count: int) -> Grey:
    """Make the matrix (count, size) that gives pixels first … first + count − 1 of `enlarged_size`."""
    place = (np.arange(first, first + count) + 0.5) * size / enlarged_size - 0.5
    matrix = np.zeros((count, size))
    for offset in range(-1, 3):
        neighbour = np.floor(place).astype(int) + offset
        far = np.abs(place - neighbour)
        near_weight = (1.5 * far - 2.5) * far * far + 1
        weight = np.where(far <= 1, near_weight, ((-0.5 * far + 2.5) * far - 4) * far + 2)
        np.add.at(matrix, (np.arange(count), neighbour.clip(0, size - 1)), weight)
    return matrix
