"""The task `look`: decode a file that was sent, within limits, into frames and speech that need no decoder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from seido.corpus.sound import probe_sound, sound_blocks
from seido.corpus.still import read_frame
from seido.corpus.textgrid import PointTier, TextGrid, read_textgrid
from seido.corpus.video import movie_frames, probe_movie
from seido.errors import BadInputError
from seido.studio.items import FRAMES, LABELS, SPEECH
from seido.studio.problems import ProblemError
from seido.studio.raw import kept
from seido.timebase import SAMPLE_RATE
from seido.values import MovieInfo, Samples

Tell = Callable[[str, int, int], None]
_MOST_LABELS = 200_000
"""Labels of one TextGrid."""
_QUIETEST = 1e-4


def look(request: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Decode `request["source"]`, whose content is `request["content"]`, into the current folder.

    Returns its kind (sound, picture, movie, labels) and facts. Raises ProblemError and SeidoError.
    """
    source, limits = Path(request["source"]), request["limits"]
    if request["content"] == "picture":
        return _picture(source, limits)
    if request["content"] == "labels":
        return {"kind": "labels", "facts": _labels(source)}
    info = _movie_info(source)
    if info is None:
        return {"kind": "sound", "seconds": write_speech(source, Path(SPEECH), limits["seconds"])}
    found = _movie(source, info, limits, tell)
    if request.get("labels"):
        found["facts"] = _labels(Path(request["labels"]))
    return found


def _labels(path: Path) -> dict[str, Any]:
    """Write a TextGrid's tiers as labels.json; returns what to say of them."""
    grid = as_json(read_textgrid(path))
    Path(LABELS).write_text(json.dumps(grid, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    return {"labels": [tier["name"] for tier in grid["tiers"]]}


def as_json(grid: TextGrid) -> dict[str, Any]:
    """List a TextGrid's tiers; a point is an interval that ends where it begins, silence is left out."""
    tiers: list[dict[str, Any]] = []
    count = 0
    for tier in grid.tiers:
        if isinstance(tier, PointTier):
            spans = [(point.time, point.time, point.text) for point in tier.points]
        else:
            spans = [(one.start, one.end, one.text) for one in tier.intervals if one.text.strip()]
        count += len(spans)
        tiers.append({"name": tier.name, "points": isinstance(tier, PointTier), "labels": spans})
    if count > _MOST_LABELS:
        raise ProblemError("too_large", f"there are more than {_MOST_LABELS} labels in it; cut it into parts")
    return {"seconds": grid.seconds, "tiers": tiers}


def write_speech(source: Path, out: Path, longest: int) -> float:
    """Write a sound as 16 kHz mono, 16 bit; returns its seconds. Raises ProblemError when it is longer than that."""
    samples, loudest = 0, 0.0
    with soundfile.SoundFile(out, "w", SAMPLE_RATE, 1, "PCM_16", format="WAV") as file:
        for block in _bounded(source, longest):
            file.write(block)
            samples += len(block)
            loudest = max(loudest, float(np.abs(block).max(initial=0)))
    if not samples:
        raise BadInputError(f"{source}: there are no samples in it; give a recording with speech")
    if loudest < _QUIETEST:
        raise BadInputError(f"{source}: nothing but silence is in it; check the microphone and record again")
    return samples / SAMPLE_RATE


def _bounded(source: Path, longest: int) -> Iterator[Samples]:
    at = 0
    for block in sound_blocks(source, SAMPLE_RATE):
        at += len(block)
        if at > longest * SAMPLE_RATE:
            raise ProblemError(
                "too_long", f"it lasts longer than {longest} s; cut it into parts", limit=longest, unit="s"
            )
        yield block


def _movie_info(source: Path) -> MovieInfo | None:
    """Say what a movie is; None when it is sound alone."""
    sound: str = ""
    try:
        if not probe_sound(source).from_movie:
            return None
    except BadInputError as error:
        sound = str(error)
    try:
        return probe_movie(source)
    except BadInputError as error:
        # What was neither to be heard nor to be seen has two reasons; that of the sound names more formats.
        raise BadInputError(sound if sound and "no sound" not in sound else str(error)) from error


def _picture(source: Path, limits: dict[str, int]) -> dict[str, Any]:
    frame = read_frame(source)
    require_pixels(frame.shape[0], frame.shape[1], limits["pixels"])
    Path(FRAMES).write_bytes(np.ascontiguousarray(frame).tobytes())
    return {
        "kind": "picture",
        "pictures": {
            "frames": 1,
            "height": frame.shape[0],
            "width": frame.shape[1],
            "channels": 1 if frame.ndim == 2 else 3,
            "rate": "1",
        },
    }


def require_pixels(height: int, width: int, most: int) -> None:
    """Raise ProblemError when a picture has more pixels than that."""
    if height * width > most:
        raise ProblemError(
            "too_many_pixels",
            f"its pictures are {width} × {height} pixels; make them smaller, to at most {most / 1e6:g} megapixels",
            limit=most,
        )


def require_volume(height: int, width: int, channels: int, frames: int, most: int) -> None:
    """Raise ProblemError when all frames of a movie together take more bytes than that."""
    if height * width * channels * frames > most:
        raise ProblemError(
            "too_large",
            f"{frames} frames of {width} × {height} pixels are more than the studio holds; make it shorter or smaller",
            limit=most,
        )


def _movie(source: Path, info: MovieInfo, limits: dict[str, int], tell: Tell) -> dict[str, Any]:
    channels = 3 if info.colour else 1
    require_pixels(info.height, info.width, limits["pixels"])
    if Fraction(info.frames) / info.rate > limits["seconds"]:
        longest = limits["seconds"]
        raise ProblemError("too_long", f"it lasts longer than {longest} s; cut it into parts", limit=longest, unit="s")
    require_volume(info.height, info.width, channels, info.frames, limits["volume"])
    with Path(FRAMES).open("wb") as file:
        for number, _ in enumerate(kept(movie_frames(source, colour=info.colour), file), start=1):
            tell("decoding", number, info.frames)
    seconds = None
    if info.sound:
        try:
            seconds = write_speech(source, Path(SPEECH), limits["seconds"] + 1)
        except BadInputError:
            # A movie whose sound is silent or damaged is still worth seeing.
            Path(SPEECH).unlink(missing_ok=True)
    return {
        "kind": "movie",
        "seconds": seconds,
        "pictures": {
            "frames": info.frames,
            "height": info.height,
            "width": info.width,
            "channels": channels,
            "rate": str(info.rate),
        },
    }
