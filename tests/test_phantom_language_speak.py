"""What holds for all languages: one list of phones, pauses, rates, errors, the fable and the made-up sentences."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seido.errors import BadInputError
from seido.phantom.english import pronunciations
from seido.phantom.grammar import GRAMMARS, sentence
from seido.phantom.japanese import morae
from seido.phantom.mandarin import spellings
from seido.phantom.speak import AFTER, BEFORE, INVENTORY, PHONES, utter
from seido.phantom.texts import NORTH_WIND
from seido.phantom.utterance import LANGUAGES, PAUSE

japanese_texts = st.lists(st.sampled_from([*sorted(morae()), "ん", "っ"]), min_size=1, max_size=12).map("".join)
mandarin_texts = st.lists(
    st.tuples(st.sampled_from(sorted(spellings())), st.sampled_from("012345")).map("".join), min_size=1, max_size=8
).map(" ".join)
english_texts = st.lists(st.sampled_from(sorted(pronunciations())), min_size=1, max_size=8).map(" ".join)
texts = st.one_of(
    st.tuples(st.just("ja"), japanese_texts),
    st.tuples(st.just("zh"), mandarin_texts),
    st.tuples(st.just("en"), english_texts),
)


@settings(deadline=None)
@given(texts, st.floats(0.5, 4))
def test_rate_divides_time_and_every_phone_is_known(case, rate):
    language, text = case
    utterance, changed = utter(language, text), utter(language, text, rate)
    assert changed.seconds * rate == pytest.approx(utterance.seconds)
    assert [phone.pitch for phone in changed.phones] == [phone.pitch for phone in utterance.phones]
    assert all(phone.seconds > 0 for phone in utterance.phones)
    assert {phone.symbol for phone in utterance.phones} <= PHONES[language] | {PAUSE}
    assert utter(language, text) == utterance


def test_inventory_is_exactly_the_phones_of_the_languages():
    assert set(INVENTORY) == frozenset({PAUSE}).union(*PHONES.values())
    assert set(PHONES) == set(LANGUAGES)
    aspirated = {symbol for symbol, sound in INVENTORY.items() if sound.aspirated}
    assert aspirated == {symbol for symbol in INVENTORY if symbol.endswith("ʰ")}
    assert all(INVENTORY[symbol[:-1]].place == INVENTORY[symbol].place for symbol in aspirated)


def test_pauses_stand_around_and_at_punctuation():
    utterance = utter("ja", "「はい、そう。」 さあ！？ ", rate=2.0)
    pauses = [phone.seconds for phone in utterance.phones if phone.symbol == PAUSE]
    assert pauses == pytest.approx([BEFORE / 2, 0.125, 0.225, AFTER / 2])
    assert [word.text for word in utterance.words] == ["", "はい", "", "そう", "", "さあ", ""]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ["", "   ", "。、…", '""'])
def test_empty_text_is_told(language, text):
    with pytest.raises(BadInputError, match="holds no word"):
        utter(language, text)


@pytest.mark.parametrize(
    ("language", "text", "told"),
    [
        ("ja", "さくら 北風", "'北' at position 5"),
        ("ja", "ab", "'a' at position 1"),
        ("ja", "ーあ", "'ー' at position 1"),
        ("ja", "さ くら'- '", "at position 8"),
        ("ja", "-", "'-' at position 1"),
        ("ja", "き'ょうと", "'ょ' at position 3"),
        ("zh", "ni3 好", "'好' at position 5"),
        ("zh", "ni3 hao", "'hao' at position 5 of the text has no tone"),
        ("zh", "fi3", "'fi' at position 1 of the text is not one syllable"),
        ("zh", "ma7", "no tone"),
        ("zh", "3", "'3' at position 1"),
        ("zh", "İ3", "at position"),
        ("zh", "'", "at position 1"),
        ("en", "the café", "'é' at position 8"),
        ("en", "İ", "at position 1"),
        ("en", "the xylophone", r"'xylophone' at position 5 .*english_words\.py"),
        ("en", "-", "'-' at position 1"),
        ("fr", "oui", "choose one of ja, zh, en"),
    ],
)
def test_what_cannot_be_said_is_told(language, text, told):
    with pytest.raises(BadInputError, match=told):
        utter(language, text)


@settings(deadline=None)
@given(st.sampled_from(LANGUAGES), st.text(max_size=20))
def test_any_text_is_said_or_told(language, text):
    try:
        utterance = utter(language, text)
    except BadInputError:
        return
    assert utterance.seconds > BEFORE + AFTER


@pytest.mark.parametrize("rate", [0.0, -1.0, 0.2, 5.0, float("nan"), float("inf")])
def test_rates_out_of_reach_are_told(rate):
    with pytest.raises(BadInputError, match="rate"):
        utter("ja", "さくら", rate)


@pytest.mark.parametrize("language", LANGUAGES)
def test_north_wind_can_be_said(language):
    lengths = [utter(language, text).seconds for text in NORTH_WIND[language]]
    assert len(lengths) >= 5
    assert min(lengths) > 2
    assert 25 < sum(lengths) < 60


@pytest.mark.parametrize("language", LANGUAGES)
def test_made_up_sentences_cover_the_language(language):
    random = np.random.default_rng(7)
    utterances = [utter(language, sentence(language, random, 4.0)) for _ in range(200)]
    assert {phone.symbol for utterance in utterances for phone in utterance.phones} == PHONES[language] | {PAUSE}
    assert max(abs(utterance.seconds - 4.0) for utterance in utterances) < 1.5
    assert len({utterance.text for utterance in utterances}) > 190


@pytest.mark.parametrize("language", LANGUAGES)
def test_made_up_sentences_are_as_long_as_asked_and_come_from_the_seed(language):
    for seconds in (3.0, 8.0, 20.0):
        first, second = (sentence(language, np.random.default_rng(3), seconds) for _ in range(2))
        assert first == second
        assert utter(language, first).seconds == pytest.approx(seconds, abs=1.5)
    with pytest.raises(BadInputError, match="cannot be made"):
        sentence(language, np.random.default_rng(3), float("nan"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_option_of_the_grammar_can_be_said(language):
    for name, options in GRAMMARS[language].items():
        for option in options:
            assert set(re.findall(r"<(\w+)>", option)) <= set(GRAMMARS[language])
            words = re.sub(r"<\w+>", "", option).strip(" 、。？,.?")
            assert not words or utter(language, words), name
