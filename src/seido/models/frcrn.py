"""FRCRN, the complex recurrent U-Net that takes noise out of speech, as released for 16 kHz.

Zhao et al., ICASSP 2022, "FRCRN: boosting feature representation using frequency recurrence for monaural speech
enhancement" (arXiv 2206.07293). The released network differs from the paper's: 40 ms windows, squeeze-and-excitation
gates that average over the whole passage.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from seido.errors import BadInputError
from seido.models.frcrn_layers import (
    REDUCTION,
    ComplexConv,
    ComplexMemory,
    Decoder,
    Encoder,
    Gate,
    Pool,
    join,
    pooled,
)

SAMPLE_RATE = 16_000
"""Hz."""
WINDOW = 640
"""Samples in a frame, 40 ms."""
HOP = 320
"""Samples from frame to frame, 20 ms."""
BINS = WINDOW // 2 + 1
CHANNELS = 128
DEPTH = 7
"""Encoders, and decoders, of each U-Net."""
LOOK_BACK = 90
"""Frames before its own that a frame depends on, gates aside: per U-Net 7 of the encoders, 2 × 19 of the memory."""
LOOK_AHEAD = 14
"""Frames after its own that a frame depends on, gates aside: 7 of the decoders of each U-Net."""

_ENCODER_HEIGHTS = (5, 5, 5, 5, 5, 5, 2)
_DECODER_HEIGHTS = (2, 5, 5, 5, 6, 5, 5)
_LEAST_ENERGY = 1e-8
"""Added to the overlapping windows' energy, which is nought at the first sample."""


def window(like: Tensor) -> Tensor:
    """Root of the periodic Hann window, sin(πn/640), (640); used for analysis and synthesis."""
    n = torch.arange(WINDOW, dtype=torch.float64)
    return torch.sin(math.pi * n / WINDOW).to(like)


def spectrum(samples: Tensor) -> Tensor:
    """Split a waveform (B, samples) into the complex spectra of its frames (B, 2, 321, T), real then imaginary.

    Frame t covers samples 320t … 320t + 639, T = (samples − 640)//320 + 1; the DFT is not scaled. Raises
    BadInputError when there is no whole frame.
    """
    if samples.ndim != 2:
        raise BadInputError(f"a waveform of shape (batch, samples) is wanted, got {tuple(samples.shape)}; reshape it")
    if samples.shape[1] < WINDOW:
        raise BadInputError(f"at least {WINDOW} samples (40 ms) are needed, got {samples.shape[1]}; pad with zeros")
    frames = samples.unfold(1, WINDOW, HOP) * window(samples)
    spectra: Tensor = torch.view_as_real(torch.fft.rfft(frames)).permute(0, 3, 2, 1)
    return spectra


def windowed_frames(spectra: Tensor) -> Tensor:
    """Turn spectra (B, 2, 321, T) back into windowed frames (B, T, 640)."""
    frames: Tensor = torch.fft.irfft(torch.view_as_complex(spectra.permute(0, 3, 2, 1).contiguous()), n=WINDOW)
    return frames * window(frames)


def overlap_add(frames: Tensor) -> Tensor:
    """Add frames (B, T, 640), half over each other, into (B, 320·(T + 1))."""
    first, second = frames[..., :HOP], frames[..., HOP:]
    return (functional.pad(first, (0, 0, 0, 1)) + functional.pad(second, (0, 0, 1, 0))).flatten(1)


def waveform(spectra: Tensor) -> Tensor:
    """Invert `spectrum`: (B, 2, 321, T) → (B, 320·(T − 1) + 640).

    In the first and last 320 samples the division by the window's energy makes errors of the mask larger, up to 200
    times at the second sample; sample 0 is always 0.
    """
    frames = windowed_frames(spectra)
    energy = window(frames).square().expand(1, frames.shape[1], WINDOW)
    return overlap_add(frames) / (overlap_add(energy) + _LEAST_ENERGY)


