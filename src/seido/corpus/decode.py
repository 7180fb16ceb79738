"""Movies through FFmpeg: an index of every picture, and exact seeking by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from seido.corpus.container import DECODING_ERRORS, opened, picture_stream, reason
from seido.corpus.picture import MAX_PIXELS, colour_picture, grey_picture, shows_colour
from seido.errors import BadInputError
from seido.files import require_file
from seido.timebase import MAX_RATE
from seido.values import MovieInfo

_TICKS = 2
"""Time stamps are rounded to their unit: one that is off by no more says nothing against a rate."""
_STEADY = 0.75
"""Frames by which a picture may stray from an even rate and still be the frame of its number."""
_STRETCH = 4
"""Held pictures may make a movie so many times longer, no more: such time stamps are damaged."""


_INDEXED = ("mov", "matroska", "avi")
"""Containers that stamp every picture; in others FFmpeg guesses some, and differently after seeking."""


@dataclass(frozen=True)
class MovieIndex:
    """Where every picture of a movie stands: `stamps` in display order, empty when they cannot be trusted.

    Picture i is shown from frame `slots[i]` on; slots are 0, 1, 2 … unless pictures are missing or unevenly spaced.
    """

    info: MovieInfo
    stamps: NDArray[np.int64]
    keys: NDArray[np.int64]
    """Stamps of the pictures that decoding can begin at; empty where it has to begin with the first."""
    slots: NDArray[np.int64]


def movie_index(path: Path) -> MovieIndex:
    """Read every packet's header once; raises BadInputError for no movie, no pictures, or one that is cut off."""
    stat = require_file(path).stat()
    return _index(path, stat.st_mtime_ns, stat.st_size)


def pictures(
    index: MovieIndex, start: int, stop: int, *, colour: bool, threads: int = 0
) -> Iterator[NDArray[np.uint8]]:
    """Decode frames start … stop − 1 in so many threads (0: one a core): grey uint8 (H, W) or RGB (H, W, 3)."""
    path, size = index.info.path, None
    convert = colour_picture if colour else grey_picture
    at, held = start, None
    first = int(np.searchsorted(index.slots, start))
    if first == len(index.slots) or index.slots[first] > start:
        first -= 1
    for slot, frame in _frames(index, first, threads):
        while held is not None and at < min(slot, stop):
            yield held
            at += 1
        if at >= stop:
            return
        if size not in {None, (frame.width, frame.height)}:
            raise BadInputError(
                f"{path}: its pictures change size at frame {at}, from {size} to {(frame.width, frame.height)} pixels; "
                f"export it at one size"
            )
        size = frame.width, frame.height
        held = convert(frame)
        while at <= min(slot, stop - 1):
            yield held
            at += 1
        if at >= stop:
            return
    # Some encoders leave an empty packet at the end.
    if held is None or stop - at > 1:
        raise BadInputError(
            f"{path}: damaged, only {at} of its {index.info.frames} frames can be decoded; copy it again"
        )
    while at < stop:
        yield held
        at += 1


def _frames(index: MovieIndex, first: int, threads: int) -> Iterator[tuple[int, av.VideoFrame]]:
    """Decode from picture `first` on: where each is shown, and the frame."""
    begun = False
    keys_before = int(np.searchsorted(index.keys, index.stamps[first], "right")) if len(index.keys) else 0
    if keys_before > 1:
        key = int(index.keys[keys_before - 1])
        try:
            for number, frame in _decoded(index, key, threads):
                if number > first and not begun:
                    break  # the container or the codec began too late: decode from the beginning
                if number >= first:
                    begun = True
                    yield int(index.slots[number]), frame
            if begun:
                return
        except BadInputError:
            if begun:
                raise
    for number, frame in _decoded(index, None, threads):
        if number >= first:
            yield int(index.slots[number]), frame


def _decoded(index: MovieIndex, key: int | None, threads: int) -> Iterator[tuple[int, av.VideoFrame]]:
    """Decode from the key picture stamped `key`, or from the beginning: each picture's number, and the frame."""
    path = index.info.path
    number = -1
    with opened(path) as container:
        stream = picture_stream(container)
        if stream is None:
            return
        stream.thread_type = "AUTO"
        stream.thread_count = threads
        try:
            if key is not None:
                container.seek(key, stream=stream)
            for frame in container.decode(stream):
                if len(index.stamps) and frame.pts is not None:
                    number = max(number + 1, int(np.searchsorted(index.stamps, frame.pts)))
                else:
                    number += 1
                if number >= len(index.slots):
                    return
                yield number, frame
        except DECODING_ERRORS as error:
            raise BadInputError(
                f"{path}: damaged after {number + 1} of {index.info.frames} frames ({reason(error)}); copy it again"
            ) from error


@dataclass(frozen=True)
class _Packets:
    """What the packets of the pictures say, in the order they are stored."""

    stamps: NDArray[np.int64]
    keys: NDArray[np.int64]
    unit: Fraction
    count: int
    promised: int
    trusted: bool


