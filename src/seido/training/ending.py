"""How far training has come, why it ends, and what people are told."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import torch

from seido.errors import BadInputError
from seido.training.history import Row
from seido.training.options import TrainOptions
from seido.training.state import Ledger

Stopped = Literal["steps", "patience", "minutes", "interrupted"]
_NAMED = 300
"""Characters of a batch's clips that a message shows."""


@dataclass(frozen=True)
class Progress:
    """How far training has come, after a step or a validation."""

    step: int
    steps: int
    train_loss: float | None
    """Mean loss since the last validation."""
    learning_rate: float
    best_step: int
    best_loss: float
    row: Row | None
    """The validation that has just been made, None after a step."""

    @classmethod
    def of(cls, ledger: Ledger, options: TrainOptions, row: Row | None) -> Self:
        """Read it off the ledger."""
        rate = options.rate_at(max(0, ledger.step - 1))
        return cls(ledger.step, options.steps, ledger.train_loss, rate, ledger.best_step, _best(ledger), row)


@dataclass(frozen=True)
class Trained:
    """What training came to."""

    best: Path
    """The checkpoint with the lowest validation loss."""
    step: int
    best_step: int
    best_loss: float
    stopped: Stopped
    why: str
    """Why it stopped and what to do next, for people."""
    history: tuple[Row, ...]

    @classmethod
    def of(cls, best: Path, ledger: Ledger, stopped: Stopped, reason: str) -> Self:
        """Read it off the ledger."""
        return cls(best, ledger.step, ledger.best_step, _best(ledger), stopped, reason, ledger.history)


def stopped_by(ledger: Ledger, options: TrainOptions, *, interrupted: bool, late: bool) -> Stopped | None:
    """Tell what ends the run now, if anything does."""
    if ledger.step >= options.steps:
        return "steps"
    if ledger.stale >= options.patience:
        return "patience"
    if interrupted:
        return "interrupted"
    return "minutes" if late else None


def why(stopped: Stopped, ledger: Ledger, options: TrainOptions) -> str:
    """Say why a run ended and what to do next."""
    return {
        "steps": f"All {options.steps} steps are done.",
        "patience": f"Stopped at step {ledger.step}: {ledger.stale} validations brought no gain.",
        "minutes": f"The time was up after step {ledger.step}; --resume goes on.",
        "interrupted": f"Interrupted after step {ledger.step}; --resume goes on.",
    }[stopped]


def diverged(folder: Path, step: int, examples: str) -> str:
    """Say that the loss is no longer a number, and in which batch."""
    named = examples if len(examples) <= _NAMED else f"{examples[:_NAMED]} …"
    return (
        f"{folder}: the loss was no longer a finite number at step {step}; the checkpoints of the last validation are "
        f"kept there; look at the batch's clips ({named}), or train into another folder with a lower learning rate"
    )


@contextmanager
def enough_memory(options: TrainOptions) -> Iterator[None]:
    """Say what to lower when memory runs out: raises BadInputError."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise BadInputError(_too_large(options)) from error
    except RuntimeError as error:
        if "not enough memory" in str(error) or "alloc_cpu" in str(error):
            raise BadInputError(_too_large(options)) from error
        raise


def _too_large(options: TrainOptions) -> str:
    return (
        f"there is not enough memory for this step; go on with a lower --batch or with --accumulate "
        f"{2 * options.accumulate}, or choose a lower --width"
    )


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Let torch use so many threads for a while; as many as it takes where None."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _best(ledger: Ledger) -> float:
    return math.inf if ledger.best_loss is None else ledger.best_loss
