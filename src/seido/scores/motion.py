"""What moves, and whether the prediction moves with it: measures on deviations from a movie's own mean frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.scores.frames import Frames, Grey, check_pair, grey

_BLOCK = 32
_CACHED = 2**16
"""Pixels read at a time: what is made of them stays in the processor's cache."""


class Motion(NamedTuple):
    """How well the movement of a movie was predicted; None where the true movie does not move."""

    correlation: float | None
    amplitude: float | None


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over time at each pixel, (H, W) each, from which errors and movement follow; read in one pass.

    x and y are counted from each movie's first frame and, when both are 8-bit grey, in whole levels: the sums are
    then exact, so a movie that stands still has a variance of exactly 0.
    """

    frames: int
    white: float
    """The value of white: 255 where levels are counted, else 1."""
    first_x: Grey
    first_y: Grey
    x: Grey
    y: Grey
    xx: Grey
    yy: Grey
    xy: Grey

    def variances(self) -> tuple[Grey, Grey]:
        """Give the variance over time at each pixel of the true and of the predicted movie, white being 1."""
        scale = (self.frames * self.white) ** 2
        return (
            np.maximum(self.frames * self.xx - self.x**2, 0) / scale,
            np.maximum(self.frames * self.yy - self.y**2, 0) / scale,
        )

    def error(self) -> float:
        """Average the squared difference of the two movies."""
        apart = self.first_x - self.first_y
        total = self.xx + self.yy - 2 * self.xy + 2 * apart * (self.x - self.y) + self.frames * apart**2
        return self._mean(total)

    def error_of(self, still: Frames) -> float:
        """Average the squared difference between the true movie and a picture (H, W) or (H, W, 3) held over it."""
        if still.shape[:2] != self.first_x.shape:
            raise BadInputError(
                f"expected a still picture of height and width {self.first_x.shape}, got {still.shape[:2]}"
            )
        apart = self.first_x - _levels(still[None], self.white)[0]
        return self._mean(self.xx + 2 * apart * self.x + self.frames * apart**2)

    def skill(self, still: Frames) -> float | None:
        """Compute 1 − error / error of the picture held; None when that is 0."""
        held = self.error_of(still)
        return 1 - self.error() / held if held > 0 else None

    def normalised_error(self) -> float | None:
        """Divide the error by the variance of the true movie over pixels and frames; None when that is 0."""
        # About the first pixel of the first frame: a constant movie has a variance of exactly 0.
        apart = self.first_x - self.first_x.flat[0]
        first = float((self.x + self.frames * apart).sum()) / (self.frames * apart.size * self.white)
        variance = self._mean(self.xx + 2 * apart * self.x + self.frames * apart**2) - first**2
        return self.error() / variance if variance > 0 else None

    def motion(self, *, weighted: bool = True) -> Motion:
        """Compare the movements; see `motion`."""
        varies_x, varies_y = self.variances()
        weight = varies_x if weighted else np.ones_like(varies_x)
        power_x, power_y = float((weight * varies_x).sum()), float((weight * varies_y).sum())
        if power_x == 0:
            return Motion(None, None)
        if power_y == 0:
            return Motion(0.0, 0.0)
        shared = (self.frames * self.xy - self.x * self.y) / (self.frames * self.white) ** 2
        correlation = float((weight * shared).sum()) / (math.sqrt(power_x) * math.sqrt(power_y))
        return Motion(max(-1.0, min(1.0, correlation)), math.sqrt(power_y / power_x))

    def _mean(self, total: Grey) -> float:
        # Sums of differences may fall a rounding under 0.
        return max(0.0, float(total.sum()) / (self.frames * total.size * self.white**2))


def moments(true: Frames, predicted: Frames) -> Moments:
    """Sum two movies of one shape up over time, a few frames of a few rows at a time; raises BadInputError."""
    check_pair(true, predicted)
    count, height, width = true.shape[:3]
    levels = all(frames.dtype == np.uint8 and frames.ndim == 3 for frames in (true, predicted))
    white = 255.0 if levels else 1.0
    first_x, first_y = (_levels(frames[:1], white)[0] for frames in (true, predicted))
    sums = np.zeros((5, height, width))
    rows = max(1, _CACHED // (_BLOCK * width))
    for top in range(0, height, rows):
        part = slice(top, top + rows)
        for first in range(0, count, _BLOCK):
            x, y = (
                _levels(frames[first : first + _BLOCK, part], white) - origin[part]
                for frames, origin in ((true, first_x), (predicted, first_y))
            )
            for total, (a, b) in zip(sums[2:], ((x, x), (y, y), (x, y)), strict=True):
                total[part] += np.einsum("thw,thw->hw", a, b)
            sums[0, part] += x.sum(axis=0)
            sums[1, part] += y.sum(axis=0)
    return Moments(count, white, first_x.astype(np.float64), first_y.astype(np.float64), *sums)


def motion(true: Frames, predicted: Frames, *, weighted: bool = True) -> Motion:
    """Compare what moves: correlation and amplitude ratio of the deviations from each movie's own mean frame.

    With x' = x − mean over time of x at each pixel, y' likewise, and the weight w(p) = mean over time of x'²:

    correlation = Σp w Σt x' y' / √(Σp w Σt x'² · Σp w Σt y'²), −1 … 1, and 0 when the prediction does not move;
    amplitude = √(Σp w Σt y'² / Σp w Σt x'²): 1 when it moves as much, 0 when it stands still.

    The weight makes the pixels count where the true movie moves; `weighted=False` sets it to 1 everywhere.

    >>> t = np.arange(4.0)[:, None, None] / 4
    >>> movie = np.concatenate([t, 0 * t], axis=2)
    >>> motion(movie, movie / 2), motion(movie, 0 * movie)
    (Motion(correlation=1.0, amplitude=0.5), Motion(correlation=0.0, amplitude=0.0))
    """
    return moments(true, predicted).motion(weighted=weighted)


def motion_correlation(true: Frames, predicted: Frames) -> float | None:
    """Correlate the movements, weighted by where the true movie moves; see `motion`.

    >>> t = np.arange(4.0)[:, None, None] / 4
    >>> motion_correlation(t, 1 - t)
    -1.0
    """
    return motion(true, predicted).correlation


def motion_amplitude(true: Frames, predicted: Frames) -> float | None:
    """Divide the predicted movement's standard deviation by the true one's, on the same pixels; see `motion`.

    >>> t = np.arange(4.0)[:, None, None] / 4
    >>> motion_amplitude(t, 1 - t / 2)
    0.5
    """
    return motion(true, predicted).amplitude


def _levels(frames: Frames, white: float) -> NDArray[np.floating[Any]]:
    """Read whole levels (in single precision, which counts them exactly) where white is 255, else luma 0 … 1."""
    if white == 1:
        return grey(frames)
    if frames.dtype == np.uint8 and frames.ndim == 3:
        return frames.astype(np.float32)
    return grey(frames) * white
