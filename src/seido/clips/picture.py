"""Resizing pictures: bilinear on pixel centres, with or without a low-pass when shrinking."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from seido.errors import BadInputError

_BLOCK = 64
"""Pictures resized at a time: the float copies stay small however many there are."""


def resize(frames: NDArray[np.uint8], height: int, width: int, *, antialias: bool) -> NDArray[np.uint8]:
    """Resize pictures bilinearly, sample positions at pixel centres, rounded to the nearest level.

    Parameters
    ----------
    frames
        uint8 (T, H, W) grey or (T, H, W, C).
    height, width
        The new size in pixels.
    antialias
        Whether to low-pass when shrinking; False agrees with OpenCV's bilinear resize to one level.

    Returns
    -------
    uint8 (T, height, width) or (T, height, width, C).

    """
    if frames.shape[1:3] == (height, width):
        return frames
    resized = np.empty((len(frames), height, width, *frames.shape[3:]), np.uint8)
    shrinking = height < frames.shape[1] or width < frames.shape[2]
    for first in range(0, len(frames), _BLOCK):
        block = frames[first : first + _BLOCK]
        planes = torch.from_numpy(np.array(block if block.ndim == 4 else block[..., None])).permute(0, 3, 1, 2)
        values = interpolate(
            planes.float(), (height, width), mode="bilinear", align_corners=False, antialias=antialias and shrinking
        )
        pixels = values.round_().clamp_(0, 255).byte().permute(0, 2, 3, 1).numpy()
        resized[first : first + _BLOCK] = pixels if block.ndim == 4 else pixels[..., 0]
    return resized


def parse_size(text: str) -> tuple[int, int]:
    """Read "256" or "WIDTHxHEIGHT" into (height, width) in pixels; raises BadInputError.

    >>> parse_size("128"), parse_size("1920x1080")
    ((128, 128), (1080, 1920))
    """
    try:
        sides = [int(part) for part in text.lower().split("x")]
        width, height = sides * 2 if len(sides) == 1 else sides
    except ValueError:
        width = height = 0
    if not (0 < width <= 8192 and 0 < height <= 8192):
        raise BadInputError(f"size {text!r} should be pixels like 256 or 1920x1080")
    return height, width
