from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seido.errors import BadInputError
from seido.phantom.scanner import (
    CORPUS_SCANNER,
    OTHER_SCANNER,
    Coil,
    Scanner,
    acquire,
    average_states,
    drift,
    shift,
)
from seido.phantom.statistics import picture_statistics

EVEN = Coil(centres=((0.5, 0.5),), fall_off=(1, 1), floor=1)
IDEAL = Scanner(Fraction(25), EVEN, noise=0, kept=(1, 1), blur=0)


def head(frames: int = 6, size: int = 128) -> np.ndarray:
    """A face that looks left, grey at the back, with a bright tongue that goes up and down."""
    y, x = np.mgrid[:size, :size] / size
    pictures = np.zeros((frames, size, size), np.float32)
    for index, picture in enumerate(pictures):
        picture[((x - 0.62) / 0.38) ** 2 + ((y - 0.4) / 0.55) ** 2 < 1] = 0.3
        height = 0.55 - 0.05 * np.sin(index)
        picture[((x - 0.42) / 0.14) ** 2 + ((y - height) / 0.1) ** 2 < 1] = 0.9
    return pictures


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_an_ideal_scanner_changes_nothing():
    pictures = random().random((3, 32, 40), np.float32)
    expected = np.clip(np.rint(pictures * 255 / np.percentile(pictures, 99.7)), 0, 255)
    assert np.abs(acquire(pictures, IDEAL, random()) - expected).max() <= 1


def test_coil_is_brightest_near_its_elements():
    for scanner in (CORPUS_SCANNER, OTHER_SCANNER):
        bias = scanner.coil.bias(96, 128)
        assert bias.shape == (96, 128)
        assert bias.max() == pytest.approx(1)
        assert bias[:, :64].mean() > bias[:, 64:].mean()
        assert bias.min() >= scanner.coil.floor / 2
    one = Coil(centres=((0.25, 0.5),), fall_off=(0.1, 0.2), floor=0).bias(100, 100)
    assert np.unravel_index(one.argmax(), one.shape) in {(y, x) for y in (49, 50) for x in (24, 25)}
    assert one[50, 34] == pytest.approx(np.exp(-0.5), abs=0.04)
    assert one[69, 25] == pytest.approx(np.exp(-0.5), abs=0.04)


@pytest.mark.parametrize(("kept", "blur"), [((0.5, 0.5), 0), ((0.6, 0.4), 0), ((1, 1), 1.2), ((0.44, 0.7), 0.8)])
def test_lost_detail_is_that_of_a_transform_of_the_whole_picture(kept: tuple[float, float], blur: float):
    pictures = head(2, 64)
    got = acquire(pictures, replace(IDEAL, kept=kept, blur=blur), random())
    fy, fx = np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64)
    window = (np.abs(fy) <= kept[0] / 2) & (np.abs(fx) <= kept[1] / 2)
    passed = window * np.exp(-2 * (np.pi * blur) ** 2 * (fy**2 + fx**2))
    expected = np.abs(np.fft.ifft2(np.fft.fft2(pictures.astype(float)) * passed))
    expected = np.clip(expected * 255 / np.percentile(expected, 99.7), 0, 255)
    assert np.abs(got - expected).max() <= 1


def test_edges_ring_by_nine_percent():
    pictures = np.full((1, 256, 256), 0.2, np.float32)
    pictures[:, :, 64:192] = 0.6
    pictures[:, :4, :4] = 1
    row = acquire(pictures, replace(IDEAL, kept=(1, 0.25)), random())[0, 128].astype(float)
    step = np.median(row[100:150]) - np.median(row[:30])
    assert (row.max() - np.median(row[100:150])) / step == pytest.approx(0.0895, abs=0.02)


@pytest.mark.parametrize(("elements", "mean", "sd"), [(1, 1.2533, 0.6551), (2, 1.8800, 0.6821)])
def test_noise_without_signal_follows_rayleigh_and_chi(elements: int, mean: float, sd: float):
    pictures = np.zeros((8, 128, 128), np.float32)
    pictures[:, :16, :] = 1
    coil = Coil(((0.5, 0.5),) * elements, (1, 1), 1)
    sigma = 0.05
    frames = acquire(pictures, replace(IDEAL, coil=coil, noise=sigma, kept=(0.7, 0.5)), random()).astype(float)
    dark = frames[:, 48:96]
    white = frames[:, 6:10].mean()
    assert dark.mean() / white == pytest.approx(sigma * mean, rel=0.04)
    assert dark.std() / white == pytest.approx(sigma * sd, rel=0.04)


def test_noise_on_strong_signal_is_that_of_one_part():
    pictures = np.full((8, 64, 64), 0.5, np.float32)
    pictures[:, :, :8] = 1
    frames = acquire(pictures, replace(IDEAL, noise=0.03), random()).astype(float)
    assert frames[:, :, 20:60].std() / frames[:, :, 20:60].mean() == pytest.approx(0.03 / 0.5, rel=0.06)


