"""The trial's arm Hb, its best: a warp, what comes to light painted, and a residual at full resolution."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor, nn

from seido.models.blocks import R, chain, scaled
from seido.models.blocks import conv as row
from seido.models.mover import for_each
from seido.models.tract import warp
from seido.models.trial import (
    CODE,
    DECODED,
    LEVELS,
    Film,
    Held,
    TrialGenerator,
    begin_at_zero,
    conv,
    enlarged,
    first_columns,
)
from seido.timebase import WINDOW

_SPEECH = (                                        # 80 bands × 16 columns, as Wav2Lip's but shorter and slimmer
    row(8), R,                                     # 80 × 16
    row(16, stride=(3, 1)), R,                     # 27 × 16
    row(32, stride=3), R,                          # 9 × 6
    row(64, stride=(3, 2)), R,                     # 3 × 3
    row(128, padding=0),                           # 1 × 1
)  # fmt: skip
_DETAIL = 8
"""Features at full resolution that the flow warps beside the picture."""
_PAINTER = 12


class TrialHb(TrialGenerator):
    """See mover.Mover. Batch normalisation throughout; 628 574 parameters at width 1, as in the trial.

    It hears the 16 columns, 0.2 s, around each frame, through the slim audio encoder of the trial's Wav2Lip.
    """

    context = WINDOW // 2

    def __init__(self, width: Fraction = Fraction(1)) -> None:
        details = scaled(_DETAIL, width)
        super().__init__(width, nn.BatchNorm2d, details)
        code, painter = scaled(CODE, width), scaled(_PAINTER, width)
        units, channels = chain(_SPEECH, 1, width)
        self.speech = nn.Sequential(*units, nn.Flatten(), nn.Linear(channels, code))

        decoded = scaled(DECODED[-1], width)
        self.turned = Film(decoded + scaled(LEVELS[0], width), decoded, code, nn.BatchNorm2d)
        last = conv(painter, 2)
        begin_at_zero(last)
        self.painter = nn.Sequential(
            conv(decoded + details + 2, painter),
            nn.BatchNorm2d(painter),
            nn.ReLU(),
            conv(painter, painter),
            nn.ReLU(),
            last,
        )

    def listen(self, mel: Tensor, at: Tensor) -> Tensor:
        """Encode speech, cut by tract_speech.hearing: (B, L, bands) and (B, T) → (B, T, 96)."""
        columns = first_columns(at, WINDOW)[..., None] + torch.arange(WINDOW, device=at.device)
        clip = torch.arange(len(mel), device=at.device)[:, None, None]
        windows = mel[clip, columns].flatten(0, 1).transpose(1, 2)
        codes: Tensor = self.speech(windows[:, None])
        return codes.float().reshape(*at.shape, -1)

    def painted(self, x: Tensor, state: Tensor, flow: Tensor, warped: Tensor, held: Held) -> Tensor:
        """Paint what comes to light, and a residual: (N, 2, H, W)."""
        count = len(x)
        seen = warp(for_each(held.levels[-1].float(), count), flow)
        x = x + self.turned(torch.cat([x, seen], dim=1), state)
        new: Tensor = self.painter(torch.cat([enlarged(x), warped, for_each(held.picture, count)], dim=1))
        return new
