"""`seido evaluate`: generate every held-out clip, score it beside the rows that need no training, and show it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from seido.clips.store import Clips
from seido.errors import BadInputError, OutputError
from seido.files import make_folder, sha256, write_bytes
from seido.models.checkpoint import load_checkpoint
from seido.models.registry import find_model
from seido.movie.writer import Sound, write_movie
from seido.report.articulation import write_articulation
from seido.report.choosing import other_speech, spaced
from seido.report.overview import write_overview
from seido.report.pictures import write_picture
from seido.report.scoring import Job, Scored, generated, grey_movie, score_clip
from seido.report.side_by_side import comparison_picture, side_by_side
from seido.scores.conditions import CONDITIONS, conditions
from seido.scores.rows import Row
from seido.scores.table import table_markdown, to_csv, to_json
from seido.timebase import SAMPLE_RATE
from seido.values import Region
from seido.workers import check_workers, each

SHOWN = 6
"""Moments in a comparison picture."""
_SETTINGS = "evaluation.json"


@dataclass(frozen=True)
class EvaluateOptions:
    """What is scored, and how."""

    split: str = "test"
    """Which part of the clips: train, validation or test."""
    region: str | None = None
    """Rectangle X,Y,W,H of the clips' frames that is scored; the whole clip frame unless given."""
    clips: int | None = None
    """Score only this many clips of each condition, evenly spaced; all unless given. The talk scored five."""
    movies: int = 5
    """How many side-by-side movies are written for each model, evenly spaced over the scored clips."""
    extras: bool = True
    """Score the nearest training frame, wrong speech and the noise ceiling too."""
    spacing: float | None = None
    """Millimetres of a pixel of the clips; tract variables then have an error in mm."""
    page: bool = True
    """Write the page, report.html."""
    seed: int = 0
    """Decides the bootstrap's resamples."""
    device: str = "auto"
    """cpu, cuda or auto."""

    def __post_init__(self) -> None:
        if self.region is not None:
            Region.parse(self.region)
        if self.clips is not None and self.clips < 1:
            raise BadInputError(f"--clips {self.clips}: score at least one clip")
        if self.spacing is not None and not 0 < self.spacing < math.inf:
            raise BadInputError(f"--spacing {self.spacing}: give the width of a clip's pixel in millimetres")
        if self.movies < 0:
            raise BadInputError(f"--movies {self.movies}: give 0 or more")


@dataclass(frozen=True)
class Evaluation:
    """The scores of every clip under every predictor, and the files written, in the order they are read."""

    table: tuple[Row, ...]
    markdown: str
    files: tuple[Path, ...]


Progress = Callable[[str, int, int], None]
"""Called with a clip's name, clips done and clips in all."""


def evaluate(
    models: str | Sequence[str],
    clips: Clips,
    out: Path,
    options: EvaluateOptions | None = None,
    progress: Progress = lambda *_: None,
    *,
    workers: int | None = 1,
) -> Evaluation:
    """Score models on prepared clips: each is generated from its own speech and first frame only.

    Writes scores.md, scores.csv, scores.json, report.html and, per shown clip, a movie original | generated |
    difference with the speech and a picture of six moments into the folder `out`. The mean frame is that of the
    speaker's other clips, training clips where there are any. A model may be given as NAME=FILE. Broken off, the same
    call goes on where it stopped. Raises BadInputError and OutputError.
    """
    options = options or EvaluateOptions()
    named = _named([models] if isinstance(models, str) else models)
    split = clips.split(options.split)
    if not split:
        raise BadInputError(f"{clips.root}: there are no {options.split} clips; choose another --split")
    under = conditions(clips, split)
    chosen = [
        entry
        for condition in CONDITIONS
        for entry in spaced([one for one in split if under[one.name] == condition], options.clips)
    ]
    height, width = clips.prepared.height, clips.prepared.width
    region = Region.parse(options.region).within(height, width, "the clips' frame") if options.region else None
    for _, path in named:
        load_checkpoint(path, expect=None)
    make_folder(out)
    _claim(out, clips, named, options)
    make_folder(out / "clips")
    jobs = [
        Job(clips.root, entry.name, under[entry.name], other_speech(entry, chosen), named, out, region, options.device,
            options.extras, options.spacing)
        for entry in chosen
    ]  # fmt: skip
    scored: dict[str, Scored] = {}
    for done, (job, result) in enumerate(_results(jobs, workers), 1):
        scored[job.name] = result
        progress(job.name, done, len(jobs))
    table = tuple(row for entry in chosen for row in scored[entry.name].rows)
    markdown = table_markdown(table, options.seed)
    texts = {"scores.md": markdown, "scores.csv": to_csv(table), "scores.json": to_json(table, options.seed)}
    for name, text in texts.items():
        write_bytes(out / name, text.encode())
    files = [*(out / name for name in texts)]
    if options.page:
        files += write_overview(out, clips, named, jobs, scored, options.seed)
    shown = {entry.name for entry in spaced(chosen, options.movies)}
    for job in jobs:
        if job.name in shown:
            files += [path for name, model in named for path in _show(job, clips, name, model, alone=len(named) == 1)]
    return Evaluation(table, markdown, tuple(files))


