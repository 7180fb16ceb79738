"""Writing up an experiment: Markdown, HTML, CSV and JSON from the scores there are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from seido.clips.store import Clips
from seido.files import make_folder, write_bytes
from seido.report.experiment.blocks import Block, Cell, Figure, Heading, Listing, Paragraph, Table, html, markdown
from seido.report.experiment.gates import MEASURE
from seido.report.experiment.growth import curves, growth_drawing, growth_table
from seido.report.experiment.lines import Line, Lines, to_csv
from seido.report.experiment.pictures import PICTURES, Shown
from seido.report.experiment.plan import Arm, Experiment, Run
from seido.report.experiment.tables import (
    ahead_table,
    conditions_of,
    costs,
    differences,
    gate_table,
    left_out,
    results,
    scored_arms,
    targets,
)
from seido.report.experiment.training import State
from seido.report.groups import TRACKER
from seido.scores.bootstrap import RESAMPLES

PAGE = "experiment"
DRAWN = ("motion_correlation", "ssim")
"""Measures whose growth is drawn."""


def write_experiment(
    experiment: Experiment,
    clips: Clips,
    out: Path,
    runs: Sequence[Run],
    states: Mapping[str, State],
    speeds: Mapping[str, float],
    table: Sequence[Line],
    pictures: Sequence[Shown],
) -> tuple[Path, ...]:
    """Write experiment.md, .html, .csv (a line a clip) and .json (every table); each whole or not at all."""
    lines = Lines(table)
    drawings = out / PICTURES
    blocks = list(_blocks(experiment, clips, drawings, runs, states, speeds, lines, pictures))
    for block in blocks:
        if isinstance(block, Figure) and block.drawing is not None:
            make_folder(drawings)
            write_bytes(block.path, block.drawing.encode())
    title = experiment.title or f"Experiment {experiment.path.stem}"
    tables = [asdict(block) for block in blocks if isinstance(block, Table)]
    content = {
        "title": title,
        "corpus": clips.digest,
        "runs": {p: asdict(s) for p, s in states.items()},
        "tables": tables,
    }
    texts = {
        "md": markdown(title, blocks, out),
        "html": html(title, blocks),
        "csv": to_csv(table),
        "json": json.dumps(content, indent=1, ensure_ascii=False) + "\n",
    }
    for ending, text in texts.items():
        write_bytes(out / f"{PAGE}.{ending}", text.encode())
    return tuple(out / f"{PAGE}.{ending}" for ending in texts)


def _blocks(
    experiment: Experiment,
    clips: Clips,
    drawings: Path,
    runs: Sequence[Run],
    states: Mapping[str, State],
    speeds: Mapping[str, float],
    lines: Lines,
    pictures: Sequence[Shown],
) -> Iterator[Block]:
    arms, conditions = scored_arms(experiment, lines), conditions_of(lines)
    yield from (Paragraph(words) for words in experiment.about)
    yield Paragraph(_standing(runs, states, lines))
    yield Heading("Method")
    yield from _method(experiment, runs, states)
    yield Heading("Data")
    yield _data(clips, lines)
    size = clips.prepared
    for scale in experiment.scales:
        shape = f"{size.width // scale} × {size.height // scale} pixels"
        what = (
            "the clips' own" if scale == 1 else f"shrunk by {scale} before scoring, means of {scale} × {scale} pixels"
        )
        yield Heading(f"Results at {shape}")
        yield Paragraph(
            f"Pictures of {shape}, {what}. Mean over clips with its 95 % interval; strong is the best row, the ceiling "
            "and wrong speech aside. Where a row that needs no training is strong, no arm beats it."
        )
        yield from (results(lines, arms, scale, condition) for condition in conditions)
        compared = [differences(lines, experiment.base, arms, scale, condition) for condition in conditions]
        if any(compared):
            yield Heading(f"Differences at {shape}")
            yield Paragraph(
                f"{experiment.base.name} minus each other arm, clip by clip; strong where the 95 % interval is clear "
                "of 0."
            )
            yield from (one for one in compared if one is not None)
        wanted = list(targets(experiment, lines, arms, scale))
        if wanted:
            yield Heading(f"Targets at {shape}")
            yield Paragraph("What was hoped for, and what was reached; strong where a target is missed.")
            yield from wanted
    if arms:
        scale = experiment.scales[0]
        yield Heading("Gates")
        yield Paragraph(
            "Strong where a gate is not passed; in brackets what was measured, counts are of clips and seeds."
        )
        yield gate_table(lines, arms, scale, conditions, clips.prepared.rate)
        ahead = ahead_table(lines, experiment.base, arms, scale, conditions)
        if ahead is not None:
            yield ahead
    yield from _growth(experiment, clips, drawings, runs, lines, arms, conditions)
    yield from _left_out(experiment, lines, conditions)
    if states:
        yield Heading("Cost")
        yield Paragraph(
            "CPU minutes are those of all threads of the training process. Generating is a clip's median, speech "
            "features and all, one clip at a time, in processor time."
        )
        yield costs(runs, states, speeds)
    if pictures:
        yield Heading("Pictures")
        yield from (Figure(one.caption, one.path) for one in pictures)
    yield Heading("Limits")
    yield Listing(tuple(_limits(experiment, runs, states, lines)))


def _standing(runs: Sequence[Run], states: Mapping[str, State], lines: Lines) -> str:
    done = sum(state.whole for state in states.values())
    clips = len({line.clip for line in lines.all})
    told = f"{done} of {len(runs)} runs are done; {clips} clips are scored."
    return told + (" What follows is of these alone: it will change." if done < len(runs) else "")


def _method(experiment: Experiment, runs: Sequence[Run], states: Mapping[str, State]) -> Iterator[Block]:
    yield Paragraph(
        "All arms generate the same test clips from their first frame and speech; the first frame is not scored. "
        "Checkpoints are chosen by validation clips, never by test clips. Mean frame: of the speaker's other clips, "
        "training clips where there are any. Wrong speech: the arm hears another recording."
    )
    yield Paragraph(
        f"Intervals: {RESAMPLES} resamples of clips; of speakers and their clips where a condition has three speakers "
        "or more; and of seeds too, drawn apart from clips, where an arm has several (two or three seeds make them "
        "rather too narrow). Differences are paired by clip, seeds are not paired."
    )
    rows = []
    for arm in experiment.arms:
        own = [run for run in runs if run.arm.name == arm.name]
        states_of = [states[run.place] for run in own if run.place in states]
        told = ", ".join(f"{name} = {value}" for name, value in arm.told.items()) or "the defaults"
        speakers = sorted({name for state in states_of for name in state.speakers})
        rows.append(
            (
                Cell(arm.name),
                Cell(arm.title or "–"),
                Cell(told),
                Cell(", ".join(map(str, arm.seeds))),
                Cell(_whose(arm, speakers)),
            )
        )
    yield Table(
        "Arms, and what they change of the defaults",
        ("arm", "what", "options", "seeds", "trained on"),
        tuple(rows),
        words=True,
    )
    yield Paragraph("experiment.toml beside this page is the experiment's file: it holds every option.")


def _whose(arm: Arm, speakers: Sequence[str]) -> str:
    if arm.leave_out:
        return f"all but one speaker at a time: {', '.join(arm.leave_out)}"
    some = f"{arm.share:g} of the clips of " if arm.share is not None else ""
    some = f"{arm.options.clips} clips of " if arm.options.clips else some
    if isinstance(arm.speakers, int):
        return f"{some}{arm.speakers} speakers, drawn by the seed"
    return some + (", ".join(arm.speakers or speakers) or "all speakers")


def _data(clips: Clips, lines: Lines) -> Table:
    prepared, rows = clips.prepared, []
    for part in ("train", "validation", "test"):
        entries = clips.split(part)
        minutes = sum(entry.frames for entry in entries) / prepared.rate / 60
        rows.append(
            (
                Cell(part),
                Cell(str(len(entries))),
                Cell(f"{float(minutes):.1f}"),
                Cell(", ".join(sorted({entry.speaker for entry in entries}))),
                Cell(", ".join(sorted({entry.language for entry in entries} - {""})) or "–"),
                Cell(str(len({line.clip for line in lines.all})) if part == "test" else "–"),
            )
        )
    caption = (
        f"Clips of {prepared.width} × {prepared.height} pixels at {float(prepared.rate):g} frames/s, manifest SHA-256 "
        f"{clips.digest[:16]}…"
    )
    return Table(caption, ("part", "clips", "minutes", "speakers", "languages", "scored"), tuple(rows), words=True)


def _growth(
    experiment: Experiment,
    clips: Clips,
    drawings: Path,
    runs: Sequence[Run],
    lines: Lines,
    arms: Sequence[Arm],
    conditions: Sequence[str],
) -> Iterator[Block]:
    scale = experiment.scales[0]
    for number, curve in enumerate(curves(arms, runs, clips)):
        tables = [growth_table(curve, lines, scale, condition) for condition in conditions]
        shown = [one for one in tables if one is not None]
        if not shown:
            continue
        over = "speakers" if curve.by_speakers else "minutes"
        yield Heading(f"Growth with {over}: {curve.name}")
        yield Paragraph(
            "Arms that differ in what they are trained on alone. Clips of speakers that an arm does not know, and the "
            "others do, are left out for it, so seen speakers are not the same ones in every row."
        )
        for name in DRAWN:
            drawing = growth_drawing(curve, lines, scale, conditions, MEASURE[name])
            if drawing is not None:
                path = drawings / f"growth-{number}-{name}.svg"
                yield Figure(f"{MEASURE[name].title} over {over}, {curve.name}, with 95 % intervals", path, drawing)
        yield from shown


def _left_out(experiment: Experiment, lines: Lines, conditions: Sequence[str]) -> Iterator[Block]:
    scale = experiment.scales[0]
    for arm in experiment.arms:
        if not arm.leave_out or not arm.generates:
            continue
        same = next((one for one in experiment.arms if not one.leave_out and one.options == arm.options), None)
        tables = [left_out(lines, arm, scale, condition, same) for condition in conditions]
        if any(tables):
            yield Heading(f"One speaker left out: {arm.name}")
            yield Paragraph(
                "Each speaker's test clips, generated by the run that was trained without any clip of his; intervals "
                "of all of them are over speakers too, from three on."
            )
            yield from (one for one in tables if one is not None)


def _limits(experiment: Experiment, runs: Sequence[Run], states: Mapping[str, State], lines: Lines) -> Iterator[str]:
    waiting = [run.place for run in runs if run.place not in states or not states[run.place].whole]
    if waiting:
        yield f"Not done yet: {', '.join(waiting)}."
    for place, state in states.items():
        if state.stopped == "failed":
            yield f"{place} came to nothing: {state.why}"
        elif state.stopped == "minutes":
            yield f"{place} was cut short: {state.why}"
    seeds = {arm.name: len(arm.seeds) for arm in experiment.arms if arm.generates}
    single = [name for name, count in seeds.items() if count == 1]
    if single:
        yield f"One seed only, so their intervals say nothing of other seeds: {', '.join(single)}."
    speakers: dict[str, set[str]] = {}
    for line in lines.all:
        if not line.without:
            speakers.setdefault(line.condition, set()).add(line.speaker)
    for condition, names in speakers.items():
        if len(names) == 1:
            yield f"{condition}: one speaker, {next(iter(names))}; the intervals say nothing of other speakers."
    if any(line.scores.tract_error_mm is not None for line in lines.all):
        yield TRACKER
    yield "A generated movie shows what a network expects, not what was measured."
