"""`seido prepare`: recordings become clips of one size and one exact frame rate, ready for training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seido.clips.cutting import cut_evenly, parse_shares, split_by_name, split_by_time
from seido.clips.picture import parse_size
from seido.clips.recording import write_recording
from seido.clips.store import (
    MANIFEST,
    PREPARED,
    RECORDINGS,
    Clips,
    Entry,
    Prepared,
    map_arrays,
    open_clips,
    write_manifest,
)
from seido.corpus.folder import find_recordings
from seido.corpus.video import probe_movie
from seido.errors import BadInputError, OutputError, SeidoError
from seido.files import write_bytes
from seido.timebase import FRAME_RATE, SAMPLE_RATE, exact_rate, mel_columns, samples_of_frames
from seido.values import MovieInfo, Recording, Region


@dataclass(frozen=True)
class PrepareOptions:
    """How recordings are made into clips."""

    region: str | None = None
    """Rectangle X,Y,W,H in pixels to cut from every frame; the whole frame unless given."""
    size: str | None = None
    """Pixels to resize the region to, like 96 or 1920x1080; its native size unless given."""
    fps: str = str(FRAME_RATE)
    """Frames per second of the clips, exact: 25, 23.18 or 1159/50."""
    seconds: float = 5.0
    """Length that clips should be near."""
    split: str = "80/10/10"
    """Shares of train, validation and test."""
    split_by: Literal["recording", "time"] = "recording"
    """recording: whole recordings go to one part, which never leaks. time: each recording's beginning trains and its
    end tests, for when there are only a few."""
    seed: int = 0
    """Decides which recordings go where."""

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 3600:
            raise BadInputError(f"clips of {self.seconds} seconds are not possible: give --seconds up to 3600")
        exact_rate(self.fps)
        parse_shares(self.split)
        if self.region is not None:
            Region.parse(self.region)
        if self.size is not None:
            parse_size(self.size)


@dataclass(frozen=True)
class Outcome:
    """What prepare did: the clips, and what was wrong with recordings that were left out, a sentence each."""

    clips: Clips
    problems: tuple[str, ...]


Progress = Callable[[str, int, int], None]
"""Called with a recording's name, frames done and frames in all."""


def prepare(source: Path, out: Path, options: PrepareOptions, progress: Progress = lambda *_: None) -> Outcome:
    """Cut the recordings under `source` into clips in the folder `out`.

    A recording that cannot be read is left out and named in the outcome. Broken off, the same call goes on where
    it stopped and ends with the same bytes. Raises BadInputError when nothing can be prepared, OutputError when
    `out` cannot be written or holds other clips.
    """
    recordings, problems = find_recordings(source)
    if not recordings:
        told = f" ({problems[0]})" if problems else ""
        raise BadInputError(f"{source}: there are no movies with sound here{told}; name a folder that holds some")
    _require_training(source, recordings, options)
    prepared = _settle(recordings, out, options)
    entries: list[Entry] = []
    for recording in recordings:
        try:
            entries += _clips_of(recording, out, prepared, options, progress)
        except BadInputError as error:
            problems.append(str(error))
    if not entries:
        raise BadInputError(f"{source}: nothing could be prepared; {problems[0]}")
    write_manifest(out, prepared, entries)
    return Outcome(open_clips(out), tuple(problems))


def _require_training(source: Path, recordings: list[Recording], options: PrepareOptions) -> None:
    shares = parse_shares(options.split)
    by_name = (split_by_name(recording.name, shares, options.seed) for recording in recordings)
    if shares[0] == 0 or (options.split_by == "recording" and "train" not in by_name):
        raise BadInputError(
            f"{source}: the split {options.split} by {options.split_by} leaves no clip to train on; "
            "use --split-by time, another --seed, or more recordings"
        )


def _settle(recordings: list[Recording], out: Path, options: PrepareOptions) -> Prepared:
    """Fix the clips' size from the first readable recording, and claim the output folder."""
    info = _first_readable(recordings)
    region = Region.parse(options.region) if options.region else None
    if region is not None:
        region.within(info.height, info.width, str(info.path))
    native = (region.height, region.width) if region else (info.height, info.width)
    height, width = parse_size(options.size) if options.size else native
    prepared = Prepared(
        rate=exact_rate(options.fps),
        height=height,
        width=width,
        region=region,
        frame_size=(info.height, info.width),
        source=_digest(recordings, options),
        seed=options.seed,
    )
    claim(out, prepared)
    return prepared


def claim(out: Path, prepared: Prepared) -> None:
    """Make the folder `out`, or check that what it holds was begun with the same settings; raises OutputError."""
    try:
        (out / RECORDINGS).mkdir(parents=True, exist_ok=True)
        known = (out / PREPARED).read_text(encoding="utf-8") if (out / PREPARED).exists() else None
    except OSError as error:
        raise OutputError(f"{out}: cannot be made a folder of clips ({error.strerror}); choose another") from error
    begun = any((out / RECORDINGS).iterdir()) or (out / MANIFEST).exists()
    if begun and known != prepared.to_json():
        raise OutputError(f"{out}: it holds clips prepared from other recordings or settings; choose another folder")
    write_bytes(out / PREPARED, prepared.to_json().encode())


def _first_readable(recordings: list[Recording]) -> MovieInfo:
    failure: SeidoError | None = None
    for recording in recordings:
        try:
            return probe_movie(recording.movie)
        except SeidoError as error:
            failure = failure or error
    raise failure or BadInputError("no recordings were given")


def _digest(recordings: list[Recording], options: PrepareOptions) -> str:
    """Tell sources apart by names, sizes and settings, without reading every byte."""
    listing = [(recording.name, recording.movie.stat().st_size) for recording in recordings]
    return hashlib.sha256(json.dumps([listing, str(options)]).encode()).hexdigest()


def _clips_of(
    recording: Recording, out: Path, prepared: Prepared, options: PrepareOptions, progress: Progress
) -> list[Entry]:
    path = out / RECORDINGS / f"{recording.name}.safetensors"
    if not path.exists():
        write_recording(
            recording, path, prepared, lambda frames: _entries(recording, frames, prepared, options), progress
        )
    return _entries(recording, len(map_arrays(path)["frames"]), prepared, options)


def _entries(recording: Recording, total: int, prepared: Prepared, options: PrepareOptions) -> list[Entry]:
    shares = parse_shares(options.split)
    whole = split_by_name(recording.name, shares, options.seed)
    column, entries = 0, []
    for number, (first, count) in enumerate(cut_evenly(total, prepared.rate, options.seconds)):
        first_sample = samples_of_frames(first, SAMPLE_RATE, prepared.rate)
        samples = samples_of_frames(first + count, SAMPLE_RATE, prepared.rate) - first_sample
        columns = mel_columns(samples)
        entries.append(
            Entry(
                name=f"{recording.name}-{number:04d}",
                speaker=recording.speaker,
                recording=recording.name,
                language=recording.language,
                split=split_by_time(first, count, total, shares) if options.split_by == "time" else whole,
                start=first / prepared.rate,
                first_frame=first,
                frames=count,
                first_column=column,
                columns=columns,
                first_sample=first_sample,
                samples=samples,
            )
        )
        column += columns
    return entries
