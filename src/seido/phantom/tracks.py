"""From targets to movement: piecewise constant targets approached as by a critically damped system."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError

ORDER = 5
"""Order of the critically damped system (target approximation: Xu and Wang, 2001; Birkholz et al., 2011)."""
TRACT_TAU = 0.012
"""Seconds of the tract's time constant."""
GLOTTIS_TAU = 0.006
"""Seconds of the glottis' time constant."""
LAG = ORDER * TRACT_TAU
"""Seconds by which the tract's movement trails its targets: the mean delay of the system."""

Track = NDArray[np.float64]
"""One row per state."""


@dataclass(frozen=True)
class Mark:
    """When one phone is heard and seen, in seconds: its symbol, beginning and end, and its word's index."""

    symbol: str
    start: float
    end: float
    word: int


@dataclass(frozen=True)
class Tracks:
    """An articulation: `tract` (n, 19) and `glottis` (n, 11), `rate` states per second, and phone `marks`."""

    tract: Track
    glottis: Track
    rate: int
    marks: tuple[Mark, ...]

    def __post_init__(self) -> None:
        if not (self.tract.ndim == self.glottis.ndim == 2 and len(self.tract) == len(self.glottis) > 0):
            raise BadInputError(
                f"tract and glottis should be (n, 19) and (n, 11), got {self.tract.shape} and {self.glottis.shape}"
            )
        if self.rate < 1:
            raise BadInputError(f"{self.rate} states per second are impossible; use 50 or 100")

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.tract) / self.rate

    def states_at(self, times: Sequence[float] | Track) -> Track:
        """Interpolate the tract's states (len(times), 19) at times in seconds; held at both ends."""
        at = (np.arange(len(self.tract)) + 0.5) / self.rate
        return np.stack([np.interp(times, at, column) for column in self.tract.T], axis=1)


def step_response(times: Track) -> Track:
    """Give how much of a step is done after `times` time constants: 1 − e^−t Σ tᵏ/k!, k below `ORDER`.

    >>> step_response(np.array([-1.0, 0.0, 50.0])).round(6).tolist()
    [0.0, 0.0, 1.0]
    """
    finite = np.clip(times, 0.0, 60.0)
    total = np.zeros_like(finite)
    for power in range(ORDER):
        total += finite**power / math.factorial(power)
    done: Track = 1.0 - np.exp(-finite) * total
    return done


def approach(targets: Track, ends: Track, tau: float, rate: int, count: int) -> Track:
    """Follow targets (m, k), each held until its end in seconds, as `ORDER` lags of `tau` seconds do.

    Returns (count, k), sampled at the middles of states, `rate` per second. It starts at rest on the first
    target; the last is held. Exact: every change of target adds its step response (Birkholz et al., 2011,
    eq. 3), so nothing overshoots and a target that is held long is reached.
    """
    middles = (np.arange(count) + 0.5) / rate
    done = step_response((middles[:, None] - ends[None, :-1]) / tau)
    out: Track = targets[0] + done @ np.diff(targets, axis=0)
    return out
