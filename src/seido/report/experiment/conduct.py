"""`seido experiment`: every arm trained with every seed, scored on the same clips, and written up as one page."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from seido.clips.store import Clips, open_clips
from seido.errors import BadInputError
from seido.files import make_folder, sha256, write_bytes
from seido.report.experiment.file import read_experiment
from seido.report.experiment.lines import Line, lines_of
from seido.report.experiment.page import write_experiment
from seido.report.experiment.pictures import draw_pictures
from seido.report.experiment.plan import Experiment, Run, chosen_clips, runs_of
from seido.report.experiment.scoring import ClipJob, read_scores, score_all
from seido.report.experiment.training import State, is_done, read_state, rehearse, train_run
from seido.training.ending import Progress
from seido.training.state import BEST

RUNS, STILL, SCORES = "runs", "still", "scores"
COPY = "experiment.toml"
Report = Callable[[str, int, int], None]
"""Called with what is being worked on, how much is done, and how much there is."""


@dataclass(frozen=True)
class ExperimentOptions:
    """What one call does of an experiment."""

    clips: Path | None = None
    """Folder of prepared clips, instead of the one that FILE names."""
    arms: tuple[str, ...] = ()
    """Train and score only these arms in this call; the page shows all that has been done."""
    minutes: float | None = None
    """Stop after about this long, ready to go on."""
    page: bool = False
    """Only write the page anew from the scores there are; nothing is trained or scored."""

    def __post_init__(self) -> None:
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise BadInputError(f"--minutes {self.minutes}: give a number above 0")


@dataclass(frozen=True)
class Conducted:
    """What came of a call."""

    runs: int
    done: int
    """Runs that are trained and scored."""
    failed: tuple[str, ...]
    """Places of the runs whose loss was no longer a number."""
    interrupted: bool
    late: bool
    files: tuple[Path, ...]


@dataclass(frozen=True)
class _Work:
    """What every part of a call needs."""

    experiment: Experiment
    clips: Clips
    out: Path
    runs: tuple[Run, ...]

    def folder(self, run: Run) -> Path:
        return self.out / RUNS / run.place

    def jobs(self, run: Run) -> list[ClipJob]:
        """List the clips that a finished run is scored on."""
        if not run.arm.generates:
            return []
        folder = self.folder(run)
        model = folder / BEST
        return self._jobs(run, folder / SCORES, sha256(model) if model.is_file() else "", model)

    def still(self) -> list[ClipJob]:
        """List the clips for which the rows that need no training are wanted."""
        found = [job for run in self.scored for job in self._jobs(run, self.out / STILL, "still", None)]
        return list({job.name: job for job in found}.values())

    @property
    def scored(self) -> list[Run]:
        return [run for run in self.runs if run.arm.generates]

    def _jobs(self, run: Run, out: Path, what: str, model: Path | None) -> list[ClipJob]:
        experiment = self.experiment
        made = []
        for one in chosen_clips(experiment, run, self.clips):
            facts = (what, self.clips.digest, one.wrong if model else "", experiment.spacing, experiment.scales)
            made.append(
                ClipJob(
                    self.clips.root, one.entry.name, one.wrong, out / f"{one.entry.name}.json",
                    " ".join(map(str, facts)) if what else "", model, run.options.device, experiment.spacing,
                    experiment.scales,
                )
            )  # fmt: skip
        return made


def conduct(
    path: Path,
    out: Path,
    options: ExperimentOptions | None = None,
    *,
    workers: int | None = 1,
    report: Report = lambda *_: None,
    say: Callable[[str], None] = lambda _: None,
) -> Conducted:
    """Train, score and write up the experiment of a TOML file (docs/experiment.md) in the folder `out`.

    Broken off, the same call goes on where it stopped: training from its last validation, to the same bits; scoring
    from its last clip. Runs that are done are left alone. Ctrl-C ends the step, saves and returns. Raises BadInputError
    naming the file and the key at fault, before anything is trained; OutputError when `out` cannot be written.
    """
    options = options or ExperimentOptions()
    began = time.monotonic()
    work = _opened(path, out, options)
    mine = [run for run in work.runs if not options.arms or run.arm.name in options.arms]
    make_folder(out)
    interrupted = late = False
    write_bytes(out / COPY, path.read_bytes())
    if not options.page:
        todo = _checked(work, mine)
        for line in _cost(work, mine, todo):
            say(line)
        _score(work.still(), "the rows that need no training", workers, report, out / STILL)
        for number, run in enumerate(mine, 1):
            which = f"{number} of {len(mine)}"
            left = None if options.minutes is None else options.minutes - (time.monotonic() - began) / 60
            if run in todo:
                if any(_state(work, other).stopped == "failed" for other in work.runs if other.place in run.needs):
                    say(f"{run.place} ({which}): left out, for want of {' and '.join(run.needs)}")
                    continue
                if left is not None and left <= 0:
                    late = True
                    break
                ended = _train(work, run, which, left, report, say)
                if ended in {"interrupted", "late"}:
                    interrupted, late = ended == "interrupted", ended == "late"
                    break
            if _state(work, run).stopped != "failed":
                _score(work.jobs(run), f"scoring {run.place}", workers, report, work.folder(run) / SCORES)
    states, speeds, lines, whole = _collected(work)
    models = {run.place: (run, work.folder(run) / BEST) for run in whole if run.arm.generates}
    there = {place: one for place, one in models.items() if one[1].is_file()}
    drawing = not (options.page or interrupted or late)
    pictures = draw_pictures(work.experiment, work.clips, out, there, lines, new=drawing)
    files = write_experiment(work.experiment, work.clips, out, work.runs, states, speeds, lines, pictures)
    failed = tuple(place for place, state in states.items() if state.stopped == "failed")
    return Conducted(len(work.runs), len(whole), failed, interrupted, late, files)


def _opened(path: Path, out: Path, options: ExperimentOptions) -> _Work:
    experiment = read_experiment(path)
    root = options.clips or experiment.clips
    if root is None:
        raise BadInputError(f'{path}: clips: name the folder of prepared clips, clips = "FOLDER", or give --clips')
    try:
        clips = open_clips(root)
    except BadInputError as error:
        raise BadInputError(f"--clips: {error}" if options.clips else f"{path}: clips: {error}") from error
    for name in options.arms:
        if name not in {arm.name for arm in experiment.arms}:
            names = ", ".join(arm.name for arm in experiment.arms)
            raise BadInputError(f"--arms {name}: there is no such arm in {path}; choose from {names}")
    if not chosen_clips(experiment, None, clips):
        raise BadInputError(f"{path}: clips: {clips.root} has no test clips to score; prepare it with some held out")
    return _Work(experiment, clips, out, runs_of(experiment, clips, out))


def _checked(work: _Work, mine: Sequence[Run]) -> list[Run]:
    """List the runs that are still to be trained, their options tried beforehand."""
    done = {run.place for run in work.runs if _done(work, run)}
    todo = [run for run in mine if run.place not in done]
    for name, run in {run.arm.name: run for run in todo}.items():
        rehearse(run.arm, work.clips, f"{work.experiment.path}: arms.{name}")
    coming = done | {run.place for run in todo}
    for run in todo:
        for need in run.needs:
            if need not in coming:
                raise BadInputError(f"--arms {run.arm.name}: it needs {need}, which is not done; name that arm too")
    return todo


def _done(work: _Work, run: Run) -> bool:
    try:
        return is_done(run, work.folder(run), work.clips.digest)
    except BadInputError:
        if all(_done(work, other) for other in work.runs if other.place in run.needs):
            raise
        return False


def _cost(work: _Work, mine: Sequence[Run], todo: Sequence[Run]) -> list[str]:
    """Say how much there is to do, and how long, as far as earlier runs of the same arms tell."""
    lines = [f"{len(mine)} runs of {len({run.arm.name for run in mine})} arms, {len(mine) - len(todo)} done before"]
    known, unknown = 0.0, 0
    for run in todo:
        done = [state for other in work.runs if other.arm.name == run.arm.name if (state := _state(work, other)).whole]
        each = sum(state.seconds for state in done) / 60 / len(done) if done else run.options.minutes
        begun = _state(work, run).seconds / 60
        known += max(0.0, each - begun) if each is not None else 0.0
        unknown += each is None
    if todo:
        told = f"about {known:.0f} min of training" if known else "the time is told once one of an arm is done"
        more = f", and {unknown} runs of arms not tried yet" if unknown and known else ""
        lines.append(f"{len(todo)} left to train: {told}{more}")
    return lines


def _state(work: _Work, run: Run) -> State:
    return read_state(work.folder(run)) or State()


def _train(work: _Work, run: Run, which: str, minutes: float | None, report: Report, say: Callable[[str], None]) -> str:
    def show(shown: Progress) -> None:
        loss = "" if shown.train_loss is None else f", loss {shown.train_loss:.4f}"
        report(f"{run.place} ({which}){loss}", shown.step, shown.steps)

    where = f"{work.experiment.path}: arms.{run.arm.name}"
    ended = train_run(run, work.clips, work.folder(run), where, minutes, show)
    state = _state(work, run)
    loss = "" if state.best_loss is None else f", validation loss {state.best_loss:.4f} at step {state.best_step}"
    say(f"{run.place} ({which}): {ended}{loss}, {state.seconds / 60:.1f} min. {state.why}")
    return ended


def _score(jobs: Sequence[ClipJob], what: str, workers: int | None, report: Report, folder: Path) -> None:
    if jobs:
        make_folder(folder)
    for done, _ in enumerate(score_all(jobs, workers), 1):
        report(what, done, len(jobs))


def _collected(work: _Work) -> tuple[dict[str, State], dict[str, float], list[Line], list[Run]]:
    """Read what there is.

    Returns the state of every run begun; of every run whose clips are all scored the processor time in which it makes a
    frame, in ms, and its lines; and those runs.
    """
    states = {run.place: state for run in work.runs if (state := read_state(work.folder(run))) is not None}
    still = {job.name: scores for job in work.still() if (scores := read_scores(job)) is not None}
    speeds, lines, whole = dict[str, float](), list[Line](), list[Run]()
    for run in work.runs:
        state = states.get(run.place)
        if state is None or not state.whole or state.stopped == "failed":
            continue
        read = {job.name: read_scores(job) for job in work.jobs(run)}
        scored = {name: scores for name, scores in read.items() if scores is not None}
        if len(scored) < len(read):
            continue
        whole.append(run)
        if scored:
            speeds[run.place] = 1000 * median(one.seconds / one.frames for one in scored.values())
        for one in chosen_clips(work.experiment, run, work.clips) if run.arm.generates else ():
            lines += lines_of(run, run.without, one.entry, one.condition, scored[one.entry.name])
            if one.entry.name in still:
                lines += lines_of(None, run.without, one.entry, one.condition, still[one.entry.name])
    return states, speeds, list(dict.fromkeys(lines)), whole
