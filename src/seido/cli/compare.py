"""`seido compare`: what two movies' likeness comes to, as a table or as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from seido.report.compare import CompareOptions, compare_movies
from seido.scores.table import table_markdown


def compare_verb(
    true: Path,
    generated: Path,
    *,
    options: Annotated[CompareOptions | None, Parameter(name="*")] = None,
    out: Path | None = None,
    json: bool = False,
) -> None:
    """Score a movie against the true one, beside the true movie's first and mean frame held still.

    Parameters
    ----------
    true
        The true movie, with or without sound.
    generated
        The movie to score, of anyone's making.
    out
        Folder for the scores, the side-by-side movie, a picture of six moments and a kymograph.
    json
        Print one JSON object and nothing else.

    """
    found = compare_movies(true, generated, options, out)
    console = Console(highlight=False, soft_wrap=True)
    if json:
        console.print(found.as_json(), markup=False, emoji=False)
        return
    height, width = found.picture
    console.print(f"scored: {found.region} of {width} × {height} pixels", markup=False, emoji=False)
    console.print(table_markdown(found.table), markup=False, emoji=False)
    for line in (*(f"note: {note}" for note in found.notes), *map(str, found.files)):
        console.print(line, markup=False, emoji=False)
