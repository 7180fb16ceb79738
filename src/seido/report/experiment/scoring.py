"""Scoring an experiment's runs clip by clip, at each scale; a clip done is never done again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.clips.store import Clips, open_clips
from seido.errors import BadInputError
from seido.files import write_bytes
from seido.report.scoring import Job, generated, grey_movie, mean_of_speaker
from seido.scores.ceiling import ceiling_pair
from seido.scores.frames import hold
from seido.scores.gridlines import Grid, place_grid
from seido.scores.rows import FIRST_FRAME, GENERATED, MEAN_FRAME, Scores, score_movie
from seido.scores.tract import tract_error
from seido.values import Frame, Movie
from seido.workers import check_workers, each

WRONG_SPEECH = "wrong speech"
CEILING = "noise ceiling"
Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class ClipJob:
    """One clip to score: what a run made of it, or, without a model, the rows that need no training."""

    clips: Path
    name: str
    wrong: str
    out: Path
    """The file to write."""
    key: str
    """What the scores are of: changes with the model, the clips and how they are scored; "" reads whatever there is."""
    model: Path | None = None
    device: str = "auto"
    spacing: float | None = None
    scales: tuple[int, ...] = (1,)


@dataclass(frozen=True)
class ClipScores:
    """What came of a clip."""

    rows: tuple[tuple[str, int, Scores], ...]
    """Predictor, scale, scores."""
    seconds: float = 0.0
    """Processor time in which its movie was generated, over all threads."""
    frames: int = 0


def score_all(jobs: Sequence[ClipJob], workers: int | None) -> Iterator[ClipJob]:
    """Score clips that have not been scored yet, in several processes or in this one; yields each as it is done."""
    waiting = [job for job in jobs if read_scores(job) is None]
    yield from (job for job in jobs if job not in waiting)
    count = min(check_workers(workers), len(waiting))
    if count > 1:
        yield from (job for job, _ in each(score_clip, waiting, count, _lost))
    else:
        for job in waiting:
            score_clip(job)
            yield job


def score_clip(job: ClipJob) -> None:
    """Generate and score one clip, and write its file, whole or not at all."""
    clips = _opened(job.clips)
    entry = next(entry for entry in clips.entries if entry.name == job.name)
    frames, rate, mean = np.array(clips.frames(entry)), clips.prepared.rate, mean_of_speaker(clips, entry)
    seconds, movies = 0.0, list[tuple[str, Pictures, Pictures]]()
    if job.model is not None:
        before = time.process_time()
        made = _generated(job, job.name)
        seconds = time.process_time() - before
        movies.append((GENERATED, frames, made))
        if job.wrong:
            movies.append((WRONG_SPEECH, frames, _generated(job, job.name, job.wrong)))
    else:
        movies.append((FIRST_FRAME, frames, _held(frames[0], frames)))
        if mean is not None:
            movies.append((MEAN_FRAME, frames, _held(mean, frames)))
    grid = _grid(job, clips) if job.spacing is not None else None
    rows = []
    for scale in job.scales:
        still = None if mean is None else smaller(mean[None], scale)[0]
        small = [(name, smaller(true, scale), smaller(shown, scale)) for name, true, shown in movies]
        if job.model is None and frames.ndim == 3:
            small.append((CEILING, *ceiling_pair(smaller(frames, scale))))
        for name, true, shown in small:
            scores = score_movie(Movie(true, rate), Movie(shown, rate), None, still)
            if scale == 1 and grid is not None and job.spacing is not None and name != WRONG_SPEECH:
                shapes = grey_movie(true), grey_movie(shown)
                error = tract_error(*shapes, job.spacing, rate, grid=grid).tract_error_mm
                scores = replace(scores, tract_error_mm=round(error, 4))
            rows.append((name, scale, scores))
    scored = ClipScores(tuple(rows), round(seconds, 4), len(frames))
    write_bytes(job.out, json.dumps({"key": job.key, **asdict(scored)}).encode())


def read_scores(job: ClipJob) -> ClipScores | None:
    """Read what was scored before; None where nothing was, or something else."""
    try:
        raw: dict[str, Any] = json.loads(job.out.read_text(encoding="utf-8"))
        if job.key and raw["key"] != job.key:
            return None
        rows = tuple((name, scale, Scores(**scores)) for name, scale, scores in raw["rows"])
        return ClipScores(rows, raw["seconds"], raw["frames"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def smaller(frames: Pictures, scale: int) -> Pictures:
    """Shrink pictures (T, H, W) or (T, H, W, 3) by a whole number: the mean of each square, rounded to whole levels.

    Rows and columns that fill no square are left out. Raises BadInputError when a picture is smaller than a square.

    >>> smaller(np.array([[[0, 2, 9], [4, 6, 9]]], np.uint8), 2).tolist()
    [[[3]]]
    """
    if scale == 1:
        return frames
    rows, columns = (side // scale for side in frames.shape[1:3])
    if not rows or not columns:
        raise BadInputError(f"scales: pictures of {frames.shape[2]} × {frames.shape[1]} cannot be shrunk by {scale}")
    squares = frames[:, : rows * scale, : columns * scale].reshape(
        len(frames), rows, scale, columns, scale, *frames.shape[3:]
    )
    means: Pictures = np.rint(squares.mean(axis=(2, 4), dtype=np.float64)).astype(np.uint8)
    return means


def _generated(job: ClipJob, name: str, speech: str | None = None) -> Pictures:
    """Generate a clip's movie as evaluating does."""
    if job.model is None:
        raise BadInputError(f"{name}: there is no model to generate it with")
    whole = Job(job.clips, name, "", job.wrong, (), job.out.parent, None, job.device, False, job.spacing)
    return generated(whole, job.model, name, speech)


def _held(picture: Frame, like: Pictures) -> Pictures:
    return np.asarray(hold(picture, len(like)), np.uint8)


def _grid(job: ClipJob, clips: Clips) -> Grid | None:
    """Lay gridlines on the true movie; None when nothing moves in it."""
    entry = next(entry for entry in clips.entries if entry.name == job.name)
    try:
        return place_grid(grey_movie(np.array(clips.frames(entry))), job.spacing or 1.0)
    except BadInputError:
        return None


def _lost(job: ClipJob) -> None:
    raise BadInputError(
        f"{job.name}: the process that scored it was ended twice, perhaps for want of memory; give --workers 1"
    )


@lru_cache(maxsize=4)
def _opened(root: Path) -> Clips:
    return open_clips(root)
