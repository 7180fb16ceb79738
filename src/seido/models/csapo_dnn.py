"""Csapó's fully connected network: the speech of one frame to all its pixels."""

from __future__ import annotations

from fractions import Fraction

from torch import Tensor

from seido.models.aligned import SIZE, AlignedNetwork, FlatPictures, dense
from seido.models.blocks import scaled

UNITS = (1000, 1000, 1000, 1000, 1000)
"""As published."""


class CsapoDNN(AlignedNetwork):
    """Five layers of 1000 units with ReLU, then a linear layer with one unit a pixel.

    Csapó 2020, "Speaker dependent acoustic-to-articulatory inversion using real-time MRI of the vocal tract",
    Interspeech: FC-DNN. `width` scales the 1000.
    """

    def __init__(self, features: int, width: Fraction = Fraction(1), size: int = SIZE) -> None:
        super().__init__(features, size)
        units = [scaled(each, width) for each in UNITS]
        self.hidden = dense(features, units)
        self.pixels = FlatPictures(units[-1], size)

    def forward(self, speech: Tensor) -> Tensor:
        """Map (B, T, features) to (B, T, size, size), each frame by itself."""
        pictures: Tensor = self.pixels(self.hidden(self.standard(speech)))
        return pictures

    def begin_with(self, picture: Tensor) -> None:
        """Begin at this picture."""
        self.pixels.begin_with(picture)
