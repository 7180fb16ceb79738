"""`seido phantom`: a whole corpus, recorded by several processes, that can be broken off and gone on with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from seido.corpus.textgrid import TextGrid, Tier, read_textgrid
from seido.errors import MissingExtraError, OutputError, SeidoError
from seido.files import describe_os_error, make_folder, swept, write_bytes
from seido.movie.writer import write_movie, write_speech
from seido.phantom.anatomy import engine_speaker_file
from seido.phantom.booth import Take, booth, record
from seido.phantom.card import data_card
from seido.phantom.layout import Token, layout
from seido.phantom.script import Line, PhantomOptions, script
from seido.phantom.truth import LABELS, TRUTH, write_truth
from seido.workers import check_workers, processes

CORPUS = "corpus.json"
"""What a corpus was made by; the mark of a phantom corpus."""
TRUTH_FOLDER = "truth"
PICTURES, SPEECH = "pictures.mkv", "speech.wav"
VERSION = 1
"""Grows when the same options give other bytes."""
CPU_SECONDS = 1.7
"""CPU-seconds that a second of speech costs, about."""
BYTES = 900_000
"""Bytes that a second of speech takes on disk, about."""
_CHUNK = 5
_LOOK = 0.5
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Made:
    """A corpus on disk: where, its lines, how long it lasts, how many takes were there already."""

    root: Path
    lines: tuple[Line, ...]
    seconds: float
    found: int


@dataclass(frozen=True)
class Cost:
    """What a corpus will take, about."""

    lines: int
    speech_minutes: float
    minutes: float
    gigabytes: float


def cost(options: PhantomOptions, workers: int | None = None) -> Cost:
    """Foretell what a corpus takes."""
    lines = options.recordings
    seconds = options.seconds * lines
    return Cost(lines, seconds / 60, seconds * CPU_SECONDS / 60 / check_workers(workers), seconds * BYTES / 1e9)


def produce(
    out: Path, options: PhantomOptions, workers: int | None = None, progress: Progress = lambda *_: None
) -> Made:
    """Record a corpus into the folder `out`, by so many processes, as many as there are cores unless given.

    The same options give the same bytes, whatever the number of workers. Broken off, the same call goes on where it
    stopped. Raises MissingExtraError when the engine, OpenCV or h5py is missing, OutputError when `out` holds something
    else, cannot be written or has no room, SeidoError naming the speaker when the engine dies.
    """
    parts = layout(options.layout)
    _require_extra()
    _claim(out, options)
    if not (out / TRUTH_FOLDER).exists():
        _require_room(out, options.seconds * options.recordings)
    lines = script(options)
    speakers = _speakers(lines)
    folders = {line: out / TRUTH_FOLDER / parts.place(line, speakers).name for line in lines}
    left = [line for line in lines if not (folders[line] / TRUTH).exists()]
    _require_room(out, options.seconds * len(left))
    chunks = _chunks(left)
    progress("recording", len(lines) - len(left), len(lines))
    with swept(out):
        if check_workers(workers) == 1 or len(chunks) < 2:
            for done in _one_by_one(out, options, speakers, left):
                progress("recording", len(lines) - len(left) + done, len(lines))
        else:
            missing = [folders[line] / TRUTH for line in left]
            for done in _together(out, options, speakers, chunks, missing, check_workers(workers)):
                progress("recording", len(lines) - len(left) + done, len(lines))
        grids = [read_textgrid(folders[line] / LABELS) for line in lines]
        parts.finish(out, [(line, tokens(grid)) for line, grid in zip(lines, grids, strict=True)])
        card = data_card(options, [(line, grid.seconds) for line, grid in zip(lines, grids, strict=True)])
        write_bytes(out / "README.md", card.encode())
    return Made(out, tuple(lines), sum(grid.seconds for grid in grids), len(lines) - len(left))


def tokens(grid: TextGrid) -> list[Token]:
    """List the phones of a recording's labels, each with the word it stands in; pauses are left out."""
    words, phones = (tier.intervals for tier in grid.tiers if isinstance(tier, Tier))
    found = []
    for phone in phones:
        middle = (phone.start + phone.end) / 2
        word = next((word.text for word in words if word.start <= middle < word.end), "")
        if phone.text:
            found.append((phone.text, word, phone.start, phone.end))
    return found


