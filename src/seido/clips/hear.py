"""`seido hear`: prepared clips heard by a frozen speech encoder, its features beside their log-mels."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from seido.clips.facts import arrays_path, facts_path
from seido.clips.speech_encoder import FrozenEncoder, features, open_encoder
from seido.clips.store import (
    MANIFEST,
    PREPARED,
    RECORDINGS,
    Clips,
    Entry,
    map_arrays,
    open_clips,
    safetensors_header,
)
from seido.errors import BadInputError, OutputError
from seido.files import make_folder, replacing, swept, write_bytes
from seido.timebase import SAMPLE_RATE
from seido.values import Speech

FEATURES = "features"
_BLOCK = 1 << 24
"""Bytes copied at a time."""

Progress = Callable[[str, int, int], None]
"""Called with a recording's name, recordings done and recordings in all."""


def hear_clips(
    clips: Path,
    encoder: Path,
    out: Path,
    layer: int | None = None,
    progress: Progress = lambda *_: None,
    *,
    device: torch.device | str = "cpu",
) -> Clips:
    """Write the prepared clips of a folder again to `out`, with what an encoder makes of their speech.

    The recordings gain an array `features`, float32 (columns, width), column for column as the log-mel, which stays;
    each clip is heard for itself, as it will be when a movie is made from it. `prepared.json` says which encoder
    it was; all other files are copied. Broken off, the same call goes on where it stopped.

    Raises BadInputError for clips and an encoder that cannot be used, OutputError when `out` cannot be written or holds
    something else, MissingExtraError without the extra `encoders`.
    """
    store, out = open_clips(clips), Path(out)
    if out.resolve().is_relative_to(store.root.resolve()):
        raise OutputError(f"{out}: it is the folder of the clips, or in it; choose another folder")
    heard = open_encoder(encoder, layer, device)
    _claim(store, heard, out)
    with swept(out):
        recordings = sorted({entry.recording for entry in store.entries})
        for done, name in enumerate(recordings, 1):
            if not _is_done(store.root, out, name):
                _hear(store, heard, out, name)
            progress(name, done, len(recordings))
        _copy_others(store.root, out)
        write_bytes(out / MANIFEST, (store.root / MANIFEST).read_bytes())
    return open_clips(out)


def _claim(store: Clips, heard: FrozenEncoder, out: Path) -> None:
    """Make the folder `out`, or check that what it holds was begun with these clips and this encoder."""
    make_folder(out / RECORDINGS)
    text = replace(store.prepared, encoder=heard.facts).to_json().encode()
    wanted = {PREPARED: text, MANIFEST: (store.root / MANIFEST).read_bytes()}
    other = any((out / name).exists() and (out / name).read_bytes() != data for name, data in wanted.items())
    unknown = not (out / PREPARED).exists() and any(out.glob(f"{RECORDINGS}/[!.]*"))
    if other or unknown:
        raise OutputError(f"{out}: it holds other clips, or clips heard by another encoder; choose another folder")
    write_bytes(out / PREPARED, text)


def _is_done(root: Path, out: Path, name: str) -> bool:
    """Tell whether a recording has been heard whole; its facts, where it has some, are copied last."""
    facts, copied = facts_path(root, name), facts_path(out, name)
    if not arrays_path(out, name).exists():
        return False
    return not facts.exists() or (copied.exists() and copied.read_bytes() == facts.read_bytes())


def _hear(store: Clips, heard: FrozenEncoder, out: Path, name: str) -> None:
    """Write a recording's arrays, and its features after them; memory does not grow with its length."""
    entries = [entry for entry in store.entries if entry.recording == name]
    arrays = {key: array for key, array in map_arrays(arrays_path(store.root, name)).items() if key != FEATURES}
    if "mel" not in arrays or "speech" not in arrays:
        raise BadInputError(f"{arrays_path(store.root, name)}: there is no speech in it; run `seido prepare` again")
    shape = (len(arrays["mel"]), heard.facts.width)
    kinds = {key: (array.dtype, array.shape) for key, array in arrays.items()}
    # Features before bytes: floats stay where they can be mapped.
    order = {FEATURES: (np.dtype("<f4"), shape), **kinds}
    header = safetensors_header(order)
    path = arrays_path(out, name)
    with replacing(path) as temporary, temporary.open("w+b") as stream:
        stream.write(header)
        stream.truncate(len(header) + 4 * shape[0] * shape[1])
        for entry in entries:
            stream.seek(len(header) + 4 * shape[1] * entry.first_column)
            stream.write(_features(store, heard, entry).tobytes())
        stream.seek(0, 2)
        for array in arrays.values():
            flat = array.reshape(-1).view(np.uint8)
            for first in range(0, len(flat), _BLOCK):
                stream.write(flat[first : first + _BLOCK].tobytes())
    if facts_path(store.root, name).exists():
        write_bytes(facts_path(out, name), facts_path(store.root, name).read_bytes())


def _features(store: Clips, heard: FrozenEncoder, entry: Entry) -> np.ndarray:
    found = features(heard, Speech(np.array(store.speech(entry)), SAMPLE_RATE, entry.name))
    if len(found) != entry.columns:
        raise BadInputError(
            f"{store.root}: clip {entry.name} has {entry.columns} columns, but speech for {len(found)}; "
            "run `seido prepare` again"
        )
    return found


def _copy_others(root: Path, out: Path) -> None:
    """Copy labels, tables and reports: all that is neither a recording's nor says how the clips were made."""
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        own = name.parts[0] == RECORDINGS or str(name) in {PREPARED, MANIFEST}
        if own or any(part.startswith(".") for part in name.parts) or not path.is_file():
            continue
        make_folder((out / name).parent)
        with replacing(out / name) as temporary:
            shutil.copyfile(path, temporary)
