"""A scanner's DICOM series as a movie: a folder of files, in the order and at the rate their headers tell.

Headers name people. Of each only the tags in `_WANTED` are read, and no value of a header stands in a message.
"""

from __future__ import annotations

import contextlib
import logging
import math
import statistics
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seido.corpus.items import SOUNDS, listed
from seido.errors import BadInputError, MissingExtraError
from seido.timebase import MAX_RATE

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_WANTED = [
    "SOPClassUID", "SeriesInstanceUID", "InstanceNumber", "NumberOfFrames", "Rows", "Columns", "SamplesPerPixel",
    "FrameTime", "TemporalResolution", "RepetitionTime", "AcquisitionTime", "TriggerTime", "CineRate",
]  # fmt: skip
_NAMING = ["PatientName", "PatientID", "OtherPatientIDs", "OtherPatientNames", "PatientBirthDate"]
_SUFFIXES = {".dcm", ".ima", ".dicom"}
_OTHER = {".txt", ".csv", ".json", ".xml", ".textgrid", ".trs", ".md", ".mat", ".pdf", *SOUNDS}
_FASTEST = Fraction(200)
"""Frames per second beyond which a time in a header is that of one echo, not of a frame."""
_GAPS = Fraction(1, 20)
"""Share of numbers that may be missing in a series before the numbers are taken to say nothing about time."""


