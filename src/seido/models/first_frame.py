"""Wav2Lip with one picture for a whole clip: everything that depends on the picture alone is computed once.

Exact, not approximate: batch normalisation is folded into the convolutions before it, and a convolution of joined
maps is the sum of a convolution of the decoder's half, done per frame, and one of the picture's half, done once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

from seido.models.blocks import ResidualUnit, TransposedUnit, require_shape
from seido.models.wav2lip import SIZE, Wav2Lip


@dataclass(frozen=True)
class HeldFace:
    """What a picture contributes to every frame of its clip."""

    reference: Tensor
    """Its channels 3–5, (1, 3, 96, 96)."""
    maps: tuple[Tensor, ...]
    """For each decoder block but the first, and for the output: (1, channels, side, side), bias included."""


class FirstFrameOnce:
    """A generator that is shown its picture once and then only hears; makes a copy, `model` stays as it was.

    Parameters
    ----------
    model
        In eval mode (ValueError otherwise), of any width, residual or not.

    """

    def __init__(self, model: Wav2Lip) -> None:
        if model.training:
            raise ValueError("call model.eval() first: in training mode batch normalisation cannot be folded")
        encoder = [list(block.children()) for block in model.face_encoder_blocks]
        first, *decoder = [list(block.children()) for block in model.face_decoder_blocks]
        output, last = list(model.output_block.children())[:2]
        self._face = nn.ModuleList(_folded(units) for units in encoder)
        self._voice = _folded([*model.audio_encoder.children(), *first])
        self._decoder, self._picture_halves = nn.ModuleList(), []
        for units, met in zip([*decoder, [output]], reversed(encoder), strict=True):
            own, picture = _halves(units[0], _parts(met[-1])[0].out_channels)
            self._decoder.append(_Joined(own, _folded(units[1:])))
            self._picture_halves.append(picture)
        self._last = _Convolution(plain := cast("nn.Conv2d", last), plain.weight, plain.bias)
        self._residual = model.residual

    @torch.no_grad()
    def hold(self, face: Tensor) -> HeldFace:
        """Look at a clip's picture: float32 (1, 6, 96, 96), as Wav2Lip's; raises BadInputError for other shapes."""
        require_shape("face", face, (1, 6, SIZE, SIZE))
        maps, x = [], face.contiguous(memory_format=torch.channels_last)
        for block in self._face:
            x = block(x)
            maps.append(x)
        held = tuple(half(each) for half, each in zip(self._picture_halves, reversed(maps), strict=True))
        return HeldFace(face[:, 3:].contiguous(memory_format=torch.channels_last), held)

    @torch.inference_mode()
    def frames(self, audio: Tensor, held: HeldFace) -> Tensor:
        """Predict the frames that belong to log-mel windows (B, 1, 80, 16): (B, 3, 96, 96), as Wav2Lip would.

        Raises BadInputError for other shapes. Batches of 8 to 32 take least time per frame on a CPU.
        """
        require_shape("audio", audio, ("B", 1, 80, 16))
        frames: Tensor = self.as_module(held)(audio)
        return frames

    def as_module(self, held: HeldFace) -> nn.Module:
        """Make the network of one clip, audio (B, 1, 80, 16) → frames (B, 3, 96, 96), for other runtimes.

        It shares its weights with this object and holds the picture's maps as buffers.
        """
        return _Clip(self._voice, self._decoder, self._last, held, self._residual)

    def export(self, held: HeldFace) -> ExportedProgram:
        """Export the network of one clip, for any number of frames at a time; openvino.convert_model takes it."""
        frames = torch.export.Dim("frames", min=1)
        return torch.export.export(
            self.as_module(held), (torch.zeros(2, 1, 80, 16),), dynamic_shapes={"audio": {0: frames}}
        )


class _Convolution(nn.Module):
    """A convolution, transposed or not, with fixed weights."""

    def __init__(self, like: nn.Conv2d | nn.ConvTranspose2d, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.weight: Tensor
        self.bias: Tensor | None
        self.register_buffer("weight", weight.detach().clone(memory_format=torch.channels_last))
        self.register_buffer("bias", bias if bias is None else bias.detach().clone())
        self.stride, self.padding = like.stride, cast("tuple[int, int]", like.padding)
        self.extra = like.output_padding if isinstance(like, nn.ConvTranspose2d) else None

    def forward(self, x: Tensor) -> Tensor:
        if self.extra is None:
            return functional.conv2d(x, self.weight, self.bias, self.stride, self.padding)
        return functional.conv_transpose2d(x, self.weight, self.bias, self.stride, self.padding, self.extra)


class _Folded(nn.Module):
    """A ConvUnit, ResidualUnit or TransposedUnit without its batch normalisation."""

    def __init__(self, unit: nn.Module) -> None:
        super().__init__()
        self.convolution = _fold(unit)
        self.residual = isinstance(unit, ResidualUnit)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.convolution(x)
        if self.residual:
            y.add_(x)
        return y.relu_()


class _Joined(nn.Module):
    """A decoder block, given what the picture contributes to its first convolution."""

    def __init__(self, half: _Convolution, rest: nn.Sequential) -> None:
        super().__init__()
        self.own_half, self.rest = half, rest

    def forward(self, x: Tensor, held: Tensor) -> Tensor:
        y: Tensor = self.rest(self.own_half(x).add_(held).relu_())
        return y


class _Clip(nn.Module):
    """Audio to frames with one picture held."""

    def __init__(
        self, voice: nn.Sequential, decoder: nn.ModuleList, last: _Convolution, held: HeldFace, residual: bool
    ) -> None:
        super().__init__()
        self.voice, self.decoder, self.last = voice, decoder, last
        self.names = [f"held_{index}" for index in range(len(held.maps))]
        for name, each in zip(self.names, held.maps, strict=True):
            self.register_buffer(name, each)
        self.reference: Tensor | None
        self.register_buffer("reference", held.reference if residual else None)
        self.eval()

    def forward(self, audio: Tensor) -> Tensor:
        x = self.voice(audio)
        for block, name in zip(self.decoder, self.names, strict=True):
            x = block(x, self.get_buffer(name))
        frames: Tensor = self.last(x)
        return frames.sigmoid_() if self.reference is None else frames.add_(self.reference)


def _parts(unit: nn.Module) -> tuple[nn.Conv2d | nn.ConvTranspose2d, nn.BatchNorm2d]:
    convolution, norm = unit.get_submodule("conv_block").children()
    return cast("nn.Conv2d | nn.ConvTranspose2d", convolution), cast("nn.BatchNorm2d", norm)


def _fold(unit: nn.Module) -> _Convolution:
    convolution, norm = _parts(unit)
    weight, bias = fuse_conv_bn_weights(
        convolution.weight,
        convolution.bias,
        cast("Tensor", norm.running_mean),
        cast("Tensor", norm.running_var),
        norm.eps,
        norm.weight,
        norm.bias,
        transpose=isinstance(unit, TransposedUnit),
    )
    return _Convolution(convolution, weight, bias)


def _folded(units: Iterable[nn.Module]) -> nn.Sequential:
    return nn.Sequential(*map(_Folded, units))


def _halves(unit: nn.Module, picture: int) -> tuple[_Convolution, _Convolution]:
    """Split a unit's convolution into that of the decoder's channels and, with the bias, the last `picture` ones."""
    like, whole = _parts(unit)[0], _fold(unit)
    # A transposed convolution's weights have the channels that come in first, a convolution's second.
    axis = 0 if isinstance(like, nn.ConvTranspose2d) else 1
    own, pictures = torch.split(whole.weight, [whole.weight.shape[axis] - picture, picture], axis)
    return _Convolution(like, own, None), _Convolution(like, pictures, whole.bias)
