"""The log-mel of speech that is still being spoken: the same columns as logmel.log_mel, each as soon as it can be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from seido.clips.logmel import columns_of, emphasised
from seido.plan import FrontEnd
from seido.values import Samples

Columns = NDArray[np.float32]
"""Columns of a log-mel, (columns, bands)."""


@dataclass(frozen=True)
class Heard:
    """What must be remembered of the speech so far: a value, and never more than a tenth of a second and a chunk."""

    samples: Samples = field(default_factory=lambda: np.zeros(0, np.float32))
    """The last samples, (n,)."""
    first: int = 0
    """The number of the first of them, from the beginning of the speech."""
    columns: int = 0
    """Columns that have been given."""

    @property
    def total(self) -> int:
        """Samples heard."""
        return self.first + len(self.samples)


def hear(heard: Heard, chunk: Samples, front_end: FrontEnd) -> tuple[Heard, Columns]:
    """Take more samples, float32 (n,) of any n; returns what is remembered now and the columns that became certain.

    A column is certain when all that its window covers was heard: fft/2 samples (25 ms) after its middle.
    """
    samples = np.concatenate([heard.samples, chunk])
    half = front_end.fft // 2
    certain = max(heard.columns, (heard.first + len(samples) - half) // front_end.hop + 1)
    found = _columns(replace(heard, samples=samples), certain, front_end)
    # The end of the speech is continued by reflection: as much again is kept, and a sample for the pre-emphasis.
    wanted = max(0, certain * front_end.hop - front_end.fft - 1)
    kept = max(heard.first, min(wanted, heard.first + len(samples)))
    return Heard(samples[kept - heard.first :], kept, certain), found


def end(heard: Heard, front_end: FrontEnd) -> Columns:
    """Give the columns that are left when the speech has ended; none where nothing was heard.

    As in log_mel, speech shorter than a window has its last column repeated.
    """
    if not heard.total:
        return np.zeros((0, front_end.bands), np.float32)
    found = _columns(heard, 1 + heard.total // front_end.hop, front_end)
    missing = front_end.window - heard.columns - len(found)
    return found if missing <= 0 else np.concatenate([found, np.repeat(found[-1:], missing, axis=0)])


def _columns(heard: Heard, stop: int, front_end: FrontEnd) -> Columns:
    """Transform the columns from heard.columns to `stop`."""
    if stop <= heard.columns:
        return np.zeros((0, front_end.bands), np.float32)
    begin = heard.columns * front_end.hop - front_end.fft // 2 - heard.first
    length = (stop - heard.columns - 1) * front_end.hop + front_end.fft
    return columns_of(emphasised(heard.samples, begin, begin + length, front_end.preemphasis), front_end)
