"""Turning clips into batches: what the network sees as it learns is what it will see when it generates."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seido.clips.picture import resize
from seido.clips.store import Clips
from seido.errors import BadInputError
from seido.models.inputs import as_channels, face_input, mel_windows
from seido.plan import Plan, Recipe
from seido.timebase import window_start
from seido.training.augment import AugmentOptions, augmented
from seido.training.material import CURE, PURPOSE, fitted, open_material
from seido.training.options import Reference
from seido.training.sync_batches import expert_lead

FAR = Fraction(3, 5)
"""Seconds from which on another frame of the clip says nothing of the target's posture: 15 frames at 25/s."""
FIRST_SHARE = 0.3
"""How often the first frame is the reference where others may be: it is what generation will show."""
_MOTION_FRAMES = 64
"""Frames of a clip that tell where it moves."""


@dataclass(frozen=True)
class FaceBatch:
    """G examples of T frames in a row, the frames of an example one after the other (N = G · T); float32.

    audio (N, 1, 80, 16), face (N, 6, 96, 96) and target (N, 3, 96, 96), pictures 0 … 1; motion (N, 1, 96, 96), where
    the clip moves, of mean 1, or None.
    """

    audio: Tensor
    face: Tensor
    target: Tensor
    motion: Tensor | None = None
    voice: Tensor | None = None
    """What the sync expert hears for each example, (G, 1, 80, 16), as it was spoken."""

    def to(self, device: torch.device) -> FaceBatch:
        """Move to where the network is, pictures with their channels last, which convolutions are faster on."""
        motion, voice = (None if one is None else _moved(one, device) for one in (self.motion, self.voice))
        face, target = (_moved(one, device, torch.channels_last) for one in (self.face, self.target))
        return FaceBatch(_moved(self.audio, device), face, target, motion, voice)


def _moved(tensor: Tensor, device: torch.device, order: torch.memory_format = torch.preserve_format) -> Tensor:
    # From pinned memory a GPU takes data while it calculates.
    pinned = tensor.contiguous().pin_memory() if device.type == "cuda" else tensor
    return pinned.to(device, memory_format=order, non_blocking=True)


@dataclass(frozen=True)
class Draw:
    """Which frames make a batch: for each example the number of its clip, of its first target, of its reference."""

    clip: NDArray[np.int64]
    target: NDArray[np.int64]
    reference: NDArray[np.int64]
    window: int = 1
    """Target frames in a row."""

    def __getitem__(self, part: slice) -> Draw:
        return Draw(self.clip[part], self.target[part], self.reference[part], self.window)


@dataclass(frozen=True)
class Variation:
    """How the examples of a step are varied: by these options, drawn for this seed and step, from this example on."""

    options: AugmentOptions
    seed: int
    step: int
    first: int = 0


