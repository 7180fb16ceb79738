"""Noise removal from recordings of any length, in segments that fit together without a seam."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seido.errors import BadInputError
from seido.models.frcrn import (
    FRCRN,
    HOP,
    LOOK_AHEAD,
    LOOK_BACK,
    SAMPLE_RATE,
    overlap_add,
    product,
    spectrum,
    windowed_frames,
)
from seido.models.frcrn_fast import PreparedFrcrn
from seido.models.frcrn_layers import Gate, Pool, pooled
from seido.models.frcrn_levels import gain

SEGMENT = 8.0
"""Seconds that are worked on at a time, context aside."""
PASSES = 2
"""Over a recording longer than a segment: all but the last measure the gates' averages."""


@dataclass(frozen=True)
class Span:
    """Frames of a recording: those wanted, start … stop − 1, and those around them that they depend on."""

    start: int
    stop: int
    first: int
    last: int
    frames: int
    """Of the whole recording."""


def spans(frames: int, length: int) -> list[Span]:
    """Cut a recording of that many frames into spans of `length`, each with the context it depends on."""
    starts = range(0, frames, length)
    return [
        Span(start, stop, max(0, start - LOOK_BACK), min(frames, stop + LOOK_AHEAD), frames)
        for start, stop in ((start, min(frames, start + length)) for start in starts)
    ]


@dataclass
class _Averages:
    """What gates averaged, over the wanted frames of all spans."""

    sums: dict[Gate, Tensor] = field(default_factory=dict)
    counts: dict[Gate, int] = field(default_factory=dict)

    def pool(self, span: Span, known: dict[Gate, Tensor]) -> Pool:
        """Make a gate's average that adds this span to the sums, and gives what is known or else the span's own."""

        def average(gate: Gate, x: Tensor) -> Tensor:
            # Encoders add frames at the end; these are the recording's only where it ends.
            added = x.shape[-1] - (span.last - span.first) if span.stop == span.frames else 0
            wanted = x[..., span.start - span.first : span.stop - span.first + added]
            count = wanted.shape[-1] * wanted.shape[-2]
            total = wanted.sum(dim=(3, 4), dtype=torch.float64)
            self.sums[gate] = self.sums.get(gate, torch.zeros_like(total)) + total
            self.counts[gate] = self.counts.get(gate, 0) + count
            return known[gate] if gate in known else (total / count).to(x)

        return average

    def means(self, like: Tensor) -> dict[Gate, Tensor]:
        return {gate: (total / self.counts[gate]).to(like) for gate, total in self.sums.items()}


def enhance(
    model: FRCRN | PreparedFrcrn,
    samples: NDArray[np.floating[Any]],
    *,
    segment: float = SEGMENT,
    passes: int = PASSES,
    normalise: bool = True,
) -> NDArray[np.float32]:
    """Take the noise out of a recording (samples) at 16 kHz; the result has its length and its level.

    The network's gates average over the whole recording, so a segment alone gives something else than the same
    segment within the recording. Recordings longer than `segment` seconds are therefore gone through `passes` times:
    the first time each segment uses its own averages, later ones those of the whole recording as measured in the
    pass before. Everything else a frame depends on (1.8 s before it, 0.28 s after) is given to each segment as
    context, so segments meet without a seam and the result nears that of the whole recording at once with every
    pass. Memory for the network does not grow with the recording.

    320 zeros are put before and after the recording, where the network would make clicks. `normalise` brings the
    input to the level that the released weights were trained at and the result back. A network on the processor is
    prepared first, which takes 0.1 s; give a PreparedFrcrn to have that done once for many recordings.

    Raises BadInputError for samples that are not one finite row, an empty recording, a model in training mode, or
    settings that are not positive.
    """
    x = _checked(samples)
    if isinstance(model, FRCRN) and model.training:
        raise BadInputError("the FRCRN network is in training mode; call its eval() first")
    if not (math.isfinite(segment) and segment >= HOP / SAMPLE_RATE) or passes < 1:
        raise BadInputError(f"a segment of at least 0.02 s and at least one pass are needed, got {segment}, {passes}")
    scale = gain(x) if normalise else 1.0
    device = next(model.parameters()).device if isinstance(model, FRCRN) else torch.device("cpu")
    network = PreparedFrcrn(model) if isinstance(model, FRCRN) and device.type == "cpu" else model
    padded = HOP + len(x) + HOP + -len(x) % HOP
    around = np.zeros(padded, np.float32)
    around[HOP : HOP + len(x)] = x * scale
    frames = padded // HOP - 1
    pieces = spans(frames, round(segment * SAMPLE_RATE / HOP))
    known: dict[Gate, Tensor] = {}
    with torch.inference_mode():
        if len(pieces) > 1:
            for _ in range(passes - 1):
                averages = _Averages()
                for piece in pieces:
                    spectra = _spectra(around, piece, device)
                    network.mask(spectra, averages.pool(piece, known))
                known = averages.means(spectra)
        out = np.zeros(padded, np.float32)
        for piece in pieces:
            spectra = _spectra(around, piece, device)
            pool = _Averages().pool(piece, known) if len(pieces) > 1 else pooled
            wanted = slice(piece.start - piece.first, piece.stop - piece.first)
            enhanced = product(spectra, network.mask(spectra, pool))[..., wanted]
            # Windows overlap by half and their squares add up to 1 wherever two frames meet.
            out[piece.start * HOP : (piece.stop + 1) * HOP] += overlap_add(windowed_frames(enhanced))[0].cpu().numpy()
    return (out[HOP : HOP + len(x)] / np.float32(scale)).astype(np.float32)


def _checked(samples: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    x = np.asarray(samples)
    if x.ndim != 1 or not x.size:
        raise BadInputError(f"one row of samples is wanted, got shape {x.shape}; give one channel with sound in it")
    if not np.issubdtype(x.dtype, np.floating):
        raise BadInputError(f"samples of floating point are wanted, got {x.dtype}; scale them to −1 … 1")
    if not np.isfinite(x).all():
        raise BadInputError("the recording holds NaN or infinite samples; repair it")
    return x.astype(np.float32)


def _spectra(around: NDArray[np.float32], piece: Span, device: torch.device) -> Tensor:
    samples = torch.from_numpy(around[piece.first * HOP : (piece.last + 1) * HOP]).to(device)
    return spectrum(samples[None])
