"""`seido prepare`: a corpus becomes clips of one size and one exact frame rate, ready for training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from seido.clips.cluster import cluster, cluster_size
from seido.clips.denoise import Enhancer
from seido.clips.facts import Facts, entries_of, read_facts, source_size
from seido.clips.leakage import Compared, check_leakage
from seido.clips.manifest import write_report, write_table
from seido.clips.options import PrepareOptions
from seido.clips.picture import parse_size
from seido.clips.recording import Job, prepare_recording
from seido.clips.regions import Regions, choose_regions, write_regions
from seido.clips.spoken import LABELS
from seido.clips.store import MANIFEST, PREPARED, RECORDINGS, Clips, Prepared, open_clips, write_manifest
from seido.corpus.video import probe_movie
from seido.errors import BadInputError, OutputError, SeidoError
from seido.files import swept, write_bytes
from seido.values import MovieInfo, Recording
from seido.workers import check_workers, each, processes

__all__ = ["Outcome", "PrepareOptions", "prepare"]
_WORTHWHILE = 20_000_000
"""Bytes of movies below which starting processes takes longer than it saves."""


@dataclass(frozen=True)
class Outcome:
    """What prepare did: the clips, what was wrong with recordings left out (a sentence each), and the leakage check."""

    clips: Clips
    problems: tuple[str, ...]
    leakage: tuple[Compared, ...]


Progress = Callable[[str, int, int], None]
"""Called with a recording's name, recordings done and recordings in all."""


def prepare(
    source: Path,
    out: Path,
    options: PrepareOptions,
    progress: Progress = lambda *_: None,
    *,
    workers: int | None = 1,
    address: str | None = None,
    networks: Mapping[str, Enhancer] | None = None,
) -> Outcome:
    """Cut the recordings under `source` into clips in the folder `out`.

    By so many processes of one core each (None: one a core, but one alone for a very small corpus), or by the Dask
    cluster whose scheduler is at `address`; the bytes are the same. A script that asks for several guards its own
    beginning with `if __name__ == "__main__":`. `networks` are ways to denoise beside those of seido.clips.denoise, as
    seido.movie.removal.removers finds them. A recording that cannot be read is left out and named in the outcome
    and in `report.md`. Broken off, the same call goes on where it stopped and ends with the same bytes. Raises
    BadInputError when nothing can be prepared, OutputError when `out` cannot be written or holds other clips,
    MissingExtraError when Dask is not installed.
    """
    check_workers(workers)
    source, out = Path(source).absolute(), Path(out).absolute()
    recordings, problems = _found(source, options)
    _require_speakers(source, recordings, options)
    regions = choose_regions(recordings, options)
    prepared, any_size = _settle(recordings, regions, options)
    _claim(out, prepared, recordings)
    with swept(out):
        if regions.pictures:
            write_regions(out, regions)
        problems += [
            f"{one.movie}: no region can be suggested for speaker {one.speaker} ({regions.missing[one.speaker]})"
            for one in recordings
            if one.speaker in regions.missing
        ]
        jobs = [
            Job(one, source, out, prepared, regions.of(one.speaker), options, any_size, networks=networks or {})
            for one in recordings
            if one.speaker not in regions.missing
        ]
        facts, left_out = _all(jobs, progress, workers, address)
        return _finish(source, out, prepared, facts, [*problems, *left_out], options)


def _found(source: Path, options: PrepareOptions) -> tuple[list[Recording], list[str]]:
    from seido.corpus.formats import recordings_of

    recordings, problems = recordings_of(source, options.format)
    if not recordings:
        told = f" ({problems[0]})" if problems else ""
        raise BadInputError(f"{source}: there are no movies with sound here{told}; name a folder that holds some")
    return sorted(recordings, key=lambda recording: recording.name), problems


def _require_speakers(source: Path, recordings: Sequence[Recording], options: PrepareOptions) -> None:
    there = {recording.speaker for recording in recordings}
    unknown = [name for name in options.held_out if name not in there]
    if unknown:
        known = ", ".join(sorted(there)[:12])
        raise BadInputError(f"{source}: there is no speaker {unknown[0]} to hold out; there are {known}")
    languages = {recording.language for recording in recordings}
    missing = [name for name in options.held_out_language if name not in languages]
    if missing:
        known = ", ".join(sorted(languages - {""})) or "no languages named"
        raise BadInputError(f"{source}: there is no language {missing[0]} to hold out; there are {known}")
    splitter = options.splitter
    left = [
        one
        for one in recordings
        if one.speaker not in splitter.held_out and one.language not in splitter.held_out_languages
    ]
    if splitter.by in {"recording", "speaker"}:
        keys = ((splitter.key(one.name, one.speaker, ""), one.speaker) for one in left)
        trains = "train" in {splitter.part(*key, splitter.shares[0]) for key in keys}
    else:
        trains = bool(left)
    if not trains or splitter.shares[0] == 0:
        raise _no_training(source, options)


def _no_training(source: Path, options: PrepareOptions) -> BadInputError:
    cure = "shorter --seconds" if options.split_by == "time" else "--split-by time, another --seed"
    return BadInputError(
        f"{source}: the split {options.split} by {options.split_by} leaves no clip to train on; "
        f"use {cure}, or more recordings"
    )


