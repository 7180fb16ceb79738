"""Turning clips into batches: what the network sees as it learns is what it will see when it generates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seido.clips.picture import resize
from seido.clips.store import RECORDINGS, Clips, Entry
from seido.errors import BadInputError
from seido.models.inputs import as_channels, face_input, mel_windows
from seido.plan import Plan, Recipe
from seido.timebase import WINDOW
from seido.training.options import Reference

FAR = Fraction(3, 5)
"""Seconds from which on another frame of the clip says nothing of the target's posture: 15 frames at 25/s."""
FIRST_SHARE = 0.3
"""How often the first frame is the reference where others may be: it is what generation will show."""
_GIGABYTE = 1e9


@dataclass(frozen=True)
class Batch:
    """Tensors float32: audio (B, 1, 80, 16), face (B, 6, 96, 96) and target (B, 3, 96, 96), pictures 0 … 1."""

    audio: Tensor
    face: Tensor
    target: Tensor

    def to(self, device: torch.device) -> Batch:
        """Move to where the network is, pictures with their channels last, which convolutions are faster on."""
        return Batch(
            self.audio.to(device),
            self.face.to(device, memory_format=torch.channels_last),
            self.target.to(device, memory_format=torch.channels_last),
        )


@dataclass(frozen=True)
class Draw:
    """Which frames make a batch: for each, the number of its clip, its own number and its reference's, int64 (B,)."""

    clip: NDArray[np.int64]
    target: NDArray[np.int64]
    reference: NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """One part of the clips as the network sees it; every frame but a clip's first can be a target."""

    plan: Plan
    frames: tuple[NDArray[np.uint8], ...]
    """Per clip, uint8 (T, H, W) or (T, H, W, 3): of the network's size already, if memory allowed."""
    mels: tuple[NDArray[np.float32], ...]
    """Per clip, float32 (columns, bands)."""

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Frames of each clip, int64 (clips,)."""
        return np.array([len(frames) for frames in self.frames], np.int64)

    def __len__(self) -> int:
        return int((self.lengths - 1).sum())

    def batch(self, draw: Draw, recipe: Recipe) -> Batch:
        """Put together the batch that `draw` names.

        The face is the frame to complete, rows from the middle down black, then the reference. In the first-frame
        recipe both are the reference: no pixel of the target is in it. In the published recipe the first of them
        is the target (Prajwal et al. 2020), whose upper half is thereby known.
        """
        audio, pairs = [], []
        rate, lead, size = self.plan.rate, self.plan.front_end.lead, self.plan.network.size
        for clip, target, reference in zip(draw.clip, draw.target, draw.reference, strict=True):
            audio.append(mel_windows(self.mels[clip], range(target, target + 1), rate, lead))
            pairs.append(resize(self.frames[clip][[reference, target]], size, size, antialias=self.plan.antialias))
        if any(pair.ndim == 4 for pair in pairs):
            pairs = [pair if pair.ndim == 4 else np.repeat(pair[..., None], 3, axis=-1) for pair in pairs]
        pictures = as_channels(np.concatenate(pairs))
        seen, wanted = pictures[0::2], pictures[1::2]
        return Batch(torch.cat(audio), face_input(wanted if recipe == "published" else seen, seen), wanted)


def draw_batch(examples: Examples, seed: int, step: int, size: int, reference: Reference) -> Draw:
    """Draw `size` frames for a step, each equally likely; depends on nothing but its arguments.

    With `reference` far, three in ten get the first frame of their clip as reference and the others any frame
    at least 0.6 s from the target, where the clip is long enough to have one.
    """
    random = np.random.default_rng([seed, step])
    ends = np.cumsum(examples.lengths - 1)
    frame = random.integers(ends[-1], size=size)
    first, where = random.random(size) < FIRST_SHARE, random.random(size)
    clip = np.searchsorted(ends, frame, side="right")
    length = examples.lengths[clip]
    target = frame - ends[clip] + length
    distance = math.ceil(FAR * examples.plan.rate)
    before, after = np.maximum(0, target - distance + 1), np.maximum(0, length - target - distance)
    pick = np.floor(where * (before + after)).astype(np.int64)
    far = np.where(pick < before, pick, pick - before + target + distance)
    far = np.where(first | (before + after == 0), 0, far)
    return Draw(clip, target, np.zeros_like(far) if reference == "first" else far)


def spread_draw(examples: Examples, most: int) -> Draw:
    """Take up to `most` frames, evenly spaced over all there are, each with its clip's first as reference."""
    count = min(most, len(examples))
    frame = (np.arange(count) * 2 + 1) * len(examples) // (2 * count)
    ends = np.cumsum(examples.lengths - 1)
    clip = np.searchsorted(ends, frame, side="right")
    return Draw(clip, frame - ends[clip] + examples.lengths[clip], np.zeros(count, np.int64))


def open_examples(clips: Clips, plan: Plan, memory: float) -> tuple[Examples, Examples]:
    """Make the training and the validation examples; raises BadInputError when either part lacks frames.

    Pictures of the network's size are kept in memory if all of them fit in `memory` gigabytes, and made when
    they are needed otherwise; what comes out is the same.
    """
    parts = []
    for split, cure in (
        ("train", "with more recordings or another --split-by"),
        ("validation", "with `--split-by time`, which takes them from every recording"),
    ):
        entries = clips.split(split)
        if not any(entry.frames > 1 for entry in entries):
            kept = "for training" if split == "train" else "for validation, which says when to stop"
            raise BadInputError(f"{clips.root}: none of its clips are kept {kept}; run `seido prepare` again {cure}")
        parts.append([_arrays(clips, entry, plan) for entry in entries])
    size, antialias = plan.network.size, plan.antialias
    pixels = sum(len(frames) * (3 if frames.ndim == 4 else 1) for part in parts for frames, _ in part) * size**2
    fitted = pixels <= memory * _GIGABYTE
    train, validation = (
        Examples(
            plan,
            tuple(resize(frames, size, size, antialias=antialias) if fitted else frames for frames, _ in part),
            tuple(mel for _, mel in part),
        )
        for part in parts
    )
    return train, validation


def _arrays(clips: Clips, entry: Entry, plan: Plan) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Map a clip's frames and mel, and check that they are what the manifest says."""
    try:
        frames, mel = clips.frames(entry), clips.mel(entry)
    except KeyError as error:
        raise BadInputError(_damaged(clips, entry, f"there are no {error.args[0]} in it")) from error
    right: tuple[tuple[bool, Any], ...] = (
        (frames.ndim == 3 or (frames.ndim == 4 and frames.shape[3] == 3), frames.shape),
        (frames.dtype == np.uint8, frames.dtype),
        (len(frames) == entry.frames, f"{len(frames)} frames for {entry.frames}"),
        (mel.shape == (entry.columns, plan.front_end.bands), f"a mel of {mel.shape}"),
        (len(mel) >= WINDOW and mel.dtype == np.float32, f"{len(mel)} mel columns of {mel.dtype}"),
    )
    for fine, found in right:
        if not fine:
            raise BadInputError(_damaged(clips, entry, f"clip {entry.name} has {found}"))
    return frames, mel


def _damaged(clips: Clips, entry: Entry, what: str) -> str:
    path = clips.root / RECORDINGS / f"{entry.recording}.safetensors"
    return f"{path}: it does not match the manifest ({what}); run `seido prepare` again"
