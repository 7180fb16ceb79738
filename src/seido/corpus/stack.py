"""Stacks of pictures: arrays, multi-page TIFF, HDF5 and DICOM series, of any depth, brought to 8 bit."""

from __future__ import annotations

import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.corpus.depth import PERCENTILE, scaled, window
from seido.corpus.dicom import DicomPages
from seido.corpus.hdf5 import SUFFIXES as HDF5_SUFFIXES
from seido.corpus.hdf5 import Hdf5Pages
from seido.corpus.image import TiffPages
from seido.corpus.picture import MAX_PIXELS, in_colour, is_grey
from seido.errors import BadInputError, SeidoError
from seido.files import require_file
from seido.timebase import Rate, exact_rate
from seido.values import Movie, MovieInfo

_SUFFIXES = {".npy", ".npz", ".tif", ".tiff", *HDF5_SUFFIXES}
_RATE_KEYS = ("rate", "fps", "frame_rate")
_TIME_KEYS = ("times", "time", "acq_time", "timestamps")
_BROKEN = (
    *(OSError, ValueError, EOFError, LookupError, TypeError, SyntaxError, OverflowError, MemoryError, RuntimeError),
    *(tokenize.TokenError, struct.error, zipfile.BadZipFile, zlib.error),
)
"""What numpy raises for damaged arrays."""
_MAX_BYTES = 8 << 30
"""A compressed array with more is refused: it has to be unpacked into memory."""


def is_stack(path: Path) -> bool:
    """Tell whether it is a stack of pictures: a file by its suffix, a folder as a DICOM series."""
    return path.suffix.lower() in _SUFFIXES or path.is_dir()


