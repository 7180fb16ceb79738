"""A generator made for the vocal tract: it moves what the first frame shows, and paints what comes to light.

The speech is encoded once (tract_speech), the first frame is encoded once. For each frame there is a flow that warps
the denoised first frame and features of it, a mask of what the flow cannot explain, a picture painted there, and a
residual over everything, at full resolution. An untrained network returns the first frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from seido.models.blocks import scaled
from seido.models.mover import Mover, for_each, padded
from seido.models.tract_speech import CONTEXT, SpeechEncoder
from seido.plan import FrontEnd, Plan

SIZE = 128
"""Pixels along each side of the pictures unless said otherwise: the whole tract at 1 mm."""
MULTIPLE = 32
"""Heights and widths that are no multiple of this are padded, inside, by repeating the edge."""
_CODE = 96
_DETAIL = 4
"""Features at full resolution that the flow warps beside the picture."""
_LEVELS = (16, 24, 40, 64)
"""Channels at 1/2, 1/4, 1/8 and 1/16 of the resolution."""
_POSE = 4
"""The posture of the first frame is read from so many rows and columns of its coarsest features."""
_DENOISER = 12
_PAINTER = 24
_FLOW_UNIT = 8.0
"""Pixels of flow for an output of 1."""
_TRUST = 2.0
"""The mask's first value, before the sigmoid: the warped picture counts for 88 %."""


@dataclass(frozen=True)
class Held:
    """What is kept of the first frames of B clips; everything that does not depend on speech."""

    size: tuple[int, int]
    """Height and width before padding."""
    picture: Tensor
    """The denoised first frame, (B, 1, H, W)."""
    detail: Tensor
    """It and its features at full resolution, which the flow warps: (B, 1 + 4, H, W)."""
    pose: Tensor
    """Its posture, (B, 96)."""
    levels: tuple[Tensor, ...]
    """What each level of the decoder gets from it, coarsest first."""
    paint: Tensor
    """What the painter gets from it, (B, C, H/2, W/2)."""


