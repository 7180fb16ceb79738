"""`seido compare`: score two movies of anyone's making, and show them beside each other."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seido.clips.picture import parse_size, resize
from seido.corpus.sound import read_speech
from seido.corpus.video import movie_frames, probe_movie
from seido.errors import BadInputError, OutputError
from seido.files import make_folder, write_bytes
from seido.movie.writer import Sound, write_movie
from seido.report.kymograph import kymograph_picture
from seido.report.pictures import write_picture
from seido.report.side_by_side import comparison_picture, side_by_side
from seido.scores.compare import (
    TALK_HEIGHT,
    TALK_WIDTH,
    as_json,
    compare,
    enlarged,
    retimed,
    talk_box,
    undefined,
)
from seido.scores.lag import LagCurve, lag_curve
from seido.scores.motion import moments
from seido.scores.rows import FIRST_SCORED, Row
from seido.scores.table import table_markdown, to_csv
from seido.values import Movie, MovieInfo, Region

SHOWN = 6
"""Moments in the picture."""
KYMOGRAPH_FRAMES = 1500
"""The kymograph shows the beginning of a longer movie."""
_BLOCK = 32


@dataclass(frozen=True)
class CompareOptions:
    """How two movies are made to fit, and what of them is scored."""

    region: str | None = None
    """Rectangle X,Y,W,H that is scored, in pixels of the (resized) movies; the whole frame unless given. With
    --protocol talk in pixels of the 1920x1080 picture; the 400x420 box round most of the movement unless given."""
    size: str | None = None
    """Resize both movies to WIDTHxHEIGHT first, like 256x256."""
    trim: bool = False
    """Score the frames that both movies have where one is longer."""
    protocol: Literal["plain", "talk"] = "plain"
    """plain scores the pixels there are; talk enlarges them to 1920x1080 first."""

    def __post_init__(self) -> None:
        if self.region is not None:
            Region.parse(self.region)
        if self.size is not None:
            parse_size(self.size)
        if self.protocol not in {"plain", "talk"}:
            raise BadInputError(f"--protocol {self.protocol}: choose plain or talk")


@dataclass(frozen=True)
class Comparison:
    """What two movies' comparison came to: a row each for the generated movie, first frame and mean frame."""

    true: Path
    generated: Path
    table: tuple[Row, ...]
    region: Region
    """What was scored."""
    picture: tuple[int, int]
    """Height and width of the picture that the region lies in."""
    protocol: str
    curve: LagCurve | None
    """Correlation of movement with the generated movie shifted; None where one of them stands still."""
    notes: tuple[str, ...]
    """What was done to make the movies fit, and what is undefined; a sentence each."""
    files: tuple[Path, ...] = ()

    def as_json(self) -> str:
        """Write one JSON object: the generated movie's scores, those of both still pictures, and what was done."""
        content: dict[str, Any] = {
            "true": str(self.true),
            "generated": str(self.generated),
            **as_json(self.table),
            "lag_curve": None
            if self.curve is None
            else dict(zip(self.curve.shifts, self.curve.correlation, strict=True)),
            "protocol": self.protocol,
            "region": str(self.region),
            "picture": f"{self.picture[1]}x{self.picture[0]}",
            "notes": list(self.notes),
        }
        return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)


def compare_movies(
    true: Path, generated: Path, options: CompareOptions | None = None, out: Path | None = None
) -> Comparison:
    """Score the generated movie against the true one, beside the true movie's first and mean frame held still.

    Movies are read as grey. Both are unpacked into a temporary folder, a byte a pixel, so that memory does not grow
    with their length. A generated movie of another rate is retimed to the true one's, frame by frame at its exact time.

    Parameters
    ----------
    true, generated
        Movies that seido reads, with or without sound.
    options
        How they are made to fit.
    out
        Folder for scores.json, scores.csv, scores.md, the side-by-side movie (with the true movie's sound, or else the
        generated one's), a picture of six moments, and a kymograph; nothing is written without it.

    Raises BadInputError in one sentence when a movie cannot be read, has one frame, or does not fit the other.

    """
    options = options or CompareOptions()
    infos = probe_movie(true), probe_movie(generated)
    notes = list(_fit(*infos, options))
    if out is not None and out.exists() and not out.is_dir():
        raise OutputError(f"{out}: this is a file; name a folder for the results")
    with tempfile.TemporaryDirectory(prefix="seido-compare-") as folder:
        movies = [_unpacked(info, infos[0], options, Path(folder) / f"{at}.raw") for at, info in enumerate(infos)]
        movies, more = _of_one_length(movies[0], movies[1], infos, trim=options.trim)
        picture = movies[0].size
        if options.protocol == "talk":
            region = Region.parse(options.region) if options.region else talk_box(movies[0])
            movies = [
                _enlarged(movie, region, Path(folder) / f"{at}.large", info.path)
                for at, (movie, info) in enumerate(zip(movies, infos, strict=True))
            ]
            picture = (TALK_HEIGHT, TALK_WIDTH)
        else:
            region = Region.parse(options.region) if options.region else Region.whole(movies[0].frames[0])
            region.within(*picture, "the movies' frame")
            movies = [Movie(region.crop(movie.frames, axis=1), movie.rate) for movie in movies]
        table = compare(movies[0], movies[1], name=generated.name)
        notes += [*more, *undefined(table, str(true), str(generated))]
        curve = lag_curve(*(movie.frames[FIRST_SCORED:] for movie in movies))
        found = Comparison(true, generated, table, region, picture, options.protocol, curve, tuple(notes))
        return found if out is None else replace(found, files=_write(out, found, movies[0], movies[1], infos))


