"""Wav2Lip: a picture and 0.2 s of speech become the picture with the mouth that spoke (Prajwal et al. 2020)."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor, nn

from seido.errors import BadInputError
from seido.models.blocks import R, chain, conv, down, exact_width, require_shape, spread, up
from seido.models.quality import QualityDiscriminator
from seido.models.syncnet import SyncNet

__all__ = ["SIZE", "QualityDiscriminator", "SyncNet", "Wav2Lip"]

SIZE = 96
"""Pixels along each side of the pictures; the encoder's last map is one point only at this size."""

FACE_ENCODER = (
    (conv(16, 7, padding=3),),                     # 96 × 96
    (down(32), R, R),                              # 48 × 48
    (down(64), R, R, R),                           # 24 × 24
    (down(128), R, R),                             # 12 × 12
    (down(256), R, R),                             # 6 × 6
    (down(512), R),                                # 3 × 3
    (conv(512, padding=0), conv(512, 1, padding=0)),  # 1 × 1
)  # fmt: skip
AUDIO_ENCODER = (
    conv(32), R, R,                                # 80 × 16
    conv(64, stride=(3, 1)), R, R,                 # 27 × 16
    conv(128, stride=3), R, R,                     # 9 × 6
    conv(256, stride=(3, 2)), R,                   # 3 × 3
    conv(512, padding=0), conv(512, 1, padding=0),  # 1 × 1
)  # fmt: skip
FACE_DECODER = (                                   # each block's output is joined with the encoder's of its size
    (conv(512, 1, padding=0),),                    # 1 × 1
    (spread(512), R),                              # 3 × 3
    (up(512), R, R),                               # 6 × 6
    (up(384), R, R),                               # 12 × 12
    (up(256), R, R),                               # 24 × 24
    (up(128), R, R),                               # 48 × 48
    (up(64), R, R),                                # 96 × 96
)  # fmt: skip
OUTPUT = (conv(32),)  # 96 × 96, then three channels by a plain convolution


class Wav2Lip(nn.Module):
    """The generator; at width 1 its parameters are named and shaped as in the published checkpoints.

    Parameters
    ----------
    width
        Hidden channels relative to the published network; none gets fewer than 4.
    residual
        False: the published output, a sigmoid. True (ours): the last convolution is added to the reference
        picture, without sigmoid or clamp, and begins at zero, so that an untrained network returns the reference.

    """

    def __init__(self, width: Fraction | float = 1, residual: bool = False) -> None:
        super().__init__()
        self.width = width = exact_width(width)
        self.residual = residual

        self.face_encoder_blocks = nn.ModuleList()
        channels, skips = 6, []
        for rows in FACE_ENCODER:
            units, channels = chain(rows, channels, width)
            self.face_encoder_blocks.append(nn.Sequential(*units))
            skips.append(channels)

        units, channels = chain(AUDIO_ENCODER, 1, width)
        self.audio_encoder = nn.Sequential(*units)

        self.face_decoder_blocks = nn.ModuleList()
        for rows in FACE_DECODER:
            units, channels = chain(rows, channels, width)
            self.face_decoder_blocks.append(nn.Sequential(*units))
            channels += skips.pop()

        units, channels = chain(OUTPUT, channels, width)
        last = nn.Conv2d(channels, 3, 1)
        if residual:
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]  # a convolution has a bias unless told otherwise
        self.output_block = nn.Sequential(*units, last, *([] if residual else [nn.Sigmoid()]))

    def forward(self, audio: Tensor, face: Tensor) -> Tensor:
        """Predict frames, each from its own 16 mel columns.

        Parameters
        ----------
        audio
            Log-mel windows: float32 (B, 1, 80, 16), or (B, T, 1, 80, 16) for T frames in a row.
        face
            Pictures 0 … 1: (B, 6, 96, 96), or (B, 6, T, 96, 96). Channels 0–2 are the frame to complete, 3–5 the
            reference.

        Returns
        -------
        float32 (B, 3, 96, 96), or (B, 3, T, 96, 96); 0 … 1 unless the network is residual.

        Raises BadInputError, naming both shapes, for any others.

        """
        require_shape("audio", audio, ("B", 1, 80, 16), ("B", "T", 1, 80, 16))
        require_shape("face", face, ("B", 6, SIZE, SIZE), ("B", 6, "T", SIZE, SIZE))
        if audio.ndim == 4 and face.ndim == 4:
            _require_equal("B", audio.shape[0], face.shape[0])
            return self._frames(audio, face)
        _require_equal("number of dimensions", audio.ndim, face.ndim)
        batch, length = audio.shape[:2]
        _require_equal("B", batch, face.shape[0])
        _require_equal("T", length, face.shape[2])
        # Time-major, as in the published network: batch statistics do not care, but sums round alike.
        frames = self._frames(audio.transpose(0, 1).flatten(0, 1), face.permute(2, 0, 1, 3, 4).flatten(0, 1))
        return frames.reshape(length, batch, 3, SIZE, SIZE).permute(1, 2, 0, 3, 4)

    def _frames(self, audio: Tensor, face: Tensor) -> Tensor:
        maps, x = [], face
        for block in self.face_encoder_blocks:
            x = block(x)
            maps.append(x)
        x = self.audio_encoder(audio)
        for block in self.face_decoder_blocks:
            x = torch.cat((block(x), maps.pop()), dim=1)
        frames: Tensor = self.output_block(x)
        return frames + face[:, 3:] if self.residual else frames


def _require_equal(what: str, audio: int, face: int) -> None:
    if audio != face:
        raise BadInputError(f"audio and face should have the same {what}, got {audio} and {face}")
