"""What a corpus holds, from headers and a few looks: the facts behind `seido inspect`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from seido.corpus import traps
from seido.corpus.contours import contour_path
from seido.corpus.dicom import DicomPages
from seido.corpus.formats import format_of, items_of
from seido.corpus.items import PassedOver
from seido.corpus.labels import labels_of
from seido.corpus.rtmridb import DATABASES, spoken_in
from seido.corpus.sound import probe_sound
from seido.corpus.stack import is_stack, open_stack
from seido.corpus.video import probe_movie
from seido.errors import SeidoError
from seido.values import MovieInfo, Recording

LOOKED_AT = 12
"""Recordings whose beginning is decoded; of the others only headers are read."""


@dataclass(frozen=True)
class Row:
    """One recording as its headers tell of it; None and "" where there is nothing."""

    name: str
    speaker: str
    session: str
    language: str
    seconds: float
    rate: str
    """Frames per second, exact: "1159/50"."""
    frames: int
    width: int
    height: int
    depth: str
    """The numbers its pixels are: "8 bit", or numpy's name of a deeper type."""
    sound_rate: int | None
    channels: int | None
    sound_seconds: float | None
    labels: str
    """Suffix of the file with labels."""
    phones: int
    words: int
    contours: bool
    usable: bool
    """Whether it has speech, so that clips can be made of it."""


@dataclass(frozen=True)
class Probed:
    """A recording, what its movie says of itself, and its row."""

    recording: Recording
    info: MovieInfo
    row: Row


@dataclass(frozen=True)
class Survey:
    """A corpus: its format, its recordings, and what is wrong with it, in sentences that tell the cure."""

    root: Path
    format: str
    rows: tuple[Row, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    """What is worth knowing and needs no cure."""
    looked_at: int = 0

    @property
    def usable(self) -> tuple[Row, ...]:
        """The recordings that clips can be made of."""
        return tuple(row for row in self.rows if row.usable)

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "format": self.format,
            "root": str(self.root),
            "recordings": [asdict(row) for row in self.rows],
            "problems": list(self.problems),
            "notes": list(self.notes),
            "looked_at": self.looked_at,
        }


def survey(
    root: Path,
    format: str = "auto",  # noqa: A002 - as the option is called
    progress: Callable[[str, int, int], None] = lambda *_: None,
    looks: int = LOOKED_AT,
) -> Survey:
    """Read the headers of all recordings under `root`, and look at the beginning of `looks` of them.

    A recording that cannot be read is a problem, and stops nothing. Raises BadInputError when there is no such folder.
    """
    kind = format_of(root, format)
    problems: list[str] = []
    found: list[tuple[Recording, bool]] = []
    for item in items_of(root, kind.name):
        if isinstance(item, PassedOver):
            problems.append(item.sentence)
            found += [(item.silent, False)] if item.silent else []
        else:
            found.append((item, True))
    probed: list[Probed] = []
    for number, (recording, usable) in enumerate(found):
        progress(recording.name, number, len(found))
        try:
            info = probe_movie(recording.movie, recording.rate)
            row, troubles = _row(recording, info, usable=usable)
        except SeidoError as error:
            problems.append(str(error))
            continue
        probed.append(Probed(recording, info, row))
        problems += troubles
    problems += _lengths(probed)
    chosen = traps.spread(probed, looks)
    for number, one in enumerate(chosen):
        progress(one.recording.name, number, len(chosen))
        problems += _looked(one)
    rows = tuple(one.row for one in probed)
    notes, mixed = _mixtures(rows)
    return Survey(root, kind.name, rows, (*problems, *mixed), tuple(notes), len(chosen))


def _row(recording: Recording, info: MovieInfo, *, usable: bool) -> tuple[Row, list[str]]:
    troubles: list[str] = []
    depth = "8 bit"
    if is_stack(recording.movie):
        stack = open_stack(recording.movie)
        kind = next(stack.between(0, 1)).dtype
        depth = depth if kind == "uint8" else str(kind)
        if isinstance(stack.pages, DicomPages) and stack.pages.missing:
            troubles.append(
                f"{recording.name}: {stack.pages.missing} of {info.frames} frames are missing in its series; the frame "
                f"before is held, so time stays right; export the series again if you can"
            )
    sound = None
    if usable:
        sound = probe_sound(recording.speech)
        if not sound.samples:
            troubles.append(f"{sound.path}: it does not tell its length; export it as wav")
    phones = words = 0
    try:
        grid = labels_of(recording)
        if grid is not None:
            phones, words = (
                sum(
                    bool(one.text) for tier in grid.tiers if tier.name == name for one in getattr(tier, "intervals", ())
                )
                for name in ("phones", "words")
            )
            beyond = traps.labels_trap(recording, grid, info.frames / info.rate)
            troubles += [beyond] if beyond else []
    except SeidoError as error:
        troubles.append(str(error))
    row = Row(
        name=recording.name,
        speaker=recording.speaker,
        session=recording.session,
        language=recording.language,
        seconds=round(float(info.frames / info.rate), 3),
        rate=str(info.rate),
        frames=info.frames,
        width=info.width,
        height=info.height,
        depth=depth,
        sound_rate=sound.rate if sound else None,
        channels=sound.channels if sound else None,
        sound_seconds=round(sound.samples / sound.rate, 3) if sound and sound.samples else None,
        labels=recording.labels.suffix if recording.labels else "",
        phones=phones,
        words=words,
        contours=contour_path(recording) is not None,
        usable=usable,
    )
    return row, troubles


def _lengths(probed: list[Probed]) -> list[str]:
    rates = [rate for rate, _ in Counter(one.info.rate for one in probed).most_common()]
    tables = {one.recording.labels for one in probed} - {None}
    for table in tables:
        if table and table.suffix.lower() in DATABASES:
            rates += {said.rate for said in spoken_in(table).values() if said.rate} - set(rates)
    found = (
        traps.length_trap(one.recording, one.info, Fraction(str(one.row.sound_seconds)), rates)
        for one in probed
        if one.row.sound_seconds is not None
    )
    return [sentence for sentence in found if sentence]


def _looked(one: Probed) -> list[str]:
    found: list[str | None] = []
    try:
        found.append(traps.frames_trap(one.recording, one.info))
        if one.row.sound_rate:
            found.append(traps.sound_trap(one.recording, one.row.sound_rate))
    except SeidoError as error:
        found.append(str(error))
    return [sentence for sentence in found if sentence]


def _mixtures(rows: tuple[Row, ...]) -> tuple[list[str], list[str]]:
    rates = Counter(traps.plain(Fraction(row.rate)) for row in rows)
    sizes = Counter(f"{row.width} × {row.height}" for row in rows)
    depths = Counter(row.depth for row in rows)
    notes = [
        traps.mixed("frame rates", rates, "clips are retimed to one"),
        f"pictures are deeper than 8 bit ({', '.join(depths)}): white is put at a recording's 99.7th percentile"
        if set(depths) - {"8 bit"}
        else None,
    ]
    problems = [traps.mixed("picture sizes", sizes, "prepare each apart, or give a region for each")]
    return [one for one in notes if one], [one for one in problems if one]
