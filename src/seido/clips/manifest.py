"""What prepare tells people: a Parquet table of all clips, and a report of what was done and left out."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from seido.clips.facts import Facts
from seido.clips.leakage import Compared
from seido.clips.store import Clips
from seido.files import write_bytes

TABLE = "manifest.parquet"
REPORT = "report"
_COLUMNS: dict[str, pl.DataType] = {
    "name": pl.String(),
    "split": pl.String(),
    "speaker": pl.String(),
    "language": pl.String(),
    "session": pl.String(),
    "recording": pl.String(),
    "text": pl.String(),
    "source": pl.String(),
    "source_speech": pl.String(),
    "source_sha256": pl.String(),
    "source_rate": pl.Float64(),
    "start": pl.Float64(),
    "end": pl.Float64(),
    "rate": pl.Float64(),
    "frames": pl.Int64(),
    "region": pl.String(),
    "lag": pl.Float64(),
    "lag_uncertainty": pl.Float64(),
    "lag_doubtful": pl.String(),
    "lag_corrected": pl.Float64(),
    "snr": pl.Float64(),
    "hash": pl.String(),
}


def write_table(clips: Clips, facts: Mapping[str, Facts]) -> None:
    """Write `manifest.parquet`: a row a clip, in the order of manifest.jsonl; times in seconds, SNR in dB."""
    rows: list[list[Any]] = []
    rate = clips.prepared.rate
    for entry in clips.entries:
        known = facts[entry.recording]
        number = int(entry.name.rpartition("-")[2])
        rows.append(
            [
                *(entry.name, entry.split, entry.speaker, entry.language, known.session, entry.recording, known.text),
                *(known.movie, known.speech, known.sha256, float(known.source_rate)),
                *(float(entry.start), float(entry.start + entry.frames / rate), float(rate), entry.frames),
                *(known.region, known.lag_seconds, known.lag_uncertainty, known.lag_doubtful),
                *(known.corrected_seconds, known.snr_db, known.hashes[number]),
            ]
        )
    buffer = io.BytesIO()
    pl.DataFrame(rows, schema=_COLUMNS, orient="row").write_parquet(buffer)
    write_bytes(clips.root / TABLE, buffer.getvalue())


def write_report(
    out: Path, source: Path, facts: Sequence[Facts], problems: Sequence[str], leakage: Sequence[Compared]
) -> None:
    """Write `report.json` and `report.md`: every recording, what was left out and why, and what was compared."""
    told: dict[str, Any] = {
        "recordings": [_row(one) for one in facts],
        "left_out": list(problems),
        "leakage": [{"told": one.sentence(), "leaks": one.leaks} for one in leakage],
    }
    write_bytes(out / f"{REPORT}.json", (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())
    lines = [f"# Clips prepared from {source.name}", "", f"{len(facts)} recordings prepared."]
    if problems:
        lines += ["", "## Left out", "", *(f"- {problem}" for problem in problems)]
    lines += ["", "## Between the parts", "", *(f"- {'**leak** ' * one.leaks}{one.sentence()}" for one in leakage)]
    doubtful = [one for one in facts if one.lag_doubtful]
    if doubtful:
        lines += [
            "",
            "## Lag between speech and picture is doubtful",
            "",
            *(f"- {one.recording}: {one.lag_doubtful}" for one in doubtful),
        ]
    header = ("recording", "speaker", "s", "clips", "lag ms", "SNR dB")
    lines += ["", "## Recordings", "", _line(header), _line(["---"] * len(header))]
    lines += [_line([row[name] for name in row if name in _SHOWN]) for row in map(_row, facts)]
    write_bytes(out / f"{REPORT}.md", ("\n".join(lines) + "\n").encode())


_SHOWN = ("recording", "speaker", "seconds", "clips", "lag", "snr_db")


def _row(facts: Facts) -> dict[str, Any]:
    picture = float(facts.source_frames / facts.source_rate)
    lag, uncertainty = facts.lag_seconds, facts.lag_uncertainty
    milliseconds = "–" if lag is None or uncertainty is None else f"{1000 * lag:.0f} ± {1000 * uncertainty:.0f}"
    return {
        "recording": facts.recording,
        "speaker": facts.speaker,
        "seconds": round(min(picture, facts.speech_seconds), 2),
        "clips": len(facts.edges) - 1,
        "lag": milliseconds + " ?" * bool(facts.lag_doubtful),
        "snr_db": facts.snr_db,
        "picture_seconds": round(picture, 3),
        "speech_seconds": round(facts.speech_seconds, 3),
        "rate": float(facts.source_rate),
        "lag_doubtful": facts.lag_doubtful,
        "lag_corrected_seconds": facts.corrected_seconds,
    }


def _line(cells: Sequence[object]) -> str:
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |"
