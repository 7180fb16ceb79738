"""Opening movies and sound through FFmpeg, with its errors turned into sentences."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import av
from av.stream import Disposition

from seido.errors import BadInputError
from seido.files import require_file

# FFmpeg also takes text for a movie, lists of other files for a movie, and one picture for a movie: no such thing here.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,asf,flv,ogg,gif,mxf,nut,ivf,yuv4mpegpipe,dv,rm,"
    "h264,hevc,m4v,mjpeg,av1,obu,wav,w64,aiff,au,caf,flac,mp3,aac,ac3,eac3,amr,ape,wv,tta,opus"
)
_UNFINISHED = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}


DECODING_ERRORS = (av.error.FFmpegError, IndexError, ValueError, OverflowError)
"""What PyAV raises for damaged files; streams that appear late are an IndexError to it."""


class UnknownFormatError(BadInputError):
    """The file is of no kind that this reader knows; another may know it."""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[av.container.InputContainer]:
    """Open a movie or sound file; raises BadInputError when it is none that FFmpeg can read."""
    require_file(path)
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
    try:
        container = av.open(str(path.absolute()), options=options, metadata_errors="replace")
    except DECODING_ERRORS as error:
        raise _refusal(path) from error
    with container:
        yield container


def picture_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """Find the pictures of a movie: its first video stream that is no cover art."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    return None


def reason(error: Exception) -> str:
    """Say what FFmpeg said, without its numbers and function names."""
    return (getattr(error, "strerror", None) or str(error)).lower()


def _refusal(path: Path) -> BadInputError:
    with path.open("rb") as stream:
        head = stream.read(12)
    if head[4:8] in _UNFINISHED or head[8:12] == b"AVI " or head[:4] == b"\x1aE\xdf\xa3":
        return BadInputError(f"{path}: its index is missing or damaged, so it was cut off; copy or export it again")
    return UnknownFormatError(f"{path}: this is no movie or sound in a known format; give mp4, avi, mkv or wav")
