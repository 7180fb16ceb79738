"""What a run has done, validation by validation: a table, JSON lines, TensorBoard's files, sample pictures."""

from __future__ import annotations

import csv
import io
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seido.errors import MissingExtraError
from seido.files import make_folder, write_bytes

HISTORY = "history.csv"
LINES = "history.jsonl"
SAMPLES = "samples"
BOARD = "tensorboard"
_COLOURS = {2: 0, 3: 2}
"""PNG's colour types: grey, RGB."""


@dataclass(frozen=True)
class Row:
    """One validation, as it stands in the history."""

    step: int
    train_loss: float | None
    """Mean loss of the steps since the row before; None before the first step."""
    validation_loss: float
    trivial_loss: float
    """What a trivial answer would have scored (the first frame held, a guess): the yardstick."""
    learning_rate: float
    frames_per_second: float | None
    """Training frames a second since the row before; the one column that differs from run to run."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """What the losses are made of: train/NAME means since the row before, validation/NAME now."""


def write_history(folder: Path, rows: Sequence[Row]) -> None:
    """Write history.csv and history.jsonl anew, each whole or not at all."""
    names = sorted({name for row in rows for name in row.parts})
    own = [name for name in Row.__dataclass_fields__ if name != "parts"]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow([*own, *names])
    writer.writerows([*(getattr(row, name) for name in own), *(row.parts.get(name) for name in names)] for row in rows)
    write_bytes(folder / HISTORY, table.getvalue().encode())
    write_bytes(folder / LINES, "".join(json.dumps(asdict(row)) + "\n" for row in rows).encode())


def write_sample(folder: Path, step: int, picture: NDArray[np.uint8]) -> Path:
    """Write a picture, uint8 (H, W) or (H, W, 3), as samples/step-NUMBER.png."""
    make_folder(folder / SAMPLES)
    path = folder / SAMPLES / f"step-{step:07d}.png"
    write_bytes(path, _png(picture))
    return path


def write_board(folder: Path, row: Row) -> None:
    """Add a validation to TensorBoard's files; raises MissingExtraError when it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtraError("writing for TensorBoard", "tensorboard") from error
    with SummaryWriter(str(folder / BOARD)) as writer:
        for name, value in (*asdict(row).items(), *row.parts.items()):
            if isinstance(value, float):
                writer.add_scalar(name, value, row.step)


def require_board() -> None:
    """Check that TensorBoard can be written for; raises MissingExtraError."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("writing for TensorBoard", "tensorboard") from error


def _png(picture: NDArray[np.uint8]) -> bytes:
    """Pack a picture as PNG: the one place that does, since training imports no picture library."""
    rows = np.ascontiguousarray(picture).reshape(len(picture), -1)
    raw = np.concatenate([np.zeros((len(rows), 1), np.uint8), rows], axis=1).tobytes()
    head = struct.pack(">IIBBBBB", picture.shape[1], picture.shape[0], 8, _COLOURS[picture.ndim], 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    packed = (struct.pack(">I", len(data)) + name + data + _check(name + data) for name, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def _check(data: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(data))
