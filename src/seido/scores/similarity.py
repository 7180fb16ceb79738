"""How near a predicted movie is to the true one: pure functions on frames.

Movies are uint8 (0 … 255, divided by 255) or floating point (0 … 1), of shape (T, H, W) grey or (T, H, W, 3) RGB.
Colour is turned into luma (ITU-R BT.601), so a grey movie saved as RGB scores as the grey one does. Frames are
read a few at a time: memory does not grow with the length. A measure that divides by zero is None, never NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError, NotFiniteError

Frames = NDArray[np.uint8 | np.floating[Any]]
"""A movie: (T, H, W) or (T, H, W, 3), uint8 or floating point 0 … 1."""
Grey = NDArray[np.float64]

LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue (ITU-R BT.601)."""
SIGMA = 1.5
RADIUS = 5
"""SSIM's gaussian window is 2 · RADIUS + 1 = 11 pixels wide (Wang et al. 2004)."""
_C1, _C2 = 0.01**2, 0.03**2
_BLOCK = 16
"""Frames read at a time."""
_SLACK = 0.5
"""How far a float may lie outside 0 … 1 before it must have been meant on another scale."""


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
    _check(true, predicted)
    height, width = true.shape[1:3]
    if min(height, width) <= 2 * RADIUS:
        raise BadInputError(
            f"SSIM's window is {2 * RADIUS + 1} pixels wide: expected frames at least that large, "
            f"got {width} × {height}; choose a larger region"
        )
    pairs = (pair for x, y in _blocks(true, predicted) for pair in zip(x, y, strict=True))
    return np.fromiter((_ssim_of_frame(x, y) for x, y in pairs), np.float64, len(true))


def mse(true: Frames, predicted: Frames) -> float:
    """Average the squared difference over all pixels and frames; black against white is 1.

    >>> mse(np.zeros((2, 4, 4)), np.full((2, 4, 4), 0.5))
    0.25
    """
    _check(true, predicted)
    total = sum(float(np.square(x - y).sum()) for x, y in _blocks(true, predicted))
    return total / math.prod(true.shape[:3])


def nmse(true: Frames, predicted: Frames) -> float | None:
    """Divide the mean squared error by the variance of the true movie (identical: 0, nearer 0 is better).

    mean((x − y)²) / var(x), both over all pixels of all frames; the variance is the population's. None when every
    pixel of the true movie is the same.

    >>> nmse(np.array([[[0.0, 1.0]]]), np.array([[[0.5, 0.5]]]))
    1.0
    """
    _check(true, predicted)
    count = math.prod(true.shape[:3])
    origin: float | None = None
    first = second = error = 0.0
    for x, y in _blocks(true, predicted):
        # Sums about a value of the movie itself: a constant movie has a variance of exactly 0.
        origin = float(x.flat[0]) if origin is None else origin
        first += float((x - origin).sum())
        second += float(np.square(x - origin).sum())
        error += float(np.square(x - y).sum())
    return _ratio(error / count, second / count - (first / count) ** 2)


def nmse_per_frame(true: Frames, predicted: Frames) -> NDArray[np.float64]:
    """Divide each frame's mean squared error by that frame's own variance: float64 (T,).

    Raises BadInputError when a true frame is one even grey, for which this is undefined.

    >>> nmse_per_frame(np.array([[[0.0, 1.0]], [[0.0, 0.5]]]), np.zeros((2, 1, 2))).tolist()
    [2.0, 2.0]
    """
    _check(true, predicted)
    values: list[float] = []
    for x, y in _blocks(true, predicted):
        for frame, other in zip(x, y, strict=True):
            if np.ptp(frame) == 0:
                raise BadInputError(
                    f"frame {len(values)} of the true movie is one even grey: its NMSE is undefined; "
                    "leave such frames out or take the NMSE of the whole movie"
                )
            values.append(float(np.square(frame - other).mean() / frame.var()))
    return np.array(values)


class Motion(NamedTuple):
    """How well the movement of a movie was predicted; None where the true movie does not move."""

    correlation: float | None
    amplitude: float | None


def motion(true: Frames, predicted: Frames, *, weighted: bool = True) -> Motion:
    """Compare what moves: correlation and amplitude ratio of the deviations from each movie's own mean frame.

    With x' = x − mean over time of x at each pixel, y' likewise, and the weight w(p) = mean over time of x'²:

    correlation = Σp w Σt x' y' / √(Σp w Σt x'² · Σp w Σt y'²), −1 … 1, and 0 when the prediction does not move;
    amplitude = √(Σp w Σt y'² / Σp w Σt x'²): 1 when it moves as much, 0 when it stands still.

    The weight makes the pixels count where the true movie moves; `weighted=False` sets it to 1 everywhere.

    >>> t = np.arange(4.0)[:, None, None] / 4
    >>> movie = np.concatenate([t, 0 * t], axis=2)
    >>> motion(movie, movie / 2), motion(movie, 0 * movie)
    (Motion(correlation=1.0, amplitude=0.5), Motion(correlation=0.0, amplitude=0.0))
    """
    _check(true, predicted)
    count, height, width = true.shape[:3]
    sums = np.zeros((5, height, width))
    origin: tuple[Grey, Grey] | None = None
    for x, y in _blocks(true, predicted):
        # Sums about each movie's first frame: a movie that stands still has sums of exactly 0.
        origin = (x[0].copy(), y[0].copy()) if origin is None else origin
        x, y = x - origin[0], y - origin[1]
        for total, part in zip(sums, (x, y, x * x, y * y, x * y), strict=True):
            total += part.sum(axis=0)
    mean_x, mean_y, square_x, square_y, product = sums / count
    varies_x = np.maximum(square_x - mean_x**2, 0)
    varies_y = np.maximum(square_y - mean_y**2, 0)
    weight = varies_x if weighted else np.ones_like(varies_x)
    power_x, power_y = float((weight * varies_x).sum()), float((weight * varies_y).sum())
    if power_x == 0:
        return Motion(None, None)
    if power_y == 0:
        return Motion(0.0, 0.0)
    together = float((weight * (product - mean_x * mean_y)).sum())
    correlation = together / (math.sqrt(power_x) * math.sqrt(power_y))
    return Motion(max(-1.0, min(1.0, correlation)), math.sqrt(power_y / power_x))


