"""Csapó's convolutional network: the speech of one frame to a small map, which two steps enlarge to a picture."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor, nn

from seido.errors import BadInputError
from seido.models.aligned import SIZE, AlignedNetwork, dense
from seido.models.blocks import scaled

UNITS, CHANNELS = 500, 8
"""As published."""
_ENLARGED = 4


class CsapoCNN(AlignedNetwork):
    """500 units, 17 · 17 · 8 units, then twice: doubled by repeating pixels, convolved 3 × 3 (8 channels, 1 channel).

    ReLU after all but the last. Csapó 2020: CNN. `width` scales the 500 and the 8; the map's side is a quarter of the
    picture's. Raises BadInputError when the size is not a multiple of 4.
    """

    def __init__(self, features: int, width: Fraction = Fraction(1), size: int = SIZE) -> None:
        super().__init__(features, size)
        if size % _ENLARGED:
            raise BadInputError(f"a CNN of {size} pixels cannot be made: its size has to be a multiple of {_ENLARGED}")
        side, self.channels = size // _ENLARGED, scaled(CHANNELS, width)
        self.hidden = dense(features, (scaled(UNITS, width), side * side * self.channels))
        self.painted = nn.Sequential(
            nn.Upsample(scale_factor=2),
            nn.Conv2d(self.channels, self.channels, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(self.channels, 1, 3, padding=1),
        )

    def forward(self, speech: Tensor) -> Tensor:
        """Map (B, T, features) to (B, T, size, size), each frame by itself."""
        side = self.size // _ENLARGED
        maps = self.hidden(self.standard(speech)).reshape(-1, self.channels, side, side)
        pictures: Tensor = self.painted(maps)
        return pictures.reshape(*speech.shape[:2], self.size, self.size)

    @torch.no_grad()
    def begin_with(self, picture: Tensor) -> None:
        """Begin at the picture's mean grey: the last layer has one bias for all pixels."""
        last = self.painted[-1]
        assert isinstance(last, nn.Conv2d)  # noqa: S101
        assert last.bias is not None  # noqa: S101
        last.bias.fill_(picture.mean())
