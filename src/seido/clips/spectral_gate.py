"""A gate in the spectrum: log-spectral amplitudes of speech estimated in steady noise (Ephraim & Malah 1985).

The noise's spectrum is measured where nobody speaks, found from the sound itself, and may change from stretch to
stretch. The prior signal-to-noise ratio is decision-directed (Ephraim & Malah 1984).
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from seido.values import Samples, Speech

Numbers = NDArray[np.float64]

WINDOW_SECONDS = 0.032
"""Square-root Hann windows, each overlapping the next by three quarters."""
SMOOTHING = 0.98
"""How much of the prior ratio comes from the window before (decision-directed)."""
FLOOR_DB = -30.0
"""Where nobody speaks, noise is lowered by this much and not to nothing: it stays a steady hiss."""
LOWEST_PRIOR_DB = -25.0
STRETCH_SECONDS = 10.0
"""Noise is measured anew every so often, on three times that length."""
QUIET_DB = 2.0
"""Windows within this of the quietest twentieth hold noise alone."""
FEWEST_SECONDS = 0.1
"""Less speech-free sound than this, and the noise is taken from the lower quantile of each frequency instead."""
_QUANTILE = 0.15
_QUIETEST = 0.05
_BANDS = 24
_DIGITAL_SILENCE = 1e-10
_OVERLAP = 4
_BLOCK = 512
_TINY = 1e-20


def spectral_gate(speech: Speech) -> Speech:
    """Lower steady noise under speech at any rate; memory does not grow with its length but for the result."""
    hop = max(2, round(WINDOW_SECONDS * speech.rate / _OVERLAP))
    cleaned = np.zeros(len(speech.samples), np.float32)
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(_OVERLAP * hop) + 0.5) / (_OVERLAP * hop)))
    count = -(-len(cleaned) // hop) + _OVERLAP - 1
    noise = _Noise(speech.samples, window, hop, speech.rate)
    before = np.zeros(_OVERLAP * hop // 2 + 1)
    tail = np.zeros(_OVERLAP * hop)
    for first in range(0, count, _BLOCK):
        last = min(count, first + _BLOCK)
        spectrum = np.fft.rfft(_frames(speech.samples, first, last, hop) * window, axis=1)
        gain, before = _gains(np.abs(spectrum) ** 2, noise.between(first, last), before)
        frames = np.fft.irfft(spectrum * gain, _OVERLAP * hop, axis=1) * (window * 2 / _OVERLAP)
        sound = np.zeros((last - first + _OVERLAP - 1) * hop)
        sound[: len(tail)] = tail[: len(sound)]
        for number, frame in enumerate(frames):
            sound[number * hop : (number + _OVERLAP) * hop] += frame
        _put(cleaned, (first - _OVERLAP + 1) * hop, sound[: (last - first) * hop])
        tail = sound[(last - first) * hop :]
    return Speech(cleaned, speech.rate, speech.name)


def _put(cleaned: Samples, begin: int, sound: Numbers) -> None:
    sound = sound[max(0, -begin) :]
    begin = max(0, begin)
    part = cleaned[begin : begin + len(sound)]
    part[:] = sound[: len(part)]


def _frames(samples: Samples, first: int, last: int, hop: int) -> Numbers:
    """Cut windows first … last, the first of which ends one hop into the sound; zeros outside it."""
    begin, end = (first - _OVERLAP + 1) * hop, last * hop
    part = samples[max(0, begin) : max(0, min(end, len(samples)))].astype(np.float64)
    part = np.pad(part, (max(0, -begin), end - max(begin, 0) - len(part)))
    return np.asarray(sliding_window_view(part, _OVERLAP * hop)[::hop])


def _gains(power: Numbers, noise: Numbers, before: Numbers) -> tuple[Numbers, Numbers]:
    """Find the gains of log-spectral amplitudes, (windows, bins); `before` is |speech|² of the window before."""
    lowest, floor = 10 ** (LOWEST_PRIOR_DB / 10), 10 ** (FLOOR_DB / 20)
    gains = np.empty_like(power)
    for number, (heard, under) in enumerate(zip(power, noise + _TINY, strict=True)):
        posterior = np.minimum(heard / under, 1e6)
        prior = SMOOTHING * before / under + (1 - SMOOTHING) * np.maximum(posterior - 1, 0)
        prior = np.maximum(prior, lowest)
        wiener = prior / (1 + prior)
        gain = np.minimum(wiener * np.exp(0.5 * exponential_integral(wiener * posterior)), 1)
        gains[number] = np.maximum(gain, floor)
        before = gain**2 * heard
    return gains, before


def exponential_integral(x: Numbers) -> Numbers:
    """Compute E₁(x) for x > 0, to 2e-7 below 1 and 5e-5 of itself above (Abramowitz & Stegun 5.1.53, 5.1.54)."""
    x = np.clip(x, 1e-10, 500)
    small = np.minimum(x, 1)
    series = np.polyval((0.00107857, -0.00976004, 0.05519968, -0.24991055, 0.99999193, -0.57721566), small)
    large = np.maximum(x, 1)
    ratio = (large**2 + 2.334733 * large + 0.250621) / (large**2 + 3.330657 * large + 1.681534)
    return np.asarray(np.where(x <= 1, series - np.log(small), ratio * np.exp(-large) / large), np.float64)


class _Noise:
    """The noise's power spectrum, measured in stretches and straight between their middles."""

    def __init__(self, samples: Samples, window: Numbers, hop: int, rate: int) -> None:
        self._samples, self._window, self._hop, self._rate = samples, window, hop, rate
        self._step = max(1, round(STRETCH_SECONDS * rate / hop))
        self._count = -(-len(samples) // hop) + _OVERLAP - 1
        self._stretches = max(1, round(self._count / self._step))
        self._known: dict[int, Numbers] = {}

    def between(self, first: int, last: int) -> Numbers:
        """Give the noise's power under windows first … last: (windows, bins)."""
        place = np.clip((np.arange(first, last) + 0.5) / self._step - 0.5, 0, self._stretches - 1)
        low = np.floor(place).astype(int)
        high = np.minimum(low + 1, self._stretches - 1)
        for old in [number for number in self._known if number < low[0]]:
            del self._known[old]
        share = (place - low)[:, None]
        below = np.stack([self._measured(number) for number in low])
        above = np.stack([self._measured(number) for number in high])
        return np.asarray(below * (1 - share) + above * share, np.float64)

    def _measured(self, stretch: int) -> Numbers:
        if stretch not in self._known:
            # Windows that reach outside the sound would look quieter than the noise is.
            inner = (_OVERLAP - 1, self._count - _OVERLAP + 1)
            first, last = (min(max((stretch + step) * self._step, inner[0]), inner[1]) for step in (-1, 2))
            if stretch == self._stretches - 1:
                last = inner[1]
            if last <= first:
                first, last = 0, self._count
            frames = _frames(self._samples, first, last, self._hop)
            power = np.empty((len(frames), len(self._window) // 2 + 1), np.float32)
            for begin in range(0, len(frames), _BLOCK):
                part = np.fft.rfft(frames[begin : begin + _BLOCK] * self._window, axis=1)
                power[begin : begin + _BLOCK] = np.abs(part) ** 2
            self._known[stretch] = noise_spectrum(power, FEWEST_SECONDS * self._rate / self._hop)
        return self._known[stretch]


def noise_spectrum(power: NDArray[np.float32], fewest: float) -> Numbers:
    """Find the power spectrum (bins,) of the noise in windows (windows, bins) of noise with speech now and then.

    The median over windows without speech; with fewer than `fewest` of them, a low quantile over all. Both are
    corrected for noise whose power is exponentially distributed (after Martin 2001). Digital silence at the ends does
    not count: it was put there. Elsewhere it tells that there is no noise.
    """
    sounding = np.flatnonzero(power.mean(axis=1) > _DIGITAL_SILENCE)
    if not len(sounding):
        return np.zeros(power.shape[1])
    power = power[sounding[0] : sounding[-1] + 1]
    quiet = speech_free(power)
    if quiet.sum() >= fewest:
        return np.asarray(np.median(power[quiet], axis=0) / np.log(2), np.float64)
    return np.asarray(np.quantile(power, _QUANTILE, axis=0) / -np.log(1 - _QUANTILE), np.float64)


def speech_free(power: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Find the windows without speech, bool (windows,), of power (windows, bins).

    Every band counts alike, whatever its level: the excess in dB, over its own quiet level, of the band that stands
    out most is compared with its lowest twentieth. A sound in any band is no noise.
    """
    edges = np.unique(np.geomspace(1, power.shape[1], _BANDS + 1).astype(int))
    bands = np.add.reduceat(power, edges[:-1], axis=1) + _TINY
    padded = np.pad(bands, ((2, 2), (0, 0)), mode="edge")
    decibels = 10 * np.log10(sliding_window_view(padded, 5, axis=0).mean(axis=-1))
    excess = (decibels - np.quantile(decibels, _QUIETEST, axis=0)).max(axis=1)
    return np.asarray(excess <= np.quantile(excess, _QUIETEST) + QUIET_DB)
