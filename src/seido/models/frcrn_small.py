"""A small causal relative of FRCRN for speech in a scanner: it runs live and hears 40 ms ahead.

One complex U-Net with recurrence along frequency (after Zhao et al. 2022) and a recurrent cell along time in the
middle. Beside the spectrum it sees what is steady in it (frcrn_steady), and beside the mask of the spectrum it gives
one for each steady part: so it can take a line away under a vowel, which a mask alone cannot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from seido.errors import BadInputError
from seido.models.blocks import scaled
from seido.models.frcrn import BINS, HOP, SAMPLE_RATE, WINDOW, overlap_add, spectrum, windowed_frames
from seido.models.frcrn_layers import MEMORY, SLOPE, ComplexConv, ComplexTransposedConv, fixed_copy, join, parts
from seido.models.frcrn_steady import CHANNELS, KEPT, Steady, follow, nothing_heard

AHEAD = Fraction(WINDOW, SAMPLE_RATE)
"""Seconds of sound that must have been heard after a sample before it can be given: the window, 40 ms."""
BLOCK = 100
"""Frames that are worked on at a time, 2 s: memory does not grow with the recording."""
_CHANNELS = (8, 12, 16, 24, 32)
"""Complex channels of the encoders."""
_CELLS = 128
_HEIGHTS = (5, 5, 6, 5, 5)
"""Of the decoders' kernels along frequency."""
_MASKS = 1 + len(KEPT)


@dataclass(frozen=True)
class SmallMemory:
    """All that the network remembers between two blocks of frames."""

    steady: Steady
    pasts: tuple[Tensor, ...]
    """The last frame before each encoder, (B, 2C, F, 1)."""
    cells: Tensor
    """(1, B, 128)."""


