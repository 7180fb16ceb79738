"""In step? Lags planted in toy recordings are found, and where nothing can be said, that is said."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seido.clips.sync import REACH, Lag, lag_of
from seido.corpus.sound import read_speech
from seido.corpus.video import movie_frames, probe_movie, read_movie
from seido.errors import BadInputError
from seido.values import Frame, Speech

SHARED = Path(__file__).resolve().parents[2] / "shared"
REAL = SHARED / "real/usc75/sub001/2drt/video/sub001_2drt_01_vcv1_r1_video.mp4"
RATE = 16_000
SIZE = 48


@dataclass(frozen=True)
class Toy:
    """A mouth that opens and a tongue that moves, both heard: the louder the wider, the brighter the further up."""

    seconds: float
    seed: int = 0

    def tracks(self, times: np.ndarray) -> np.ndarray:
        """Two smooth random functions of time, 0 … 1, of about four syllables a second."""
        random = np.random.default_rng(self.seed)
        knots = random.uniform(0, 1, (2, round(8 * (self.seconds + 2)) + 2))
        return np.array([np.interp(8 * (times + 1), np.arange(len(knot)), knot) for knot in knots])

    def speech(self, lag: float = 0.0, snr: float | None = None) -> Speech:
        """The sound; with a lag the picture comes so much later."""
        random = np.random.default_rng(self.seed + 100)
        opening, height = self.tracks(np.arange(round(self.seconds * RATE)) / RATE + lag)
        low, high = (
            np.sin(2 * np.pi * np.cumsum(track) / RATE) for track in (300 + 500 * height, 1200 + 1200 * height)
        )
        wave = opening**2 * (low + 0.7 * high) + 1e-3 * random.normal(size=len(low))
        if snr is not None:
            wave = wave + random.normal(size=len(low)) * wave.std() / 10 ** (snr / 20)
        return Speech((0.2 * wave).astype(np.float32), RATE)

    def frames(self, rate: Fraction, *, noise: float = 4.0, drift: float = 0.0) -> Iterator[Frame]:
        """The pictures, each the mean of its exposure, with Rician noise and a head that drifts by some pixels."""
        random = np.random.default_rng(self.seed + 200)
        down, across = np.mgrid[:SIZE, :SIZE]
        for number in range(int(self.seconds * rate)):
            time = (number + (np.arange(4) + 0.5) / 4) / float(rate)
            (opening, height), away = self.tracks(time).mean(1), drift * time[0] / self.seconds
            still = 150.0 * (np.hypot(down - 24, across - 24 - away) < 20)
            mouth = np.clip(6 * opening + 1 - np.abs(down - 24), 0, 1) * (np.abs(across - 12 - away) < 6)
            tongue = np.exp(-((down - 32 + 10 * height) ** 2 + (across - 28 - away) ** 2) / 20)
            picture = still * (1 - 0.9 * mouth) * (1 - 0.6 * tongue)
            yield (
                np.hypot(picture + random.normal(0, noise, picture.shape), random.normal(0, noise, picture.shape))
                .clip(0, 255)
                .astype(np.uint8)
            )


@settings(max_examples=4, deadline=None)
@given(st.floats(-0.2, 0.2), st.sampled_from(["25", "346/25", "2717/100", "65040/781"]), st.integers(0, 99))
def test_a_planted_lag_is_found(lag: float, rate: str, seed: int) -> None:
    toy = Toy(20, seed)
    found = lag_of(toy.speech(lag), toy.frames(Fraction(rate), drift=2), Fraction(rate))
    assert not found.doubtful
    assert abs(found.seconds - lag) < min(0.02, 4 * found.uncertainty)


def test_noise_in_the_sound_is_borne() -> None:
    toy = Toy(20, 3)
    found = lag_of(toy.speech(-0.12, snr=0), toy.frames(Fraction(14)), Fraction(14))
    assert not found.doubtful
    assert found.seconds == pytest.approx(-0.12, abs=0.02)


def test_the_stated_uncertainty_is_that_of_the_errors() -> None:
    sigmas = []
    for seed in range(9):
        toy, lag = Toy(6, seed), (seed - 4) / 30
        found = lag_of(toy.speech(lag, snr=0), toy.frames(Fraction(14), noise=12), Fraction(14))
        if not found.doubtful:
            sigmas.append(abs(found.seconds - lag) / found.uncertainty)
    assert len(sigmas) >= 5
    assert np.mean(np.array(sigmas) < 2) > 0.8
    assert max(sigmas) < 5


def test_other_speech_is_doubtful() -> None:
    found = lag_of(Toy(10, 8).speech(), Toy(10, 7).frames(Fraction(25)), Fraction(25))
    assert found.doubtful
    assert "chance" in found.note
    assert "doubtful" in str(found)


@pytest.mark.parametrize(
    ("sound", "picture", "why"),
    [
        ("silence", "moving", "heard"),
        ("speech", "still", "still"),
        ("short", "moving", "under 2 s"),
        ("noise", "moving", ""),
    ],
)
def test_where_nothing_can_be_said_any_lag_is_possible(sound: str, picture: str, why: str) -> None:
    toy, rate = Toy(6), Fraction(25)
    samples = {
        "silence": np.zeros(6 * RATE, np.float32),
        "speech": toy.speech().samples,
        "short": toy.speech().samples[: 2 * RATE],
        "noise": np.random.default_rng(0).normal(0, 0.1, 6 * RATE).astype(np.float32),
    }[sound]
    frames = toy.frames(rate) if picture == "moving" else iter([np.full((SIZE, SIZE), 90, np.uint8)] * 150)
    found = lag_of(Speech(samples, RATE), frames, rate)
    assert found.doubtful
    assert why in found.note
    if why:
        assert (found.seconds, found.uncertainty) == (0, pytest.approx(REACH / 3**0.5))


def test_a_lag_out_of_reach_is_not_claimed() -> None:
    toy = Toy(12, 5)
    found = lag_of(toy.speech(0.7), toy.frames(Fraction(25)), Fraction(25))
    assert found.doubtful


def test_sound_of_another_length_and_rate_and_colour_change_nothing() -> None:
    toy, rate = Toy(12, 4), Fraction(25)
    plain = lag_of(toy.speech(0.1), toy.frames(rate), rate)
    longer = Speech(np.concatenate([toy.speech(0.1).samples, np.zeros(3 * RATE, np.float32)]), RATE)
    colour = (frame[..., None].repeat(3, axis=2) for frame in toy.frames(rate))
    half = Speech(np.ascontiguousarray(toy.speech(0.1).samples[::2]), RATE // 2)
    for found in (
        lag_of(longer, toy.frames(rate), rate),
        lag_of(toy.speech(0.1), colour, rate),
        lag_of(half, toy.frames(rate), rate),
    ):
        assert not found.doubtful
        assert found.seconds == pytest.approx(plain.seconds, abs=0.01)


def test_frames_are_taken_one_by_one_and_once() -> None:
    toy, held = Toy(8), []

    def watched() -> Iterator[Frame]:
        for frame in toy.frames(Fraction(25)):
            held.append(frame.ctypes.data)
            yield frame
            frame[...] = 0  # whoever kept it would see it blacken

    assert not lag_of(toy.speech(0.05), watched(), Fraction(25)).doubtful
    assert len(held) == 200


def test_bad_pictures_and_lags_are_refused() -> None:
    speech = Toy(3).speech()
    with pytest.raises(BadInputError, match="no frames"):
        lag_of(speech, iter(()), Fraction(25))
    with pytest.raises(BadInputError, match="one size"):
        lag_of(speech, iter([np.zeros((8, 8), np.uint8), np.zeros((8, 9), np.uint8)]), Fraction(25))
    with pytest.raises(BadInputError, match="8 kHz"):
        lag_of(Speech(np.zeros(4000, np.float32), 4000), iter([np.zeros((8, 8), np.uint8)]), Fraction(25))
    with pytest.raises(BadInputError, match="finite"):
        Lag(float("nan"), 0.1, doubtful=False)
    with pytest.raises(BadInputError, match="why"):
        Lag(0.0, 0.1, doubtful=True)


def test_two_estimates_of_one_recording_agree_exactly() -> None:
    toy = Toy(5, 2)
    first, second = (lag_of(toy.speech(), toy.frames(Fraction(25)), Fraction(25)) for _ in range(2))
    assert first == second


def test_a_second_is_too_short_to_tell() -> None:
    movie = next((Path(__file__).parent / "phantom_second" / "rtmridb_v1_mp4").glob("*.mp4"))
    info = probe_movie(movie)
    assert lag_of(read_speech(movie), movie_frames(movie), info.rate).doubtful


@pytest.mark.skipif(not REAL.exists(), reason="the real sample is not here")
def test_planted_lags_move_that_of_a_real_clip() -> None:
    movie, speech = read_movie(REAL), read_speech(REAL).samples
    early = np.concatenate([np.zeros(round(0.2 * RATE), np.float32), speech])
    before, later, sooner = (
        lag_of(Speech(samples, RATE), movie.frames, movie.rate)
        for samples in (speech, speech[round(0.1 * RATE) :], early)
    )
    assert not before.doubtful
    assert abs(before.seconds) < 0.12
    assert later.seconds - before.seconds == pytest.approx(0.1, abs=0.02)
    assert sooner.seconds - before.seconds == pytest.approx(-0.2, abs=0.02)