@dataclass(frozen=True)
class Examples:
    """One part of the clips as the network sees it; every frame but a clip's first can be a target."""

    plan: Plan
    frames: tuple[NDArray[np.uint8], ...]
    """Per clip, uint8 (T, H, W) or (T, H, W, 3): of the network's size already, if memory allowed."""
    mels: tuple[NDArray[np.float32], ...]
    """Per clip, float32 (columns, bands)."""
    names: tuple[str, ...] = ()
    """The clips' names, for messages."""
    taken: tuple[tuple[Fraction, ...], ...] = ()
    """Per clip, when each picture was taken, in frames; where nothing is said, each in its turn."""

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Frames of each clip, int64 (clips,)."""
        return np.array([len(frames) for frames in self.frames], np.int64)

    def __len__(self) -> int:
        return int((self.lengths - 1).sum())

    def places(self, window: int) -> NDArray[np.int64]:
        """Count for each clip where `window` targets in a row can begin: int64 (clips,)."""
        return np.maximum(0, self.lengths - window)

    def told(self, draw: Draw) -> str:
        """Name the clips and first targets of a draw, for messages."""
        return ", ".join(f"{self.names[clip]}:{frame}" for clip, frame in zip(draw.clip, draw.target, strict=True))

    @cached_property
    def slack(self) -> int:
        """Frames that a stretch may be longer in time than its frames say, where pictures were taken before or after.

        The same for all stretches, which make a batch together; none where nothing was retimed.
        """
        astray = (abs(moment - index) for clip in self.taken for index, moment in enumerate(clip))
        return math.ceil(2 * max(astray, default=0))

    def moments(self, clip: int, frames: Iterable[int]) -> list[int | Fraction]:
        """Tell when these frames of a clip were taken, in frames of the clip: speech is heard there."""
        return [self.taken[clip][frame] if self.taken else frame for frame in frames]

    @cached_property
    def motion(self) -> tuple[Tensor, ...]:
        """Per clip, where it moves: the standard deviation of each pixel over time, its mean 1; float32 (1, S, S)."""
        size, found = self.plan.network.size, []
        for frames in self.frames:
            some = frames[np.linspace(0, len(frames) - 1, min(len(frames), _MOTION_FRAMES)).astype(int)]
            seen = as_channels(resize(some, size, size, antialias=self.plan.antialias)).mean(1)
            spread = seen.std(0, correction=0)
            mean = spread.mean()
            found.append((spread / mean if mean > 0 else torch.ones_like(spread))[None])
        return tuple(found)

    def batch(
        self,
        draw: Draw,
        recipe: Recipe,
        variation: Variation | None = None,
        *,
        motion: bool = False,
        voice: bool = False,
    ) -> FaceBatch:
        """Put together the batch that `draw` names.

        The face is the frame to complete, rows from the middle down black, then the reference. In the tract
        recipe both are the reference: no pixel of the target is in it. In the talk's recipe the first of them
        is the target (Prajwal et al. 2020), whose upper half is thereby known.
        """
        mels, starts, pictures, voices = [], [], [], []
        rate, lead, size = self.plan.rate, self.plan.front_end.lead, self.plan.network.size
        for clip, target, reference in zip(draw.clip, draw.target, draw.reference, strict=True):
            mel, wanted = self.mels[clip], range(target, target + draw.window)
            moments = self.moments(clip, wanted)
            mels.append(mel_windows(mel, moments, rate, lead))
            starts.append([window_start(moment, len(mel), rate, lead) for moment in moments])
            pictures.append(resize(self.frames[clip][[reference, *wanted]], size, size, antialias=self.plan.antialias))
            if voice:
                voices.append(mel_windows(mel, range(target, target + 1), rate, expert_lead(rate)))
        if any(some.ndim == 4 for some in pictures):
            pictures = [some if some.ndim == 4 else np.repeat(some[..., None], 3, axis=-1) for some in pictures]
        # Grey pictures get their three channels last: until then they are a third of the work.
        seen = _as_levels(np.stack(pictures))
        references, targets, audio = seen[:, 0], seen[:, 1:], torch.stack(mels)
        if variation is not None:
            references, targets, audio = augmented(
                references,
                targets,
                audio,
                np.array(starts, np.int64),
                variation.options,
                variation.seed,
                variation.step,
                variation.first,
            )
        shown = references[:, None].expand_as(targets).flatten(0, 1).expand(-1, 3, -1, -1)
        targets = targets.flatten(0, 1).expand(-1, 3, -1, -1)
        where = torch.stack([self.motion[clip] for clip in draw.clip]) if motion else None
        return FaceBatch(
            audio.flatten(0, 1),
            face_input(targets if recipe == "talk" else shown, shown),
            targets,
            None if where is None else where.repeat_interleave(draw.window, 0),
            torch.cat(voices) if voice else None,
        )


def _as_levels(pictures: NDArray[np.uint8]) -> Tensor:
    """Turn (G, N, H, W) into float32 (G, N, 1, H, W), 0 … 1, or RGB (G, N, H, W, 3) into BGR (G, N, 3, H, W)."""
    if pictures.ndim == 4:
        return torch.from_numpy(pictures)[:, :, None].float() / 255
    return as_channels(pictures.reshape(-1, *pictures.shape[2:])).reshape(*pictures.shape[:2], 3, *pictures.shape[2:4])


def draw_batch(examples: Examples, seed: int, step: int, size: int, reference: Reference, window: int = 1) -> Draw:
    """Draw `size` examples for a step, each place alike likely; depends on nothing but its arguments.

    With `reference` far, three in ten get the first frame of their clip as reference and the others any frame
    at least 0.6 s from the targets, where the clip is long enough to have one; with any, whatever frame is not the
    first of the targets.
    """
    random = np.random.default_rng([seed, step])
    ends = np.cumsum(examples.places(window))
    place = random.integers(ends[-1], size=size)
    by_rule, where = random.random(size) < FIRST_SHARE, random.random(size)
    clip = np.searchsorted(ends, place, side="right")
    length = examples.lengths[clip]
    target = place - ends[clip] + length - window + 1
    distance = math.ceil(FAR * examples.plan.rate) if reference == "far" else 1
    last = target + (window - 1 if reference == "far" else 0)
    before, after = np.maximum(0, target - distance + 1), np.maximum(0, length - last - distance)
    pick = np.floor(where * (before + after)).astype(np.int64)
    other = np.where(pick < before, pick, pick - before + last + distance)
    if reference == "first":
        other = np.zeros_like(other)
    elif reference == "far":
        other = np.where(by_rule | (before + after == 0), 0, other)
    return Draw(clip, target, other, window)


def spread_draw(examples: Examples, most: int, window: int = 1) -> Draw:
    """Take up to `most` frames, evenly spaced over all there are, each with its clip's first as reference."""
    places = examples.places(window)
    count = min(max(1, most // window), int(places.sum()))
    place = (np.arange(count) * 2 + 1) * int(places.sum()) // (2 * count)
    ends = np.cumsum(places)
    clip = np.searchsorted(ends, place, side="right")
    first = place - ends[clip] + examples.lengths[clip] - window + 1
    return Draw(clip, first, np.zeros(count, np.int64), window)


def open_examples(
    clips: Clips, plan: Plan, memory: float, window: int = 1, most: int | None = None
) -> tuple[Examples, Examples]:
    """Make the training and the validation examples; raises BadInputError when either part lacks frames.

    Pictures of the network's size are kept in memory if all of them fit in `memory` gigabytes, and made when
    they are needed otherwise; what comes out is the same. `most` training clips are taken, spread evenly.
    """
    parts = []
    for split in ("train", "validation"):
        part = open_material(clips, plan, split, window + 1, most if split == "train" else None)
        if not part.names:
            longer = f" and have over {window} frames" if window > 1 else ""
            raise BadInputError(
                f"{clips.root}: none of its clips are kept for {PURPOSE[split]}{longer}; run `seido prepare` again "
                f"{CURE[split]}"
            )
        parts.append(part)
    train, validation = (
        Examples(plan, part.frames, part.mels, part.names, part.taken) for part in fitted(parts, plan, memory)
    )
    return train, validation
