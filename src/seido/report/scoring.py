"""Scoring one clip under every predictor; a process elsewhere can do it, and a clip done is never done again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.clips.spoken import labels_of_clip
from seido.clips.store import Clips, Entry, open_clips
from seido.corpus.textgrid import Interval, Tier
from seido.errors import BadInputError
from seido.files import write_bytes
from seido.movie.generate import GenerateOptions, Generator, load_generator, render
from seido.plan import Plan
from seido.report.articulation import Articulation, articulate, ground, measured_again
from seido.scores.ceiling import ceiling_pair
from seido.scores.frames import grey, hold
from seido.scores.rows import FIRST_FRAME, MEAN_FRAME, Row, Scores, mean_frame, score_motion
from seido.scores.trivial import bank_of, mel_windows, nearest_frames, nearest_movie
from seido.timebase import SAMPLE_RATE
from seido.values import Frame, Movie, Region, Speech

NEAREST, CEILING = "nearest training frame", "noise ceiling"
WRONG = "{}, wrong speech"
"""How the row of a model that hears another clip's speech is named."""
_DONE = "clips"
PHONES = "phones"
"""The tier that holds phones."""


@dataclass(frozen=True)
class Job:
    """One clip to score, with all that a process elsewhere needs to know."""

    clips: Path
    name: str
    condition: str
    wrong: str
    """The clip whose speech is heard in the rows of wrong speech; "" when there is no other."""
    models: tuple[tuple[str, Path], ...]
    """Each model's name and checkpoint."""
    out: Path
    region: Region | None
    device: str
    extras: bool
    """Whether nearest training frame, wrong speech and noise ceiling are scored too."""
    spacing: float | None
    """Millimetres of a pixel of the clips, where it is known."""


@dataclass(frozen=True)
class Scored:
    """What came of a clip: its rows, and by predictor the motion correlation at each lag and the articulation."""

    rows: tuple[Row, ...]
    curves: Mapping[str, tuple[float, ...]]
    articulation: Mapping[str, Articulation]


def score_clip(job: Job) -> Scored:
    """Generate and score a clip, or read what was scored before."""
    path = job.out / _DONE / f"{job.name}.json"
    known = _read(path)
    if known:
        return known
    clips = _opened(job.clips)
    entry = next(entry for entry in clips.entries if entry.name == job.name)
    mean, spacing = mean_of_speaker(clips, entry), job.spacing or 1.0
    on = ground(grey_movie(clips.frames(entry)), spacing, _phones(clips, entry))
    rows, curves, articulation = [], {}, {}
    for name, true, predicted in _movies(job, clips, entry, mean):
        region = job.region.within(*true.size, job.name) if job.region else None
        scores, curve = score_motion(true, predicted, region, mean)
        if on is not None:
            shapes = grey_movie(true.frames), grey_movie(predicted.frames)
            # The ceiling has a true movie of its own.
            here = measured_again(on, shapes[0]) if name == CEILING else on
            articulation[name] = articulate(*shapes, true.rate, here)
            if job.spacing is not None:
                scores = replace(scores, tract_error_mm=articulation[name].error)
        rows.append(Row(job.name, name, scores, job.condition, entry.speaker))
        if curve is not None:
            curves[name] = tuple(round(value, 4) for value in curve.correlation)
    scored = Scored(tuple(rows), curves, articulation)
    write_bytes(path, json.dumps(asdict(scored)).encode())
    return scored


def generated(job: Job, model: Path, name: str, speech: str | None = None) -> NDArray[np.uint8]:
    """Generate a clip's movie from its first frame and its own speech, or another clip's: uint8 (T, H, W)."""
    clips = _opened(job.clips)
    by_name = {entry.name: entry for entry in clips.entries}
    entry = by_name[name]
    generator, plan = _generator(str(model))
    heard = np.array(clips.speech(entry))
    if speech is not None:
        heard = np.resize(np.array(clips.speech(by_name[speech])), len(heard))
    prepared = clips.prepared
    options = GenerateOptions(
        model=str(model),
        region=str(Region(0, 0, prepared.width, prepared.height)),
        fps=str(prepared.rate),
        device=job.device,
        engine="torch",
    )
    first = np.array(clips.frames(entry)[0])
    # A frame is made for the moment at which the true one was taken, not for that at which a retimed clip shows it.
    features = _features(clips, entry, by_name[speech or name], plan, model)
    frames = render(generator, plan, Speech(heard, SAMPLE_RATE, name), first, options, clips.taken(entry), features)
    return np.stack(list(frames))


