"""The released file path of FRCRN: its level, its padding and its cutting, kept for comparison."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.models.frcrn import FRCRN, SAMPLE_RATE

LEVEL = 10 ** (-25 / 20)
"""Root mean square that the released network was trained at, −25 dB of full scale."""
ONE_PASS = 120.0
"""Seconds up to which the released path takes a recording as one."""
PIECE = 16_000
"""Samples of a piece of longer ones."""
STRIDE = 12_000
"""Samples from piece to piece."""

_EDGE = (PIECE - STRIDE) // 2
_LEAST = 1e-6


def gain(samples: NDArray[np.floating[Any]]) -> float:
    """Find the factor that brings samples to the level of training.

    First g₁ = 10^(−25/20)/(rms + 1e-6); then g₂ likewise from the rms of those samples of g₁·x whose square is above
    the mean square. Returns g₁·g₂.
    """
    x = np.asarray(samples, np.float64)
    first = LEVEL / (np.sqrt(np.mean(x**2)) + _LEAST)
    power = (x * first) ** 2
    loud = power[power > power.mean()]
    second = LEVEL / (np.sqrt(loud.mean()) + _LEAST) if loud.size else 1.0
    return float(first * second)


def padded_length(samples: int) -> int:
    """Tell how many samples the released path makes of so many, by zeros at the end.

    >>> padded_length(9000), padded_length(20_000), padded_length(28_000), padded_length(48_000)
    (16000, 28000, 28000, 72000)
    """
    if samples < PIECE:
        return PIECE
    if samples < PIECE + STRIDE:
        return PIECE + STRIDE
    if (samples - PIECE) % STRIDE == 0:
        return samples
    return 2 * samples - (samples - PIECE) // STRIDE * STRIDE


def enhance_as_released(
    model: FRCRN, samples: NDArray[np.floating[Any]], one_pass: float = ONE_PASS
) -> NDArray[np.float32]:
    """Do what the released program does with a file of 16 kHz (samples); returns as many samples.

    Recordings of at most `one_pass` seconds are taken as one. Longer ones are cut into pieces of 1 s every 0.75 s,
    whose inner edges of 125 ms are dropped; pieces know nothing of each other. Kept for comparison: `enhance` has
    neither the seams nor the clicks. Samples that the released path leaves at zero (the last 2000 where the pieces
    fit exactly) are zero here too. Raises BadInputError for an empty recording.
    """
    if np.ndim(samples) != 1 or not np.size(samples):
        raise BadInputError(f"one row of samples is wanted, got shape {np.shape(samples)}; give one channel")
    x = np.asarray(samples, np.float64)
    scale = gain(x)
    count = len(x)
    padded = np.zeros((1, padded_length(count)), np.float32)
    padded[0, :count] = x * scale
    device = next(model.parameters()).device
    out = np.zeros(padded.shape[1], np.float32)
    with torch.inference_mode():
        if count <= one_pass * SAMPLE_RATE:
            whole = model(torch.from_numpy(padded).to(device))[0].cpu().numpy()
            out[: len(whole)] = whole
        else:
            for start in range(0, len(out) - PIECE + 1, STRIDE):
                piece = model(torch.from_numpy(padded[:, start : start + PIECE]).to(device))[0].cpu().numpy()
                first = _EDGE if start else 0
                out[start + first : start + PIECE - _EDGE] = piece[first : PIECE - _EDGE]
    return (out[:count] * (1 / (scale + _LEAST))).astype(np.float32)
