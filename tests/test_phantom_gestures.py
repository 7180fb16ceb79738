"""The phantom's gestures: targets are reached, marks are in step, and every known phone can be spoken."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seido.errors import BadInputError
from seido.phantom import anatomy as anatomies
from seido.phantom.anatomy import SPEAKERS, Anatomy
from seido.phantom.engine import Engine, shapes_of
from seido.phantom.gestures import PRESSURE, VELUM_LEAK, VELUM_OPEN, VELUM_SHUT, tracks
from seido.phantom.phones import KNOWN, Closing, Open, articulation
from seido.phantom.shapes import CLOSED, GLOTTIS, TRACT, Shapes, with_derived
from seido.phantom.tracks import LAG, ORDER, Tracks, approach
from seido.phantom.utterance import PAUSE, Phone, Utterance, Word

needs_engine = pytest.mark.skipif(
    importlib.util.find_spec(anatomies.ENGINE) is None, reason="needs the phantom's engine"
)
VOWELS = ("a", "e", "i", "o", "u", "y", "I", "E", "O", "U", "Y", "@", "2", "9", "6")
PLACES = (
    *("ll-labial-closure", "ll-dental-fricative", "tt-dental-fricative", "tt-alveolar-closure"),
    *("tt-alveolar-lateral", "tt-alveolar-fricative", "tt-postalveolar-closure", "tt-postalveolar-lateral"),
    *("tt-postalveolar-fricative", "tb-palatal-fricative", "tb-velar-closure", "tb-uvular-fricative"),
)
VOICES = ("modal", "stop", "h", "breathy", "voiceless-plosive", "voiceless-fricative", "voiced-plosive")


def invented_shapes(anatomy: Anatomy = SPEAKERS["M1"]) -> Shapes:
    """Shapes of no speaker at all, for what does not need one."""
    rng = np.random.default_rng(5)
    names = (*VOWELS, *(f"{place}({context})" for place in PLACES for context in "aiu"))
    tract = with_derived({name: rng.uniform(-1, 1, len(TRACT)) for name in names})
    return Shapes(anatomy, tract, {name: rng.uniform(0, 1, len(GLOTTIS)) for name in (*VOICES, "voiced-fricative")})


def utterance(symbols: str, language: str = "ja", seconds: float = 0.08) -> Utterance:
    phones = tuple(Phone(symbol, 0.2 if symbol == PAUSE else seconds, (0, 2, 4)) for symbol in symbols.split())
    return Utterance(language, symbols, (Word("", phones[:1]), Word(symbols, phones[1:])))  # type: ignore[arg-type]


@given(st.floats(-3, 3), st.floats(-3, 3), st.sampled_from([50, 100, 200]), st.floats(0.004, 0.02))
def test_a_target_held_long_is_reached_without_overshoot(start: float, end: float, rate: int, tau: float) -> None:
    out = approach(np.array([[start], [end]]), np.array([0.1, 1.0]), tau, rate, rate)[:, 0]
    assert out[0] == pytest.approx(start)
    assert out[-1] == pytest.approx(end, abs=1e-6)
    assert out.min() >= min(start, end) - 1e-9
    assert out.max() <= max(start, end) + 1e-9


@given(st.lists(st.tuples(st.floats(0.02, 0.3), st.floats(-2, 2)), min_size=1, max_size=6))
@settings(deadline=None, max_examples=20)
def test_the_approach_is_a_chain_of_first_order_lags(steps: list[tuple[float, float]]) -> None:
    rate, tau = 10_000, 0.012
    seconds, values = np.array(steps).T
    ends = np.cumsum(seconds)
    count = int(ends[-1] * rate)
    out = approach(values[:, None], ends, tau, rate, count)[:, 0]
    slow = values[np.minimum(np.searchsorted(ends, (np.arange(count) + 0.5) / rate), len(values) - 1)]
    for _ in range(ORDER):
        state = slow[0]
        for index in range(count):
            state += (slow[index] - state) / (rate * tau)
            slow[index] = state
    assert np.abs(out - slow).max() < 0.04  # the chain is stepped by Euler, so it is the less exact of the two


@settings(deadline=None)
@given(st.lists(st.sampled_from(sorted(KNOWN)), min_size=1, max_size=12), st.sampled_from([50, 100]), st.booleans())
def test_marks_are_in_order_and_cover_everything(symbols: list[str], rate: int, quick: bool) -> None:
    anatomy = Anatomy("X", rate=1.3 if quick else 0.9)
    said = utterance(" ".join([PAUSE, *symbols]))
    made = tracks(said, invented_shapes(anatomy), rate)
    assert [mark.symbol for mark in made.marks] == [PAUSE, *symbols]
    assert made.marks[0].start == 0
    assert made.marks[-1].end == pytest.approx(made.seconds)
    assert all(one.end == other.start and one.start < one.end for one, other in pairwise(made.marks))
    assert [mark.word for mark in made.marks] == [0] + [1] * len(symbols)
    assert 0 <= made.seconds - said.seconds / anatomy.rate - LAG <= 1 / rate + 1e-6
    assert made.tract.shape == (len(made.glottis), len(TRACT))
    assert np.isfinite(made.tract).all()
    assert np.isfinite(made.glottis).all()


def test_a_long_phone_reaches_its_shape_in_the_middle_of_its_mark() -> None:
    shapes = invented_shapes()
    made = tracks(utterance("_ a m i", seconds=0.4), shapes)
    for mark, name in zip(made.marks[1:], ("a", "ll-labial-closure(i)", "i"), strict=True):
        middle = made.states_at([(mark.start + mark.end) / 2])[0]
        mouth = [index for index, parameter in enumerate(TRACT) if parameter != "VO"]
        assert middle[mouth] == pytest.approx(shapes.tract[name][mouth], abs=0.1)
        assert (middle[TRACT.index("VO")] > 0.9 * VELUM_OPEN) == (mark.symbol == "m")


def test_pitch_follows_the_phones_about_the_speakers_mean_and_pauses_are_breathless() -> None:
    made = tracks(utterance("_ a a _", seconds=0.5), invented_shapes(Anatomy("X", f0=200.0)))
    at = [round((mark.start + mark.end) / 2 * made.rate) for mark in made.marks]
    assert made.glottis[at[1], GLOTTIS.index("F0")] == pytest.approx(200 * 2 ** (2 / 12), rel=0.01)
    pressure = made.glottis[:, GLOTTIS.index("PR")]
    assert pressure[at[1]] == pytest.approx(PRESSURE, rel=0.01)
    assert pressure[0] == pytest.approx(0, abs=1)


def test_silence_before_and_after_is_breathless() -> None:
    said = utterance("a i")
    pause = Word("", (Phone(PAUSE, 0.25),))
    made = tracks(replace(said, words=(pause, *said.words, pause)), invented_shapes())
    assert [mark.symbol for mark in made.marks] == [PAUSE, "a", "i", PAUSE]
    assert made.glottis[[0, -1], GLOTTIS.index("PR")] == pytest.approx([0, 0], abs=1)


def test_a_pause_holds_the_last_sound_and_has_the_next_one_ready() -> None:
    shapes = invented_shapes()
    made = tracks(utterance("_ a _ u _", seconds=0.4), shapes)
    mouth = [index for index, parameter in enumerate(TRACT) if parameter != "VO"]
    pressure = made.glottis[:, GLOTTIS.index("PR")]
    for mark, at in zip((made.marks[1], made.marks[3]), (made.marks[1].end, made.marks[3].start), strict=True):
        assert made.states_at([at])[0][mouth] == pytest.approx(shapes.tract[mark.symbol][mouth], abs=0.15)
        assert 0.2 * PRESSURE < pressure[round(at * made.rate)] < 0.8 * PRESSURE


@pytest.mark.parametrize("seconds", [0.05, 0.06, 0.1, 0.2])
def test_voiced_stops_leak_a_little_through_the_nose_however_short(seconds: float) -> None:
    made = tracks(utterance("_ a b a p a", seconds=seconds), invented_shapes())
    open_to_nose = [
        made.states_at([(mark.start + mark.end) / 2])[0][TRACT.index("VO")]
        for mark in made.marks
        if mark.symbol in "bp"
    ]
    assert open_to_nose == pytest.approx([VELUM_LEAK, VELUM_SHUT], abs=0.012)


def test_english_vowels_are_its_own() -> None:
    assert articulation("o", "en") != articulation("o", "ja") == articulation("o", "zh")
    assert articulation("i", "en") == articulation("i", "ja")


def test_a_phone_that_is_not_known_is_named() -> None:
    with pytest.raises(BadInputError, match="'ǃ'"):
        tracks(utterance("_ a ǃ"), invented_shapes())
    with pytest.raises(BadInputError, match="nothing but pauses"):
        tracks(utterance("_ _"), invented_shapes())
    with pytest.raises(BadInputError, match="50 or 100"):
        Tracks(np.zeros((1, 19)), np.zeros((1, 11)), 0, ())


def test_r_is_what_the_language_makes_of_it() -> None:
    assert isinstance(articulation("r", "ja"), Closing)
    assert isinstance(articulation("r", "en"), Open)
    assert articulation("ɡ", "en") == articulation("g", "en")


@needs_engine
@pytest.mark.parametrize("name", ["M1", "W"])
def test_short_stops_close_in_running_speech(name: str) -> None:
    shapes = shapes_of(SPEAKERS[name])
    made = tracks(utterance("_ a p a t a k a b i d e g o", seconds=0.06), shapes)
    with Engine(SPEAKERS[name]) as engine:
        for mark in made.marks:
            times = np.arange(mark.start, mark.end, 0.01)
            areas = [engine.tube(state)[0][20:].min() for state in made.states_at(times)]
            if mark.symbol in "ptkbdg":
                assert min(areas) <= CLOSED, mark
        sound = engine.synthesise(made.tract, made.glottis, made.rate)
    assert float(sound.seconds) == pytest.approx(made.seconds)

    def loudness(symbol: str) -> float:
        mark = next(mark for mark in made.marks if mark.symbol == symbol)
        return float(np.std(sound.samples[int(mark.start * sound.rate) : int(mark.end * sound.rate)]))

    assert loudness("a") > 1.5 * loudness("p")
    assert loudness("a") > 50 * float(np.std(sound.samples[: sound.rate // 10]))  # the pause before the first breath


@needs_engine
def test_a_voiced_stop_keeps_its_voice_while_it_is_closed() -> None:
    made = tracks(utterance("_ a b a p a", seconds=0.12), shapes_of(SPEAKERS["M1"]))
    with Engine(SPEAKERS["M1"]) as engine:
        sound = engine.synthesise(made.tract, made.glottis, made.rate)

    def level(symbol: str) -> float:
        mark = next(mark for mark in made.marks if mark.symbol == symbol)
        third = (mark.end - mark.start) / 3
        return float(
            np.std(sound.samples[int((mark.start + third) * sound.rate) : int((mark.end - third) * sound.rate)])
        )

    assert level("b") > 30 * level("p")
    assert level("b") < 0.4 * level("a")


@needs_engine
def test_real_shapes_have_every_name_that_phones_use() -> None:
    shapes = shapes_of(SPEAKERS["F1"])
    for symbol in KNOWN:
        made = tracks(utterance(f"_ a {symbol} i"), shapes)
        assert np.isfinite(made.tract).all(), symbol
