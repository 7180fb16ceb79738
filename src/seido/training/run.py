"""A run under way: what learns, what has happened, and the files that a validation leaves."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from torch.optim import Adam

from seido.errors import NotFiniteError
from seido.files import make_folder, write_bytes
from seido.models.checkpoint import save_checkpoint
from seido.plan import Plan
from seido.training.card import model_card
from seido.training.ending import diverged
from seido.training.history import Row, require_board, write_board, write_sample
from seido.training.numbers import Numbers, Scaler, adam
from seido.training.options import TrainOptions
from seido.training.parallel import Company, synchronised
from seido.training.state import BEST, CARD, Ledger, Saved, save_last
from seido.training.task import Task

BETAS = (0.9, 0.999)


@dataclass
class Run:
    """The one value of training that changes: its ledger, step by step."""

    folder: Path
    task: Task[Any]
    options: TrainOptions
    together: Company
    numbers: Numbers
    optimizers: dict[str, Adam]
    ledger: Ledger
    scaler: Scaler
    kept: int
    """The step whose state is on disk."""
    clock: float
    clocked: int
    """When, and at which step, the time was last looked at."""

    @classmethod
    def begun(
        cls,
        folder: Path,
        task: Task[Any],
        options: TrainOptions,
        together: Company,
        numbers: Numbers,
        saved: Saved | None,
    ) -> Self:
        """Begin a run in `folder`, or go on with what was saved of it."""
        if options.tensorboard:
            require_board()
        optimizers = {
            name: adam(network.parameters(), options.peak_rate, BETAS) for name, network in task.networks.items()
        }
        ledger = saved.ledger if saved else Ledger()
        if saved:
            saved.restore(task.networks, optimizers)
        for network in task.networks.values():
            synchronised(network, together)
            if options.compile:
                network.compile()
        make_folder(folder)
        scaler, step = Scaler(numbers, ledger.scaler), ledger.step
        return cls(
            folder, task, options, together, numbers, optimizers, ledger, scaler, step if saved else -1,
            time.monotonic(), step,
        )  # fmt: skip

    @property
    def leading(self) -> str:
        """The network whose loss is the run's."""
        return next(iter(self.task.networks))

    @property
    def validation_is_due(self) -> bool:
        """Whether it is time to validate."""
        step, history = self.ledger.step, self.ledger.history
        if history and history[-1].step == step:
            return False
        return step % self.options.validate_every == 0 or step == self.options.steps

    def validate(self) -> Row:
        """Score the validation clips, in the first process, and write what has been reached."""
        ledger, options = self.ledger, self.options
        seconds, frames = time.monotonic() - self.clock, (ledger.step - self.clocked) * self.task.frames
        found = self.together.from_first(self.task.validate(ledger.memory) if self.together.first else None)
        if found is None or not math.isfinite(found.loss):
            raise NotFiniteError(diverged(self.folder, ledger.step, "all of them, in validation"))
        row = Row(
            ledger.step,
            ledger.train_loss,
            found.loss,
            found.trivial,
            options.rate_at(ledger.step),
            frames / seconds if frames else None,
            ledger.means() | {f"validation/{name}": value for name, value in found.parts.items()},
        )
        self.ledger = ledger.validated(row, options.minimum_gain)
        self.ledger = replace(self.ledger, memory=self.task.learnt(found, ledger.step, ledger.memory))
        if self.together.first:
            self._write(row)
        self.save()
        self.clock, self.clocked = time.monotonic(), ledger.step
        return row

    def save(self) -> None:
        """Write the state to resume from, unless it is on disk already."""
        if self.kept != self.ledger.step:
            self.ledger = replace(self.ledger, scaler=self.scaler.state())
            if self.together.first:
                record = self.options.record()
                save_last(self.folder, self.task.networks, self.optimizers, self.ledger, record, self.task.plan)
            self.kept = self.ledger.step

    def finish(self, reason: str) -> None:
        """Write what is not on disk yet, and in the card why the run ended."""
        self.save()
        if self.together.first:
            self._write_card(reason)

    def _write(self, row: Row) -> None:
        # The best first: a run killed between the two files finds its best again when it is resumed.
        if self.ledger.best_step == row.step:
            plan = _noted(self.task.plan, self.ledger)
            save_checkpoint(self.folder / BEST, self.task.weights(), plan)
        if self.options.pictures:
            picture = self.task.pictures()
            if picture is not None:
                write_sample(self.folder, row.step, picture)
        if self.options.tensorboard:
            write_board(self.folder, row)
        self._write_card("")

    def _write_card(self, reason: str) -> None:
        rows = [asdict(each) for each in self.ledger.history]
        plan = _noted(self.task.plan, self.ledger)
        write_bytes(self.folder / CARD, model_card(plan, self.options.record(), rows, reason).encode())


def _noted(plan: Plan, ledger: Ledger) -> Plan:
    """Note in the plan which step its weights are from and how well they did."""
    loss = math.inf if ledger.best_loss is None else ledger.best_loss
    return replace(plan, notes={**plan.notes, "step": str(ledger.best_step), "validation_loss": f"{loss:.6f}"})
