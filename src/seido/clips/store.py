"""Prepared clips on disk: one safetensors file a recording, and a manifest with a line a clip.

A folder of clips holds `prepared.json` (how they were made), `manifest.jsonl` (one JSON object a clip, sorted by
name) and `recordings/NAME.safetensors` with arrays that all clips of the recording share: `frames`
uint8 (T, H, W), `mel` float32 (columns, bands), `speech` float32 (samples,) and `digests` uint8 (T, 8), by which
equal frames are found; where a frozen encoder heard them (clips.hear) also `features` float32 (columns, width).
Reading maps the files, so a frame costs what its bytes cost. Imports numpy only.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.files import write_bytes
from seido.plan import Encoder
from seido.timebase import SAMPLE_RATE, taken_at
from seido.values import SPLITS, Clip, Movie, Region, Speech

MANIFEST = "manifest.jsonl"
PREPARED = "prepared.json"
RECORDINGS = "recordings"
_DTYPES: dict[str, np.dtype[Any]] = {"U8": np.dtype(np.uint8), "F32": np.dtype("<f4")}


@dataclass(frozen=True)
class Entry:
    """One line of the manifest: where a clip comes from and where its arrays stand in the recording's file."""

    name: str
    speaker: str
    recording: str
    language: str
    split: str
    start: Fraction
    """Seconds from the beginning of the recording."""
    first_frame: int
    frames: int
    first_column: int
    columns: int
    first_sample: int
    samples: int
    source_rate: Fraction | None = None
    """Frames per second at which the recording was made; None where it is not known."""


@dataclass(frozen=True)
class Prepared:
    """How clips were made: their exact frame rate, region, size, and the source they came from."""

    rate: Fraction
    height: int
    width: int
    region: Region | None
    frame_size: tuple[int, int] | None
    source: str
    seed: int
    encoder: Encoder | None = None
    """The frozen speech encoder whose features stand beside the log-mels, if one heard these clips."""

    def to_json(self) -> str:
        """Write as JSON."""
        raw = asdict(self)
        if self.encoder is None:
            del raw["encoder"]  # so that folders without one stay what they were, byte for byte
        return json.dumps(raw, default=str, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Prepared:
        """Read what to_json wrote."""
        raw = json.loads(text)
        region, size, encoder = raw.pop("region"), raw.pop("frame_size"), raw.pop("encoder", None)
        return cls(
            rate=Fraction(raw.pop("rate")),
            region=Region(**region) if region else None,
            frame_size=(int(size[0]), int(size[1])) if size else None,
            encoder=Encoder(**encoder) if encoder else None,
            **raw,
        )


@dataclass(frozen=True)
class Clips:
    """A folder of prepared clips; arrays are mapped from disk when asked for."""

    root: Path
    prepared: Prepared
    entries: tuple[Entry, ...]
    digest: str
    """SHA-256 of the manifest."""

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Clip]:
        return (self.clip(entry) for entry in self.entries)

    def split(self, name: str) -> tuple[Entry, ...]:
        """List the clips of one part: train, validation or test."""
        if name not in SPLITS:
            raise BadInputError(f"{name!r} is not a split: choose one of {', '.join(SPLITS)}")
        return tuple(entry for entry in self.entries if entry.split == name)

    def frames(self, entry: Entry) -> NDArray[np.uint8]:
        """Map a clip's frames: uint8 (T, H, W)."""
        return self._array(entry, "frames")[entry.first_frame : entry.first_frame + entry.frames]

    def mel(self, entry: Entry) -> NDArray[np.float32]:
        """Map a clip's log-mel spectrogram: float32 (columns, bands), −4 … 4."""
        return self._array(entry, "mel")[entry.first_column : entry.first_column + entry.columns]

    def features(self, entry: Entry) -> NDArray[np.float32]:
        """Map what an encoder made of a clip's speech, column for column as the log-mel: float32 (columns, width)."""
        return self._array(entry, "features")[entry.first_column : entry.first_column + entry.columns]

    def speech(self, entry: Entry) -> NDArray[np.float32]:
        """Map a clip's speech: float32 (samples,), 16 kHz."""
        return self._array(entry, "speech")[entry.first_sample : entry.first_sample + entry.samples]

    def digests(self, entry: Entry) -> NDArray[np.uint8]:
        """Map what a clip's frames are known by: uint8 (T, 8), 0 for a frame of one grey."""
        return self._array(entry, "digests")[entry.first_frame : entry.first_frame + entry.frames]

    def taken(self, entry: Entry) -> tuple[Fraction, ...]:
        """Tell for each of a clip's frames when its picture was taken, in frames of the clip (timebase.taken_at)."""
        rate = self.prepared.rate
        return tuple(
            taken_at(index, rate, entry.source_rate or rate, entry.first_frame) for index in range(entry.frames)
        )

    def clip(self, entry: Entry) -> Clip:
        """Read one clip as a value."""
        return Clip(
            name=entry.name,
            movie=Movie(np.array(self.frames(entry)), self.prepared.rate),
            speech=Speech(np.array(self.speech(entry)), SAMPLE_RATE, entry.name),
            speaker=entry.speaker,
            recording=entry.recording,
            start=entry.start,
            split=entry.split,
            language=entry.language,
        )

    def _array(self, entry: Entry, name: str) -> NDArray[Any]:
        return map_arrays(self.root / RECORDINGS / f"{entry.recording}.safetensors")[name]


