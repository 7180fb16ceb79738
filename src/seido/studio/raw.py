"""Frames on disk, uint8 one after another: written as they come, read by number, without any decoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from seido.studio.items import Pictures
from seido.studio.problems import ProblemError
from seido.values import Frame


def kept(frames: Iterable[Frame], file: BinaryIO) -> Iterator[Frame]:
    """Yield frames, writing each to a file on the way."""
    for frame in frames:
        file.write(np.ascontiguousarray(frame).data)
        yield frame


def mapped(path: Path, pictures: Pictures) -> NDArray[np.uint8]:
    """Map all frames into memory: uint8 (T, H, W) grey or (T, H, W, 3)."""
    shape = (pictures.frames, pictures.height, pictures.width, pictures.channels)
    frames: NDArray[np.uint8] = np.memmap(path, np.uint8, "r", shape=shape)
    return frames[..., 0] if pictures.channels == 1 else frames


def between(path: Path, pictures: Pictures, first: int, count: int) -> bytes:
    """Read the bytes of frames first … first + count − 1, as many as there are; raises ProblemError for none."""
    if not 0 <= first < pictures.frames:
        raise ProblemError(
            "invalid", f"there is no frame {first}: they are numbered from 0 to {pictures.frames - 1}", first=first
        )
    with path.open("rb") as stream:
        stream.seek(first * pictures.frame_bytes)
        return stream.read(min(count, pictures.frames - first) * pictures.frame_bytes)
