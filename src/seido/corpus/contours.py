"""Contours and landmarks that people or trackers drew on frames: USC's `.mat` tracks, and `.pts` files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.corpus.frames import first_number
from seido.corpus.items import by_stem, listed
from seido.errors import BadInputError, MissingExtraError
from seido.files import require_file
from seido.values import Recording

Points = NDArray[np.float64]
"""Points along a line, float64 (N, 2): x and y as the file has them."""
Contours = dict[int, dict[str, Points]]
"""Frame, counted from 0 → name of a line → its points."""
_FOLDERS = ("tracks", "track", "contours", "mat")
_BROKEN = (ValueError, TypeError, OSError, KeyError, IndexError, EOFError, OverflowError, MemoryError)
"""What scipy raises for damaged files."""
_COUNT = re.compile(r"^\s*n_points\s*:\s*(\d+)\s*$")
_PAIR = re.compile(r"^\s*([-+.\deE]+)[\s,]+([-+.\deE]+)\s*$")


def contour_path(recording: Recording) -> Path | None:
    """Find the contours of a recording: a `.mat` of its name beside it, or a folder of `.pts`; None without any."""
    stem = recording.movie.stem.lower()
    home = recording.movie.parent
    stems = {stem, re.sub(r"_(video|recon|withaudio)$", "", stem)}
    for place in (home, *(home / name for name in _FOLDERS), *(home.parent / name for name in _FOLDERS)):
        tracks = _tracks(place, place.stat().st_mtime_ns) if place.is_dir() else {}
        if found := next((tracks[one] for one in stems if one in tracks), None):
            return found
    for folder in (home / recording.movie.stem, home / "pts" / recording.movie.stem, home.parent / "pts" / stem):
        if listed(folder, {".pts"}):
            return folder
    return None


@lru_cache(maxsize=16)
def _tracks(folder: Path, _changed: int) -> dict[str, Path]:
    return by_stem(folder, {".mat"}, "_track")


def contours_of(recording: Recording, frames: int | None = None) -> Contours | None:
    """Read the contours of a recording; None when there are none.

    Parameters
    ----------
    recording
        With the contours beside its movie, see contour_path.
    frames
        Frames of its movie: settles whether numbers of `.pts` files count from 0 or 1.

    Raises
    ------
    BadInputError
        When they cannot be read, or do not fit the movie. MissingExtraError without scipy.

    """
    path = contour_path(recording)
    if path is None:
        return None
    found = _of_points(path, frames) if path.is_dir() else dict(enumerate(read_track(path)))
    if frames is not None and found and max(found) >= frames:
        raise BadInputError(f"{path}: it has {max(found) + 1} frames, the movie {frames}; check its name")
    return found


def read_track(path: Path) -> list[dict[str, Points]]:
    """Read a `.mat` with one structure a frame: for each, every line of points in it; raises BadInputError."""
    require_file(path)
    if find_spec("scipy") is None:
        raise MissingExtraError(f"{path}: reading contours", "corpora")
    from scipy.io import loadmat

    try:
        content = loadmat(path, simplify_cells=True)
        lists = [
            value
            for name, value in content.items()
            if not name.startswith("__") and isinstance(value, list | np.ndarray)
        ]
        frames = max((one for one in lists if len(one) and isinstance(one[0], dict)), key=len, default=None)
        if frames is None:
            raise BadInputError(f"{path}: there is no list of frames in it; give a track with one structure a frame")
        return [dict(_lines(frame, "")) for frame in frames]
    except NotImplementedError as error:
        raise BadInputError(f"{path}: it was saved as MATLAB 7.3; save it with -v7") from error
    except _BROKEN as error:
        raise BadInputError(f"{path}: this is no MATLAB file, or a damaged one; copy it again") from error


def _lines(item: Any, name: str) -> Iterator[tuple[str, Points]]:  # noqa: ANN401 - MATLAB's structures nest freely
    """Walk a structure for arrays (N, 2) or single points (2,)."""
    if isinstance(item, dict):
        for key, inner in item.items():
            yield from _lines(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(item, np.ndarray) and item.dtype.kind in "iuf":
        if item.shape == (2,) or (item.ndim == 2 and item.shape[1] == 2 and len(item)):
            yield name, np.asarray(item, np.float64).reshape(-1, 2)
    elif isinstance(item, list | np.ndarray):
        for number, inner in enumerate(item):
            yield from _lines(inner, f"{name}{number + 1}")


def _of_points(folder: Path, frames: int | None) -> Contours:
    files = {int(path.stem): path for path in listed(folder, {".pts"}) if path.stem.isdigit()}
    try:
        first = first_number(files, frames)
    except BadInputError as error:
        raise BadInputError(f"{folder}: {error}") from error
    return {number - first: {"points": read_points(path)} for number, path in sorted(files.items())}


def read_points(path: Path) -> Points:
    """Read a `.pts` file: a line of two numbers a point, float64 (N, 2); raises BadInputError."""
    lines = require_file(path).read_text(encoding="utf-8", errors="replace").splitlines()
    pairs = [match.groups() for line in lines if (match := _PAIR.match(line))]
    promised = next(
        (int(line.split(":")[1]) for line in lines if re.fullmatch(r"\s*n_points\s*:\s*\d+\s*", line)), None
    )
    try:
        points = np.array([[float(one) for one in pair] for pair in pairs], np.float64).reshape(-1, 2)
    except ValueError as error:
        raise BadInputError(f"{path}: it holds something else than points; export it again") from error
    if not len(points) or (promised is not None and promised != len(points)):
        told = f"it promises {promised} points and holds {len(points)}" if promised else "there are no points in it"
        raise BadInputError(f"{path}: {told}; copy it again")
    return points
