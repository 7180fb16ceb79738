"""The noise ceiling: how well a perfect prediction would score, since noise in the true movie cannot be predicted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_STEPS = 4000


def noise_free(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Estimate a movie without its noise: uint8 (T, H, W) to the same.

    Movement is shared by many pixels, noise by none: of the singular values of the movie as a matrix (time by pixels)
    those that noise alone would reach are removed and the others shrunk (Gavish and Donoho 2017, Frobenius loss; the
    noise from the median singular value). What moves too little to rise above the noise is lost with it, so that the
    ceiling is a little too low.

    >>> still = np.full((4, 8, 8), 90, np.uint8)
    >>> bool((noise_free(still) == still).all())
    True
    """
    time, height, width = frames.shape
    pixels = frames.reshape(time, -1).astype(np.float64)
    mean = pixels.mean(axis=0)
    pixels -= mean
    values, vectors = np.linalg.eigh(pixels @ pixels.T)
    singular = np.sqrt(np.maximum(values, 0))
    # Taking the mean away has made one of them zero: it says nothing of the noise.
    kept = singular[1:] if time > 1 else singular
    shrunk = np.concatenate([singular[: time - len(kept)] * 0, _shrunk(kept, time - 1, height * width)])
    weights = np.divide(shrunk, singular, out=np.zeros_like(singular), where=singular > 0)
    clean = mean + (vectors * weights) @ (vectors.T @ pixels)
    picture: NDArray[np.uint8] = np.clip(np.rint(clean), 0, 255).astype(np.uint8).reshape(time, height, width)
    return picture


def ceiling_pair(frames: NDArray[np.uint8], seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Make a pair (true, predicted) whose scores are the ceiling of a movie's: uint8 (T, H, W) each.

    The estimate without noise is what a perfect prediction would show. It is scored against itself with fresh noise
    of the movie's own strength, not against the movie: it still holds a little of that one's noise. In short clips
    that move much, what is left of it makes the ceiling up to 0.05 SSIM too high.
    """
    clean = noise_free(frames)
    noise = np.random.default_rng(seed).normal(0, noise_sd(frames), frames.shape)
    noisy: NDArray[np.uint8] = np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)
    return noisy, clean


def noise_sd(frames: NDArray[np.uint8]) -> float:
    """Estimate the standard deviation of a movie's noise from its median singular value, in levels of 255."""
    time = len(frames)
    if time < 3:
        return 0.0
    pixels = frames.reshape(time, -1).astype(np.float64)
    pixels -= pixels.mean(axis=0)
    values = np.linalg.eigvalsh(pixels @ pixels.T)[1:]
    return _sd(np.sqrt(np.maximum(values, 0)), time - 1, pixels.shape[1])


def _sd(singular: NDArray[np.float64], rows: int, columns: int) -> float:
    if not len(singular):
        return 0.0
    return float(np.median(singular) / np.sqrt(columns * _median(rows / columns)))


def _shrunk(singular: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    unit = _sd(singular, rows, columns) * np.sqrt(columns)
    if unit == 0:
        return singular
    beta, scaled = rows / columns, singular / unit
    under = np.maximum((scaled**2 - beta - 1) ** 2 - 4 * beta, 0)
    above = scaled > 1 + np.sqrt(beta)
    shrunk: NDArray[np.float64] = unit * np.divide(np.sqrt(under), scaled, out=np.zeros_like(scaled), where=above)
    return shrunk


def _median(beta: float) -> float:
    """Compute the median of the Marchenko-Pastur distribution of shape `beta` ≤ 1, whose mean is 1."""
    low, high = (1 - np.sqrt(beta)) ** 2, (1 + np.sqrt(beta)) ** 2
    # Cosine spacing resolves the edges, where the density rises like a root.
    at = low + (high - low) * (1 - np.cos(np.linspace(0, np.pi, _STEPS))) / 2
    density: NDArray[Any] = np.sqrt(np.maximum((at - low) * (high - at), 0)) / at
    mass = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(at))])
    return float(np.interp(mass[-1] / 2, mass, at))
