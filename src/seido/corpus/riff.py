"""Walking RIFF files (WAV, AVI) chunk by chunk, never trusting a size beyond the end of the file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

_UNKNOWN = {0, 0xFFFFFFFF}
"""Sizes that a writer leaves behind which never came to finish its file."""


class Readable(Protocol):
    """Bytes that can be cut by position: bytes or a memory map."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> bytes: ...


@dataclass(frozen=True)
class Chunk:
    """One chunk: its four letters, where its content begins, how many bytes it claims and how many there are."""

    name: bytes
    at: int
    claimed: int
    size: int

    @property
    def end(self) -> int:
        """Where its content ends in the file."""
        return self.at + self.size


def chunks(data: Readable, begin: int, end: int) -> Iterator[Chunk]:
    """List the chunks between two positions; a claim beyond `end` is cut there, a torn header ends the list."""
    while begin + 8 <= end:
        name, claimed = struct.unpack("<4sI", data[begin : begin + 8])
        if name == bytes(4):
            return  # a stretch of zeros, as a stopped writer leaves it
        yield Chunk(name, begin + 8, claimed, min(claimed, end - begin - 8))
        begin += 8 + claimed + claimed % 2


def wav_seconds_missing(path: Path) -> Fraction:
    """Tell how many seconds a WAV file promises and does not hold; 0 for any other file.

    A writer that was stopped leaves 0 or 0xFFFFFFFF as the size: that promises nothing. RF64 files keep their
    sizes in a chunk `ds64` (EBU Tech 3306).
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        form = stream.read(12)
        if form[:4] not in {b"RIFF", b"RF64"} or form[8:] != b"WAVE":
            return Fraction(0)
        at, large, byte_rate = 12, 0, 0
        while len(head := stream.read(8)) == 8:
            name, claimed = struct.unpack("<4sI", head)
            at += 8
            content = stream.read(16) if claimed >= 16 else b""
            if name == b"data":
                promised = claimed if claimed not in _UNKNOWN else large
                return Fraction(max(0, at + promised - size), byte_rate) if byte_rate else Fraction(0)
            if name == b"ds64" and len(content) == 16:
                large = struct.unpack("<8xQ", content)[0]
            if name == b"fmt " and len(content) == 16:
                byte_rate = struct.unpack("<8xI4x", content)[0]
            at += claimed + claimed % 2
            stream.seek(at)
    return Fraction(0)
