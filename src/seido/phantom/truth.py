"""What is known of a phantom's recording: outlines, tract variables, tube and labels, on disk beside it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from seido.corpus.textgrid import Interval, TextGrid, Tier, read_textgrid, write_textgrid
from seido.errors import BadInputError, OutputError
from seido.files import describe_os_error, make_folder, require_file, write_bytes
from seido.phantom.tracks import Mark
from seido.phantom.tract_variables import TRACT_VARIABLES
from seido.phantom.utterance import PAUSE
from seido.timebase import exact_rate

CONTOURS = "contours.safetensors"
VARIABLES = "variables.csv"
LABELS = "labels.TextGrid"
TRUTH = "truth.json"
"""Written last, so where it is, the others are whole."""
VERSION = 1
SECTIONS = 40
"""Sections of the tube."""
_AREAS, _LENGTHS = "tube_areas", "tube_lengths"
_EXPLAINED = {
    "coordinates": (
        "millimetres of the picture: x to the right, y down, from its upper left corner; a pixel is 1 mm wide, so "
        "the pixel in row r and column c has its centre at (c + 0.5, r + 0.5)"
    ),
    "time": "frame k shows the time k / frame_rate to (k + 1) / frame_rate; labels are where the movement really is",
    "files": {
        CONTOURS: (
            "float32; per articulator (frames, points, 2), x before y; "
            f"{_AREAS} cm² and {_LENGTHS} cm (frames, {SECTIONS}), from glottis to lips"
        ),
        VARIABLES: "a row per frame, time at its middle",
        LABELS: "tiers words and phones (IPA); silence is empty",
    },
    "tract_variables": TRACT_VARIABLES,
}
_HEADER = ("time (s)", *(f"{name} ({meaning.partition(',')[0]})" for name, meaning in TRACT_VARIABLES.items()))


@dataclass(frozen=True, eq=False)
class Truth:
    """What really happened in a recording of T frames; checked when made."""

    rate: Fraction
    """Frames per second."""
    articulators: Mapping[str, NDArray[np.float32]]
    """By name, float32 (T, points, 2): mm of the picture, x right, y down, 1 mm a pixel."""
    tract_variables: NDArray[np.float32]
    """float32 (T, variables): a column for each of `TRACT_VARIABLES`."""
    areas: NDArray[np.float32]
    """float32 (T, 40): cm² of the tube's sections, from glottis to lips."""
    lengths: NDArray[np.float32]
    """float32 (T, 40): their lengths in cm."""
    labels: TextGrid
    """Words and phones; as long as the frames."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else should be known, such as speaker, language, text and seed; goes into JSON."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", exact_rate(self.rate))
        frames = len(self.tract_variables)
        if not frames:
            raise BadInputError("a truth needs at least one frame")
        _check("the tract variables", self.tract_variables, (frames, len(TRACT_VARIABLES)))
        _check("the areas", self.areas, (frames, SECTIONS))
        _check("the lengths", self.lengths, (frames, SECTIONS))
        for name, points in self.articulators.items():
            if name in {_AREAS, _LENGTHS}:
                raise BadInputError(f"an articulator cannot be called {name!r}: that name is the tube's")
            _check(f"the outline of {name}", points, (frames, points.shape[1] if points.ndim > 1 else 0, 2))
        if abs(Fraction(self.labels.seconds) * self.rate - frames) > 1:
            raise BadInputError(
                f"labels of {self.labels.seconds:.3f} s and {frames} frames ({float(frames / self.rate):.3f} s) "
                "differ by more than a frame"
            )
        try:
            json.dumps(dict(self.facts), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise BadInputError(f"the facts of a truth should fit into JSON: {error}") from None

    def __len__(self) -> int:
        return len(self.tract_variables)


def write_truth(folder: Path, truth: Truth) -> None:
    """Write a truth into a folder, which is made where it is missing; raises OutputError.

    `contours.safetensors`, `variables.csv`, `labels.TextGrid` and, last, `truth.json`: each whole or not at all,
    and the same truth gives the same bytes.
    """
    make_folder(folder)
    try:
        (folder / TRUTH).unlink(missing_ok=True)  # until all is there again, it should not say so
    except OSError as error:
        raise OutputError(describe_os_error(folder / TRUTH, error)) from error
    arrays = {**truth.articulators, _AREAS: truth.areas, _LENGTHS: truth.lengths}
    write_bytes(folder / CONTOURS, save({name: np.ascontiguousarray(values) for name, values in arrays.items()}))
    write_bytes(folder / VARIABLES, _table(truth).encode())
    write_textgrid(folder / LABELS, truth.labels)
    described = {
        "version": VERSION,
        "frame_rate": str(truth.rate),
        "frames": len(truth),
        **_EXPLAINED,
        "articulators": {name: points.shape[1] for name, points in truth.articulators.items()},
        "facts": dict(truth.facts),
    }
    write_bytes(folder / TRUTH, (json.dumps(described, indent=1, ensure_ascii=False) + "\n").encode())


def read_truth(folder: Path) -> Truth:
    """Read what `write_truth` wrote; raises BadInputError naming the file that is missing or damaged."""
    path = require_file(folder / TRUTH)
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        version, rate, frames = described["version"], described["frame_rate"], described["frames"]
        names, facts = list(described["articulators"]), dict(described["facts"])
    except (ValueError, KeyError, TypeError):
        raise BadInputError(f"{path}: it is damaged or describes no phantom's truth; make the corpus again") from None
    if version != VERSION:
        raise BadInputError(f"{path}: it is of version {version}, this program reads {VERSION}; make the corpus again")
    arrays = _arrays(folder / CONTOURS)
    missing = [name for name in (*names, _AREAS, _LENGTHS) if name not in arrays]
    if missing:
        raise BadInputError(f"{folder / CONTOURS}: {missing[0]} is missing from it; make the corpus again")
    variables = _read_table(folder / VARIABLES)
    if len(variables) != frames:
        raise BadInputError(f"{folder / VARIABLES}: {len(variables)} of {frames} frames are there; copy it again")
    labels = read_textgrid(folder / LABELS)
    try:
        outlines = {name: arrays[name] for name in names}
        return Truth(exact_rate(rate), outlines, variables, arrays[_AREAS], arrays[_LENGTHS], labels, facts)
    except BadInputError as error:
        raise BadInputError(f"{folder}: its files do not belong together: {error}; make the corpus again") from None


def label_grid(marks: Sequence[Mark], words: Sequence[str], seconds: float) -> TextGrid:
    """Make the tiers "words" and "phones" of marks and the texts of the words they point to.

    Silence is empty, as Praat users have it. What lies beyond `seconds` is cut off. Raises BadInputError when
    a mark points to no word.
    """
    if any(not 0 <= mark.word < len(words) for mark in marks):
        raise BadInputError(f"a phone belongs to a word that is not there: {len(words)} words are known")
    spoken = [list(group) for _, group in groupby(marks, key=lambda mark: mark.word)]
    spans = [(group[0].start, group[-1].end, words[group[0].word]) for group in spoken]
    phones = [(mark.start, mark.end, "" if mark.symbol == PAUSE else mark.symbol) for mark in marks]
    return TextGrid(seconds, (_tier("words", spans, seconds), _tier("phones", phones, seconds)))


def _tier(name: str, spans: Sequence[tuple[float, float, str]], seconds: float) -> Tier:
    # Microseconds, for 0.62 is easier to read in Praat than 0.6200000000000001.
    rounded = [(round(start, 6), min(round(end, 6), seconds), text) for start, end, text in spans]
    return Tier(name, tuple(Interval(*span) for span in rounded if span[0] < span[1]))


def _check(what: str, values: NDArray[Any], shape: tuple[int, ...]) -> None:
    if values.dtype != np.float32 or values.shape != shape:
        raise BadInputError(f"{what} should be float32 of shape {shape}, got {values.dtype} {values.shape}")
    if not np.isfinite(values).all():
        raise BadInputError(f"{what} should be finite, but NaN or infinite numbers are among them")


def _table(truth: Truth) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(_HEADER)
    for index, row in enumerate(truth.tract_variables):
        # Nine digits bring a float32 back exactly.
        middle = float((index + Fraction(1, 2)) / truth.rate)
        writer.writerow([f"{middle:.6f}", *(f"{value:.9g}" for value in row)])
    return table.getvalue()


def _read_table(path: Path) -> NDArray[np.float32]:
    try:
        rows = list(csv.reader(require_file(path).read_text(encoding="utf-8").splitlines(), strict=True))
        if tuple(rows[0]) != _HEADER:
            raise ValueError
        values = np.array([row[1:] for row in rows[1:]], np.float32).reshape(-1, len(TRACT_VARIABLES))
    except (ValueError, IndexError, csv.Error):
        raise BadInputError(
            f"{path}: it is damaged or another table; it should hold {', '.join(_HEADER)}; make the corpus again"
        ) from None
    return values


def _arrays(path: Path) -> dict[str, NDArray[np.float32]]:
    try:
        return load(require_file(path).read_bytes())
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise BadInputError(f"{path}: it is damaged or was cut off ({error}); make the corpus again") from None