@pytest.mark.parametrize("scanner", [CORPUS_SCANNER, OTHER_SCANNER])
@pytest.mark.parametrize("size", [128, 256])
def test_named_scanners_have_the_background_of_real_ones(scanner: Scanner, size: int):
    measured = picture_statistics(acquire(head(size=size), scanner, random()))
    assert 0.04 <= measured.background_mean <= 0.06
    assert 0.012 <= measured.background_sd <= 0.026


def test_named_scanners_differ():
    assert CORPUS_SCANNER.frame_rate == Fraction(2717, 100)
    assert OTHER_SCANNER.frame_rate == Fraction(1384, 100)
    assert np.abs(CORPUS_SCANNER.coil.bias(64, 64) - OTHER_SCANNER.coil.bias(64, 64)).max() > 0.3


def test_seed_decides_every_byte():
    pictures = head()
    first = acquire(pictures, CORPUS_SCANNER, random(1))
    assert first.dtype == np.uint8
    assert first.shape == pictures.shape
    assert first.tobytes() == acquire(pictures, CORPUS_SCANNER, random(1)).tobytes()
    assert first.tobytes() != acquire(pictures, CORPUS_SCANNER, random(2)).tobytes()
    assert pictures.tobytes() == head().tobytes()


def test_states_are_averaged_within_their_frame():
    pictures = np.arange(6, dtype=np.float32)[:, None, None] * np.ones((1, 2, 3), np.float32)
    frames = average_states(pictures, 3)
    assert frames.dtype == np.float32
    assert frames[:, 0, 0].tolist() == [1, 4]
    with pytest.raises(BadInputError, match="whole number"):
        average_states(pictures, 4)


@given(st.integers(1, 2000), st.integers(0, 50), st.floats(0, 2))
def test_head_drifts_slowly_within_reach(frames: int, seed: int, reach: float):
    rate = Fraction(2717, 100)
    way = drift(frames, rate, random(seed), reach)
    assert way.shape == (frames, 2)
    assert way.dtype == np.float32
    assert not way[0].any()
    assert np.hypot(*way.T).max() <= reach + 1e-5
    if frames > 1:
        assert np.abs(np.diff(way, axis=0)).max() * float(rate) <= 2 * reach + 1e-4


@given(st.integers(-3, 3), st.integers(-3, 3))
def test_whole_pixels_move_unchanged(dx: int, dy: int):
    picture = random().random((12, 14), np.float32)
    moved = shift(picture, dx, dy)
    inside = moved[3 + dy : 9 + dy, 3 + dx : 11 + dx]
    assert np.array_equal(inside, picture[3:9, 3:11])


@given(st.floats(-2, 2), st.floats(-2, 2))
def test_centre_of_a_spot_moves_as_far_as_asked(dx: float, dy: float):
    picture = np.zeros((21, 23), np.float32)
    picture[9:12, 10:13] = 0.7
    moved = shift(picture, dx, dy)
    y, x = np.mgrid[:21, :23]
    assert moved.dtype == np.float32
    assert moved.sum() == pytest.approx(picture.sum(), rel=1e-4)
    assert (moved * x).sum() / moved.sum() == pytest.approx(11 + dx, abs=1e-3)
    assert (moved * y).sum() / moved.sum() == pytest.approx(10 + dy, abs=1e-3)


def test_edges_are_continued():
    assert np.array_equal(shift(np.ones((5, 5), np.float32), 1.4, -2.3), np.ones((5, 5), np.float32))


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (np.zeros((2, 8, 8), np.float32), "black"),
        (np.ones((2, 8, 8)), "float32"),
        (np.ones((8, 8), np.float32), "float32"),
        (np.full((1, 8, 8), 2, np.float32), "scale"),
        (np.full((1, 8, 8), np.nan, np.float32), "scale"),
        (np.zeros((0, 8, 8), np.float32), "float32"),
    ],
)
def test_pictures_of_another_kind_are_refused(pictures: np.ndarray, message: str):
    with pytest.raises(BadInputError, match=message):
        acquire(pictures, IDEAL, random())


def test_impossible_scanners_are_refused():
    with pytest.raises(BadInputError, match="k-space"):
        replace(IDEAL, kept=(0, 1))
    with pytest.raises(BadInputError, match="noise"):
        replace(IDEAL, noise=-0.1)
    with pytest.raises(BadInputError, match="frame rate"):
        replace(IDEAL, frame_rate=Fraction(0))
    with pytest.raises(BadInputError, match="coil"):
        Coil((), (1, 1), 0.5)
    with pytest.raises(BadInputError, match="drift"):
        drift(0, Fraction(25), random())
