"""What the generators of the trial share: small networks that warp the first frame, made for 64 × 64 pictures.

A trial of designs on a phantom came before the tract generator; docs/trial.md tells of it. Two of its networks stand
here to be measured beside ours on the same clips: trial_e, which warps, and trial_hb, the hybrid.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from seido.models.blocks import scaled
from seido.models.mover import Mover, for_each, padded
from seido.models.tract import warp

SIZE = 64
"""Pixels along each side of the pictures unless said otherwise, as in the trial: the whole tract at 2 mm."""
MULTIPLE = 16
"""Heights and widths that are no multiple of this are padded, inside, by repeating the edge."""
CODE = 96
LEVELS = (16, 32, 64)
"""Channels of what is seen of the first frame at 1/2, 1/4 and 1/8 of the resolution."""
DECODED = (64, 40, 16)
"""Channels of the decoder at 1/8, 1/4 and 1/2 of the resolution."""
_POSE = 4
"""The posture of the first frame is read from so many rows and columns: all there are at 64 × 64."""
_DENOISER = 12
_FLOW_UNIT = 4.0
"""Pixels of flow for an output of 1."""
_TRUST = 2.0
"""The mask's first value, before the sigmoid: the warped picture counts for 88 %."""
_GREY = 0.25
"""What is painted before training."""
_TIE = 2.0**-10
"""Columns: half-way between two the later one is taken, however the place was rounded."""

Norm = Callable[[int], nn.Module]
"""Makes the normalisation of so many channels."""


@dataclass(frozen=True)
class Held:
    """What is kept of the first frames of B clips."""

    size: tuple[int, int]
    """Height and width before padding."""
    picture: Tensor
    """The denoised first frame, (B, 1, H, W)."""
    moved: Tensor
    """What the flow warps at full resolution: the picture, and its features where there are any, (B, C, H, W)."""
    pose: Tensor
    """Its posture, (B, 96)."""
    levels: tuple[Tensor, ...]
    """Its features at 1/8, 1/4 and 1/2 of the resolution."""


