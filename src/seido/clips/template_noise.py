"""Scanner noise as a sum of steady lines, followed through the speech and subtracted.

Gradients repeat, so their sound is lines: at multiples of 1/TR, and beside them at the rate with which the readout
turns. A view order of n interleaves puts them at multiples of 1/(n·TR); one of golden angles has no period at all,
only lines at (k + 0.618 m)/TR. So no period is taken for granted: whatever line stands through the recording is the
scanner's, for harmonics of a voice move. Each has a complex amplitude that wanders slowly. A Kalman smoother (Rauch,
Tung & Striebel 1965) follows it, and trusts what it sees less the more speech there is around the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from seido.clips.line_bank import APART_HERTZ, LineBank
from seido.clips.spectral_lines import FEWEST, Lines, find_lines, union
from seido.values import Samples, Speech

Numbers = NDArray[np.float64]
Complex = NDArray[np.complex128]

SEGMENT_SECONDS = 24.0
"""Lines are found and followed in stretches of about this length: clocks drift, and memory stays flat."""
OVERLAP_SECONDS = 4.0
"""Stretches overlap by this much, and fade into one another."""
WANDER = 0.16
"""Standard deviation of an amplitude's change in a second, as a part of it: mouths and heads move in the field."""
_MEDIAN_SECONDS = 3.0
_ROUNDS = 3
_PART_SECONDS = 2.5
_FEWEST_IN_PART = 40
_WHILE_ON = 0.9
_PRESENT_SECONDS = 0.02
_FREEDOM = 10
_ZERO = 1e-20


def subtract_template(speech: Speech) -> Speech:
    """Subtract the scanner's lines from speech at any rate; what has no such lines comes back as it was.

    Memory does not grow with its length, but for the result.
    """
    segments = list(_segments(len(speech.samples), speech.rate))
    found = [_lines_anywhere(speech.samples[begin:end], speech.rate) for begin, end, _ in segments]
    cleaned = speech.samples.copy()
    for number, (begin, end, fade) in enumerate(segments):
        # A neighbour's lines too: the scanner may be heard too briefly in this one to be found.
        lines = union(found[max(0, number - 1) : number + 2], APART_HERTZ)
        noise = template(speech.samples[begin:end], speech.rate, lines)
        noise[: len(fade)] *= fade if number else 1
        noise[len(noise) - len(fade) :] *= fade[::-1] if number < len(segments) - 1 else 1
        cleaned[begin:end] -= noise.astype(np.float32)
    return Speech(cleaned, speech.rate, speech.name)


def _lines_anywhere(samples: Samples, rate: int) -> Lines:
    """Find lines that stand through a stretch, or through some seconds of it: a scanner may start or stop.

    A held vowel can stand for some seconds: there it takes more lines to be sure that it is none.
    """
    size = int(_PART_SECONDS * rate)
    starts = range(0, len(samples) - size // 2, size // 2) if len(samples) > size else ()
    parts = [samples, *(samples[start : start + size] for start in starts)]
    found = [find_lines(part, rate, APART_HERTZ, _FEWEST_IN_PART if part is not samples else FEWEST) for part in parts]
    return union(found, APART_HERTZ)


def _segments(samples: int, rate: int) -> Iterator[tuple[int, int, Numbers]]:
    """Cut into stretches begin … end that overlap, with the weights of an overlap as a stretch sets in."""
    overlap = int(OVERLAP_SECONDS * rate)
    parts = round((samples - overlap) / (SEGMENT_SECONDS * rate - overlap))
    if parts < 2:
        yield 0, samples, np.ones(0)
        return
    fade = (np.arange(overlap) + 0.5) / overlap
    edges = np.linspace(0, samples - overlap, parts + 1).astype(int)
    yield from ((int(begin), int(following) + overlap, fade) for begin, following in pairwise(edges))


def template(samples: Samples, rate: int, lines: Lines) -> Numbers:
    """Estimate what `lines` add to a stretch of sound, (samples,) at `rate` Hz: float64 (samples,)."""
    sound = samples.astype(np.float64)
    if not len(lines):
        return np.zeros(len(sound))
    bank = LineBank(lines.hertz, len(sound), rate)
    bank = bank.tuned(bank.amplitudes(sound))
    seen = bank.amplitudes(sound)
    window_rate = rate / bank.hop
    followed = _running_median(seen, round(_MEDIAN_SECONDS * window_rate))
    size = np.quantile(np.abs(followed) ** 2, _WHILE_ON, axis=0)
    for _ in range(_ROUNDS):
        variance = bank.variance_beside(sound - bank.sound(followed))
        followed = smooth_walk(seen, variance, WANDER**2 / window_rate * size, size)
    noise = bank.sound(followed)
    return noise * presence(sound, noise, max(1, round(_PRESENT_SECONDS * rate)))


def _running_median(seen: Complex, span: int) -> Complex:
    """Take medians of real and imaginary parts over `span` windows: speech is on a line only now and then."""
    around = max(0, min(span, len(seen)) - 1) // 2
    windows = sliding_window_view(np.pad(seen, ((around, around), (0, 0)), mode="edge"), 2 * around + 1, axis=0)
    return np.asarray(np.median(windows.real, axis=-1) + 1j * np.median(windows.imag, axis=-1), np.complex128)


def smooth_walk(seen: Complex, variance: Numbers, walk: Numbers, size: Numbers) -> Complex:
    """Smooth amplitudes, (windows, lines), that walk at random and are seen with a known variance.

    `walk` is the variance of a step and `size` that before anything is seen, (lines,) each. Amplitudes no larger
    than their uncertainty are drawn to 0, so that a line that is not there costs the speech nothing.
    """
    state, spread = np.zeros(seen.shape[1], np.complex128), size
    states, spreads = np.empty_like(seen), np.empty(seen.shape)
    for number, (now, uncertain) in enumerate(zip(seen, variance, strict=True)):
        ahead = spread + walk
        trust = ahead / (ahead + uncertain + _ZERO)
        state = state + trust * (now - state)
        spread = ahead * (1 - trust)
        states[number], spreads[number] = state, spread
    for number in range(len(seen) - 2, -1, -1):
        ahead = spreads[number] + walk
        back = spreads[number] / np.maximum(ahead, _ZERO)
        states[number] += back * (states[number + 1] - states[number])
        spreads[number] += back**2 * (spreads[number + 1] - ahead)
    certain = np.maximum(0, 1 - spreads / np.maximum(np.abs(states) ** 2, _ZERO))
    return np.asarray(states * certain, np.complex128)


def presence(sound: Numbers, noise: Numbers, span: int) -> Numbers:
    """Tell where the noise really sounds, 0 … 1, (samples,): a scanner starts, stops and fades.

    The part of the noise that fits the sound over `span` samples, given the benefit of two standard deviations,
    so that speech over the noise does not hide it.
    """
    own = _sums(noise * noise, span) + _ZERO
    part = _sums(sound * noise, span) / own
    rest = np.maximum(_sums(sound * sound, span) - part**2 * own, 0)
    return np.asarray(np.clip(part + 2 * np.sqrt(rest / (own * _FREEDOM)), 0, 1), np.float64)


def _sums(values: Numbers, span: int) -> Numbers:
    """Sum over `span` samples around each, fewer at the ends."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    middle = np.arange(len(values))
    return np.asarray(
        total[np.minimum(middle + span // 2 + 1, len(values))] - total[np.maximum(middle - span // 2, 0)], np.float64
    )
