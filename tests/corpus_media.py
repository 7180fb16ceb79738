"""Makes the movies and sounds that the corpus tests read."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

BITS = 9


def numbered(number, height=48, width=72):
    """Draw a frame whose number can be read back: one 8-pixel-wide bar a bit, above a slow ramp."""
    frame = np.full((height, width), 90, np.uint8)
    for bit in range(BITS):
        frame[8:40, 8 * bit : 8 * bit + 8] = 210 if number >> bit & 1 else 40
    return frame


def number_of(frame):
    """Read the number back from a frame, grey or RGB."""
    grey = frame if frame.ndim == 2 else frame[..., 1]
    return sum(1 << bit for bit in range(BITS) if grey[16:32, 8 * bit + 2 : 8 * bit + 6].mean() > 125)


def write_movie(
    path,
    frames,
    rate=Fraction(25),
    *,
    codec="libx264",
    pix_fmt="yuv420p",
    options=None,
    container=None,
    sound=None,
    sound_rate=48_000,
    sound_codec="aac",
    sound_delay=Fraction(0),
    stamps=None,
    first=0,
):
    """Write frames (T, H, W) or (T, H, W, 3), and mono sound float32 that starts `sound_delay` seconds late."""
    rate = Fraction(rate)
    frames = np.asarray(frames)
    with av.open(str(path), "w", container_options=container or {}) as output:
        stream = output.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pix_fmt
        track = output.add_stream(sound_codec, rate=sound_rate, layout="mono") if sound is not None else None
        for index, array in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(array, format="gray" if array.ndim == 2 else "rgb24")
            frame = frame.reformat(format=pix_fmt)
            frame.pts, frame.time_base = (stamps[index] if stamps else index + first), 1 / rate
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
        if track is not None:
            size = track.codec_context.frame_size or 1024
            for begin in range(0, len(sound), size):
                part = np.asarray(sound[begin : begin + size], np.float32)[None]
                if track.codec_context.format.name == "s16":
                    frame = av.AudioFrame.from_ndarray((part * 32767).astype(np.int16), format="s16", layout="mono")
                else:
                    frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
                frame.sample_rate = sound_rate
                frame.pts, frame.time_base = begin + round(sound_delay * sound_rate), Fraction(1, sound_rate)
                output.mux(track.encode(frame))
            output.mux(track.encode())
    return path


def click(seconds=2.0, at=1.0, rate=48_000, hz=None):
    """Make silence with a short loud burst at one time, or a sine."""
    time = np.arange(round(seconds * rate)) / rate
    if hz:
        return (0.5 * np.sin(2 * np.pi * hz * time)).astype(np.float32)
    return (0.8 * np.sin(2 * np.pi * 1000 * time) * (np.abs(time - at) < 0.01)).astype(np.float32)


def _chunk(name, content):
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _list(kind, *parts):
    return _chunk(b"LIST", kind + b"".join(parts))


def write_palettised(
    path, frames, *, scale=50, rate=1159, palette=None, top_down=False, per_segment=None, sound=False, promised=None
):
    """Write an 8-bit raw AVI: indices (T, H, W), palette (N, 3) RGB or None, in RIFF segments of `per_segment`."""
    count, height, width = frames.shape
    stride = -(-width // 4) * 4
    promised = count if promised is None else promised
    entries = b"" if palette is None else b"".join(bytes([b, g, r, 0]) for r, g, b in palette)
    used = len(entries) // 4
    info = struct.pack(
        "<IiiHHIIiiII", 40, width, -height if top_down else height, 1, 8, 0, stride * height, 0, 0, used, 0
    )
    head = b"vidsDIB " + struct.pack("<IHHIIIIIIII", 0, 0, 0, 0, scale, rate, 0, promised, 0, 0, 0) + bytes(8)
    lists = [_list(b"strl", _chunk(b"strh", head), _chunk(b"strf", info + entries))]
    if sound:
        wave = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
        track = b"auds" + bytes(4) + struct.pack("<IHHIIIIIIII", 0, 0, 0, 0, 1, 8000, 0, 800, 0, 0, 2) + bytes(8)
        lists.append(_list(b"strl", _chunk(b"strh", track), _chunk(b"strf", wave)))
    main = struct.pack(
        "<14I", scale * 1_000_000 // rate, 0, 0, 16, promised, 0, 1 + sound, 0, width, height, 0, 0, 0, 0
    )
    pictures = []
    for frame in frames:
        padded = np.zeros((height, stride), np.uint8)
        padded[:, :width] = frame if top_down else frame[::-1]
        pictures.append(_chunk(b"00db", padded.tobytes()))
    step = per_segment or max(1, count)
    segments = [pictures[at : at + step] for at in range(0, count, step)] or [[]]
    first = _list(b"hdrl", _chunk(b"avih", main), *lists) + _chunk(b"JUNK", bytes(7))
    sounds = [_chunk(b"01wb", b"\1\2" * 800)] if sound else []
    data = _chunk(b"RIFF", b"AVI " + first + _list(b"movi", *segments[0], *sounds))
    for segment in segments[1:]:
        data += _chunk(b"RIFF", b"AVIX" + _list(b"movi", *segment))
    Path(path).write_bytes(data)
    return path
