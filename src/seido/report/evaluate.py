"""`seido evaluate`: generate every held-out clip, score it beside the rows a still picture earns, and show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seido.clips.store import Clips, Entry
from seido.errors import BadInputError
from seido.files import make_folder, write_bytes
from seido.movie.generate import GenerateOptions, load_generator, render
from seido.movie.writer import Sound, write_movie
from seido.report.pictures import write_picture
from seido.report.side_by_side import comparison_picture, side_by_side
from seido.scores.rows import Row, mean_frame, rows
from seido.scores.table import table_markdown, to_csv, to_json
from seido.values import Frame, Movie, Region

SHOWN = 6
"""Moments in a comparison picture."""


@dataclass(frozen=True)
class EvaluateOptions:
    """What is scored, and how."""

    split: str = "test"
    """Which part of the clips: train, validation or test."""
    region: str | None = None
    """Rectangle X,Y,W,H of the clips' frames that is scored; the whole clip frame unless given."""
    clips: int | None = None
    """Score only this many clips, evenly spaced; all unless given."""
    movies: int = 5
    """How many side-by-side movies are written, evenly spaced over the scored clips."""
    seed: int = 0
    """Decides the bootstrap's resamples."""
    device: str = "auto"
    """cpu, cuda or auto."""

    def __post_init__(self) -> None:
        if self.region is not None:
            Region.parse(self.region)
        if self.clips is not None and self.clips < 1:
            raise BadInputError(f"--clips {self.clips}: score at least one clip")
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
    model: str, clips: Clips, out: Path, options: EvaluateOptions | None = None, progress: Progress = lambda *_: None
) -> Evaluation:
    """Score a model on prepared clips: each is generated from its own speech and first frame only.

    Writes scores.md, scores.csv, scores.json and, per shown clip, a movie original | generated | difference with the
    speech and a picture of six moments into the folder `out`. The mean frame is that of the speaker's other clips,
    training clips where there are any. Raises BadInputError and OutputError.
    """
    options = options or EvaluateOptions()
    chosen = _spaced(clips.split(options.split), options.clips)
    if not chosen:
        raise BadInputError(f"{clips.root}: there are no {options.split} clips; choose another --split")
    height, width = clips.prepared.height, clips.prepared.width
    region = Region.parse(options.region).within(height, width, "the clips' frame") if options.region else None
    make_folder(out)
    generator, plan = load_generator(model)
    whole = GenerateOptions(
        model=model,
        region=str(Region(0, 0, width, height)),
        fps=str(clips.prepared.rate),
        device=options.device,
        engine="torch",
    )
    shown = {entry.name for entry in _spaced(chosen, options.movies)}
    means = _mean_frames(clips, chosen)
    table: list[Row] = []
    pictures: list[Path] = []
    for number, entry in enumerate(chosen, start=1):
        clip = clips.clip(entry)
        frames = np.stack(list(render(generator, plan, clip.speech, clip.movie.frames[0], whole)))
        # The speech may reach a sliver past the last true frame.
        predicted = Movie(frames[: len(clip.movie)], clip.movie.rate)
        table += rows(entry.name, clip.movie, predicted, region=region, mean_frame=means[entry.name])
        if entry.name in shown:
            pictures += _show(out, entry.name, clip.movie, predicted, Sound([clip.speech.samples], clip.speech.rate))
        progress(entry.name, number, len(chosen))
    markdown = table_markdown(table, options.seed)
    texts = {"scores.md": markdown, "scores.csv": to_csv(table), "scores.json": to_json(table, options.seed)}
    for name, text in texts.items():
        write_bytes(out / name, text.encode())
    return Evaluation(tuple(table), markdown, (*(out / name for name in texts), *pictures))


def _spaced(entries: Sequence[Entry], count: int | None) -> tuple[Entry, ...]:
    if count is None or count >= len(entries):
        return tuple(entries)
    return tuple(entries[(2 * i + 1) * len(entries) // (2 * count)] for i in range(count))


def _mean_frames(clips: Clips, chosen: Sequence[Entry]) -> dict[str, Frame | None]:
    """Average, for each chosen clip, its speaker's training clips, or his other clips when none was trained on."""
    trained: dict[str, Frame | None] = {}
    means: dict[str, Frame | None] = {}
    for entry in chosen:
        others = [other for other in clips.entries if other.speaker == entry.speaker and other.name != entry.name]
        training = [other for other in others if other.split == "train"]
        if entry.split == "train" or not training:
            means[entry.name] = _mean(clips, others)
            continue
        if entry.speaker not in trained:
            trained[entry.speaker] = _mean(clips, training)
        means[entry.name] = trained[entry.speaker]
    return means


def _mean(clips: Clips, entries: Sequence[Entry]) -> Frame | None:
    rate = clips.prepared.rate
    return mean_frame(Movie(clips.frames(entry), rate) for entry in entries) if entries else None


def _show(out: Path, name: str, true: Movie, predicted: Movie, sound: Sound) -> tuple[Path, Path]:
    movie, picture = out / f"{name}.mp4", out / f"{name}.png"
    write_movie(movie, side_by_side(true.frames, predicted.frames), true.rate, sound)
    moments = [int(index) for index in np.linspace(0, len(true) - 1, min(SHOWN, len(true))).round()]
    write_picture(comparison_picture(true.frames, predicted.frames, moments), picture)
    return movie, picture
