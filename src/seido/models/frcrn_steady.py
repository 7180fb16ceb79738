"""What stands still in a sound, followed frame by frame: the causal relative of a noise template.

A steady line turns by the same angle from frame to frame. The mean of that turn is followed in every frequency bin,
and with it two averages of the spectrum that turn along, one quick and one slow: what they foretell of the next frame
is the line, and what it leaves is not. (An adaptive line enhancer in the short-time spectrum: Widrow et al. 1975.)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

KEPT = (0.88, 0.97)
"""What the two averages keep from frame to frame of 20 ms: time constants of 0.16 and 0.66 s."""
_TURN_KEPT = 0.92
_SIZE_KEPT = 0.98
_POWER = 0.3
"""Magnitudes are compressed by this power before the network sees them."""
_SILENCE = 0.01
"""Compressed magnitude below which there is nothing to hear: −130 dB of full scale in a bin."""
_TINY = 1e-12
CHANNELS = 2 + 2 * len(KEPT)
"""Complex features of a bin."""


@dataclass(frozen=True)
class Steady:
    """What is remembered from frame to frame, for B sounds; complex64 or float32 (B, 321) but for `level` (B, 1)."""

    before: Tensor
    """The last frame."""
    turn: Tensor
    """Mean turn from frame to frame, of length 0 … 1: the steadier, the longer."""
    lines: Tensor
    """The averages that turn along, (2, B, 321)."""
    size: Tensor
    """Mean compressed magnitude."""
    level: Tensor
    """Mean of that over bins and time."""
    frames: int = 0


def nothing_heard(batch: int, bins: int, like: Tensor) -> Steady:
    """Make the memory before the first frame."""
    zeros = torch.zeros(batch, bins, dtype=torch.float32, device=like.device)
    still = zeros.to(torch.complex64)
    return Steady(still, still, torch.stack([still] * len(KEPT)), zeros, zeros[:, :1])


@torch.no_grad()
def follow(spectra: Tensor, memory: Steady) -> tuple[Tensor, Tensor, Steady]:
    """Follow what is steady through complex spectra (B, F, T).

    Returns what was foretold of each frame before it came, (B, 2, F, T) complex; features (B, 2·6, F, T), real parts
    first, which do not depend on the sound's level; and the memory after the last frame.
    """
    device = spectra.device
    kept = torch.tensor(KEPT, device=device)[:, None, None]
    foretold, sizes, levels = [], [], []
    before, turn, lines, size, level = memory.before, memory.turn, memory.lines, memory.size, memory.level
    count = memory.frames
    power = spectra.abs()
    compressed = power**_POWER
    means = compressed.mean(1, keepdim=True)
    directions = spectra / (power + _TINY)
    for t in range(spectra.shape[2]):
        count += 1
        expected = lines * (turn / (turn.abs() + _TINY))
        foretold.append(expected)
        # A new memory is a plain mean, so that it is of use from the first frames on.
        new = torch.clamp(1 - kept, min=1 / count)
        lines = expected + new * (spectra[:, :, t] - expected)
        size = size + max(1 - _SIZE_KEPT, 1 / count) * (compressed[:, :, t] - size)
        level = level + max(1 - _SIZE_KEPT, 1 / count) * (means[:, :, t] - level)
        if count > 1:
            turned = directions[:, :, t] * before.conj()
            turn = turn + max(1 - _TURN_KEPT, 1 / (count - 1)) * (turned - turn)
        before = directions[:, :, t]
        sizes.append(size)
        levels.append(level)
    told = torch.stack(foretold, dim=-1).transpose(0, 1)
    scale = 1 / (torch.stack(levels, dim=-1) + _SILENCE)
    left = spectra[:, None] - told
    seen = torch.cat((spectra[:, None], told, left), dim=1)
    seen = seen * (seen.abs() + _TINY) ** (_POWER - 1)
    seen = torch.cat((seen, (directions * torch.stack(sizes, dim=-1))[:, None]), dim=1) * scale[:, None]
    return told, torch.cat((seen.real, seen.imag), dim=1), Steady(before, turn, lines, size, level, count)
