"""When the prediction moves: the correlation of movement with the prediction shifted in time, and the best shift."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.scores.frames import Frames, Grey, check_pair, grey
from seido.scores.motion import Moments, moments

REACH = 10
"""Frames that the prediction is shifted by, at most, either way."""
LEAST = 0.2
"""Below this correlation a peak is chance: clips of one speaker who says different things peak at .11 in the middle."""
_BLOCK = 64
_VALUES = 2**18
"""Pixels × frames held at a time: they stay in the processor's cache."""


@dataclass(frozen=True)
class LagCurve:
    """Correlation of movement at shifts of −reach … +reach frames; `correlation[reach]` is that of unshifted movies."""

    correlation: tuple[float, ...]

    @property
    def reach(self) -> int:
        """The greatest shift, in frames."""
        return len(self.correlation) // 2

    @property
    def shifts(self) -> range:
        """The shifts in frames, positive where the prediction is taken later."""
        return range(-self.reach, self.reach + 1)

    @property
    def frames(self) -> float | None:
        """By how many frames the prediction is late (negative: early); None when no shift correlates.

        The highest point of the curve, refined by the parabola through it and its neighbours. At either end of the
        curve it is not refined: the true lag may lie beyond. None where the highest point is under LEAST, 0.2.
        """
        values = self.correlation
        # Of equal peaks the one nearest to no lag.
        at = max(range(len(values)), key=lambda index: (values[index], -abs(index - self.reach)))
        if values[at] < LEAST:
            return None
        if not 0 < at < len(values) - 1:
            return float(at - self.reach)
        before, peak, after = values[at - 1 : at + 2]
        bend = before - 2 * peak + after
        return at - self.reach + (0.5 * (before - after) / bend if bend < 0 else 0.0)

    def milliseconds(self, rate: Fraction) -> float | None:
        """Give the lag in ms at that many frames per second."""
        return None if self.frames is None else self.frames * 1000 / float(rate)


def lag_curve(true: Frames, predicted: Frames, *, reach: int = REACH, sums: Moments | None = None) -> LagCurve | None:
    """Correlate the true movement with the predicted one k frames later, for k from −reach to +reach.

    r(k) = Σt Σp w x'(t) y'(t + k) / √(Σt Σp w x'(t)² · Σt Σp w y'(t + k)²) over the frames t that both have, with x',
    y' and w as in `seido.scores.motion.motion`, so r(0) is the motion correlation. The peak lies at k > 0 when the
    prediction is late.

    Parameters
    ----------
    true, predicted
        Movies of one shape.
    reach
        At most half as many frames as there are.
    sums
        What `moments` found in these two movies, if it is known already.

    Returns None when either movie stands still. Raises BadInputError for movies that do not fit, or no reach.

    >>> t = np.sin(np.arange(40.0) / 3)[:, None, None] / 2 + 0.5
    >>> late = lag_curve(t[2:], t[:-2])
    >>> round(late.frames, 1), round(late.milliseconds(Fraction(25)))
    (2.0, 81)
    """
    check_pair(true, predicted)
    if reach < 1:
        raise BadInputError(f"a lag curve needs a reach of at least 1 frame, got {reach}")
    sums = sums or moments(true, predicted)
    varies_x, varies_y = sums.variances()
    if not (varies_x.any() and (varies_x * varies_y).any()):
        return None
    reach = max(1, min(reach, len(true) // 2))
    together, power_x, power_y = _products(true, predicted, sums, np.sqrt(varies_x), reach)
    cumulative_x, cumulative_y = (np.concatenate([[0.0], power.cumsum()]) for power in (power_x, power_y))
    values = []
    for shift, shared in zip(range(-reach, reach + 1), together, strict=True):
        first, last = max(0, -shift), len(true) - max(0, shift)
        energy = (cumulative_x[last] - cumulative_x[first]) * (cumulative_y[last + shift] - cumulative_y[first + shift])
        values.append(float(max(-1.0, min(1.0, shared / np.sqrt(energy)))) if energy > 0 else 0.0)
    return LagCurve(tuple(values))


def lag_ms(true: Frames, predicted: Frames, rate: Fraction) -> float | None:
    """Tell by how many ms the predicted movement is late (negative: early); see `lag_curve`.

    None when either movie stands still, or no shift correlates at least 0.2.

    >>> t = np.sin(np.arange(40.0) / 3)[:, None, None] / 2 + 0.5
    >>> round(lag_ms(t[:-1], t[1:], Fraction(50)))
    -20
    """
    curve = lag_curve(true, predicted)
    return None if curve is None else curve.milliseconds(rate)


def _products(true: Frames, predicted: Frames, sums: Moments, root: Grey, reach: int) -> tuple[Grey, Grey, Grey]:
    """Sum the weighted products at each shift (2 · reach + 1,), and the weighted energy of each frame (T,), twice."""
    count, height, width = true.shape[:3]
    together, power_x, power_y = np.zeros(2 * reach + 1), np.zeros(count), np.zeros(count)
    mean_x, mean_y = (
        (first + total / count) / sums.white for first, total in ((sums.first_x, sums.x), (sums.first_y, sums.y))
    )
    rows = max(1, _VALUES // (2 * (_BLOCK + reach) * width))
    for top in range(0, height, rows):
        part = slice(top, top + rows)
        for first in range(0, count, _BLOCK):
            last = min(first + _BLOCK, count)
            begin, end = max(0, first - reach), min(count, last + reach)
            x = _moving(true[first:last, part], mean_x[part], root[part])
            y = _moving(predicted[begin:end, part], mean_y[part], root[part])
            power_x[first:last] += np.einsum("tp,tp->t", x, x)
            inner = y[first - begin : last - begin]
            power_y[first:last] += np.einsum("tp,tp->t", inner, inner)
            for at, shift in enumerate(range(-reach, reach + 1)):
                low, high = max(first, begin - shift), min(last, end - shift)
                if low < high:
                    shifted = y[low + shift - begin : high + shift - begin]
                    together[at] += np.einsum("tp,tp->t", x[low - first : high - first], shifted).sum(dtype=np.float64)
    return together, power_x, power_y


def _moving(frames: Frames, mean: Grey, root: Grey) -> NDArray[np.float32]:
    """Weigh the deviations from the mean frame by the root of the weight: (T, pixels)."""
    if frames.dtype == np.uint8 and frames.ndim == 3:
        values = frames * np.float32(1 / 255)
    else:
        values = grey(frames).astype(np.float32)
    values -= mean.astype(np.float32)
    values *= root.astype(np.float32)
    return values.reshape(len(frames), -1)
