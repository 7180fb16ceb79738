"""Movies as measures read them: checked, grey, and a few frames at a time.

Movies are uint8 (0 … 255, divided by 255) or floating point (0 … 1), of shape (T, H, W) grey or (T, H, W, 3) RGB, in
memory or mapped from a file. Colour is turned into luma (ITU-R BT.601), so a grey movie saved as RGB scores as the
grey one does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError, NotFiniteError

Frames = NDArray[np.uint8 | np.floating[Any]]
"""A movie: (T, H, W) or (T, H, W, 3), uint8 or floating point 0 … 1."""
Grey = NDArray[np.float64]

LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue (ITU-R BT.601)."""
_SLACK = 0.5
"""How far a float may lie outside 0 … 1 before it must have been meant on another scale."""


def hold(still: Frames, frames: int) -> Frames:
    """Show one picture, (H, W) or (H, W, 3), for that many frames: a read-only view that takes no memory.

    >>> hold(np.zeros((4, 6), np.uint8), 25).shape
    (25, 4, 6)
    """
    return np.broadcast_to(still, (frames, *still.shape))


def grey(frames: Frames) -> Grey:
    """Turn frames (T, H, W) or (T, H, W, 3) into luma float64 (T, H, W), 0 … 1.

    Raises NotFiniteError for NaN or infinite pixels, BadInputError for floats far outside 0 … 1.

    >>> grey(np.full((1, 1, 1, 3), 51, np.uint8)).round(12).tolist()
    [[[0.2]]]
    """
    values = frames.astype(np.float64)
    if frames.ndim == 4:
        values = values @ LUMA
    if frames.dtype == np.uint8:
        values /= 255
        return values
    if not np.isfinite(values).all():
        raise NotFiniteError("a movie to score holds NaN or infinite pixels; generate it again")
    if values.size and (values.min() < -_SLACK or values.max() > 1 + _SLACK):
        raise BadInputError(
            f"floating-point frames should lie within 0 … 1, got {values.min():g} … {values.max():g}; "
            "scale them or give uint8"
        )
    return values


def check_movie(frames: Frames, what: str = "the movie") -> None:
    """Check that frames are uint8 or floating point (T, H, W) or (T, H, W, 3), none empty; raises BadInputError."""
    if not (frames.ndim == 3 or (frames.ndim == 4 and frames.shape[3] == 3)) or 0 in frames.shape:
        raise BadInputError(f"expected {what} of shape (T, H, W) or (T, H, W, 3), got {frames.shape}")
    if not (frames.dtype == np.uint8 or np.issubdtype(frames.dtype, np.floating)):
        raise BadInputError(f"expected {what} as uint8 or floating point, got {frames.dtype}")


def check_pair(true: Frames, predicted: Frames) -> None:
    """Check two movies, and that they have the same frames, height and width; raises BadInputError."""
    check_movie(true, "the true movie")
    check_movie(predicted, "the predicted movie")
    if true.shape[:3] != predicted.shape[:3]:
        raise BadInputError(
            f"expected a predicted movie of the true one's frames, height and width {true.shape[:3]}, "
            f"got {predicted.shape[:3]}"
        )


def blocks(true: Frames, predicted: Frames, frames: int = 16) -> Iterator[tuple[Grey, Grey]]:
    """Yield both movies as luma 0 … 1, at most that many frames at a time."""
    for first in range(0, len(true), frames):
        yield grey(true[first : first + frames]), grey(predicted[first : first + frames])
