"""The tables of an experiment's page: scores, differences, gates, targets, costs, speakers left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from seido.report.experiment.blocks import Cell, Table
from seido.report.experiment.gates import AHEAD, LOWER, MEASURE, gates, verdict
from seido.report.experiment.lines import Lines, Part
from seido.report.experiment.plan import Arm, Experiment, Run
from seido.report.experiment.scoring import CEILING, WRONG_SPEECH
from seido.report.experiment.training import State
from seido.report.overview import BETTER
from seido.report.page.markup import UNDEFINED, number
from seido.scores.bootstrap import Estimate
from seido.scores.conditions import CONDITIONS
from seido.scores.rows import FIRST_FRAME, GENERATED, MEAN_FRAME, MEASURES, Measure

COMPARED = ("ssim", "nmse", "skill_over_mean", "skill_over_first", "motion_correlation", "tract_error_mm")
"""Measures whose differences between arms are shown: those of which more, or less, is better."""


def cell(found: Estimate, digits: int, clips: int | None = None, *, strong: bool = False) -> Cell:
    """Print a mean with its interval, and the number of clips where not all `clips` are behind it.

    >>> cell(Estimate(0.5, 0.25, 0.75, 3), 2).words
    '0.50 [0.25, 0.75]'
    """
    words = number(found.mean, digits)
    if found.low is not None and found.high is not None:
        words += f" [{number(found.low, digits)}, {number(found.high, digits)}]"
    if clips is not None and 0 < found.clips < clips:
        words += f" ({found.clips})"
    return Cell(words, strong)


def scored_arms(experiment: Experiment, lines: Lines) -> list[Arm]:
    """List the arms that have scores on all conditions."""
    there = {line.arm for line in lines.all if not line.without}
    return [arm for arm in experiment.arms if arm.name in there]


def conditions_of(lines: Lines) -> list[str]:
    """List the conditions there are clips of, in the tables' order."""
    there = {line.condition for line in lines.all}
    return [condition for condition in CONDITIONS if condition in there]


def results(lines: Lines, arms: Sequence[Arm], scale: int, condition: str) -> Table:
    """Lay out the scores under one condition: arms, the rows that need no training, and the noise ceiling."""
    shown: list[tuple[str, Part]] = [(arm.name, Part(arm.name, GENERATED, scale, condition)) for arm in arms]
    shown += [(name, Part("", name, scale, condition)) for name in (FIRST_FRAME, MEAN_FRAME)]
    shown += [(f"{arm.name}, wrong speech", Part(arm.name, WRONG_SPEECH, scale, condition)) for arm in arms]
    shown.append((CEILING, Part("", CEILING, scale, condition)))
    shown = [(name, part) for name, part in shown if lines.of(part)]
    found = {name: {one.name: lines.estimate(part, one) for one in MEASURES} for name, part in shown}
    measures = [one for one in MEASURES if any(row[one.name].mean is not None for row in found.values())]
    best = {one.name: _best(one, {name: row[one.name] for name, row in found.items()}) for one in measures}
    rows = []
    for name, part in shown:
        clips = lines.clips(part)
        seeds = str(lines.seeds(part)) if part.arm else UNDEFINED
        values = (cell(found[name][one.name], one.digits, clips, strong=name in best[one.name]) for one in measures)
        rows.append((Cell(name), Cell(seeds), Cell(str(clips)), *values))
    return Table(condition, ("shown", "seeds", "clips", *(one.title for one in measures)), tuple(rows))


def _best(measure: Measure, found: Mapping[str, Estimate]) -> set[str]:
    """Name the rows whose printed mean is best; the ceiling and wrong speech do not compete."""
    loss = {"higher": lambda x: -x, "lower": lambda x: x, "one": lambda x: abs(x - 1), "zero": abs}[
        BETTER[measure.name]
    ]
    means = {
        name: loss(round(one.mean, measure.digits))
        for name, one in found.items()
        if one.mean is not None and name != CEILING and not name.endswith(f", {WRONG_SPEECH}")
    }
    return {name for name, value in means.items() if value <= min(means.values()) + 1e-12}


def differences(lines: Lines, base: Arm, arms: Sequence[Arm], scale: int, condition: str) -> Table | None:
    """Lay out the paired differences base − arm; strong where the interval is clear of 0."""
    own = Part(base.name, GENERATED, scale, condition)
    measures = [MEASURE[name] for name in COMPARED if any(line.scores.value(MEASURE[name]) for line in lines.of(own))]
    rows = []
    for arm in arms:
        if arm.name == base.name:
            continue
        other = Part(arm.name, GENERATED, scale, condition)
        found = [lines.difference(own, other, measure) for measure in measures]
        if any(one.clips for one in found):
            cells = (
                cell(one, measure.digits, strong=_clear(one)) for one, measure in zip(found, measures, strict=True)
            )
            rows.append((Cell(f"{base.name} − {arm.name}"), Cell(str(max(one.clips for one in found))), *cells))
    if not rows:
        return None
    heads = (measure.title.rstrip(" ↑↓") for measure in measures)
    return Table(condition, ("difference", "clips", *heads), tuple(rows))


def _clear(found: Estimate) -> bool:
    return found.low is not None and found.high is not None and not found.low <= 0 <= found.high


