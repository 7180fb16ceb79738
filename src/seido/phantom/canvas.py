"""Where a picture's points lie, and painting smooth outlines on a finer grid than the picture's own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.errors import MissingExtraError
from seido.phantom.contours import Outline

SIZE = 256
"""Pixels, and millimetres, along each side of a picture."""
ORIGIN = (132.0, 116.0)
"""Where the engine's origin lies in the picture, mm from the left and from the upper edge."""
FINE = 3
"""Fine pixels along each side of a pixel."""
WHITE = 210.0
"""Fine pixels of this value are 1 in the picture; what is above is room for fat under texture."""
_SHIFT = 4  # OpenCV takes coordinates in 1/16 of a fine pixel
_SOFT = 0.5  # standard deviation of the blur, mm
_SEGMENT = 6  # points per bend of a smooth outline

Painting = NDArray[np.uint8]
"""Fine pixels (FINE · height, FINE · width)."""


def pixels(points: Outline) -> Outline:
    """Turn the engine's millimetres (n, 2) into picture millimetres (n, 2): the face looks left, y stays down.

    >>> pixels(np.array([[0.0, 0.0], [60.0, 10.0]])).tolist()
    [[132.0, 116.0], [72.0, 126.0]]
    """
    return np.asarray(points, np.float64) * (-1.0, 1.0) + ORIGIN


def opencv() -> Any:  # noqa: ANN401 - the package has no types
    """Import OpenCV; raises MissingExtraError when it is not installed."""
    try:
        import cv2
    except ImportError:
        raise MissingExtraError("drawing the phantom", "phantom") from None
    return cv2


@dataclass(frozen=True)
class Box:
    """A part of the picture, whole pixels: columns `left` … `right` and rows `top` … `bottom`, ends excluded."""

    left: int = 0
    top: int = 0
    right: int = SIZE
    bottom: int = SIZE

    def of(self, picture: NDArray[Any], fine: int = 1) -> NDArray[Any]:
        """Cut the part out of a picture with `fine` × `fine` pixels per pixel; a view."""
        return picture[fine * self.top : fine * self.bottom, fine * self.left : fine * self.right]


class Canvas:
    """A painting of a box; outlines are in the engine's millimetres, values are shares of white."""

    def __init__(self, painting: Painting, box: Box) -> None:
        self.painting = painting
        self.box = box
        self._cv2 = opencv()

    def fill(self, outline: Outline, value: float) -> None:
        """Fill a closed outline (n, 2)."""
        self._cv2.fillPoly(self.painting, [self._fine(outline)], round(value * WHITE), 8, _SHIFT)

    def stroke(self, outline: Outline, value: float, width: float) -> None:
        """Draw an open line (n, 2) of that width in mm."""
        thickness = max(1, round(width * FINE))
        self._cv2.polylines(self.painting, [self._fine(outline)], False, round(value * WHITE), thickness, 8, _SHIFT)

    def mask(self, outline: Outline) -> NDArray[np.float32]:
        """Tell how much of each of the box's pixels, float32 (height, width) 0 … 1, lies inside an outline."""
        inside = np.zeros_like(self.painting)
        self._cv2.fillPoly(inside, [self._fine(outline)], 255, 8, _SHIFT)
        return shrink(inside) / np.float32(255)

    def _fine(self, outline: Outline) -> NDArray[np.int32]:
        # OpenCV counts from the middle of the first fine pixel, pictures from its corner.
        where = (pixels(outline) - (self.box.left, self.box.top)) * FINE - 0.5
        return np.asarray(np.rint(where * 2**_SHIFT), np.int32)


def soften(painting: Painting) -> Painting:
    """Blur edges: a slice several millimetres thick shows none that are sharp."""
    return np.asarray(opencv().GaussianBlur(painting, (0, 0), _SOFT * FINE), np.uint8)


def shrink(painting: Painting) -> NDArray[np.float32]:
    """Average fine pixels into pixels, float32 (height, width), the values as they are."""
    height, width = painting.shape
    small = opencv().resize(
        painting.astype(np.float32), (width // FINE, height // FINE), interpolation=opencv().INTER_AREA
    )
    return np.asarray(small, np.float32)


def smooth(points: Outline, closed: bool = False) -> Outline:
    """Round the corners of a line: a quadratic B-spline whose open ends stay where they are.

    It stays within the hull of its corners, so it never overshoots.
    """
    corners = np.asarray(points, np.float64)
    if closed:
        corners = np.concatenate([corners[-1:], corners, corners[:1]])
    else:
        corners = np.concatenate([2 * corners[:1] - corners[1:2], corners, 2 * corners[-1:] - corners[-2:-1]])
    triples = np.stack([corners[:-2], corners[1:-1], corners[2:]])
    bent = np.einsum("kp,psc->skc", _bend(), triples).reshape(-1, 2)
    return np.asarray(bent if closed else bent[_SEGMENT // 2 : len(bent) - _SEGMENT // 2 + 1])


@lru_cache(maxsize=1)
def _bend() -> NDArray[np.float64]:
    t = np.arange(_SEGMENT) / _SEGMENT
    return np.stack([(1 - t) ** 2 / 2, 0.5 + t - t**2, t**2 / 2], axis=1)


def ellipse(centre: tuple[float, float], radii: tuple[float, float], degrees: float = 0.0, count: int = 32) -> Outline:
    """Outline an ellipse (count, 2), its first radius turned by that angle from x towards y."""
    around = np.linspace(0, 2 * math.pi, count, endpoint=False)
    turn = math.radians(degrees)
    x, y = radii[0] * np.cos(around), radii[1] * np.sin(around)
    return np.stack(
        [centre[0] + x * math.cos(turn) - y * math.sin(turn), centre[1] + x * math.sin(turn) + y * math.cos(turn)], 1
    )


def line(*points: tuple[float, float]) -> Outline:
    """Make an outline of points."""
    return np.array(points, np.float64)
