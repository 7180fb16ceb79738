"""What works at 16 kHz put to work on sound at any rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import soxr
from numpy.typing import NDArray

from seido.timebase import SAMPLE_RATE
from seido.values import Samples, Speech

Remove = Callable[[Samples], Samples]
"""Lowers noise in sound at 16 kHz; as many samples."""

GUIDE_HERTZ = (6000.0, 7200.0)
"""What lies above is made softer as much as this band: the highest that resampling leaves whole."""
_FRAME = 640
_HOP = 320
_BLOCK = 512
_TINY = 1e-12


def through_16k(speech: Speech, remove: Remove) -> Speech:
    """Lower noise with what works at 16 kHz; same rate and length.

    At higher rates, what 16 kHz cannot hold (above 7.3 … 8 kHz) is made softer, 50 times a second, as the band just
    below was: by no less than nothing, and never louder. Lower rates are resampled there and back.
    """
    rate, samples = speech.rate, speech.samples
    if rate == SAMPLE_RATE:
        return Speech(_of_length(remove(samples), len(samples)), rate, speech.name)
    low = np.asarray(soxr.resample(samples, rate, SAMPLE_RATE), np.float32)
    if not len(low):
        return speech
    cleaned = remove(low)
    result = _back(cleaned, rate, len(samples))
    if rate > SAMPLE_RATE:
        high = samples - _back(low, rate, len(samples))
        gain = np.sqrt(np.minimum(1, (_guide(cleaned) + _TINY) / (_guide(low) + _TINY)))
        middles = np.arange(len(gain)) * (_HOP * rate / SAMPLE_RATE)
        for first in range(0, len(samples), rate):
            part = slice(first, min(len(samples), first + rate))
            result[part] += high[part] * np.interp(np.arange(part.start, part.stop), middles, gain).astype(np.float32)
    return Speech(result, rate, speech.name)


def _guide(samples: Samples) -> NDArray[np.float64]:
    """Measure the power of the guide band in frames centred on 0, 320, 640 … samples."""
    padded = np.pad(samples, (_HOP, _HOP + -len(samples) % _HOP))
    count = len(padded) // _HOP - 1
    window = np.hanning(_FRAME).astype(np.float32)
    low, high = (round(hertz * _FRAME / SAMPLE_RATE) for hertz in GUIDE_HERTZ)
    return np.concatenate(list(_powers(padded, count, window, slice(low, high))))


def _powers(padded: Samples, count: int, window: NDArray[np.float32], band: slice) -> Iterator[NDArray[np.float64]]:
    for first in range(0, count, _BLOCK):
        at = np.arange(first, min(count, first + _BLOCK))[:, None] * _HOP + np.arange(_FRAME)
        yield np.asarray((np.abs(np.fft.rfft(padded[at] * window, axis=1)[:, band]) ** 2).sum(1), np.float64)


def _back(low: Samples, rate: int, length: int) -> Samples:
    return _of_length(np.asarray(soxr.resample(low, SAMPLE_RATE, rate), np.float32), length)


def _of_length(samples: Samples, length: int) -> Samples:
    cut = samples[:length]
    return cut if len(cut) == length else np.pad(cut, (0, length - len(cut)))