def _fit(true: MovieInfo, generated: MovieInfo, options: CompareOptions) -> Iterator[str]:
    """Say what will be done so that the movies fit; raises BadInputError where nothing was asked for that would."""
    if (true.height, true.width) != (generated.height, generated.width) and options.size is None:
        raise BadInputError(
            f"{true.path} is {true.width} × {true.height} pixels and {generated.path} {generated.width} × "
            f"{generated.height}; give --size {true.width}x{true.height} to resize both"
        )
    if options.size is not None:
        height, width = parse_size(options.size)
        if {(true.height, true.width), (generated.height, generated.width)} != {(height, width)}:
            yield f"both movies were resized to {width} × {height} pixels"
    if true.rate != generated.rate:
        yield (
            f"{generated.path} has {generated.rate} frames/s and was retimed to the {true.rate} of {true.path}, "
            "each frame by its exact time"
        )


def _unpacked(info: MovieInfo, true: MovieInfo, options: CompareOptions, store: Path) -> Movie:
    """Read a movie as grey, retimed and resized, into a file that is mapped into memory."""
    height, width = parse_size(options.size) if options.size else (info.height, info.width)
    chosen = list(range(info.frames)) if info.rate == true.rate else retimed(info.frames, info.rate, true.rate)
    if not chosen:
        raise BadInputError(f"{info.path}: at {true.rate} frames/s nothing of it is left; give a longer movie")
    unpacked = _mapped(store, (len(chosen), height, width), info.path)
    wanted = iter(enumerate(chosen))
    place, source = next(wanted)
    for number, frame in enumerate(movie_frames(info.path, 0, chosen[-1] + 1, colour=False)):
        if number < source:
            continue
        shown = resize(frame[None], height, width, antialias=True)[0]
        while number == source:
            unpacked[place] = shown
            place, source = next(wanted, (place, info.frames))
    return Movie(unpacked, true.rate)


def _of_one_length(
    true: Movie, generated: Movie, infos: tuple[MovieInfo, MovieInfo], *, trim: bool
) -> tuple[list[Movie], tuple[str, ...]]:
    frames = min(len(true), len(generated))
    if len(true) == len(generated):
        return [true, generated], ()
    other_rate = infos[0].rate != infos[1].rate
    seconds = [info.frames / info.rate for info in infos]
    # Retimed, a movie of the same length in seconds may come out a frame longer or shorter.
    rounded = other_rate and abs(seconds[0] - seconds[1]) <= max(1 / info.rate for info in infos)
    if not (trim or rounded):
        at = f" at {true.rate} frames/s" if other_rate else ""
        raise BadInputError(
            f"{infos[0].path} has {len(true)} frames and {infos[1].path} {len(generated)}{at}; "
            "give --trim to score the frames both have"
        )
    note = (
        f"only the first {frames} frames were compared: {infos[0].path} has {len(true)}, "
        f"{infos[1].path} {len(generated)}"
    )
    return [Movie(movie.frames[:frames], movie.rate) for movie in (true, generated)], (note,)


def _enlarged(movie: Movie, box: Region, store: Path, path: Path) -> Movie:
    large = _mapped(store, (len(movie), box.height, box.width), path)
    for first in range(0, len(movie), _BLOCK):
        large[first : first + _BLOCK] = enlarged(movie.frames[first : first + _BLOCK], box)
    return Movie(large, movie.rate)


def _mapped(store: Path, shape: tuple[int, int, int], path: Path) -> NDArray[np.uint8]:
    """Map a new file into memory; raises OutputError where there is no room for it."""
    # Asked beforehand: a mapped file that meets a full disk ends the process.
    if math.prod(shape) > shutil.disk_usage(store.parent).free:
        raise OutputError(
            f"{path}: unpacked it takes {math.prod(shape) / 2**30:.1f} GiB, and {tempfile.gettempdir()} has not got "
            "that much; make room or set TMPDIR to another folder"
        )
    mapped: NDArray[np.uint8] = np.memmap(store, np.uint8, "w+", shape=shape)
    return mapped


def _write(
    out: Path, found: Comparison, true: Movie, generated: Movie, infos: tuple[MovieInfo, MovieInfo]
) -> tuple[Path, ...]:
    make_folder(out)
    names = ("scores.json", "scores.csv", "scores.md", "side_by_side.mp4", "moments.png", "kymograph.png")
    files = tuple(out / name for name in names)
    notes = "".join(f"\n{note}.\n" for note in found.notes)
    write_bytes(files[0], (found.as_json() + "\n").encode())
    write_bytes(files[1], to_csv(found.table).encode())
    write_bytes(files[2], (table_markdown(found.table) + notes).encode())
    heard = next((info.path for info in infos if info.sound), None)
    speech = read_speech(heard, silence=True) if heard is not None else None
    sound = Sound([speech.samples], speech.rate) if speech is not None else None
    write_movie(files[3], side_by_side(true.frames, generated.frames), true.rate, sound)
    shown = [int(index) for index in np.linspace(0, len(true) - 1, min(SHOWN, len(true))).round()]
    write_picture(comparison_picture(true.frames, generated.frames, shown), files[4])
    beginning = slice(0, KYMOGRAPH_FRAMES)
    # The column where most moves.
    column = int(moments(true.frames, true.frames).variances()[0].sum(axis=0).argmax())
    write_picture(kymograph_picture(true.frames[beginning], generated.frames[beginning], column), files[5])
    return files
