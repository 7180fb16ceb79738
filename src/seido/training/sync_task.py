"""The sync expert as a task: telling the speech that belongs to five frames from speech that does not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from seido.clips.store import Clips
from seido.errors import BadInputError
from seido.files import sha256
from seido.models.checkpoint import build, load_checkpoint
from seido.models.syncnet import FRAMES, SyncNet
from seido.plan import FrontEnd, Network, Plan
from seido.training.critics import cross_entropy, require_fit, view_of
from seido.training.numbers import Numbers
from seido.training.options import TrainOptions
from seido.training.sync_batches import (
    GROUP,
    SyncBatch,
    SyncOptions,
    Windows,
    draw_windows,
    expert_lead,
    open_windows,
)
from seido.training.task import Loss, Memory, Share, Validation

EXPERT = "expert"
BATCH = 64
"""Windows in a step unless said otherwise."""
SHIFTS = (-10, -5, -3, -2, -1, 1, 2, 3, 5, 10)
"""Windows, that is frames, by which validation shifts speech."""
_NEAR_TRIAL = 15
"""Frames up to which validation's wrong speech is shifted, where it is of the same clip."""
_CHUNK = 64
_DRAWN = 96
"""Windows in the picture."""
_ZOOM = 4


@dataclass(frozen=True)
class SyncScores:
    """How well an expert tells true speech from wrong."""

    loss: float
    """Binary cross-entropy of the cosine over as many true pairs as wrong ones; guessing scores ln 2."""
    accuracy: float
    """Share of those pairs on the right side of a cosine of 0.5."""
    shifts: dict[int, float]
    """By frames of shift: share of windows whose own speech scores higher than the shifted; ties count half."""
    other_clip: float | None
    """The same against speech of another clip; None where there is but one."""


