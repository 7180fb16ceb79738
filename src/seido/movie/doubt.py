"""Where a tract generator guesses: what changes in its picture when the same is said by shorter and longer tracts.

What the tract does must not depend on how long it is; where the network's picture does, the speech has not told it the
shape. bench/doubt.py measures how far this doubt and the error go together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

STRETCHES = (0.88, 0.94, 1.06, 1.12)
"""How the bands of the log-mel are stretched for the other hearings; 1 is the speech as it is."""
AROUND = 5
"""Pixels along each side over which doubt is averaged."""
LEAST, MOST = 0.02, 0.10
"""Doubt at which the tint begins, and at which it is full; of a scale from black 0 to white 1."""
TINT = (0.0, 0.45, 1.0)
"""Blue, green and red: orange."""
COVER = 0.8
"""Share of a full tint in the picture."""


def doubt_of(made: Tensor, others: Sequence[Tensor]) -> Tensor:
    """Compute the root mean square by which other hearings of the same speech change the picture, averaged nearby.

    Pictures are (N, 1, H, W), 0 … 1, and so is the doubt.
    """
    squares = torch.stack([(other - made) ** 2 for other in others]).mean(0)
    return functional.avg_pool2d(squares.sqrt(), AROUND, 1, AROUND // 2, count_include_pad=False)


def tinted(batches: Iterable[Tensor], others: Sequence[Iterable[Tensor]]) -> Iterator[Tensor]:
    """Colour grey pictures (N, 1, H, W) orange where there is doubt: (N, 3, H, W), BGR, 0 … 1."""
    tint = torch.tensor(TINT)[:, None, None]
    for made, *heard in zip(batches, *others, strict=True):
        share = ((doubt_of(made, heard) - LEAST) / (MOST - LEAST)).clamp(0, 1) * COVER
        yield made * (1 - share) + tint * share
