"""The real-time MRI articulatory movement database (Maekawa et al.): movies with sound, and a table of tokens."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from seido.corpus.folder import without_speech
from seido.corpus.items import MOVIES, Item, Names, PassedOver, listed, safe, subfolders
from seido.errors import BadInputError
from seido.files import require_file
from seido.timebase import exact_rate
from seido.values import Recording

MOVIE_FOLDER = "rtmridb_v1_mp4"
DATABASES = {".sqlite3", ".sqlite"}
TABLE = "rtmri"
_NEEDED = ("file", "start", "end", "phoneme")
_WORDS = ("text", "jtext", "subject", "session", "fps", "dialect")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_NAMED_LANGUAGE = re.compile(r"_(ja|zh|en)_\d+$")
"""A phantom's names tell the language, `M1_ja_001`."""


@dataclass(frozen=True)
class Token:
    """A row of the table: one phone, its word, and its start and end in the table's own unit."""

    start: float
    end: float
    phone: str
    word: str


@dataclass(frozen=True)
class Spoken:
    """What the table says of one file."""

    speaker: str
    session: str
    language: str
    rate: Fraction | None
    """The table's frames per second; nominal, 14 where the movie may run at 13.84."""
    tokens: tuple[Token, ...]


def is_rtmridb(root: Path) -> bool:
    """Tell whether a folder is laid out as this database."""
    return (root / MOVIE_FOLDER).is_dir() or (bool(listed(root, DATABASES)) and bool(_movie_folders(root)))


def read_rtmridb(root: Path) -> Iterator[Item]:
    """Find its recordings: a movie each, its speaker and session from the table."""
    databases = listed(root, DATABASES)
    spoken: dict[str, Spoken] = {}
    if not databases:
        yield PassedOver(f"{root}: rtMRIDB.sqlite3 is not there, so nothing tells who says what; copy it there")
    else:
        try:
            spoken = spoken_in(databases[0])
        except BadInputError as error:
            yield PassedOver(str(error))
    names, seen = Names(), set()
    for folder in _movie_folders(root):
        for movie in listed(folder, MOVIES):
            said = spoken.get(movie.stem)
            seen.add(movie.stem)
            named = _NAMED_LANGUAGE.search(movie.stem)
            recording = Recording(
                name=names.unique(safe(movie.stem)),
                movie=movie,
                speech=movie,
                speaker=safe(said.speaker if said and said.speaker else re.split(r"[_-]", movie.stem)[0] or movie.stem),
                language=(said.language if said else "") or (named[1] if named else ""),
                session=said.session if said else "",
                labels=databases[0] if said and said.tokens else None,
            )
            yield without_speech(recording) or recording
    for missing in sorted(spoken.keys() - seen):
        yield PassedOver(f"{databases[0]}: there is no movie of its {missing}; copy it to {MOVIE_FOLDER}")


def spoken_in(database: Path) -> dict[str, Spoken]:
    """Read the table: file → what is said in it; raises BadInputError for a damaged or another database."""
    stat = require_file(database).stat()
    return _spoken(database, stat.st_mtime_ns, stat.st_size)


def _movie_folders(root: Path) -> list[Path]:
    places = [root, *(part for part in subfolders(root) if part.name != "truth")]
    return [place for place in places if listed(place, MOVIES)]


@lru_cache(maxsize=4)
def _spoken(database: Path, _changed: int, _size: int) -> dict[str, Spoken]:
    try:
        # Read-only and without a lock: corpora lie on disks that cannot be written.
        address = f"{database.absolute().as_uri()}?mode=ro&immutable=1"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as base:
            columns = [str(row[1]) for row in base.execute(f"PRAGMA table_info({TABLE})")]
            if lacking := [name for name in _NEEDED if name not in columns]:
                what = f"a table {TABLE!r}" if not columns else f"the column {lacking[0]!r} in table {TABLE!r}"
                raise BadInputError(f"{database}: this is another database, without {what}; give rtMRIDB.sqlite3")
            wanted = [name for name in (*_NEEDED, *_WORDS) if name in columns]
            quoted = ", ".join(f'"{name}"' for name in wanted)
            order = f"SELECT {quoted} FROM {TABLE} ORDER BY rowid"  # noqa: S608 - only our own names
            by_file: dict[str, list[dict[str, Any]]] = {}
            for values in base.execute(order):
                row = dict(zip(wanted, values, strict=True))
                by_file.setdefault(_stem(_text(row, "file")), []).append(row)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise BadInputError(f"{database}: this is no SQLite database, or a damaged one; copy it again") from error
    by_file.pop("", None)
    return {name: _of_rows(rows) for name, rows in by_file.items()}


def _of_rows(rows: list[dict[str, Any]]) -> Spoken:
    tokens = []
    for row in rows:
        try:
            start, end = float(row["start"]), float(row["end"])
        except (TypeError, ValueError):
            continue
        if 0 <= start < end:
            word = _text(row, "text") or _text(row, "jtext")
            tokens.append(Token(start, end, _text(row, "phoneme"), word))
    dialect = _text(rows[0], "dialect")
    try:
        rate = exact_rate(_text(rows[0], "fps")) if _text(rows[0], "fps") else None
    except BadInputError:
        rate = None
    return Spoken(
        speaker=_text(rows[0], "subject"),
        session=_text(rows[0], "session"),
        language=dialect if _LANGUAGE.fullmatch(dialect) else "",
        rate=rate,
        tokens=tuple(sorted(tokens, key=lambda token: (token.start, token.end))),
    )


def _stem(file: str) -> str:
    """Take a file's name without its folder, and without the ending of a movie where it has one."""
    name = file.replace("\\", "/").rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    return stem if f".{ending}".lower() in MOVIES and dot else name


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value).strip()
