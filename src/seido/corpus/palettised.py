"""8-bit raw AVI with a palette, as MRI laboratories export it, read straight from the file.

FFmpeg versions disagree about the palette and may show every frame black; the indices are always right. Rows
stand bottom-up and are padded to four bytes (Microsoft, BITMAPINFOHEADER); above 1 GB further segments
`RIFF AVIX` follow (OpenDML AVI extensions 1.02).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seido.corpus.picture import MAX_PIXELS, in_colour
from seido.corpus.riff import Chunk, Readable, chunks
from seido.errors import BadInputError
from seido.files import require_file
from seido.values import MovieInfo

_NESTING = 4
"""Lists inside lists: real files have two levels."""


@dataclass(frozen=True)
class PalettisedAvi:
    """Where the indices of every frame stand in the file, and the grey (256,) or RGB (256, 3) level of each index."""

    info: MovieInfo
    stride: int
    bottom_up: bool
    levels: NDArray[np.uint8]
    places: NDArray[np.int64]

    def pictures(self, start: int, stop: int, *, colour: bool) -> Iterator[NDArray[np.uint8]]:
        """Read frames start … stop − 1: grey uint8 (H, W) or RGB (H, W, 3)."""
        size = self.stride * self.info.height
        with self.info.path.open("rb") as stream:
            for at in self.places[start:stop]:
                stream.seek(int(at))
                stored = np.frombuffer(stream.read(size), np.uint8)
                if len(stored) < size:
                    raise BadInputError(f"{self.info.path}: it was cut off while it was read; copy it again")
                rows = stored.reshape(self.info.height, self.stride)[:, : self.info.width]
                yield in_colour(self.levels[rows[::-1] if self.bottom_up else rows], colour=colour)


def open_palettised(path: Path) -> PalettisedAvi | None:
    """Open a palettised AVI; None when the file is anything else. Raises BadInputError when it is cut off."""
    stat = require_file(path).stat()
    with path.open("rb") as stream:
        head = stream.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"AVI ":
        return None
    return _opened(path, stat.st_mtime_ns, stat.st_size)


@dataclass(frozen=True)
class _Header:
    """What the header says of the palettised pictures: stream number, rate, frames promised, and their format."""

    stream: int
    rate: Fraction
    promised: int
    width: int
    height: int
    levels: NDArray[np.uint8]
    sound: bool

    @property
    def stride(self) -> int:
        return -(-self.width // 4) * 4


@lru_cache(maxsize=64)
def _opened(path: Path, _changed: int, _size: int) -> PalettisedAvi | None:
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        header = _header(data)
        if header is None:
            return None
        height = abs(header.height)
        if not header.width or not height or header.width * height > MAX_PIXELS:
            raise BadInputError(
                f"{path}: its pictures are said to be {header.width} × {height} pixels; export it again"
            )
        places = list(_places(data, header.stream, header.stride * height))
    if None in places or len(places) < header.promised:
        whole = places.index(None) if None in places else len(places)
        raise BadInputError(
            f"{path}: cut off after {whole} of {max(header.promised, len(places))} frames; copy or export it again"
        )
    info = MovieInfo(
        path=path,
        width=header.width,
        height=height,
        rate=header.rate,
        frames=len(places),
        colour=header.levels.ndim == 2,
        sound=header.sound,
    )
    return PalettisedAvi(info, header.stride, header.height > 0, header.levels, np.array(places, np.int64))


def _walk(data: Readable, begin: int, end: int, depth: int = 0) -> Iterator[Chunk]:
    """List every chunk in reading order, each list before what stands in it."""
    for chunk in chunks(data, begin, end):
        yield chunk
        if chunk.name in {b"LIST", b"RIFF"} and depth < _NESTING:
            yield from _walk(data, chunk.at + 4, chunk.end, depth + 1)


def _header(data: Readable) -> _Header | None:
    """Read the stream headers; None when there are no pictures, or no 8-bit uncompressed ones."""
    streams, sound = -1, False
    found: _Header | None = None
    strh = b""
    for chunk in _walk(data, 0, len(data)):
        if chunk.name == b"LIST" and data[chunk.at : chunk.at + 4] == b"movi":
            break
        if chunk.name == b"strh":
            streams += 1
            strh = bytes(data[chunk.at : chunk.end])
            sound = sound or strh[:4] == b"auds"
        elif chunk.name == b"strf" and strh[:4] == b"vids" and found is None:
            found = _format(streams, strh, bytes(data[chunk.at : chunk.end]))
            if found is None:
                return None
    return replace(found, sound=sound) if found else None


def _format(stream: int, strh: bytes, strf: bytes) -> _Header | None:
    if len(strh) < 36 or len(strf) < 40:
        return None
    size, width, height, _, bits, compression = struct.unpack("<IiiHHI", strf[:20])
    if bits != 8 or compression != 0 or width < 1:
        return None
    scale, rate, _, promised = struct.unpack("<IIII", strh[20:36])
    used = struct.unpack("<I", strf[32:36])[0] or 256
    if not scale or not rate:
        return None
    entries = np.frombuffer(strf[size:], np.uint8)
    entries = entries[: len(entries) // 4 * 4].reshape(-1, 4)[: min(used, 256)]
    return _Header(stream, Fraction(rate, scale), promised, width, height, _palette(entries), sound=False)


def _palette(entries: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn stored entries (N, 4), blue first, into the level of each index; the index itself when they say nothing."""
    rgb = np.zeros((256, 3), np.uint8)
    rgb[: len(entries)] = entries[:, 2::-1]
    if len(np.unique(rgb[: len(entries)], axis=0)) < 2:
        return np.arange(256, dtype=np.uint8)
    if (rgb[:, 0] == rgb[:, 1]).all() and (rgb[:, 1] == rgb[:, 2]).all():
        return rgb[:, 0].copy()
    return rgb


def _places(data: Readable, stream: int, size: int) -> Iterator[int | None]:
    """List where each frame's bytes begin; None for a frame that is not there whole."""
    names = {b"%02ddb" % stream, b"%02ddc" % stream}
    last: int | None = None
    for chunk in _walk(data, 0, len(data)):
        if chunk.name in names:
            if chunk.claimed:  # an empty chunk shows the frame before again
                last = chunk.at if chunk.size >= size else None
            yield last
