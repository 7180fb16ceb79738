"""How scores grow with speakers and minutes of clips: a table and a drawing for arms that differ in nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from seido.clips.store import Clips
from seido.report.experiment.blocks import Cell, Table
from seido.report.experiment.lines import Lines, Part
from seido.report.experiment.plan import Arm, Run, trained_on
from seido.report.experiment.tables import cell
from seido.report.page.markup import Html, element, number
from seido.report.page.plots import Axis
from seido.scores.bootstrap import Estimate
from seido.scores.rows import GENERATED, MEASURES, Measure

WIDTH, HEIGHT = 540, 280
LEGEND = 16
"""Height of a line of the legend, below the axes."""
APART = 4.0
"""By how much the intervals of two conditions stand apart."""
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 44
COLOURS = ("#0067a5", "#c8500a", "#00805e", "#a8488a")
"""Of the conditions; each has dashes of its own too."""
DASHES = (None, "6 3", "2 3", "8 3 2 3")


@dataclass(frozen=True)
class Step:
    """One arm of a curve: what it was trained on, on average over its seeds."""

    arm: Arm
    speakers: float
    minutes: float


@dataclass(frozen=True)
class Curve:
    """Arms that differ in speakers or minutes alone, the least first."""

    steps: tuple[Step, ...]

    @property
    def by_speakers(self) -> bool:
        """Whether the number of speakers is what grows; else it is the minutes."""
        return len({step.speakers for step in self.steps}) > 1

    @property
    def name(self) -> str:
        """What it is called: after its largest arm."""
        return self.steps[-1].arm.name

    def at(self, step: Step) -> float:
        """Tell where a step stands along the axis."""
        return step.speakers if self.by_speakers else step.minutes


def curves(arms: Sequence[Arm], runs: Sequence[Run], clips: Clips) -> list[Curve]:
    """Find arms whose options differ in nothing but speakers, clips, steps and how often they are validated."""
    groups: dict[str, list[Step]] = {}
    for arm in arms:
        plain = replace(arm.options, clips=None, steps=1, validate_every=1)
        own = [trained_on(run, clips) for run in runs if run.arm.name == arm.name]
        if own:
            speakers = fmean(len({entry.speaker for entry in entries}) for entries in own)
            frames = fmean(sum(entry.frames for entry in entries) for entries in own)
            step = Step(arm, speakers, frames / float(clips.prepared.rate) / 60)
            groups.setdefault(repr(plain), []).append(step)
    found = [
        Curve(tuple(sorted(steps, key=lambda step: (step.speakers, step.minutes))))
        for steps in groups.values()
        if len({(step.speakers, round(step.minutes, 3)) for step in steps}) > 1
    ]
    # Where speakers grow, arms with as many speakers and fewer minutes of them are another matter.
    return [part for curve in found for part in _apart(curve)]


def _apart(curve: Curve) -> list[Curve]:
    if not curve.by_speakers:
        return [curve]
    most = {
        step.speakers: max(one.minutes for one in curve.steps if one.speakers == step.speakers) for step in curve.steps
    }
    growing = Curve(tuple(step for step in curve.steps if step.minutes == most[step.speakers]))
    largest = max(step.speakers for step in curve.steps)
    longer = Curve(tuple(step for step in curve.steps if step.speakers == largest))
    return [growing, longer] if len(longer.steps) > 1 else [growing]


def growth_table(curve: Curve, lines: Lines, scale: int, condition: str) -> Table | None:
    """Lay out a curve's scores under one condition."""
    names = ("ssim", "nmse", "skill_over_mean", "motion_correlation", "tract_error_mm")
    parts = [(step, Part(step.arm.name, GENERATED, scale, condition)) for step in curve.steps]
    parts = [(step, part) for step, part in parts if lines.of(part)]
    measures = [
        one
        for one in MEASURES
        if one.name in names and any(line.scores.value(one) is not None for _, part in parts for line in lines.of(part))
    ]
    rows = tuple(
        (
            Cell(step.arm.name),
            Cell(f"{step.speakers:g}"),
            Cell(number(step.minutes, 1)),
            Cell(str(lines.clips(part))),
            *(cell(lines.estimate(part, one), one.digits) for one in measures),
        )
        for step, part in parts
    )
    heads = ("arm", "speakers", "minutes of clips", "clips scored", *(one.title for one in measures))
    return Table(condition, heads, rows) if len(rows) > 1 else None


