"""Reading movies: what they say of themselves, exact frames by number, or all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seido.corpus.decode import movie_index, pictures
from seido.corpus.depth import PERCENTILE
from seido.corpus.palettised import open_palettised
from seido.corpus.stack import is_stack, open_stack
from seido.errors import BadInputError
from seido.timebase import Rate, exact_rate
from seido.values import Movie, MovieInfo


def probe_movie(path: Path, rate: Rate | None = None) -> MovieInfo:
    """Say what a movie is: pixels, exact rate, frames counted one by one, colour, sound.

    Reads `.npy`, `.npz`, `.tif` and `.h5` stacks and folders of one DICOM series too, when they carry a rate or one
    is given; `rate` counts more than what the file says. Raises BadInputError for a file that is missing, empty, no
    movie, without pictures, or cut off; MissingExtraError where a reader is not installed.
    """
    path = Path(path)
    given = None if rate is None else exact_rate(rate)
    if is_stack(path):
        stack = open_stack(path)
        return (stack if given is None else replace(stack, rate=given)).info()
    avi = open_palettised(path)
    info = avi.info if avi else movie_index(path).info
    return info if given is None else replace(info, rate=given)


def movie_frames(
    path: Path,
    start: int = 0,
    stop: int | None = None,
    *,
    colour: bool | None = None,
    percentile: float = PERCENTILE,
    rate: Rate | None = None,
    threads: int = 0,
) -> Iterator[NDArray[np.uint8]]:
    """Read frames start … stop − 1 of a movie one by one, each exactly the frame of that number.

    Parameters
    ----------
    path
        Any movie FFmpeg decodes, a palettised AVI, a stack, or a folder with one DICOM series.
    start, stop
        Frame numbers from 0; by default to the end.
    colour
        False for grey, True for RGB; by default grey when the first frame shows no colour.
    percentile
        Where white is put in stacks deeper than 8 bit; movies have their levels.
    rate
        Frames per second of a stack that carries none. Frames are found by number, so it changes none of them.
    threads
        Threads that FFmpeg decodes with; 0 is one a core. The frames are the same.

    Yields
    ------
    uint8 (H, W) grey, or (H, W, 3) RGB; every frame has the same shape. Raises BadInputError when the file cannot
    be read, when the movie ends before `stop`, or (while reading) when it is damaged.

    """
    path = Path(path)
    info = probe_movie(path, rate)
    stop = info.frames if stop is None else stop
    if not 0 <= start <= stop <= info.frames:
        raise BadInputError(f"{path}: it has {info.frames} frames; frames {start} to {stop} are not among them")
    if start == stop:
        return iter(())
    as_colour = info.colour if colour is None else colour
    if is_stack(path):
        return open_stack(path).pictures(start, stop, percentile, colour=as_colour)
    avi = open_palettised(path)
    if avi:
        return avi.pictures(start, stop, colour=as_colour)
    return pictures(movie_index(path), start, stop, colour=as_colour, threads=threads)


def read_movie(
    path: Path | str, *, colour: bool | None = None, percentile: float = PERCENTILE, rate: Rate | None = None
) -> Movie:
    """Read a whole movie into memory; see movie_frames for what is read and what is raised."""
    path = Path(path)
    info = probe_movie(path, rate)
    as_colour = info.colour if colour is None else colour
    shape = (info.frames, info.height, info.width, 3)
    try:
        frames = np.empty(shape if as_colour else shape[:3], np.uint8)
    except MemoryError:
        raise BadInputError(f"{path}: it does not fit in memory; cut it into shorter movies") from None
    for number, frame in enumerate(movie_frames(path, colour=as_colour, percentile=percentile, rate=rate)):
        frames[number] = frame
    return Movie(frames, info.rate)
