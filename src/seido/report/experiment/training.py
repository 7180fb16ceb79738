"""One run of an experiment: trained to its end however often it is broken off, with what it has cost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from seido.clips.store import Clips
from seido.errors import BadInputError, NotFiniteError
from seido.files import make_folder, write_bytes
from seido.models.catalogue import read_facts
from seido.report.experiment.options import flat
from seido.report.experiment.plan import ARM, Arm, Run, trained_on
from seido.training.ending import Progress, Trained
from seido.training.history import HISTORY
from seido.training.loop import train
from seido.training.options import TrainOptions
from seido.training.start import task_of
from seido.training.state import BEST, LAST

STATE = "run.json"
"""What a run has come to, beside its checkpoint."""
Ended = Literal["done", "failed", "interrupted", "late"]
"""How training ended: late where the call's time was up, and the next call goes on."""
_WHOLE = ("steps", "patience", "minutes", "failed")
"""Ends after which there is nothing left to train."""
_FEW = 2
"""Clips of each part that an arm is tried on before anything is trained."""
_LEAST = 1 / 60
"""Minutes that a run is given at least, so that it takes a step."""


@dataclass(frozen=True)
class State:
    """What a run has come to, and what it took."""

    record: Mapping[str, Any] = field(default_factory=dict)
    """The options that decide what is learnt."""
    corpus: str = ""
    stopped: str = ""
    """steps, patience, minutes or failed when it is done; "" while there is something left."""
    why: str = ""
    step: int = 0
    best_step: int = 0
    best_loss: float | None = None
    seconds: float = 0.0
    """By the clock, over all calls."""
    cpu_seconds: float = 0.0
    """Of all threads of this process, over all calls."""
    frames_per_step: int = 0
    parameters: int = 0
    """Of what makes the movie."""
    speakers: tuple[str, ...] = ()
    clips: int = 0
    minutes: float = 0.0
    """Of training material."""

    @property
    def whole(self) -> bool:
        """Whether there is nothing left to train."""
        return self.stopped in _WHOLE


def read_state(folder: Path) -> State | None:
    """Read what a run has come to; None where it has not begun, or its notes cannot be read."""
    try:
        raw = json.loads((folder / STATE).read_text(encoding="utf-8"))
        return State(**{**raw, "speakers": tuple(raw["speakers"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def is_done(run: Run, folder: Path, corpus: str) -> bool:
    """Tell whether a run has nothing left to train.

    Raises BadInputError when it was trained with other options or clips than it now has.
    """
    state = read_state(folder)
    if state is None or not state.record:
        return False
    begun = dict(flat(state.record))
    for name, value in flat(run.options.record() if state.whole else {}):
        if begun.get(name) != value:
            raise BadInputError(
                f"{folder}: this run was trained with {name} {begun.get(name)}, not {value}; "
                "choose another --out or remove the folder"
            )
    if state.corpus != corpus:
        raise BadInputError(f"{folder}: this run was trained on other clips; choose another --out or remove the folder")
    if state.stopped == "minutes":
        # More time may have been allowed since.
        allowed = run.options.minutes
        return allowed is not None and state.seconds >= 60 * (allowed - _LEAST)
    return state.whole and (state.stopped == "failed" or (folder / BEST).is_file())


def rehearse(arm: Arm, clips: Clips, where: str) -> None:
    """Make an arm's network on a few clips, so that nothing is found unusable hours later.

    Raises BadInputError, beginning with `where`. Where a file of another arm is wanted, that cannot be tried yet.
    """
    if not any(str(file).startswith(ARM) for file in (arm.options.init, arm.options.losses.expert)):
        _frames_of_step(arm.options, clips, where)


def _frames_of_step(options: TrainOptions, clips: Clips, where: str) -> int:
    """Count the frames of a step, from a task on the longest clips of each part."""
    few = [
        entry
        for part in ("train", "validation")
        for entry in sorted(clips.split(part), key=lambda entry: -entry.frames)[:_FEW]
    ]
    try:
        tried = replace(options, clips=None, speaker=None, without=None)
        return task_of(tried, replace(clips, entries=tuple(few))).frames
    except BadInputError as error:
        raise BadInputError(f"{where}: {error}") from error


def train_run(
    run: Run,
    clips: Clips,
    folder: Path,
    where: str,
    minutes: float | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Ended:
    """Train a run to its end, or go on with it; `minutes` are left for this call.

    Raises BadInputError, beginning with `where`, when its options cannot be used.
    """
    make_folder(folder)
    before = read_state(folder) or State()
    resume = (folder / LAST).exists()
    if not resume:
        # What was killed before its first state was written begins again.
        before = State()
        for name in (BEST, HISTORY):
            (folder / name).unlink(missing_ok=True)
    own = None if run.options.minutes is None else run.options.minutes - before.seconds / 60
    limits = [limit for limit in (own, minutes) if limit is not None]
    options = replace(run.options, minutes=max(_LEAST, min(limits))) if limits else run.options
    clock, processor = time.monotonic(), time.process_time()
    facts = replace(_facts(run, clips), frames_per_step=_frames_of_step(run.options, clips, where))

    def spent(step: int, best_step: int, best_loss: float, stopped: str = "", why: str = "") -> State:
        return replace(
            facts,
            stopped=stopped,
            why=why,
            step=step,
            best_step=best_step,
            best_loss=best_loss,
            seconds=round(before.seconds + time.monotonic() - clock, 3),
            cpu_seconds=round(before.cpu_seconds + time.process_time() - processor, 3),
        )

    def show(shown: Progress) -> None:
        if shown.row is not None:
            _write(folder, spent(shown.step, shown.best_step, shown.best_loss))
        if progress:
            progress(shown)

    try:
        trained: Trained = train(clips.root, folder, options, resume=resume, progress=show)
    except NotFiniteError as error:
        reached = read_state(folder) or facts
        best = reached.best_loss if reached.best_loss is not None else 0.0
        _write(folder, spent(reached.step, reached.best_step, best, "failed", str(error)))
        return "failed"
    except BadInputError as error:
        raise BadInputError(f"{where}: {error}") from error
    late = trained.stopped == "minutes" and own is not None and options.minutes == max(_LEAST, own)
    whole = trained.stopped in {"steps", "patience"} or late
    stopped = trained.stopped if whole else ""
    ended = spent(trained.step, trained.best_step, trained.best_loss, stopped, trained.why)
    _write(folder, replace(ended, parameters=read_facts(trained.best).parameters))
    if whole:
        return "done"
    return "interrupted" if trained.stopped == "interrupted" else "late"


def _facts(run: Run, clips: Clips) -> State:
    """Note what is known before a run begins."""
    entries = trained_on(run, clips)
    seconds = sum(entry.frames for entry in entries) / clips.prepared.rate
    return State(
        record=run.options.record(),
        corpus=clips.digest,
        speakers=tuple(sorted({entry.speaker for entry in entries})),
        clips=len(entries),
        minutes=round(float(seconds) / 60, 3),
    )


def _write(folder: Path, state: State) -> None:
    write_bytes(folder / STATE, (json.dumps(asdict(state), indent=1) + "\n").encode())