def gate_table(lines: Lines, arms: Sequence[Arm], scale: int, conditions: Sequence[str], rate: Fraction) -> Table:
    """Lay out the gates, a row an arm and condition; strong where one is not passed."""
    rows, heads = [], list[str]()
    for condition in conditions:
        for arm in arms:
            if not lines.of(Part(arm.name, GENERATED, scale, condition)):
                continue
            found = gates(lines, arm.name, scale, condition, rate)
            heads = [gate.name for gate in found]
            told = (Cell(f"{_mark(gate.passes)} ({gate.told})", gate.passes is False) for gate in found)
            rows.append((Cell(arm.name), Cell(condition), *told))
    return Table("Gates", ("arm", "condition", *heads), tuple(rows), words=True)


def ahead_table(lines: Lines, base: Arm, arms: Sequence[Arm], scale: int, conditions: Sequence[str]) -> Table | None:
    """Tell of which arms the base is ahead, with the interval of the difference clear of 0."""
    rows = []
    for condition in conditions:
        for arm in arms:
            if arm.name != base.name and lines.of(Part(arm.name, GENERATED, scale, condition)):
                told = [verdict(lines, base.name, arm.name, scale, condition, name) for name in AHEAD]
                marks = (Cell(words, words not in {"ahead", UNDEFINED}) for words in told)
                rows.append((Cell(arm.name), Cell(condition), *marks))
    if not rows:
        return None
    heads = (MEASURE[name].title.rstrip(" ↑↓") for name in AHEAD)
    return Table(f"{base.name} against each other arm", ("arm", "condition", *heads), tuple(rows), words=True)


def targets(experiment: Experiment, lines: Lines, arms: Sequence[Arm], scale: int) -> Iterator[Table]:
    """Lay out what was hoped for beside what was reached; strong where a target is missed."""
    for condition, wanted in experiment.targets.items():
        rows = [
            (
                Cell("target"),
                *(Cell(f"{_sign(name)} {number(value, MEASURE[name].digits)}") for name, value in wanted.items()),
            )
        ]
        for arm in arms:
            part = Part(arm.name, GENERATED, scale, condition)
            found = {name: lines.estimate(part, MEASURE[name]) for name in wanted}
            if lines.of(part):
                cells = (
                    cell(found[name], MEASURE[name].digits, strong=not _reached(name, found[name].mean, value))
                    for name, value in wanted.items()
                )
                rows.append((Cell(arm.name), *cells))
        if len(rows) > 1:
            yield Table(condition, ("", *(MEASURE[name].title for name in wanted)), tuple(rows))


def _reached(name: str, value: float | None, wanted: float) -> bool:
    if value is None:
        return False
    match BETTER[name]:
        case "higher":
            return value >= wanted
        case "lower":
            return value <= wanted
        case "zero":
            return abs(value) <= wanted
        case "one":
            return abs(value - 1) <= abs(wanted - 1)


def _sign(name: str) -> str:
    return "≤" if name in LOWER or BETTER[name] == "zero" else "≥"


def _mark(passes: bool | None) -> str:
    return UNDEFINED if passes is None else "passes" if passes else "fails"


def costs(runs: Sequence[Run], states: Mapping[str, State], speeds: Mapping[str, float]) -> Table:
    """Lay out what every run that has begun took."""
    rows = []
    for run in runs:
        state = states.get(run.place)
        if state is None:
            continue
        speed = speeds.get(run.place)
        rows.append(
            (
                Cell(run.place),
                Cell(number(state.parameters / 1e6, 2) if state.parameters else UNDEFINED),
                Cell(f"{len(state.speakers)}"),
                Cell(number(state.minutes, 1)),
                Cell(f"{state.step}"),
                Cell(f"{state.step * state.frames_per_step}"),
                Cell(number(state.cpu_seconds / 60, 1)),
                Cell(number(state.seconds / 60, 1)),
                Cell(number(state.best_loss, 4)),
                Cell(f"{state.best_step}"),
                Cell(number(speed, 1)),
                Cell(state.stopped or "not done", state.stopped in {"", "failed"}),
            )
        )
    heads = (
        "run", "parameters, millions", "speakers", "minutes of clips", "steps", "frames seen", "training, CPU min",
        "training, min", "validation loss", "at step", "generating, CPU ms a frame", "ended",
    )  # fmt: skip
    return Table("Every run", heads, tuple(rows))


def left_out(lines: Lines, arm: Arm, scale: int, condition: str, same: Arm | None) -> Table | None:
    """Lay out the scores of speakers who were left out of training, each by the run without him."""
    own = Part(arm.name, GENERATED, scale, condition, left_out=True)
    here = lines.of(own)
    if not here:
        return None
    shown = [(f"without {name}", _of_speaker(own, name)) for name in sorted({line.speaker for line in here})]
    shown.append(("all of them", own))
    shown += [(name, Part("", name, scale, condition, left_out=True)) for name in (FIRST_FRAME, MEAN_FRAME)]
    measures = [one for one in MEASURES if any(line.scores.value(one) is not None for line in here)]
    rows = [
        (Cell(name), Cell(str(lines.clips(part))), *(cell(lines.estimate(part, one), one.digits) for one in measures))
        for name, part in shown
    ]
    if same is not None:
        other = Part(same.name, GENERATED, scale)
        found = [lines.difference(own, other, one) for one in measures]
        if any(one.clips for one in found):
            cells = (cell(one, measure.digits) for one, measure in zip(found, measures, strict=True))
            clips = str(max(one.clips for one in found))
            rows.append((Cell(f"all − {same.name}, which knows them, same clips"), Cell(clips), *cells))
    return Table(condition, (arm.name, "clips", *(one.title for one in measures)), tuple(rows))


def _of_speaker(part: Part, speaker: str) -> Part:
    return Part(part.arm, part.predictor, part.scale, part.condition, part.left_out, speaker)
