"""The original and the generated movie beside each other, as a movie and as a picture of chosen moments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.report.pictures import GAP, PAPER, check_stack, enlarge, factor, grid, same_colour
from seido.values import Frame, check_frame

ROWS = ("original", "generated", "difference")
MOVIE_HEIGHT = 256
"""Panels of a side-by-side movie are enlarged to at least this many pixels."""
PICTURE_HEIGHT = 160
SHEET_HEIGHT = 96


def difference(true: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Show where two pictures of one shape differ, and which way: 128 + (predicted − true), held in 0 … 255.

    Mid-grey is agreement; bright is tissue that only the prediction has, dark is tissue that it lacks. So a tongue
    that is too high has a bright rim above it, and the absolute difference could not tell it from one too low.

    >>> difference(np.array([[9, 200, 9]], np.uint8), np.array([[9, 0, 19]], np.uint8)).tolist()
    [[128, 0, 138]]
    """
    change = predicted.astype(np.int16) - true.astype(np.int16)
    return np.clip(change + 128, 0, 255).astype(np.uint8)


def side_by_side(
    true_frames: Iterable[Frame], predicted_frames: Iterable[Frame], *, height: int = MOVIE_HEIGHT
) -> Iterator[Frame]:
    """Yield original | generated | difference for each pair of frames, one at a time, ready for H.264.

    Frames are uint8 (H, W) or (H, W, 3) of one size. Each panel is enlarged by whole pixels to at least `height`
    rows; white gaps of 4 pixels part them; both sides of the result are even. RGB when either frame is.
    Raises BadInputError when sizes differ or one movie ends before the other.
    """
    for index, (true, predicted) in enumerate(zip_longest(true_frames, predicted_frames)):
        if true is None or predicted is None:
            ended, other = ("true", "generated") if true is None else ("generated", "true")
            raise BadInputError(
                f"the {ended} movie ends after {index} frames and the {other} one does not; give movies of one length"
            )
        panels = _panels(check_frame(true), check_frame(predicted))
        scale = factor(panels[0].shape[0], height)
        rows, columns = (scale * side for side in panels[0].shape[:2])
        width = 3 * columns + 2 * GAP
        canvas = np.full((rows + rows % 2, width + width % 2, *panels[0].shape[2:]), PAPER, np.uint8)
        for place, panel in enumerate(panels):
            left = place * (columns + GAP)
            canvas[:rows, left : left + columns] = enlarge(panel, scale, scale)
        yield canvas


def comparison_picture(
    true: NDArray[np.uint8],
    predicted: NDArray[np.uint8],
    indices: Sequence[int],
    labels: Sequence[str] | None = None,
    *,
    height: int = PICTURE_HEIGHT,
) -> Frame:
    """Show chosen moments: a column each, with rows original, generated and difference.

    Movies are uint8 (T, H, W) or (T, H, W, 3) of one size; `labels` stand over the columns ("frame 12" by default).
    Raises BadInputError when an index is outside either movie, or labels and indices differ in number.
    """
    check_stack(true, "the true movie")
    check_stack(predicted, "the generated movie")
    last = min(len(true), len(predicted)) - 1
    for index in indices:
        if not 0 <= index <= last:
            raise BadInputError(f"there is no frame {index} in both movies: choose from 0 … {last}")
    columns = [_panels(true[index], predicted[index]) for index in indices]
    above = _labels([f"frame {index}" for index in indices], labels)
    return grid([[_enlarged(column[row], height) for column in columns] for row in range(3)], above=[above], left=ROWS)


def contact_sheet(
    frames: NDArray[np.uint8], columns: int, labels: Sequence[str] | None = None, *, height: int = SHEET_HEIGHT
) -> Frame:
    """Lay out all frames given, (T, H, W) or (T, H, W, 3), from left to right and top to bottom.

    `labels`, one a frame, stand above them. Raises BadInputError when there are not as many labels as frames.
    """
    check_stack(frames)
    if columns < 1:
        raise BadInputError(f"a contact sheet needs at least one column, got {columns}")
    panels = [_enlarged(frame, height) for frame in frames]
    starts = range(0, len(panels), columns)
    names = _labels([""] * len(panels), labels)
    above = [names[start : start + columns] for start in starts] if labels else []
    return grid([panels[start : start + columns] for start in starts], above=above)


def _panels(true: NDArray[Any], predicted: NDArray[Any]) -> list[NDArray[np.uint8]]:
    if true.shape[:2] != predicted.shape[:2]:
        raise BadInputError(
            f"the true frames are {true.shape[1]} × {true.shape[0]} pixels and the generated ones "
            f"{predicted.shape[1]} × {predicted.shape[0]}; generate at the true movie's size"
        )
    true, predicted = same_colour([true, predicted])
    return [true, predicted, difference(true, predicted)]


def _enlarged(picture: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    scale = factor(picture.shape[0], height)
    return enlarge(picture, scale, scale)


def _labels(default: list[str], labels: Sequence[str] | None) -> list[str]:
    if labels is None:
        return default
    if len(labels) != len(default):
        raise BadInputError(f"expected {len(default)} labels, one for each frame shown, got {len(labels)}")
    return list(labels)