def product(x: Tensor, mask: Tensor) -> Tensor:
    """Multiply complex numbers held as (B, 2, F, T)."""
    (a, b), (c, d) = x.unbind(1), mask.unbind(1)
    return torch.stack((a * c - b * d, a * d + b * c), dim=1)


class UNet(nn.Module):
    """One complex U-Net with frequency recurrence: (B, 2, 321, T) → the same shape, not squashed."""

    def __init__(self, channels: int = CHANNELS) -> None:
        super().__init__()
        self.fsmn = ComplexMemory(channels, 2, "time")
        for i in range(DEPTH):
            # The recurrence before the first encoder and after the last decoder, and the gates of encoder 6 and
            # decoder 5, are in released files but take no part.
            self.add_module(f"fsmn_enc{i}", ComplexMemory(channels, 1, "frequency"))
            self.add_module(f"encoder{i}", Encoder(channels if i else 1, channels, _ENCODER_HEIGHTS[i]))
            self.add_module(f"se_layer_enc{i}", Gate(channels))
        for i in range(DEPTH):
            last = i == DEPTH - 1
            self.add_module(f"fsmn_dec{i}", ComplexMemory(channels, 1, "frequency"))
            inputs, outputs = channels * (2 if i else 1), 1 if last else channels
            self.add_module(f"decoder{i}", Decoder(inputs, outputs, _DECODER_HEIGHTS[i]))
            if not last:
                self.add_module(f"se_layer_dec{i}", Gate(channels))
        self.linear = ComplexConv(1, 1, (1, 1))

    def forward(self, x: Tensor, pool: Pool = pooled) -> Tensor:
        """Apply the network; `pool` is how gates average over time."""
        skips: list[Tensor] = []
        for i in range(DEPTH):
            if i:
                x = self._call(f"fsmn_enc{i}", x)
            x = self._call(f"encoder{i}", x)
            if i < DEPTH - 1:
                # Only the skip is gated; the main path goes on without.
                skips.append(self._call(f"se_layer_enc{i}", x, pool))
        x = self.fsmn(x)
        for i in range(DEPTH - 1):
            x = self._call(f"fsmn_dec{i}", self._call(f"decoder{i}", x))
            if i < DEPTH - 2:
                x = self._call(f"se_layer_dec{i}", x, pool)
            x = join(x, skips.pop())
        y: Tensor = self.linear(self._call(f"decoder{DEPTH - 1}", x))
        return y

    def _call(self, name: str, *values: object) -> Tensor:
        y: Tensor = self.get_submodule(name)(*values)
        return y


class FRCRN(nn.Module):
    """The released 16 kHz network: two U-Nets whose squashed outputs add up to a complex mask.

    It is not causal and knows no level: batch normalisation makes its result depend on the level of its input, and
    the gates average over the whole passage, so that every sample depends on the whole input. `channels` other than
    the released 128 make narrower or wider networks; at least 8 are needed.
    """

    def __init__(self, channels: int = CHANNELS) -> None:
        super().__init__()
        if channels < REDUCTION:
            raise BadInputError(f"FRCRN needs at least {REDUCTION} channels, got {channels}")
        self.channels = channels
        self.unet = UNet(channels)
        self.unet2 = UNet(channels)

    def forward(self, samples: Tensor) -> Tensor:
        """Take the noise out of a waveform (B, samples) at 16 kHz.

        Returns (B, 320·((samples − 640)//320) + 640): samples beyond the last whole frame are dropped. Raises
        BadInputError for fewer than 640 samples.
        """
        x = spectrum(samples)
        return waveform(product(x, self.mask(x)))

    def mask(self, x: Tensor, pool: Pool = pooled) -> Tensor:
        """Estimate the complex mask (B, 2, 321, T), parts in −2 … 2, of spectra of that shape."""
        first = self.unet(x, pool)
        # The second U-Net is given the first's output as it is, before tanh.
        return torch.tanh(self.unet2(first, pool)) + torch.tanh(first)