def open_clips(root: Path | str) -> Clips:
    """Open a folder that `seido prepare` wrote; raises BadInputError when it is not one."""
    root = Path(root)
    try:
        manifest = (root / MANIFEST).read_bytes()
        prepared = Prepared.from_json((root / PREPARED).read_text(encoding="utf-8"))
        lines = [json.loads(line) for line in manifest.decode("utf-8").splitlines()]
        entries = tuple(_entry(line) for line in lines)
    except FileNotFoundError:
        raise BadInputError(f"{root}: there are no prepared clips here; make them with `seido prepare`") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{root}: its manifest cannot be read ({error}); run `seido prepare` again") from error
    if not entries:
        raise BadInputError(f"{root}: there are no clips in it; run `seido prepare` on recordings that have some")
    return Clips(root, prepared, entries, hashlib.sha256(manifest).hexdigest())


def _entry(line: dict[str, Any]) -> Entry:
    source = line.get("source_rate")
    return Entry(**{**line, "start": Fraction(line["start"]), "source_rate": Fraction(source) if source else None})


def write_manifest(root: Path, prepared: Prepared, entries: list[Entry]) -> None:
    """Write `prepared.json` and, last, the manifest: a folder with a manifest is a finished one."""
    lines = [json.dumps(asdict(entry), default=str) for entry in sorted(entries, key=lambda entry: entry.name)]
    write_bytes(root / PREPARED, prepared.to_json().encode())
    write_bytes(root / MANIFEST, ("\n".join(lines) + "\n").encode())


def safetensors_header(arrays: dict[str, tuple[np.dtype[Any], tuple[int, ...]]], size: int = 0) -> bytes:
    """Write the head of a safetensors file whose arrays follow in this order, so that they can be streamed.

    It is filled up to `size` bytes, so that it can be written last where room was kept for it.
    """
    names = {dtype: name for name, dtype in _DTYPES.items()}
    header: dict[str, Any] = {}
    at = 0
    for name, (dtype, shape) in arrays.items():
        end = at + dtype.itemsize * math.prod(shape)
        header[name] = {"dtype": names[dtype], "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    text += b" " * max(size - 8 - len(text), -len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def map_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Map every array of a safetensors file without reading it; raises BadInputError when it is cut off."""
    try:
        state = path.stat()
        return _mapped(path, state.st_mtime_ns, state.st_size)
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise BadInputError(f"{path}: missing or damaged ({error}); run `seido prepare` again") from error


@lru_cache(maxsize=64)
def _mapped(path: Path, modified: int, size: int) -> dict[str, NDArray[Any]]:  # noqa: ARG001  (modified is key only)
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        if length > size:
            raise ValueError("its header reaches past its end")
        header = json.loads(stream.read(length))
    header.pop("__metadata__", None)
    raw = np.asarray(np.memmap(path, dtype=np.uint8, mode="r", offset=8 + length))  # slices of a plain array cost less
    return {name: _view(raw, part) for name, part in header.items()}


def _view(raw: NDArray[np.uint8], part: dict[str, Any]) -> NDArray[Any]:
    begin, end = part["data_offsets"]
    return raw[begin:end].view(_DTYPES[part["dtype"]]).reshape(part["shape"])
