"""Sum up rows of scores: means over clips with their intervals, as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from seido.scores.rows import FIRST_SCORED, MEASURES, Row, Scores

RESAMPLES = 2000
COVERAGE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over clips and its 95 % interval; None without clips where it is defined, or, the interval, with one."""

    mean: float | None
    low: float | None
    high: float | None
    clips: int


@dataclass(frozen=True)
class Summary:
    """What a condition's clips come to under one predictor, an estimate for each measure's name."""

    predictor: str
    condition: str
    clips: int
    estimates: dict[str, Estimate]


def estimate(values: Sequence[float | None], seed: int = 0) -> Estimate:
    """Average over clips, with the percentile bootstrap's 95 % interval (Efron 1979): 2000 resamples of the clips.

    Undefined values (None) are left out and not counted. The same seed and number of clips draw the same
    resamples, whatever the measure.

    >>> estimate([0.5, None]), estimate([0.25, 0.5, 0.75])
    (Estimate(mean=0.5, low=None, high=None, clips=1), Estimate(mean=0.5, low=0.25, high=0.75, clips=3))
    """
    defined = np.array([value for value in values if value is not None])
    if not len(defined):
        return Estimate(None, None, None, 0)
    mean = float(defined.mean())
    if len(defined) == 1:
        return Estimate(mean, None, None, 1)
    drawn = np.random.default_rng(seed).integers(0, len(defined), (RESAMPLES, len(defined)))
    tail = 100 * (1 - COVERAGE) / 2
    low, high = np.percentile(defined[drawn].mean(axis=1), [tail, 100 - tail])
    return Estimate(mean, float(low), float(high), len(defined))


def summarise(scores: Sequence[Scores], seed: int = 0) -> dict[str, Estimate]:
    """Estimate every measure's mean over clips, by its name; each clip counts once, however long."""
    return {measure.name: estimate([one.value(measure) for one in scores], seed) for measure in MEASURES}


def summaries(table: Sequence[Row], seed: int = 0) -> tuple[Summary, ...]:
    """Sum up each predictor under each condition, in the order they first appear."""
    groups: dict[tuple[str, str], list[Scores]] = {}
    for row in table:
        groups.setdefault((row.condition, row.predictor), []).append(row.scores)
    return tuple(
        Summary(predictor, condition, len(scores), summarise(scores, seed))
        for (condition, predictor), scores in groups.items()
    )


def to_json(table: Sequence[Row], seed: int = 0) -> str:
    """Write rows and summaries as JSON; what is undefined is null."""
    content: dict[str, Any] = {
        "first_scored_frame": FIRST_SCORED,
        "interval": {"coverage": COVERAGE, "resamples": RESAMPLES, "seed": seed, "over": "clips"},
        "rows": [asdict(row) for row in table],
        "summaries": [asdict(summary) for summary in summaries(table, seed)],
    }
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def to_csv(table: Sequence[Row]) -> str:
    """Write a line a row, RFC 4180 with line feeds; what is undefined is empty."""
    names = [field.name for field in fields(Scores)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["clip", "condition", "predictor", *names])
    for row in table:
        values = [getattr(row.scores, name) for name in names]
        writer.writerow([row.clip, row.condition, row.predictor, *("" if value is None else value for value in values)])
    return text.getvalue()


def table_markdown(table: Sequence[Row], seed: int = 0) -> str:
    """Write the summaries as a Markdown table that also reads well as plain text: mean [95 % interval]."""
    found = summaries(table, seed)
    head = ["condition", "predictor", "clips", *(measure.title for measure in MEASURES)]
    body = [
        [
            summary.condition or "all",
            summary.predictor,
            str(summary.clips),
            *(_cell(summary.estimates[measure.name], measure.digits, summary.clips) for measure in MEASURES),
        ]
        for summary in found
    ]
    widths = [max(len(line[column]) for line in [head, *body]) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *body]
    text = "".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |\n"
        for line in lines
    )
    notes = [f"Mean over clips [95 % bootstrap interval, {RESAMPLES} resamples of the clips]; frame 0 is not scored."]
    if any(summary.clips == 1 for summary in found):
        notes.append("One clip alone has no interval.")
    if any(part.clips < summary.clips for summary in found for part in summary.estimates.values()):
        notes.append("– is undefined; (n) counts the clips where a measure is defined, if not all.")
    return text + "\n" + " ".join(notes) + "\n"


def _cell(part: Estimate, digits: int, clips: int) -> str:
    if part.mean is None:
        return "–"
    text = f"{part.mean:.{digits}f}"
    if part.low is not None and part.high is not None:
        text += f" [{part.low:.{digits}f}, {part.high:.{digits}f}]"
    return text if part.clips == clips else f"{text} ({part.clips})"
