from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seido.errors import BadInputError
from seido.scores.compare import as_json, compare, enlarged, retimed, talk_box, talk_picture, undefined
from seido.scores.rows import FIRST_FRAME, GENERATED, MEAN_FRAME, score_movie
from seido.values import Movie, Region

RATE = Fraction(25)


def movie(frames: int = 30, height: int = 32, width: int = 36, seed: int = 0) -> Movie:
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    centre = height / 2 + 4 * np.sin(np.arange(frames) / 3)[:, None, None]
    disc = (y - centre) ** 2 + (x - 9) ** 2 < 36
    return Movie((generator.integers(20, 60, (height, width)) + 150 * disc).astype(np.uint8), RATE)


def test_a_movie_is_compared_beside_the_true_movies_own_still_pictures() -> None:
    true, other = movie(), movie(seed=1)
    table = compare(true, other)
    assert [row.predictor for row in table] == [GENERATED, FIRST_FRAME, MEAN_FRAME]
    mean = np.rint(true.frames.mean(axis=0)).astype(np.uint8)
    assert table[0].scores == score_movie(true, other, mean_frame=mean)
    found = as_json(table)
    assert found["mean_frame"]["skill_over_mean"] == found["first_frame"]["skill_over_first"] == 0
    assert found["frames"] == found["mean_frame"]["frames"] == 29
    assert found.keys() - {"first_frame", "mean_frame"} == found["mean_frame"].keys()
    short = Movie(other.frames[:20], RATE)
    assert compare(true, short, trim=True) == compare(Movie(true.frames[:20], RATE), short)


def test_what_is_undefined_is_explained() -> None:
    true = movie()
    even = Movie(np.full_like(true.frames, 90), RATE)
    still = Movie(true.frames[:1].repeat(30, axis=0), RATE)
    assert not list(undefined(compare(true, true), "a", "b"))
    assert [said.split(":")[0] for said in undefined(compare(even, true), "a", "b")] == [
        "a is one even grey",
        "a stands still",
    ]
    assert list(undefined(compare(true, still), "a", "b")) == ["b stands still: its lag is undefined"]


@given(st.integers(1, 300), st.fractions(5, 100, max_denominator=50), st.fractions(5, 100, max_denominator=50))
def test_retiming_is_exact(frames: int, rate: Fraction, new_rate: Fraction) -> None:
    chosen = retimed(frames, rate, new_rate)
    assert abs(len(chosen) / new_rate - frames / rate) <= 1 / new_rate
    for index, source in enumerate(chosen):
        middle = (index + Fraction(1, 2)) / new_rate
        assert source / rate <= middle < (source + 1) / rate
    assert retimed(frames, rate, rate) == list(range(frames))


def test_the_talks_picture_keeps_the_shape() -> None:
    assert talk_picture(256, 256) == Region(420, 0, 1080, 1080)
    assert talk_picture(100, 400) == Region(0, 300, 1920, 480)
    assert talk_picture(1080, 1920) == Region(0, 0, 1920, 1080)


def test_enlarging_is_pillows_bicubic_where_the_picture_goes_on() -> None:
    frames = movie(2, 54, 54).frames
    whole = np.array(Image.fromarray(frames[1]).resize((1080, 1080), Image.Resampling.BICUBIC)).astype(int)
    box = Region(420 + 333, 251, 400, 420)
    ours = enlarged(frames, box)
    assert ours.shape == (2, 420, 400)
    assert np.abs(ours[1].astype(int) - whole[251 : 251 + 420, 333 : 333 + 400]).max() <= 1
    assert np.array_equal(enlarged(np.full_like(frames, 77), box), np.full_like(ours, 77))
    with pytest.raises(BadInputError, match="region 0,0,400,420 leaves the movie, which fills 420,0,1080,1080"):
        enlarged(frames, Region(0, 0, 400, 420))


def test_the_talks_box_lies_where_things_move() -> None:
    box = talk_box(movie(40, 64, 64))
    placed = talk_picture(64, 64)
    centre = (placed.x + 9.5 * 1080 / 64, placed.y + 32 * 1080 / 64)
    assert (box.width, box.height) == (400, 420)
    assert box.x <= centre[0] < box.x + 400
    assert box.y <= centre[1] < box.y + 420
    enlarged(movie(2, 64, 64).frames, box)
    with pytest.raises(BadInputError, match="no room for the talk's box"):
        talk_box(movie(4, 10, 100))