Pages = TiffPages | Hdf5Pages | DicomPages
"""Pictures that stay on disk until they are asked for."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Pictures on disk, (T, H, W) of any depth or uint8 (T, H, W, 3), and their rate when the file carries one."""

    path: Path
    pages: NDArray[Any] | Pages
    rate: Fraction | None

    def between(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        """Read pages start … stop − 1 as they are stored."""
        if not isinstance(self.pages, np.ndarray):
            yield from self.pages.between(start, stop)
        else:
            for page in self.pages[start:stop]:
                yield np.asarray(page)

    def info(self) -> MovieInfo:
        """Say what it is as a movie; raises BadInputError when it carries no rate."""
        if self.rate is None:
            raise BadInputError(f"{self.path}: {_cure(self.pages)}")
        first = next(self.between(0, 1))
        colour = first.ndim == 3 and not is_grey(first)
        height, width = first.shape[:2]
        return MovieInfo(self.path, width, height, self.rate, len(self.pages), colour=colour, sound=False)

    def pictures(self, start: int, stop: int, percentile: float, *, colour: bool) -> Iterator[NDArray[np.uint8]]:
        """Read pages start … stop − 1 as grey uint8 (H, W) or RGB (H, W, 3)."""
        first = next(self.between(0, 1))
        span = None if first.dtype == np.uint8 else _span(self, percentile)
        for number, page in enumerate(self.between(start, stop), start):
            if page.shape != first.shape or page.dtype != first.dtype:
                raise BadInputError(
                    f"{self.path}: page {number} has another size or depth than the first; save all alike"
                )
            yield in_colour(scaled(page, *span) if span else np.array(page), colour=colour)


def _cure(pages: NDArray[Any] | Pages) -> str:
    if isinstance(pages, Hdf5Pages):
        return "nothing in it tells its frame rate; give one, or write it into its attribute `frame_rate`"
    if isinstance(pages, DicomPages):
        return "its headers tell no frame rate; give one"
    return "a stack like this has no frame rate; save it as .npz with `frames` and `rate`"


@lru_cache(maxsize=8)
def _span(stack: Stack, percentile: float) -> tuple[float, float]:
    """Find black and white once a stack."""
    try:
        return window(stack.between(0, len(stack.pages)), len(stack.pages), percentile)
    except SeidoError as error:
        raise type(error)(f"{stack.path}: {error}") from None


def open_stack(path: Path) -> Stack:
    """Open a stack or a DICOM series without reading its pictures; raises BadInputError."""
    stat = path.stat() if path.is_dir() else require_file(path).stat()
    return _opened(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1)
def _opened(path: Path, _changed: int, _size: int) -> Stack:
    if path.is_dir():
        series = DicomPages.of(path)
        return Stack(path, series, series.rate)
    if path.suffix.lower() in HDF5_SUFFIXES:
        file = Hdf5Pages.of(path)
        return Stack(path, file, file.rate)
    if path.suffix.lower() in {".tif", ".tiff"}:
        return Stack(path, TiffPages.of(path), None)
    pages, rate = _array(path)
    if pages.ndim not in {3, 4} or (pages.ndim == 4 and (pages.shape[3] != 3 or pages.dtype != np.uint8)):
        raise BadInputError(
            f"{path}: a stack should be (T, H, W), or 8-bit (T, H, W, 3), got {pages.dtype} {pages.shape}"
        )
    if not pages.size or pages.shape[1] * pages.shape[2] > MAX_PIXELS:
        raise BadInputError(f"{path}: its shape is {pages.shape}; give one with frames under 100 megapixels")
    return Stack(path, pages, rate)


def read_stack(path: Path | str, rate: Rate | None = None, percentile: float = PERCENTILE) -> Movie:
    """Read a stack as a movie.

    Parameters
    ----------
    path
        `.npy`, `.npz` (one array or `frames`, perhaps `rate`, `fps` or `times` in seconds), multi-page TIFF, `.h5`
        with one stack in it, or a folder with one DICOM series; integers or floats (T, H, W).
    rate
        Frames per second; may be left out where the file carries it.
    percentile
        The percentile of all values that becomes white; 0, or the lowest value when that is negative, becomes
        black. 8-bit stacks are taken as they are.

    Raises
    ------
    BadInputError
        When it is no stack, or no rate is known. NotFiniteError when it holds NaN or infinite values.

    """
    stack = open_stack(Path(path))
    if rate is not None:
        stack = replace(stack, rate=exact_rate(rate))
    info = stack.info()
    frames = list(stack.pictures(0, info.frames, percentile, colour=info.colour))
    return Movie(np.stack(frames), info.rate)


def load_array(path: Path) -> NDArray[Any]:
    """Load the pictures of a `.npy` (mapped) or `.npz`; raises BadInputError."""
    return _array(path)[0]


def _array(path: Path) -> tuple[NDArray[Any], Fraction | None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy warns of old headers
            return _mapped(path) if path.suffix.lower() == ".npy" else _unpacked(path)
    except _BROKEN as error:
        raise BadInputError(f"{path}: this is no array that can be read; save it again with numpy") from error


def _mapped(path: Path) -> tuple[NDArray[Any], None]:
    return _numbers(path, np.load(path, mmap_mode="r", allow_pickle=False)), None


def _unpacked(path: Path) -> tuple[NDArray[Any], Fraction | None]:
    with zipfile.ZipFile(path) as members:
        if sum(member.file_size for member in members.infolist()) > _MAX_BYTES:
            raise BadInputError(
                f"{path}: it is too large unpacked; save its frames as .npy, which is never loaded whole"
            )
    with np.load(path, allow_pickle=False) as arrays:
        name = "frames" if "frames" in arrays.files else arrays.files[0] if len(arrays.files) == 1 else ""
        if not name:
            raise BadInputError(f"{path}: it should hold one array, or one named `frames`, got {arrays.files}")
        frames = _numbers(path, arrays[name])
        return frames, _rate_of(path, arrays, len(frames) if frames.ndim else 0)


def _numbers(path: Path, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind not in "biuf":
        raise BadInputError(f"{path}: pictures should be integers or floats, got {array.dtype}")
    return array


def _rate_of(path: Path, arrays: np.lib.npyio.NpzFile, count: int) -> Fraction | None:
    """Find the rate that a `.npz` carries, or that its times tell; None when there is neither."""
    for key in _RATE_KEYS:
        if key in arrays.files and arrays[key].size == 1:
            return exact_rate(str(arrays[key].item()))
    for key in _TIME_KEYS:
        if key in arrays.files and arrays[key].shape == (count,) and count > 1:
            times = np.asarray(arrays[key], np.float64)
            span = float(times[-1] - times[0])
            if not math.isfinite(span) or span <= 0:
                raise BadInputError(f"{path}: its `{key}` do not increase; give times in seconds, or a `rate`")
            return exact_rate(Fraction((count - 1) / span).limit_denominator(1000))
    return None
