"""The layers of FRCRN: complex convolutions, frequency recurrence and channel gates.

Complex features are held as real tensors (B, 2C, F, T): the C real parts, then the C imaginary parts. A complex layer
with the kernels A (real) and B (imaginary) gives A(re) − B(im) and A(im) + B(re), which is one real layer with twice
the channels and the kernel [[A, −B], [B, A]].
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

Pool = Callable[["Gate", Tensor], Tensor]
"""How a gate averages its input (B, 2, C, F, T) over frequency and time → (B, 2, C)."""

SLOPE = 0.01
"""Of the leaky rectifiers."""
MEMORY = 20
"""Positions a recurrence sees: its own and 19 before."""
REDUCTION = 8
"""Channels of a gate's inner layer are fewer by this factor."""

Pair = tuple[int, int]


def parts(x: Tensor) -> Tensor:
    """View (B, 2C, F, T) as (B, 2, C, F, T)."""
    return x.reshape(x.shape[0], 2, x.shape[1] // 2, *x.shape[2:])


def join(x: Tensor, skip: Tensor) -> Tensor:
    """Put the channels of `skip` behind those of `x`, real and imaginary parts each."""
    return torch.cat((parts(x), parts(skip)), dim=2).flatten(1, 2)


def pooled(_gate: Gate, x: Tensor) -> Tensor:
    """Average over everything the network was given; the released network's way."""
    return x.mean(dim=(3, 4))


class ComplexConv(nn.Module):
    """Complex convolution with zeros around: (B, 2·inputs, F, T) → (B, 2·outputs, F', T')."""

    def __init__(self, inputs: int, outputs: int, kernel: Pair, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> None:
        super().__init__()
        self.conv_re = nn.Conv2d(inputs, outputs, kernel, stride, padding)
        self.conv_im = nn.Conv2d(inputs, outputs, kernel, stride, padding)
        self.stride, self.padding = stride, padding
        self.fixed: tuple[Tensor, Tensor] | None = None
        """The kernel, where it no longer changes; see fixed_copy."""

    def kernel(self) -> tuple[Tensor, Tensor]:
        """Return the real layer's kernel (2·outputs, 2·inputs, f, t) and bias (2·outputs)."""
        if self.fixed is not None:
            return self.fixed
        a, b = self.conv_re.weight, self.conv_im.weight
        return torch.cat((torch.cat((a, -b), 1), torch.cat((b, a), 1))), _bias(self.conv_re, self.conv_im)

    def apply_kernel(self, x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
        """Convolve with a kernel of `kernel()`, scaled or not."""
        return functional.conv2d(x, kernel, bias, self.stride, self.padding)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        return self.apply_kernel(x, *self.kernel())


class ComplexTransposedConv(nn.Module):
    """Complex transposed convolution: (B, 2·inputs, F, T) → (B, 2·outputs, F', T')."""

    def __init__(self, inputs: int, outputs: int, kernel: Pair, stride: Pair, padding: Pair) -> None:
        super().__init__()
        self.tconv_re = nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding)
        self.tconv_im = nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding)
        self.stride, self.padding = stride, padding
        self.fixed: tuple[Tensor, Tensor] | None = None
        """The kernel, where it no longer changes; see fixed_copy."""

    def kernel(self) -> tuple[Tensor, Tensor]:
        """Return the real layer's kernel (2·inputs, 2·outputs, f, t) and bias (2·outputs)."""
        if self.fixed is not None:
            return self.fixed
        a, b = self.tconv_re.weight, self.tconv_im.weight
        return torch.cat((torch.cat((a, b), 1), torch.cat((-b, a), 1))), _bias(self.tconv_re, self.tconv_im)

    def apply_kernel(self, x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
        """Convolve with a kernel of `kernel()`, scaled or not."""
        return functional.conv_transpose2d(x, kernel, bias, self.stride, self.padding)


Network = TypeVar("Network", bound=nn.Module)


def fixed_copy(network: Network) -> Network:
    """Copy a network whose weights will not change again: the kernels of its complex layers are made once and kept."""
    copied = copy.deepcopy(network)
    with torch.no_grad():
        for layer in copied.modules():
            if isinstance(layer, ComplexConv | ComplexTransposedConv):
                kernel, bias = layer.kernel()
                layer.fixed = kernel.contiguous(memory_format=torch.channels_last), bias
    return copied


class SplitNorm(nn.Module):
    """Batch normalisation of real and of imaginary parts, each with its own statistics."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn_re = nn.BatchNorm2d(channels)
        self.bn_im = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, 2C, F, T) by this batch, or by what was stored."""
        real, imaginary = x.chunk(2, dim=1)
        return torch.cat((self.bn_re(real), self.bn_im(imaginary)), dim=1)

    def stored(self) -> tuple[Tensor, Tensor]:
        """Return the stored normalisation as scale and shift, (2C) each."""
        scales, shifts = [], []
        for norm in (self.bn_re, self.bn_im):
            mean, variance = norm.running_mean, norm.running_var
            if mean is None or variance is None:  # never so here, but torch allows it
                raise ValueError("batch normalisation without stored statistics")
            scale = norm.weight * torch.rsqrt(variance + norm.eps)
            scales.append(scale)
            shifts.append(norm.bias - mean * scale)
        return torch.cat(scales), torch.cat(shifts)


class Encoder(nn.Module):
    """Convolution, normalisation, leaky rectifier; halves the frequencies and adds a frame."""

    def __init__(self, inputs: int, outputs: int, height: int) -> None:
        super().__init__()
        self.conv = ComplexConv(inputs, outputs, (height, 2), (2, 1), (0, 1))
        self.bn = SplitNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 2·inputs, F, T) → (B, 2·outputs, (F − height)//2 + 1, T + 1)."""
        if self.training:
            return functional.leaky_relu(self.bn(self.conv(x)), SLOPE)
        # Stored statistics only scale and shift: they go into the kernel.
        (kernel, bias), (scale, shift) = self.conv.kernel(), self.bn.stored()
        y = self.conv.apply_kernel(x, kernel * scale[:, None, None, None], bias * scale + shift)
        return functional.leaky_relu(y, SLOPE)


class Decoder(nn.Module):
    """Transposed convolution, normalisation, leaky rectifier; doubles the frequencies and takes a frame away."""

    def __init__(self, inputs: int, outputs: int, height: int) -> None:
        super().__init__()
        self.transconv = ComplexTransposedConv(inputs, outputs, (height, 2), (2, 1), (0, 1))
        self.bn = SplitNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 2·inputs, F, T) → (B, 2·outputs, 2·(F − 1) + height, T − 1)."""
        kernel, bias = self.transconv.kernel()
        if self.training:
            return functional.leaky_relu(self.bn(self.transconv.apply_kernel(x, kernel, bias)), SLOPE)
        scale, shift = self.bn.stored()
        y = self.transconv.apply_kernel(x, kernel * scale[:, None, None], bias * scale + shift)
        return functional.leaky_relu(y, SLOPE)


class MemoryLayer(nn.Module):
    """The weights of one real feedforward memory layer (FSMN): z + q + memory(q), q = project(relu(linear(z)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels)
        self.project = nn.Linear(channels, channels, bias=False)
        self.conv1 = nn.Conv2d(channels, channels, (MEMORY, 1), groups=channels, bias=False)


class ComplexMemory(nn.Module):
    """Feedforward sequential memory (complex FSMN) along frequency, low to high, or along time.

    Real and imaginary layers R and I, residual included, combine as convolutions do; the residual is therefore
    z·(1 + i).
    """

    def __init__(self, channels: int, layers: int, axis: Literal["frequency", "time"]) -> None:
        super().__init__()
        self.layers, self.axis = layers, axis
        for part in ("re", "im"):
            for layer in range(1, layers + 1):
                self.add_module(f"fsmn_{part}_L{layer}", MemoryLayer(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 2C, F, T) → the same shape."""
        for layer in range(1, self.layers + 1):
            x = self._layer(x, self.get_submodule(f"fsmn_re_L{layer}"), self.get_submodule(f"fsmn_im_L{layer}"))
        return x

    def _layer(self, x: Tensor, real: nn.Module, imaginary: nn.Module) -> Tensor:
        both = [(_of(real, name), _of(imaginary, name)) for name in ("linear", "project", "conv1")]
        linear, project, memory = (torch.cat(pair) for pair in both)
        bias = torch.cat((_of(real, "linear", "bias"), _of(imaginary, "linear", "bias")))
        batch = x.shape[0]
        # Parts become batch items, the two layers become groups of channels: every layer hears every part.
        z = parts(x).flatten(0, 1)
        hidden = functional.relu(functional.conv2d(z, linear[:, :, None, None], bias))
        q = functional.conv2d(hidden, project[:, :, None, None], groups=2)
        past = (0, 0, MEMORY - 1, 0)
        if self.axis == "time":
            memory, past = memory.transpose(2, 3), (MEMORY - 1, 0, 0, 0)
        q = q + functional.conv2d(functional.pad(q, past), memory, groups=q.shape[1])
        q = q.reshape(batch, 2, 2, q.shape[1] // 2, *q.shape[2:])  # batch, part, layer, channels, F, T
        re, im = parts(x).unbind(1)
        return torch.cat((re - im + q[:, 0, 0] - q[:, 1, 1], im + re + q[:, 1, 0] + q[:, 0, 1]), dim=1)


class Gate(nn.Module):
    """Squeeze and excitation: channels weighted by what they hold on average, real and imaginary parts apart.

    The average is over frequency and over all frames given, so every sample depends on the whole passage. Real parts'
    weights lie in −1 … 1, imaginary parts' in 0 … 2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc_r = _excitation(channels)
        self.fc_i = _excitation(channels)

    def forward(self, x: Tensor, pool: Pool = pooled) -> Tensor:
        """(B, 2C, F, T) → the same shape."""
        return x * self.weights(pool(self, parts(x))).flatten(1)[:, :, None, None]

    def weights(self, average: Tensor) -> Tensor:
        """Weigh channels by their averages, (B, 2, C) → the same shape."""
        real, imaginary = average.unbind(1)
        return torch.stack((self.fc_r(real) - self.fc_i(imaginary), self.fc_r(imaginary) + self.fc_i(real)), dim=1)


def _excitation(channels: int) -> nn.Sequential:
    inner = channels // REDUCTION
    return nn.Sequential(nn.Linear(channels, inner), nn.ReLU(), nn.Linear(inner, channels), nn.Sigmoid())


def _bias(real: nn.Conv2d | nn.ConvTranspose2d, imaginary: nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    a, b = real.bias, imaginary.bias
    if a is None or b is None:  # made with biases above
        raise ValueError("complex convolutions have biases")
    return torch.cat((a - b, a + b))


def _of(layer: nn.Module, name: str, what: str = "weight") -> Tensor:
    return layer.get_parameter(f"{name}.{what}")
