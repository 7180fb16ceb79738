"""What the field's baselines share: each frame's stretch of speech goes in, a grey picture of it comes out.

They see no picture of the speaker. Speech is aligned with frames: there is one vector of speech features for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor, nn

from seido.plan import FrontEnd
from seido.timebase import MEL_RATE, WINDOW, centred_lead

SIZE = 68
"""Pixels along each side of the pictures, as in USC-TIMIT, for which the baselines were published."""
_LEAST_DEVIATION = 1e-3
"""A mel band that moves less than this in training is not blown up."""


class AlignedNetwork(nn.Module):
    """Speech features of frames in a row to pictures: (B, T, features) → (B, T, size, size), grey, about 0 … 1.

    Features are brought to mean 0 and deviation 1, each by itself, with the training data's statistics (Csapó 2020).
    They are kept with the weights.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))

    def forward(self, speech: Tensor) -> Tensor:
        """Make the pictures of stretches of frames; a recurrent network remembers nothing from one call to the next."""
        raise NotImplementedError

    def stream(self, batches: Iterable[Tensor]) -> Iterator[Tensor]:
        """Make the pictures of one long stretch that comes in parts: (t, features) each in, (t, size, size) each out.

        Without effect on the outcome: parts of any size give the same pictures, but for rounding.
        """
        for batch in batches:
            yield self(batch[None])[0]

    def standard(self, speech: Tensor) -> Tensor:
        """Bring features to mean 0 and deviation 1."""
        return (speech - self.mean) / self.deviation

    @torch.no_grad()
    def begin(self, mean: Tensor, deviation: Tensor, picture: Tensor) -> None:
        """Take over the training data's statistics: of the features, (features,), and the mean picture (size, size)."""
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.clamp(min=_LEAST_DEVIATION))
        self.begin_with(picture)

    def begin_with(self, picture: Tensor) -> None:
        """Let the network show this picture (size, size), whatever it hears, before it has learnt anything."""


class FlatPictures(nn.Linear):
    """The linear layer that paints all pixels at once: (…, inputs) → (…, size, size)."""

    def __init__(self, inputs: int, size: int) -> None:
        super().__init__(inputs, size * size)
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Paint."""
        return super().forward(x).reshape(*x.shape[:-1], self.size, self.size)

    @torch.no_grad()
    def begin_with(self, picture: Tensor) -> None:
        """Begin at a picture: small weights around it, so that learning starts from the mean frame, not from noise."""
        self.bias.copy_(picture.flatten())
        self.weight.mul_(0.1)


def dense(inputs: int, sizes: Iterable[int]) -> nn.Sequential:
    """Make fully connected layers of these sizes, a ReLU after each."""
    layers: list[nn.Module] = []
    for outputs in sizes:
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        inputs = outputs
    return nn.Sequential(*layers)


def aligned_features(windows: Tensor, columns: int) -> Tensor:
    """Take the middle `columns` of each frame's mel window: (T, 1, bands, 16) → (T, bands · columns).

    >>> aligned_features(torch.zeros(7, 1, 80, 16), 4).shape
    torch.Size([7, 320])
    """
    first = _first(columns)
    return windows[:, 0, :, first : first + columns].flatten(1)


def whole_window(front_end: FrontEnd) -> FrontEnd:
    """Return the front-end whose mel windows have all 16 columns, of which `front_end` hears the middle.

    >>> whole_window(FrontEnd(window=4, lead=Fraction(1, 200))).lead
    Fraction(2, 25)
    """
    return replace(front_end, window=WINDOW, lead=front_end.lead + _first(front_end.window) / MEL_RATE)


def centred_front_end(columns: int, rate: Fraction) -> FrontEnd:
    """Make the front-end that hears so many columns around the middle of each frame.

    An odd number begins half a column early, 6 ms, for the 16 columns have no middle one.
    """
    return FrontEnd(lead=centred_lead(rate) - _first(columns) / MEL_RATE, window=columns)


def _first(columns: int) -> int:
    return (WINDOW - columns) // 2
