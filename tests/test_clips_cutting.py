from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seido.clips.cutting import repeats, retimed
from seido.clips.pauses import Cutter, Loudness, spans, speech_to_noise
from seido.clips.picture import parse_size, resize
from seido.errors import BadInputError
from seido.timebase import source_frame


def phones_of(lengths: list[float], gaps: list[float]) -> list[tuple[float, float]]:
    """Lay phones of such lengths out with such gaps between them."""
    at, phones = 0.0, []
    for length, gap in zip(lengths, gaps, strict=False):
        phones.append((at, at + length))
        at += length + gap
    return phones


SILENT = np.zeros(0)


@given(frames=st.integers(1, 20_000), seconds=st.fractions(Fraction(1, 5), 60), noise=st.integers(0, 9))
@settings(deadline=None, max_examples=60)
def test_cuts_cover_everything_once_and_stay_near_the_length_asked_for(frames, seconds, noise):
    powers = np.random.default_rng(noise).exponential(1, frames * 4)
    edges = Cutter(Fraction(25), seconds).cuts(frames, powers, [])
    assert (edges[0], edges[-1]) == (0, frames)
    lengths = [last - first for first, last in pairwise(edges)]
    assert min(lengths) >= 1
    assert sum(count for _, count in spans(edges)) == frames
    if frames >= 1.5 * seconds * 25 > 15:
        assert 0.4 * seconds * 25 - 1 <= min(lengths)
        assert max(lengths) <= 1.75 * seconds * 25 + 1


@given(
    lengths=st.lists(st.floats(0.03, 0.4), min_size=20, max_size=120),
    gaps=st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.05, 0.3]), min_size=120, max_size=120),
    rate=st.sampled_from([Fraction(25), Fraction(1159, 50), Fraction(14)]),
)
@settings(deadline=None, max_examples=60)
def test_no_cut_falls_inside_a_phone(lengths, gaps, rate):
    phones = phones_of(lengths, gaps)
    frames = int(phones[-1][1] * rate) + 1
    edges = Cutter(rate, Fraction(1)).cuts(frames, np.ones(frames * 10), phones)
    assert edges == sorted(set(edges))
    for edge in edges[1:-1]:
        assert not any(Fraction(start) < edge / rate < Fraction(end) for start, end in phones)


def test_without_pauses_parts_are_equal():
    edges = Cutter(Fraction(25), Fraction(5)).cuts(660, SILENT, [])
    assert edges == [0, 132, 264, 396, 528, 660]


def test_cuts_fall_in_the_pauses():
    powers = np.ones(2000)
    for middle in (430, 960, 1530):
        powers[middle - 15 : middle + 15] = 1e-4
    edges = Cutter(Fraction(25), Fraction(5)).cuts(500, powers, [])
    assert np.abs(np.array(edges[1:-1]) / 25 - np.array([4.3, 9.6, 15.3])).max() < 0.11


def test_a_clip_grows_rather_than_end_inside_a_phone():
    edges = Cutter(Fraction(25), Fraction(1)).cuts(100, SILENT, [(0.2, 3.1)])
    assert edges[1] >= 3.1 * 25
    assert Cutter(Fraction(25), Fraction(1)).cuts(100, SILENT, [(0.0, 4.0)]) == [0, 100]


@pytest.mark.parametrize("level", [-5.0, 0.0, 10.0, 25.0])
def test_the_level_over_noise_is_estimated_from_the_pauses(level):
    random = np.random.default_rng(0)
    on = np.repeat(np.arange(12) % 3 > 0, 8000)
    voice = random.normal(0, 1, len(on)) * on
    noise = random.normal(0, 1, len(on)) * np.sqrt(np.mean(voice**2)) * 10 ** (-level / 20)
    loudness = Loudness()
    for block in np.array_split((0.1 * (voice + noise)).astype(np.float32), 7):
        loudness.hear(block)
    assert loudness.samples == len(on)
    assert speech_to_noise(loudness.powers()) == pytest.approx(level, abs=2.0)
    assert speech_to_noise(np.zeros(0)) == 0


def test_loudness_does_not_depend_on_the_blocks():
    samples = np.random.default_rng(0).normal(0, 0.1, 5000).astype(np.float32)
    one, many = Loudness(), Loudness()
    one.hear(samples)
    for block in np.array_split(samples, 13):
        many.hear(block)
    np.testing.assert_array_equal(one.powers(), many.powers())
    np.testing.assert_allclose(one.powers()[3], np.mean(samples[480:640].astype(float) ** 2))
    assert one.peak == many.peak == np.abs(samples).max()


@pytest.mark.parametrize("source", [Fraction(14), Fraction(1159, 50), Fraction(65040, 781)])
def test_retiming_shows_the_frame_on_screen(source):
    frames = (np.full((2, 2), index % 256, np.uint8) for index in range(round(4 * source)))
    shown = [int(frame[0, 0]) for frame in retimed(frames, source, Fraction(25), 100)]
    assert shown == [source_frame(index, Fraction(25), source) % 256 for index in range(100)]


def test_frames_never_shown_are_passed_on_too():
    frames = (np.full((1, 1), index, np.uint8) for index in range(20))
    found = [(int(frame[0, 0]), times) for frame, times in repeats(frames, Fraction(50), Fraction(25), 5)]
    assert found == [(0, 0), (1, 1), (2, 0), (3, 1), (4, 0), (5, 1), (6, 0), (7, 1), (8, 0), (9, 1)]


def test_after_an_hour_frames_are_right_to_half_a_source_frame():
    rate, source = Fraction(25), Fraction(1159, 50)
    index = 3600 * 25
    assert (
        abs((source_frame(index, rate, source) + Fraction(1, 2)) / source - (index + Fraction(1, 2)) / rate)
        < 1 / source / 2
    )


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
