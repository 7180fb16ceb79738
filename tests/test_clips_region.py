"""Where the tract moves: the suggested box holds what moves, and nothing that only flickers, drifts or glows."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seido.clips.region import Motion, looks, motion_of, region_of, region_picture, suggest_region
from seido.corpus.video import movie_frames, probe_movie
from seido.errors import BadInputError
from seido.phantom.truth import read_truth
from seido.values import Frame, Region

SECOND = Path(__file__).parent / "phantom_second"
SHARED = Path(__file__).resolve().parents[2] / "shared"
ORANGE = (255, 140, 0)


def _frames(
    box: tuple[int, int, int, int] = (30, 40, 36, 28),
    size: tuple[int, int] = (96, 112),
    count: int = 75,
    *,
    seed: int = 0,
    noise: float = 3.0,
    drift: float = 0.0,
) -> Iterator[Frame]:
    """A still head whose inside of `box` (x, y, width, height) moves, in Rician noise."""
    random = np.random.default_rng(seed)
    x, y, width, height = box
    down, across = np.mgrid[: size[0], : size[1]].astype(float)
    pattern = np.cumsum(random.normal(0, 0.4, (count, 2)), axis=0)
    for number in range(count):
        away = drift * number / count
        picture = 120.0 * (np.hypot(down - size[0] / 2, across - size[1] / 2 - away) < 0.45 * min(size))
        inside = (across >= x) & (across < x + width) & (down >= y) & (down < y + height)
        moving = 90 + 60 * np.sin(across / 4 + pattern[number, 0]) * np.cos(down / 4 + pattern[number, 1])
        picture = np.where(inside, moving, picture)
        yield (
            np.hypot(picture + random.normal(0, noise, size), random.normal(0, noise, size))
            .clip(0, 255)
            .astype(np.uint8)
        )


def _holds(region: Region, box: tuple[int, int, int, int]) -> bool:
    x, y, width, height = box
    return (
        region.x <= x
        and region.y <= y
        and region.x + region.width >= x + width
        and region.y + region.height >= y + height
    )


@settings(max_examples=10, deadline=None)
@given(
    st.integers(16, 50), st.integers(16, 40), st.integers(20, 40), st.integers(20, 40), st.booleans(), st.integers(0, 9)
)
def test_the_region_holds_what_moves_and_little_else(
    x: int, y: int, width: int, height: int, square: bool, seed: int
) -> None:
    box = (x, y, width, height)
    region = suggest_region(_frames(box, seed=seed), square=square)
    assert _holds(region, box)
    assert region.within(96, 112)
    assert (region.width % 8, region.height % 8) == (0, 0)
    if square:
        assert region.width == region.height <= 1.3 * max(width, height) + 8
    else:
        assert region.width <= width + 0.3 * max(width, height) + 8
        assert region.height <= height + 0.3 * max(width, height) + 8


def test_neither_drift_nor_flicker_nor_the_first_bright_frames_widen_it() -> None:
    box = (40, 30, 32, 32)
    plain = suggest_region(_frames(box))
    random = np.random.default_rng(1)

    def spoilt() -> Iterator[Frame]:
        for number, frame in enumerate(_frames(box, drift=2)):
            frame[:3] = random.integers(100, 200, 1)  # rows that an old file fills with rubbish
            frame[88:, 104:] = 255 * (number // 3 % 2)  # a blinking corner
            yield (frame.astype(float) * (1 + np.exp(-number / 3))).clip(0, 255).astype(np.uint8)

    found = suggest_region(spoilt())
    assert _holds(found, box)
    assert found.width <= plain.width + 8
    assert abs(found.x - plain.x) <= 8


def test_noise_alone_does_not_move() -> None:
    still = motion_of(_frames((0, 0, 0, 0), noise=12))
    moving = motion_of(_frames(noise=12))
    assert still.amplitude.max() < 0.2 * moving.amplitude.max()


def test_amplitude_is_that_of_the_movement() -> None:
    wave = 100 + 40 * np.sin(2 * np.pi * 3 * np.arange(200) / 25)
    frames = [np.full((16, 16), round(level), np.uint8) for level in wave]
    found = motion_of(frames)
    # The root of the covariance of neighbours: amplitude²/2 · cos(2π · 3/25), high-passed at 0.5 s.
    assert np.allclose(found.amplitude, np.sqrt(40**2 / 2 * np.cos(2 * np.pi * 3 / 25)), rtol=0.05)
    assert np.allclose(found.mean, 100, atol=2)


def test_fast_movies_are_averaged_down() -> None:
    frames = [np.full((4, 5), level, np.uint8) for level in range(10)]
    assert [picture[0, 0] for picture in looks(frames, 3)] == [1, 4, 7]
    slow, fast = list(_frames(count=60)), [frame for frame in _frames(count=60) for _ in range(3)]
    assert np.allclose(
        motion_of(slow, rate=Fraction(25)).amplitude, motion_of(fast, rate=Fraction(75)).amplitude, atol=0.01
    )


def test_colour_is_taken_as_grey() -> None:
    colour = (frame[..., None].repeat(3, axis=2) for frame in _frames(count=40))
    assert suggest_region(colour) == suggest_region(_frames(count=40))


def test_several_recordings_share_one_region() -> None:
    first, second = (16, 30, 24, 24), (56, 40, 28, 24)
    maps = [motion_of(_frames(box, count=50)) for box in (first, second)]
    region = region_of(maps, square=False)
    assert _holds(region, first)
    assert _holds(region, second)
    assert region == region_of(maps[::-1], square=False)


def test_one_spoilt_recording_among_many_is_not_followed() -> None:
    good, bad = motion_of(_frames((40, 30, 32, 32), count=40)), motion_of(_frames((0, 0, 112, 20), count=40))
    assert region_of([good] * 24 + [bad]) == region_of([good])


def test_a_small_frame_is_used_as_far_as_it_goes() -> None:
    region = suggest_region(_frames((2, 2, 18, 16), (20, 22), count=40))
    assert (region.width, region.height) == (16, 16)
    tiny = suggest_region(_frames((0, 0, 4, 4), (6, 6), count=40, noise=0))
    assert (tiny.width, tiny.height) == (6, 6)


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(BadInputError, match="too few"):
        suggest_region(iter(()))
    with pytest.raises(BadInputError, match="nothing moves"):
        suggest_region(repeat(np.full((32, 32), 90, np.uint8), 30))
    with pytest.raises(BadInputError, match="one size"):
        suggest_region(chain(_frames(count=5), _frames(size=(96, 96), count=5)))
    with pytest.raises(BadInputError, match="different sizes"):
        region_of([motion_of(_frames(size=size, count=30)) for size in ((96, 96), (96, 112))])
    with pytest.raises(BadInputError, match="no recordings"):
        region_of([])
    with pytest.raises(BadInputError, match="one shape"):
        Motion(np.zeros((2, 3), np.float32), np.zeros((3, 2), np.float32), 5)


@pytest.mark.parametrize("side", [16, 400])
def test_the_picture_shows_frame_and_motion_with_the_box(side: int) -> None:
    frame = np.zeros((side, side), np.float32)
    motion = frame.copy()
    frame[side // 2, side // 2] = motion[side // 2, side // 2] = 7
    region = Region(side // 4, side // 4, side // 2, side // 2)
    drawn = region_picture(frame, motion, region)
    factor = (drawn.shape[1] - 4) // 2 // side
    assert drawn.dtype == np.uint8
    assert drawn.shape == (side * factor, 2 * side * factor + 4, 3)
    assert drawn.shape[0] >= 384
    orange = (drawn == ORANGE).all(axis=2)
    rows, columns = np.nonzero(orange[:, : side * factor])
    assert (rows.min(), columns.min()) == (region.y * factor, region.x * factor)
    assert (rows.max() + 1, columns.max() + 1) == (
        (region.y + region.height) * factor,
        (region.x + region.width) * factor,
    )
    assert (orange[:, : side * factor] == orange[:, side * factor + 4 :]).all()
    assert (drawn[(side // 2) * factor, (side // 2) * factor] == 255).all()


def test_a_picture_of_unlike_planes_is_refused() -> None:
    with pytest.raises(BadInputError, match="one size"):
        region_picture(np.zeros((8, 8)), np.zeros((8, 9), np.float32), Region(0, 0, 8, 8))
    with pytest.raises(BadInputError, match="outside"):
        region_picture(np.zeros((8, 8)), np.zeros((8, 8), np.float32), Region(4, 0, 8, 8))


def test_the_phantom_tract_lies_in_its_region() -> None:
    movie, truth = SECOND / "rtmridb_v1_mp4" / "F1_ja_001.mp4", read_truth(SECOND / "truth" / "F1_ja_001")
    region = suggest_region(movie_frames(movie, colour=False), rate=probe_movie(movie).rate)
    inside = Region(region.x, region.y, region.width, region.height)
    for name in ("upper_lip", "lower_lip", "tongue", "velum", "larynx"):
        x, y = truth.articulators[name].reshape(-1, 2).T
        within = (x >= inside.x) & (x <= inside.x + inside.width) & (y >= inside.y) & (y <= inside.y + inside.height)
        assert within.mean() > 0.95, name
    assert region.width <= 176


@pytest.mark.parametrize(
    ("path", "tract"),
    [
        ("usc75/sub001/2drt/video/sub001_2drt_01_vcv1_r1_video.mp4", (22, 27, 36, 36)),
        ("usctimit/F3_033.avi", (14, 20, 30, 32)),
    ],
)
def test_real_tracts_lie_in_their_region(path: str, tract: tuple[int, int, int, int]) -> None:
    movie = SHARED / "real" / path
    if not movie.exists():
        pytest.skip("the real samples are not here")
    info = probe_movie(movie)
    region = suggest_region(movie_frames(movie, colour=False), rate=info.rate)
    assert _holds(region, tract)
    assert region.width < 0.8 * info.width
