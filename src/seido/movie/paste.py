"""Between a frame and what a network sees of it: cut out and shrunk before, brought back and pasted in afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seido.clips.picture import resize
from seido.models.inputs import as_channels
from seido.plan import Plan
from seido.values import Frame, Region


def shrunk(pictures: NDArray[np.uint8], plan: Plan, size: tuple[int, int] | None = None) -> Tensor:
    """Bring regions (N, H, W[, 3]) to the network's size, or to `size` (H, W): float32 (N, 3, S, S), BGR, 0 … 1."""
    height, width = size or (plan.network.size, plan.network.size)
    return as_channels(resize(pictures, height, width, antialias=plan.antialias))


def to_pixels(images: Tensor, crop: Frame, plan: Plan) -> NDArray[np.uint8]:
    """Turn the network's pictures (B, 3, S, S) BGR, or grey (B, 1, S, S), into the crop's size and colour.

    Returns uint8 (B, h, w[, 3]).
    """
    values = images.clamp(0, 1).mul(255)
    values = values.mean(dim=1, keepdim=True) if crop.ndim == 2 else values.expand(-1, 3, -1, -1)
    # The published inference truncates; ours rounds.
    values = values if plan.recipe == "talk" else values.round()
    pixels = values.byte().permute(0, 2, 3, 1).numpy()
    sized = resize(pixels, crop.shape[0], crop.shape[1], antialias=plan.antialias)
    return sized[..., 0] if crop.ndim == 2 else sized[..., ::-1]


def pasted(batches: Iterable[Tensor], picture: Frame, region: Region, plan: Plan) -> Iterator[Frame]:
    """Put the network's pictures, some at a time, into copies of the first frame, one by one."""
    crop = region.crop(picture)
    for images in batches:
        for image in to_pixels(images, crop, plan):
            shown = picture.copy()
            region.crop(shown)[:] = image
            yield shown
