"""The training loop: draw a batch, take a step, now and then validate and save, stop in time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from seido.clips.store import open_clips
from seido.errors import NotFiniteError
from seido.files import make_folder
from seido.models.checkpoint import save_checkpoint
from seido.models.device import choose_device
from seido.plan import Plan
from seido.training.batches import Batch, Draw, Examples, draw_batch, open_examples, spread_draw
from seido.training.interrupts import deferred_interrupt
from seido.training.losses import generator_loss
from seido.training.options import TrainOptions
from seido.training.start import new_network, starting_point
from seido.training.state import BEST, Ledger, Row, require_unused, resumable, save_last

Stopped = Literal["steps", "patience", "minutes", "interrupted"]
BETAS = (0.9, 0.999)
_VALIDATION_BATCH = 32


@dataclass(frozen=True)
class Progress:
    """How far training has come, after a step or a validation."""

    step: int
    steps: int
    train_l1: float | None
    """Mean L1 since the last validation."""
    learning_rate: float
    best_step: int
    best_l1: float
    row: Row | None
    """The validation that has just been made, None after a step."""


@dataclass(frozen=True)
class Trained:
    """What training came to."""

    best: Path
    """The checkpoint with the lowest validation loss."""
    step: int
    best_step: int
    best_l1: float
    stopped: Stopped
    why: str
    """Why it stopped and what to do next, for people."""
    history: tuple[Row, ...]


def train(
    clips: Path,
    out: Path,
    options: TrainOptions,
    *,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Trained:
    """Train a generator on the clips that `seido prepare` wrote, or fine-tune one.

    Parameters
    ----------
    clips
        The folder of prepared clips; its train and validation parts are used.
    out
        The folder of the run. It gets `best.safetensors` (the checkpoint), `last.safetensors` (the state to
        resume from) and `history.csv`; all three are written at every validation.
    options
        How to train.
    resume
        Go on with the run in `out`. On the CPU, with as many threads, the outcome is the same to the bit as if
        the run had never been stopped.
    progress
        Called after every step and every validation; a KeyboardInterrupt it raises counts as Ctrl-C.

    Ctrl-C (and SIGTERM) ends the step, saves and returns; a second one raises KeyboardInterrupt. Raises
    BadInputError for clips, checkpoints, options or a run that cannot be used, OutputError when `out` cannot be
    written, NotFiniteError when the loss is no longer a number.

    """
    began = time.monotonic()
    store = open_clips(clips)
    device = choose_device(options.device)
    record = options.record()
    if not resume:
        require_unused(out)
    saved = resumable(out, record, store.digest) if resume else None
    network, plan = (new_network(saved.plan), saved.plan) if saved else starting_point(options, store)
    training, validation = open_examples(store, plan, options.memory)
    watched = spread_draw(validation, options.validation_frames)
    make_folder(out)

    # Convolutions over many pixels and few channels are a quarter faster on the CPU with channels last.
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(network.parameters(), lr=options.peak_rate, betas=BETAS)
    ledger = Ledger()
    if saved:
        saved.restore(network, optimizer)
        ledger = saved.ledger
    saved_step = ledger.step
    clock, clocked = time.monotonic(), ledger.step

    with _threads(options.threads), deferred_interrupt() as interrupt:

        def report(row: Row | None = None) -> None:
            if progress:
                try:
                    progress(_progress(ledger, options, row))
                except KeyboardInterrupt:
                    interrupt.asked = True

        while True:
            if _validation_is_due(ledger, options):
                seconds, frames = time.monotonic() - clock, (ledger.step - clocked) * options.batch
                loss, held = validate(network, validation, watched, device)
                if not math.isfinite(loss):
                    raise NotFiniteError(_diverged(out, ledger.step))
                speed = frames / seconds if frames else None
                row = Row(ledger.step, ledger.train_l1, loss, held, options.rate_at(ledger.step), speed)
                ledger = ledger.validated(row, options.minimum_gain)
                # The best first: a run killed between the two files finds its best again when it is resumed.
                if ledger.best_step == ledger.step:
                    save_checkpoint(out / BEST, network, _plan_of(plan, ledger))
                save_last(out, network, optimizer, ledger, record, plan)
                saved_step = ledger.step
                report(row)
                clock, clocked = time.monotonic(), ledger.step

            stopped = _stopped(ledger, options, began, interrupted=interrupt.asked)
            if stopped:
                break

            draw = draw_batch(training, options.seed, ledger.step, options.batch, options.reference)
            batch = training.batch(draw, options.recipe).to(device)
            l1 = take_step(network, optimizer, batch, options, options.rate_at(ledger.step))
            if not math.isfinite(l1):
                raise NotFiniteError(_diverged(out, ledger.step + 1))
            ledger = ledger.stepped(l1)
            report()

        if saved_step != ledger.step:
            save_last(out, network, optimizer, ledger, record, plan)
    return Trained(
        best=out / BEST,
        step=ledger.step,
        best_step=ledger.best_step,
        best_l1=_best(ledger),
        stopped=stopped,
        why=_why(stopped, ledger, options),
        history=ledger.history,
    )


def take_step(
    network: nn.Module, optimizer: torch.optim.Adam, batch: Batch, options: TrainOptions, learning_rate: float
) -> float:
    """Follow the gradient once and return the batch's L1; NaN, with no weight changed, if any of it is not finite."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    network.train()
    loss, l1 = generator_loss(network(batch.audio, batch.face), batch.target, options.structure)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    length = nn.utils.clip_grad_norm_(network.parameters(), options.clip_gradient)
    if not torch.isfinite(loss.detach() + length):
        return math.nan
    optimizer.step()
    return l1.item()


