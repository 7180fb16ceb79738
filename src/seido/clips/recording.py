"""Writing one recording's frames, log-mel and speech as the file its clips share, in constant memory for pictures."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from seido.clips.cutting import retimed
from seido.clips.logmel import log_mel
from seido.clips.picture import resize
from seido.clips.store import Entry, Prepared, safetensors_header
from seido.corpus.sound import read_speech
from seido.corpus.video import movie_frames, probe_movie
from seido.errors import BadInputError
from seido.files import replacing
from seido.plan import FrontEnd
from seido.timebase import SAMPLE_RATE
from seido.values import Frame, Recording, Speech

_BLOCK = 64
"""Frames resized at a time."""


def write_recording(
    recording: Recording,
    path: Path,
    prepared: Prepared,
    cut: Callable[[int], list[Entry]],
    progress: Callable[[str, int, int], None],
) -> None:
    """Write the arrays that a recording's clips share; whole or not at all.

    `cut` turns the number of frames into clips: each clip's log-mel is computed from its own speech, as it will be
    when a movie is generated from it. Raises BadInputError when the recording cannot be used.
    """
    info = probe_movie(recording.movie)
    if (info.height, info.width) != prepared.frame_size:
        size = f"{info.width} × {info.height}"
        raise BadInputError(f"{info.path}: its frames are {size}, unlike the first recording's; prepare it apart")
    speech = read_speech(recording.speech)
    total = int(min(info.frames / info.rate, speech.seconds) * prepared.rate)
    if total < 2:
        raise BadInputError(f"{info.path}: too short to make a clip of; give at least two frames with speech")
    with replacing(path) as temporary, temporary.open("wb") as stream:
        _write_sound(stream, speech, cut(total), (total, prepared.height, prepared.width))
        shown = retimed(movie_frames(info.path, colour=False), info.rate, prepared.rate, total)
        written = 0
        while block := list(islice(shown, _BLOCK)):
            stream.write(_sized(block, prepared).tobytes())
            written += len(block)
            progress(recording.name, written, total)
        if written < total:
            raise BadInputError(f"{info.path}: its pictures end after {written} of {total} frames; leave it out")


def _write_sound(stream: BinaryIO, speech: Speech, entries: list[Entry], pictures: tuple[int, int, int]) -> None:
    end = entries[-1].first_sample + entries[-1].samples
    samples = np.zeros(end, np.float32)
    heard = speech.samples[:end]
    samples[: len(heard)] = heard
    columns = entries[-1].first_column + entries[-1].columns
    header = safetensors_header(
        {
            "speech": (np.dtype("<f4"), samples.shape),
            "mel": (np.dtype("<f4"), (columns, FrontEnd().bands)),
            "frames": (np.dtype(np.uint8), pictures),
        }
    )
    stream.write(header)
    stream.write(samples.tobytes())
    for entry in entries:
        part = samples[entry.first_sample : entry.first_sample + entry.samples]
        stream.write(log_mel(Speech(part, SAMPLE_RATE, entry.name)).tobytes())


def _sized(block: list[Frame], prepared: Prepared) -> Frame:
    frames = np.stack(block)
    if prepared.region is not None:
        frames = prepared.region.crop(frames, axis=1)
    return np.ascontiguousarray(resize(frames, prepared.height, prepared.width, antialias=True))
