"""How fast things move: the spectrum of movement, and how much of it is too fast to be speech."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.scores.frames import Frames, check_pair, grey
from seido.scores.motion import moments

FASTEST = 6.0
"""Hz; articulators move mostly below it, while flicker and noise spread to half the frame rate."""
_VALUES = 2**20
"""Pixels × frames held at a time."""


class Spectrum(NamedTuple):
    """Energy of movement by frequency: Hz (F,) and energy (F,), in squares of white × weight."""

    frequencies: NDArray[np.float64]
    energy: NDArray[np.float64]

    def share_above(self, hertz: float) -> float | None:
        """Tell which share of the energy lies above that frequency, 0 … 1; None when nothing moves."""
        total = float(self.energy.sum())
        return float(self.energy[self.frequencies > hertz].sum()) / total if total > 0 else None


class Jitter(NamedTuple):
    """Share of each movie's movement above a frequency, 0 … 1; None when it does not move."""

    true: float | None
    predicted: float | None


def motion_spectra(true: Frames, predicted: Frames, rate: Fraction) -> tuple[Spectrum, Spectrum]:
    """Give the spectra of movement of two movies of one shape, from 0 Hz to half the rate.

    Σp w |Σt h(t) x'(t) e^(−iωt)|², one-sided, with x' the deviation from the pixel's mean, h a Hann window over the
    movie, and w the variance of the true movie at the pixel, for both movies. Pixels are read in parts: memory does
    not grow with the length. Raises BadInputError when the movies do not fit, or have under 8 frames.

    >>> t = np.sin(2 * np.pi * 3 * np.arange(100.0) / 25)[:, None, None] / 2 + 0.5
    >>> spectrum, _ = motion_spectra(t, t, Fraction(25))
    >>> float(spectrum.frequencies[spectrum.energy.argmax()])
    3.0
    """
    check_pair(true, predicted)
    count, height, width = true.shape[:3]
    if count < 8:
        raise BadInputError(f"a spectrum of movement needs at least 8 frames, got {count}; give a longer movie")
    frequencies = np.arange(count // 2 + 1) * (float(rate) / count)
    weight = moments(true, predicted).variances()[0].reshape(height, width)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(count) / count)
    energies = np.zeros((2, len(frequencies)))
    columns = max(1, min(width, _VALUES // count))
    rows = max(1, _VALUES // (count * columns))
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            part = (slice(top, top + rows), slice(left, left + columns))
            for total, frames in zip(energies, (true, predicted), strict=True):
                values = grey(frames[(slice(None), *part)])
                values = (values - values.mean(axis=0)) * window[:, None, None]
                power = np.abs(np.fft.rfft(values, axis=0)) ** 2
                total += np.einsum("fhw,hw->f", power, weight[part])
    # One-sided: what lies below 0 Hz is the same again, except at 0 and at half the rate.
    energies[:, 1 : (count + 1) // 2] *= 2
    # Rounding leaves specks where a pixel stands still.
    energies[energies < 1e-20 * count] = 0
    return Spectrum(frequencies, energies[0]), Spectrum(frequencies, energies[1])


def jitter(true: Frames, predicted: Frames, rate: Fraction, above: float = FASTEST) -> Jitter:
    """Tell which share of the movement is faster than `above` Hz, in the true movie and in the predicted one.

    A prediction that flickers has more than the true movie; one that is smoothed has less. Noise in the true movie
    counts as fast movement too: compare the two, not with 0. Source: the spectrum of `motion_spectra`. Raises
    BadInputError when half the rate is not above that frequency.

    >>> t = np.arange(100.0)[:, None, None] / 25
    >>> slow, fast = (np.sin(2 * np.pi * hertz * t) / 4 + 0.5 for hertz in (2, 8))
    >>> [round(share, 6) for share in jitter(slow, (slow + fast) / 2, Fraction(25))]
    [0.0, 0.5]
    """
    if not 0 < above < float(rate) / 2:
        raise BadInputError(
            f"at {float(rate):g} frames/s movement is seen up to {float(rate) / 2:g} Hz; "
            f"give a frequency under that, not {above:g}"
        )
    one, other = motion_spectra(true, predicted, rate)
    return Jitter(one.share_above(above), other.share_above(above))
