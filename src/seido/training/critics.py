"""Networks that judge generated frames: the frozen sync expert, and the quality discriminator that learns beside."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from seido.clips.store import Clips
from seido.errors import BadInputError
from seido.models.blocks import require_shape
from seido.models.checkpoint import Checkpoint, build
from seido.models.syncnet import FRAMES, SyncNet
from seido.plan import FrontEnd, Plan
from seido.training.sync_batches import VIEWS, View, expert_lead, expert_view

SYNC_WEIGHT = 0.03
"""Published weight of the sync loss in the generator's (Prajwal et al. 2020)."""
SYNC_THRESHOLD = 0.75
"""Validation sync loss below which that weight counts: before, the frames are no mouths yet."""
QUALITY_WEIGHT = 0.07
"""Published weight of the perceptual loss."""
_EDGE = 1e-6


def cross_entropy(probability: Tensor, answer: int) -> Tensor:
    """Compute the mean binary cross-entropy against 0 or 1 throughout; at most 13.8, and finite, as its gradient is.

    A cosine may exceed 1 by a rounding error; single precision inside, whatever comes in.
    """
    said = (probability.float() if answer else 1 - probability.float()).clamp(0, 1)
    # Added, not clamped: where the answer is altogether wrong the gradient must not vanish.
    return -(_EDGE + (1 - _EDGE) * said).log().mean()


def require_fit(source: object, plan: Plan, clips: Clips) -> None:
    """Check that an expert judges clips like these; raises BadInputError naming `source`."""
    rate = clips.prepared.rate
    if plan.rate != rate:
        raise BadInputError(
            f"{source}: this expert judges {float(plan.rate):g} frames/s but the clips in {clips.root} have "
            f"{float(rate):g}; run `seido prepare` again at its rate, or train an expert on these clips"
        )
    if replace(plan.front_end, lead=Fraction(0)) != FrontEnd() or plan.front_end.lead != expert_lead(rate):
        raise BadInputError(
            f"{source}: this expert hears through another front-end than the clips in {clips.root} were made with; "
            "train an expert on these clips"
        )
    if plan.notes.get("view", "lower-half") not in VIEWS:
        raise BadInputError(f"{source}: its view {plan.notes['view']!r} is not known; upgrade seido to use it")


def view_of(plan: Plan) -> View:
    """Tell what of a frame an expert sees; one without a note of it sees what the published one does."""
    return "whole" if plan.notes.get("view") == "whole" else "lower-half"


class SyncCritic:
    """A frozen sync expert: never learns, and always uses the batch statistics that it was trained to.

    The published script leaves its expert in training mode, so that every batch changes what it thinks.
    """

    def __init__(self, checkpoint: Checkpoint, clips: Clips) -> None:
        """Build it; raises BadInputError when it is no sync expert, or one for another frame rate or front-end."""
        if checkpoint.kind != "syncnet":
            raise BadInputError(f"{checkpoint.source}: this is no sync expert; give one that `seido train` made")
        require_fit(checkpoint.source, checkpoint.plan, clips)
        self.plan, self.view = checkpoint.plan, view_of(checkpoint.plan)
        self.network = cast("SyncNet", build(checkpoint).requires_grad_(False))

    def to(self, device: torch.device) -> None:
        """Move to where the frames are."""
        self.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def cosines(self, frames: Tensor, speech: Tensor) -> Tensor:
        """Compute how sure it is that speech and frames belong together, 0 … 1: float32 (B,).

        Parameters
        ----------
        frames
            Five consecutive frames each, 0 … 1, B, G, R: (B, 5, 3, 96, 96). The gradient flows to them alone.
        speech
            Log-mel windows around the middle of the five, see sync_batches.expert_lead: (B, 1, 80, 16).

        Raises BadInputError for other shapes.

        """
        require_shape("frames", frames, ("B", FRAMES, 3, 96, 96))
        with torch.no_grad():
            heard = functional.normalize(self.network.audio_encoder(speech).flatten(1))
        seen = self.network.face_encoder(expert_view(frames, self.view))
        return (functional.normalize(seen.flatten(1)).float() * heard.float()).sum(1)

    def loss(self, frames: Tensor, speech: Tensor) -> Tensor:
        """Compute the sync loss −log(cosine), mean over the windows (Prajwal et al. 2020); see `cosines`."""
        return cross_entropy(self.cosines(frames, speech), 1)


def perceptual_loss(discriminator: nn.Module, made: Tensor) -> Tensor:
    """Compute the generator's part of the quality loss: generated frames should be taken for real ones.

    `made`: (B, 3, 96, 96) or (B, 3, T, 96, 96), 0 … 1; rows 48 … 95 are judged (Prajwal et al. 2020). The gradient
    flows to the frames, none to the discriminator: give it bare, not wrapped for several processes.
    """
    held = {name: parameter.detach() for name, parameter in discriminator.named_parameters()}
    return cross_entropy(functional_call(discriminator, held, (made,)), 1)


def discriminator_loss(discriminator: nn.Module, real: Tensor, made: Tensor) -> Tensor:
    """Compute the discriminator's own loss: real frames toward 1 plus generated ones, detached, toward 0.

    Both (B, 3, 96, 96) or (B, 3, T, 96, 96), 0 … 1 (Prajwal et al. 2020).
    """
    return cross_entropy(discriminator(real), 1) + cross_entropy(discriminator(made.detach()), 0)
