from __future__ import annotations

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seido.errors import BadInputError
from seido.scores.lag import REACH, LagCurve, lag_curve, lag_ms
from seido.scores.motion import moments, motion_correlation
from seido.scores.similarity import hold

RATE = Fraction(25)


def wandering(frames: int = 60, height: int = 12, width: int = 14, seed: int = 0) -> np.ndarray:
    """Smooth random movement, another at every pixel: uint8 (T, H, W)."""
    generator = np.random.default_rng(seed)
    noise = generator.normal(0, 1, (frames + 8, height, width))
    smooth = sum(noise[at : at + frames] for at in range(8))
    return np.rint(128 + 25 * smooth).clip(0, 255).astype(np.uint8)


def slow_curve(true: np.ndarray, predicted: np.ndarray, reach: int) -> list[float]:
    x, y = (movie / 255 - (movie / 255).mean(axis=0) for movie in (true, predicted))
    weight = (x**2).mean(axis=0)
    values = []
    for shift in range(-reach, reach + 1):
        times = [t for t in range(len(x)) if 0 <= t + shift < len(x)]
        a, b = x[times], y[[t + shift for t in times]]
        values.append((weight * a * b).sum() / np.sqrt((weight * a * a).sum() * (weight * b * b).sum()))
    return values


@pytest.mark.parametrize("frames", [23, 64, 65, 150])
def test_the_curve_is_the_correlation_of_shifted_movies(frames: int) -> None:
    true = wandering(frames, 40, 50)
    predicted = np.roll(true, 2, axis=0) // 2 + wandering(frames, 40, 50, seed=1) // 4
    curve = lag_curve(true, predicted)
    assert list(curve.correlation) == pytest.approx(slow_curve(true, predicted, REACH), abs=1e-6)
    assert curve.correlation[REACH] == pytest.approx(motion_correlation(true, predicted), abs=1e-6)
    assert lag_curve(true, predicted, sums=moments(true, predicted)) == curve
    assert list(curve.shifts) == list(range(-10, 11))


@settings(max_examples=15, deadline=None)
@given(late=st.integers(-9, 9), seed=st.integers(0, 9))
def test_a_movie_shifted_in_time_is_late_by_that(late: int, seed: int) -> None:
    movie = wandering(80, seed=seed)
    true, predicted = (movie[9 + late : 71 + late], movie[9:71])
    assert lag_curve(true, predicted).frames == pytest.approx(late, abs=0.1)
    assert lag_ms(true, predicted, RATE) == pytest.approx(40 * late, abs=4)
    assert lag_ms(predicted, true, RATE) == pytest.approx(-40 * late, abs=4)


def test_a_lag_between_frames_is_found() -> None:
    t = np.arange(400)
    fine = 0.5 + 0.2 * np.sin(t / 17) + 0.2 * np.sin(t / 23 + 1)
    movie = fine[:, None, None] * np.ones((1, 3, 3))
    for late in (1, 2, 3):
        assert lag_curve(movie[4::4][:90], movie[4 - late :: 4][:90]).frames == pytest.approx(late / 4, abs=0.03)


def test_brightness_and_contrast_do_not_change_the_lag() -> None:
    movie = wandering() / 255
    assert lag_ms(movie[:-2], movie[2:] * 0.3 + 0.1, RATE) == pytest.approx(
        lag_ms(movie[:-2], movie[2:], RATE), abs=0.1
    )


def test_what_stands_still_has_no_lag() -> None:
    movie = wandering(20)
    still = hold(movie[0], 20)
    assert lag_curve(movie, still) is None
    assert lag_curve(still, movie) is None
    assert lag_ms(movie, still, RATE) is None
    assert lag_ms(movie[:1], movie[:1], RATE) is None
    elsewhere = np.where(np.arange(14) < 7, movie, 0)
    assert lag_curve(elsewhere, movie - elsewhere) is None


def test_a_curve_without_a_peak_has_no_lag_and_an_end_is_not_refined() -> None:
    assert LagCurve((-0.5, -0.2, -0.1)).frames is None
    assert LagCurve((0.1, 0.15, 0.1)).frames is None
    assert LagCurve((0.1, 0.2, 0.9)).frames == 1
    assert LagCurve((0.0, 1.0, 0.0)).frames == 0
    assert LagCurve((0.2, 0.8, 0.8, 0.8, 0.2)).frames == 0
    assert LagCurve((0.0, 0.8, 0.9)).milliseconds(Fraction(50)) == 20


def test_short_movies_are_shifted_by_half_their_length() -> None:
    assert lag_curve(wandering(6), wandering(6)).reach == 3
    assert lag_curve(wandering(2), wandering(2)).reach == 1
    with pytest.raises(BadInputError, match="reach of at least 1 frame, got 0"):
        lag_curve(wandering(6), wandering(6), reach=0)
    with pytest.raises(BadInputError, match="expected a predicted movie"):
        lag_curve(wandering(6), wandering(7))


def test_memory_does_not_grow_with_the_length() -> None:
    one, other = wandering(1, 32, 32), wandering(1, 32, 32, seed=1)

    def peak(frames: int) -> int:
        movies = [np.concatenate([hold(a, frames // 2), hold(b, frames // 2)]) for a, b in ((one[0], other[0]),) * 2]
        tracemalloc.start()
        lag_curve(*movies)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(800) < 1.2 * peak(200) + 60 * 800