def growth_drawing(curve: Curve, lines: Lines, scale: int, conditions: Sequence[str], measure: Measure) -> Html | None:
    """Draw a measure over speakers or minutes, a line a condition with its intervals; SVG that stands by itself."""
    drawn: list[tuple[str, list[tuple[float, Estimate]]]] = []
    for condition in conditions:
        points = [
            (curve.at(step), lines.estimate(Part(step.arm.name, GENERATED, scale, condition), measure))
            for step in curve.steps
        ]
        points = [(at, found) for at, found in points if found.mean is not None]
        if len(points) > 1:
            drawn.append((condition, points))
    if not drawn:
        return None
    found = [one for _, points in drawn for _, one in points]
    ends = [end for one in found for end in (one.mean, one.low, one.high) if end is not None]
    across = Axis.over([at for _, points in drawn for at, _ in points], LEFT, WIDTH - RIGHT)
    down = Axis.over(ends, HEIGHT - BOTTOM, TOP)
    parts = _frame(across, down, "speakers" if curve.by_speakers else "minutes of clips", measure)
    for place, (condition, points) in enumerate(drawn):
        colour, dashes = COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)]
        beside = APART * (place - (len(drawn) - 1) / 2)
        dots = [(f"{across.at(at) + beside:.1f}", one) for at, one in points]
        line = " ".join(f"{x},{down.at(one.mean or 0.0):.1f}" for x, one in dots)
        stroke = {"stroke": colour, "stroke_width": 1.7, "stroke_dasharray": dashes}
        parts.append(element("polyline", points=line, fill="none", **stroke))
        for x, one in dots:
            if one.low is not None and one.high is not None:
                ends_at = {"y1": f"{down.at(one.low):.1f}", "y2": f"{down.at(one.high):.1f}"}
                parts.append(element("line", x1=x, x2=x, stroke=colour, stroke_width=1.4, **ends_at))
            parts.append(element("circle", cx=x, cy=f"{down.at(one.mean or 0.0):.1f}", r=3.4, fill=colour))
        top = HEIGHT + LEGEND * place + 8
        parts.append(element("line", x1=LEFT, x2=LEFT + 28, y1=top - 4, y2=top - 4, **stroke))
        parts.append(_word(LEFT + 36, top, condition))
    height = HEIGHT + LEGEND * len(drawn)
    return element(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        aria_label=f"{measure.title} of {curve.name}; the figures stand in the table",
        viewBox=f"0 0 {WIDTH} {height}",
        width=WIDTH,
        height=height,
    )


def _frame(across: Axis, down: Axis, below: str, measure: Measure) -> list[Html]:
    parts = []
    for tick in across.ticks:
        x = f"{across.at(tick):.1f}"
        parts.append(element("line", x1=x, x2=x, y1=TOP, y2=HEIGHT - BOTTOM, stroke="#99999955"))
        parts.append(_word(across.at(tick), HEIGHT - BOTTOM + 15, number(tick, across.digits), "middle"))
    for tick in down.ticks:
        y = f"{down.at(tick):.1f}"
        parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, stroke="#99999955"))
        parts.append(_word(LEFT - 6, down.at(tick) + 4, number(tick, down.digits), "end"))
    parts.append(_word((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, f"{measure.title} over {below}", "middle"))
    return parts


def _word(x: float, y: float, words: str, anchor: str = "start") -> Html:
    return element(
        "text", words, x=f"{x:.1f}", y=f"{y:.1f}", fill="currentColor", font_size=11.5, font_family="sans-serif",
        text_anchor=anchor,
    )  # fmt: skip
