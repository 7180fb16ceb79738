"""Compare a series over time with the true one: correlation, lag and differences."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError, NotFiniteError

Array = NDArray[np.float64]
FARTHEST_LAG = 0.3
"""Seconds to which lags are sought."""


class Agreement(NamedTuple):
    """How near a series is to the true one, in the series' own unit; None is undefined."""

    median_difference: float
    """Median over time of |generated − true|."""
    rmse: float
    correlation: float | None
    """Pearson's; 0 when the generated series is constant, None when the true one is."""
    lag_ms: float | None
    """How much later the generated series is; None when one of them is constant or no shift correlates."""


def agreement(true: Array, generated: Array, rate: Fraction | float) -> Agreement:
    """Compare two series of one length, `rate` values a second.

    The lag is the shift, within ± 0.3 s and a third of the length, at which the part that both have correlates
    best, made finer than a frame by a parabola. Raises BadInputError when the lengths differ, NotFiniteError for NaN.

    >>> agreement(np.array([0.0, 1.0, 0.0, -1.0]), np.array([1.0, 2.0, 1.0, 0.0]), 25)
    Agreement(median_difference=1.0, rmse=1.0, correlation=1.0, lag_ms=0.0)
    """
    if true.shape != generated.shape or true.ndim != 1 or not len(true):
        raise BadInputError(f"series to compare need one length of at least 1, got {true.shape} and {generated.shape}")
    if not (np.isfinite(true).all() and np.isfinite(generated).all()):
        raise NotFiniteError("a series to compare holds NaN or infinite values; look at the movies it comes from")
    difference = generated - true
    return Agreement(
        float(np.median(np.abs(difference))),
        float(np.sqrt(np.mean(np.square(difference)))),
        correlation(true, generated),
        _lag(true, generated, float(rate)),
    )


def correlation(true: Array, generated: Array) -> float | None:
    """Correlate two series (Pearson); 0 when the generated one is constant, None when the true one is.

    >>> correlation(np.array([0.0, 1.0, 2.0]), np.array([5.0, 3.0, 1.0]))
    -1.0
    """
    x, y = true - true.mean(), generated - generated.mean()
    if np.ptp(true) == 0:
        return None
    if np.ptp(generated) == 0:
        return 0.0
    value = float((x @ y) / np.sqrt((x @ x) * (y @ y)))
    return max(-1.0, min(1.0, value))


def _lag(true: Array, generated: Array, rate: float) -> float | None:
    farthest = min(round(FARTHEST_LAG * rate), len(true) // 3)
    shifts = range(-farthest, farthest + 1)
    curve = np.array([_shifted(true, generated, shift) for shift in shifts])
    if not np.any(curve > 0):
        return None
    # Of equals, the one nearest to 0.
    best = min(range(len(curve)), key=lambda at: (-round(float(curve[at]), 12), abs(at - farthest)))
    aside = 0.0
    if 0 < best < len(curve) - 1:
        left, here, right = curve[best - 1 : best + 2].tolist()
        bend = left - 2 * here + right
        aside = max(-0.5, min(0.5, 0.5 * (left - right) / bend)) if bend < 0 else 0.0
    return float((best - farthest + aside) * 1000 / rate)


def _shifted(true: Array, generated: Array, shift: int) -> float:
    x = true[max(0, -shift) : len(true) - max(0, shift)]
    y = generated[max(0, shift) : len(true) + min(0, shift)]
    return correlation(x, y) or 0.0
