"""How training shows itself: a bar that moves with every step, and a line for every validation."""

from __future__ import annotations

from collections.abc import Callable

from seido.cli.progress import Report
from seido.training.ending import Progress
from seido.training.history import Row


def showing(report: Report, say: Callable[[str], None]) -> Callable[[Progress], None]:
    """Make what `train` calls as it goes."""

    def show(progress: Progress) -> None:
        loss = "" if progress.train_loss is None else f", loss {progress.train_loss:.4f}"
        report(f"training{loss}", progress.step, progress.steps)
        if progress.row is not None:
            say(describe_validation(progress.row))

    return show


def describe_validation(row: Row) -> str:
    """Say in one line how a validation came out.

    >>> describe_validation(Row(100, 0.02, 0.0251, 0.04, 1e-3, 51.2))
    '  step 100: training loss 0.0200, validation loss 0.0251 (trivial 0.0400), 51 frames/s'
    """
    train_loss = "–" if row.train_loss is None else f"{row.train_loss:.4f}"
    speed = "" if row.frames_per_second is None else f", {row.frames_per_second:.0f} frames/s"
    return (
        f"  step {row.step}: training loss {train_loss}, validation loss {row.validation_loss:.4f} "
        f"(trivial {row.trivial_loss:.4f}){speed}"
    )
