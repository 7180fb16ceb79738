"""Preparing one recording: its speech, log-mel and frames in one file, in memory that does not grow with its length."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import torch

from seido.clips.cutting import repeats
from seido.clips.facts import Facts, Place, arrays_path, named_in, places, source_hash, source_size
from seido.clips.logmel import log_mel
from seido.clips.options import PrepareOptions
from seido.clips.pauses import Cutter, Loudness, speech_to_noise
from seido.clips.picture import resize
from seido.clips.sound import clean_blocks, later
from seido.clips.spoken import LABELS, Spoken, spoken
from seido.clips.store import Prepared, safetensors_header
from seido.clips.sync import Lag, lag_of
from seido.corpus.textgrid import write_textgrid
from seido.corpus.video import movie_frames, probe_movie
from seido.errors import BadInputError, OutputError, SeidoError
from seido.files import replacing
from seido.plan import FrontEnd
from seido.timebase import SAMPLE_RATE, samples_of_frames
from seido.values import Frame, MovieInfo, Recording, Region, Samples, Speech

if TYPE_CHECKING:
    from seido.clips.denoise import Enhancer

DIGEST = 8
"""Bytes that a frame is known by."""
_HEAD = 1024
"""Bytes kept for the file's header, which is known last."""
_BLOCK_PIXELS = 1 << 22
_BLOCK = 64
"""Frames resized at a time, at most."""
_SILENT = 1e-5
_LAG_SECONDS = 300
"""Seconds from the beginning that the lag is estimated from."""


@dataclass(frozen=True)
class Job:
    """One recording to prepare, with all that a process elsewhere needs to know."""

    recording: Recording
    root: Path
    out: Path
    prepared: Prepared
    region: Region | None
    options: PrepareOptions
    any_size: bool
    """Whether frames may be of another size than those of the first recording."""
    threads: int = 1
    """Threads that movies are decoded with; 0 is one a core."""
    networks: Mapping[str, Enhancer] = field(default_factory=dict)
    """Further ways to denoise, by name."""


def prepare_recording(job: Job) -> Facts | str:
    """Write a recording's arrays, labels and facts; or say in a sentence why it is left out.

    Raises OutputError when they cannot be written.
    """
    try:
        with _one_thread():
            return _prepare(job)
    except OutputError:
        raise
    except SeidoError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  (whatever one recording does, the others are prepared)
        return f"{job.recording.movie}: it cannot be prepared ({type(error).__name__}: {error}); leave it out"


@contextmanager
def _one_thread() -> Iterator[None]:
    # Sums over several threads differ in the last bit, and the other cores have workers of their own.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _prepare(job: Job) -> Facts:
    recording, sync = job.recording, job.options.sync
    info = probe_movie(recording.movie, recording.rate)
    region = _region_within(job, info)
    lag = _lag(_first_speech(job, info), _source(job, region), info.rate) if sync == "correct" else None
    corrected = round(lag.seconds, 4) if lag and not lag.doubtful else 0.0
    labels = spoken(recording, corrected)
    path = arrays_path(job.out, recording.name)
    with replacing(path) as temporary, temporary.open("w+b") as stream:
        writer = _Writer(stream, job, info)
        heard = writer.speech(later(clean_blocks(recording, job.options.denoise, job.networks), corrected))
        edges = writer.cut(heard, labels)
        hashes = writer.mel()
        frames = writer.frames(_source(job, region), edges[-1])
        if sync == "report":
            lag = _lag(writer.first_speech(), frames, info.rate)
        for _ in frames:
            pass
        clips = writer.finish(hashes)
    if labels.grid is not None:
        write_textgrid(job.out / LABELS / f"{recording.name}.TextGrid", labels.grid)
    movie, speech = named_in(recording, job.root)
    facts = Facts(
        recording=recording.name,
        speaker=recording.speaker,
        language=recording.language,
        session=recording.session,
        text=labels.text,
        movie=movie,
        speech=speech,
        size=source_size(recording.movie),
        sha256=source_hash(recording.movie),
        source_rate=info.rate,
        source_frames=info.frames,
        speech_seconds=round(heard.samples / SAMPLE_RATE, 6),
        region=str(region) if region else None,
        lag_seconds=round(lag.seconds, 4) if lag else None,
        lag_uncertainty=round(lag.uncertainty, 4) if lag else None,
        lag_doubtful=lag.note if lag else "",
        corrected_seconds=corrected,
        snr_db=speech_to_noise(heard.powers()),
        edges=tuple(edges),
        hashes=tuple(clips),
    )
    facts.write(job.out)
    return facts


def _region_within(job: Job, info: MovieInfo) -> Region | None:
    if not job.any_size and (info.height, info.width) != job.prepared.frame_size:
        size = f"{info.width} × {info.height}"
        raise BadInputError(f"{info.path}: its frames are {size}, unlike the first recording's; prepare it apart")
    return job.region.within(info.height, info.width, str(info.path)) if job.region else None


def _source(job: Job, region: Region | None) -> Iterator[Frame]:
    recording = job.recording
    frames = movie_frames(recording.movie, colour=False, rate=recording.rate, threads=job.threads)
    return (region.crop(frame) for frame in frames) if region else frames


def _lag(speech: Speech, frames: Iterator[Frame], rate: Fraction) -> Lag:
    return lag_of(speech, islice(frames, int(_LAG_SECONDS * rate)), rate)