@lru_cache(maxsize=64)
def _index(path: Path, _changed: int, _size: int) -> MovieIndex:
    with opened(path) as container:
        stream = picture_stream(container)
        if stream is None:
            raise BadInputError(f"{path}: there are no pictures in it, only sound; give a movie")
        if stream.codec_context is None:
            raise BadInputError(f"{path}: its pictures are in a format that cannot be decoded; export it as mp4")
        if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
            raise BadInputError(f"{path}: its pictures are absurdly large; give a movie under 100 megapixels")
        stated = [rate for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate) if rate]
        sound = bool(container.streams.audio)
        packets = _packets(path, container, stream)
    if packets.count < packets.promised:
        raise BadInputError(
            f"{path}: cut off after {packets.count} of {packets.promised} frames; copy or export it again"
        )
    if not packets.count:
        raise BadInputError(f"{path}: there are no pictures in it; give a movie with frames")
    rate, slots = _timing(path, packets, stated)
    first, colour = _first_picture(path)
    info = MovieInfo(
        path=path, height=first[0], width=first[1], rate=rate, frames=int(slots[-1]) + 1, colour=colour, sound=sound
    )
    return MovieIndex(info, packets.stamps if packets.trusted else packets.stamps[:0], packets.keys, slots)


def _packets(path: Path, container: av.container.InputContainer, stream: av.VideoStream) -> _Packets:
    name = container.format.name
    matroska = name.startswith("matroska")
    stamps: list[int] = []
    keys: list[int] = []
    stored = whole = 0
    reached = Fraction(0)
    avi_end = 0
    trusted = True
    try:
        for packet in container.demux():
            if not packet.size or packet.is_corrupt:
                continue
            if matroska and packet.pts is not None and packet.time_base:
                reached = max(reached, (packet.pts + (packet.duration or 0)) * packet.time_base)
            if packet.stream_index != stream.index:
                continue
            stored += 1
            if packet.is_discard:
                continue
            whole += 1
            # AVI numbers packets as stored; FFmpeg's guess at display order is right only where all are key pictures.
            trusted = trusted and packet.pts is not None and (name != "avi" or packet.is_keyframe)
            avi_end = max(avi_end, 1 + (packet.dts or 0))
            if packet.pts is not None:
                stamps.append(packet.pts)
                if packet.is_keyframe:
                    keys.append(packet.pts)
    except DECODING_ERRORS as error:
        if not stream.frames:
            raise BadInputError(f"{path}: damaged after {whole} frames ({reason(error)}); copy it again") from error
    promised = 0
    if name == "avi" and stream.frames > max(stored, avi_end):
        promised = stream.frames
    elif name.startswith("mov") and stream.frames > stored:
        promised = stream.frames - (stored - whole)
    elif matroska and container.duration and stream.average_rate:
        length = Fraction(container.duration, av.time_base)
        if (length - reached) * stream.average_rate > 2:
            promised = max(whole + 1, round(length * stream.average_rate))
    unit = stream.time_base or Fraction(1)
    order = np.unique(np.array(stamps, np.int64))
    trusted = trusted and len(order) == whole
    seekable = trusted and name.startswith(_INDEXED)
    return _Packets(order, np.unique(np.array(keys if seekable else [], np.int64)), unit, whole, promised, trusted)


def _first_picture(path: Path) -> tuple[tuple[int, int], bool]:
    """Decode the first picture: its height and width, and whether it shows colour."""
    with opened(path) as container:
        stream = picture_stream(container)
        try:
            for frame in container.decode(stream) if stream else ():
                colour = shows_colour(frame)
                height, width = grey_picture(frame).shape
                return (height, width), colour
        except DECODING_ERRORS as error:
            raise BadInputError(f"{path}: its pictures cannot be decoded ({reason(error)}); copy it again") from error
    raise BadInputError(f"{path}: there are no pictures in it; give a movie with frames")


def _timing(path: Path, packets: _Packets, stated: list[Fraction]) -> tuple[Fraction, NDArray[np.int64]]:
    """Find the exact rate, and the frame from which each picture is shown."""
    numbers = np.arange(packets.count, dtype=np.int64)
    if not packets.trusted or packets.count < 2:
        # Without time stamps FFmpeg's second opinion, from the codec, is the better one.
        rates = stated if packets.trusted or len(packets.stamps) else stated[1:] or stated
        if not rates:
            raise BadInputError(f"{path}: it states no frame rate; export it as mp4 or mkv with one")
        return rates[0], numbers
    times = (packets.stamps - packets.stamps[0]).astype(np.float64) * float(packets.unit)
    fitted = _fitted_rate(packets)
    for rate in [*stated, fitted]:
        drift = np.abs(numbers / float(rate) - times).max()
        if rate <= MAX_RATE and drift <= _TICKS * float(packets.unit):
            return rate, numbers
    rates = [rate for rate in [*stated, fitted] if rate <= MAX_RATE]
    if not rates:
        raise BadInputError(f"{path}: its time stamps are damaged; export it again at an even frame rate")
    rate = rates[0]
    if np.abs(times * float(rate) - numbers).max() < _STEADY:
        return rate, numbers
    slots = np.rint(times * float(rate)).astype(np.int64)
    if slots[-1] >= _STRETCH * packets.count:
        raise BadInputError(f"{path}: its frames are too unevenly spaced; export it again at an even frame rate")
    return rate, slots


def _fitted_rate(packets: _Packets) -> Fraction:
    """Find the simplest rate that the first and last time stamps allow."""
    steps, span = packets.count - 1, int(packets.stamps[-1] - packets.stamps[0])
    rate = Fraction(steps) / (span * packets.unit)
    lowest, highest = rate * span / (span + 1), rate * 2 * span / (2 * span - 1)
    for limit in (1, 2, 5, 10, 50, 100, 500, 1001, 10_000, 100_000):
        simple = rate.limit_denominator(limit)
        if lowest <= simple <= highest:
            return simple
    return rate
