"""Sum up rows of scores: means over clips with their intervals, as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from statistics import fmean
from typing import Any

from seido.errors import BadInputError
from seido.scores.bootstrap import COVERAGE, RESAMPLES, Estimate, difference, estimate, over_speakers
from seido.scores.rows import FIRST_SCORED, MEASURES, Measure, Row, Scores
from seido.scores.tracker_error import PHANTOM_ERROR

__all__ = [
    "COVERAGE", "RESAMPLES", "Estimate", "Summary", "differences", "estimate", "summaries", "summarise",
    "table_markdown", "to_csv", "to_json",
]  # fmt: skip


@dataclass(frozen=True)
class Summary:
    """What a condition's clips come to under one predictor, an estimate for each measure's name."""

    predictor: str
    condition: str
    clips: int
    estimates: dict[str, Estimate]
    over: str = "clips"
    """What the intervals are over: clips, or speakers and clips."""


def summarise(scores: Sequence[Scores], seed: int = 0, speakers: Sequence[str] | None = None) -> dict[str, Estimate]:
    """Estimate every measure's mean over clips, by its name; each clip counts once, however long.

    With the speaker of each clip, intervals are over speakers and clips where there are three speakers or more.
    """
    return {measure.name: estimate([one.value(measure) for one in scores], seed, speakers) for measure in MEASURES}


def summaries(table: Sequence[Row], seed: int = 0) -> tuple[Summary, ...]:
    """Sum up each predictor under each condition, in the order they first appear."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in table:
        groups.setdefault((row.condition, row.predictor), []).append(row)
    found = []
    for (condition, predictor), rows in groups.items():
        speakers = [row.speaker for row in rows]
        estimates = summarise([row.scores for row in rows], seed, speakers)
        over = "speakers and clips" if over_speakers(speakers) else "clips"
        found.append(Summary(predictor, condition, len(rows), estimates, over))
    return tuple(found)


def differences(
    table: Sequence[Row], first: str, second: str, condition: str | None = None, seed: int = 0
) -> dict[str, Estimate]:
    """Estimate, for every measure's name, the mean of first − second over the clips that both predictors have.

    Paired, clip by clip: see `seido.scores.bootstrap.difference`. Without a condition all are taken together. Raises
    BadInputError when no clip has both predictors.
    """
    chosen = [row for row in table if condition is None or row.condition == condition]
    ones, others = (
        {(row.condition, row.clip): row for row in chosen if row.predictor == name} for name in (first, second)
    )
    both = [clip for clip in ones if clip in others]
    if not both:
        raise BadInputError(f"no clip was scored under both {first!r} and {second!r}; name two predictors of the table")
    speakers = [ones[clip].speaker for clip in both]
    return {
        measure.name: difference(
            [ones[clip].scores.value(measure) for clip in both],
            [others[clip].scores.value(measure) for clip in both],
            seed,
            speakers,
        )
        for measure in MEASURES
    }


def to_json(table: Sequence[Row], seed: int = 0) -> str:
    """Write rows and summaries as JSON; what is undefined is null."""
    content: dict[str, Any] = {
        "first_scored_frame": FIRST_SCORED,
        "interval": {"coverage": COVERAGE, "resamples": RESAMPLES, "seed": seed},
        "rows": [asdict(row) for row in table],
        "summaries": [asdict(summary) for summary in summaries(table, seed)],
    }
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def to_csv(table: Sequence[Row]) -> str:
    """Write a line a row, RFC 4180 with line feeds; what is undefined is empty."""
    names = [field.name for field in fields(Scores)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["clip", "speaker", "condition", "predictor", *names])
    for row in table:
        values = [getattr(row.scores, name) for name in names]
        told = ("" if value is None else value for value in values)
        writer.writerow([row.clip, row.speaker, row.condition, row.predictor, *told])
    return text.getvalue()


def table_markdown(table: Sequence[Row], seed: int = 0) -> str:
    """Write the summaries as a Markdown table that also reads well as plain text: mean [95 % interval]."""
    found = summaries(table, seed)
    measures = _shown(found)
    head = ["condition", "predictor", "clips", *(measure.title for measure in measures)]
    body = [
        [
            summary.condition or "all",
            summary.predictor,
            str(summary.clips),
            *(_cell(summary.estimates[measure.name], measure.digits, summary.clips) for measure in measures),
        ]
        for summary in found
    ]
    widths = [max(len(line[column]) for line in [head, *body]) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *body]
    text = "".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |\n"
        for line in lines
    )
    over = " or ".join(dict.fromkeys(f"the {summary.over}" for summary in found)) or "the clips"
    notes = [f"Mean over clips [95 % bootstrap interval, {RESAMPLES} resamples of {over}]; frame 0 is not scored."]
    if any(measure.name == "tract_error_mm" for measure in measures):
        own = fmean(one.without_bias_mm for name, one in PHANTOM_ERROR.items() if name != "TBCL")
        notes.append(
            f"The tracker of tract variables has an error of its own: {own:.2f} mm on the phantom, bias taken out."
        )
    if any(summary.clips == 1 for summary in found):
        notes.append("One clip alone has no interval.")
    if any(summary.estimates[measure.name].clips < summary.clips for summary in found for measure in measures):
        notes.append("– is undefined; (n) counts the clips where a measure is defined, if not all.")
    return text + "\n" + " ".join(notes) + "\n"


def _shown(found: Sequence[Summary]) -> list[Measure]:
    """Leave out tract error where nobody has measured it."""
    return [
        measure
        for measure in MEASURES
        if measure.name != "tract_error_mm" or any(one.estimates[measure.name].clips for one in found)
    ]


def _cell(part: Estimate, digits: int, clips: int) -> str:
    if part.mean is None:
        return "–"
    text = f"{part.mean:.{digits}f}"
    if part.low is not None and part.high is not None:
        text += f" [{part.low:.{digits}f}, {part.high:.{digits}f}]"
    return text if part.clips == clips else f"{text} ({part.clips})"
