"""Frames and sound become a file that plays: H.264 and AAC in MP4, or lossless FFV1 and FLAC in Matroska."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import soundfile
import soxr
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray

from seido.errors import BadInputError, OutputError
from seido.files import describe_os_error, replacing
from seido.timebase import samples_of_frames
from seido.values import Frame, Speech, check_frame

Block = NDArray[np.float32]
_AAC_RATES = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}
_FALLBACK_RATE = 48_000
_SOUND_BLOCK = 1024
_QUALITY = {"crf": "16", "preset": "veryfast"}
"""Hardly visible loss at several hundred 256 × 256 frames/s."""


@dataclass(frozen=True)
class Sound:
    """Mono sound that comes block by block: float32 (samples,) each, and its rate in Hz."""

    blocks: Iterable[Block]
    rate: int


@dataclass(frozen=True)
class _Kind:
    container: str
    picture: str
    sound: str
    lossless: bool


def movie_kind(path: Path, *, lossless: bool = False) -> _Kind:
    """Choose container and encoders by the suffix; raises OutputError when it cannot be so."""
    suffix = path.suffix.lower()
    if lossless:
        if suffix != ".mkv":
            raise OutputError(f"{path}: lossless movies are Matroska files; name it {path.stem}.mkv")
        return _Kind("matroska", "ffv1", "flac", lossless=True)
    if suffix not in {".mp4", ".mkv", ".mov"}:
        raise OutputError(f"{path}: movies are written as .mp4 or .mkv; choose such a name")
    return _Kind({".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}[suffix], "libx264", "aac", lossless=False)


def write_movie(
    path: Path, frames: Iterable[Frame], rate: Fraction, sound: Sound | None = None, *, lossless: bool = False
) -> int:
    """Write frames, and sound if given, to `path`; whole or not at all.

    Parameters
    ----------
    path
        .mp4 (H.264 + AAC, plays in browsers) or .mkv; lossless needs .mkv (FFV1 + FLAC).
    frames
        uint8 (H, W) grey or (H, W, 3) RGB, all of one size, taken one at a time: memory does not grow. H.264 needs
        even sizes: an odd edge row or column is doubled.
    rate
        Exact frames per second.
    sound
        Cut where the pictures end; when it ends before them, silence follows for less than a frame or as long as is
        needed.

    Returns
    -------
    The number of frames written. Raises OutputError (no such folder, no room, not allowed), BadInputError (no
    frames, sizes that change).

    """
    kind = movie_kind(path, lossless=lossless)
    with replacing(path) as temporary:
        try:
            return _encode(temporary, path, iter(frames), rate, sound, kind)
        except av.error.FFmpegError as error:
            if isinstance(error, OSError):
                raise OutputError(describe_os_error(path, error)) from error
            raise OutputError(f"{path}: the movie cannot be encoded ({error}); report what was asked for") from error


def _encode(
    temporary: Path, path: Path, frames: Iterator[Frame], rate: Fraction, sound: Sound | None, kind: _Kind
) -> int:
    first = next(frames, None)
    if first is None:
        raise BadInputError(f"{path}: there are no frames to write")
    shape = check_frame(first).shape
    # Exact: no random identifiers and no encoder's name, so the same movie has the same bytes.
    options = {"fflags": "+bitexact"} | ({"movflags": "+faststart"} if kind.container != "matroska" else {})
    with av.open(str(temporary), "w", format=kind.container, options=options) as container:
        picture = _picture_stream(container, shape, rate, kind)
        track = _SoundTrack(container, sound, kind) if sound is not None else None
        count = 0
        for frame in _chain(first, frames):
            if frame.shape != shape:
                raise BadInputError(f"{path}: frame {count} has shape {frame.shape}, those before it {shape}")
            shown = _video_frame(frame, picture)
            shown.pts, shown.time_base = count, 1 / rate
            container.mux(picture.encode(shown))
            count += 1
            if track is not None:
                track.write_until(samples_of_frames(count, track.rate, rate))
        container.mux(picture.encode(None))
        if track is not None:
            track.finish()
    return count


def _chain(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest


def _picture_stream(container: OutputContainer, shape: tuple[int, ...], rate: Fraction, kind: _Kind) -> VideoStream:
    options = {} if kind.lossless else dict(_QUALITY)
    stream = cast("VideoStream", container.add_stream(kind.picture, rate=rate, options=options))
    even = 1 if kind.lossless else 2
    stream.height, stream.width = (-(-side // even) * even for side in shape[:2])
    stream.codec_context.time_base = 1 / rate
    if kind.lossless:
        stream.pix_fmt = "gray" if len(shape) == 2 else "bgr0"
    else:
        stream.pix_fmt = "yuv420p"
        # Say which matrix and range the pixels have, so that every player shows the same grey.
        stream.codec_context.colorspace = Colorspace.ITU601
        stream.codec_context.color_range = ColorRange.MPEG
    return stream


def _video_frame(frame: Frame, stream: VideoStream) -> av.VideoFrame:
    rows, columns = stream.height - frame.shape[0], stream.width - frame.shape[1]
    if rows or columns:
        frame = np.pad(frame, ((0, rows), (0, columns), (0, 0))[: frame.ndim], mode="edge")
    if frame.ndim == 2 and stream.pix_fmt == "yuv420p":
        return _grey_yuv(frame)
    source = "gray" if frame.ndim == 2 else "rgb24"
    shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format=source)
    return shown if shown.format.name == stream.pix_fmt else shown.reformat(format=stream.pix_fmt)


def _grey_yuv(frame: Frame) -> av.VideoFrame:
    # Grey goes straight into the luma plane: exact in 220 levels, and no colour conversion per frame.
    height, width = frame.shape
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    planes[:height] = _LIMITED[frame]
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


_LIMITED = np.round(16 + np.arange(256) * (219 / 255)).astype(np.uint8)
"""8-bit grey in the 16 … 235 that video players expect."""


class _SoundTrack:
    """The sound stream of a movie being written, fed up to where the pictures are."""

    def __init__(self, container: OutputContainer, sound: Sound, kind: _Kind) -> None:
        self.rate = sound.rate if kind.lossless or sound.rate in _AAC_RATES else _FALLBACK_RATE
        self._container = container
        self._stream = cast("AudioStream", container.add_stream(kind.sound, rate=self.rate, layout="mono"))
        self._blocks = _at_rate(sound, self.rate)
        self._pending: Block = np.zeros(0, np.float32)
        self._format = "s16" if kind.sound == "flac" else "fltp"
        self._written = 0

    def write_until(self, end: int) -> None:
        """Encode whole blocks of samples up to `end`; silence where the sound is over."""
        while self._written + len(self._pending) < end:
            following = next(self._blocks, None)
            if following is None:
                following = np.zeros(end - self._written - len(self._pending), np.float32)
            self._pending = np.concatenate([self._pending, following])
        while self._written + _SOUND_BLOCK <= end:
            self._encode(self._pending[:_SOUND_BLOCK])
            self._pending = self._pending[_SOUND_BLOCK:]
        self._end = end

    def finish(self) -> None:
        """Encode what is left up to the last picture's end."""
        if self._end > self._written:
            self._encode(self._pending[: self._end - self._written])
        self._container.mux(self._stream.encode(None))

    def _encode(self, samples: Block) -> None:
        if self._format == "s16":
            data = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
        else:
            data = np.ascontiguousarray(samples, np.float32)
        frame = av.AudioFrame.from_ndarray(data[None], format=self._format, layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = self.rate, Fraction(1, self.rate), self._written
        self._container.mux(self._stream.encode(frame))
        self._written += len(samples)


def _at_rate(sound: Sound, rate: int) -> Iterator[Block]:
    if sound.rate == rate:
        yield from sound.blocks
        return
    resampler = soxr.ResampleStream(sound.rate, rate, 1, dtype="float32")
    for block in sound.blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def write_speech(path: Path, speech: Speech) -> None:
    """Write speech as a 16-bit .wav, whole or not at all; raises OutputError."""
    with replacing(path) as temporary:
        soundfile.write(temporary, speech.samples, speech.rate, subtype="PCM_16", format="WAV")