class SyncTask:
    """A SyncNet that learns to match speech and pictures; see seido.training.task.Task.

    In a group of eight windows the speech of each is compared with the pictures of all. The loss is the binary
    cross-entropy of the cosines (Prajwal et al. 2020), wrong pairs weighing together as much as true ones, plus the
    cross-entropy of a softmax over the group both ways (van den Oord et al. 2018), which learns small shifts sooner.
    """

    def __init__(self, clips: Clips, options: TrainOptions, saved: Plan | None = None) -> None:
        """Open the clips; `saved` is the plan of a run that goes on, whose weights will be put in.

        Raises BadInputError when the clips, or the checkpoint to fine-tune, cannot be used.
        """
        self.options, self.sync = options, options.sync
        self.batch_size = options.batch or BATCH
        if self.batch_size % GROUP:
            raise BadInputError(f"batch: the sync expert learns in groups of {GROUP}; give a multiple of it")
        if saved:
            self.expert, self.plan = new_expert(saved, options.seed), saved
        else:
            self.expert, self.plan = expert_start(clips, options, self.sync)
        self.networks: dict[str, nn.Module] = {EXPERT: self.expert}
        self.frames = FRAMES * self.batch_size
        self.train, self.validation = open_windows(clips, self.plan, view_of(self.plan), options.memory, options.clips)
        self.numbers = Numbers(torch.device("cpu"))

    def to(self, numbers: Numbers) -> None:
        """Move the network to where it will be computed, with these numbers."""
        self.numbers = numbers
        self.expert.to(numbers.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def weights(self) -> Mapping[str, Tensor]:
        """Return the expert's weights."""
        return self.expert.state_dict()

    def told(self, step: int) -> str:
        """Name the clips and first frames of a step's windows."""
        return self.train.told(self._drawn(step, Share()))

    def batch(self, step: int, share: Share) -> SyncBatch:
        """Make the part `share` of a step's windows; raises BadInputError when a group would be torn."""
        return self.train.batch(self._drawn(step, share))

    def losses(self, batch: SyncBatch, step: int, memory: Memory) -> Iterator[Loss]:  # noqa: ARG002
        """Compute the loss of one part; groups are apart, so that equal parts average to the whole."""
        self.expert.train()
        with self.numbers.cast():
            speech, face = self.networks[EXPERT](batch.audio, batch.face)
        cosines = group_cosines(speech, face)
        pairs, contrast = pair_loss(cosines), contrast_loss(cosines, self.sync.temperature)
        yield Loss(EXPERT, pairs + contrast, {"bce": pairs.detach(), "contrast": contrast.detach()})

    def validate(self, memory: Memory) -> Validation:  # noqa: ARG002
        """Score the validation clips on the same pairs each time."""
        scores = score_expert(self.expert, self.validation, self.options.validation_frames)
        parts = {"accuracy": scores.accuracy} | {f"shift{by:+d}": share for by, share in scores.shifts.items()}
        if scores.other_clip is not None:
            parts["other_clip"] = scores.other_clip
        return Validation(scores.loss, math.log(2), parts)

    def learnt(self, validation: Validation, step: int, memory: Memory) -> Memory:  # noqa: ARG002
        """Return `memory` as it is: there is nothing to remember."""
        return memory

    def pictures(self) -> NDArray[np.uint8]:
        """Draw the cosines of a validation clip, white 1: time goes right, the speech's shift from −10 down to 10.

        A good expert draws a bright line in the middle. uint8 (84, 4 · windows).
        """
        first, last = self.validation.bounds(0)
        shown = range(first, min(last, _DRAWN))
        face, speech = embed(self.expert, self.validation, shown, shown)
        cosines = np.zeros((2 * max(SHIFTS) + 1, len(shown)), np.float32)
        for row, shift in enumerate(range(-max(SHIFTS), max(SHIFTS) + 1)):
            at = np.arange(max(0, -shift), min(len(shown), len(shown) - shift))
            cosines[row, at] = (face[at] * speech[at + shift]).sum(1).numpy()
        levels = np.round(255 * cosines.clip(0, 1)).astype(np.uint8)
        return levels.repeat(_ZOOM, axis=0).repeat(_ZOOM, axis=1)

    def _drawn(self, step: int, share: Share) -> list[int]:
        return draw_windows(self.train, self.options.seed, step, self.batch_size, share, self.sync)


def new_expert(plan: Plan, seed: int = 0) -> SyncNet:
    """Make a plan's expert with the first weights that `seed` decides; torch's own generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SyncNet(plan.network.width)


def expert_start(clips: Clips, options: TrainOptions, sync: SyncOptions) -> tuple[SyncNet, Plan]:
    """Make the expert, new or from a checkpoint, whose width and view then count, and the plan that it gets.

    Raises BadInputError when the checkpoint cannot be read or is for other clips.
    """
    prepared = clips.prepared
    if options.init is None:
        plan = Plan(
            network=Network(name="syncnet", width=options.channels),
            front_end=FrontEnd(lead=expert_lead(prepared.rate)),
            rate=prepared.rate,
            antialias=True,
            notes={"view": sync.view},
        )
        network = new_expert(plan, options.seed)
    else:
        checkpoint = load_checkpoint(options.init, expect="syncnet")
        require_fit(options.init, checkpoint.plan, clips)
        plan = checkpoint.plan
        plan = replace(plan, notes={**plan.notes, "view": view_of(plan), "init_sha256": sha256(options.init)})
        network = cast("SyncNet", build(checkpoint))
    training = clips.split("train")
    seconds = float(sum(entry.frames for entry in training) / prepared.rate)
    return network, replace(
        plan,
        region=prepared.region,
        frame_size=prepared.frame_size,
        corpus=clips.digest,
        notes={**plan.notes, "clips": str(options.clips or len(training)), "seconds": f"{seconds:.1f}"},
    )


def group_cosines(speech: Tensor, face: Tensor) -> Tensor:
    """Compare all speech of a group with all its pictures: two (B, D) to (groups, GROUP, GROUP), pictures first."""
    groups = (-1, GROUP, face.shape[1])
    return face.float().reshape(groups) @ speech.float().reshape(groups).mT


def pair_loss(cosines: Tensor) -> Tensor:
    """Compute the binary cross-entropy of the cosines, true pairs weighing together as much as wrong ones."""
    true = torch.eye(GROUP, dtype=torch.bool, device=cosines.device)
    return (cross_entropy(cosines[:, true], 1) + cross_entropy(cosines[:, ~true], 0)) / 2


def contrast_loss(cosines: Tensor, temperature: float) -> Tensor:
    """Compute the mean cross-entropy of picking each picture's speech, and each speech's picture, by softmax."""
    answer = torch.arange(GROUP, device=cosines.device).expand(len(cosines), GROUP)
    scores = cosines / temperature
    return (functional.cross_entropy(scores, answer) + functional.cross_entropy(scores.mT, answer)) / 2


@torch.no_grad()
def embed(network: SyncNet, windows: Windows, faces: Sequence[int], speech: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Embed pictures and speech of these windows with the network in eval mode: float32 (windows, D), on the CPU."""
    device, training = next(network.parameters()).device, network.training
    network.eval()
    try:
        seen = [
            functional.normalize(network.face_encoder(windows.faces(part).to(device)).flatten(1)).float().cpu()
            for part in _chunks(faces)
        ]
        heard = [
            functional.normalize(network.audio_encoder(windows.speech(part).to(device)).flatten(1)).float().cpu()
            for part in _chunks(speech)
        ]
    finally:
        network.train(training)
    return torch.cat(seen), torch.cat(heard)


def score_expert(network: SyncNet, windows: Windows, most: int = 512, shifts: Sequence[int] = SHIFTS) -> SyncScores:
    """Score an expert on up to `most` evenly spaced windows; the same ones, and the same wrong speech, each time.

    Half of the wrong speech is the clip's own, up to 15 frames off, and half another clip's, where there are others.
    """
    count = min(most, len(windows))
    true = (np.arange(count) * 2 + 1) * len(windows) // (2 * count)
    first, last = np.array([windows.bounds(int(window)) for window in true]).T
    random = np.random.default_rng(0)
    off = random.integers(1, _NEAR_TRIAL + 1, count) * random.choice((-1, 1), count)
    own = np.where((true + off >= first) & (true + off < last), true + off, true - off).clip(first, last - 1)
    elsewhere = len(windows) - (last - first)
    apart = (last + (random.random(count) * elsewhere).astype(np.int64)) % len(windows)
    wrong = np.where((np.arange(count) % 2 == 1) & (elsewhere > 0), apart, own)

    tried = {shift: true + shift for shift in shifts}
    heard = np.unique(np.concatenate([true, wrong, apart, *(at.clip(first, last - 1) for at in tried.values())]))
    face, speech = embed(network, windows, true.tolist(), heard.tolist())

    def cosines(of: NDArray[np.int64]) -> Tensor:
        return (face * speech[np.searchsorted(heard, of.clip(0, len(windows) - 1))]).sum(1)

    right, other = cosines(true), cosines(wrong)
    loss = (cross_entropy(right, 1) + cross_entropy(other, 0)) / 2
    accuracy = ((right > 0.5).double().mean() + (other <= 0.5).double().mean()) / 2
    found = {}
    for shift, at in tried.items():
        inside = (at >= first) & (at < last)
        if inside.any():
            found[shift] = _won(right[inside], cosines(at.clip(first, last - 1))[inside])
    distant = _won(right, cosines(apart)) if (elsewhere > 0).all() else None
    return SyncScores(float(loss), float(accuracy), found, distant)


def _won(right: Tensor, other: Tensor) -> float:
    return float(((right > other).double() + (right == other).double() / 2).mean())


def _chunks(windows: Sequence[int]) -> Iterator[Sequence[int]]:
    return (windows[first : first + _CHUNK] for first in range(0, len(windows), _CHUNK))
