"""Articulation on disk: regions as TOML, series as CSV, closures as TextGrid, for Praat, R and pandas."""

from __future__ import annotations

import csv
import io
import math
import tomllib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seido.corpus.textgrid import Interval, TextGrid, Tier, write_textgrid
from seido.errors import BadInputError
from seido.files import require_file, write_bytes
from seido.scores.articulators import ArticulatorRegions
from seido.scores.closures import Closure
from seido.values import Region

_CLOSED = "closed"


def write_regions(path: Path, regions: ArticulatorRegions) -> None:
    """Write regions as TOML, to be changed by hand: [regions] and NAME = "X,Y,W,H" in pixels. Raises OutputError."""
    lines = ["[regions]", *(f'{name} = "{region}"' for name, region in regions.regions.items())]
    write_bytes(path, ("\n".join(lines) + "\n").encode())


def read_regions(path: Path) -> ArticulatorRegions:
    """Read what `write_regions` wrote, or a person did; raises BadInputError naming the file."""
    try:
        table = tomllib.loads(require_file(path).read_text(encoding="utf-8"))["regions"]
        texts = {str(name): str(text) for name, text in table.items()}
    except (ValueError, KeyError, AttributeError):
        raise BadInputError(f'{path}: it should hold a table [regions] with lines NAME = "X,Y,W,H"') from None
    try:
        return ArticulatorRegions({name: Region.parse(text) for name, text in texts.items()})
    except BadInputError as error:
        raise BadInputError(f"{path}: {error}") from error


def write_series(path: Path, columns: Sequence[str], series: NDArray[np.float64], rate: Fraction | float) -> None:
    """Write series as CSV: a row a frame, `time_s` (the frame's middle) first, then a column each.

    Parameters
    ----------
    path
        File to write.
    columns
        Names, such as those of `tract.VARIABLES`.
    series
        float64 (T, columns); NaN becomes an empty field.
    rate
        Frames per second.

    Raises BadInputError when names and columns differ in number, OutputError when it cannot be written.

    """
    if series.ndim != 2 or series.shape[1] != len(columns):
        raise BadInputError(f"series of shape {series.shape} do not fit {len(columns)} columns; give a name for each")
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["time_s", *columns])
    for frame, row in enumerate(series.tolist()):
        fields = [f"{value:.6g}" if math.isfinite(value) else "" for value in row]
        writer.writerow([f"{(frame + 0.5) / float(rate):.6f}", *fields])
    write_bytes(path, table.getvalue().encode())


def closure_grid(closures: Mapping[str, Sequence[Closure]], seconds: float) -> TextGrid:
    """Make a TextGrid with a tier for each name, such as "LA true", and an interval "closed" for each closure.

    What began before the movie begins at 0, what lasts beyond it ends at `seconds`. Raises BadInputError when a
    closure lies outside or two overlap.
    """
    return TextGrid(seconds, tuple(_tier(name, found, seconds) for name, found in closures.items()))


def write_closures(path: Path, closures: Mapping[str, Sequence[Closure]], seconds: float) -> None:
    """Write `closure_grid` as Praat does; raises BadInputError, OutputError."""
    write_textgrid(path, closure_grid(closures, seconds))


def _tier(name: str, closures: Sequence[Closure], seconds: float) -> Tier:
    spans = [
        (0.0 if one.closes is None else round(one.closes, 6), seconds if one.opens is None else round(one.opens, 6))
        for one in closures
    ]
    return Tier(name, tuple(Interval(start, end, _CLOSED) for start, end in spans if start < end))
