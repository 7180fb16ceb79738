"""Lines in the spectrum of a sound that stand still: those of a machine, for harmonics of a voice move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from seido.values import Samples

Numbers = NDArray[np.float64]

LOOK_SECONDS = 1.5
"""Of the windows in which lines are looked for: frequencies 1.3 Hz apart are told apart."""
PROMINENCE_DB = 8.0
"""How far a line stands above the median of the 60 Hz on either side of it."""
STANDING = 0.25
"""It stands so in all windows but this part of them."""
SHORTEST_SECONDS = 1.0
"""In less sound, a line of a machine cannot be told from a harmonic of a voice."""
NARROW_DB = 10.0
VOICE_HERTZ = 1000.0
FEWEST = 10
"""A machine has at least FEWEST lines above VOICE_HERTZ that fall by NARROW_DB within 3.3 Hz on both sides. A voice,
even on a held vowel, wavers by a few tenths of a percent: its harmonics there are broader."""
LOWEST_HERTZ = 40.0
_SKIRT = 5
_AROUND_HERTZ = 60.0


@dataclass(frozen=True)
class Lines:
    """Steady lines: frequencies in Hz, increasing, and the levels in dB they were found at; float64 (lines,) both."""

    hertz: Numbers
    level: Numbers

    def __len__(self) -> int:
        return len(self.hertz)

    def apart(self, hertz: float) -> Lines:
        """Keep the strongest of lines that are nearer to each other than `hertz`."""
        kept = np.zeros(len(self), bool)
        near = np.zeros(len(self), bool)
        for one in np.argsort(-self.level, kind="stable"):
            if not near[one]:
                kept[one] = True
                near |= np.abs(self.hertz - self.hertz[one]) < hertz
        index = np.flatnonzero(kept)[np.argsort(self.hertz[kept], kind="stable")]
        return Lines(self.hertz[index], self.level[index])


def union(found: list[Lines], apart: float) -> Lines:
    """Gather lines found in several places; of those nearer than `apart` Hz, the strongest stays."""
    hertz, level = (np.concatenate([getattr(one, name) for one in found]) for name in ("hertz", "level"))
    return Lines(hertz, level).apart(apart)


def find_lines(samples: Samples, rate: int, apart: float = 0.0, fewest: int = FEWEST) -> Lines:
    """Find the lines that stand through a stretch of sound, (samples,) at `rate` Hz.

    A line stands PROMINENCE_DB above its surroundings in the lower quartile, over time, of the power. Of lines
    nearer than `apart` Hz, the strongest is taken. There are none in less than a second of sound, and none when what
    stands may be a voice: fewer than `fewest` narrow lines above VOICE_HERTZ.
    """
    size = int(min(LOOK_SECONDS * rate, len(samples) / 2)) // 4 * 4
    if len(samples) < SHORTEST_SECONDS * rate or size < 16:
        return Lines(np.zeros(0), np.zeros(0))
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    starts = range(0, len(samples) - size + 1, size // 4)
    power = np.empty((len(starts), size + 1), np.float32)
    for row, start in zip(power, starts, strict=True):
        row[:] = np.abs(np.fft.rfft(samples[start : start + size] * window, 2 * size)) ** 2
    level = 10 * np.log10(np.quantile(power, STANDING, axis=0).astype(np.float64) + 1e-20)
    spacing = rate / (2 * size)
    excess = level - _running_median(level, max(8, round(_AROUND_HERTZ / spacing)))
    left, centre, right = level[:-2], level[1:-1], level[2:]
    index = np.flatnonzero((excess[1:-1] > PROMINENCE_DB) & (centre > left) & (centre >= right)) + 1
    index = index[(index * spacing > LOWEST_HERTZ) & (index * spacing < 0.49 * rate)]
    skirt = np.maximum(level[np.maximum(index - _SKIRT, 0)], level[np.minimum(index + _SKIRT, size)])
    narrow = (level[index] - skirt > NARROW_DB) & (index * spacing > VOICE_HERTZ)
    if narrow.sum() < fewest:
        return Lines(np.zeros(0), np.zeros(0))
    left, centre, right = level[index - 1], level[index], level[index + 1]
    offset = 0.5 * (left - right) / np.minimum(left - 2 * centre + right, -1e-9)
    return Lines((index + np.clip(offset, -0.5, 0.5)) * spacing, centre).apart(apart)


def _running_median(level: Numbers, around: int) -> Numbers:
    # At every quarter of the span, and straight in between: a median at every bin would take most of the time.
    step = max(1, around // 4)
    padded = np.pad(level, around, mode="reflect" if len(level) > around else "edge")
    medians = np.median(sliding_window_view(padded, 2 * around + 1)[::step], axis=1)
    return np.interp(np.arange(len(level)), np.arange(len(medians)) * step, medians)
