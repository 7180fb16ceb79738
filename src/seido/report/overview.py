"""From scored clips to the report's page: which figures it shows, and which clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seido.clips.spoken import labels_of_clip
from seido.clips.store import Clips, Entry
from seido.corpus.textgrid import Tier as TextTier
from seido.models.checkpoint import load_checkpoint
from seido.plan import Plan
from seido.report.groups import PARTS, TRACKER, groups, trained_phones, value_of
from seido.report.kymograph import Line
from seido.report.page.build import write_page
from seido.report.page.data import (
    Better,
    Condition,
    LagCurve,
    LagCurves,
    Measure,
    PageData,
    Predictor,
    Rank,
    ShownClip,
    TableRow,
    Tier,
)
from seido.report.scoring import CEILING, Job, Scored, generated, grey_movie
from seido.scores import rows as scored_rows
from seido.scores.conditions import CONDITIONS
from seido.scores.gridlines import place_grid
from seido.scores.rows import MEASURES
from seido.scores.table import summaries

BETTER: dict[str, Better] = {
    "ssim": "higher",
    "nmse": "lower",
    "motion_correlation": "higher",
    "motion_amplitude": "one",
    "lag_ms": "zero",
    "tract_error_mm": "lower",
    "skill_over_mean": "higher",
    "skill_over_first": "higher",
}
HEADLINE = ("ssim", "nmse", "motion_correlation", "motion_amplitude", "lag_ms", "tract_error_mm")
"""The measures of the page's table; docs/scores.md tells why these. The others stand in scores.csv."""
RANKED_BY = "motion_correlation"
"""The measure by which the worst, the median and the best clip are chosen."""
_KYMOGRAPHS = (("lips", "lips"), ("tongue", "palate"), ("velum", "port"))
"""What is shown over time, and the kind of gridline it is read along."""


def write_overview(
    out: Path,
    clips: Clips,
    models: Sequence[tuple[str, Path]],
    jobs: Sequence[Job],
    scored: Mapping[str, Scored],
    seed: int,
) -> tuple[Path, ...]:
    """Write the page and its twins into the folder `out`; see page.build.write_page."""
    return write_page(_page(clips, models, jobs, scored, seed), out)


def _page(
    clips: Clips,
    models: Sequence[tuple[str, Path]],
    jobs: Sequence[Job],
    scored: Mapping[str, Scored],
    seed: int,
) -> PageData:
    entries = {entry.name: entry for entry in clips.entries}
    table = [row for job in jobs for row in scored[job.name].rows]
    plans = {name: load_checkpoint(path, expect=None).plan for name, path in models}
    names = list(dict.fromkeys(row.predictor for row in table))
    found = summaries(table, seed)
    shown = [name for name in HEADLINE if any(one.estimates[name].mean is not None for one in found)]
    return PageData(
        title="Does the movie show what the speaker did?",
        remarks=_remarks(clips, plans),
        models=tuple((name, _facts(plan)) for name, plan in plans.items()),
        corpus=_corpus(clips),
        measures=(
            *(Measure(one.name, one.title.rstrip(" ↑↓→01"), BETTER[one.name], one.digits) for one in MEASURES),
            *PARTS,
        ),
        predictors=tuple(
            Predictor(name, "model" if name in plans else "ceiling" if name == CEILING else "floor") for name in names
        ),
        conditions=tuple(_conditions(jobs, entries)),
        table=tuple(
            TableRow(one.condition, one.predictor, {name: value_of(one.estimates[name]) for name in shown})
            for one in found
        ),
        groups=groups(table, entries, jobs, scored, trained_phones(clips), seed),
        lags=tuple(_lags(clips, jobs, scored)),
        clips=tuple(_shown(clips, models[0], jobs, scored, entries)),
        notes=_notes(clips, plans),
    )


def _measure(one: scored_rows.Measure) -> Measure:
    return Measure(one.name, one.title.rstrip(" ↑↓→01"), BETTER[one.name], one.digits)


def _remarks(clips: Clips, plans: Mapping[str, Plan]) -> tuple[str, ...]:
    remarks = ["A generated movie shows what a network expects, not what was measured."]
    if any(plan.corpus and plan.corpus != clips.digest for plan in plans.values()):
        remarks.append(
            "Not every model was trained on these clips: which speakers and languages it has seen is told here by the "
            "training part of these clips, and may not hold for it."
        )
    return tuple(remarks)


def _notes(clips: Clips, plans: Mapping[str, Plan]) -> tuple[str, ...]:
    notes = [
        "Every clip is generated from its own first frame and speech; the first frame is not scored.",
        "Intervals hold the mean with a chance of 95 % (bootstrap over clips; over speakers too, from three on).",
        "Wrong speech is that of another recording, of the same speaker where there is one.",
        "The noise ceiling is what a prediction without noise would score, with noise estimated from the movie itself.",
    ]
    notes.append(f"Tract variables, closures and the tract error are measured in the pictures. {TRACKER}")
    if any("published" in plan.notes for plan in plans.values()):
        notes.append("Weights derived from Wav2Lip's published ones are for research and non-commercial use only.")
    if not clips.split("train"):
        notes.append("The folder holds no training clips: every speaker counts as unseen.")
    return tuple(notes)


