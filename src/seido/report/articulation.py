"""What one clip's movie says of each articulator: tract variables, regions, closures, and errors phone by phone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.corpus.textgrid import Interval
from seido.errors import BadInputError
from seido.scores.articulation_files import write_closures, write_series
from seido.scores.articulators import ArticulatorRegions, region_agreement, suggest_regions
from seido.scores.closures import THRESHOLDS, closure_timing, closures
from seido.scores.gridlines import Grid, place_grid
from seido.scores.phones import frame_errors, phone_segments
from seido.scores.tract import VARIABLES, series_error, tract_variables

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Ground:
    """What is laid on the true movie once, for every predictor alike."""

    grid: Grid
    regions: ArticulatorRegions
    true_variables: NDArray[np.float64]
    phones: tuple[Interval, ...]


@dataclass(frozen=True)
class Articulation:
    """A clip under one predictor; lengths in mm where the pixel spacing is known, else in pixels."""

    tract: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """Tract variable → median difference, RMSE, correlation, lag in ms."""
    regions: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """Articulator's region → the same, of its brightness."""
    closures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Tract variable → closures matched, missed, false, and the matched ones' errors in ms."""
    phones: tuple[Mapping[str, Any], ...] = ()
    """Each phone: symbol, frames, and the means of its frames' errors."""
    error: float | None = None
    """The headline: see scores.tract.TractError."""


def ground(true: Frames, spacing: float, phones: Iterable[Interval]) -> Ground | None:
    """Lay gridlines and regions on a true movie; None when nothing moves in it."""
    try:
        grid = place_grid(true, spacing)
        return Ground(grid, suggest_regions(true), tract_variables(true, grid), tuple(phones))
    except BadInputError:
        return None


def measured_again(on: Ground, true: Frames) -> Ground:
    """Measure another true movie on the same lines and regions."""
    return replace(on, true_variables=tract_variables(true, on.grid))


def articulate(true: Frames, made: Frames, rate: Fraction, on: Ground) -> Articulation:
    """Measure a movie against the true one, uint8 (T, H, W) each, which `on` was laid on."""
    variables = tract_variables(made, on.grid)
    found = series_error(on.true_variables, variables, rate)
    regions = region_agreement(true, made, rate, on.regions)
    events: dict[str, dict[str, Any]] = {}
    for name, (below, above) in THRESHOLDS.items():
        column = list(VARIABLES).index(name)
        one, two = (closures(series[:, column], rate, below, above) for series in (on.true_variables, variables))
        timing = closure_timing(one, two)
        events[name] = {
            "matched": len(timing.matched),
            "missed": len(timing.missed),
            "false": len(timing.false),
            "errors_ms": [round(error, 1) for error in timing.errors_ms],
        }
    errors = frame_errors(true, made)
    segments = phone_segments(errors, on.phones, rate) if on.phones else ()
    return Articulation(
        tract={name: _rounded(one._asdict()) for name, one in found.variables.items()},
        regions={name: _rounded(one._asdict()) for name, one in regions.items()},
        closures=events,
        phones=tuple({"phone": one.phone, "frames": one.frames, "values": dict(one.values)} for one in segments),
        error=round(found.tract_error_mm, 4),
    )


def write_articulation(stem: Path, true: Frames, made: Frames, rate: Fraction, spacing: float | None) -> list[Path]:
    """Write STEM.tract.csv (tract variables over time, true and generated) and STEM.closures.TextGrid; returns both.

    Nothing is written, and nothing returned, where nothing moves in the true movie. Praat, R and pandas read them.
    """
    on = ground(true, spacing or 1.0, ())
    if on is None:
        return []
    variables = tract_variables(made, on.grid)
    unit = "px" if spacing is None else "mm"
    columns = [f"{whose}_{name}_{unit}" for whose in ("true", "generated") for name in VARIABLES]
    table, grid = (stem.with_name(f"{stem.name}.{end}") for end in ("tract.csv", "closures.TextGrid"))
    write_series(table, columns, np.concatenate([on.true_variables, variables], axis=1), rate)
    events = {
        f"{whose} {name}": closures(series[:, list(VARIABLES).index(name)], rate, *limits)
        for whose, series in (("true", on.true_variables), ("generated", variables))
        for name, limits in THRESHOLDS.items()
    }
    write_closures(grid, events, float(len(true) / rate))
    return [table, grid]


def _rounded(values: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 4) for name, value in values.items()}
