"""Noise lowered in recordings of any length, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from seido.clips.denoise import Denoised, Enhancer, denoised
from seido.values import Samples, Speech

PIECE_SECONDS = 120.0
"""Longer recordings are worked on in pieces of this length, except for the last, which may be twice as long."""
OVERLAP_SECONDS = 20.0
"""Pieces overlap by this much: each is heard for most of it before it counts, for networks remember."""
_LEAD = 0.8
"""The part of the overlap after which a piece sets in."""
_FADE = 0.1
"""The part of the overlap over which it fades in."""


def denoised_blocks(
    blocks: Iterable[Samples],
    rate: int,
    method: str = "auto",
    networks: Mapping[str, Enhancer] | None = None,
    *,
    name: str = "speech",
    piece: float = PIECE_SECONDS,
) -> Iterator[Denoised]:
    """Lower noise in sound that comes in blocks of any length: yields the same sound, a piece at a time.

    Up to twice `piece` seconds are taken as a whole, as denoise does; longer ones in pieces that fade into one another.
    Raises what `denoise` raises.
    """
    size, overlap = round(piece * rate), round(min(OVERLAP_SECONDS, piece / 2) * rate)
    lead, fade = round(_LEAD * overlap), round(_FADE * overlap)
    rising = ((np.arange(fade) + 0.5) / max(1, fade)).astype(np.float32)
    held = np.zeros(0, np.float32)
    before: Samples | None = None
    """What the piece before makes of the stretch over which the next fades in."""

    def worked(samples: Samples) -> Denoised:
        done = denoised(Speech(samples, rate, name), method, networks)
        if before is None:
            return done
        sound = done.speech.samples[lead:].copy()
        sound[:fade] = before + rising * (sound[:fade] - before)
        return Denoised(Speech(sound, rate, name), done.steps)

    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= 2 * size:
            done, first = worked(held[:size]), 0 if before is None else lead
            sound, end = done.speech.samples, size - overlap + lead - first
            before = sound[end : end + fade]
            held = held[size - overlap :]
            yield Denoised(Speech(sound[:end], rate, name), done.steps)
    if len(held):
        yield worked(held)
