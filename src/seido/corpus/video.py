"""Reading movies: what they say of themselves, exact frames by number, or all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seido.corpus.decode import movie_index, pictures
from seido.corpus.depth import PERCENTILE
from seido.corpus.palettised import open_palettised
from seido.corpus.stack import is_stack, open_stack
from seido.errors import BadInputError
from seido.values import Movie, MovieInfo


def probe_movie(path: Path) -> MovieInfo:
    """Say what a movie is: pixels, exact rate, frames counted one by one, colour, sound.

    Reads `.npy`, `.npz` and `.tif` stacks too when they carry a rate. Raises BadInputError for a file that is
    missing, empty, no movie, without pictures, or cut off.
    """
    path = Path(path)
    if is_stack(path):
        return open_stack(path).info()
    avi = open_palettised(path)
    return avi.info if avi else movie_index(path).info


def movie_frames(
    path: Path,
    start: int = 0,
    stop: int | None = None,
    *,
    colour: bool | None = None,
    percentile: float = PERCENTILE,
) -> Iterator[NDArray[np.uint8]]:
    """Read frames start … stop − 1 of a movie one by one, each exactly the frame of that number.

    Parameters
    ----------
    path
        Any movie FFmpeg decodes, a palettised AVI, or a stack that carries a rate.
    start, stop
        Frame numbers from 0; by default to the end.
    colour
        False for grey, True for RGB; by default grey when the first frame shows no colour.
    percentile
        Where white is put in stacks deeper than 8 bit; movies have their levels.

    Yields
    ------
    uint8 (H, W) grey, or (H, W, 3) RGB; every frame has the same shape. Raises BadInputError when the file cannot
    be read, when the movie ends before `stop`, or (while reading) when it is damaged.

    """
    path = Path(path)
    info = probe_movie(path)
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
    return pictures(movie_index(path), start, stop, colour=as_colour)


def read_movie(path: Path | str, *, colour: bool | None = None, percentile: float = PERCENTILE) -> Movie:
    """Read a whole movie into memory; see movie_frames for what is read and what is raised."""
    path = Path(path)
    info = probe_movie(path)
    as_colour = info.colour if colour is None else colour
    shape = (info.frames, info.height, info.width, 3)
    try:
        frames = np.empty(shape if as_colour else shape[:3], np.uint8)
    except MemoryError:
        raise BadInputError(f"{path}: it does not fit in memory; cut it into shorter movies") from None
    for number, frame in enumerate(movie_frames(path, colour=as_colour, percentile=percentile)):
        frames[number] = frame
    return Movie(frames, info.rate)
