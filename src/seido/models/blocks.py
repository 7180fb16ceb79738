"""The four units that Wav2Lip's networks are made of, and the tables that say how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor, nn
from torch.nn import functional

from seido.errors import BadInputError

FEWEST_CHANNELS = 4
"""No hidden layer gets thinner than this, however slim the network."""
WIDEST = 8
"""Widths beyond this are a mistake: the parameters grow with the square."""
LEAK = 0.01


class ConvUnit(nn.Module):
    """Convolution, batch normalisation, ReLU: (B, inputs, H, W) → (B, outputs, H′, W′)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: tuple[int, int], padding: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the unit."""
        return functional.relu(self.conv_block(x), inplace=True)


class ResidualUnit(ConvUnit):
    """As ConvUnit, but what comes in is added before the ReLU; shapes stay as they are."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply the unit."""
        return functional.relu(self.conv_block(x) + x, inplace=True)


class TransposedUnit(nn.Module):
    """Transposed convolution, batch normalisation, ReLU; stride 2 doubles height and width exactly."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: tuple[int, int], padding: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            # With stride 2 one row and column more is asked for: 2n − 1 + 1 = 2n.
            nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding, output_padding=stride[0] - 1),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Apply the unit."""
        return functional.relu(self.conv_block(x), inplace=True)


class LeakyUnit(nn.Module):
    """Convolution and leaky ReLU (slope 0.01), no normalisation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: tuple[int, int], padding: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the unit."""
        return functional.leaky_relu(self.conv_block(x), LEAK, inplace=True)


Unit = type[ConvUnit] | type[TransposedUnit] | type[LeakyUnit]


@dataclass(frozen=True)
class Layer:
    """One row of a network's table; `channels` are those of the published network, 0 for as many as come in."""

    unit: Unit
    channels: int
    kernel: int
    stride: tuple[int, int]
    padding: int


def conv(channels: int, kernel: int = 3, stride: int | tuple[int, int] = 1, padding: int = 1) -> Layer:
    """Name a ConvUnit in a table."""
    return Layer(ConvUnit, channels, kernel, _pair(stride), padding)


def down(channels: int) -> Layer:
    """Name a ConvUnit that halves height and width."""
    return conv(channels, stride=2)


def up(channels: int) -> Layer:
    """Name a TransposedUnit that doubles height and width."""
    return Layer(TransposedUnit, channels, 3, (2, 2), 1)


def spread(channels: int) -> Layer:
    """Name the TransposedUnit that turns one point into 3 × 3."""
    return Layer(TransposedUnit, channels, 3, (1, 1), 0)


def leaky(channels: int, kernel: int, stride: int | tuple[int, int] = 1, padding: int = 0) -> Layer:
    """Name a LeakyUnit in a table."""
    return Layer(LeakyUnit, channels, kernel, _pair(stride), padding)


R = Layer(ResidualUnit, 0, 3, (1, 1), 1)
"""A residual unit, 3 × 3, as many channels out as in."""


def exact_width(width: Fraction | float) -> Fraction:
    """Turn a width as written into an exact fraction; raises BadInputError outside 0 … 8.

    >>> exact_width(0.3)
    Fraction(3, 10)
    """
    if not 0 < width <= WIDEST:
        raise BadInputError(f"width {width} is out of range: give up to {WIDEST} times the published network's")
    return width if isinstance(width, Fraction) else Fraction(str(width))


def scaled(channels: int, width: Fraction) -> int:
    """Count the channels of a hidden layer in a network `width` times the published one.

    >>> scaled(64, Fraction(1)), scaled(64, Fraction(1, 4)), scaled(16, Fraction(1, 16))
    (64, 16, 4)
    """
    return max(FEWEST_CHANNELS, round(channels * width))


def chain(layers: Sequence[Layer], inputs: int, width: Fraction) -> tuple[list[nn.Module], int]:
    """Make the units of a table's rows, given the channels that come in; also return those that go out."""
    units: list[nn.Module] = []
    for layer in layers:
        outputs = scaled(layer.channels, width) if layer.channels else inputs
        units.append(layer.unit(inputs, outputs, layer.kernel, layer.stride, layer.padding))
        inputs = outputs
    return units, inputs


def require_shape(what: str, tensor: Tensor, *allowed: tuple[int | str, ...]) -> None:
    """Check a tensor's shape, in which letters stand for any number; raises BadInputError naming both shapes."""
    shape = tuple(tensor.shape)
    for expected in allowed:
        pairs = zip(shape, expected, strict=False)
        if len(shape) == len(expected) and all(isinstance(b, str) or a == b for a, b in pairs):
            return
    expectation = " or ".join(f"({', '.join(map(str, expected))})" for expected in allowed)
    raise BadInputError(f"{what} should have shape {expectation}, got {shape}")


def _pair(stride: int | tuple[int, int]) -> tuple[int, int]:
    return (stride, stride) if isinstance(stride, int) else stride