def _first_speech(job: Job, info: MovieInfo) -> Speech:
    blocks = clean_blocks(job.recording, job.options.denoise, job.networks)
    wanted = int(min(Fraction(_LAG_SECONDS), info.frames / info.rate) * SAMPLE_RATE)
    gathered: list[Samples] = []
    for block in blocks:
        gathered.append(block)
        if sum(map(len, gathered)) >= wanted:
            break
    return Speech(np.concatenate([*gathered, np.zeros(0, np.float32)])[:wanted], SAMPLE_RATE, job.recording.name)


class _Writer:
    """Writes speech, log-mel, frames and the frames' digests one after the other, and the header at the end."""

    def __init__(self, stream: BinaryIO, job: Job, info: MovieInfo) -> None:
        self.stream, self.job, self.info = stream, job, info
        self.rate = job.prepared.rate
        self.places: list[Place] = []
        self.digests: list[bytes] = []
        self.columns = self.samples = 0
        stream.write(b" " * _HEAD)

    def speech(self, blocks: Iterator[Samples]) -> Loudness:
        """Write speech as it comes."""
        heard = Loudness()
        for block in blocks:
            heard.hear(block)
            self.stream.write(np.asarray(block, "<f4").tobytes())
        path = self.job.recording.speech
        if not heard.samples:
            raise BadInputError(f"{path}: there are no samples in it; give a recording with speech")
        if heard.peak < _SILENT:
            raise BadInputError(
                f"{path}: nothing but silence is in it; check the microphone and the channel, record again"
            )
        return heard

    def cut(self, heard: Loudness, labels: Spoken) -> list[int]:
        """Choose the clips, and make the speech as long as they are together."""
        seconds = min(self.info.frames / self.info.rate, Fraction(heard.samples, SAMPLE_RATE))
        total = int(seconds * self.rate)
        if total < 2:
            raise BadInputError(f"{self.info.path}: too short to make a clip of; give at least two frames with speech")
        cutter = Cutter(self.rate, Fraction(str(self.job.options.seconds)))
        edges = cutter.cuts(total, heard.powers(), labels.phones)
        self.places = places(tuple(edges), self.rate)
        self.samples = samples_of_frames(total, SAMPLE_RATE, self.rate)
        self.stream.truncate(_HEAD + 4 * self.samples)
        return edges

    def heard(self, first: int, count: int) -> Samples:
        """Read speech back."""
        self.stream.seek(_HEAD + 4 * first)
        return np.frombuffer(self.stream.read(4 * count), "<f4").astype(np.float32)

    def first_speech(self) -> Speech:
        """Read the speech that the lag is estimated from."""
        at = self.stream.tell()
        found = self.heard(0, min(self.samples, _LAG_SECONDS * SAMPLE_RATE))
        self.stream.seek(at)
        return Speech(found, SAMPLE_RATE, self.job.recording.name)

    def mel(self) -> list[bytes]:
        """Write each clip's log-mel, computed from its own speech as it will be when a movie is made from it."""
        digests = []
        at = _HEAD + 4 * self.samples
        for place in self.places:
            part = self.heard(place.first_sample, place.samples)
            columns = log_mel(Speech(part, SAMPLE_RATE, self.job.recording.name))
            self.stream.seek(at)
            self.stream.write(columns.tobytes())
            at += columns.nbytes
            self.columns += len(columns)
            digests.append(hashlib.sha256(part.tobytes()).digest())
        self.stream.seek(at)
        return digests

    def frames(self, source: Iterator[Frame], total: int) -> Iterator[Frame]:
        """Write the frames at the new rate and size; yields every source frame on its way."""
        height, width = self.job.prepared.height, self.job.prepared.width
        most = min(_BLOCK, max(1, _BLOCK_PIXELS // (height * width)))
        block: list[Frame] = []
        times: list[int] = []
        for frame, count in repeats(source, self.info.rate, self.rate, total):
            if count:
                block.append(frame)
                times.append(count)
            if len(block) == most:
                self._show(block, times)
                block, times = [], []
            yield frame
        if block:
            self._show(block, times)
        if len(self.digests) < total:
            raise BadInputError(
                f"{self.info.path}: its pictures end after {len(self.digests)} of {total} frames; leave it out"
            )

    def _show(self, block: list[Frame], times: list[int]) -> None:
        prepared = self.job.prepared
        pictures = resize(np.stack(block), prepared.height, prepared.width, antialias=True)
        for picture, count in zip(np.ascontiguousarray(pictures), times, strict=True):
            data = picture.tobytes()
            # A frame of one grey is no sign that two recordings are the same.
            plain = picture.min() == picture.max()
            digest = bytes(DIGEST) if plain else hashlib.sha256(data).digest()[:DIGEST]
            for _ in range(count):
                self.stream.write(data)
                self.digests.append(digest)

    def finish(self, spoken: list[bytes]) -> list[str]:
        """Write digests and header; returns each clip's hash."""
        self.stream.write(b"".join(self.digests))
        prepared = self.job.prepared
        total = len(self.digests)
        header = safetensors_header(
            {
                "speech": (np.dtype("<f4"), (self.samples,)),
                "mel": (np.dtype("<f4"), (self.columns, FrontEnd().bands)),
                "frames": (np.dtype(np.uint8), (total, prepared.height, prepared.width)),
                "digests": (np.dtype(np.uint8), (total, DIGEST)),
            },
            size=_HEAD,
        )
        self.stream.seek(0)
        self.stream.write(header)
        hashes = []
        for place, speech in zip(self.places, spoken, strict=True):
            seen = b"".join(self.digests[place.first_frame : place.first_frame + place.frames])
            hashes.append(hashlib.sha256(seen + speech).hexdigest())
        return hashes
