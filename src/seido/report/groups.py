"""Figures by speaker, language, articulator, tract variable and sound: where a model does well, and where not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seido.clips.spoken import labels_of_clip
from seido.clips.store import Clips, Entry
from seido.corpus.textgrid import Tier
from seido.report.page.data import Grouped, Measure, Value
from seido.report.scoring import CEILING, PHONES, Job, Scored
from seido.scores.bootstrap import Estimate, estimate
from seido.scores.phones import phone_inventory, sound_of
from seido.scores.rows import Row
from seido.scores.table import summarise
from seido.scores.tracker_error import PHANTOM_ERROR
from seido.scores.tract import VARIABLES

PARTS = (
    Measure("region_correlation", "correlation of a region's brightness", "higher"),
    Measure("variable_correlation", "correlation of a tract variable", "higher"),
    Measure("closure_error", "closures, median error in ms", "lower", 0, "ms"),
    Measure("squared_error", "mean squared error × 1000", "lower", 2),
)
"""Measures of parts of a movie; the headline table has none of them."""
TRACKER = (
    "The tracker itself, where the truth is known (phantom, its bias taken out; correlation): "
    + ", ".join(f"{name} {one.without_bias_mm:g} mm ({one.correlation:g})" for name, one in PHANTOM_ERROR.items())
    + ". On real contours it was fit only where three landmarks had been pointed out to it."
)
"""What tract variables are worth, said wherever they are shown."""
_GROUPED = ("motion_correlation", "ssim")
_FEWEST = 3
"""Phones of a kind below which nothing is said of it."""


def groups(
    table: Sequence[Row],
    entries: Mapping[str, Entry],
    jobs: Sequence[Job],
    scored: Mapping[str, Scored],
    trained: frozenset[str],
    seed: int,
) -> tuple[Grouped, ...]:
    """Sum up clips by what they, their frames or their parts have in common."""
    return (
        *_by_clip("Speaker", table, lambda row: entries[row.clip].speaker, seed),
        *_by_clip("Language", table, lambda row: entries[row.clip].language or "not named", seed),
        *_by_part(jobs, scored, seed),
        *_closures(jobs, scored, seed),
        *_by_sound(jobs, scored, trained, seed),
    )


def trained_phones(clips: Clips) -> frozenset[str]:
    """List the phones that the training clips hold; none where phones are not known."""
    tiers = []
    for entry in clips.split("train"):
        grid = labels_of_clip(clips, entry)
        found = [tier for tier in grid.tiers if tier.name == PHONES and isinstance(tier, Tier)] if grid else []
        tiers += [tier.intervals for tier in found]
    return phone_inventory(tiers)


def value_of(found: Estimate) -> Value:
    """Turn an estimate into what the page shows."""
    return Value(found.mean, found.low, found.high, found.clips)


def _by_clip(title: str, table: Sequence[Row], key: Callable[[Row], str], seed: int) -> list[Grouped]:
    found: dict[str, dict[str, dict[str, Estimate]]] = {}
    for label in dict.fromkeys(map(key, table)):
        here = [row for row in table if key(row) == label]
        found[label] = {
            name: summarise([row.scores for row in here if row.predictor == name], seed)
            for name in dict.fromkeys(row.predictor for row in here)
        }
    return [
        Grouped(
            title,
            measure,
            tuple(
                (label, {name: value_of(estimates[measure]) for name, estimates in by_name.items()})
                for label, by_name in found.items()
            ),
        )
        for measure in _GROUPED
    ]


def _by_part(jobs: Sequence[Job], scored: Mapping[str, Scored], seed: int) -> list[Grouped]:
    """Average the correlations of regions and tract variables over clips."""
    found: list[Grouped] = []
    for title, measure, part in (
        ("Region", "region_correlation", "regions"),
        ("Tract variable", "variable_correlation", "tract"),
    ):
        values: dict[str, dict[str, list[float | None]]] = {}
        for job in jobs:
            for predictor, one in scored[job.name].articulation.items():
                parts: Mapping[str, Mapping[str, float | None]] = getattr(one, part)
                for name, agreement in parts.items():
                    label = name.replace("_", " ")
                    values.setdefault(label, {}).setdefault(predictor, []).append(agreement["correlation"])
        if values:
            told = "; ".join(f"{name}: {meant}" for name, meant in VARIABLES.items())
            note = f"{told}. {TRACKER}" if part == "tract" else ""
            found.append(Grouped(title, measure, _rows(values, seed), note=note))
    return found


def _closures(jobs: Sequence[Job], scored: Mapping[str, Scored], seed: int) -> list[Grouped]:
    errors: dict[str, dict[str, list[float | None]]] = {}
    lost: dict[tuple[str, str], list[int]] = {}
    for job in jobs:
        for predictor, one in scored[job.name].articulation.items():
            for name, events in one.closures.items():
                kept = errors.setdefault(name, {}).setdefault(predictor, [])
                kept += [abs(error) for error in events["errors_ms"]]
                counts = lost.setdefault((name, predictor), [0, 0, 0])
                for at, kind in enumerate(("matched", "missed", "false")):
                    counts[at] += events[kind]
    if not errors:
        return []
    told = [
        f"{name}, {predictor}: {counts[0]} matched, {counts[1]} missed, {counts[2]} false"
        for (name, predictor), counts in lost.items()
        if predictor != CEILING and any(counts)
    ]
    return [Grouped("Closure", "closure_error", _rows(errors, seed), note="; ".join(told))]


def _by_sound(jobs: Sequence[Job], scored: Mapping[str, Scored], trained: frozenset[str], seed: int) -> list[Grouped]:
    """Average the squared error of phones by manner, by place, by phone, and by whether training has heard them."""
    kinds: dict[str, Callable[[str], str]] = {
        "Manner": lambda phone: sound_of(phone).manner,
        "Place": lambda phone: sound_of(phone).place,
        "Phone": lambda phone: phone,
    }
    if trained:
        kinds["Sound in training"] = lambda phone: "heard" if phone in trained else "never heard"
    phones: list[tuple[str, Mapping[str, Any]]] = [
        (predictor, phone)
        for job in jobs
        for predictor, one in scored[job.name].articulation.items()
        if predictor != CEILING
        for phone in one.phones
    ]
    found = []
    for title, kind in kinds.items():
        values: dict[str, dict[str, list[float | None]]] = {}
        for predictor, phone in phones:
            error = 1000 * phone["values"]["squared_error"]
            values.setdefault(kind(phone["phone"]), {}).setdefault(predictor, []).append(error)
        kept = {
            name: values[name]
            for name in sorted(values)
            if max(len(errors) for errors in values[name].values()) >= _FEWEST
        }
        if kept:
            found.append(Grouped(title, "squared_error", _rows(kept, seed)))
    return found


def _rows(
    values: Mapping[str, Mapping[str, Sequence[float | None]]], seed: int
) -> tuple[tuple[str, dict[str, Value]], ...]:
    return tuple(
        (name, {predictor: value_of(estimate(some, seed)) for predictor, some in by_name.items()})
        for name, by_name in values.items()
    )