def _facts(plan: Plan) -> tuple[tuple[str, str], ...]:
    network = plan.network
    facts = [
        ("network", f"{network.name}, width {network.width}"),
        ("recipe", plan.recipe),
        ("frames/s", f"{float(plan.rate):g}"),
        ("works on", f"{network.size} × {network.size} pixels"),
    ]
    return (
        *facts,
        *((name, plan.notes[name]) for name in ("clips", "seconds", "step", "licence") if name in plan.notes),
    )


def _corpus(clips: Clips) -> tuple[tuple[str, str], ...]:
    prepared = clips.prepared
    parts = ", ".join(f"{len(clips.split(part))} {part}" for part in ("train", "validation", "test"))
    speakers = sorted({entry.speaker for entry in clips.entries})
    languages = sorted({entry.language for entry in clips.entries} - {""})
    return (
        ("clips", f"{len(clips)} ({parts})"),
        ("speakers", f"{len(speakers)}: {', '.join(speakers[:16])}"),
        ("languages", ", ".join(languages) or "not named"),
        ("frames", f"{prepared.width} × {prepared.height} pixels at {float(prepared.rate):g} frames/s"),
        ("manifest", f"SHA-256 {clips.digest[:16]}…"),
    )


def _conditions(jobs: Sequence[Job], entries: Mapping[str, Entry]) -> list[Condition]:
    found = []
    for name in CONDITIONS:
        here = [entries[job.name] for job in jobs if job.condition == name]
        if here:
            found.append(Condition(name, "", len(here), len({entry.speaker for entry in here})))
    return found


def _lags(clips: Clips, jobs: Sequence[Job], scored: Mapping[str, Scored]) -> list[LagCurves]:
    """Average each predictor's lag curve over the clips of a condition."""
    step = 1000 / float(clips.prepared.rate)
    found = []
    for condition in CONDITIONS:
        curves: dict[str, list[tuple[float, ...]]] = {}
        for job in jobs:
            if job.condition == condition:
                for name, curve in scored[job.name].curves.items():
                    curves.setdefault(name, []).append(curve)
        means = []
        for name, some in curves.items():
            longest = max(map(len, some))
            mean = np.mean([curve for curve in some if len(curve) == longest], axis=0)
            lags = tuple((at - longest // 2) * step for at in range(longest))
            means.append(LagCurve(name, lags, tuple(round(float(value), 4) for value in mean)))
        if means:
            found.append(LagCurves(condition, tuple(means)))
    return found


def _shown(
    clips: Clips,
    model: tuple[str, Path],
    jobs: Sequence[Job],
    scored: Mapping[str, Scored],
    entries: Mapping[str, Entry],
) -> list[ShownClip]:
    """Choose the first model's worst, median and best clip."""
    name, path = model
    marks = {
        job.name: mark
        for job in jobs
        for row in scored[job.name].rows
        if row.predictor == name and (mark := row.scores.motion_correlation) is not None
    }
    order = sorted(marks, key=lambda clip: marks[clip])
    ranks: tuple[Rank, ...] = ("worst", "median", "best")
    places = dict.fromkeys([0, len(order) // 2, len(order) - 1]) if order else {}
    by_name = {job.name: job for job in jobs}
    shown = []
    for rank, at in zip(ranks if len(places) == len(ranks) else ranks[::2], places, strict=False):
        job, entry = by_name[order[at]], entries[order[at]]
        true = np.array(clips.frames(entry))
        made = generated(job, path, job.name)
        grid = labels_of_clip(clips, entry)
        tiers = [Tier(tier.name, _intervals(tier)) for tier in grid.tiers if isinstance(tier, TextTier)] if grid else []
        words = next((tier for tier in tiers if tier.name == "words"), None)
        shown.append(
            ShownClip(
                name=job.name,
                speaker=entry.speaker,
                language=entry.language,
                text=" ".join(label for _, _, label in words.intervals if label) if words else "",
                condition=job.condition,
                predictor=name,
                rank=rank,
                ranked_by=RANKED_BY,
                true=grey_movie(true),
                generated=grey_movie(made),
                rate=clips.prepared.rate,
                speech=np.array(clips.speech(entry)),
                scores={
                    row.predictor: {one.name: row.scores.value(one) for one in MEASURES}
                    for row in scored[job.name].rows
                },
                tiers=tuple(tiers),
                lines=tuple(_lines(true)),
            )
        )
    return shown


def _intervals(tier: TextTier) -> tuple[tuple[float, float, str], ...]:
    return tuple((float(one.start), float(one.end), one.text) for one in tier.intervals)


def _lines(true: NDArray[np.uint8]) -> list[tuple[str, Line]]:
    """Lay the kymographs' lines across lips, tongue and velum, each the middle gridline of its kind."""
    grid = place_grid(grey_movie(true), 1.0)
    height, width = true.shape[1:3]
    found = []
    for name, kind in _KYMOGRAPHS:
        numbers = grid.lines(kind)
        if not len(numbers):
            continue
        start, step = grid.starts[numbers[len(numbers) // 2]], grid.directions[numbers[len(numbers) // 2]]
        first, last = start - 8 * step, start + 40 * step
        (x0, y0), (x1, y1) = (
            (float(np.clip(point[0], 0, width - 1)), float(np.clip(point[1], 0, height - 1))) for point in (first, last)
        )
        found.append((name, Line(round(x0, 1), round(y0, 1), round(x1, 1), round(y1, 1))))
    return found