def motion_correlation(true: Frames, predicted: Frames) -> float | None:
    """Correlate the movements, weighted by where the true movie moves; see `motion`.

    >>> t = np.arange(4.0)[:, None, None] / 4
    >>> motion_correlation(t, 1 - t)
    -1.0
    """
    return motion(true, predicted).correlation


def motion_amplitude(true: Frames, predicted: Frames) -> float | None:
    """Divide the predicted movement's standard deviation by the true one's, on the same pixels; see `motion`.

    >>> t = np.arange(4.0)[:, None, None] / 4
    >>> motion_amplitude(t, 1 - t / 2)
    0.5
    """
    return motion(true, predicted).amplitude


def skill(true: Frames, predicted: Frames, still: Frames) -> float | None:
    """Say how much of a still picture's error is gone: 1 − MSE(predicted) / MSE(still held over the movie).

    `still` has shape (H, W) or (H, W, 3). 1 is perfect, 0 no better than the still picture, negative worse. None
    when the still picture is the true movie. Source: the mean-square skill score of Murphy 1988.

    >>> true = np.array([[[0.0, 1.0]], [[1.0, 0.0]]])
    >>> skill(true, 0.5 + (true - 0.5) / 2, np.full((1, 2), 0.5))
    0.75
    """
    if still.shape[:2] != true.shape[1:3]:
        raise BadInputError(f"expected a still picture of height and width {true.shape[1:3]}, got {still.shape[:2]}")
    kept = _ratio(mse(true, predicted), mse(true, hold(still, len(true))))
    return None if kept is None else 1 - kept


def hold(still: Frames, frames: int) -> Frames:
    """Show one picture, (H, W) or (H, W, 3), for that many frames: a read-only view that takes no memory.

    >>> hold(np.zeros((4, 6), np.uint8), 25).shape
    (25, 4, 6)
    """
    return np.broadcast_to(still, (frames, *still.shape))


def grey(frames: Frames) -> Grey:
    """Turn frames (T, H, W) or (T, H, W, 3) into luma float64 (T, H, W), 0 … 1.

    >>> grey(np.full((1, 1, 1, 3), 51, np.uint8)).round(12).tolist()
    [[[0.2]]]
    """
    values = frames.astype(np.float64)
    if frames.ndim == 4:
        values = values @ LUMA
    if frames.dtype == np.uint8:
        return values / 255
    if not np.isfinite(values).all():
        raise NotFiniteError("a movie to score holds NaN or infinite pixels; generate it again")
    if values.size and (values.min() < -_SLACK or values.max() > 1 + _SLACK):
        raise BadInputError(
            f"floating-point frames should lie within 0 … 1, got {values.min():g} … {values.max():g}; "
            "scale them or give uint8"
        )
    return values


def _check(true: Frames, predicted: Frames) -> None:
    for frames, what in ((true, "the true movie"), (predicted, "the predicted movie")):
        if not (frames.ndim == 3 or (frames.ndim == 4 and frames.shape[3] == 3)) or 0 in frames.shape:
            raise BadInputError(f"expected {what} of shape (T, H, W) or (T, H, W, 3), got {frames.shape}")
        if not (frames.dtype == np.uint8 or np.issubdtype(frames.dtype, np.floating)):
            raise BadInputError(f"expected {what} as uint8 or floating point, got {frames.dtype}")
    if true.shape[:3] != predicted.shape[:3]:
        raise BadInputError(
            f"expected a predicted movie of the true one's frames, height and width {true.shape[:3]}, "
            f"got {predicted.shape[:3]}"
        )


def _blocks(true: Frames, predicted: Frames) -> Iterator[tuple[Grey, Grey]]:
    for first in range(0, len(true), _BLOCK):
        yield grey(true[first : first + _BLOCK]), grey(predicted[first : first + _BLOCK])


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _window() -> list[float]:
    weights = [math.exp(-0.5 * (distance / SIGMA) ** 2) for distance in range(-RADIUS, RADIUS + 1)]
    return [weight / sum(weights) for weight in weights]


_WEIGHTS = _window()


def _ssim_of_frame(x: Grey, y: Grey) -> float:
    mean_x, mean_y = _blur(x), _blur(y)
    product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    covariance = _blur(x * y) - product
    variances = _blur(x * x + y * y) - squares
    similar = (2 * product + _C1) * (2 * covariance + _C2) / ((squares + _C1) * (variances + _C2))
    return float(similar.mean())


def _blur(picture: Grey) -> Grey:
    """Weigh with the gaussian window wherever it fits: (H, W) → (H − 10, W − 10)."""
    return _blur_rows(_blur_rows(picture).T).T


def _blur_rows(picture: Grey) -> Grey:
    # The window is symmetric: rows at the same distance are added before they are weighed.
    rows = len(picture) - 2 * RADIUS
    total = picture[RADIUS : RADIUS + rows] * _WEIGHTS[RADIUS]
    pair = np.empty_like(total)
    for before in range(RADIUS):
        after = 2 * RADIUS - before
        np.add(picture[before : before + rows], picture[after : after + rows], out=pair)
        pair *= _WEIGHTS[before]
        total += pair
    return total