def _require_extra() -> None:
    engine_speaker_file()
    if find_spec("cv2") is None:
        raise MissingExtraError("the phantom", "phantom")


def _speakers(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(line.speaker for line in lines))


def _claim(out: Path, options: PhantomOptions) -> None:
    """Make the folder, or check that what it holds is this corpus, begun."""
    wanted = {"phantom": VERSION, **asdict(options)}
    make_folder(out)
    try:
        known = json.loads((out / CORPUS).read_text(encoding="utf-8")) if (out / CORPUS).exists() else None
        others = any(out.iterdir())
    except OSError as error:
        raise OutputError(describe_os_error(out, error)) from error
    except ValueError:
        raise OutputError(f"{out / CORPUS}: it does not tell what corpus this is; choose another folder") from None
    if known is None and others:
        raise OutputError(f"{out}: it holds other files; choose a new or empty folder")
    if known is not None and known != wanted:
        raise OutputError(f"{out}: it holds a phantom corpus of other options ({CORPUS} tells); choose another folder")
    if known is None:
        write_bytes(out / CORPUS, (json.dumps(wanted, indent=2) + "\n").encode())


def _require_room(out: Path, seconds: float) -> None:
    free = shutil.disk_usage(out).free
    if free < seconds * BYTES:
        raise OutputError(
            f"{out}: about {seconds * BYTES / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free; "
            "free some space or choose another place"
        )


def _chunks(lines: Sequence[Line]) -> list[list[Line]]:
    """Part lines into pieces of one speaker each, small enough that workers end together."""
    chunks: list[list[Line]] = []
    for line in lines:
        if not chunks or chunks[-1][0].speaker != line.speaker or len(chunks[-1]) == _CHUNK:
            chunks.append([])
        chunks[-1].append(line)
    return chunks


def _one_by_one(out: Path, options: PhantomOptions, speakers: list[str], left: Sequence[Line]) -> Iterator[int]:
    done = 0
    for name in _speakers(left):
        for _ in _record_lines(out, options, speakers, [line for line in left if line.speaker == name]):
            done += 1
            yield done


def _record_lines(out: Path, options: PhantomOptions, speakers: list[str], lines: Sequence[Line]) -> Iterator[Line]:
    """Record lines of one speaker."""
    with booth(lines[0].anatomy) as ready:
        for line in lines:
            write_take(out, options, speakers, line, record(ready, line, options.snr))
            yield line


def write_take(out: Path, options: PhantomOptions, speakers: list[str], line: Line, take: Take) -> None:
    """Write a take; its truth comes last and says that it is whole."""
    parts = layout(options.layout)
    place = parts.place(line, speakers)
    parts.write(out / place, take.movie, take.noisy if options.sound == "noisy" else take.clean)
    folder = out / TRUTH_FOLDER / place.name
    make_folder(folder)
    write_movie(folder / PICTURES, iter(take.noiseless.frames), take.noiseless.rate, lossless=True)
    write_speech(folder / SPEECH, take.clean)
    facts = {**take.truth.facts, "recording": place.as_posix(), "sound": options.sound, "snr_db": options.snr}
    write_truth(folder, replace(take.truth, facts=facts))


def _work(out: Path, options: PhantomOptions, speakers: list[str], lines: Sequence[Line]) -> None:
    """Record lines in a process of its own."""
    import cv2

    cv2.setNumThreads(1)  # the other cores have workers of their own
    for _ in _record_lines(out, options, speakers, lines):
        pass


def _together(
    out: Path,
    options: PhantomOptions,
    speakers: list[str],
    chunks: Sequence[Sequence[Line]],
    missing: Sequence[Path],
    workers: int,
) -> Iterator[int]:
    """Record in several processes; yields how many takes are there every now and then."""
    try:
        with processes(min(workers, len(chunks))) as pool:
            waiting: set[Future[None]] = {pool.submit(_work, out, options, speakers, chunk) for chunk in chunks}
            while waiting:
                done, waiting = wait(waiting, _LOOK, FIRST_EXCEPTION)
                for future in done:
                    future.result()
                yield sum(path.exists() for path in missing)
    except BrokenProcessPool:
        raise SeidoError(
            "a process of the phantom was ended from outside, perhaps for want of memory; "
            "run the same command again with fewer --workers, and it goes on where it stopped"
        ) from None
