"""Where a phantom corpus puts its files: as real corpora do, so that what reads those reads this."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seido.errors import MissingExtraError, OutputError
from seido.files import describe_os_error, make_folder, replacing
from seido.movie.writer import Sound, write_movie, write_speech
from seido.phantom.script import Line
from seido.values import Movie, Speech

DATABASE = "rtMRIDB.sqlite3"
MOVIES = "rtmridb_v1_mp4"
# fmt: off
COLUMNS = ("date", "file", "start", "end", "text", "jtext", "phoneme", "subject", "session", "class", "slide2", "slide",
           "ser", "tag", "fps", "gender", "birth_year", "birth_place", "dialect", "subject_id", "id")
# fmt: on
"""The columns of table `rtmri`, in the order of the database of Maekawa et al."""
_GENDERS = {"man": "male", "woman": "female"}
Token = tuple[str, str, float, float]
"""A phone as it was realised: its symbol, its word, and its start and end in seconds."""


@dataclass(frozen=True)
class Layout:
    """How one kind of corpus lies on disk."""

    place: Callable[[Line, Sequence[str]], Path]
    """The folder and stem of a recording's files, below the corpus; the second argument lists all speakers."""
    write: Callable[[Path, Movie, Speech], None]
    """Write a recording's files, given that stem."""
    finish: Callable[[Path, Sequence[tuple[Line, Sequence[Token]]]], None]
    """Write what the corpus has besides recordings."""
    needs: str = ""
    """A package it needs beyond those of the phantom itself."""


def _movie_place(line: Line, _: Sequence[str]) -> Path:
    return Path(MOVIES, line.name)


def _write_movie(stem: Path, movie: Movie, speech: Speech) -> None:
    make_folder(stem.parent)
    write_movie(stem.with_suffix(".mp4"), iter(movie.frames), movie.rate, Sound([speech.samples], speech.rate))


def _write_database(root: Path, spoken: Sequence[tuple[Line, Sequence[Token]]]) -> None:
    """Write the table of tokens; a row is a phone."""
    speakers = list(dict.fromkeys(line.speaker for line, _ in spoken))
    rows: list[dict[str, Any]] = []
    for line, tokens in spoken:
        for symbol, word, start, end in tokens:
            row = dict.fromkeys(COLUMNS)
            row |= {"file": line.name, "start": round(start, 6), "end": round(end, 6), "text": word, "phoneme": symbol}
            row |= {"jtext": line.text, "session": line.number, "fps": float(line.frame_rate), "id": len(rows) + 1}
            row |= {"subject": line.speaker, "subject_id": speakers.index(line.speaker) + 1, "class": "phantom"}
            row |= {"gender": _GENDERS.get(line.anatomy.label), "dialect": line.language}
            rows.append(row)
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    marks = ", ".join("?" for _ in COLUMNS)
    with replacing(root / DATABASE) as temporary:
        try:
            # A connection's own context ends the transaction but does not close the file.
            with contextlib.closing(sqlite3.connect(temporary)) as base, base:
                base.execute(f"CREATE TABLE rtmri ({names})")
                base.executemany(
                    f"INSERT INTO rtmri VALUES ({marks})",  # noqa: S608 - only question marks
                    [tuple(row[name] for name in COLUMNS) for row in rows],
                )
        except sqlite3.OperationalError as error:
            raise OutputError(f"{root / DATABASE}: cannot be written ({error}); choose another place") from error


def _subject_place(line: Line, speakers: Sequence[str]) -> Path:
    subject = f"sub{speakers.index(line.speaker) + 1:03d}"
    return Path(subject, "2drt", f"{subject}_2drt_{line.number:02d}_{line.language}_r1")


def _write_subject(stem: Path, movie: Movie, speech: Speech) -> None:
    for kind in ("audio", "video", "recon"):
        make_folder(stem.parent / kind)
    write_speech(stem.parent / "audio" / f"{stem.name}_audio.wav", speech)
    _write_movie(stem.parent / "video" / f"{stem.name}_video", movie, speech)
    _write_reconstruction(stem.parent / "recon" / f"{stem.name}_recon.h5", movie)


def _write_reconstruction(path: Path, movie: Movie) -> None:
    import h5py

    with replacing(path) as temporary:
        try:
            with h5py.File(temporary, "w") as file:
                file.create_dataset(
                    "recon", data=movie.frames, chunks=(1, *movie.size), compression="gzip", compression_opts=1
                )
                file.attrs["frame_rate"] = str(Fraction(movie.rate))
        except OSError as error:
            raise OutputError(describe_os_error(path, error)) from error


LAYOUTS: dict[str, Layout] = {
    "rtmridb": Layout(_movie_place, _write_movie, _write_database),
    "75speaker": Layout(_subject_place, _write_subject, lambda *_: None, "h5py"),
}
"""rtmridb: movies with sound and a database of tokens; 75speaker: a folder a subject (Lim et al. 2021)."""


def layout(name: str) -> Layout:
    """Look up one of `LAYOUTS`; raises MissingExtraError when what it needs is not installed."""
    found = LAYOUTS[name]
    if found.needs and find_spec(found.needs) is None:
        raise MissingExtraError(f"the layout {name}", "phantom")
    return found
