"""The field's other picture measures, for comparison with published figures: PSNR, MS-SSIM, CW-SSIM, min–max grey."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.scores.frames import Frames, Grey, blocks, check_movie, check_pair, grey
from seido.scores.similarity import RADIUS, mse, similarity_maps

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""What each scale of MS-SSIM counts, from the finest (Wang, Simoncelli & Bovik 2003)."""
LEVELS, ORIENTATIONS, SQUARE = 4, 8, 7
"""CW-SSIM's pyramid: octave bands, orientations, and pixels along each side of the sliding window."""
_STEADY = 0.01
"""Keeps CW-SSIM defined where a picture is even (K of Sampat et al. 2009), levels being 0 … 255."""


def psnr(true: Frames, predicted: Frames) -> float | None:
    """Compute the peak signal-to-noise ratio of a movie in dB: 10 log10(1 / MSE), white being 1.

    The MSE is over all pixels of all frames; None when the movies are the same (the ratio is infinite).

    >>> psnr(np.zeros((2, 4, 4)), np.full((2, 4, 4), 0.1))
    20.0
    """
    error = mse(true, predicted)
    return round(10 * math.log10(1 / error), 12) if error > 0 else None


def ms_ssim(true: Frames, predicted: Frames, scales: int = len(SCALE_WEIGHTS)) -> NDArray[np.float64]:
    """Measure each frame's structural similarity over several scales, 0 … 1 (identical: 1).

    Π over scales s of (mean contrast–structure)^βs, times (mean brightness term) at the coarsest, which is SSIM there;
    each scale halves the picture by means of 2 × 2 pixels, and a negative mean counts as 0. Window and constants are
    SSIM's, β the weights published for five scales. With fewer scales (small pictures) the weights of the finest are
    taken and made to sum to 1: then it is comparable with nothing published.

    Returns float64 (T,). Raises BadInputError when the window does not fit at the coarsest scale: five scales need
    176 pixels along each side. Source: Wang, Simoncelli & Bovik 2003, eq. 7.

    >>> movie = np.tile(np.arange(44, dtype=np.uint8) * 5, (1, 44, 1))
    >>> ms_ssim(movie, movie, scales=3).tolist()
    [1.0]
    """
    check_pair(true, predicted)
    if not 1 <= scales <= len(SCALE_WEIGHTS):
        raise BadInputError(f"MS-SSIM has 1 … {len(SCALE_WEIGHTS)} scales, got {scales}")
    height, width = true.shape[1:3]
    least = (2 * RADIUS + 1) * 2 ** (scales - 1)
    if min(height, width) < least:
        raise BadInputError(
            f"MS-SSIM over {scales} scales needs {least} pixels along each side, got {width} × {height}; "
            "take fewer scales or a larger region"
        )
    exponents = np.array(SCALE_WEIGHTS[:scales]) / (1 if scales == len(SCALE_WEIGHTS) else sum(SCALE_WEIGHTS[:scales]))
    values = []
    for x, y in blocks(true, predicted, frames=4):
        product = np.ones(len(x))
        for scale, exponent in enumerate(exponents, start=1):
            brightness, structure = similarity_maps(x, y)
            if scale == scales:
                structure = structure * brightness
            product *= np.maximum(structure.mean(axis=(1, 2)), 0) ** exponent
            x, y = _halved(x), _halved(y)
        values.append(product)
    return np.concatenate(values)


