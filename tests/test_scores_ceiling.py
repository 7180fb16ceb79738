import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seido.scores.ceiling import ceiling_pair, noise_free, noise_sd
from seido.scores.similarity import nmse, ssim


def moving(frames: int = 60, side: int = 48) -> np.ndarray:
    """A disc that goes to and fro and changes size, smooth as tissue: float64, levels of 255."""
    rows, columns = np.mgrid[:side, :side]
    at = np.arange(frames)[:, None, None]
    apart = np.hypot(rows - 24 - 6 * np.sin(at / 5), columns - 24)
    return 40 + 150 / (1 + np.exp((apart - 10 - 3 * np.sin(at / 9)) / 1.5))


@pytest.mark.parametrize("sd", [3.0, 8.0])
def test_the_noise_is_measured_and_taken_out(sd):
    clean = moving()
    random = np.random.default_rng(0)
    noisy = np.clip(np.rint(clean + random.normal(0, sd, clean.shape)), 0, 255).astype(np.uint8)
    assert noise_sd(noisy) == pytest.approx(sd, rel=0.1)
    found = noise_free(noisy)
    assert np.abs(found - clean).mean() < 0.5 * np.abs(noisy - clean).mean()
    # The ceiling it gives is about the one that the clean movie has; what noise is left in it flatters SSIM.
    true, predicted = ceiling_pair(noisy)
    clean_levels = np.rint(clean).astype(np.uint8)
    assert ssim(true, predicted).mean() == pytest.approx(ssim(noisy, clean_levels).mean(), abs=0.06)
    assert nmse(true, predicted) == pytest.approx(nmse(noisy, clean_levels), rel=0.15)


@given(frames=st.integers(1, 6), level=st.integers(0, 255))
@settings(deadline=None)
def test_still_movies_stay_as_they_are(frames, level):
    movie = np.full((frames, 8, 9), level, np.uint8)
    assert np.array_equal(noise_free(movie), movie)
    assert noise_sd(movie) == 0