def _features(clips: Clips, entry: Entry, spoken: Entry, plan: Plan, model: Path) -> NDArray[np.float32] | None:
    """Read what the model's encoder made of a clip's speech, as long as clip `entry`; None for one that hears log-mels.

    Raises BadInputError where that encoder did not hear the clips.
    """
    wanted = plan.front_end.encoder
    if wanted is None:
        return None
    if clips.prepared.encoder != wanted:
        raise BadInputError(
            f"{model}: it hears through {wanted}, which did not hear the clips in {clips.root}; "
            "score it on those that `seido hear` made with it"
        )
    there = np.array(clips.features(spoken))
    return there if spoken is entry else np.resize(there, (entry.columns, there.shape[1]))


def grey_movie(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn a movie into grey levels: uint8 (T, H, W); one that is grey stays as it is."""
    if frames.ndim == 3:
        return frames
    levels: NDArray[np.uint8] = np.rint(255 * grey(frames)).astype(np.uint8)
    return levels


def _phones(clips: Clips, entry: Entry) -> tuple[Interval, ...]:
    """List the phones of a clip, seconds from its beginning; none where they are not known."""
    grid = labels_of_clip(clips, entry)
    tiers = [tier for tier in grid.tiers if tier.name == PHONES and isinstance(tier, Tier)] if grid else []
    return tiers[0].intervals if tiers else ()


def _movies(job: Job, clips: Clips, entry: Entry, mean: Frame | None) -> Iterator[tuple[str, Movie, Movie]]:
    """Make the pairs to score, under their predictors' names."""
    rate, frames = clips.prepared.rate, np.array(clips.frames(entry))
    true = Movie(frames, rate)
    for name, path in job.models:
        yield name, true, Movie(generated(job, path, job.name), rate)
    yield FIRST_FRAME, true, Movie(np.asarray(hold(frames[0], len(frames)), np.uint8), rate)
    if mean is not None:
        yield MEAN_FRAME, true, Movie(np.asarray(hold(mean, len(frames)), np.uint8), rate)
    if not job.extras:
        return
    nearest = _nearest(clips, entry)
    if nearest is not None:
        yield NEAREST, true, Movie(nearest, rate)
    if job.wrong:
        for name, path in job.models:
            yield WRONG.format(name), true, Movie(generated(job, path, job.name, job.wrong), rate)
    if frames.ndim == 3:
        noisy, clean = ceiling_pair(frames)
        yield CEILING, Movie(noisy, rate), Movie(clean, rate)


def _nearest(clips: Clips, entry: Entry) -> NDArray[np.uint8] | None:
    training = [other for other in clips.split("train") if other.name != entry.name]
    bank = [training[number] for number in bank_of(entry.speaker, [other.speaker for other in training])]
    if not bank:
        return None
    rate = clips.prepared.rate
    windows = (mel_windows(clips.mel(other), other.frames, rate) for other in bank)
    found = nearest_frames(mel_windows(clips.mel(entry), entry.frames, rate), windows)
    return nearest_movie(found, [clips.frames(other) for other in bank])


def mean_of_speaker(clips: Clips, entry: Entry) -> Frame | None:
    """Average the speaker's training clips, or his other clips when none was trained on; never the clip itself."""
    others = [other for other in clips.entries if other.speaker == entry.speaker and other.name != entry.name]
    training = [other for other in others if other.split == "train"]
    chosen = others if entry.split == "train" or not training else training
    return _mean(clips.root, tuple(other.name for other in chosen)) if chosen else None


@lru_cache(maxsize=64)
def _mean(root: Path, names: tuple[str, ...]) -> Frame:
    clips = _opened(root)
    wanted = set(names)
    return mean_frame(Movie(clips.frames(one), clips.prepared.rate) for one in clips.entries if one.name in wanted)


@lru_cache(maxsize=4)
def _opened(root: Path) -> Clips:
    return open_clips(root)


@lru_cache(maxsize=16)
def _generator(model: str) -> tuple[Generator, Plan]:
    return load_generator(model)


def _read(path: Path) -> Scored | None:
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        rows = tuple(Row(**{**row, "scores": Scores(**row["scores"])}) for row in raw["rows"])
        curves = {name: tuple(curve) for name, curve in raw["curves"].items()}
        articulation = {
            name: Articulation(**{**one, "phones": tuple(one["phones"])}) for name, one in raw["articulation"].items()
        }
        return Scored(rows, curves, articulation)
    except (OSError, ValueError, KeyError, TypeError):
        return None
