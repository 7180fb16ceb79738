"""`seido experiment`: from one file to a page that compares everything in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from seido.cli.codes import DONE, SOME_LEFT_OUT, STOPPED
from seido.cli.progress import bar
from seido.report.experiment.conduct import ExperimentOptions, conduct


def experiment_verb(
    file: Path,
    *,
    out: Path | None = None,
    options: Annotated[
        ExperimentOptions | None, Parameter(name="*", negative_iterable="", consume_multiple=True)
    ] = None,
    workers: int | None = None,
) -> int:
    """Train every arm of a file with every seed, score all on the same clips, and write the page that compares them.

    Broken off, the same command goes on where it stopped.

    Parameters
    ----------
    file
        TOML file of the experiment; docs/experiment.md tells what stands in it.
    out
        Folder for runs, scores and the page; FILE's name without its ending, here, unless given.
    workers
        Processes that score; one a core unless given.

    """
    console = Console(highlight=False, soft_wrap=True)

    def say(line: str) -> None:
        console.print(line, markup=False, emoji=False)

    folder = out or Path(file.stem)
    with bar("") as report:
        found = conduct(file, folder, options, workers=workers, report=report, say=say)
    if found.interrupted or found.late:
        why = "Interrupted" if found.interrupted else "The time is up"
        say(f"{why}: {found.done} of {found.runs} runs are done; the same command goes on.")
    for place in found.failed:
        say(f"{place}: its loss was no longer a finite number; the page tells more")
    for path in found.files:
        say(str(path))
    if found.interrupted:
        return STOPPED
    return SOME_LEFT_OUT if found.failed else DONE
