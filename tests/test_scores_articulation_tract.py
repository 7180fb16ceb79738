from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import seido
from seido.corpus.contours import read_track
from seido.corpus.video import read_movie
from seido.errors import BadInputError
from seido.scores.gridlines import LANDMARKS, Grid, motion_box, place_grid, sample
from seido.scores.tracker_error import PHANTOM_ERROR, USCTIMIT_ERROR
from seido.scores.tract import VARIABLES, apertures, tract_error, tract_variables

SHARED = Path(__file__).resolve().parents[2] / "shared"
SAMPLE = Path(seido.__file__).parent / "samples" / "M1_ja_001.mp4"
SIDE, MM = 128, 1.375
LEFT, RIGHT, TOP, BOTTOM = 32.0, 92.6, 30.0, 89.0
"""The box of motion that the drawn head is built on, pixels."""
Movie = NDArray[np.uint8]


def pixels(share_x: float, share_y: float) -> tuple[float, float]:
    return LEFT + share_x * (RIGHT - LEFT), TOP + share_y * (BOTTOM - TOP)


def drawn(lips: NDArray[np.float64], tongue: NDArray[np.float64], noise: float = 0.0, scale: int = 1) -> Movie:
    """Draw a head of blocks: lips open by so many pixels, the tongue so many below the palate; averaged from finer."""
    fine = 4
    side = SIDE * scale
    at = (np.arange(side * fine) + 0.5) / fine / scale - 0.5
    y, x = at[:, None], at[None, :]
    py = pixels(0.45, -0.09)[1]
    mouth = pixels(0.045, 0.195)
    wall = pixels(1.09, 0.0)[0]
    out = np.empty((len(lips), side, side), np.uint8)
    for k, (gap, below) in enumerate(zip(lips, tongue, strict=True)):
        head = np.zeros((side * fine, side * fine))
        lip_columns = (x > mouth[0] - 4) & (x < mouth[0] + 4)
        head[lip_columns & (y > mouth[1] - 14) & (y < mouth[1] - 1)] = 0.8
        head[lip_columns & (y > mouth[1] - 1 + gap) & (y < mouth[1] + 24 + gap)] = 0.8
        # A vault over the mouth, a tongue that fills it up to `below`, and the wall of the pharynx.
        centre, radius = (pixels(0.70, 0.30)[0], py + 26.0), 26.0
        far = np.hypot(x - centre[0], y - centre[1])
        head[(far > radius - 1) & (far < radius + 3) & (y < centre[1])] = 0.5
        head[(far < radius - 1 - below)] = 0.5
        head[(x > wall) & np.ones_like(y, bool)] = 0.4
        out[k] = np.rint(255 * head.reshape(side, fine, side, fine).mean((1, 3)))
    if noise:
        out = np.clip(np.rint(out + np.random.default_rng(0).normal(0, noise, out.shape)), 0, 255).astype(np.uint8)
    return out


@pytest.fixture(scope="module")
def gaps() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    time = np.arange(24) / 24 * 2 * np.pi
    return 5 + 4.5 * np.sin(2 * time), 6 + 4 * np.cos(3 * time)


@pytest.fixture(scope="module")
def movie(gaps: tuple[NDArray[np.float64], NDArray[np.float64]]) -> Movie:
    return drawn(*gaps)


def on_plan(frames: Movie, spacing: float = MM, scale: float = 1.0) -> Grid:
    marks = {name: pixels(*LANDMARKS[name]) for name in ("lips", "palate", "uvula", "glottis")}
    placed = {name: (scale * (x + 0.5) - 0.5, scale * (y + 0.5) - 0.5) for name, (x, y) in marks.items()}
    return place_grid(frames, spacing, landmarks=placed)


