"""What the generators are fed, the same in training and in generating."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seido.timebase import WINDOW, window_start


def as_channels(pictures: NDArray[np.uint8]) -> Tensor:
    """Turn pictures into what networks see, BGR as the published weights do.

    uint8 (N, H, W) grey, given three times, or (N, H, W, 3) RGB, to float32 (N, 3, H, W), 0 … 1.
    """
    colour = np.repeat(pictures[..., None], 3, axis=-1) if pictures.ndim == 3 else pictures[..., ::-1]
    return torch.from_numpy(np.ascontiguousarray(colour)).permute(0, 3, 1, 2).float() / 255


def face_input(masked: Tensor, reference: Tensor) -> Tensor:
    """Stack a picture whose lower half is blacked out and a reference: two (N, 3, S, S) to (N, 6, S, S).

    (Prajwal et al. 2020: rows S/2 … S−1 of the first are what the network completes.)
    """
    upper = masked.clone()
    upper[:, :, masked.shape[2] // 2 :] = 0
    return torch.cat([upper, reference], dim=1)


def mel_windows(mel: NDArray[np.float32], frames: Iterable[int | Fraction], rate: Fraction, lead: Fraction) -> Tensor:
    """Cut each frame's window from a log-mel (columns, bands): float32 (frames, 1, bands, 16).

    Frames may lie between whole numbers, as where a clip's pictures were taken (timebase.taken_at).
    """
    starts = [window_start(index, len(mel), rate, lead) for index in frames]
    return torch.from_numpy(np.stack([mel[start : start + WINDOW].T[None] for start in starts]))
