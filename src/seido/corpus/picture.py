"""Turning decoded pictures of any pixel format into 8-bit grey or RGB arrays with the right levels."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

GREY_TOLERANCE = 4
"""Channels of grey pictures differ by no more: lossy codecs leave chroma one or two levels from neutral."""
MAX_PIXELS = 100_000_000
"""A picture with more is a mistake, or an attack on the memory."""

_LUMA_FIRST = re.compile(r"^(yuv[aj]?4|nv1[26]|nv2[14]|gr[ae]y(\d|$))")
"""Formats whose first plane is brightness alone."""


def is_grey(rgb: NDArray[np.uint8]) -> bool:
    """Tell whether an RGB picture (H, W, 3) shows no colour."""
    return int((rgb.max(axis=2) - rgb.min(axis=2)).max()) <= GREY_TOLERANCE


def to_grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Take the luminance of RGB (…, 3) by the BT.601 weights; equal channels keep their level exactly."""
    wide = rgb.astype(np.uint32)
    return ((wide[..., 0] * 77 + wide[..., 1] * 150 + wide[..., 2] * 29 + 128) >> 8).astype(np.uint8)


def to_rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat a grey picture (H, W) in three channels."""
    return np.repeat(grey[..., None], 3, axis=2)


def in_colour(picture: NDArray[np.uint8], *, colour: bool) -> NDArray[np.uint8]:
    """Bring a picture to grey (H, W) or RGB (H, W, 3)."""
    if colour:
        return picture if picture.ndim == 3 else to_rgb(picture)
    return picture if picture.ndim == 2 else to_grey(picture)


def grey_picture(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Turn a decoded frame into grey levels (H, W).

    Brightness is taken as stored, not through RGB, and limited range (16 … 235) is stretched to 0 … 255.
    """
    levels = _luma(frame)
    if levels is None:
        return to_grey(_swscaled(frame))
    return _upright(levels, frame)


def colour_picture(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Turn a decoded frame into RGB (H, W, 3), by the frame's own range and matrix."""
    return _swscaled(frame)


def shows_colour(frame: av.VideoFrame) -> bool:
    """Tell whether a decoded frame holds any colour."""
    return not frame.format.name.startswith("gray") and not is_grey(_swscaled(frame))


def _swscaled(frame: av.VideoFrame) -> NDArray[np.uint8]:
    return _upright(frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False), frame)


def _upright(picture: NDArray[np.uint8], frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Turn a picture as the camera was held; FFmpeg gives degrees counter-clockwise."""
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture


def _luma(frame: av.VideoFrame) -> NDArray[np.uint8] | None:
    """Read the brightness plane as 8-bit full range; None when the format has no such plane."""
    name = frame.format.name
    bits = frame.format.components[0].bits
    if not _LUMA_FIRST.match(name) or bits > 16 or (bits > 8 and not name.endswith("le")):
        return None
    plane = frame.planes[0]
    row = plane.line_size // (2 if bits > 8 else 1)
    stored: NDArray[Any] = np.frombuffer(memoryview(plane), "<u2" if bits > 8 else np.uint8)
    stored = stored[: row * frame.height].reshape(frame.height, row)[:, : frame.width]
    # Grey is full range unless it says otherwise; YUV is limited range unless it says otherwise.
    unmarked = ColorRange.MPEG if name.startswith(("yuv", "nv")) else ColorRange.JPEG
    limited = int(frame.color_range or unmarked) == int(ColorRange.MPEG)
    if bits == 8 and not limited:
        return np.array(stored, np.uint8)
    return np.take(_levels(bits, limited=limited), stored)


@lru_cache(maxsize=32)
def _levels(bits: int, *, limited: bool) -> NDArray[np.uint8]:
    """List the 8-bit full-range level of every stored level (ITU-R BT.601, BT.2100 quantisation)."""
    stored = np.arange(1 << (8 if bits == 8 else 16), dtype=np.float64)
    unit = 2.0 ** (bits - 8)
    levels = (stored / unit - 16) * 255 / 219 if limited else stored * 255 / (2.0**bits - 1)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)