@torch.inference_mode()
def validate(network: nn.Module, examples: Examples, draw: Draw, device: torch.device) -> tuple[float, float]:
    """Score what generation would show: L1 of the clamped output, and of holding the first frame instead.

    The network sees the first frame of the clip, whole and masked, whatever recipe it was trained with.
    """
    network.eval()
    loss = held = 0.0
    for first in range(0, len(draw.clip), _VALIDATION_BATCH):
        part = slice(first, first + _VALIDATION_BATCH)
        some = Draw(draw.clip[part], draw.target[part], draw.reference[part])
        batch = examples.batch(some, "first-frame").to(device)
        frames = network(batch.audio, batch.face).clamp(0, 1)
        loss += (frames - batch.target).abs().mean((1, 2, 3)).sum().item()
        held += (batch.face[:, 3:] - batch.target).abs().mean((1, 2, 3)).sum().item()
    return loss / len(draw.clip), held / len(draw.clip)


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _validation_is_due(ledger: Ledger, options: TrainOptions) -> bool:
    if ledger.history and ledger.history[-1].step == ledger.step:
        return False
    return ledger.step % options.validate_every == 0 or ledger.step == options.steps


def _stopped(ledger: Ledger, options: TrainOptions, began: float, *, interrupted: bool) -> Stopped | None:
    if ledger.step >= options.steps:
        return "steps"
    if ledger.stale >= options.patience:
        return "patience"
    if interrupted:
        return "interrupted"
    if options.minutes is not None and time.monotonic() - began >= options.minutes * 60:
        return "minutes"
    return None


def _why(stopped: Stopped, ledger: Ledger, options: TrainOptions) -> str:
    return {
        "steps": f"All {options.steps} steps are done.",
        "patience": f"Stopped at step {ledger.step}: {ledger.stale} validations brought no gain.",
        "minutes": f"The time was up after step {ledger.step}; --resume goes on.",
        "interrupted": f"Interrupted after step {ledger.step}; --resume goes on.",
    }[stopped]


def _progress(ledger: Ledger, options: TrainOptions, row: Row | None) -> Progress:
    rate, best = options.rate_at(max(0, ledger.step - 1)), _best(ledger)
    return Progress(ledger.step, options.steps, ledger.train_l1, rate, ledger.best_step, best, row)


def _plan_of(plan: Plan, ledger: Ledger) -> Plan:
    """Note in the plan which step its weights are from and how well they did."""
    notes = {**plan.notes, "step": str(ledger.step), "validation_l1": f"{_best(ledger):.6f}"}
    return replace(plan, notes=notes)


def _best(ledger: Ledger) -> float:
    return math.inf if ledger.best_l1 is None else ledger.best_l1


def _diverged(out: Path, step: int) -> str:
    return (
        f"{out}: the loss was no longer a finite number at step {step}; the checkpoints of the last validation are "
        "kept there; train into another folder with a lower learning rate"
    )