@dataclass(frozen=True)
class DicomPages:
    """The pictures of a series: which file, and which frame in it, is shown at each number."""

    path: Path
    pages: tuple[tuple[Path, int | None], ...]
    rate: Fraction | None
    missing: int
    """Frames that are not there, for which the one before is held."""

    @classmethod
    def of(cls, folder: Path) -> DicomPages:
        """Read the headers of a series; raises BadInputError, MissingExtraError without pydicom."""
        headers = [(path, header) for path in series_files(folder) if (header := _header(path)) is not None]
        headers = [(path, header) for path, header in headers if header.get("Rows")]
        if not headers:
            raise BadInputError(f"{folder}: there are no DICOM pictures in it; name the folder of one series")
        series = {str(header.get("SeriesInstanceUID", "")) for _, header in headers}
        if len(series) > 1:
            raise BadInputError(f"{folder}: it holds {len(series)} series; put each in a folder of its own")
        if len({(header.get("Rows"), header.get("Columns")) for _, header in headers}) > 1:
            raise BadInputError(f"{folder}: its pictures have different sizes; put each size in a folder of its own")
        if len(headers) == 1 and int(headers[0][1].get("NumberOfFrames") or 1) > 1:
            path, header = headers[0]
            numbers = range(int(header.get("NumberOfFrames")))
            return cls(folder, tuple((path, number) for number in numbers), _stated_rate([header]), 0)
        order, missing = _ordered(folder, headers)
        return cls(folder, tuple((path, None) for path, _ in order), _stated_rate([one for _, one in order]), missing)

    def __len__(self) -> int:
        return len(self.pages)

    def between(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        """Read pages start … stop − 1 at full depth."""
        held: tuple[tuple[Path, int | None], NDArray[Any]] | None = None
        for page in self.pages[start:stop]:
            if held is None or held[0] != page:
                held = page, _picture(*page)
            yield held[1]


def is_dicom(path: Path) -> bool:
    """Tell by its first bytes, or by its suffix, whether a file is DICOM."""
    if path.suffix.lower() in _SUFFIXES:
        return True
    try:
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False


def series_files(folder: Path) -> list[Path]:
    """List the DICOM files of a folder."""
    files = [path for path in listed(folder) if path.suffix.lower() not in _OTHER and path.name != "DICOMDIR"]
    # Scanners name files of one series alike: where the first carries the suffix, only those with it belong.
    marked = [path for path in files if path.suffix.lower() in _SUFFIXES]
    return marked or [path for path in files if is_dicom(path)]


def holds_series(folder: Path) -> bool:
    """Tell whether a folder holds DICOM files, by looking at few of them."""
    files = [path for path in listed(folder) if path.suffix.lower() not in _OTHER and path.name != "DICOMDIR"]
    return any(path.suffix.lower() in _SUFFIXES for path in files) or any(is_dicom(path) for path in files[:3])


def identities(folder: Path) -> set[str]:
    """List the words by which a series' headers name the person, in lower case, so that no name is made of them."""
    first = next(iter(series_files(folder)), None)
    header = None if first is None else _header(first, _NAMING)
    if header is None:
        return set()
    with _quiet():
        said = " ".join(str(element.value) for element in header).lower()
    return {word for word in "".join(one if one.isalnum() else " " for one in said).split() if len(word) > 2}


def _header(path: Path, wanted: list[str] | None = None) -> Dataset | None:
    """Read some tags of a file; None when it is no DICOM."""
    if find_spec("pydicom") is None:
        raise MissingExtraError(f"{path.parent}: reading DICOM", "corpora")
    import pydicom

    with _quiet():
        try:
            return pydicom.dcmread(
                path, stop_before_pixels=True, specific_tags=wanted or _WANTED, force=path.suffix.lower() in _SUFFIXES
            )
        except Exception:  # noqa: BLE001 - damaged headers raise almost anything
            return None


def _picture(path: Path, number: int | None) -> NDArray[Any]:
    import pydicom
    from pydicom.pixels.utils import pixel_array

    with _quiet():
        try:
            dataset = pydicom.dcmread(path) if number is None else None
            if dataset is not None:
                pixels = dataset.pixel_array
                if dataset.get("PhotometricInterpretation") == "MONOCHROME1":  # black and white are exchanged
                    pixels = (1 << int(dataset.BitsStored)) - 1 - pixels
            else:
                pixels = pixel_array(path, index=number)
        except Exception:  # noqa: BLE001 - pydicom and its decoders raise almost anything; their words may name people
            raise BadInputError(
                f"{path}: its pixels cannot be read: damaged, or compressed in a way this machine lacks a decoder for; "
                f"copy it again, or convert the series with `dcmdjpeg` or `gdcmconv --raw`"
            ) from None
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        pixels = pixels[..., 1]
    if pixels.ndim != 2:
        raise BadInputError(f"{path}: a series has one picture a file, got shape {pixels.shape}; export it anew")
    return pixels


def _ordered(folder: Path, headers: list[tuple[Path, Dataset]]) -> tuple[list[tuple[Path, Dataset]], int]:
    """Order a series by InstanceNumber, whether that begins with 0 or 1; hold the frame before where some lack."""
    numbered: dict[int, tuple[Path, Dataset]] = {}
    for path, header in headers:
        number = _number(header, "InstanceNumber")
        if number is None:
            raise BadInputError(
                f"{path}: it has no InstanceNumber, so its place in {folder.name} is not known; export the series again"
            )
        if int(number) in numbered:
            raise BadInputError(
                f"{folder}: two files have InstanceNumber {int(number)}; put each series in a folder of its own"
            )
        numbered[int(number)] = path, header
    numbers = sorted(numbered)
    step = reduce(math.gcd, (b - a for a, b in pairwise(numbers)), 0) or 1
    places = [(number - numbers[0]) // step for number in numbers]
    missing = places[-1] + 1 - len(places)
    if not 0 < missing <= _GAPS * len(places):
        return [numbered[number] for number in numbers], 0
    held = np.searchsorted(places, np.arange(places[-1] + 1), "right") - 1
    return [numbered[numbers[int(one)]] for one in held], missing


def _stated_rate(headers: list[Dataset]) -> Fraction | None:
    """Find the frames per second that headers tell; None when they do not, or what they tell is impossible."""
    first = headers[0]
    for name in ("FrameTime", "TemporalResolution"):
        if rate := _of_period(_number(first, name)):
            return rate
    for name, unit in (("AcquisitionTime", 1), ("TriggerTime", 1000)):
        if rate := _of_times([_clock(header, name) for header in headers], unit):
            return rate
    cine = _number(first, "CineRate")
    if cine and 0 < cine <= _FASTEST:
        return Fraction(str(cine)).limit_denominator(1000)
    return _of_period(_number(first, "RepetitionTime"))


def _of_period(milliseconds: float | None) -> Fraction | None:
    if not milliseconds or not 0 < milliseconds < 10_000:
        return None
    rate = 1000 / Fraction(str(milliseconds))
    return rate if rate <= _FASTEST else None


def _of_times(times: list[float | None], unit: int) -> Fraction | None:
    """Find the rate of times that increase evenly, frame by frame."""
    known = [time for time in times if time is not None]
    if len(known) < 3 or len(known) < len(times):
        return None
    steps = [b - a for a, b in pairwise(known) if b != a]
    if len(steps) < len(known) - 1 - _GAPS * len(known) or min(steps) <= 0:
        return None
    if max(steps) > 20 * statistics.median(steps):
        return None  # a pause in the series: no one rate
    rate = Fraction((len(known) - 1) * unit / (known[-1] - known[0])).limit_denominator(1000)
    return rate if 0 < rate <= min(_FASTEST, MAX_RATE) else None


def _clock(header: Dataset, name: str) -> float | None:
    """Read a time of day HHMMSS.ffffff in seconds, or a number as it is."""
    if name != "AcquisitionTime":
        return _number(header, name)
    with _quiet():
        try:
            text = str(header.get(name) or "")
            return int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:])
        except ValueError:
            return None


def _number(header: Dataset, name: str) -> float | None:
    with _quiet():
        try:
            return float(header.get(name))
        except (TypeError, ValueError, OverflowError):
            return None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep pydicom from warning and logging: it quotes headers."""
    logger = logging.getLogger("pydicom")
    disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = disabled
