"""The sound of the gradients as the microphone in the bore hears it, and its mixing with clean speech."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.values import Samples

NOMINAL_REPETITION = Fraction(55, 10_000)
"""Seconds that a repetition of a fast spoiled gradient echo lasts, about."""
LEVEL = 0.11
"""Root mean square of the noise: that of the recording the spectrum was fitted to, full scale being 1."""
CUTOFF = 9_000.0
"""Hz above which the microphone hears nothing."""
SPECTRUM: tuple[tuple[float, float, float], ...] = (
    (100, -66.2, -67.3),
    (126, -63.5, -67.7),
    (158, -46.1, -66.7),
    (200, -53.7, -58.9),
    (251, -54.0, -57.8),
    (316, -39.6, -66.0),
    (398, -50.1, -56.0),
    (501, -43.3, -54.3),
    (631, -35.5, -44.7),
    (794, -25.8, -53.5),
    (1000, -10.1, -52.0),
    (1259, -5.8, -46.6),
    (1585, -4.2, -43.9),
    (1995, -10.4, -43.9),
    (2512, -12.3, -44.2),
    (3162, -10.7, -37.2),
    (3981, -16.5, -40.9),
    (5012, -27.9, -45.7),
    (6310, -31.7, -49.7),
    (7943, -30.3, -46.4),
)
"""Third octaves: centre in Hz, level and level of the broadband part in dB of the whole sound's power.

Measured once on 2.3 s of scanner noise without speech, 20 kHz, at the head of a recording that the USC SPAN group
made public with its denoising program (Vaz et al. 2018): one Hann window over all of it. TR was 6.004 ms. The fit took
lines at multiples of 12.81 Hz, 13 to 1/TR, and counted what is within 1.8 Hz of one as comb; seen closer, its lines lie
at (k + 0.618 m)/TR, as with spirals turned by the golden angle, so a part of them was counted as broadband;
the broadband part is the median of the rest (÷ ln 2, the median of a χ² of two degrees of freedom).
"""
_LOUDER_LINES = 3.0
"""Standard deviation in dB from one line of the comb to the next."""
_DRIFT_PERIOD = 4.0
"""Seconds of the fastest drift of the amplitude."""


@dataclass(frozen=True)
class Sequence:
    """What the gradients play: a comb of lines at multiples of 1/repetition_time, modulated from frame to frame."""

    frame_rate: Fraction
    """Frames per second; a frame is a whole number of repetitions."""
    repetition_time: Fraction
    """Seconds from one excitation to the next."""
    modulation: float = 0.3
    """How deep the comb is modulated at the frame rate, 0 … 1: the readout changes from spoke to spoke."""
    drift: float = 0.04
    """How far the amplitude wanders slowly, 0 … 1; the recording's wandered by .04."""
    spectrum: tuple[tuple[float, float, float], ...] = SPECTRUM
    """Third octaves as in SPECTRUM, centres increasing."""

    def __post_init__(self) -> None:
        if self.repetition_time <= 0 or (1 / (self.repetition_time * self.frame_rate)).denominator != 1:
            raise BadInputError(
                f"a repetition of {float(self.repetition_time) * 1000:.3f} ms does not fill a frame at "
                f"{float(self.frame_rate):g} frames/s a whole number of times; take repetition_time(frame_rate)"
            )
        if not (0 <= self.modulation <= 1 and 0 <= self.drift < 1):
            raise BadInputError(f"modulation {self.modulation} and drift {self.drift} should lie in 0 … 1")
        centres = [band[0] for band in self.spectrum]
        if not centres or centres[0] <= 0 or sorted(set(centres)) != centres:
            raise BadInputError("a noise spectrum needs third octaves with increasing centres above 0 Hz")

    @classmethod
    def at(cls, frame_rate: Fraction) -> Sequence:
        """Make the default sequence for a frame rate."""
        return cls(frame_rate, repetition_time(frame_rate))


def repetition_time(frame_rate: Fraction) -> Fraction:
    """Find the repetition time nearest 5.5 ms, in seconds, that fills a frame a whole number of times.

    Raises BadInputError for a frame rate that is not in 0 … 1/5.5 ms.

    >>> repetition_time(Fraction(1384, 100)) * 13 == Fraction(100, 1384)
    True
    """
    if not 0 < frame_rate <= 1 / NOMINAL_REPETITION:
        raise BadInputError(f"{frame_rate} frames/s cannot be scanned; give a rate up to {1 / NOMINAL_REPETITION}")
    return 1 / (frame_rate * max(1, round(1 / (frame_rate * NOMINAL_REPETITION))))


