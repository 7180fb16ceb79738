"""Lines are settled by the options alone: who says what, in which order, by which seed."""

from dataclasses import replace
from fractions import Fraction

import pytest

from seido.errors import BadInputError
from seido.phantom.card import data_card
from seido.phantom.script import CAST, PhantomOptions, chance, script
from seido.phantom.speak import utter
from seido.phantom.texts import NORTH_WIND

SMALL = PhantomOptions(speakers=3, utterances=4, languages="zh,en", seconds=3)


def test_the_default_corpus_is_eight_speakers_and_w() -> None:
    lines = script(PhantomOptions(utterances=2))
    assert list(dict.fromkeys(line.speaker for line in lines)) == [*CAST[:8], "W"]
    rates = {line.speaker: line.frame_rate for line in lines}
    assert sorted(rates[name] for name in CAST[:8]) == [Fraction(1384, 100)] * 4 + [Fraction(2717, 100)] * 4
    assert {line.speaker for line in lines if line.unseen} == {"W"}


def test_names_are_given_once_and_languages_take_turns() -> None:
    lines = script(SMALL)
    assert len({line.name for line in lines}) == len(lines) == 3 * 4 + 4
    assert [line.language for line in lines[:4]] == ["zh", "en", "zh", "en"]
    assert [line.name for line in lines[:3]] == ["M1_zh_001", "M1_en_001", "M1_zh_002"]


def test_the_same_options_give_the_same_lines_and_another_seed_others() -> None:
    assert script(SMALL) == script(replace(SMALL))
    other = script(replace(SMALL, seed=1))
    assert [line.text for line in other] != [line.text for line in script(SMALL)]


def test_a_larger_corpus_begins_with_the_smaller_one() -> None:
    small, large = script(SMALL), script(replace(SMALL, utterances=6))
    assert small[:4] == large[:4]


def test_sentences_last_about_as_long_as_asked() -> None:
    for line in script(replace(SMALL, seconds=4)):
        if not line.unseen:
            assert abs(utter(line.language, line.text).seconds / line.anatomy.rate - 4) < 1.5


def test_w_reads_the_fable_in_each_language_in_turn() -> None:
    told = [line for line in script(PhantomOptions(speakers=0, languages="ja,zh")) if line.unseen]
    assert [line.text for line in told if line.language == "ja"] == list(NORTH_WIND["ja"])
    assert [line.text for line in told if line.language == "zh"] == list(NORTH_WIND["zh"])
    assert [line.language for line in told[:4]] == ["ja", "zh", "ja", "zh"]


def test_chance_depends_on_seed_and_every_word() -> None:
    draws = {float(chance(*what).random()) for what in [(0, "a", "b"), (1, "a", "b"), (0, "ab", ""), (0, "a", "c")]}
    assert len(draws) == 4
    assert chance(3, "x").random() == chance(3, "x").random()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"speakers": 17}, "up to 16"),
        ({"speakers": 0, "unseen": "none"}, "no speakers"),
        ({"utterances": 0}, "1 to 10000"),
        ({"languages": "ja,fr"}, "'fr'"),
        ({"languages": "ja,ja"}, "twice"),
        ({"unseen": "Q"}, "'Q'"),
        ({"unseen": "M1"}, "not unseen"),
        ({"seconds": 0.0}, "cannot be made"),
        ({"seconds": float("nan")}, "cannot be made"),
        ({"snr": 99.0}, "SNR"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_cannot_be_made_is_said(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        PhantomOptions(**wrong)  # type: ignore[arg-type]


def test_the_data_card_says_what_the_phantom_is_not() -> None:
    card = data_card(SMALL, [(line, 3.25) for line in script(SMALL)])
    assert "deformations of one man" in card
    assert "phantom figure" in card
    assert "| W | stranger | unseen | 13.84 | 4 | 13 |" in card
    assert "16 recordings, 0.9 minutes" in card


def test_those_who_are_skipped_change_nothing_for_the_others():
    whole = script(PhantomOptions(speakers=6, utterances=2, unseen="none"))
    assert script(PhantomOptions(speakers=3, skip=3, utterances=2, unseen="none")) == whole[len(whole) // 2 :]
    with pytest.raises(BadInputError, match="16 in all"):
        PhantomOptions(speakers=9, skip=8)
