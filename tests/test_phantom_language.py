"""Known words of the three languages, phone by phone."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seido.errors import BadInputError
from seido.phantom.english import english, pronunciations
from seido.phantom.japanese import MORA, japanese, morae
from seido.phantom.mandarin import CONTOURS, mandarin, spellings
from seido.phantom.utterance import PAUSE


def said(utterance):
    return " ".join(phone.symbol + ("ʲ" if phone.palatalised else "") for phone in utterance.phones)


@pytest.mark.parametrize(
    ("kana", "phones", "count"),
    [
        ("さくら", "s a k ɯ ɾ a", 3),
        ("きって", "k i t e", 3),
        ("がっこう", "g a k o", 4),
        ("さんぽ", "s a m p o", 3),
        ("しんぶん", "ɕ i m b ɯ ɴ", 4),
        ("りんご", "ɾ i ŋ g o", 3),
        ("にほんご", "n i h o ŋ g o", 4),
        ("ほんや", "h o ɴ j a", 3),
        ("ほん を", "h o ɴ o", 3),
        ("あんない", "a n n a i", 4),
        ("きょう", "kʲ o", 2),
        ("しゃしん", "ɕ a ɕ i ɴ", 3),
        ("ちゃ", "tɕ a", 1),
        ("ひゃく", "ç a k ɯ", 2),
        ("つづく", "ts ɯ z ɯ k ɯ", 3),
        ("じゅう", "dʑ ɯ", 2),
        ("せんせい", "s e ɴ s e", 4),
        ("ティー", "t i", 2),
        ("ファミリー", "ɸ a m i ɾ i", 4),
        ("ウィンク", "w i ŋ k ɯ", 3),
        ("チェス", "tɕ e s ɯ", 2),
        ("デュオ", "dʲ ɯ o", 2),
        ("ヴァイオリン", "b a i o ɾ i ɴ", 5),
        ("クァ", "k w a", 1),
        ("あっ", "a ʔ", 2),
        ("おも-う", "o m o ɯ", 3),
        ("ﾊﾟﾝ", "p a ɴ", 2),
        ("わたし は うみ へ", "w a t a ɕ i w a ɯ m i e", 7),
    ],
)
def test_japanese_words(kana, phones, count):
    utterance = japanese(kana)
    assert said(utterance) == phones
    assert utterance.seconds == pytest.approx(count * MORA)


def test_length_tells_japanese_words_apart():
    here = {phone.symbol: phone.seconds for phone in japanese("きって").phones}
    came = {phone.symbol: phone.seconds for phone in japanese("きて").phones}
    assert here["t"] == pytest.approx(came["t"] + MORA)
    short, long = japanese("おばさん").phones[2], japanese("おばーさん").phones[2]
    assert long.seconds == pytest.approx(short.seconds + MORA)
    assert said(japanese("おばあさん")) == said(japanese("おばさん"))


def vowel_pitches(utterance, vowels="aiɯeo"):
    return [phone.pitch[1] for phone in utterance.phones if phone.symbol in vowels]


def test_accent_tells_chopsticks_from_bridge():
    chopsticks, bridge, edge = (vowel_pitches(japanese(kana)) for kana in ("は'し が", "はし' が", "はし が"))
    assert chopsticks[0] > chopsticks[1] + 2
    assert bridge[0] + 2 < bridge[1] > bridge[2] + 2
    assert edge[0] + 2 < edge[1]
    assert abs(edge[1] - edge[2]) < 2


def test_pitch_falls_over_a_phrase_and_rises_to_a_question():
    flat = vowel_pitches(japanese("さくら が さくら が さくら"))
    assert max(flat[:4]) > max(flat[-4:])
    assert japanese("さくら？").phones[-1].pitch[2] > japanese("さくら。").phones[-1].pitch[2] + 3


@pytest.mark.parametrize(
    ("pinyin", "phones"),
    [
        ("ni3 hao3", "n i x ɑ u"),
        ("zhong1 guo2", "tʂ ʊ ŋ k w o"),
        ("lü4", "l y"),
        ("lv4", "l y"),
        ("er4", "ɚ"),
        ("Bei3jing1", "p e i tɕ i ŋ"),
        ("xi1'an1", "ɕ i a n"),
        ("zi4 shi4 ri4 ci4", "ts ɿ ʂ ʅ ɻ ʅ tsʰ ɿ"),
        ("qu4 xue2 yuan4", "tɕʰ y ɕ ɥ ɛ ɥ ɛ n"),
        ("pao3 bao3 tu4 du4 ke3 ge3", "pʰ ɑ u p ɑ u tʰ u t u kʰ ɤ k ɤ"),
        ("liu2 gui4 dun4 you3 wei4 wen4", "l j o u k w e i t w ə n j o u w e i w ə n"),
        ("yan2 xiong2 weng1", "j ɛ n ɕ j ʊ ŋ w ə ŋ"),
        ("ma1 ma5 ma0", "m a m a m a"),
    ],
)
def test_mandarin_syllables(pinyin, phones):
    assert said(mandarin(pinyin)) == phones


def movement(utterance, index):
    pitch = utterance.phones[index].pitch
    return pitch[2] - pitch[0]


def test_mandarin_tones_move_as_told():
    level, rising, dipping, falling = (mandarin(f"ma{tone} ma1") for tone in (1, 2, 3, 4))
    assert abs(movement(level, 1)) < 0.5
    assert movement(rising, 1) > 3
    assert movement(dipping, 1) < -1
    assert movement(falling, 1) < -6
    assert min(pitch for pitch in dipping.phones[1].pitch) < CONTOURS[3][0]
    alone = mandarin("ma3").phones[1]
    assert alone.pitch[1] < min(alone.pitch[0], alone.pitch[2])
    assert mandarin("ma1 ma5").phones[3].seconds < mandarin("ma1 ma1").phones[3].seconds


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("ni3 hao3 ma1", "ni2 hao3 ma1"),
        ("bu4 shi4 ma1", "bu2 shi4 ma1"),
        ("yi1 ge4 ma1", "yi2 ge4 ma1"),
        ("yi1 tian1", "yi4 tian1"),
    ],
)
def test_mandarin_tone_sandhi(written, spoken):
    assert [phone.pitch for phone in mandarin(written).phones] == [phone.pitch for phone in mandarin(spoken).phones]


@pytest.mark.parametrize("kept", ["ni3, hao3", "di4 yi1 tian1", "bu4 gao1"])
def test_mandarin_tones_without_sandhi(kept):
    changed = kept.replace("3,", "2,").replace("yi1", "yi4").replace("bu4", "bu2")
    assert [phone.pitch for phone in mandarin(kept).phones] != [phone.pitch for phone in mandarin(changed).phones]


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("strength", "s t ɹ ɛ ŋ k θ"),
        ("think", "θ ɪ ŋ k"),
        ("About", "ə b a ʊ t"),
        ("water", "w ɔ ɾ ɚ"),
        ("take", "tʰ e ɪ k"),
        ("today", "tʰ ə d e ɪ"),
        ("sky", "s k a ɪ"),
        ("cloak", "kʰ l o ʊ k"),
        ("judge", "dʒ ʌ dʒ"),
        ("vision", "v ɪ ʒ ə n"),
        ("well-known", None),
        ("well-read", "w ɛ l ɹ i d"),
    ],
)
def test_english_words(word, phones):
    if phones is None:
        with pytest.raises(BadInputError, match=r"'known'.*english_words\.py"):
            english(word)
    else:
        assert said(english(word)) == phones


def test_english_list_is_large_and_every_word_can_be_said():
    assert len(pronunciations()) >= 400
    for word in pronunciations():
        assert PAUSE not in said(english(word))


def test_english_stress_is_high_and_long():
    about = english("about it").phones
    assert about[0].symbol == "ə"
    assert about[2].pitch[1] > about[0].pitch[1] + 1.5
    assert about[2].seconds > about[0].seconds
    assert english("water?").phones[-1].pitch[2] > english("water.").phones[-1].pitch[2] + 3


@st.composite
def kana_words(draw):
    first = draw(st.sampled_from(sorted(morae())))
    rest = draw(st.lists(st.sampled_from([*sorted(morae()), "ん", "っ", "ー", "'", "-"]), max_size=11))
    word = [first, *rest]
    # an accent mark may not part a kana from its small one
    split = (b == "'" and a[-1] + c[0] in morae() for a, b, c in zip(word, word[1:], word[2:], strict=False))
    assume(not any(split))
    return word


@settings(deadline=None)
@given(kana_words())
def test_every_mora_takes_the_same_time(word):
    written = "".join(word)
    # a small vowel of its own may join the kana before into one mora
    pairs = sum(a + b in morae() and len(b) == 1 and len(a) == 1 for a, b in pairwise(word))
    count = sum(part not in "'-" for part in word) - pairs
    utterance = japanese(written)
    assert utterance.seconds == pytest.approx(count * MORA)
    assert all(phone.seconds > 0 for phone in utterance.phones)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(spellings())), st.integers(0, 5)), min_size=1, max_size=8))
def test_pinyin_reads_the_same_in_one_word_or_many(syllables):
    written = [f"{spelling}{tone}" for spelling, tone in syllables]
    joined, parted = mandarin("".join(written)), mandarin("-".join(written))
    assert joined.phones == parted.phones
    assert said(mandarin(" ".join(written))) == said(joined)
    assert np.isfinite([phone.pitch for phone in joined.phones]).all()


def test_there_are_as_many_pinyin_syllables_as_dictionaries_list():
    assert 400 <= len(spellings()) <= 420
    assert {"lü", "nüe", "ju", "quan", "er", "zhuang", "weng", "shi", "si"} <= set(spellings())
    assert not {"bü", "jü", "fi", "gi", "zhü", "shong", "ueng"} & set(spellings())
