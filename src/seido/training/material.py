"""The arrays of one part of the clips, checked against the manifest, and brought to the network's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.clips.picture import resize
from seido.clips.store import RECORDINGS, Clips, Entry
from seido.errors import BadInputError
from seido.plan import Plan
from seido.timebase import WINDOW

PURPOSE = {"train": "training", "validation": "validation, which says when to stop", "test": "the test"}
"""What each part of the clips is kept for."""
CURE = {
    "train": "with more recordings or another --split-by",
    "validation": "with `--split-by time`, which takes them from every recording",
    "test": "with another --split",
}
"""How `seido prepare` keeps more for it."""
_GIGABYTE = 1e9


@dataclass(frozen=True)
class Material:
    """Clips as arrays, one each."""

    names: tuple[str, ...]
    frames: tuple[NDArray[np.uint8], ...]
    """uint8 (T, H, W) or (T, H, W, 3)."""
    mels: tuple[NDArray[np.float32], ...]
    """float32 (columns, bands), at least 16 columns; features where the plan names an encoder."""
    taken: tuple[tuple[Fraction, ...], ...]
    """When each picture was taken, in frames; see Clips.taken."""


def open_material(clips: Clips, plan: Plan, split: str, shortest: int = 1, most: int | None = None) -> Material:
    """Map one part of the clips: those of at least `shortest` frames, `most` of them spread evenly; perhaps none.

    Raises BadInputError when there are fewer than `most`, or a recording is not what the manifest says.
    """
    entries = [entry for entry in clips.split(split) if entry.frames >= shortest]
    if most is not None:
        if most > len(entries):
            raise BadInputError(
                f"clips: {clips.root} has {len(entries)} for {PURPOSE[split]}, not {most}; give a smaller number"
            )
        entries = [entries[number * len(entries) // most] for number in range(most)]
    arrays = [_arrays(clips, entry, plan) for entry in entries]
    return Material(
        tuple(entry.name for entry in entries),
        tuple(frames for frames, _ in arrays),
        tuple(mel for _, mel in arrays),
        tuple(clips.taken(entry) for entry in entries),
    )


def fitted(parts: Sequence[Material], plan: Plan, memory: float) -> list[Material]:
    """Bring all pictures to the network's size, if together they fit in `memory` gigabytes; else leave them."""
    size = plan.network.size
    shown = [frames for part in parts for frames in part.frames]
    pixels = sum(len(frames) * (3 if frames.ndim == 4 else 1) for frames in shown) * size**2
    if pixels > memory * _GIGABYTE:
        return list(parts)
    return [
        replace(part, frames=tuple(resize(frames, size, size, antialias=plan.antialias) for frames in part.frames))
        for part in parts
    ]


def _arrays(clips: Clips, entry: Entry, plan: Plan) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Map a clip's frames and mel, and check that they are what the manifest says."""
    path = clips.root / RECORDINGS / f"{entry.recording}.safetensors"
    try:
        frames = clips.frames(entry)
        mel = clips.mel(entry) if plan.front_end.encoder is None else clips.features(entry)
    except KeyError as error:
        raise BadInputError(f"{path}: there are no {error.args[0]} in it; run `seido prepare` again") from error
    right: tuple[tuple[bool, Any], ...] = (
        (frames.ndim == 3 or (frames.ndim == 4 and frames.shape[3] == 3), f"pictures of shape {frames.shape}"),
        (frames.dtype == np.uint8, frames.dtype),
        (len(frames) == entry.frames, f"{len(frames)} frames for {entry.frames}"),
        (mel.shape == (entry.columns, plan.front_end.bands), f"a mel of {mel.shape}"),
        (len(mel) >= WINDOW and mel.dtype == np.float32, f"{len(mel)} mel columns of {mel.dtype}"),
    )
    for fine, found in right:
        if not fine:
            raise BadInputError(
                f"{path}: it does not match the manifest (clip {entry.name} has {found}); run `seido prepare` again"
            )
    return frames, mel