def column(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    return values[:, list(VARIABLES).index(name)]


def test_the_lips_gap_is_measured_finer_than_a_pixel(movie: Movie, gaps: tuple[NDArray[np.float64], ...]) -> None:
    measured = column(tract_variables(movie, on_plan(movie)), "LA")
    difference = measured - gaps[0] * MM
    assert np.abs(difference - np.median(difference)).max() < 0.35 * MM
    assert np.corrcoef(measured, gaps[0])[0, 1] > 0.995


def test_the_tongues_gap_follows_the_truth(movie: Movie, gaps: tuple[NDArray[np.float64], ...]) -> None:
    values = tract_variables(movie, on_plan(movie))
    assert np.corrcoef(column(values, "TBCD"), gaps[1])[0, 1] > 0.97


def test_noise_changes_little(movie: Movie, gaps: tuple[NDArray[np.float64], ...]) -> None:
    grid = on_plan(movie)
    noisy = tract_variables(drawn(*gaps, noise=8), grid)
    plain = tract_variables(movie, grid)
    for name in ("LA", "TBCD"):
        assert np.median(np.abs(column(noisy, name) - column(plain, name))) < 0.4


def test_256_pixels_give_the_same_millimetres(gaps: tuple[NDArray[np.float64], ...]) -> None:
    few = tuple(one[:8] for one in gaps)
    small, large = drawn(*few), drawn(*few, scale=2)
    one = tract_variables(small, on_plan(small))
    other = tract_variables(large, on_plan(large, MM / 2, 2))
    for name in ("LA", "TBCD"):
        assert np.median(np.abs(column(one, name) - column(other, name))) < 0.5


def test_it_is_deterministic_and_takes_rgb(movie: Movie) -> None:
    grid = place_grid(movie, MM)
    values = tract_variables(movie, grid)
    assert values.shape == (len(movie), len(VARIABLES))
    assert values.dtype == np.float64
    assert np.isfinite(values).all()
    assert np.array_equal(values, tract_variables(movie, place_grid(movie, MM)))
    colour = np.repeat(movie[..., None], 3, axis=3)
    assert np.allclose(values, tract_variables(colour, place_grid(colour, MM)), atol=1e-6)
    assert (apertures(movie, grid) >= 0).all()


def test_a_movie_has_no_error_against_itself(movie: Movie) -> None:
    error = tract_error(movie, movie, MM, 25, grid=on_plan(movie))
    assert error.tract_error_mm == 0
    assert error.tract_correlation == pytest.approx(1)
    assert error.variables["LA"].lag_ms == 0


@pytest.mark.parametrize("still", [lambda movie: movie[:1], lambda movie: movie.mean(0)[None].astype(np.uint8)])
def test_a_still_picture_is_clearly_worse_than_a_noisy_movie(
    movie: Movie, gaps: tuple[NDArray[np.float64], ...], still: Callable[[Movie], Movie]
) -> None:
    grid = on_plan(movie)
    held = tract_error(movie, np.repeat(still(movie), len(movie), 0), MM, 25, grid=grid)
    noisy = tract_error(movie, drawn(*gaps, noise=8), MM, 25, grid=grid)
    for name in ("LA", "TBCD"):
        assert held.variables[name].median_difference > 3 * noisy.variables[name].median_difference
        assert held.variables[name].correlation == 0
        assert noisy.variables[name].correlation > 0.9  # type: ignore[operator]


def test_motion_box_passes_over_noise() -> None:
    random = np.random.default_rng(0)
    frames = random.normal(0.5, 0.2, (60, 40, 40))
    frames[:, 10:20, 12:30] = 0.5 + 0.4 * np.sin(np.arange(60) / 5)[:, None, None]
    left, right, top, bottom = motion_box(frames)
    assert (left, right, top, bottom) == pytest.approx((12.4, 28.6, 10, 19), abs=1)


def test_sample_reads_between_pixels() -> None:
    frames = np.random.default_rng(0).random((2, 5, 6))
    assert np.allclose(sample(frames, np.array([[3.0, 2.0]]))[:, 0], frames[:, 2, 3])
    middle = sample(frames, np.array([[3.5, 2.5]]))[:, 0]
    assert np.allclose(middle, frames[:, 2:4, 3:5].mean((1, 2)))


def test_bad_input_is_named(movie: Movie) -> None:
    with pytest.raises(BadInputError, match="nothing moves"):
        place_grid(np.zeros((5, 32, 32), np.uint8), 1)
    with pytest.raises(BadInputError, match="mm wide"):
        place_grid(movie, 0)
    with pytest.raises(BadInputError, match="no landmark"):
        place_grid(movie, 1, landmarks={"nose": (1, 2)})
    with pytest.raises(BadInputError, match="three landmarks"):
        place_grid(movie, 1, landmarks={"lips": (1, 2), "uvula": (5, 2)})
    with pytest.raises(BadInputError, match="over"):
        place_grid(movie, 1, landmarks={"lips": (60, 20), "uvula": (10, 20), "glottis": (12, 90)})
    with pytest.raises(BadInputError, match="one length and size"):
        tract_error(movie, movie[:-1], 1, 25)
    with pytest.raises(BadInputError, match="one frame"):
        tract_error(movie[:1], movie[:1], 1, 25)
    with pytest.raises(BadInputError, match="true movie's size"):
        tract_variables(movie[:, :64, :64], place_grid(movie, 1))


def test_the_measured_error_covers_the_variables() -> None:
    assert list(PHANTOM_ERROR) == list(VARIABLES)
    assert set(USCTIMIT_ERROR) < set(VARIABLES)
    assert all(0 < one.without_bias_mm <= one.error_mm + 1 for one in PHANTOM_ERROR.values())


def test_on_a_sample_stills_are_far_worse_than_noise_and_a_lag_is_seen() -> None:
    true = read_movie(SAMPLE, colour=False).frames
    noisy = np.clip(true + np.random.default_rng(0).normal(0, 8, true.shape), 0, 255).astype(np.uint8)
    late = np.concatenate([true[:2], true[:-2]])
    near, held, lagging = (
        tract_error(true, shown, 1.0, 25) for shown in (noisy, np.repeat(true[:1], len(true), 0), late)
    )
    assert held.tract_error_mm > 5 * near.tract_error_mm
    assert near.tract_correlation > 0.95  # type: ignore[operator]
    assert held.tract_correlation == 0
    for name in ("LA", "LP", "TTCD", "TBCD", "PW"):
        assert near.variables[name].correlation > 0.9, name  # type: ignore[operator]
        assert lagging.variables[name].lag_ms == pytest.approx(80, abs=12), name


def test_on_a_real_movie_lips_follow_the_published_contours() -> None:
    folder = SHARED / "real" / "usctimit"
    if not folder.is_dir():
        pytest.skip("the real movies are not here")
    pytest.importorskip("scipy")
    frames, track = read_movie(folder / "M2_033.avi").frames, read_track(folder / "M2_033.mat")
    lips = np.mean([(frame["UL"][0] + frame["LL"][0]) / 2 for frame in track if "UL" in frame], axis=0) - 1
    uvula = np.mean([frame["VEL"][0] for frame in track if "VEL" in frame], axis=0) - 1
    marks = {"lips": tuple(lips), "uvula": tuple(uvula), "palate": (33.0, 22.5)}
    measured = column(tract_variables(frames, place_grid(frames, 2.9, landmarks=marks)), "LA")
    drawn_gap = np.array([frame["LL"][0, 1] - frame["UL"][0, 1] if "UL" in frame else np.nan for frame in track])
    known = np.isfinite(drawn_gap)
    assert np.corrcoef(measured[known], drawn_gap[known])[0, 1] > 0.8
