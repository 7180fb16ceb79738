"""The visual quality discriminator of Wav2Lip: is this lower half of a frame real? (Prajwal et al. 2020)."""

from __future__ import annotations

from fractions import Fraction

from torch import Tensor, nn

from seido.models.blocks import chain, exact_width, leaky, require_shape

ENCODER = (
    (leaky(32, 7, padding=3),),                                     # 48 × 96
    (leaky(64, 5, (1, 2), padding=2), leaky(64, 5, padding=2)),     # 48 × 48
    (leaky(128, 5, 2, padding=2), leaky(128, 5, padding=2)),        # 24 × 24
    (leaky(256, 5, 2, padding=2), leaky(256, 5, padding=2)),        # 12 × 12
    (leaky(512, 3, 2, padding=1), leaky(512, 3, padding=1)),        # 6 × 6
    (leaky(512, 3, 2, padding=1), leaky(512, 3, padding=1)),        # 3 × 3
    (leaky(512, 3), leaky(512, 1)),                                 # 1 × 1
)  # fmt: skip


class QualityDiscriminator(nn.Module):
    """The discriminator; at width 1 its parameters are named and shaped as in the published checkpoint."""

    def __init__(self, width: Fraction | float = 1) -> None:
        super().__init__()
        self.width = width = exact_width(width)
        self.face_encoder_blocks = nn.ModuleList()
        channels = 3
        for rows in ENCODER:
            units, channels = chain(rows, channels, width)
            self.face_encoder_blocks.append(nn.Sequential(*units))
        self.binary_pred = nn.Sequential(nn.Conv2d(channels, 1, 1), nn.Sigmoid())

    def forward(self, frames: Tensor) -> Tensor:
        """Judge each frame by its rows 48 … 95.

        `frames`: float32 (B, 3, 96, 96) or (B, 3, T, 96, 96), 0 … 1. Returns the probability of being real, (B, 1)
        or (B·T, 1); in the second case all of the batch at the first time come first. Raises BadInputError for other
        shapes.
        """
        require_shape("frames", frames, ("B", 3, 96, 96), ("B", 3, "T", 96, 96))
        x = frames.permute(2, 0, 1, 3, 4).flatten(0, 1) if frames.ndim == 5 else frames
        x = x[:, :, x.shape[2] // 2 :]
        for block in self.face_encoder_blocks:
            x = block(x)
        probability: Tensor = self.binary_pred(x)
        return probability.flatten(1)
