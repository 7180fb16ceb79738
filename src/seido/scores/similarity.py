"""How near a predicted movie is to the true one, pixel by pixel: pure functions on frames.

What a movie may be is told in `seido.scores.frames`. Frames are read a few at a time: memory does not grow with the
length. A measure that divides by zero is None, never NaN.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.scores.frames import Frames, Grey, blocks, check_pair, grey, hold
from seido.scores.motion import Motion, moments, motion, motion_amplitude, motion_correlation

__all__ = [
    "RADIUS", "SIGMA", "Motion", "blur", "grey", "hold", "motion", "motion_amplitude", "motion_correlation", "mse",
    "nmse", "nmse_per_frame", "similarity_maps", "skill", "ssim",
]  # fmt: skip

SIGMA = 1.5
RADIUS = 5
"""SSIM's gaussian window is 2 · RADIUS + 1 = 11 pixels wide (Wang et al. 2004)."""
_C1, _C2 = 0.01**2, 0.03**2
_TILE = 16
"""Pixels blurred by one product of matrices: of a band matrix as wide as the picture, most products are with 0."""


def ssim(true: Frames, predicted: Frames) -> NDArray[np.float64]:
    """Measure the structural similarity of each frame, −1 … 1 (identical: 1).

    (2 μx μy + C1) (2 σxy + C2) / ((μx² + μy² + C1) (σx² + σy² + C2)) at every pixel, with means, population
    variances and covariance under an 11 × 11 gaussian window of σ = 1.5 pixels, C1 = 0.01², C2 = 0.03² and a data
    range of 1; then the mean over the pixels whose window lies inside the frame (a border of 5 is left out, as
    scikit-image does).

    Returns float64 (T,). Raises BadInputError when the shapes differ or a side is under 11 pixels.
    Source: Wang, Bovik, Sheikh & Simoncelli 2004, eq. 13.

    >>> movie = np.tile(np.arange(16, dtype=np.uint8) * 17, (2, 16, 1))
    >>> ssim(movie, movie).tolist()
    [1.0, 1.0]
    >>> ssim(movie, movie[:, :, ::-1]).round(3).tolist()
    [-0.827, -0.827]
    """
    check_pair(true, predicted)
    height, width = true.shape[1:3]
    if min(height, width) <= 2 * RADIUS:
        raise BadInputError(
            f"SSIM's window is {2 * RADIUS + 1} pixels wide: expected frames at least that large, "
            f"got {width} × {height}; choose a larger region"
        )
    # One frame at a time: its maps stay in the processor's cache.
    pairs = blocks(true, predicted, frames=1)
    return np.fromiter((_ssim_of_frame(x, y) for x, y in pairs), np.float64, len(true))


def mse(true: Frames, predicted: Frames) -> float:
    """Average the squared difference over all pixels and frames; black against white is 1.

    >>> mse(np.zeros((2, 4, 4)), np.full((2, 4, 4), 0.5))
    0.25
    """
    return moments(true, predicted).error()


def nmse(true: Frames, predicted: Frames) -> float | None:
    """Divide the mean squared error by the variance of the true movie (identical: 0, nearer 0 is better).

    mean((x − y)²) / var(x), both over all pixels of all frames; the variance is the population's. None when every
    pixel of the true movie is the same.

    >>> nmse(np.array([[[0.0, 1.0]]]), np.array([[[0.5, 0.5]]]))
    1.0
    """
    return moments(true, predicted).normalised_error()


def nmse_per_frame(true: Frames, predicted: Frames) -> NDArray[np.float64]:
    """Divide each frame's mean squared error by that frame's own variance: float64 (T,).

    Raises BadInputError when a true frame is one even grey, for which this is undefined.

    >>> nmse_per_frame(np.array([[[0.0, 1.0]], [[0.0, 0.5]]]), np.zeros((2, 1, 2))).tolist()
    [2.0, 2.0]
    """
    check_pair(true, predicted)
    values: list[float] = []
    for x, y in blocks(true, predicted):
        for frame, other in zip(x, y, strict=True):
            if np.ptp(frame) == 0:
                raise BadInputError(
                    f"frame {len(values)} of the true movie is one even grey: its NMSE is undefined; "
                    "leave such frames out or take the NMSE of the whole movie"
                )
            values.append(float(np.square(frame - other).mean() / frame.var()))
    return np.array(values)


def skill(true: Frames, predicted: Frames, still: Frames) -> float | None:
    """Say how much of a still picture's error is gone: 1 − MSE(predicted) / MSE(still held over the movie).

    `still` has shape (H, W) or (H, W, 3). 1 is perfect, 0 no better than the still picture, negative worse. None
    when the still picture is the true movie. Source: the mean-square skill score of Murphy 1988.

    >>> true = np.array([[[0.0, 1.0]], [[1.0, 0.0]]])
    >>> skill(true, 0.5 + (true - 0.5) / 2, np.full((1, 2), 0.5))
    0.75
    """
    return moments(true, predicted).skill(still)


def similarity_maps(x: Grey, y: Grey) -> tuple[Grey, Grey]:
    """Split SSIM into its two factors at every pixel: brightness, and contrast times structure.

    Luma 0 … 1 (T, H, W) in; two float64 (T, H − 10, W − 10) out, whose product is SSIM's map (Wang et al. 2004).
    """
    mean_x, mean_y = blur(x), blur(y)
    product, squares = mean_x * mean_y, mean_x * mean_x + mean_y * mean_y
    covariance = blur(x * y) - product
    variances = blur(x * x + y * y) - squares
    return (2 * product + _C1) / (squares + _C1), (2 * covariance + _C2) / (variances + _C2)


def blur(pictures: Grey) -> Grey:
    """Weigh with the gaussian window wherever it fits: (T, H, W) → (T, H − 10, W − 10)."""
    count, height, width = pictures.shape
    rows, columns = height - 2 * RADIUS, width - 2 * RADIUS
    across = np.empty((count, height, columns))
    for first in range(0, columns, _TILE):
        last = min(first + _TILE, columns)
        np.matmul(pictures[..., first : last + 2 * RADIUS], _band(last - first).T, out=across[..., first:last])
    blurred = np.empty((count, rows, columns))
    for first in range(0, rows, _TILE):
        last = min(first + _TILE, rows)
        np.matmul(_band(last - first), across[:, first : last + 2 * RADIUS], out=blurred[:, first:last])
    return blurred


def _ssim_of_frame(x: Grey, y: Grey) -> float:
    brightness, structure = similarity_maps(x, y)
    brightness *= structure
    return float(brightness.mean())


@cache
def _band(size: int) -> Grey:
    """Make the matrix that blurs a column: (size, size + 10), the window's weights in every row."""
    distance = np.arange(size + 2 * RADIUS) - np.arange(size)[:, None] - RADIUS
    weights = np.exp(-0.5 * (distance / SIGMA) ** 2) * (np.abs(distance) <= RADIUS)
    band: Grey = weights / weights.sum(axis=1, keepdims=True)
    return band
