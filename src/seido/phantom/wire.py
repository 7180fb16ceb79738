"""The messages between the phantom's engine and its process: a few words and arrays of numbers, nothing executable."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
_LENGTH = struct.Struct("<I")


def send(stream: BinaryIO, words: dict[str, Any], arrays: Sequence[Numbers] = ()) -> None:
    """Write one message: a JSON object and float64 arrays of any shape."""
    header = json.dumps({"words": words, "shapes": [array.shape for array in arrays]}).encode()
    stream.write(_LENGTH.pack(len(header)) + header)
    stream.writelines(np.ascontiguousarray(array, dtype="<f8").tobytes() for array in arrays)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[dict[str, Any], list[Numbers]]:
    """Read one message; raises EOFError when the other side has gone."""
    header = json.loads(_read(stream, _LENGTH.unpack(_read(stream, _LENGTH.size))[0]))
    arrays = []
    for shape in header["shapes"]:
        count = int(np.prod(shape, dtype=np.int64))
        arrays.append(np.frombuffer(_read(stream, 8 * count), dtype="<f8").reshape(shape).copy())
    return header["words"], arrays


def _read(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data
