"""Reading speech: any sound file, or the sound track of a movie, in step with its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from seido.corpus.container import DECODING_ERRORS, opened, picture_stream, reason
from seido.corpus.riff import wav_seconds_missing
from seido.errors import BadInputError, NotFiniteError
from seido.files import require_file
from seido.timebase import SAMPLE_RATE
from seido.values import Samples, Speech

LONGEST = 6 * 3600
"""Seconds of speech that are read into memory, at most."""
BLOCK_SECONDS = 10.0
_SILENT = 1e-5
_MISSING = Fraction(1, 10)
"""Seconds that may be missing at the end before a file counts as cut off."""
_SLACK = Fraction(1, 50)
"""Seconds by which time stamps of sound may stray: containers round them."""
_UNKNOWN = 1 << 60
"""libsndfile reports a length beyond this when a header does not tell."""


@dataclass(frozen=True)
class SoundInfo:
    """What a sound says of itself; `samples` a channel, an estimate for movies, 0 when it does not tell."""

    path: Path
    rate: int
    channels: int
    samples: int
    from_movie: bool


def probe_sound(path: Path) -> SoundInfo:
    """Say what a sound file, or the sound track of a movie, is; raises BadInputError as read_speech does."""
    path = Path(path)
    file = _sound_file(path)
    if file is not None:
        with file:
            samples = file.frames if file.frames < _UNKNOWN else 0
            return SoundInfo(path, file.samplerate, file.channels, samples, from_movie=False)
    with opened(path) as container:
        stream = _track(path, container)
        length = Fraction(0)
        if stream.duration and stream.time_base:
            length = stream.duration * stream.time_base
        elif container.duration:
            length = Fraction(container.duration, av.time_base)
        samples = max(0, round(length * stream.rate))
        return SoundInfo(path, stream.rate, stream.channels, samples, picture_stream(container) is not None)


def sound_blocks(
    path: Path, rate: int | None = None, block_seconds: float = BLOCK_SECONDS
) -> Iterator[NDArray[np.float32]]:
    """Read a sound block by block, in constant memory however long it is.

    Parameters
    ----------
    path
        Anything libsndfile reads, else the first sound track of anything FFmpeg reads.
    rate
        Hz to resample to (soxr, high quality); by default the sound's own.
    block_seconds
        Length of a block before resampling.

    Yields
    ------
    float32 (samples,), mono (the mean of the channels), −1 … 1. In movies sample 0 belongs to the first picture:
    a track that starts later is padded with silence, an earlier one is trimmed.
    Raises BadInputError as read_speech does, NotFiniteError for NaN or infinite samples.

    """
    path = Path(path)
    info = probe_sound(path)
    if rate is not None and rate < 1:
        raise BadInputError(f"{path}: a sample rate of {rate} Hz is impossible; give one such as {SAMPLE_RATE}")
    size = max(1, round(block_seconds * info.rate))
    blocks = _checked(_file_blocks(path, size), path, info.rate)
    return blocks if rate in {None, info.rate} else _resampled(blocks, info.rate, int(rate or info.rate))


def read_speech(path: Path | str, rate: int = SAMPLE_RATE, *, silence: bool = False) -> Speech:
    """Read a whole sound as mono speech at `rate` Hz.

    Parameters
    ----------
    path
        A sound file of any depth, rate and number of channels, or a movie with sound.
    rate
        Hz of the result.
    silence
        Whether sound without any signal is accepted.

    Raises
    ------
    BadInputError
        When the file is missing, empty, a folder, no sound, without samples, cut off, longer than 6 hours, or
        silent. NotFiniteError when it holds NaN or infinite samples.

    """
    path = Path(path)
    info = probe_sound(path)
    if info.samples > LONGEST * info.rate:
        raise _too_long(path, info.samples / info.rate / 3600)
    # Reserved, not yet touched: a header that claims too much costs nothing.
    samples = np.empty(max(1, -(-info.samples * rate // info.rate)) + rate, np.float32)
    count = 0
    for block in sound_blocks(path, rate):
        if count + len(block) > LONGEST * rate + rate:
            raise _too_long(path, (count + len(block)) / rate / 3600)
        if count + len(block) > len(samples):
            samples.resize(2 * len(samples) + len(block), refcheck=False)
        samples[count : count + len(block)] = block
        count += len(block)
    samples.resize(count, refcheck=False)
    if not count:
        raise BadInputError(f"{path}: there are no samples in it; give a recording with speech")
    if not silence and max(samples.max(), -samples.min()) < _SILENT:
        raise BadInputError(f"{path}: nothing but silence is in it; check the microphone and the channel, record again")
    return Speech(samples, rate, path.stem)


def _too_long(path: Path, hours: float) -> BadInputError:
    return BadInputError(f"{path}: it is {hours:.1f} hours long; cut it into parts of at most {LONGEST // 3600} hours")


def _sound_file(path: Path) -> soundfile.SoundFile | None:
    """Open with libsndfile; None when it does not know the format, and for MP3: its decoder talks to the terminal."""
    with require_file(path).open("rb") as stream:
        head = stream.read(3)
    if path.suffix.lower() == ".mp3" or head == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0"):
        return None
    try:
        file = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, TypeError, ValueError):
        return None
    if file.frames:
        return file
    file.close()  # a WAV whose writer was stopped says 0; FFmpeg reads on to its end
    return None


def _file_blocks(path: Path, size: int) -> Iterator[Samples]:
    file = _sound_file(path)
    if file is None:
        yield from _track_blocks(path, size)
        return
    with file:
        missing = wav_seconds_missing(path)
        if missing > _MISSING:
            raise BadInputError(
                f"{path}: cut off, its last {float(missing):.1f} s are missing; copy or record it again"
            )
        count = 0
        try:
            while len(block := file.read(size, dtype="float32", always_2d=True)):
                count += len(block)
                yield block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)
        except soundfile.LibsndfileError as error:
            raise _cut_off(path, count, file.samplerate) from error
        if file.frames < _UNKNOWN and Fraction(file.frames - count, file.samplerate) > _MISSING:
            raise _cut_off(path, count, file.samplerate)


def _cut_off(path: Path, count: int, rate: int) -> BadInputError:
    return BadInputError(f"{path}: damaged or cut off after {count / rate:.1f} s; copy or record it again")


def _track(path: Path, container: av.container.InputContainer) -> av.AudioStream:
    if not container.streams.audio:
        raise BadInputError(f"{path}: this movie has no sound; give a sound file, or a movie with a sound track")
    stream = container.streams.audio[0]
    if stream.codec_context is None or not stream.rate or not stream.channels:
        raise BadInputError(f"{path}: its sound track cannot be decoded; export it as wav")
    return stream


def _track_blocks(path: Path, size: int) -> Iterator[Samples]:
    """Gather the sound track of a movie in blocks of about `size` samples."""
    gathered: list[Samples] = []
    length = 0
    for piece in _track_pieces(path):
        gathered.append(piece)
        length += len(piece)
        if length >= size:
            yield np.concatenate(gathered)
            gathered, length = [], 0
    if gathered:
        yield np.concatenate(gathered)


def _track_pieces(path: Path) -> Iterator[Samples]:
    """Decode a sound track: sample 0 belongs to the first picture, gaps are silent, overlaps are dropped."""
    with opened(path) as container:
        stream = _track(path, container)
        shown = picture_stream(container)
        leader = stream if shown is None else shown
        origin = (leader.start_time or 0) * (leader.time_base or 0)
        rate, at, begun = stream.rate, 0, False
        packers: dict[tuple[str, str], av.AudioResampler] = {}
        unit, end = Fraction(stream.time_base or 0), 0
        if container.format.name.startswith("mov") and stream.duration:
            # Encoders fill up their last block; MP4 tells where the sound really ends.
            end = round(((stream.start_time or 0) + stream.duration) * unit * rate - origin * rate)
        try:
            for frame in container.decode(stream):
                if frame.sample_rate != rate:
                    raise BadInputError(
                        f"{path}: its sound changes from {rate} to {frame.sample_rate} Hz; export it as wav"
                    )
                samples = _mono(frame, packers)
                if frame.pts is not None:
                    due = round((frame.pts * Fraction(frame.time_base or 0) - origin) * rate)
                    # The first time stamp is exact; later ones are rounded by the container.
                    if not begun or abs(due - at) > _SLACK * rate:
                        if due > LONGEST * rate:
                            raise BadInputError(f"{path}: the time stamps of its sound are damaged; export it as wav")
                        yield from _silence(due - at, rate)
                        samples = samples[max(0, at - due) :]
                        at = max(at, due)
                begun = begun or len(samples) > 0
                at += len(samples)
                yield samples[: max(0, len(samples) - max(0, at - end))] if end else samples
        except DECODING_ERRORS as error:
            raise BadInputError(
                f"{path}: its sound is damaged after {at / rate:.1f} s ({reason(error)}); copy or export it again"
            ) from error
        # With pictures, being cut off is told by them: a movie may last longer than its sound.
        if shown is None and stream.duration and at < (stream.duration * unit - _MISSING) * rate:
            raise _cut_off(path, at, rate)


def _silence(count: int, rate: int) -> Iterator[Samples]:
    for begin in range(0, count, rate):
        yield np.zeros(min(rate, count - begin), np.float32)


def _mono(frame: av.AudioFrame, packers: dict[tuple[str, str], av.AudioResampler]) -> Samples:
    """Turn a decoded frame of any sample format into its mean over channels, −1 … 1.

    FFmpeg packs the channels together first: PyAV's own view of separate planes fails for 8 channels and more.
    """
    kind = frame.layout.name, frame.format.name
    if kind not in packers:
        packers[kind] = av.AudioResampler(format="flt", layout=frame.layout, rate=frame.sample_rate)
    packed = [part.to_ndarray().reshape(-1, frame.layout.nb_channels) for part in packers[kind].resample(frame)]
    return np.concatenate([np.zeros((0, 1), np.float32), *(part.mean(axis=1, keepdims=True) for part in packed)])[:, 0]


def _checked(blocks: Iterator[Samples], path: Path, rate: int) -> Iterator[Samples]:
    at = 0
    for block in blocks:
        if not np.isfinite(block).all():
            second = (at + int(np.argmin(np.isfinite(block)))) / rate
            raise NotFiniteError(f"{path}: NaN or infinite samples, the first at {second:.2f} s; export it again")
        at += len(block)
        yield block


def _resampled(blocks: Iterator[Samples], source: int, target: int) -> Iterator[Samples]:
    """Resample a stream; its length is that of the source to the nearest sample, at least one."""
    stream = soxr.ResampleStream(source, target, 1, dtype="float32")
    taken = given = 0
    for block in blocks:
        taken += len(block)
        out = stream.resample_chunk(block)
        given += len(out)
        yield out
    if taken:
        out = stream.resample_chunk(np.zeros(0, np.float32), last=True)
        due = max(1, round(Fraction(taken * target, source))) - given
        yield np.pad(out[:due], (0, max(0, due - len(out))))
