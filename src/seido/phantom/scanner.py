"""What a scanner makes of a clean picture: coil shading, movement inside a frame, lost detail, noise, 8 bits."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from seido.corpus.depth import PERCENTILE
from seido.errors import BadInputError
from seido.timebase import exact_rate

_LOOKED_AT = 32
"""Pictures, evenly spaced, that white is found from."""
_DRIFT_PERIODS = (9.0, 15.0, 29.0)
"""Seconds in which a supported head sways: breathing is gone from it, settling stays."""


@dataclass(frozen=True)
class Coil:
    """A receive coil of one or more elements, each most sensitive near itself; lengths are shares of the picture."""

    centres: tuple[tuple[float, float], ...]
    """(x, y) of each element; 0 is the left or upper edge, 1 the right or lower one."""
    fall_off: tuple[float, float]
    """How far from an element its sensitivity has fallen to exp(−1/2) above the floor, across and down."""
    floor: float
    """Sensitivity far from an element, that next to it being 1."""

    def __post_init__(self) -> None:
        if not self.centres or min(self.fall_off) <= 0 or not 0 <= self.floor <= 1:
            raise BadInputError(f"{self}: a coil needs centres, fall-offs above 0 and a floor in 0 … 1")

    def sensitivities(self, height: int, width: int) -> NDArray[np.float32]:
        """Draw what each element sees, float32 (elements, height, width); the brightest pixel of `bias` is 1."""
        y, x = np.ogrid[:height, :width]
        fields = np.empty((len(self.centres), height, width))
        for field, (centre_x, centre_y) in zip(fields, self.centres, strict=True):
            across = ((x + 0.5) / width - centre_x) / self.fall_off[0]
            down = ((y + 0.5) / height - centre_y) / self.fall_off[1]
            field[:] = self.floor + (1 - self.floor) * np.exp(-(across**2 + down**2) / 2)
        fields /= np.sqrt((fields**2).sum(0)).max()
        return fields.astype(np.float32)

    def bias(self, height: int, width: int) -> NDArray[np.float32]:
        """Draw the shading of the combined picture, float32 (height, width): root of the sum of squares."""
        return np.asarray(np.sqrt((self.sensitivities(height, width) ** 2).sum(0)), np.float32)


@dataclass(frozen=True)
class Scanner:
    """How pictures are acquired."""

    frame_rate: Fraction
    """Frames per second."""
    coil: Coil
    noise: float
    """Standard deviation of the real and of the imaginary part of each element's noise in the picture; white is 1."""
    kept: tuple[float, float]
    """Share of k-space that is acquired, down and across; the rest is zero, and edges ring (Gibbs)."""
    blur: float
    """Standard deviation of a Gaussian blur, pixels: spins that decay during the readout."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "frame_rate", exact_rate(self.frame_rate))
        if not (0 <= self.noise < 1 and 0 <= self.blur < 20):
            raise BadInputError(f"a scanner with noise {self.noise} and blur {self.blur} px gives no picture")
        if not all(0 < share <= 1 for share in self.kept):
            raise BadInputError(f"a scanner keeps a share of k-space in 0 … 1 along each axis, not {self.kept}")


CORPUS_SCANNER = Scanner(
    frame_rate=Fraction(2717, 100),
    coil=Coil(centres=((0.26, 0.42), (0.34, 0.72)), fall_off=(0.24, 0.24), floor=0.18),
    noise=0.0255,
    kept=(0.6, 0.5),
    blur=0.6,
)
"""Of the speakers a model is trained on: two elements before a face that looks left, 1.7 × 2 mm at 1 mm pixels."""
OTHER_SCANNER = Scanner(
    frame_rate=Fraction(1384, 100),
    coil=Coil(centres=((0.2, 0.58), (0.55, 0.95)), fall_off=(0.28, 0.22), floor=0.24),
    noise=0.0275,
    kept=(0.44, 0.5),
    blur=0.9,
)
"""Of speaker W: elements lower and at the neck, flatter shading, coarser, noisier, half as many frames."""


def acquire(pictures: NDArray[np.float32], scanner: Scanner, random: np.random.Generator) -> NDArray[np.uint8]:
    """Acquire pictures, float32 (T, H, W) 0 … 1 without noise, as uint8 (T, H, W).

    Each element of the coil: shading, blur and truncation of k-space, complex Gaussian noise on what is kept of it,
    magnitude (Rician: Gudbjartsson and Patz 1995). Elements are combined by the root of the sum of squares (Roemer
    et al. 1990). White is the PERCENTILE-th percentile of up to 32 evenly spaced pictures. Raises BadInputError for
    pictures of another kind and for black ones.
    """
    _check(pictures)
    count, height, width = pictures.shape
    seen = scanner.coil.sensitivities(height, width)
    looked_at = np.unique(np.linspace(0, count - 1, min(count, _LOOKED_AT)).round().astype(int))
    white = float(np.percentile(pictures[looked_at] * scanner.coil.bias(height, width), PERCENTILE))
    if white <= 0:
        raise BadInputError("the pictures are black: there is nothing to scan")
    rows, down = _kept(height, scanner.kept[0], scanner.blur)
    columns, across = _kept(width, scanner.kept[1], scanner.blur)
    decay = down[:, None] * across
    # The inverse transform divides by the pixels and adds up what is kept.
    spread = np.float32(scanner.noise * white * height * width / np.sqrt(len(rows) * len(columns)))
    magnitudes = np.empty_like(pictures)
    half = np.zeros((len(seen), len(rows), width), np.complex64)
    filled = np.zeros((len(seen), height, width), np.complex64)
    for picture, magnitude in zip(pictures, magnitudes, strict=True):
        signal = np.fft.fft(np.fft.fft(picture * seen, axis=2)[..., columns], axis=1)[:, rows] * decay
        parts = random.standard_normal((*signal.shape, 2), np.float32)
        half[..., columns] = signal + spread * parts.view(np.complex64)[..., 0]
        filled[:, rows] = np.fft.ifft(half, axis=2)
        element = np.fft.ifft(filled, axis=1)
        np.sqrt((element.real**2 + element.imag**2).sum(0), out=magnitude)
    magnitudes *= 255 / float(np.percentile(magnitudes[looked_at], PERCENTILE))
    return np.clip(np.rint(magnitudes, out=magnitudes), 0, 255, out=magnitudes).astype(np.uint8)


def _kept(size: int, share: float, blur: float) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Find the frequencies along an axis that are kept, and what the blur leaves of each."""
    frequency = np.fft.fftfreq(size)
    kept = np.flatnonzero(np.abs(frequency) <= share / 2)
    return kept, np.exp(-2 * (np.pi * blur * frequency[kept]) ** 2).astype(np.float32)


