"""What `seido inspect` prints: a corpus in a screenful, or everything as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction

from seido.corpus.survey import Row, Survey
from seido.corpus.traps import plain

_SHOWN = 20
"""Problems printed unless all are asked for."""
_SPEAKERS = 40
_KINDS = 8


def as_json(survey: Survey) -> str:
    """Write a survey as JSON, one object."""
    return json.dumps(survey.as_json(), ensure_ascii=False, indent=1)


def describe(survey: Survey, *, everything: bool = False) -> Iterator[str]:
    """Say what a corpus holds, line by line."""
    rows = survey.rows
    minutes = sum(row.seconds for row in rows) / 60
    unusable = len(rows) - len(survey.usable)
    yield f"{survey.root}: format {survey.format}, {_some(len(rows), 'recording')}, {minutes:.1f} min" + (
        f", {unusable} of them without speech" if unusable else ""
    )
    if rows:
        yield from _facts(rows)
        yield from _speakers(rows)
    yield from (f"note: {note}" for note in survey.notes)
    if not survey.problems:
        yield f"nothing wrong was found (headers of all, the beginning of {survey.looked_at} looked at)"
        return
    yield f"{_some(len(survey.problems), 'problem')} (headers of all, the beginning of {survey.looked_at} looked at):"
    shown = survey.problems if everything else survey.problems[:_SHOWN]
    yield from (f"  {problem}" for problem in shown)
    if len(shown) < len(survey.problems):
        yield f"  … and {len(survey.problems) - len(shown)} more; --all shows them"


def _facts(rows: tuple[Row, ...]) -> Iterator[str]:
    depths = Counter(row.depth for row in rows if row.depth != "8 bit")
    yield (
        "picture: "
        + _counted(f"{row.width} × {row.height} pixels" for row in rows)
        + (f"; {_counted(depths.elements())}" if depths else "")
    )
    yield "frames/s: " + _counted(_rate(row) for row in rows)
    heard = [row for row in rows if row.sound_rate]
    if heard:
        yield "sound: " + _counted(f"{row.sound_rate} Hz, {_channels(row.channels)}" for row in heard)
    languages = [row.language for row in rows if row.language]
    if languages:
        yield "languages: " + _counted(languages)
    labelled = [row for row in rows if row.labels]
    contoured = sum(row.contours for row in rows)
    told = []
    if labelled:
        phones, words = sum(row.phones for row in rows), sum(row.words for row in rows)
        told.append(f"{phones} phones and {words} words in {_some(len(labelled), 'recording')}")
    if contoured:
        told.append(f"contours of {_some(contoured, 'recording')}")
    yield "annotations: " + ("; ".join(told) or "none")


def _speakers(rows: tuple[Row, ...]) -> Iterator[str]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.speaker, []).append(row)
    yield f"{_some(len(groups), 'speaker')}:"
    width = max(len(name) for name in groups)
    for speaker, group in list(groups.items())[:_SPEAKERS]:
        minutes = sum(row.seconds for row in group) / 60
        sessions = len({row.session for row in group if row.session})
        parts = [_some(len(group), "recording"), f"{minutes:.1f} min", f"{_rates(group)} frames/s"]
        parts += [_some(sessions, "session")] if sessions else []
        spoken = sorted({row.language for row in group if row.language})
        parts += [" ".join(spoken)] if spoken else []
        yield f"  {speaker:<{width}}  {', '.join(parts)}"
    if len(groups) > _SPEAKERS:
        yield f"  … and {len(groups) - _SPEAKERS} more"


def _rate(row: Row) -> str:
    rate = Fraction(row.rate)
    return plain(rate) if rate.denominator == 1 or Fraction(plain(rate)) == rate else f"{plain(rate)} ({rate})"


def _rates(group: list[Row]) -> str:
    return ", ".join(sorted({plain(Fraction(row.rate)) for row in group}))


def _counted(values: Iterable[str]) -> str:
    counts = Counter(values)
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{value} ({count})" for value, count in counts.most_common(8)) + (
        "; …" if len(counts) > 8 else ""
    )


def _channels(count: int | None) -> str:
    return {1: "mono", 2: "stereo"}.get(count or 0, f"{count} channels")


def _some(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
