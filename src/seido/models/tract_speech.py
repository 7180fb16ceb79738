"""The whole of the speech encoded once: a log-mel of any length becomes one code for each frame.

Features of a frozen speech encoder (plan.Encoder) may stand where the log-mel stands.

Convolutions in time are not padded: what a column becomes depends on CONTEXT columns on either side of it and on
nothing else. So speech cut into stretches that overlap by the context gives what the whole gives, but for rounding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from seido.clips.logmel import LIMIT
from seido.models.blocks import scaled
from seido.plan import FrontEnd
from seido.timebase import MEL_RATE, WINDOW

_DILATIONS = (1, 2, 3, 4)
_PICTURE_LAYERS = 3
"""Layers that see the log-mel as a picture, each one column to either side."""
CONTEXT = _PICTURE_LAYERS + sum(_DILATIONS)
"""Columns on either side that decide what is made of a column: 13, 0.16 s."""
LOOK_AHEAD = (CONTEXT + 1) / MEL_RATE + Fraction(1, 40)
"""Seconds of speech after the middle of a frame that it depends on, at most: 0.2, with half a mel window, .025."""
_BAND_STRIDES = (1, 3, 3)
_CHANNELS = (8, 16, 32)
_HIDDEN = 128


class SpeechEncoder(nn.Module):
    """Log-mel (B, columns, bands) and where frames lie in it (B, T) to codes (B, T, outputs).

    `features` of a frozen encoder stand in no order, unlike bands, so there is nothing to see in them as in a picture:
    each is brought to the mean and variance that it has in training. The context stays the same.
    """

    def __init__(self, bands: int, outputs: int, width: Fraction, *, features: bool = False) -> None:
        super().__init__()
        self.picture: nn.Module
        if features:
            self.picture, rows = _Features(bands), bands
        else:
            layers: list[nn.Module] = []
            before = 1
            for channels, stride in zip((scaled(each, width) for each in _CHANNELS), _BAND_STRIDES, strict=True):
                # Padded along the bands, not along time: a voice with a longer tract has its formants some bands lower.
                layers += [nn.Conv2d(before, channels, 3, (stride, 1), (1, 0)), nn.BatchNorm2d(channels), nn.ReLU()]
                before, bands = channels, math.ceil(bands / stride)
            self.picture, rows = nn.Sequential(*layers), before * bands
        hidden = scaled(_HIDDEN, width)
        self.column = nn.Conv1d(rows, hidden, 1)
        self.steps = nn.ModuleList(_TimeUnit(hidden, dilation) for dilation in _DILATIONS)
        self.code = nn.Conv1d(hidden, outputs, 1)

    def forward(self, mel: Tensor, at: Tensor) -> Tensor:
        """Encode; `at` are columns, counted from the first of `mel`, between CONTEXT and columns − 1 − CONTEXT."""
        x: Tensor = self.picture(mel.transpose(1, 2)[:, None])
        x = self.column(x.flatten(1, 2))
        for step in self.steps:
            x = step(x)
        codes: Tensor = self.code(x)
        # Linear interpolation between the two nearest columns, as a product: exact at any frame rate.
        column = torch.arange(codes.shape[2], device=at.device) + CONTEXT
        weights = (1 - (column[:, None] - at[:, None]).abs()).clamp(min=0)
        return (codes.float() @ weights).transpose(1, 2)


class _Features(nn.Module):
    """Features brought to mean 0 and variance 1 each, over the training: (B, 1, D, L) → (B, 1, D, L − 6)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        normal: Tensor = self.norm(x[:, 0, :, _PICTURE_LAYERS:-_PICTURE_LAYERS])
        return normal[:, None]


class _TimeUnit(nn.Module):
    """A residual convolution in time, (B, C, L) → (B, C, L − 2 · dilation)."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, dilation=dilation)
        self.norm = nn.BatchNorm1d(channels)
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.norm(self.conv(x)) + x[:, :, self.dilation : -self.dilation])


def silence_of(front_end: FrontEnd) -> float:
    """Tell what stands before and after speech: the log-mel's floor, or 0, the middle of every column of features."""
    return -LIMIT if front_end.encoder is None else 0.0


def hearing(
    mel: NDArray[np.float32],
    frames: Sequence[int | Fraction],
    rate: Fraction,
    lead: Fraction,
    slack: int | Fraction = 0,
    context: int = CONTEXT,
    silence: float = -LIMIT,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cut out what a SpeechEncoder needs for frames in a row.

    Parameters
    ----------
    mel
        The log-mel, or features in its place, float32 (columns, bands); before and after it there is silence.
    frames
        The frames' numbers, rising; perhaps between whole ones, as where a clip's pictures were taken.
    rate
        Frames per second.
    lead
        Seconds by which a mel window of 16 columns begins before its frame (plan.Plan.lead_at). A frame lies where
        the middle of that window is: 0.08 s put it at the middle of a frame of 40 ms.
    slack
        How many frames more than one a step the last may be from the first, where they are not whole numbers.
    context
        Columns on either side that the encoder needs (mover.Mover.context).
    silence
        What columns of silence hold; see silence_of.

    Returns
    -------
    float32 (L, bands), L the same for all stretches of so many frames; and where the frames lie in it, float32
    (frames,), in columns.

    >>> cut, at = hearing(np.zeros((97, 80), np.float32), range(10, 12), Fraction(25), Fraction(2, 25))
    >>> cut.shape, at.tolist()  # column 33.6 of the log-mel, and 3.2 later
    ((32, 80), [13.600000381469727, 16.799999237060547])

    """
    places = [MEL_RATE * (frame / rate - lead) + Fraction(WINDOW, 2) for frame in frames]
    begin = math.floor(places[0]) - context
    count = math.ceil((len(frames) - 1 + slack) * MEL_RATE / rate) + 2 + 2 * context
    cut = np.full((count, mel.shape[1]), silence, np.float32)
    # Outside there may be all of it: frames that come later than the speech, with an offset.
    first, last = max(0, begin), min(len(mel), begin + count)
    if first < last:
        cut[first - begin : last - begin] = mel[first:last]
    return cut, np.array([float(place - begin) for place in places], np.float32)