def _settle(recordings: Sequence[Recording], regions: Regions, options: PrepareOptions) -> tuple[Prepared, bool]:
    """Fix the clips' size, from the first readable recording unless it is given."""
    info, first = _first_readable([one for one in recordings if one.speaker not in regions.missing])
    region = regions.of(first.speaker)
    if region is not None:
        region.within(info.height, info.width, str(info.path))
    sizes = {(one.height, one.width) for one in regions.speakers.values()}
    if options.size:
        height, width = parse_size(options.size)
    elif len(sizes) > 1:
        raise BadInputError(f"{options.region}: its regions have several sizes; give --size, or make them equal")
    else:
        height, width = (region.height, region.width) if region else (info.height, info.width)
    any_size = bool(regions.speakers)
    prepared = Prepared(
        rate=options.rate,
        height=height,
        width=width,
        region=region if regions.one else None,
        frame_size=None if any_size and not regions.one else (info.height, info.width),
        source=_digest(options, regions),
        seed=options.seed,
    )
    return prepared, any_size


def _first_readable(recordings: Sequence[Recording]) -> tuple[MovieInfo, Recording]:
    failure: SeidoError | None = None
    for recording in recordings:
        try:
            return probe_movie(recording.movie, recording.rate), recording
        except SeidoError as error:
            failure = failure or error
    raise failure or BadInputError("no recordings were given")


def _digest(options: PrepareOptions, regions: Regions) -> str:
    """Tell settings apart; recordings may be added, and are told apart one by one."""
    chosen: dict[str, object] = {**asdict(options), "region": str(regions.everyone), "fps": str(options.rate)}
    chosen |= {"seconds": float(options.seconds), "split": str(options.splitter.shares)}
    chosen |= {"held_out": sorted(options.held_out), "held_out_language": sorted(options.held_out_language)}
    chosen |= {"format": ""}  # however a corpus was recognised
    chosen |= {"regions": {name: str(region) for name, region in sorted(regions.speakers.items())}}
    return hashlib.sha256(json.dumps(chosen, default=str, sort_keys=True).encode()).hexdigest()


def _claim(out: Path, prepared: Prepared, recordings: Sequence[Recording]) -> None:
    """Make the folder `out`, or check that what it holds was begun with the same settings from these recordings."""
    try:
        for folder in (RECORDINGS, LABELS):
            (out / folder).mkdir(parents=True, exist_ok=True)
        known = (out / PREPARED).read_text(encoding="utf-8") if (out / PREPARED).exists() else None
        there = {path.stem for path in (out / RECORDINGS).iterdir() if not path.name.startswith(".")}
    except OSError as error:
        raise OutputError(f"{out}: cannot be made a folder of clips ({error.strerror}); choose another") from error
    other = known is not None and known != prepared.to_json()
    if ((there or (out / MANIFEST).exists()) and other) or there - {recording.name for recording in recordings}:
        raise OutputError(f"{out}: it holds clips prepared from other recordings or settings; choose another folder")
    write_bytes(out / PREPARED, prepared.to_json().encode())


def _all(
    jobs: Sequence[Job], progress: Progress, workers: int | None, address: str | None
) -> tuple[list[Facts], list[str]]:
    """Prepare what is not there yet, and gather the facts of all; what is left out, with its reason."""
    found: dict[str, Facts | str] = {}
    left: list[Job] = []
    for job in jobs:
        known = read_facts(job.out, job.recording.name)
        if known is None:
            left.append(job)
        elif known.size != source_size(job.recording.movie):
            raise OutputError(f"{job.out}: it holds clips of another {job.recording.movie.name}; choose another folder")
        else:
            found[job.recording.name] = known
    for done, (job, result) in enumerate(_results(left, workers, address), len(found) + 1):
        found[job.recording.name] = result
        progress(job.recording.name, done, len(jobs))
    facts: list[Facts] = []
    problems: list[str] = []
    for job in jobs:
        result = found[job.recording.name]
        if isinstance(result, str):
            problems.append(result)
        else:
            facts.append(result)
    return _without_doubles(facts, problems), problems


def _results(jobs: Sequence[Job], workers: int | None, address: str | None) -> Iterator[tuple[Job, Facts | str]]:
    opened: Callable[[int], AbstractContextManager[Executor]] = processes
    if address:
        count, opened = cluster_size(address), partial(cluster, address)
    elif workers is None and sum(source_size(job.recording.movie) for job in jobs) < _WORTHWHILE:
        count = 1
    else:
        count = min(check_workers(workers), len(jobs))
    if address or count > 1:
        yield from each(prepare_recording, jobs, count, _lost, opened)
    else:
        # A worker is one core; but alone, and not asked to be, it may use the others to decode.
        threads = 1 if workers else 0
        yield from ((job, prepare_recording(replace(job, threads=threads))) for job in jobs)


def _lost(job: Job) -> str:
    return (
        f"{job.recording.movie}: the process that prepared it was ended twice, perhaps for want of memory; "
        "leave it out, or prepare it apart with --workers 1"
    )


def _without_doubles(facts: Sequence[Facts], problems: list[str]) -> list[Facts]:
    """Leave out movies that are byte for byte one that was taken: they would leak between the parts."""
    taken: dict[str, Facts] = {}
    for one in facts:
        first = taken.setdefault(one.sha256, one)
        if first is not one:
            problems.append(f"{one.movie}: the same movie as {first.movie}, byte for byte; left out")
    return list(taken.values())


def _finish(
    source: Path, out: Path, prepared: Prepared, facts: list[Facts], problems: list[str], options: PrepareOptions
) -> Outcome:
    entries = [entry for one in facts for entry in entries_of(one, prepared.rate, options.splitter)]
    by_name = {one.recording: one for one in facts}
    if not entries:
        write_report(out, source, facts, problems, [])
        raise BadInputError(f"{source}: nothing could be prepared; {problems[0]}")
    if all(entry.split != "train" for entry in entries):
        raise _no_training(source, options)
    write_manifest(out, prepared, entries)
    clips = open_clips(out)
    leakage = check_leakage(clips, by_name, options.splitter)
    write_table(clips, by_name)
    write_report(out, source, facts, problems, leakage)
    return Outcome(clips, tuple(problems), tuple(leakage))
