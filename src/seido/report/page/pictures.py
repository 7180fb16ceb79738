"""Movies, spectrograms, waveforms and kymographs as small pictures that the page carries inside itself."""

from __future__ import annotations

import io
import math
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seido.clips.logmel import log_mel
from seido.plan import FrontEnd
from seido.report.kymograph import Line, kymograph
from seido.report.pictures import GAP, PAPER
from seido.report.side_by_side import difference
from seido.timebase import SAMPLE_RATE
from seido.values import Frame, Samples, Speech

BYTES_A_PIXEL = 0.19
"""What a pixel of a movie may take before pictures are made coarser; the page's base64 makes it 1/3 more."""
LEAST_BYTES = 200_000
"""Movies this small stay exact."""
QUALITIES = (95, 90, 85, 80, 70, 60, 50)
SHEET = 4096
"""Most pixels along a side of a sprite sheet: every browser draws pictures of that size."""
BLOCK = 16
"""Tiles are padded to whole blocks of the codec, so that no frame bleeds into its neighbour."""
DISPLAY = FrontEnd(fft=512, hop=80, bands=80, window=1)
"""Finer in time than what the networks hear: 200 columns/s, 32 ms windows."""
SHOWN_DB = 60.0
GREYS = 24
STILLS = 6


@dataclass(frozen=True)
class Sheets:
    """A movie as tiles in pictures, from left to right and top to bottom."""

    kind: str
    pictures: tuple[bytes, ...]
    columns: int
    rows: int
    tile: tuple[int, int]
    """Height and width of a tile; the frame stands in its top left corner."""

    @property
    def bytes(self) -> int:
        """Their size."""
        return sum(len(picture) for picture in self.pictures)


@dataclass(frozen=True)
class Movies:
    """Both movies of a clip as sprite sheets, and what packing them has changed."""

    true: Sheets
    generated: Sheets
    quality: int | None
    """WebP quality; None means that every pixel is exact."""
    error: float
    """Mean absolute change of a pixel by packing, of 255."""


def pack_movies(true: NDArray[np.uint8], generated: NDArray[np.uint8], budget: int | None = None) -> Movies:
    """Pack two movies, uint8 (T, H, W), into WebP sprite sheets: exact where they fit the budget, else coarser.

    `budget` is in bytes for both. Each frame is found again by its number, which no video element promises.
    """
    if budget is None:
        budget = max(LEAST_BYTES, round(BYTES_A_PIXEL * (true.size + generated.size)))
    for quality in (None, *QUALITIES):
        packed = [pack(movie, quality) for movie in (true, generated)]
        if sum(sheets.bytes for sheets in packed) <= budget:
            break
    error = 0.0
    if quality is not None:
        pairs = zip((true, generated), packed, strict=True)
        error = float(
            np.mean([np.abs(unpack(sheets, movie.shape) - movie.astype(float)).mean() for movie, sheets in pairs])
        )
    return Movies(packed[0], packed[1], quality, error)


