"""Windows for the sync expert: five frames and their speech, in groups that are hard to tell apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seido.clips.picture import resize
from seido.clips.store import Clips
from seido.errors import BadInputError
from seido.models.inputs import as_channels, mel_windows
from seido.models.syncnet import FRAMES
from seido.plan import Plan
from seido.timebase import MEL_RATE, WINDOW, centred_lead
from seido.training.checks import require_between, require_one_of, require_whole
from seido.training.material import CURE, PURPOSE, Material, fitted, open_material
from seido.training.task import Share

View = Literal["whole", "lower-half"]
"""What the expert sees of a frame: all of it, its rows averaged two by two, or rows 48 … 95 as published."""
VIEWS: tuple[View, ...] = ("whole", "lower-half")
GROUP = 8
"""Windows of a group: the speech of each is compared with the pictures of all."""


@dataclass(frozen=True)
class SyncOptions:
    """What a sync expert looks at, and what it has to tell apart."""

    view: View = "whole"
    """Part of a frame that it sees: whole, or lower-half as published; with `init` its own view counts."""
    hard: float = 0.5
    """Share of a group's windows at most `near` frames from its first: what is said tells them apart, and when."""
    same: float = 0.25
    """Share from anywhere in the first one's clip: speaker and scanner tell nothing. The rest is from any clip."""
    near: int = 10
    """Frames that count as near."""
    temperature: float = 0.07
    """Of the softmax over a group's windows."""

    def __post_init__(self) -> None:
        """Check every option; raises BadInputError naming the one at fault."""
        require_one_of("sync.view", self.view, VIEWS)
        require_between("sync.hard", self.hard, 0, 1)
        require_between("sync.same", self.same, 0, 1)
        if self.hard + self.same > 1:
            raise BadInputError("sync: hard and same are shares of one group; give numbers whose sum is at most 1")
        require_whole("sync.near", self.near, 1)
        require_between("sync.temperature", self.temperature, 0, math.inf, open_below=True)


def expert_lead(rate: Fraction) -> Fraction:
    """Compute the seconds by which 0.2 s of speech begin before the five frames in whose middle their middle is.

    At 25 frames/s the two are of one length and begin together, as published (Prajwal et al. 2020).

    >>> expert_lead(Fraction(25)), expert_lead(Fraction(20))
    (Fraction(0, 1), Fraction(-1, 40))
    """
    return centred_lead(rate, FRAMES)


