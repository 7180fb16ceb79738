from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity
from torchmetrics.functional.regression import normalized_root_mean_squared_error

from seido.errors import BadInputError, NotFiniteError
from seido.scores.motion import moments
from seido.scores.similarity import (
    grey,
    hold,
    motion,
    motion_amplitude,
    motion_correlation,
    mse,
    nmse,
    nmse_per_frame,
    skill,
    ssim,
)  # fmt: skip

ONE_PER_PIXEL = [mse, nmse, nmse_per_frame, motion]


def moving(frames: int = 40, height: int = 24, width: int = 30, seed: int = 0) -> np.ndarray:
    """A bright disc that goes up and down over fixed noise: uint8 (T, H, W)."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    still = generator.integers(20, 60, (height, width))
    centre = height / 2 + height / 4 * np.sin(np.arange(frames) / 3)
    disc = (y - centre[:, None, None]) ** 2 + (x - width / 2) ** 2 < (height / 4) ** 2
    return (still + 150 * disc).astype(np.uint8)


def reference_ssim(true: np.ndarray, predicted: np.ndarray) -> list[float]:
    settings_ = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
    return [structural_similarity(x, y, **settings_) for x, y in zip(true, predicted, strict=True)]


@pytest.mark.parametrize("size", [(11, 11), (11, 40), (37, 23), (96, 96)])
def test_ssim_is_scikit_images(size: tuple[int, int]) -> None:
    generator = np.random.default_rng(1)
    true = generator.integers(0, 256, (3, *size), dtype=np.uint8)
    predicted = (true * 0.6 + generator.integers(0, 90, true.shape)).astype(np.uint8)
    assert ssim(true, predicted) == pytest.approx(reference_ssim(true / 255, predicted / 255), abs=1e-12)


def test_ssim_of_smooth_and_flat_pictures_is_scikit_images() -> None:
    true = moving() / 255
    for predicted in (np.full_like(true, 0.3), np.roll(true, 2, axis=1), 1 - true, true * 0):
        assert ssim(true, predicted) == pytest.approx(reference_ssim(true, predicted), abs=1e-12)


def test_single_precision_holds_a_millionth() -> None:
    true, predicted = (moving(seed=seed).astype(np.float32) / 255 for seed in (0, 1))
    assert ssim(true, predicted) == pytest.approx(reference_ssim(true.astype(float), predicted.astype(float)), abs=1e-6)


def test_frames_mapped_from_a_file_score_the_same(tmp_path: Path) -> None:
    true, predicted = moving(50), moving(50, seed=1)
    mapped = []
    for name, movie in (("true", true), ("predicted", predicted)):
        np.save(tmp_path / f"{name}.npy", movie)
        mapped.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    assert ssim(*mapped).tolist() == ssim(true, predicted).tolist()
    assert (nmse(*mapped), motion(*mapped)) == (nmse(true, predicted), motion(true, predicted))


def test_whole_levels_are_summed_exactly() -> None:
    true, predicted = moving(300, 40, 300), moving(300, 40, 300, seed=3)
    difference = true.astype(int) - predicted
    assert mse(true, predicted) == pytest.approx((difference**2).sum() / true.size / 255**2, rel=1e-15)
    assert moments(true, predicted).xy.tolist() == (
        ((true.astype(int) - true[0]) * (predicted.astype(int) - predicted[0])).sum(axis=0).tolist()
    )


def test_nmse_is_torchmetrics_nrmse_squared() -> None:
    true, predicted = moving(), np.roll(moving(seed=3), 4, axis=0)
    tensors = [torch.from_numpy(movie.reshape(-1) / 255) for movie in (predicted, true)]
    reference = float(normalized_root_mean_squared_error(*tensors, normalization="std")) ** 2
    assert nmse(true, predicted) == pytest.approx(reference, rel=1e-9)
    per_frame = [((y / 255 - x / 255) ** 2).mean() / (x / 255).var() for x, y in zip(true, predicted, strict=True)]
    assert nmse_per_frame(true, predicted) == pytest.approx(per_frame, rel=1e-12)


def test_motion_is_the_weighted_correlation_of_deviations() -> None:
    true, predicted = moving(), (0.5 * moving(seed=2) + 30).astype(np.uint8)
    x, y = (movie / 255 - (movie / 255).mean(axis=0) for movie in (true, predicted))
    for weight, weighted in (((x**2).mean(axis=0), True), (np.ones(x.shape[1:]), False)):
        expected = (weight * x * y).sum() / np.sqrt((weight * x * x).sum() * (weight * y * y).sum())
        ratio = np.sqrt((weight * y * y).sum() / (weight * x * x).sum())
        assert motion(true, predicted, weighted=weighted) == pytest.approx((expected, ratio), rel=1e-9)


def test_a_movie_against_itself_is_perfect() -> None:
    movie = moving()
    assert ssim(movie, movie).tolist() == [1.0] * len(movie)
    assert nmse(movie, movie) == mse(movie, movie) == 0
    assert motion(movie, movie) == pytest.approx((1, 1))
    assert skill(movie, movie, movie[0]) == 1


def test_a_still_picture_earns_no_motion_and_no_skill_over_itself() -> None:
    movie = moving()
    for still in (movie[0], movie[7], np.rint(movie.mean(axis=0)).astype(np.uint8)):
        held = hold(still, len(movie))
        assert motion(movie, held) == (0, 0)
        assert skill(movie, held, still) == 0
    assert nmse(movie, hold(movie[0], len(movie))) > 0


@settings(max_examples=25, deadline=None)
@given(gain=st.floats(0.05, 1), shift=st.floats(0, 0.05), seed=st.integers(0, 99))
def test_brightness_and_contrast_change_the_amplitude_but_not_the_correlation(
    gain: float, shift: float, seed: int
) -> None:
    movie = moving(12, seed=seed) / 255
    changed = gain * movie * 0.9 + shift
    assert motion_correlation(movie, changed) == pytest.approx(1, abs=1e-9)
    assert motion_correlation(movie, 1 - changed) == pytest.approx(-1, abs=1e-9)
    assert motion_amplitude(movie, changed) == pytest.approx(0.9 * gain, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(shift=st.floats(-0.2, 0.2))
def test_nmse_of_a_shift_is_its_square_over_the_variance(shift: float) -> None:
    movie = moving(5) / 255
    assert nmse(movie, movie + shift) == pytest.approx(shift**2 / movie.var(), rel=1e-9, abs=1e-15)


@settings(max_examples=15, deadline=None)
@given(frames=st.integers(2, 50), split=st.integers(1, 49))
def test_reading_in_parts_changes_nothing(frames: int, split: int) -> None:
    true, predicted = moving(frames), moving(frames, seed=5)
    parts = [slice(0, min(split, frames - 1)), slice(min(split, frames - 1), frames)]
    for measure in (ssim, nmse_per_frame):
        assert measure(true, predicted).tolist() == [v for part in parts for v in measure(true[part], predicted[part])]
    weights = [len(true[part]) / frames for part in parts]
    together = sum(weight * mse(true[part], predicted[part]) for weight, part in zip(weights, parts, strict=True))
    assert mse(true, predicted) == pytest.approx(together, rel=1e-12)


def test_memory_does_not_grow_with_the_length() -> None:
    import tracemalloc

    def peak(frames: int) -> int:
        true, predicted = (hold(moving(1, 32, 32, seed)[0], frames) for seed in (0, 1))
        tracemalloc.start()
        for measure in (mse, nmse, motion):
            measure(true, predicted)
        ssim(true, predicted)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(800) < 1.2 * peak(100) + 8 * 800


def test_grey_saved_as_colour_scores_the_same() -> None:
    true, predicted = moving(4), moving(4, seed=1)
    coloured = predicted[..., None].repeat(3, axis=3)
    assert ssim(true, coloured) == pytest.approx(ssim(true, predicted), abs=1e-12)
    assert nmse(true[..., None].repeat(3, axis=3), coloured) == pytest.approx(nmse(true, predicted), rel=1e-12)
    assert grey(np.array([[[[255, 0, 0]]]], np.uint8)).item() == pytest.approx(0.299)


def test_what_is_undefined_is_none_and_never_nan() -> None:
    flat, movie = np.full((6, 12, 12), 77, np.uint8), moving(6, 12, 12)
    assert nmse(flat, movie) is None
    assert nmse(flat / 255, movie / 255) is None
    still = hold(movie[0], 6)
    assert motion(still, movie) == (None, None)
    assert skill(still, movie, movie[0]) is None
    with pytest.raises(BadInputError, match="frame 2 of the true movie is one even grey"):
        nmse_per_frame(np.concatenate([movie[:2], flat]), np.concatenate([movie[:2], flat]))


def test_a_measure_says_what_it_expected() -> None:
    movie = moving(3)
    for measure in (ssim, *ONE_PER_PIXEL):
        with pytest.raises(BadInputError, match=r"expected a predicted movie .*\(3, 24, 30\), got \(2, 24, 30\)"):
            measure(movie, movie[:2])
        with pytest.raises(BadInputError, match=r"expected the true movie of shape .* got \(24, 30\)"):
            measure(movie[0], movie[0])
        with pytest.raises(BadInputError, match="expected the predicted movie as uint8 or floating point, got int64"):
            measure(movie, movie.astype(np.int64))
        with pytest.raises(BadInputError, match="should lie within 0 … 1, got"):
            measure(movie, movie.astype(float))
        with pytest.raises(NotFiniteError):
            measure(movie / 255, np.full(movie.shape, np.nan))
        with pytest.raises(BadInputError, match="expected the true movie"):
            measure(movie[:0], movie[:0])
    with pytest.raises(BadInputError, match="got 30 × 10; choose a larger region"):
        ssim(movie[:, :10], movie[:, :10])
    with pytest.raises(BadInputError, match=r"expected a still picture of height and width \(24, 30\), got \(4, 30\)"):
        skill(movie, movie, movie[0, :4])
