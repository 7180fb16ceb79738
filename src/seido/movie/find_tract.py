"""Where in a picture the vocal tract is, which way the head looks, and whether it is a head at all.

A small mean picture of phantom tracts is laid over the picture at every place and at many sizes; what counts is the
correlation, and how much of it is left when the mean picture is mirrored. No network, and nothing to install.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seido.corpus.still import read_frame
from seido.values import Frame, Region

TEMPLATE = Path(__file__).parent.parent / "heads" / "template.png"
"""The mean picture: heads of eight phantom speakers, looking left, 128 mm, in 32 × 32 pixels."""
SIDES = tuple(float(share) for share in np.geomspace(0.38, 1.25, 12))
"""Sides of the squares that are tried, as shares of the picture's shorter side."""
_BEYOND = 0.125
"""The picture's edge is repeated outwards by this share of its shorter side: the tract may be cut at it."""
HEAD = 0.6
"""A correlation under this, looking left and looking right, is no head's."""
SURE = 0.65
CLEAR = 0.18
"""By so much more must a head look like the mean picture than like its mirror image."""
_SMALLEST = 16
"""Pixels; pictures with a shorter side are not searched."""
_WHITE = 99.0
"""Percentile of the grey levels that counts as white; the black one lies as far from the other end."""
_FLAT = 1e-4
"""Variance under which a square is empty."""


@dataclass(frozen=True)
class Found:
    """Where a picture looks most like a vocal tract, and how much."""

    region: Region
    """The square, of about 128 mm."""
    likeness: float
    """Correlation with the mean tract, looking left, −1 … 1."""
    mirrored: float
    """The same for its mirror image, at the best place of its own."""

    @property
    def head(self) -> bool:
        """Whether it may be a head at all."""
        return max(self.likeness, self.mirrored) >= HEAD

    @property
    def sure(self) -> bool:
        """Whether a head that looks left was surely found, so that the region can be used."""
        return self.likeness >= SURE and self.likeness - self.mirrored >= CLEAR

    @property
    def looks_right(self) -> bool:
        """Whether a head that looks right was surely found."""
        return self.mirrored >= SURE and self.mirrored - self.likeness >= CLEAR


def find_tract(picture: Frame) -> Found:
    """Search a picture, uint8 (H, W) or (H, W, 3), for a mid-sagittal vocal tract; some 20 ms on one core."""
    template = _template()
    height, width = picture.shape[:2]
    if min(height, width) < _SMALLEST:
        return Found(Region.whole(picture), 0.0, 0.0)
    beyond = round(_BEYOND * min(height, width))
    levels = functional.pad(_levels(picture), (beyond,) * 4, mode="replicate")
    best, left, right = Region.whole(picture), -1.0, -1.0
    for share in SIDES:
        side = share * min(height, width)
        shrinking = template.shape[-1] / side
        size = [max(template.shape[-1], round(length * shrinking)) for length in levels.shape[2:]]
        sized = functional.interpolate(levels, size, mode="bilinear", align_corners=False, antialias=True)
        here = _correlations(sized, template)
        right = max(right, _correlations(sized, template.flip(-1)).max().item())
        if here.max().item() > left:
            left = here.max().item()
            row, column = divmod(int(here.argmax()), here.shape[-1])
            x, y = (place / shrinking + side / 2 - beyond for place in (column, row))
            best = square(x, y, side, picture)
    return Found(best, left, right)


def square(x: float, y: float, side: float, picture: Frame) -> Region:
    """Make the square region of this side round a point, in pixels, moved into the picture where it reaches outside."""
    height, width = picture.shape[:2]
    whole = min(round(side), height, width)
    left, top = (min(max(0, round(at - whole / 2)), length - whole) for at, length in ((x, width), (y, height)))
    return Region(left, top, whole, whole)


def _levels(picture: Frame) -> Tensor:
    """Bring grey levels between 0 and 1, dark ones up: a surface coil leaves the neck dark. (1, 1, H, W)."""
    grey = picture.astype(np.float32) if picture.ndim == 2 else picture.mean(axis=2, dtype=np.float32)
    low, high = np.percentile(grey, (100 - _WHITE, _WHITE))
    levels = np.sqrt(np.clip((grey - low) / max(1.0, high - low), 0, 1))
    return torch.from_numpy(levels.astype(np.float32))[None, None]


@lru_cache(maxsize=1)
def _template() -> Tensor:
    levels = torch.from_numpy(read_frame(TEMPLATE).astype(np.float32))[None, None]
    levels = levels - levels.mean()
    norm: Tensor = levels.square().sum().sqrt()
    return levels / norm


def _correlations(levels: Tensor, template: Tensor) -> Tensor:
    """Correlate every square of the picture with a template of mean 0 and norm 1."""
    side = template.shape[-1]
    mean = functional.avg_pool2d(levels, side, 1)
    variance = functional.avg_pool2d(levels * levels, side, 1) - mean * mean
    found: Tensor = functional.conv2d(levels, template) / (variance.clamp(min=_FLAT).sqrt() * side)
    return found