def pack(movie: NDArray[np.uint8], quality: int | None) -> Sheets:
    """Lay out the frames of a movie, uint8 (T, H, W), as tiles; WebP of that quality, or exact."""
    count, height, width = movie.shape
    tall, wide = (-(-side // BLOCK) * BLOCK for side in (height, width))
    columns = max(1, min(SHEET // wide, math.ceil(math.sqrt(count * tall / wide))))
    rows = max(1, min(SHEET // tall, -(-count // columns)))
    padded = np.pad(movie, ((0, 0), (0, tall - height), (0, wide - width)), mode="edge")
    pictures = []
    for first in range(0, count, columns * rows):
        part = padded[first : first + columns * rows]
        lines = -(-len(part) // columns)
        # Empty tiles repeat the last frame: they cost next to nothing and make no hard edge.
        part = np.concatenate([part, part[-1:].repeat(lines * columns - len(part), axis=0)])
        sheet = part.reshape(lines, columns, tall, wide).swapaxes(1, 2).reshape(lines * tall, columns * wide)
        pictures.append(webp(sheet, quality))
    return Sheets("image/webp", tuple(pictures), columns, rows, (tall, wide))


def unpack(sheets: Sheets, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read packed frames again: uint8 (T, H, W)."""
    tall, wide = sheets.tile
    parts = []
    for picture in sheets.pictures:
        pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))[:, :, 1]
        lines = pixels.shape[0] // tall
        parts.append(pixels.reshape(lines, tall, sheets.columns, wide).swapaxes(1, 2).reshape(-1, tall, wide))
    return np.concatenate(parts)[: shape[0], : shape[1], : shape[2]]


def webp(picture: Frame, quality: int | None) -> bytes:
    """Write a grey picture as WebP."""
    stream = io.BytesIO()
    options = {"lossless": True, "quality": 50, "method": 3} if quality is None else {"quality": quality, "method": 4}
    Image.fromarray(picture).convert("RGB").save(stream, "WEBP", **options)
    return stream.getvalue()


def png(picture: Frame) -> bytes:
    """Write a picture as PNG."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def wav(speech: Samples, rate: int = SAMPLE_RATE) -> bytes:
    """Write float32 samples, −1 … 1, as a mono 16-bit WAV file."""
    samples = np.rint(np.clip(speech, -1, 1) * 32767).astype("<i2").tobytes()
    head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16) + b"data"
    return b"RIFF" + struct.pack("<I", len(head) + 4 + len(samples)) + head + struct.pack("<I", len(samples)) + samples


def spectrogram(speech: Samples) -> Frame:
    """Draw the log-mel spectrogram as ink on paper, low pitch at the bottom: uint8 (bands, columns), 200 columns/s.

    The loudest 60 dB of the clip are shown, in few greys, so that the PNG stays small.
    """
    mel = log_mel(Speech(speech, SAMPLE_RATE), DISPLAY)
    decibels = mel * (100.0 / 8.0)
    shown = np.clip((decibels - decibels.max() + SHOWN_DB) / SHOWN_DB, 0, 1)
    steps = np.rint((1 - shown.T[::-1] ** 1.4) * (GREYS - 1))
    return np.ascontiguousarray(np.rint(steps * (255 / (GREYS - 1))).astype(np.uint8))


def envelope(speech: Samples, columns: int = 800) -> NDArray[np.float64]:
    """Find the lowest and highest sample in each of some equal parts of the speech: (columns, 2), −1 … 1."""
    edges = np.linspace(0, len(speech), columns + 1).astype(int)
    starts = np.minimum(edges[:-1], len(speech) - 1)
    lows, highs = np.minimum.reduceat(speech, starts), np.maximum.reduceat(speech, starts)
    bounds: NDArray[np.float64] = np.stack([lows, highs], axis=1).astype(np.float64)
    return bounds


def strips(true: NDArray[np.uint8], generated: NDArray[np.uint8], line: Line) -> tuple[Frame, Frame]:
    """Read the kymographs of both movies along a line: uint8 (points, T) each, stretched to the greys they share."""
    pair = [kymograph(movie, line) for movie in (true, generated)]
    low, high = np.percentile(np.concatenate(pair, axis=1), [0.5, 99.5])
    scale = 255 / max(1.0, high - low)
    first, second = (np.rint(np.clip((strip - low) * scale, 0, 255)).astype(np.uint8) for strip in pair)
    return first, second


def still_indices(frames: int) -> list[int]:
    """Choose the frames of the printed row: evenly spaced, the middles of equal parts of the clip.

    >>> still_indices(12), still_indices(3)
    ([1, 3, 5, 7, 9, 11], [0, 1, 2])
    """
    count = min(STILLS, frames)
    return [(2 * index + 1) * frames // (2 * count) for index in range(count)]


def stills(true: NDArray[np.uint8], generated: NDArray[np.uint8]) -> Frame:
    """Lay out chosen frames in rows original, generated, difference: uint8, white gaps between."""
    chosen = still_indices(len(true))
    height, width = true.shape[1:]
    canvas = np.full(((height + GAP) * 3 - GAP, (width + GAP) * len(chosen) - GAP), PAPER, np.uint8)
    for column, index in enumerate(chosen):
        panels = (true[index], generated[index], difference(true[index], generated[index]))
        for row, panel in enumerate(panels):
            top, left = row * (height + GAP), column * (width + GAP)
            canvas[top : top + height, left : left + width] = panel
    return canvas
