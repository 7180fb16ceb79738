"""The page's figures as JSON and CSV, for R, pandas and spreadsheets; what is undefined is null or empty."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from seido.report.page.data import PageData, ShownClip

ESTIMATE = ("mean", "low", "high", "n")


def to_json(data: PageData) -> str:
    """Write everything but pictures and sound as one JSON object."""
    content: dict[str, Any] = {
        "title": data.title,
        "remarks": data.remarks,
        "models": [{"name": name, "facts": dict(pairs)} for name, pairs in data.models],
        "corpus": dict(data.corpus),
        "measures": [asdict(measure) for measure in data.measures],
        "predictors": [asdict(predictor) for predictor in data.predictors],
        "conditions": [asdict(condition) for condition in data.conditions],
        "table": [
            {"condition": row.condition, "predictor": row.predictor, "values": _values(row.values)}
            for row in data.table
        ],
        "published": [asdict(table) for table in data.published],
        "groups": [
            {
                "title": group.title,
                "measure": group.measure,
                "condition": group.condition,
                "note": group.note,
                "rows": [{"label": label, "values": _values(values)} for label, values in group.rows],
            }
            for group in data.groups
        ],
        "lags": [{"condition": one.condition, "curves": [asdict(curve) for curve in one.curves]} for one in data.lags],
        "clips": [_clip(clip) for clip in data.clips],
        "notes": data.notes,
    }
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def tables_csv(data: PageData) -> dict[str, str]:
    """Write the tables in long form, a line a figure: file names and RFC 4180 texts with line feeds.

    headline.csv always; groups.csv, lags.csv and clips.csv where there is something in them.
    """
    tables = {
        "headline.csv": _csv(
            ("condition", "predictor", "measure", *ESTIMATE),
            (
                (row.condition, row.predictor, name, value.mean, value.low, value.high, value.n)
                for row in data.table
                for name, value in row.values.items()
            ),
        ),
        "groups.csv": _csv(
            ("by", "condition", "label", "predictor", "measure", *ESTIMATE),
            (
                (group.title, group.condition, label, name, group.measure, value.mean, value.low, value.high, value.n)
                for group in data.groups
                for label, values in group.rows
                for name, value in values.items()
            ),
        ),
        "lags.csv": _csv(
            ("condition", "predictor", "lag_ms", "correlation"),
            (
                (one.condition, curve.predictor, lag, value)
                for one in data.lags
                for curve in one.curves
                for lag, value in zip(curve.lags_ms, curve.correlations, strict=True)
            ),
        ),
        "clips.csv": _csv(
            ("clip", "speaker", "language", "condition", "rank", "ranked_by", "predictor", "measure", "value"),
            (
                (
                    clip.name,
                    clip.speaker,
                    clip.language,
                    clip.condition,
                    clip.rank,
                    clip.ranked_by,
                    predictor,
                    name,
                    value,
                )
                for clip in data.clips
                for predictor, row in clip.scores.items()
                for name, value in row.items()
            ),
        ),
    }
    return {name: text for name, text in tables.items() if text.count("\n") > 1 or name == "headline.csv"}


def _values(values: Any) -> dict[str, Any]:  # noqa: ANN401
    return {name: asdict(value) for name, value in values.items()}


def _clip(clip: ShownClip) -> dict[str, Any]:
    return {
        "name": clip.name,
        "speaker": clip.speaker,
        "language": clip.language,
        "text": clip.text,
        "condition": clip.condition,
        "predictor": clip.predictor,
        "rank": clip.rank,
        "ranked_by": clip.ranked_by,
        "rate": str(clip.rate),
        "frames": len(clip.true),
        "scores": {predictor: dict(row) for predictor, row in clip.scores.items()},
        "tiers": [asdict(tier) for tier in clip.tiers],
        "lines": [{"name": name, **asdict(line)} for name, line in clip.lines],
    }


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
    return text.getvalue()
