"""What there is to learn: the one interface between the training loop and every network it can train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seido.errors import BadInputError
from seido.plan import Plan
from seido.training.numbers import Numbers

Memory = Mapping[str, float]
"""What a task must remember beside its weights, such as the step from which a loss counts; kept in the run's state."""


@dataclass(frozen=True)
class Share:
    """One of `count` equal parts of a step's batch: that of one process of several, or of one pass of several."""

    index: int = 0
    count: int = 1

    def of(self, size: int) -> slice:
        """Say which of `size` examples belong to this part; raises BadInputError when the parts cannot be equal."""
        if size % self.count:
            raise BadInputError(f"batch: {size} cannot be shared by {self.count}; give a multiple of it")
        part = size // self.count
        return slice(self.index * part, (self.index + 1) * part)


class Batch(Protocol):
    """Tensors of one part of a step."""

    def to(self, device: torch.device) -> Self:
        """Move to where the network is."""


@dataclass(frozen=True)
class Loss:
    """A scalar whose gradient one of the task's networks follows, and what it is made of."""

    network: str
    value: Tensor
    parts: Mapping[str, Tensor] = field(default_factory=dict)
    """Named scalars for the history; no gradient flows from them."""


@dataclass(frozen=True)
class Validation:
    """How well validation clips are done."""

    loss: float
    """What early stopping looks at; the less the better."""
    trivial: float
    """What a trivial answer would score: the first frame held, or a guess."""
    parts: Mapping[str, float] = field(default_factory=dict)


BatchOf = TypeVar("BatchOf", bound=Batch)


class Task(Protocol[BatchOf]):
    """A network to train, with its data, its loss and its validation."""

    plan: Plan
    networks: dict[str, nn.Module]
    """What learns, by name. The first one goes into the checkpoint."""
    batch_size: int
    """Examples in a step, over all processes."""
    frames: int
    """Frames in a step, over all processes."""

    def to(self, numbers: Numbers) -> None:
        """Move everything to where it will be computed, with these numbers."""

    def weights(self) -> Mapping[str, Tensor]:
        """Return what goes into the checkpoint: the first network's weights as its plain kind has them."""

    def told(self, step: int) -> str:
        """Name the examples of a step, for a message: which clips, from which frames on."""

    def batch(self, step: int, share: Share) -> BatchOf:
        """Make the part `share` of a step's batch, on the CPU; a function of its arguments alone.

        Called from another thread, some steps ahead.
        """

    def losses(self, batch: BatchOf, step: int, memory: Memory) -> Iterator[Loss]:
        """Compute the loss of each network in turn; the caller sends the gradient back before it asks for the next.

        A mean over the batch's examples, so that the means of equal parts average to that of the whole.
        """

    def validate(self, memory: Memory) -> Validation:
        """Score the validation clips; leaves the networks in training mode or not, as it likes."""

    def learnt(self, validation: Validation, step: int, memory: Memory) -> Memory:
        """Return what to remember after a validation."""

    def pictures(self) -> NDArray[np.uint8] | None:
        """Draw how well it does, uint8 (H, W) or (H, W, 3); None when there is nothing to see."""
