"""What an experiment is: its arms, and the runs that they come to on a folder of clips."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from seido.clips.store import Clips, Entry
from seido.errors import BadInputError
from seido.report.choosing import other_speech, spaced
from seido.scores.conditions import CONDITIONS, conditions
from seido.training.options import TrainOptions
from seido.training.start import of_speakers
from seido.training.state import BEST

EACH = "each"
"""Stands for every speaker that has training clips, where speakers are left out one by one."""
ARM = "arm:"
"""Before the name of another arm, where a file is wanted: what that arm has trained."""
JUDGES = ("syncnet",)
"""Models that make no movie: trained for other arms, never scored."""


@dataclass(frozen=True)
class Arm:
    """One thing that is tried: how it is trained, how often, and on whose clips."""

    name: str
    options: TrainOptions
    """Without seed, speakers and clips; a file may be `arm:NAME`."""
    seeds: tuple[int, ...]
    title: str = ""
    leave_out: tuple[str, ...] = ()
    """Speakers left out of training one by one, each in a run of his own; ("each",) for all."""
    speakers: int | tuple[str, ...] | None = None
    """Train on these speakers only, or on so many of them, drawn by the seed."""
    share: float | None = None
    """Share of the training clips that is used, spread evenly over them."""
    told: Mapping[str, object] = field(default_factory=dict)
    """What the file says of its options, by flat name, for the page."""

    @property
    def generates(self) -> bool:
        """Whether it makes movies that can be scored."""
        return self.options.model not in JUDGES


@dataclass(frozen=True)
class Experiment:
    """A file's experiment; None stands for no limit, or what is not known."""

    path: Path
    arms: tuple[Arm, ...]
    title: str = ""
    about: tuple[str, ...] = ()
    """Sentences for the page: what the clips are, above all."""
    clips: Path | None = None
    clips_per_condition: int | None = None
    spacing: float | None = None
    """Millimetres of a pixel of the clips; the tract error is measured where it is known."""
    scales: tuple[int, ...] = (1,)
    """By how much pictures are shrunk before they are scored; 1 is as they are."""
    compare_with: str = ""
    """The arm that all others are compared with; the first one that is scored unless given."""
    targets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By condition and measure, what was hoped for."""

    @property
    def base(self) -> Arm:
        """The arm that the others are compared with."""
        scored = [arm for arm in self.arms if arm.generates and not arm.leave_out]
        named = [arm for arm in scored if arm.name == self.compare_with]
        return (named or scored or list(self.arms))[0]


@dataclass(frozen=True)
class Run:
    """One training: an arm with a seed, without the speaker left out."""

    arm: Arm
    seed: int
    without: str
    options: TrainOptions
    """As it is trained, files in their places."""
    needs: tuple[str, ...] = ()
    """Places of the runs that must be done before."""

    @property
    def place(self) -> str:
        """Its folder, under runs."""
        return place(self.arm.name, self.seed, self.without)


@dataclass(frozen=True)
class Chosen:
    """A clip that a run is scored on."""

    entry: Entry
    condition: str
    wrong: str
    """The clip whose speech it hears where it is the wrong one; "" when there is no other."""


def place(arm: str, seed: int, without: str = "") -> str:
    """Name the folder of a run.

    >>> place("ours", 0), place("ours", 1, "A1")
    ('ours/seed-0', 'ours/seed-1/without-A1')
    """
    return f"{arm}/seed-{seed}" + (f"/without-{without}" if without else "")


def runs_of(experiment: Experiment, clips: Clips, out: Path) -> tuple[Run, ...]:
    """List all runs, the first seeds of all arms first and each after those it needs.

    Raises BadInputError naming file and key when an arm asks for speakers or clips that are not there.
    """
    found = [run for arm in experiment.arms for run in _of_arm(experiment, arm, clips, out)]
    order = {arm.name: arm.seeds for arm in experiment.arms}
    # The first seeds of every arm first, and leaving speakers out last: a table of all arms is there early.
    waiting = sorted(found, key=lambda run: (bool(run.without), order[run.arm.name].index(run.seed)))
    known, done, ordered = {run.place for run in found}, set[str](), list[Run]()
    while waiting:
        ready = next((run for run in waiting if all(need in done or need not in known for need in run.needs)), None)
        if ready is None:
            raise BadInputError(
                f"{experiment.path}: arms.{waiting[0].arm.name}: it waits for an arm that waits for it; "
                f"let one of them do without {ARM}…"
            )
        ordered.append(ready)
        done.add(ready.place)
        waiting.remove(ready)
    return tuple(ordered)


def chosen_clips(experiment: Experiment, run: Run | None, clips: Clips) -> tuple[Chosen, ...]:
    """Choose the test clips that a run is scored on, or, without one, all that any run may be.

    All arms are scored on the same clips, so that they can be compared clip by clip. An arm that is trained on fewer
    speakers is scored on those of them whose condition is the same for it; one that leaves a speaker out, on his.
    """
    test = clips.split("test")
    under = conditions(clips, test)
    count = experiment.clips_per_condition
    ordered = [entry for condition in CONDITIONS for entry in test if under[entry.name] == condition]
    if run is not None and run.without:
        known = conditions(of_speakers(clips, run.options.speaker, run.options.without), test)
        own = [entry for entry in ordered if entry.speaker == run.without]
        groups = [(condition, [one for one in own if known[one.name] == condition]) for condition in CONDITIONS]
    else:
        groups = [(condition, [one for one in ordered if under[one.name] == condition]) for condition in CONDITIONS]
        known = under if run is None else conditions(of_speakers(clips, run.options.speaker), test)
    return tuple(
        Chosen(entry, condition, other_speech(entry, ordered))
        for condition, entries in groups
        for entry in spaced(entries, count)
        if known[entry.name] == condition
    )


def trained_on(run: Run, clips: Clips) -> tuple[Entry, ...]:
    """List the training clips of a run."""
    entries = of_speakers(clips, run.options.speaker, run.options.without).split("train")
    most = run.options.clips
    if most is None or most >= len(entries):
        return entries
    return tuple(entries[number * len(entries) // most] for number in range(most))


def _of_arm(experiment: Experiment, arm: Arm, clips: Clips, out: Path) -> list[Run]:
    where = f"{experiment.path}: arms.{arm.name}"
    names = sorted({entry.speaker for entry in clips.split("train")})
    for key, told in (("leave_out", arm.leave_out), ("speakers", arm.speakers)):
        for name in told if isinstance(told, tuple) and told != (EACH,) else ():
            if name not in names:
                raise BadInputError(
                    f"{where}.{key}: {clips.root} has no training clips of {name!r}; choose from {', '.join(names)}"
                )
    if isinstance(arm.speakers, int) and arm.speakers > len(names):
        raise BadInputError(
            f"{where}.speakers: {clips.root} has training clips of {len(names)} speakers, not {arm.speakers}; "
            "give a smaller number"
        )
    without: Sequence[str] = names if arm.leave_out == (EACH,) else arm.leave_out or ("",)
    runs = []
    for seed in arm.seeds:
        for left_out in without:
            options = replace(arm.options, seed=seed, without=left_out or None, speaker=_speakers(arm, names, seed))
            here = of_speakers(clips, options.speaker, options.without)
            if not here.split("train") or not here.split("validation"):
                part = "validation" if here.split("train") else "training"
                raise BadInputError(
                    f"{where}: with seed {seed} there are no {part} clips of its speakers "
                    f"({', '.join(sorted({entry.speaker for entry in here.entries}))}); choose other speakers or more"
                )
            if options.clips is not None and options.clips > len(here.split("train")):
                raise BadInputError(
                    f"{where}.clips: with seed {seed} there are {len(here.split('train'))} training clips, not "
                    f"{options.clips}; give a smaller number"
                )
            if arm.share is not None and arm.share < 1:
                options = replace(options, clips=max(1, math.floor(arm.share * len(here.split("train")))))
            options, needs = _linked(experiment, arm, options, left_out, out)
            runs.append(Run(arm, seed, left_out, options, needs))
    return runs


def _speakers(arm: Arm, names: Sequence[str], seed: int) -> str | None:
    """Name the speakers to train on: with one seed fewer speakers are some of those of more."""
    if arm.speakers is None:
        return None
    if isinstance(arm.speakers, tuple):
        return ",".join(arm.speakers)
    order = np.random.default_rng(seed).permutation(len(names))
    return ",".join(sorted(names[number] for number in order[: arm.speakers]))


def _linked(
    experiment: Experiment, arm: Arm, options: TrainOptions, without: str, out: Path
) -> tuple[TrainOptions, tuple[str, ...]]:
    """Put the files of other arms in the places of their names."""
    needs = []

    def file(path: Path | None, key: str) -> Path | None:
        if path is None or not str(path).startswith(ARM):
            return path
        name, where = str(path).removeprefix(ARM), f"{experiment.path}: arms.{arm.name}.{key}"
        other = next((one for one in experiment.arms if one.name == name), None)
        if other is None:
            raise BadInputError(f"{where}: there is no arm {name!r}; name one of this file")
        if bool(other.leave_out) != bool(without) or (other.leave_out not in {(), (EACH,), arm.leave_out}):
            raise BadInputError(f"{where}: {name} does not leave out {without or 'nobody'}; give it the same leave_out")
        seed = options.seed if options.seed in other.seeds else other.seeds[0]
        needs.append(place(name, seed, without))
        return out / "runs" / needs[-1] / BEST

    init = file(options.init, "init")
    losses = replace(options.losses, expert=file(options.losses.expert, "losses.expert"))
    return replace(options, init=init, losses=losses), tuple(needs)