def _results(jobs: Sequence[Job], workers: int | None) -> Iterator[tuple[Job, Scored]]:
    count = min(check_workers(workers), len(jobs))
    if count > 1:
        yield from each(score_clip, jobs, count, _lost)
    else:
        yield from ((job, score_clip(job)) for job in jobs)


def _lost(job: Job) -> Scored:
    raise BadInputError(
        f"{job.name}: the process that scored it was ended twice, perhaps for want of memory; give --workers 1"
    )


def _named(models: Sequence[str]) -> tuple[tuple[str, Path], ...]:
    """Find each model, and name it: as it is told, else by its file, or by its run's folder."""
    found: list[tuple[str, Path]] = []
    for told in models:
        name, equals, path = told.partition("=")
        file = find_model(path if equals else told)
        if not equals:
            name = file.parent.name if file.stem == "best" and file.parent.name else file.stem
        found.append((name, file.absolute()))
    if not found:
        raise BadInputError("there is no model to evaluate; name a checkpoint before the clips")
    names = [name for name, _ in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise BadInputError(f"two models are called {twice}; name them apart, like new={found[0][1]}")
    return tuple(found)


def _claim(out: Path, clips: Clips, named: Sequence[tuple[str, Path]], options: EvaluateOptions) -> None:
    """Note what this folder's scores are of, or check that those begun there are of the same."""
    wanted = asdict(options) | {"movies": None, "page": None, "device": None, "clips": None}
    settings = {
        "clips": clips.digest,
        "models": [[name, sha256(path)] for name, path in named],
        "options": wanted,
    }
    text = json.dumps(settings, indent=1, sort_keys=True) + "\n"
    path = out / _SETTINGS
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise OutputError(f"{out}: it holds scores of other models, clips or options; choose another folder")
    write_bytes(path, text.encode())


def _show(job: Job, clips: Clips, name: str, model: Path, *, alone: bool) -> list[Path]:
    """Write a clip's movie and picture beside what a model made of it, and its tract variables."""
    stem = job.name if alone else f"{job.name}.{name}"
    movie, picture = job.out / f"{stem}.mp4", job.out / f"{stem}.png"
    entry = next(entry for entry in clips.entries if entry.name == job.name)
    true, made = np.array(clips.frames(entry)), generated(job, model, job.name)
    sound = Sound([np.array(clips.speech(entry))], SAMPLE_RATE)
    write_movie(movie, side_by_side(true, made), clips.prepared.rate, sound)
    moments = [int(index) for index in np.linspace(0, len(true) - 1, min(SHOWN, len(true))).round()]
    write_picture(comparison_picture(true, made, moments), picture)
    shapes = grey_movie(true), grey_movie(made)
    return [movie, picture, *write_articulation(job.out / stem, *shapes, clips.prepared.rate, job.spacing)]