class TrialGenerator(Mover):
    """The part that both have: the first frame seen, the decoder, flow and mask. Pictures of any height and width.

    A subclass paints: `painted` gives what comes to light, and may give a residual over everything too.
    """

    def __init__(self, width: Fraction, norm: Norm, details: int = 0) -> None:
        super().__init__()
        code = scaled(CODE, width)
        seen, decoded = [scaled(each, width) for each in LEVELS], [scaled(each, width) for each in DECODED]
        coarse = seen[-1]
        self.detail = unit(1, details, norm) if details else None
        self.encoder = nn.ModuleList(
            nn.Sequential(unit(before, after, norm, 2), unit(after, after, norm))
            for before, after in pairwise([details or 1, *seen])
        )
        self.coarsest = nn.Sequential(unit(coarse, coarse, norm, 2), unit(coarse, coarse, norm))
        # At 64 × 64 there is nothing to average.
        self.pose = nn.Sequential(nn.AdaptiveAvgPool2d(_POSE), nn.Flatten(), nn.Linear(coarse * _POSE**2, code))
        noise = scaled(_DENOISER, width)
        self.denoiser = nn.Sequential(conv(1, noise), nn.ReLU(), conv(noise, noise), nn.ReLU(), conv(noise, 1))

        self.state = nn.Sequential(nn.Linear(2 * code, code), nn.ReLU(), nn.Linear(code, code))
        given = [coarse, *(before + level for before, level in zip(decoded[:-1], reversed(seen[:-1]), strict=True))]
        self.first = nn.ModuleList(Film(a, b, code, norm) for a, b in zip(given, decoded, strict=True))
        self.second = nn.ModuleList(Film(each, each, code, norm) for each in decoded)
        self.flow = conv(decoded[-1], 3)
        for layer in (self.flow, cast("nn.Conv2d", self.denoiser[-1])):
            begin_at_zero(layer)
        with torch.no_grad():
            cast("Tensor", self.flow.bias)[2] = _TRUST

    def hold(self, reference: Tensor) -> Held:
        """Look at the first frames of clips: float32 (B, 1, H, W), 0 … 1; raises BadInputError for other shapes."""
        given, reference = reference, padded(reference, MULTIPLE)
        picture = moved = reference + self.denoiser(reference)
        levels: list[Tensor] = []
        x = reference
        if self.detail is not None:
            x = self.detail(x)
            moved = torch.cat([picture, x], dim=1)
        for part in self.encoder:
            x = part(x)
            levels.insert(0, x)
        return Held(
            size=(given.shape[2], given.shape[3]),
            picture=picture,
            moved=moved.float(),
            pose=self.pose(self.coarsest(x)),
            levels=tuple(levels),
        )

    def paint(self, codes: Tensor, held: Held) -> Tensor:
        """Make frames: codes (N, 96), those of a clip's frames one after the other, as many for each clip held.

        Returns float32 (N, 1, H, W). Raises BadInputError where N is no multiple of the clips.
        """
        count = len(codes)
        state = self.state(torch.cat([codes, for_each(held.pose, count)], dim=1))
        x: Tensor | None = None
        for level, first, second in zip(held.levels, self.first, self.second, strict=True):
            given = for_each(level, count)
            if x is not None:
                given = torch.cat([functional.interpolate(x, scale_factor=2.0, mode="nearest"), given], dim=1)
            x = first(given, state)
            x = x + second(x, state)
        assert x is not None  # noqa: S101  (there are levels)
        coarse = self.flow(x).float()
        fine = enlarged(coarse)
        warped = warp(for_each(held.moved, count), fine[:, :2] * _FLOW_UNIT)
        trust = torch.sigmoid(fine[:, 2:])
        # Half the resolution: half the pixels.
        new = self.painted(x, state, coarse[:, :2] * (_FLOW_UNIT / 2), warped, held).float()
        frames = trust * warped[:, :1] + (1 - trust) * (new[:, :1] + _GREY)
        if new.shape[1] > 1:
            frames = frames + new[:, 1:]
        return frames[:, :, : held.size[0], : held.size[1]]

    def painted(self, x: Tensor, state: Tensor, flow: Tensor, warped: Tensor, held: Held) -> Tensor:
        """Paint what comes to light, and perhaps a residual: (N, 1 or 2, H, W).

        `x` (N, C, H/2, W/2) comes from the decoder, `state` (N, 96) from speech and posture, `flow` (N, 2, H/2, W/2)
        is in pixels of half the resolution; `warped` (N, C, H, W) is held.moved, warped.
        """
        raise NotImplementedError


class Film(nn.Module):
    """Convolution and normalisation, each channel stretched and shifted as the state says, ReLU (Perez et al. 2018)."""

    def __init__(self, inputs: int, outputs: int, code: int, norm: Norm) -> None:
        super().__init__()
        self.conv = conv(inputs, outputs)
        self.norm = norm(outputs)
        self.state = nn.Linear(code, 2 * outputs)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        """Apply the unit: (N, inputs, H, W) and (N, code) → (N, outputs, H, W)."""
        stretch, shift = self.state(state)[:, :, None, None].chunk(2, dim=1)
        return functional.relu(self.norm(self.conv(x)) * (1 + stretch) + shift)


def first_columns(at: Tensor, columns: int) -> Tensor:
    """Find the first of so many mel columns around each place, to the nearest column.

    >>> first_columns(torch.tensor([33.6, 36.8, 40.0]), 16).tolist()
    [26, 29, 32]
    """
    return torch.floor(at - columns / 2 + 0.5 + _TIE).long()


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """Make a convolution, 3 × 3."""
    return nn.Conv2d(inputs, outputs, 3, stride, 1)


def unit(inputs: int, outputs: int, norm: Norm, stride: int = 1) -> nn.Sequential:
    """Make a convolution with normalisation and ReLU."""
    return nn.Sequential(conv(inputs, outputs, stride), norm(outputs), nn.ReLU())


def in_groups(channels: int) -> nn.GroupNorm:
    """Make group normalisation of up to 8 groups (Wu and He 2018)."""
    return nn.GroupNorm(math.gcd(8, channels), channels)


def begin_at_zero(layer: nn.Conv2d) -> None:
    """Let a convolution give nothing at first."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(cast("Tensor", layer.bias))


def enlarged(x: Tensor) -> Tensor:
    """Double height and width, bilinearly."""
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
