"""Kymographs: the grey values along one line of the frame, over time; closures and their timing stand out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.report.pictures import check_stack, enlarge, factor, grid
from seido.values import Frame

PICTURE_WIDTH = 640
PICTURE_HEIGHT = 160


@dataclass(frozen=True)
class Line:
    """A straight line between two points of the frame, in pixels from the centre of the top left one."""

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in (self.x0, self.y0, self.x1, self.y1)):
            raise BadInputError(f"{self}: the ends of a line should be finite numbers")
        if self.length == 0:
            raise BadInputError(f"{self}: a line needs two different ends")

    @property
    def length(self) -> float:
        """Its length in pixels."""
        return math.hypot(self.x1 - self.x0, self.y1 - self.y0)

    @classmethod
    def parse(cls, text: str) -> Line:
        """Read "X0,Y0,X1,Y1" in pixels; raises BadInputError.

        >>> Line.parse("40,60,72,20.5")
        Line(x0=40.0, y0=60.0, x1=72.0, y1=20.5)
        """
        try:
            x0, y0, x1, y1 = (float(part) for part in text.split(","))
        except ValueError:
            raise BadInputError(f"line {text!r} should be X0,Y0,X1,Y1 in pixels, like 40,60,72,20") from None
        return cls(x0, y0, x1, y1)


def kymograph(frames: NDArray[np.uint8], line: Line | int) -> Frame:
    """Read the grey values along a line at every frame: uint8 (points, T) or (points, T, 3), time to the right.

    `frames` is uint8 (T, H, W) or (T, H, W, 3). A number means that whole column of the frame, top at the top. A
    line has a point a pixel of its length, its first end at the top, interpolated between the four neighbours.
    Raises BadInputError when the line leaves the frame.
    """
    check_stack(frames)
    height, width = frames.shape[1:3]
    if isinstance(line, int):
        if not 0 <= line < width:
            raise BadInputError(f"column {line} is outside frames {width} pixels wide: choose 0 … {width - 1}")
        return np.ascontiguousarray(frames[:, :, line].swapaxes(0, 1))
    ends = ((line.x0, line.y0), (line.x1, line.y1))
    if not all(0 <= x <= width - 1 and 0 <= y <= height - 1 for x, y in ends):
        raise BadInputError(f"{line} leaves the frame: keep X in 0 … {width - 1} and Y in 0 … {height - 1}")
    points = math.ceil(line.length) + 1
    x, y = np.linspace(line.x0, line.x1, points), np.linspace(line.y0, line.y1, points)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    shape = (1, points) + (1,) * (frames.ndim - 3)
    across, down = (x - left).reshape(shape), (y - top).reshape(shape)
    above = frames[:, top, left] * (1 - across) + frames[:, top, right] * across
    below = frames[:, bottom, left] * (1 - across) + frames[:, bottom, right] * across
    values: Frame = np.rint(above * (1 - down) + below * down).astype(np.uint8)
    return np.ascontiguousarray(values.swapaxes(0, 1))


def kymograph_picture(true: NDArray[np.uint8], predicted: NDArray[np.uint8], line: Line | int) -> Frame:
    """Show the true movie's kymograph above the generated one's, enlarged by whole pixels, with captions.

    Movies are uint8 (T, H, W) or (T, H, W, 3) of one length and size; raises BadInputError when they are not.
    """
    if true.shape[:3] != predicted.shape[:3]:
        raise BadInputError(
            f"expected two movies of one length and size, got {true.shape[:3]} and {predicted.shape[:3]} (T, H, W)"
        )
    strips = [kymograph(frames, line) for frames in (true, predicted)]
    rows, columns = factor(strips[0].shape[0], PICTURE_HEIGHT), factor(strips[0].shape[1], PICTURE_WIDTH)
    return grid([[enlarge(strip, rows, columns)] for strip in strips], left=("original", "generated"))
