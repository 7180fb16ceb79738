"""SyncNet: does this speech belong to these five frames? (Prajwal et al. 2020, after Chung & Zisserman 2016)."""

from __future__ import annotations

from fractions import Fraction

from torch import Tensor, nn
from torch.nn import functional

from seido.models.blocks import R, chain, conv, down, exact_width, require_shape

FRAMES = 5
"""Frames that are judged together."""

FACE_ENCODER = (
    conv(32, 7, padding=3),                         # 48 × 96
    conv(64, 5, stride=(1, 2)), R, R,               # 46 × 47
    down(128), R, R, R,                             # 23 × 24
    down(256), R, R,                                # 12 × 12
    down(512), R, R,                                # 6 × 6
    down(512),                                      # 3 × 3
    conv(512, padding=0), conv(512, 1, padding=0),  # 1 × 1
)  # fmt: skip
AUDIO_ENCODER = (
    conv(32), R, R,                                 # 80 × 16
    conv(64, stride=(3, 1)), R, R,                  # 27 × 16
    conv(128, stride=3), R, R,                      # 9 × 6
    conv(256, stride=(3, 2)), R, R,                 # 3 × 3
    conv(512, padding=0), conv(512, 1, padding=0),  # 1 × 1
)  # fmt: skip


class SyncNet(nn.Module):
    """The sync expert; at width 1 its parameters are named and shaped as in the published checkpoint."""

    def __init__(self, width: Fraction | float = 1) -> None:
        super().__init__()
        self.width = width = exact_width(width)
        self.face_encoder = nn.Sequential(*chain(FACE_ENCODER, 3 * FRAMES, width)[0])
        self.audio_encoder = nn.Sequential(*chain(AUDIO_ENCODER, 1, width)[0])

    def forward(self, audio: Tensor, face: Tensor) -> tuple[Tensor, Tensor]:
        """Embed speech and the lower half of five frames.

        Parameters
        ----------
        audio
            Log-mel windows: float32 (B, 1, 80, 16).
        face
            Rows 48 … 95 of five frames, 0 … 1, stacked frame by frame along the channels: (B, 15, 48, 96).

        Returns
        -------
        Audio and face embeddings, float32 (B, 512) each at width 1, of length 1 and nowhere negative: their scalar
        product, 0 … 1, is the probability of being in sync. Raises BadInputError for other shapes.

        """
        require_shape("audio", audio, ("B", 1, 80, 16))
        require_shape("face", face, ("B", 3 * FRAMES, 48, 96))
        return (
            functional.normalize(self.audio_encoder(audio).flatten(1)),
            functional.normalize(self.face_encoder(face).flatten(1)),
        )