class TractGenerator(Mover):
    """See mover.Mover. Pictures may have any height and width."""

    context = CONTEXT

    def __init__(self, width: Fraction = Fraction(1), front_end: FrontEnd | None = None) -> None:
        super().__init__()
        code, painter = scaled(_CODE, width), scaled(_PAINTER, width)
        fine, *_, coarse = levels = [scaled(each, width) for each in _LEVELS]
        ears = front_end or FrontEnd()
        self.speech = SpeechEncoder(ears.bands, code, width, features=ears.encoder is not None)

        self.detail = _unit(1, _DETAIL)
        # At half resolution pictures are seen as four channels: a quarter of the positions, none of the detail lost.
        self.encoder = nn.ModuleList([nn.Sequential(nn.PixelUnshuffle(2), _unit(4 * _DETAIL, fine))])
        self.encoder.extend(nn.Sequential(_unit(a, b, 2), _unit(b, b)) for a, b in pairwise(levels))
        self.coarsest = nn.Sequential(_unit(coarse, coarse, 2), _unit(coarse, coarse), nn.AdaptiveAvgPool2d(_POSE))
        self.pose = nn.Linear(coarse * _POSE**2, code)
        noise = scaled(_DENOISER, width)
        self.denoiser = nn.Sequential(_conv(1, noise), nn.ReLU(), _conv(noise, noise), nn.ReLU(), _conv(noise, 1))

        self.state = nn.Sequential(nn.Linear(2 * code, code), nn.ReLU(), nn.Linear(code, code))
        # From coarse to fine; the first level sees the first frame alone.
        self.held = nn.ModuleList(_conv(each, each) for each in reversed(levels))
        self.risen = nn.ModuleList(_conv(b, a, bias=False) for a, b in reversed(list(pairwise(levels))))
        self.first = nn.ModuleList(_Modulated(each, code) for each in reversed(levels))
        self.turned = nn.ModuleList(_conv(each, each) for each in reversed(levels))
        self.second = nn.ModuleList(_Modulated(each, code) for each in reversed(levels))
        self.flow = _conv(fine, 3)

        self.paint_held = _conv(4, painter)
        self.paint_seen = _conv(fine + 4 * (1 + _DETAIL), painter, bias=False)
        self.paint_first = _Modulated(painter, code)
        self.paint_turned = _unit(painter, painter)
        self.paint_last = _conv(painter, 8)
        self._begin()

    def listen(self, mel: Tensor, at: Tensor) -> Tensor:
        """Encode speech, cut by tract_speech.hearing: (B, L, bands) and (B, T) → (B, T, 96)."""
        codes: Tensor = self.speech(mel, at)
        return codes

    def hold(self, reference: Tensor) -> Held:
        """Look at the first frames of clips: float32 (B, 1, H, W), 0 … 1; raises BadInputError for other shapes."""
        given, reference = reference, padded(reference, MULTIPLE)
        detail = self.detail(reference)
        picture = reference + self.denoiser(reference)
        levels: list[Tensor] = []
        x = detail
        for part in self.encoder:
            x = part(x)
            levels.insert(0, x)
        return Held(
            size=(given.shape[2], given.shape[3]),
            picture=picture,
            detail=torch.cat([picture, detail], dim=1).float(),
            pose=self.pose(self.coarsest(x).flatten(1)),
            levels=tuple(part(level) for part, level in zip(self.held, levels, strict=True)),
            paint=self.paint_held(functional.pixel_unshuffle(picture, 2)),
        )

    def paint(self, codes: Tensor, held: Held) -> Tensor:
        """Make frames: codes (N, 96), those of a clip's frames one after the other, as many for each clip held.

        Returns float32 (N, 1, H, W). Raises BadInputError where N is no multiple of the clips.
        """
        count = len(codes)
        state = self.state(torch.cat([codes, for_each(held.pose, count)], dim=1))
        x: Tensor | None = None
        for level, once in enumerate(held.levels):
            given = for_each(once, count)
            if x is not None:
                given = given + self.risen[level - 1](functional.interpolate(x, scale_factor=2.0, mode="nearest"))
            x = self.first[level](given, state)
            x = x + self.second[level](self.turned[level](x), state)
        assert x is not None  # noqa: S101  (there are levels)
        moved = functional.interpolate(self.flow(x).float(), scale_factor=2.0, mode="bilinear", align_corners=False)
        warped = warp(for_each(held.detail, count), moved[:, :2] * _FLOW_UNIT)
        trust = torch.sigmoid(moved[:, 2:])
        seen = self.paint_seen(torch.cat([x, functional.pixel_unshuffle(warped, 2)], dim=1))
        painted = self.paint_turned(self.paint_first(seen + for_each(held.paint, count), state))
        new = functional.pixel_shuffle(self.paint_last(painted).float(), 2)
        # What is painted changes what stood there in the first frame; nothing is painted before training.
        there = for_each(held.picture, count) + new[:, :1]
        frames = trust * warped[:, :1] + (1 - trust) * there + new[:, 1:]
        return frames[:, :, : held.size[0], : held.size[1]]

    def _begin(self) -> None:
        """Let nothing move, nothing be painted and nothing be denoised at first."""
        for layer in (self.flow, self.paint_last, cast("nn.Conv2d", self.denoiser[-1])):
            assert layer.bias is not None  # noqa: S101  (they were made with one)
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        with torch.no_grad():
            cast("Tensor", self.flow.bias)[2] = _TRUST


def new_tract(plan: Plan) -> TractGenerator:
    """Make the generator that a plan describes; torch's random generator decides its first weights."""
    return TractGenerator(plan.network.width, plan.front_end)


def warp(pictures: Tensor, flow: Tensor) -> Tensor:
    """Fetch each pixel from `flow` pixels (right, down) away: (N, C, H, W), (N, 2, H, W) → (N, C, H, W).

    Bilinear; beyond the edge the edge is repeated.
    """
    height, width = flow.shape[2:]
    down, right = (
        torch.arange(length, device=flow.device, dtype=flow.dtype) * 2 / length + 1 / length - 1
        for length in (height, width)
    )
    across, along = right + flow[:, 0] * (2 / width), down[:, None] + flow[:, 1] * (2 / height)
    grid = torch.stack([across, along], dim=-1)
    return functional.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


class _Modulated(nn.Module):
    """Batch normalisation, each channel stretched and shifted as the state says, ReLU (FiLM: Perez et al. 2018)."""

    def __init__(self, channels: int, code: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.state = nn.Linear(code, 2 * channels)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        stretch, shift = self.state(state)[:, :, None, None].chunk(2, dim=1)
        return functional.relu(self.norm(x) * (1 + stretch) + shift)


def _conv(inputs: int, outputs: int, *, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)


def _unit(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.BatchNorm2d(outputs), nn.ReLU())