def average_states(pictures: NDArray[np.float32], states: int) -> NDArray[np.float32]:
    """Average each `states` successive pictures of (T · states, H, W) into a frame of (T, H, W).

    A frame is not an instant: what moves while it is acquired smears. Raises BadInputError when they don't divide.
    """
    if pictures.ndim != 3 or states < 1 or len(pictures) % states:
        raise BadInputError(f"{pictures.shape} pictures are not a whole number of frames of {states} states")
    frames = pictures.reshape(-1, states, *pictures.shape[1:])
    return np.asarray(frames.mean(1, dtype=np.float32))


def drift(frames: int, frame_rate: Fraction, random: np.random.Generator, reach: float = 2.0) -> NDArray[np.float32]:
    """Make the slow drift of a head, float32 (frames, 2): dx and dy in pixels for each frame.

    It wanders within a farthest distance, drawn from 0 … `reach` pixels, of where the first frame is.
    """
    if frames < 1 or reach < 0:
        raise BadInputError(f"a head cannot drift {reach} pixels in {frames} frames")
    seconds = np.arange(frames)[:, None] / float(frame_rate)
    way = np.zeros((frames, 2))
    for period in _DRIFT_PERIODS:
        way += period * random.normal(size=2) * np.sin(2 * np.pi * (seconds / period + random.random(2)))
    way -= way[0]
    # A short clip sees only a part of the slowest sway, so it drifts less far than a long one.
    seen = min(1.0, float(frames / frame_rate) / _DRIFT_PERIODS[0])
    way *= random.uniform(0, reach) * seen / max(float(np.hypot(*way.T).max()), 1e-9)
    return np.asarray(way, np.float32)


def shift(picture: NDArray[np.float32], dx: float, dy: float) -> NDArray[np.float32]:
    """Move a picture (H, W) right by dx and down by dy pixels, bilinear; edges are continued outwards."""
    return _moved(_moved(picture, dy, 0), dx, 1)


def _moved(picture: NDArray[np.float32], distance: float, axis: int) -> NDArray[np.float32]:
    whole = int(np.floor(distance))
    part = np.float32(distance - whole)
    last = picture.shape[axis] - 1
    source = np.arange(picture.shape[axis]) - whole
    near = np.take(picture, np.clip(source, 0, last), axis)
    if not part:
        return near
    moved: NDArray[np.float32] = near * (1 - part) + np.take(picture, np.clip(source - 1, 0, last), axis) * part
    return moved


def _check(pictures: NDArray[np.float32]) -> None:
    if pictures.ndim != 3 or pictures.dtype != np.float32 or not pictures.size:
        raise BadInputError(f"clean pictures should be float32 (T, H, W), got {pictures.dtype} {pictures.shape}")
    if not (pictures.min() >= 0 and pictures.max() <= 1.001):  # so written, NaN fails too
        raise BadInputError("clean pictures should lie in 0 … 1; scale them first")
