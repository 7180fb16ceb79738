from fractions import Fraction

import numpy as np
import pytest

from seido.errors import BadInputError
from seido.scores.trivial import (
    bank_of,
    mel_windows,
    nearest_frames,
    nearest_movie,
)


@pytest.fixture
def random():
    return np.random.default_rng(5)


def drawn(random, frames: int, features: int = 24) -> np.ndarray:
    return random.normal(size=(frames, features)).astype(np.float32)


def test_the_nearest_frame_is_that_of_a_search_one_by_one(random):
    asked, bank = drawn(random, 9), [drawn(random, frames) for frames in (7, 1, 12)]
    found = nearest_frames(asked, iter(bank))
    for number, window in enumerate(asked):
        distances = {
            (clip, frame): float(np.linalg.norm(window.astype(float) - other))
            for clip, windows in enumerate(bank)
            for frame, other in enumerate(windows)
        }
        best = min(distances, key=distances.__getitem__)
        assert (found.clip[number], found.frame[number]) == best
        assert found.distance[number] == pytest.approx(distances[best], rel=1e-9)


def test_a_frame_in_the_bank_is_its_own_nearest(random):
    bank = [drawn(random, 8), drawn(random, 8)]
    found = nearest_frames(bank[1], bank)
    np.testing.assert_array_equal(found.clip, 1)
    np.testing.assert_array_equal(found.frame, np.arange(8))
    np.testing.assert_allclose(found.distance, 0, atol=1e-6)


def test_of_equally_near_frames_the_first_counts():
    same = np.ones((3, 4), np.float32)
    found = nearest_frames(same, [np.zeros((0, 4), np.float32), same, same])
    np.testing.assert_array_equal(found.clip, 1)
    np.testing.assert_array_equal(found.frame, 0)


def test_the_order_of_the_bank_changes_no_distance(random):
    asked, bank = drawn(random, 6), [drawn(random, 5) for _ in range(4)]
    there, back = nearest_frames(asked, bank), nearest_frames(asked, bank[::-1])
    np.testing.assert_allclose(there.distance, back.distance, rtol=1e-12)
    np.testing.assert_array_equal(there.clip, 3 - back.clip)


def test_the_nearest_movie_shows_the_frames_that_were_found(random):
    bank = [drawn(random, 5), drawn(random, 6)]
    clips = [random.integers(0, 256, (len(one), 4, 5), dtype=np.uint8) for one in bank]
    shown = nearest_movie(nearest_frames(bank[0][::-1], bank), clips)
    np.testing.assert_array_equal(shown, clips[0][::-1])


def test_a_window_is_centred_on_its_frame():
    mel = np.arange(100, dtype=np.float32)[:, None].repeat(3, axis=1)
    windows = mel_windows(mel, 30, Fraction(25)).reshape(30, 16, 3)
    # Frame 10 lasts from 0.40 to 0.44 s; its middle is at column 33.6, so its window is 25 … 40.
    np.testing.assert_array_equal(windows[10, :, 0], np.arange(25, 41))
    np.testing.assert_array_equal(windows[0, :, 0], np.arange(16))
    np.testing.assert_array_equal(windows[29, :, 0], np.arange(84, 100))


def test_a_speaker_who_was_never_recorded_borrows_from_all():
    assert bank_of("F1", ["F1", "M1", "F1"]) == (0, 2)
    assert bank_of("W", ["F1", "M1", "F1"]) == (0, 1, 2)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: nearest_frames(np.ones((2, 4), np.float32), []), "no training frame"),
        (lambda: nearest_frames(np.ones((2, 4), np.float32), [np.ones((2, 5), np.float32)]), "cannot be compared"),
        (lambda: mel_windows(np.ones((9, 4), np.float32), 3, Fraction(25)), "too short"),
        (
            lambda: nearest_movie(
                nearest_frames(np.float32([[0], [1]]), [np.float32([[0]]), np.float32([[1]])]),
                [np.ones((1, 2, 2), np.uint8), np.ones((1, 3, 2), np.uint8)],
            ),
            "different sizes",
        ),
    ],
)
def test_what_cannot_be_done_is_said(ask, words):
    with pytest.raises(BadInputError, match=words):
        ask()
