"""The training loop: take a step, now and then validate and save, stop in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor, nn

from seido.errors import NotFiniteError
from seido.models.device import choose_device
from seido.training.ending import Progress, Trained, diverged, enough_memory, stopped_by, threads, why
from seido.training.history import Row
from seido.training.interrupts import deferred_interrupt
from seido.training.numbers import choose_numbers, set_rate
from seido.training.options import TrainOptions
from seido.training.parallel import company, own_device
from seido.training.prefetch import made_ahead
from seido.training.run import Run
from seido.training.start import open_data, task_of
from seido.training.state import BEST, require_unused, resumable
from seido.training.task import Batch, Share


def train(
    clips: Path,
    out: Path,
    options: TrainOptions,
    *,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Trained:
    """Train a network on the clips that `seido prepare` wrote, or fine-tune one.

    Parameters
    ----------
    clips
        The folder of prepared clips; its train and validation parts are used. For a noise remover, a folder of .wav
        files of clean speech.
    out
        The folder of the run. It gets `best.safetensors` (the checkpoint), `last.safetensors` (the state to
        resume from), the history, a sample picture and a card; all are written at every validation.
    options
        How to train.
    resume
        Go on with the run in `out`. On the CPU, with as many threads, the outcome is the same to the bit as if
        the run had never been stopped.
    progress
        Called after every step and every validation; a KeyboardInterrupt it raises counts as Ctrl-C.

    Started by torchrun, its processes share every batch. Ctrl-C (and SIGTERM) ends the step, saves and returns; a
    second one raises KeyboardInterrupt. Raises BadInputError for clips, checkpoints, options or a run that cannot be
    used, or too little memory; OutputError when `out` cannot be written, NotFiniteError when the loss is no longer a
    number.

    """
    began = time.monotonic()
    store, device = open_data(clips, options), own_device(choose_device(options.device))
    numbers, record = choose_numbers(device, options.precision), options.record()
    if not resume:
        require_unused(out)
    saved = resumable(out, record, store.digest) if resume else None
    with ExitStack() as stack:
        together = stack.enter_context(company(device))
        stack.enter_context(threads(options.threads))
        stack.enter_context(enough_memory(options))
        task = task_of(options, store, saved)
        task.to(numbers)
        run = Run.begun(out, task, options, together, numbers, saved)
        interrupt = stack.enter_context(deferred_interrupt())
        passes, parts = options.accumulate, together.count * options.accumulate
        Share(0, parts).of(task.batch_size)

        def part(number: int) -> Batch:
            step, index = divmod(number, passes)
            made: Batch = task.batch(step, Share(together.rank * passes + index, parts))
            return made

        batch = stack.enter_context(
            made_ahead(part, run.ledger.step * passes, options.steps * passes, options.ahead * passes)
        )

        def report(row: Row | None = None) -> None:
            if progress and together.first:
                try:
                    progress(Progress.of(run.ledger, options, row))
                except KeyboardInterrupt:
                    interrupt.asked = True

        while True:
            step = run.ledger.step
            if run.validation_is_due:
                report(run.validate())
            late = options.minutes is not None and time.monotonic() - began >= options.minutes * 60
            asked, late = (together.any(flag, device) for flag in (interrupt.asked, late))
            stopped = stopped_by(run.ledger, options, interrupted=asked, late=late)
            if stopped:
                break
            take_step(run, (batch(step * passes + index) for index in range(passes)))
            report()
        reason = why(stopped, run.ledger, options)
        run.finish(reason)
    return Trained.of(out / BEST, run.ledger, stopped, reason)


def take_step(run: Run, batches: Iterable[Batch]) -> None:
    """Follow the gradient of one step's batch once, however many parts and processes it comes in.

    Raises NotFiniteError, with no weight changed, when the loss or a gradient is not a number.
    """
    ledger, together, task = run.ledger, run.together, run.task
    for optimizer in run.optimizers.values():
        set_rate(optimizer, run.options.rate_at(ledger.step))
        optimizer.zero_grad()
    totals: dict[str, Tensor] = {}
    for batch in batches:
        for loss in task.losses(batch.to(run.numbers.device), ledger.step, ledger.memory):
            (run.scaler.scaled(loss.value) / run.options.accumulate).backward()  # type: ignore[no-untyped-call]
            named = {**loss.parts, **({"loss": loss.value.detach()} if loss.network == run.leading else {})}
            for name, value in named.items():
                totals[name] = totals.get(name, torch.zeros_like(value)) + value / run.options.accumulate
    lengths = []
    for network in task.networks.values():
        parameters = [each for each in network.parameters() if each.grad is not None]
        together.average_gradients(parameters)
        run.scaler.unscale(parameters)
        lengths.append(nn.utils.clip_grad_norm_(parameters, run.options.clip_gradient))
    finite = bool(torch.isfinite(sum(lengths, torch.zeros(()).to(lengths[0]))).item())
    skipped = run.scaler.stepped(finite=finite)
    if not finite and not skipped:
        raise NotFiniteError(diverged(run.folder, ledger.step + 1, task.told(ledger.step)))
    if finite:
        for optimizer in run.optimizers.values():
            optimizer.step()
    means = together.means({name: value.item() for name, value in totals.items()}, run.numbers.device)
    run.ledger = ledger.stepped(means.pop("loss"), means)