def expert_view(frames: Tensor, view: View) -> Tensor:
    """Turn five frames into what the expert looks at: (B, 5, 3, 96, 96) to (B, 15, 48, 96), frame after frame.

    The gradient flows through. The published network's view is the lower half (Prajwal et al. 2020).
    """
    if view == "whole":
        seen = (frames[..., 0::2, :] + frames[..., 1::2, :]) / 2
    else:
        seen = frames[..., frames.shape[-2] // 2 :, :]
    return seen.flatten(1, 2)


@dataclass(frozen=True)
class SyncBatch:
    """Windows, GROUP of a group in a row: speech (B, 1, 80, 16) and pictures (B, 15, 48, 96), float32."""

    audio: Tensor
    face: Tensor

    def to(self, device: torch.device) -> SyncBatch:
        """Move to where the network is, pictures with their channels last, which convolutions are faster on."""
        return SyncBatch(self.audio.to(device), self.face.to(device, memory_format=torch.channels_last))


@dataclass(frozen=True)
class Windows:
    """Every five frames of one part of the clips, numbered clip after clip, each a frame after the one before.

    Above 80 frames/s, where neighbours would have the same speech, only every second frame (third, …) begins one.
    Windows whose speech would reach over an end of the clip are left out.
    """

    plan: Plan
    view: View
    frames: tuple[NDArray[np.uint8], ...]
    """Per clip, uint8 (T, H, W) or (T, H, W, 3): of the network's size already, if memory allowed."""
    mels: tuple[NDArray[np.float32], ...]
    """Per clip, float32 (columns, bands)."""
    names: tuple[str, ...] = ()
    """The clips' names, for messages."""

    @cached_property
    def spans(self) -> tuple[range, ...]:
        """First frames of each clip's windows."""
        return tuple(
            _first_frames(len(frames), len(mel), self.plan.rate)
            for frames, mel in zip(self.frames, self.mels, strict=True)
        )

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """For each clip, the number after that of its last window."""
        return np.cumsum([len(span) for span in self.spans], dtype=np.int64)

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def bounds(self, window: int) -> tuple[int, int]:
        """Tell the first window of the clip that this one is of, and the one after its last."""
        clip = int(np.searchsorted(self.ends, window, side="right"))
        return int(self.ends[clip]) - len(self.spans[clip]), int(self.ends[clip])

    def speech(self, windows: Sequence[int]) -> Tensor:
        """Cut the speech of these windows: float32 (B, 1, 80, 16)."""
        rate, lead = self.plan.rate, expert_lead(self.plan.rate)
        cuts = [mel_windows(self.mels[clip], range(at, at + 1), rate, lead) for clip, at in map(self._place, windows)]
        return torch.cat(cuts)

    def faces(self, windows: Sequence[int]) -> Tensor:
        """Make the pictures of these windows, as the expert sees them: float32 (B, 15, 48, 96), 0 … 1."""
        size, antialias = self.plan.network.size, self.plan.antialias
        cuts = []
        for clip, at in map(self._place, windows):
            pictures = resize(self.frames[clip][at : at + FRAMES], size, size, antialias=antialias)
            cuts.append(expert_view(as_channels(pictures)[None], self.view))
        return torch.cat(cuts)

    def batch(self, windows: Sequence[int]) -> SyncBatch:
        """Put together the batch of these windows."""
        return SyncBatch(self.speech(windows), self.faces(windows))

    def told(self, windows: Sequence[int]) -> str:
        """Name these windows' clips and first frames."""
        return ", ".join(f"{self.names[clip]}:{at}" for clip, at in map(self._place, windows))

    def _place(self, window: int) -> tuple[int, int]:
        clip = int(np.searchsorted(self.ends, window, side="right"))
        span = self.spans[clip]
        return clip, span[int(window) - int(self.ends[clip])]


def draw_windows(windows: Windows, seed: int, step: int, batch: int, share: Share, mix: SyncOptions) -> list[int]:
    """Draw a step's windows, those of `share`: groups of GROUP, no window twice in one.

    Depends on nothing but its arguments, and equal shares make up the whole batch. Raises BadInputError when the
    batch cannot be shared.
    """
    if batch % (GROUP * share.count):
        raise BadInputError(f"batch: {batch} cannot be shared out; give a multiple of {GROUP * share.count}")
    groups = range(batch // GROUP)[share.of(batch // GROUP)]
    return [window for group in groups for window in _draw_group(windows, [seed, step, group], mix)]


def _draw_group(windows: Windows, seed: list[int], mix: SyncOptions) -> list[int]:
    random = np.random.default_rng(seed)
    kinds, where = random.random(GROUP), random.random(GROUP)
    anchor = int(where[0] * len(windows))
    first, last = windows.bounds(anchor)
    near = (max(first, anchor - mix.near), min(last, anchor + mix.near + 1))
    group = [anchor]
    for kind, at in zip(kinds[1:], where[1:], strict=True):
        widest = (0, len(windows))
        ranges = [near, (first, last), widest] if kind < mix.hard else [(first, last), widest]
        if kind >= mix.hard + mix.same:
            ranges = [widest]
        # A clip may have too few windows: then one from further away does.
        free = next((low, high) for low, high in ranges if high - low > sum(low <= each < high for each in group))
        group.append(_untaken(free, group, at))
    return group


def _untaken(span: tuple[int, int], taken: list[int], at: float) -> int:
    """Find the number at `at` (0 … 1) of those in the span that are not taken."""
    low, high = span
    inside = sorted(each for each in taken if low <= each < high)
    found = low + int(at * (high - low - len(inside)))
    for each in inside:
        found += found >= each
    return found


def open_windows(
    clips: Clips, plan: Plan, view: View, memory: float, most: int | None = None
) -> tuple[Windows, Windows]:
    """Make the training and the validation windows; raises BadInputError when either part has too few.

    Pictures of the network's size are kept in memory if all of them fit in `memory` gigabytes, and made when
    they are needed otherwise; what comes out is the same. `most` training clips are taken, spread evenly.
    """
    parts = []
    for split in ("train", "validation"):
        part = open_material(clips, plan, split, FRAMES, most if split == "train" else None)
        count = len(_windows(part, plan, view))
        if count < GROUP:
            raise BadInputError(
                f"{clips.root}: {count} windows of five frames are kept for {PURPOSE[split]}; at least {GROUP} "
                f"are needed; run `seido prepare` again {CURE[split]}"
            )
        parts.append(part)
    train, validation = (_windows(part, plan, view) for part in fitted(parts, plan, memory))
    return train, validation


def split_windows(clips: Clips, plan: Plan, view: View, split: str) -> Windows:
    """Make the windows of one part of the clips, which may be none; pictures are made when they are needed."""
    return _windows(open_material(clips, plan, split, FRAMES), plan, view)


def _windows(part: Material, plan: Plan, view: View) -> Windows:
    return Windows(plan, view, part.frames, part.mels, part.names)


def _first_frames(frames: int, columns: int, rate: Fraction) -> range:
    """List the frames that begin a window whose speech lies within the `columns` there are."""
    lead = expert_lead(rate)
    first = max(0, math.ceil(lead * rate))
    # floor(80 · (f / rate − lead)) ≤ columns − 16 as long as f is below this.
    below = math.ceil(((columns - WINDOW + 1) / MEL_RATE + lead) * rate)
    return range(first, max(first, min(frames - FRAMES + 1, below)), math.ceil(rate / MEL_RATE))