def cw_ssim(
    true: Frames, predicted: Frames, *, levels: int = LEVELS, orientations: int = ORIENTATIONS
) -> NDArray[np.float64]:
    """Measure each frame's complex-wavelet structural similarity, 0 … 1 (identical: 1); small shifts cost little.

    (2 |Σ cx cy*| + K) / (Σ |cx|² + Σ |cy|² + K) with K = 0.01 (levels 0 … 255) over 7 × 7 coefficients, the mean over
    all places of a band, then over bands. The coefficients c are of a complex steerable pyramid, made with Fourier
    transforms: `levels` bands an octave wide with raised-cosine edges (the highest frequencies, above the first band,
    and the low rest are left out), each of `orientations` directions cos^(n−1) wide on one half-plane, each level
    sampled half as densely as the one before. Rows and columns at the bottom and right that do not halve that often
    are left out. Implementations differ in pyramid and window: compare figures from one implementation only.

    Returns float64 (T,). Raises BadInputError when the coarsest band is smaller than the window.
    Source: Sampat, Wang, Gupta, Bovik & Markey 2009; pyramid: Portilla & Simoncelli 2000.

    >>> movie = np.random.default_rng(0).random((1, 64, 64))
    >>> cw_ssim(movie, movie).round(12).tolist()
    [1.0]
    """
    check_pair(true, predicted)
    if levels < 1 or orientations < 2:
        raise BadInputError(
            f"CW-SSIM needs at least 1 level and 2 orientations, got {levels} levels and {orientations} orientations"
        )
    unit = 2 ** (levels - 1)
    rows, columns = (side // (2 * unit) * 2 * unit for side in true.shape[1:3])
    if min(rows, columns) < SQUARE * unit:
        raise BadInputError(
            f"CW-SSIM with {levels} levels needs {SQUARE * unit} pixels along each side, got "
            f"{true.shape[2]} × {true.shape[1]}; take fewer levels or a larger region"
        )
    values = []
    for x, y in blocks(true[:, :rows, :columns], predicted[:, :rows, :columns], frames=1):
        bands = zip(_bands(x[0], levels, orientations), _bands(y[0], levels, orientations), strict=True)
        values.append(np.mean([_alike(one, other) for one, other in bands]))
    return np.array(values)


def min_max(frames: Frames) -> NDArray[np.float32]:
    """Stretch each frame's grey by itself to 0 … 1: (x − min) / (max − min); an even frame becomes 0.

    For comparison with studies that normalise so (Csapó 2020), and for nothing else: it destroys absolute brightness,
    and NMSE after it is another measure. float32 (T, H, W); colour becomes luma.

    >>> min_max(np.array([[[10, 20, 30]], [[7, 7, 7]]], np.uint8)).tolist()
    [[[0.0, 0.5, 1.0]], [[0.0, 0.0, 0.0]]]
    """
    check_movie(frames)
    stretched = np.empty(frames.shape[:3], np.float32)
    for index in range(len(frames)):
        values = grey(frames[index : index + 1])[0]
        least, span = values.min(), np.ptp(values)
        stretched[index] = (values - least) / (span or 1)
    return stretched


def _halved(pictures: Grey) -> Grey:
    height, width = (side // 2 * 2 for side in pictures.shape[1:])
    even = pictures[:, :height, :width]
    quarters: Grey = even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2]
    quarters /= 4
    return quarters


def _bands(picture: Grey, levels: int, orientations: int) -> list[NDArray[np.complex128]]:
    """Decompose a picture (H, W) into levels × orientations complex bands, finest first."""
    spectrum = np.fft.fftshift(np.fft.fft2(255 * picture)) * _falls(*picture.shape, octave=1)
    found = []
    for level in range(levels):
        rows, columns = spectrum.shape
        falls = _falls(rows, columns, octave=2)
        rising = spectrum * np.sqrt(1 - falls**2)
        found += [np.fft.ifft2(np.fft.ifftshift(rising * fan)) for fan in _fans(rows, columns, orientations)]
        if level + 1 < levels:
            low = spectrum * falls
            middle = low[rows // 4 : rows // 4 + rows // 2, columns // 4 : columns // 4 + columns // 2]
            spectrum = middle / 4
    return found


@lru_cache(maxsize=32)
def _frequencies(rows: int, columns: int) -> tuple[Grey, Grey]:
    """Give radius (1 at the highest frequency along an axis) and angle of every coefficient, 0 in the middle."""
    down, across = (np.fft.fftshift(np.fft.fftfreq(size)) * 2 for size in (rows, columns))
    return np.hypot(down[:, None], across), np.arctan2(down[:, None], across)


@lru_cache(maxsize=32)
def _falls(rows: int, columns: int, octave: int) -> Grey:
    """Make a low-pass that falls as a raised cosine in log frequency from 2^−octave to twice that."""
    radius, _ = _frequencies(rows, columns)
    above = np.log2(np.maximum(radius, 1e-9)) + octave
    falls: Grey = np.cos(np.pi / 2 * np.clip(above, 0, 1))
    return falls


@lru_cache(maxsize=32)
def _fans(rows: int, columns: int, orientations: int) -> tuple[Grey, ...]:
    _, angle = _frequencies(rows, columns)
    fans = []
    for index in range(orientations):
        towards = np.cos(angle - np.pi * index / orientations)
        fans.append(np.where(towards > 0, 2 * np.maximum(towards, 0) ** (orientations - 1), 0))
    return tuple(fans)


def _alike(x: NDArray[np.complex128], y: NDArray[np.complex128]) -> float:
    shared = np.abs(_boxes(x * y.conj()))
    energy = _boxes(np.abs(x) ** 2 + np.abs(y) ** 2).real
    return float(((2 * shared + _STEADY) / (energy + _STEADY)).mean())


def _boxes(values: NDArray[np.complex128] | Grey) -> NDArray[np.complex128]:
    """Sum over every 7 × 7 square that fits."""
    squares = np.lib.stride_tricks.sliding_window_view(values, SQUARE, axis=0).sum(axis=-1)
    summed: NDArray[np.complex128] = np.lib.stride_tricks.sliding_window_view(squares, SQUARE, axis=1).sum(axis=-1)
    return summed
