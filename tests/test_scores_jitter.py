from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy.signal import periodogram

from seido.errors import BadInputError
from seido.scores.jitter import jitter, motion_spectra
from seido.scores.similarity import hold

RATE = Fraction(25)


def noisy(frames: int, seed: int = 0, height: int = 9, width: int = 11) -> np.ndarray:
    generator = np.random.default_rng(seed)
    swing = np.sin(np.arange(frames) / 3)[:, None, None] * generator.random((height, width))
    return np.rint(128 + 60 * swing + generator.normal(0, 4, (frames, height, width))).astype(np.uint8)


@pytest.mark.parametrize("frames", [8, 50, 51])
def test_the_spectrum_is_scipys_periodogram(frames: int) -> None:
    true, predicted = noisy(frames), noisy(frames, 1)
    weight = (true / 255).var(axis=0)
    for spectrum, movie in zip(motion_spectra(true, predicted, RATE), (true, predicted), strict=True):
        frequencies, power = periodogram(movie / 255, 25, window="hann", detrend="constant", axis=0)
        reference = (weight * power).sum(axis=(1, 2))
        assert spectrum.frequencies == pytest.approx(frequencies)
        assert spectrum.energy / spectrum.energy.sum() == pytest.approx(reference / reference.sum(), abs=1e-12)


def test_reading_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    movies = noisy(40), noisy(40, 1)
    whole = motion_spectra(*movies, RATE)
    monkeypatch.setattr("seido.scores.jitter._VALUES", 200)
    for one, other in zip(whole, motion_spectra(*movies, RATE), strict=True):
        assert one.energy == pytest.approx(other.energy, rel=1e-12)


def test_flicker_raises_jitter_and_smoothing_lowers_it() -> None:
    true = noisy(100)
    flicker = (true + 10 * (np.arange(100) % 2)[:, None, None]).astype(np.uint8)
    smooth = np.stack([true[max(0, t - 2) : t + 3].mean(axis=0) for t in range(100)]) / 255
    same = jitter(true, true, RATE)
    assert same.true == same.predicted
    assert jitter(true, flicker, RATE).predicted > 1.5 * same.true
    assert jitter(true, smooth, RATE).predicted < 0.5 * same.true


def test_what_stands_still_has_no_jitter() -> None:
    movie = noisy(30)
    assert jitter(movie, hold(movie[0], 30), RATE).predicted is None
    assert jitter(hold(movie[0], 30), movie, RATE) == (None, None)


def test_bad_requests_are_refused_in_a_sentence() -> None:
    with pytest.raises(BadInputError, match="seen up to 5 Hz; give a frequency under that, not 6"):
        jitter(noisy(30), noisy(30), Fraction(10))
    with pytest.raises(BadInputError, match="at least 8 frames, got 7"):
        jitter(noisy(7), noisy(7), RATE)
