"""Learning to generate: a frame from the speech around it and a reference frame of the speaker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seido.models.quality import QualityDiscriminator
from seido.plan import Plan
from seido.training.adapt import merged
from seido.training.batches import Draw, Examples, FaceBatch, Variation, draw_batch, spread_draw
from seido.training.critics import SyncCritic, discriminator_loss, perceptual_loss
from seido.training.losses import l1, ssim
from seido.training.numbers import Numbers
from seido.training.options import Reference, TrainOptions
from seido.training.task import Loss, Memory, Share, Validation

GENERATOR, QUALITY = "generator", "quality"
BATCH = 16
"""Examples in a step unless said otherwise."""
_VALIDATION_BATCH = 32
_SHOWN = 4
"""Validation frames in a sample picture."""
_SYNC_FROM = "sync_from"


class GeneratorTask:
    """A generator with the losses that `options` weigh; see task.Task."""

    def __init__(
        self,
        plan: Plan,
        network: nn.Module,
        examples: tuple[Examples, Examples],
        options: TrainOptions,
        expert: SyncCritic | None = None,
    ) -> None:
        self.plan, self.options, self.expert = plan, options, expert
        self.network = network
        self.networks = {GENERATOR: network}
        if options.losses.quality:
            self.networks[QUALITY] = new_discriminator(plan, options.seed)
        self.training, self.validation = examples
        self.window = window_of(options)
        self.batch_size = options.batch or BATCH
        self.frames = self.batch_size * self.window
        self.reference: Reference = options.reference or ("any" if options.recipe == "talk" else "far")
        self.watched = spread_draw(self.validation, options.validation_frames, self.window)
        self.numbers = Numbers(torch.device("cpu"))

    def to(self, numbers: Numbers) -> None:
        """Move everything to where it will be computed, with these numbers."""
        self.numbers = numbers
        for network in self.networks.values():
            # Convolutions over many pixels and few channels are a quarter faster on the CPU with channels last.
            network.to(numbers.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.expert:
            self.expert.to(numbers.device)

    def weights(self) -> Mapping[str, Tensor]:
        """Return the generator's weights, low-rank updates added in."""
        return merged(self.network)

    def told(self, step: int) -> str:
        """Name the clips and frames of a step."""
        return self.training.told(self._drawn(step))

    def batch(self, step: int, share: Share) -> FaceBatch:
        """Make a part of a step's batch."""
        seed, part = self.options.seed, share.of(self.batch_size)
        draw = self._drawn(step)[part]
        varied = Variation(self.options.augment, seed, step, part.start)
        motion = self.options.losses.motion > 0
        return self.training.batch(draw, self.options.recipe, varied, motion=motion, voice=self.expert is not None)

    def losses(self, batch: FaceBatch, step: int, memory: Memory) -> Iterator[Loss]:
        """Compute the generator's loss, then the discriminator's."""
        wanted = self.options.losses
        self.network.train()
        frames = self._frames(batch)
        plain = l1(frames, batch.target)
        value = l1(frames, batch.target, batch.motion, wanted.motion) if wanted.motion else plain
        parts = {"l1": plain}
        if wanted.structure:
            # Where a residual network overshoots 0 … 1, a clamp would stop the gradient that brings it back.
            parts["structure"] = 1 - ssim(frames, batch.target)
            value = value + wanted.structure * parts["structure"]
        weight = self._sync_weight(step, memory)
        value = (1 - weight - wanted.quality) * value
        if self.expert and batch.voice is not None and weight:
            parts["sync"] = self.expert.loss(self._grouped(frames), batch.voice)
            value = value + weight * parts["sync"]
        judge = self.networks.get(QUALITY)
        if judge:
            with self.numbers.cast():
                parts["quality"] = perceptual_loss(judge, frames)
            value = value + wanted.quality * parts["quality"]
        yield Loss(GENERATOR, value, {name: part.detach() for name, part in parts.items()})
        if judge:
            with self.numbers.cast():
                judged = discriminator_loss(judge, batch.target, frames)
            yield Loss(QUALITY, judged, {"discriminator": judged.detach()})

    @torch.inference_mode()
    def validate(self, memory: Memory) -> Validation:  # noqa: ARG002  (what is remembered changes no score)
        """Score what generation would show: L1 of the clamped output, and of holding the first frame instead.

        The network sees the first frame of the clip, whole and masked, whatever recipe it was trained with.
        """
        self.network.eval()
        sums = {"loss": 0.0, "trivial": 0.0, "ssim": 0.0, "sync": 0.0}
        count = len(self.watched.clip)
        size = max(1, _VALIDATION_BATCH // self.window)
        for first in range(0, count, size):
            draw = self.watched[first : first + size]
            batch = self.validation.batch(draw, "tract", voice=self.expert is not None).to(self.numbers.device)
            frames = self._frames(batch).clamp(0, 1)
            here = len(draw.clip)
            sums["loss"] += here * l1(frames, batch.target).item()
            sums["trivial"] += here * l1(batch.face[:, 3:], batch.target).item()
            sums["ssim"] += here * ssim(frames, batch.target).item()
            if self.expert and batch.voice is not None:
                sums["sync"] += here * self.expert.loss(self._grouped(frames), batch.voice).item()
        means = {name: total / count for name, total in sums.items() if name != "sync" or self.expert}
        loss, trivial = means.pop("loss"), means.pop("trivial")
        return Validation(loss, trivial, means)

    def learnt(self, validation: Validation, step: int, memory: Memory) -> Memory:
        """Remember from when on the sync expert counts: the first validation in which it is nearly content."""
        wanted = self.options.losses
        if self.expert and _SYNC_FROM not in memory and validation.parts["sync"] < wanted.sync_below:
            return {**memory, _SYNC_FROM: float(step)}
        return memory

    @torch.inference_mode()
    def pictures(self) -> NDArray[np.uint8]:
        """Draw four validation frames, a row each: reference, true, generated, and twice their difference."""
        self.network.eval()
        count = len(self.watched.clip)
        rows = []
        for number in sorted({count * row // _SHOWN for row in range(_SHOWN)}):
            batch = self.validation.batch(self.watched[number : number + 1], "tract").to(self.numbers.device)
            made, true = self._frames(batch)[:1].clamp(0, 1), batch.target[:1]
            difference = (0.5 + made - true).clamp(0, 1)
            rows.append(torch.cat([batch.face[:1, 3:], true, made, difference], dim=3).mean((0, 1)))
        return (torch.cat(rows) * 255).round().to(torch.uint8).cpu().numpy()

    def _drawn(self, step: int) -> Draw:
        return draw_batch(self.training, self.options.seed, step, self.batch_size, self.reference, self.window)

    def _frames(self, batch: FaceBatch) -> Tensor:
        with self.numbers.cast():
            frames: Tensor = self.network(batch.audio, batch.face)
        return frames.float()

    def _grouped(self, frames: Tensor) -> Tensor:
        return frames.reshape(-1, self.window, *frames.shape[1:])

    def _sync_weight(self, step: int, memory: Memory) -> float:
        wanted, begun = self.options.losses, memory.get(_SYNC_FROM)
        if begun is None:
            return 0.0
        return wanted.sync * min(1.0, (step - begun + 1) / max(1, wanted.sync_ramp))


def window_of(options: TrainOptions) -> int:
    """Say how many frames in a row an example has."""
    return options.window or (5 if options.losses.sync else 1)


def new_discriminator(plan: Plan, seed: int) -> QualityDiscriminator:
    """Make the quality discriminator, as wide as the generator, with the first weights that `seed` decides."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)
        return QualityDiscriminator(plan.network.width)
