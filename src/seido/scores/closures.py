"""When lips, tongue tip and velum close and open, and how well a generated movie keeps those times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError, NotFiniteError

THRESHOLDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"LA": (0.1, 0.3), "TTCD": (0.2, 0.8), "VEL": (0.6, 1.2)}
)
"""Millimetres of the measured aperture: closed when it falls below the first, open again above the second."""
WINDOW = 0.15
"""Seconds that matched closures may be apart."""


@dataclass(frozen=True)
class Closure:
    """A stretch of closure, seconds; None where it began before the movie did, or lasts beyond it."""

    closes: float | None
    opens: float | None

    def __post_init__(self) -> None:
        if self.closes is not None and self.opens is not None and not self.closes < self.opens:
            raise BadInputError(f"a closure cannot last from {self.closes} s to {self.opens} s")


@dataclass(frozen=True)
class ClosureTiming:
    """Closures of a generated movie beside the true ones."""

    matched: tuple[tuple[Closure, Closure], ...]
    """Pairs, true first."""
    missed: tuple[Closure, ...]
    """True closures that the generated movie lacks."""
    false: tuple[Closure, ...]
    """Closures that only the generated movie has."""

    @property
    def errors_ms(self) -> tuple[float, ...]:
        """Generated − true, ms, of each closing and opening that both movies show."""
        times = [
            (true, other)
            for one, two in self.matched
            for true, other in ((one.closes, two.closes), (one.opens, two.opens))
        ]
        return tuple(1000 * (other - true) for true, other in times if true is not None and other is not None)

    @property
    def median_error_ms(self) -> float | None:
        """The median |error|, ms; None when nothing matched."""
        return median(abs(one) for one in self.errors_ms) if self.errors_ms else None


def closures(
    aperture: NDArray[np.float64], rate: Fraction | float, close_below: float, open_above: float
) -> tuple[Closure, ...]:
    """Find the closures in an aperture over time, with hysteresis.

    Parameters
    ----------
    aperture
        float64 (T,); value k stands for the time (k + ½) / rate.
    rate
        Values a second.
    close_below, open_above
        A closure begins where the aperture falls below the one and ends where it rises above the other. Both times
        are where the straight line between two frames crosses the threshold.

    Raises BadInputError when the thresholds are the wrong way round, NotFiniteError for NaN.

    >>> closures(np.array([4.0, 0.0, 0.0, 4.0]), 10, 1.0, 2.0)
    (Closure(closes=0.125, opens=0.3),)
    """
    if not 0 <= close_below <= open_above < math.inf:
        raise BadInputError(f"closures need thresholds 0 ≤ close ≤ open, got {close_below} and {open_above}")
    if not np.isfinite(aperture).all():
        raise NotFiniteError("an aperture holds NaN or infinite values; look at the movie it comes from")
    found: list[Closure] = []
    shut, since = False, None
    for frame, value in enumerate(aperture.tolist()):
        before = float(aperture[frame - 1])
        if not shut and value < close_below:
            shut, since = True, _crossing(frame, before, value, close_below, rate) if frame else None
        elif shut and value > open_above:
            shut = False
            found.append(Closure(since, _crossing(frame, before, value, open_above, rate)))
    if shut:
        found.append(Closure(since, None))
    return tuple(found)


def closure_timing(true: Sequence[Closure], generated: Sequence[Closure], *, window: float = WINDOW) -> ClosureTiming:
    """Match closures in time: those that lie nearest first, each once, none farther apart than `window` seconds.

    Their distance is the mean of what the two closings and the two openings are apart, as far as both are known.

    >>> timing = closure_timing([Closure(1.0, 1.1), Closure(2.0, 2.1)], [Closure(1.02, 1.14)])
    >>> timing.missed, [round(one) for one in timing.errors_ms]
    ((Closure(closes=2.0, opens=2.1),), [20, 40])
    """
    pairs = sorted(
        (distance, i, j)
        for i, one in enumerate(true)
        for j, other in enumerate(generated)
        if (distance := _distance(one, other)) <= window
    )
    taken: dict[int, int] = {}
    for _, i, j in pairs:
        if i not in taken and j not in taken.values():
            taken[i] = j
    return ClosureTiming(
        tuple((true[i], generated[taken[i]]) for i in sorted(taken)),
        tuple(one for i, one in enumerate(true) if i not in taken),
        tuple(one for j, one in enumerate(generated) if j not in taken.values()),
    )


def _crossing(frame: int, before: float, value: float, threshold: float, rate: Fraction | float) -> float:
    share = min(1.0, max(0.0, (threshold - before) / (value - before))) if value != before else 0.0
    return float((frame - 0.5 + share) / float(rate))


def _distance(one: Closure, other: Closure) -> float:
    both = ((one.closes, other.closes), (one.opens, other.opens))
    known = [abs(first - second) for first, second in both if first is not None and second is not None]
    if known:
        return sum(known) / len(known)
    # One reaches over the beginning and the other over the end: they are the same closure if they overlap.
    begin = max(one.closes or 0.0, other.closes or 0.0)
    end = min(math.inf if one.opens is None else one.opens, math.inf if other.opens is None else other.opens)
    return 0.0 if begin < end else math.inf
