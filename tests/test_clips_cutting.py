from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seido.clips.cutting import cut_evenly, parse_shares, retimed, split_by_name, split_by_time
from seido.clips.picture import parse_size, resize
from seido.errors import BadInputError
from seido.timebase import source_frame


@given(frames=st.integers(1, 20_000), seconds=st.floats(0.2, 60))
@settings(deadline=None)
def test_cuts_cover_everything_once_and_are_equal(frames, seconds):
    cuts = cut_evenly(frames, Fraction(25), seconds)
    assert cuts[0][0] == 0
    assert all(after == first + count for (first, count), (after, _) in pairwise(cuts))
    lengths = {count for _, count in cuts}
    assert sum(count for _, count in cuts) == frames
    assert max(lengths) - min(lengths) <= 1


@given(name=st.text(min_size=1), seed=st.integers(0, 9))
def test_a_recordings_part_depends_on_its_name_alone(name, seed):
    shares = parse_shares("80/10/10")
    assert split_by_name(name, shares, seed) == split_by_name(name, shares, seed)
    assert split_by_name(name, parse_shares("1/0/0"), seed) == "train"
    assert split_by_name(name, parse_shares("0/0/1"), seed) == "test"


def test_shares_come_out_about_as_asked():
    parts = [split_by_name(f"recording {i}", parse_shares("80/10/10"), 0) for i in range(2000)]
    assert parts.count("train") == pytest.approx(1600, abs=80)
    assert parts.count("test") == pytest.approx(200, abs=60)


def test_by_time_the_end_is_held_out():
    parts = [split_by_time(first, 10, 100, parse_shares("70/10/20")) for first in range(0, 100, 10)]
    assert parts == ["train"] * 7 + ["validation"] + ["test"] * 2


@pytest.mark.parametrize("wrong", ["", "80/20", "80/10/ten", "-1/1/1", "0/0/0"])
def test_shares_that_are_none(wrong):
    with pytest.raises(BadInputError, match="split"):
        parse_shares(wrong)


@pytest.mark.parametrize("source", [Fraction(14), Fraction(1159, 50), Fraction(65040, 781)])
def test_retiming_shows_the_frame_on_screen(source):
    frames = (np.full((2, 2), index % 256, np.uint8) for index in range(round(4 * source)))
    shown = [int(frame[0, 0]) for frame in retimed(frames, source, Fraction(25), 100)]
    assert shown == [source_frame(index, Fraction(25), source) % 256 for index in range(100)]


def test_retiming_holds_the_last_frame_and_ends_without_any():
    frames = iter([np.zeros((1, 1), np.uint8), np.ones((1, 1), np.uint8)])
    assert [int(f[0, 0]) for f in retimed(frames, Fraction(25), Fraction(25), 4)] == [0, 1, 1, 1]
    assert not list(retimed(iter([]), Fraction(25), Fraction(25), 4))


@pytest.mark.parametrize("size", [(96, 96), (64, 128), (300, 200)])
@pytest.mark.parametrize("colour", [False, True])
def test_resizing_agrees_with_opencv(size, colour):
    shape = (128, 112, 3) if colour else (128, 112)
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    ours = resize(picture[None], *size, antialias=False)[0].astype(int)
    theirs = cv2.resize(picture, size[::-1], interpolation=cv2.INTER_LINEAR).astype(int)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1


def test_antialiasing_keeps_fine_stripes_from_turning_into_coarse_ones():
    stripes = np.tile(np.array([0, 255], np.uint8), (60, 30))[None]
    assert resize(stripes, 23, 23, antialias=True)[0, :, 2:-2].std() < 10
    assert resize(stripes, 23, 23, antialias=False).std() > 40
    assert resize(stripes, 60, 60, antialias=True) is stripes


@pytest.mark.parametrize("wrong", ["", "0", "12x", "1x2x3", "99999", "-4x4"])
def test_sizes_that_are_none(wrong):
    with pytest.raises(BadInputError, match="size"):
        parse_size(wrong)


@pytest.mark.parametrize("colour", [False, True])
def test_many_pictures_are_resized_as_one_by_one(colour):
    pictures = np.random.default_rng(0).integers(0, 256, (150, 30, 20, 3) if colour else (150, 30, 20), dtype=np.uint8)
    together = resize(pictures, 16, 24, antialias=True)
    for index in (0, 63, 64, 149):
        np.testing.assert_array_equal(together[index], resize(pictures[index : index + 1], 16, 24, antialias=True)[0])