def gradient_noise(samples: int, sample_rate: int, sequence: Sequence, random: np.random.Generator) -> Samples:
    """Make scanner noise, float32 (samples,), at `sample_rate` Hz, of root mean square LEVEL.

    Lines at multiples of 1/TR that together have the comb's level in each third octave, modulated at the frame
    rate, whose amplitude drifts slowly, and noise with the broadband spectrum below CUTOFF. A third octave that
    no line falls into has only the sidebands of its neighbours. Raises BadInputError when there is nothing to make.
    """
    if samples < 1 or sample_rate < 1:
        raise BadInputError(f"{samples} samples of scanner noise at {sample_rate} Hz cannot be made")
    lines = _lines(sequence, min(sample_rate / 2, CUTOFF), random)
    turns = np.arange(samples) * (1 / (float(sequence.repetition_time) * sample_rate))
    comb = np.polyval(lines[::-1], np.exp(2j * np.pi * (turns % 1))).real
    seconds = np.arange(samples) / sample_rate
    phase = random.uniform(0, 2 * np.pi)
    comb *= 1 + sequence.modulation * np.cos(2 * np.pi * float(sequence.frame_rate) * seconds + phase)
    sound = (comb + _broadband(samples, sample_rate, sequence, random)) * _drift(seconds, sequence.drift, random)
    return (sound * (LEVEL / max(float(np.sqrt(np.mean(sound**2))), 1e-12))).astype(np.float32)


def _lines(sequence: Sequence, highest: float, random: np.random.Generator) -> NDArray[np.complex128]:
    """Find the complex amplitudes of harmonics 0, 1, 2 … of 1/TR below `highest` Hz."""
    spacing = 1 / float(sequence.repetition_time)
    count = int(np.ceil(highest / spacing))
    frequency = spacing * np.arange(count)
    power = 10 ** (random.normal(0, _LOUDER_LINES, count) / 10)
    phase = np.exp(2j * np.pi * random.random(count))
    inside = np.zeros(count, bool)
    for centre, total, broadband in sequence.spectrum:
        band = _band(frequency, centre)
        inside |= band
        power[band] *= max(0.0, 10 ** (total / 10) - 10 ** (broadband / 10)) / max(power[band].sum(), 1e-12)
    power[~inside] = 0
    lines: NDArray[np.complex128] = phase * np.sqrt(2 * power / (1 + sequence.modulation**2 / 2))
    return lines


def _broadband(samples: int, sample_rate: int, sequence: Sequence, random: np.random.Generator) -> NDArray[np.float64]:
    """Shape white noise; the spectral density runs straight in dB over log frequency between the bands' centres."""
    frequency = np.fft.rfftfreq(samples, 1 / sample_rate)
    table = np.asarray(sequence.spectrum, np.float64)
    density = table[:, 2] - 10 * np.log10(table[:, 0] * (10**0.05 - 10**-0.05))
    level = np.interp(np.log(np.maximum(frequency, 1)), np.log(table[:, 0]), density)
    gain = np.where(frequency < CUTOFF, np.sqrt(10 ** (level / 10) * sample_rate / 2), 0)
    return np.fft.irfft(np.fft.rfft(random.standard_normal(samples)) * gain, samples)


def _drift(seconds: NDArray[np.float64], depth: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Make a gain about 1 that wanders with periods of _DRIFT_PERIOD and longer."""
    gain = np.ones_like(seconds)
    for slower in (1.0, 1.7, 3.1):
        angle = 2 * np.pi * (seconds / (_DRIFT_PERIOD * slower) + random.random())
        gain += depth * np.sqrt(2 / 3) * np.cos(angle)
    return gain


def _band(frequency: NDArray[np.floating[Any]], centre: float) -> NDArray[np.bool_]:
    return (frequency >= centre * 10**-0.05) & (frequency < centre * 10**0.05)


def third_octaves(sound: Samples, sample_rate: int, centres: tuple[float, ...]) -> NDArray[np.float64]:
    """Measure the levels of a sound in third octaves, in dB of its whole power, under one Hann window."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    frequency = np.fft.rfftfreq(len(sound), 1 / sample_rate)
    parts = np.array([power[_band(frequency, centre)].sum() for centre in centres])
    return np.asarray(10 * np.log10(np.maximum(parts, 1e-20) / max(float(power.sum()), 1e-20)), np.float64)


def active(sound: Samples, block: int = 400, floor: float = 30.0) -> NDArray[np.bool_]:
    """Find the samples with speech, bool (samples,): blocks within `floor` dB of the loudest block."""
    blocks = np.pad(sound.astype(np.float64) ** 2, (0, -len(sound) % block)).reshape(-1, block).mean(1)
    return np.repeat((blocks > 0) & (blocks >= blocks.max(initial=0) * 10 ** (-floor / 10)), block)[: len(sound)]


def at_snr(clean: Samples, noise: Samples, decibels: float) -> Samples:
    """Add noise to clean speech so that speech is `decibels` above it where there is speech.

    Both are float32 (samples,); both powers are taken over the samples that `active` finds. The sum may exceed 1.
    Raises BadInputError when the lengths differ, or when there is no speech or no noise under it.
    """
    if clean.ndim != 1 or clean.shape != noise.shape:
        raise BadInputError(f"speech {clean.shape} and noise {noise.shape} should be of one length; cut the longer")
    speaking = active(clean)
    if not speaking.any() or not np.any(noise[speaking]):
        raise BadInputError("speech or noise is silent: no ratio between them can be set")
    ratio = np.mean(clean[speaking].astype(np.float64) ** 2) / np.mean(noise[speaking].astype(np.float64) ** 2)
    gain = float(np.sqrt(ratio * 10 ** (-decibels / 10)))
    return np.asarray(clean + noise * gain, np.float32)
