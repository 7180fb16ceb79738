"""The trial's arm E: it warps the first frame and paints what comes to light; it hears 0.9 s on either side."""

from __future__ import annotations

import math
from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.nn import functional

from seido.models.blocks import scaled
from seido.models.mover import for_each
from seido.models.trial import (
    CODE,
    DECODED,
    Held,
    TrialGenerator,
    begin_at_zero,
    conv,
    enlarged,
    first_columns,
    in_groups,
)
from seido.plan import FrontEnd
from seido.timebase import FRAME_RATE, MEL_RATE

COLUMNS = 12
"""Mel columns of a frame."""
DILATIONS = (1, 2, 4, 8, 4, 2, 1)
REACH = sum(DILATIONS)
"""Frames on either side that are heard: 22, 0.88 s at 25/s."""
_HIDDEN = 128
_PAINTER = 8


class TrialE(TrialGenerator):
    """See mover.Mover. Group normalisation throughout; 938 421 parameters at width 1, .949 M in the trial.

    Convolutions in time run over frames at `rate`, the training's: what is heard at a frame are the 12 columns around
    it, and around places 1, 2 … 22 frames earlier and later. Frames of any rate, evenly spaced or not, are heard in
    this way, each for itself, so stretches of speech of any length give what the whole gives, but for rounding. For
    the same reason each frame is normalised for itself there. The trial does not say how it did that, and it let a
    clip end where ours goes on in silence.
    """

    def __init__(
        self, width: Fraction = Fraction(1), front_end: FrontEnd | None = None, rate: Fraction = FRAME_RATE
    ) -> None:
        super().__init__(width, in_groups)
        self.step = float(MEL_RATE / rate)
        self.context = math.ceil(REACH * MEL_RATE / rate) + COLUMNS // 2
        hidden = scaled(_HIDDEN, width)
        # A linear layer over the columns of a frame, computed once for frames that share them.
        self.columns = nn.Conv1d((front_end or FrontEnd()).bands, hidden, COLUMNS)
        self.steps = nn.ModuleList(_FrameUnit(hidden, dilation) for dilation in DILATIONS)
        self.code = nn.Linear(hidden, scaled(CODE, width))

        decoded, painter = scaled(DECODED[-1], width), scaled(_PAINTER, width)
        last = conv(painter, 1)
        begin_at_zero(last)
        self.painter = nn.Sequential(conv(decoded + 2, painter), nn.ReLU(), last)

    def listen(self, mel: Tensor, at: Tensor) -> Tensor:
        """Encode speech, cut by tract_speech.hearing with this context: (B, L, bands) and (B, T) → (B, T, 96)."""
        heard = self.columns(mel.transpose(1, 2)).transpose(1, 2)
        around = torch.arange(-REACH, REACH + 1, device=at.device) * self.step
        first = first_columns(at[..., None] + around, COLUMNS)
        clip = torch.arange(len(mel), device=at.device)[:, None, None]
        x = heard[clip, first].flatten(0, 1).transpose(1, 2)
        for step in self.steps:
            x = step(x)
        codes: Tensor = self.code(x[:, :, 0])
        return codes.float().reshape(*at.shape, -1)

    def painted(self, x: Tensor, state: Tensor, flow: Tensor, warped: Tensor, held: Held) -> Tensor:  # noqa: ARG002
        """Paint what comes to light: (N, 1, H, W)."""
        shown = for_each(held.picture, len(x))
        new: Tensor = self.painter(torch.cat([enlarged(x), warped, shown], dim=1))
        return new


class _FrameUnit(nn.Module):
    """A residual convolution over frames, (N, C, L) → (N, C, L − 2 · dilation); each frame normalised for itself."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, dilation=dilation)
        self.norm = nn.LayerNorm(channels)
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        new = self.norm(self.conv(x).transpose(1, 2)).transpose(1, 2)
        return functional.relu(new + x[:, :, self.dilation : -self.dilation])