class FrcrnSmall(nn.Module):
    """Speech in noise to speech: (batch, samples) at 16 kHz → the same shape; no sample hears more than 40 ms ahead.

    The level does not matter and is kept. `width` scales the channels.
    """

    def __init__(self, width: Fraction = Fraction(1)) -> None:
        super().__init__()
        sizes = [scaled(each, width) for each in _CHANNELS]
        cells = scaled(_CELLS, width)
        self.encoders = nn.ModuleList()
        heights = [BINS]
        for inputs, outputs in zip([CHANNELS, *sizes], sizes, strict=False):
            self.encoders.append(_Encoder(inputs, outputs, along_frequency=bool(self.encoders)))
            heights.append((heights[-1] - 5) // 2 + 1)
        middle = 2 * sizes[-1] * heights[-1]
        self.remembered = nn.GRU(middle, cells, batch_first=True)
        self.recalled = nn.Linear(cells, middle)
        self.decoders = nn.ModuleList()
        for inputs, outputs, height in zip(sizes[::-1], [*sizes[-2::-1], _MASKS], _HEIGHTS, strict=True):
            self.decoders.append(_Decoder(2 * inputs, outputs, height, last=outputs == _MASKS))
        self.heights = heights
        self._begin()

    def forward(self, samples: Tensor) -> Tensor:
        """Take the noise out; raises BadInputError for other shapes."""
        return sound(self.enhanced(spectrum_of(samples)), samples.shape[1])

    def enhanced(self, x: Tensor) -> Tensor:
        """Turn spectra that `spectrum_of` made, (B, 2, 321, T), into those of speech. In training T is one block."""
        memory = self.fresh(x)
        if self.training:
            return self.step(x, memory)[0]
        made = []
        for block in torch.split(x, BLOCK, dim=3):
            part, memory = self.step(block, memory)
            made.append(part)
        return torch.cat(made, dim=3)

    def fresh(self, x: Tensor) -> SmallMemory:
        """Make the memory before the first frame of sounds like x, (B, …)."""
        batch = x.shape[0]
        pasts = []
        for encoder, height in zip(self.encoders, self.heights, strict=False):
            inputs = cast("_Encoder", encoder).inputs
            pasts.append(x.new_zeros(batch, 2 * inputs, height, 1))
        return SmallMemory(
            nothing_heard(batch, BINS, x), tuple(pasts), x.new_zeros(1, batch, self.remembered.hidden_size)
        )

    def step(self, x: Tensor, memory: SmallMemory) -> tuple[Tensor, SmallMemory]:
        """Enhance a block of frames, (B, 2, 321, T), and return what to remember."""
        spectra = torch.complex(x[:, 0], x[:, 1])
        foretold, features, steady = follow(spectra, memory.steady)
        y = features.contiguous(memory_format=torch.channels_last)
        pasts, skips = [], []
        for encoder, past in zip(self.encoders, memory.pasts, strict=True):
            y, past = encoder(y, past)
            pasts.append(past)
            skips.append(y)
        batch, channels, height, frames = y.shape
        flat = y.permute(0, 3, 2, 1).flatten(2)
        heard, cells = self.remembered(flat, memory.cells)
        heard = flat + self.recalled(heard)
        y = heard.reshape(batch, frames, height, channels).permute(0, 3, 2, 1)
        for decoder in self.decoders:
            y = decoder(join(y, skips.pop()))
        masks = 2 * parts(torch.tanh(y))
        mask = torch.complex(masks[:, 0].contiguous(), masks[:, 1].contiguous())
        enhanced = mask[:, 0] * spectra + (mask[:, 1:] * foretold).sum(1)
        return torch.stack((enhanced.real, enhanced.imag), dim=1), SmallMemory(steady, tuple(pasts), cells)

    def _begin(self) -> None:
        """Let everything pass at first."""
        last = cast("_Decoder", self.decoders[-1]).conv
        half = math.atanh(0.5) / 2
        with torch.no_grad():
            for part, sign in ((last.tconv_re, 1), (last.tconv_im, -1)):
                part.weight.mul_(0.1)
                assert part.bias is not None  # noqa: S101  (it was made with one)
                part.bias.zero_()
                part.bias[0] = sign * half


def spectrum_of(samples: Tensor) -> Tensor:
    """Split a waveform (B, samples) into spectra (B, 2, 321, T), with half a frame of silence before it.

    Every sample lies in two frames. Raises BadInputError for other shapes.
    """
    if samples.ndim != 2 or not samples.shape[1]:
        raise BadInputError(f"a waveform of shape (batch, samples) is wanted, got {tuple(samples.shape)}; reshape it")
    return spectrum(functional.pad(samples, (HOP, padded_end(samples.shape[1]))))


def padded_end(samples: int) -> int:
    """Tell how many zeros behind so many samples let every sample lie in two frames."""
    return HOP * ((HOP - 1 + samples) // HOP + 1) - samples


def sound(spectra: Tensor, samples: int) -> Tensor:
    """Turn spectra like those of `spectrum_of` back into a waveform, (B, samples)."""
    return overlap_add(windowed_frames(spectra))[:, HOP : HOP + samples]


class SmallStream:
    """A network at work on sound as it comes: what it gives, put together, is what it gives for the whole at once.

    Not for training mode. The first sample comes when 40 ms have been fed.
    """

    def __init__(self, network: FrcrnSmall, batch: int = 1) -> None:
        if network.training:
            raise BadInputError("the network is in training mode; call its eval() first")
        self.network = fixed_copy(network)
        like = next(network.parameters()).new_zeros(batch, HOP)
        self._waiting = like
        """Samples of frames to come; the first half frame is silent."""
        self._half = like
        """The second half of the last frame, which the next is added to."""
        self._memory = network.fresh(like)
        self._fed = self._given = 0

    @torch.inference_mode()
    def feed(self, chunk: Tensor) -> Tensor:
        """Hear (batch, samples) more and return the samples that are certain now, (batch, …), perhaps none."""
        if chunk.ndim != 2 or chunk.shape[0] != self._waiting.shape[0]:
            raise BadInputError(
                f"a chunk of shape ({self._waiting.shape[0]}, samples) is wanted, got {tuple(chunk.shape)}; reshape it"
            )
        self._fed += chunk.shape[1]
        return self._worked(torch.cat((self._waiting, chunk.to(self._waiting)), dim=1))

    @torch.inference_mode()
    def flush(self) -> Tensor:
        """Return the samples still owed, as if silence followed; feed nothing afterwards."""
        owed = self._fed - self._given
        silence = self._waiting.new_zeros(self._waiting.shape[0], 2 * WINDOW)
        return self._worked(torch.cat((self._waiting, silence), dim=1))[:, :owed]

    def _worked(self, waiting: Tensor) -> Tensor:
        frames, begun = (waiting.shape[1] - HOP) // HOP, self._memory.steady.frames > 0
        self._waiting = waiting[:, frames * HOP :]
        made = [waiting[:, :0]]
        for first in range(0, frames, BLOCK):
            count = min(BLOCK, frames - first)
            x = spectrum(waiting[:, first * HOP : (first + count + 1) * HOP])
            enhanced, self._memory = self.network.step(x, self._memory)
            added = overlap_add(windowed_frames(enhanced))
            added[:, :HOP] += self._half
            self._half = added[:, -HOP:]
            made.append(added[:, :-HOP])
        out = torch.cat(made, dim=1)
        if frames and not begun:
            out = out[:, HOP:]  # the half frame of silence before the first sample
        self._given += out.shape[1]
        return out


class _Recurrence(nn.Module):
    """Memory along frequency, low to high, in every frame (FSMN): z + q + memory(q), q = project(relu(linear(z)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = ComplexConv(channels, channels, (1, 1))
        self.project = ComplexConv(channels, channels, (1, 1))
        self.memory = nn.Conv2d(2 * channels, 2 * channels, (MEMORY, 1), groups=2 * channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q = self.project(functional.relu(self.linear(x)))
        return cast("Tensor", x + q + self.memory(functional.pad(q, (0, 0, MEMORY - 1, 0))))


class _Encoder(nn.Module):
    """Recurrence along frequency, convolution over a frame and the one before it, normalisation, leaky rectifier."""

    def __init__(self, inputs: int, outputs: int, *, along_frequency: bool) -> None:
        super().__init__()
        self.inputs = inputs
        self.recurrence = _Recurrence(inputs) if along_frequency else None
        self.conv = ComplexConv(inputs, outputs, (5, 2), (2, 1))
        self.norm = nn.BatchNorm2d(2 * outputs)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        if self.recurrence is not None:
            x = self.recurrence(x)
        both = torch.cat((past, x), dim=3)
        return functional.leaky_relu(self.norm(self.conv(both)), SLOPE), both[..., -1:]


class _Decoder(nn.Module):
    """Transposed convolution of one frame, normalisation, leaky rectifier, recurrence along frequency."""

    def __init__(self, inputs: int, outputs: int, height: int, *, last: bool) -> None:
        super().__init__()
        self.conv = ComplexTransposedConv(inputs, outputs, (height, 1), (2, 1), (0, 0))
        self.norm = None if last else nn.BatchNorm2d(2 * outputs)
        self.recurrence = None if last else _Recurrence(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv.apply_kernel(x, *self.conv.kernel())
        if self.norm is None or self.recurrence is None:
            return y
        return cast("Tensor", self.recurrence(functional.leaky_relu(self.norm(y), SLOPE)))
