"""Where speech pauses: how loud it is moment by moment, what may not be cut, and how far it stands above the noise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seido.timebase import SAMPLE_RATE
from seido.values import Samples

STEP = SAMPLE_RATE // 100
"""Samples per measurement of loudness: 10 ms."""
_AROUND = 5
"""Steps on either side that a cut should be quiet in."""
_STRAY = Fraction(2, 5)
"""How much longer or shorter than asked a clip may be for the sake of a pause."""
_STRAY_DB = 12.0
"""Decibels that a pause must be quieter by to be worth the longest way."""
_SILENCE = 1e-10
_RATE = Fraction(SAMPLE_RATE, STEP)


class Loudness:
    """Measures speech that comes block by block: mean power of every 10 ms."""

    def __init__(self) -> None:
        self._rest: Samples = np.zeros(0, np.float32)
        self._powers: list[NDArray[np.float64]] = []
        self.samples = 0
        self.peak = 0.0

    def hear(self, block: Samples) -> None:
        """Take the next samples, 16 kHz."""
        self.samples += len(block)
        self.peak = max(self.peak, float(np.abs(block).max(initial=0)))
        samples = np.concatenate([self._rest, block])
        whole = len(samples) // STEP * STEP
        self._powers.append(np.square(samples[:whole].reshape(-1, STEP), dtype=np.float64).mean(axis=1))
        self._rest = samples[whole:]

    def powers(self) -> NDArray[np.float64]:
        """Give the power of every whole 10 ms: float64 (steps,)."""
        return np.concatenate([*self._powers, np.zeros(0)])


def speech_to_noise(powers: NDArray[np.float64]) -> float:
    """Estimate how far speech stands above the noise, in dB from −20 to 100.

    The noise is what a tenth of the recording stays under, so there must be pauses; speech is what is above it on
    average. A recording of noise alone comes out below 0 dB.
    """
    if not len(powers):
        return 0.0
    smooth = np.convolve(powers, np.ones(5) / 5, "valid") if len(powers) >= 5 else powers
    noise = float(np.percentile(smooth, 10)) + _SILENCE
    speech = max(float(powers.mean()) - noise, _SILENCE)
    return round(min(100.0, max(-20.0, 10 * math.log10(speech / noise))), 1)


@dataclass(frozen=True)
class Cutter:
    """Cuts recordings into clips near `seconds`, at frames of `rate`."""

    rate: Fraction
    seconds: Fraction

    def cuts(self, frames: int, powers: NDArray[np.float64], phones: Iterable[tuple[float, float]]) -> list[int]:
        """Choose where clips begin, and where the last one ends, so that they cover all frames once.

        What is left is thought divided into equal parts; a cut may stray from that by two fifths of a part, to where
        the 100 ms around it are quietest, 12 dB for the whole way. It never falls inside a phone: rather, the clip
        becomes longer.

        Parameters
        ----------
        frames
            How many frames the recording has.
        powers
            Power of every 10 ms, as Loudness gives it.
        phones
            (start, end) in seconds of what must not be cut.

        """
        allowed = self._allowed(frames, sorted(phones))
        levels = self._levels(frames, powers)
        edges = [0]
        while (left := frames - edges[-1]) * 2 >= 3 * self.seconds * self.rate:
            part = left / max(2, round(left / (self.seconds * self.rate)))
            stray = max(1.0, float(part * _STRAY))
            target = edges[-1] + part
            near = np.arange(max(edges[-1] + 1, math.ceil(target - stray)), min(frames, math.floor(target + stray) + 1))
            near = near[allowed[near]]
            if len(near):
                costs = levels[near] + _STRAY_DB * np.abs(near - float(target)) / stray
                edges.append(int(near[np.argmin(costs)]))
                continue
            after = np.flatnonzero(allowed[math.floor(target) : frames])
            if not len(after):
                break
            edges.append(math.floor(target) + int(after[0]))
        return [*edges, frames]

    def _levels(self, frames: int, powers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Measure how loud it is around every frame's beginning, in dB."""
        if not len(powers):
            return np.zeros(frames)
        sums = np.concatenate([[0.0], np.cumsum(powers)])
        middles = np.rint(np.arange(frames) * float(_RATE / self.rate)).astype(np.int64)
        first, last = np.clip(middles - _AROUND, 0, len(powers) - 1), np.clip(middles + _AROUND, 1, len(powers))
        power = np.maximum(sums[last] - sums[first], 0) / np.maximum(last - first, 1)
        return np.asarray(10 * np.log10(power + _SILENCE))

    def _allowed(self, frames: int, phones: Sequence[tuple[float, float]]) -> NDArray[np.bool_]:
        """Tell which frames do not begin inside a phone."""
        allowed = np.ones(frames, np.bool_)
        for start, end in phones:
            first = math.floor(Fraction(start) * self.rate) + 1
            last = math.ceil(Fraction(end) * self.rate)
            allowed[max(0, first) : max(0, last)] = False
        return allowed


def spans(edges: Sequence[int]) -> list[tuple[int, int]]:
    """Turn edges into (first frame, number of frames).

    >>> spans([0, 5, 12])
    [(0, 5), (5, 7)]
    """
    return [(first, last - first) for first, last in pairwise(edges)]
