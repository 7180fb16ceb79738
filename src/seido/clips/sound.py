"""The speech of a recording as clips need it: 16 kHz, cleaned where asked, in step with the picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from seido.corpus.sound import read_speech, sound_blocks
from seido.timebase import SAMPLE_RATE
from seido.values import Recording, Samples

if TYPE_CHECKING:
    from seido.clips.denoise import Enhancer

_BLOCK = 10 * SAMPLE_RATE


def clean_blocks(
    recording: Recording, method: str, networks: Mapping[str, Enhancer] | None = None
) -> Iterator[Samples]:
    """Read a recording's speech block by block, 16 kHz; denoising alone needs the whole of it in memory."""
    if method == "none":
        yield from sound_blocks(recording.speech, SAMPLE_RATE)
        return
    from seido.clips.denoise import denoise

    samples = denoise(read_speech(recording.speech), method, networks).samples
    for first in range(0, len(samples), _BLOCK):
        yield samples[first : first + _BLOCK]


def later(blocks: Iterator[Samples], seconds: float) -> Iterator[Samples]:
    """Put so much silence before speech; below 0, drop its beginning instead."""
    drop = -round(seconds * SAMPLE_RATE)
    if drop < 0:
        yield np.zeros(-drop, np.float32)
    drop = max(0, drop)
    for block in blocks:
        if drop < len(block):
            yield block[drop:]
        drop = max(0, drop - len(block))
