from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seido.corpus.stack import read_stack
from seido.corpus.video import read_movie
from seido.errors import BadInputError
from seido.phantom.statistics import picture_statistics

REAL = Path(__file__).resolve().parents[2] / "shared" / "real"


def test_a_movie_whose_numbers_are_known():
    frames = np.zeros((10, 10, 10), np.uint8)
    frames[:, :2] = 10
    frames[:, 2:7] = 100
    frames[::2, 7:] = 100
    frames[1::2, 7:] = 200
    measured = picture_statistics(frames)
    assert measured.mean == pytest.approx((0.2 * 10 + 0.5 * 100 + 0.3 * 150) / 200)
    assert measured.median == pytest.approx(0.5)
    assert measured.background_mean == pytest.approx(0.05)
    assert measured.background_sd == pytest.approx(0, abs=1e-6)
    assert measured.frame_difference == pytest.approx(0.3 * 0.5)
    assert measured.moving == pytest.approx(0.3)


def test_values_scale_with_white():
    frames = np.random.default_rng(0).integers(0, 120, (6, 20, 20)).astype(np.uint8)
    assert picture_statistics(frames) == picture_statistics(frames * np.uint8(2))


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((4, 8, 8), np.uint8),
        np.ones((1, 8, 8), np.uint8),
        np.ones((4, 8, 8), np.float32),
        np.ones((4, 8, 8, 3), np.uint8),
    ],
)
def test_what_cannot_be_measured_is_told(frames: np.ndarray):
    with pytest.raises(BadInputError, match="statistics need"):
        picture_statistics(frames)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real samples are not here")
def test_real_movies_have_the_background_the_scanners_are_tuned_to():
    movies = [read_movie(path, colour=False) for path in sorted((REAL / "usctimit").glob("*.avi"))]
    movies.append(read_stack(REAL / "prisma" / "prisma3t_frames_u16.npz", "77/5"))
    for movie in movies:
        measured = picture_statistics(movie.frames)
        assert 0.16 <= measured.mean <= 0.23
        assert 0.035 <= measured.background_mean <= 0.06
        assert 0.012 <= measured.background_sd <= 0.026
