"""The recurrent baselines: Csapó's LSTM, which remembers, and Oura's BLSTM, which also looks ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import torch
from torch import Tensor, nn

from seido.models.aligned import SIZE, AlignedNetwork, FlatPictures, dense
from seido.models.blocks import scaled

DENSE, UNITS, LAYERS = (575, 575, 575), 575, 2
"""As published by Csapó 2020: 8.6 million weights with 25 features a frame."""
_PAINTED = 64
"""Pictures painted at a time: of a long stretch only the memory cells are held, not the pictures."""


class CsapoLSTM(AlignedNetwork):
    """Three layers of 575 units with ReLU for each frame, two LSTM layers of 575 over frames, a linear layer of pixels.

    Csapó 2020: LSTM. `width` scales the 575. The cells' activation is tanh (Hochreiter & Schmidhuber 1997), published
    was a ReLU, which grows without limit over long speech.
    """

    bidirectional = False

    def __init__(self, features: int, width: Fraction = Fraction(1), size: int = SIZE) -> None:
        super().__init__(features, size)
        units, sizes = scaled(UNITS, width), [scaled(each, width) for each in DENSE]
        self.hidden = dense(features, sizes)
        self.cells = nn.LSTM(sizes[-1], units, LAYERS, batch_first=True, bidirectional=self.bidirectional)
        self.pixels = FlatPictures(units * (2 if self.bidirectional else 1), size)

    def forward(self, speech: Tensor) -> Tensor:
        """Map (B, T, features) to (B, T, size, size); memory begins empty."""
        remembered, _ = self.cells(self.hidden(self.standard(speech)))
        pictures: Tensor = self.pixels(remembered)
        return pictures

    def stream(self, batches: Iterable[Tensor]) -> Iterator[Tensor]:
        """Make the pictures part by part; what is remembered goes from one part to the next."""
        memory = None
        for batch in batches:
            remembered, memory = self.cells(self.hidden(self.standard(batch[None])), memory)
            yield self.pixels(remembered[0])

    def begin_with(self, picture: Tensor) -> None:
        """Begin at this picture."""
        self.pixels.begin_with(picture)


class OuraBLSTM(CsapoLSTM):
    """As CsapoLSTM, but the two layers run over the frames both ways, 575 units each way.

    Oura, Kikuchi & Kobayashi 2024, Interspeech pp. 1550–1554: BLSTM. Its sizes are not known here: they are Csapó's.
    Their alignment of speakers' heads and their filter of regions outside the tract are not part of it.
    """

    bidirectional = True

    def stream(self, batches: Iterable[Tensor]) -> Iterator[Tensor]:
        """Hear the whole stretch, then make its pictures; memory grows by some ten kilobytes a frame."""
        remembered, _ = self.cells(self.hidden(self.standard(torch.cat(list(batches))[None])))
        for part in remembered[0].split(_PAINTED):
            yield self.pixels(part)
