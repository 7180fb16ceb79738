"""Numbered pinyin becomes initials, finals and tones.

Sources: Duanmu, The Phonology of Standard Chinese (2007); for the tones Chao, A Grammar of Spoken Chinese (1968).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from seido.errors import BadInputError
from seido.phantom.prosody import Phrase, Segment, Spoken, assemble, phrases, unknown_character
from seido.phantom.utterance import Utterance

INITIALS = {
    "b": "p",
    "p": "pʰ",
    "m": "m",
    "f": "f",
    "d": "t",
    "t": "tʰ",
    "n": "n",
    "l": "l",
    "g": "k",
    "k": "kʰ",
    "h": "x",
    "j": "tɕ",
    "q": "tɕʰ",
    "x": "ɕ",
    "zh": "tʂ",
    "ch": "tʂʰ",
    "sh": "ʂ",
    "r": "ɻ",
    "z": "ts",
    "c": "tsʰ",
    "s": "s",
}
FINALS = {
    "a": "a",
    "o": "w o",
    "e": "ɤ",
    "ai": "a i",
    "ei": "e i",
    "ao": "ɑ u",
    "ou": "o u",
    "an": "a n",
    "en": "ə n",
    "ang": "ɑ ŋ",
    "eng": "ə ŋ",
    "ong": "ʊ ŋ",
    "er": "ɚ",
    "i": "i",
    "ia": "j a",
    "io": "j o",
    "ie": "j ɛ",
    "iao": "j ɑ u",
    "iu": "j o u",
    "ian": "j ɛ n",
    "in": "i n",
    "iang": "j ɑ ŋ",
    "ing": "i ŋ",
    "iong": "j ʊ ŋ",
    "u": "u",
    "ua": "w a",
    "uo": "w o",
    "uai": "w a i",
    "ui": "w e i",
    "uan": "w a n",
    "un": "w ə n",
    "uang": "w ɑ ŋ",
    "ueng": "w ə ŋ",
    "ü": "y",
    "üe": "ɥ ɛ",
    "üan": "ɥ ɛ n",
    "ün": "y n",
    "zi": "ɿ",
    "zhi": "ʅ",
}
_COMMON = "a e ai ao ou an en ang eng ong u uo ui uan un"
_PALATAL = "i ia ie iao iu ian in iang ing iong ü üe üan ün"
_VELAR = "a e ai ei ao ou an en ang eng ong u ua uo uai ui uan un uang"
COMBINATIONS = {
    "b": "a o ai ei ao an en ang eng i ie iao ian in ing u",
    "p": "a o ai ei ao ou an en ang eng i ie iao ian in ing u",
    "m": "a o e ai ei ao ou an en ang eng i ie iao iu ian in ing u",
    "f": "a o ei ou an en ang eng u",
    "d": f"{_COMMON} ei i ia ie iao iu ian ing",
    "t": "a e ai ei ao ou an ang eng ong i ie iao ian ing u uo ui uan un",
    "n": "a e ai ei ao ou an en ang eng ong i ie iao iu ian in iang ing u uo uan un ü üe",
    "l": "a o e ai ei ao ou an ang eng ong i ia ie iao iu ian in iang ing u uo uan un ü üe",
    "g": _VELAR,
    "k": _VELAR,
    "h": _VELAR,
    "j": _PALATAL,
    "q": _PALATAL,
    "x": _PALATAL,
    "zh": f"{_VELAR} zhi",
    "ch": "a e ai ao ou an en ang eng ong u ua uo uai ui uan un uang zhi",
    "sh": "a e ai ei ao ou an en ang eng u ua uo uai ui uan un uang zhi",
    "r": "e ao ou an en ang eng ong u ua uo ui uan un zhi",
    "z": f"{_COMMON} ei zi",
    "c": f"{_COMMON} ei zi",
    "s": f"{_COMMON} zi",
    "": "a o e ai ei ao ou an en ang eng er",
}
ALONE = {
    "yi": "i",
    "ya": "ia",
    "yo": "io",
    "ye": "ie",
    "yao": "iao",
    "you": "iu",
    "yan": "ian",
    "yin": "in",
    "yang": "iang",
    "ying": "ing",
    "yong": "iong",
    "wu": "u",
    "wa": "ua",
    "wo": "uo",
    "wai": "uai",
    "wei": "ui",
    "wan": "uan",
    "wen": "un",
    "wang": "uang",
    "weng": "ueng",
    "yu": "ü",
    "yue": "üe",
    "yuan": "üan",
    "yun": "ün",
}
"""Spellings of the finals that open with i, u or ü when no initial precedes."""
INITIAL_SECONDS = {
    **dict.fromkeys(("p", "t", "k"), 0.07),
    **dict.fromkeys(("pʰ", "tʰ", "kʰ"), 0.11),
    **dict.fromkeys(("m", "n", "l", "ɻ"), 0.07),
    **dict.fromkeys(("f", "x", "s", "ʂ", "ɕ"), 0.11),
    **dict.fromkeys(("ts", "tʂ", "tɕ"), 0.1),
    **dict.fromkeys(("tsʰ", "tʂʰ", "tɕʰ"), 0.13),
}
SYMBOLS = frozenset({*INITIAL_SECONDS, *(symbol for final in FINALS.values() for symbol in final.split())})
"""Every phone of the language."""
RHYME_SECONDS = {1: 0.17, 2: 0.17, 3: 0.17, 4: 0.15, 5: 0.09}
FINAL_THIRD_SECONDS = 0.21
CONTOURS = {1: (4.0, 4.0, 4.0), 2: (-1.5, 0.0, 4.0), 3: (-2.5, -5.0, -5.0), 4: (5.0, 1.0, -5.0)}
"""Semitones of the tones 55, 35, 21 and 51 at the beginning, middle and end of the rhyme."""
FINAL_THIRD = (-2.5, -5.0, 0.0)
NEUTRAL = {0: -1.0, 1: -1.0, 2: 0.0, 3: 1.5, 4: -4.0, 5: -3.0}
"""Semitones of the neutral tone by the tone before it (0: none)."""
DECLINATION = -2.0


@dataclass(frozen=True)
class Syllable:
    """An initial (empty for none), a final of FINALS, a tone 1 to 5, and whether it begins its word."""

    initial: str
    final: str
    tone: int
    opens_word: bool = False


def spellings() -> dict[str, tuple[str, str]]:
    """Return every pinyin syllable without its tone, with its initial and final."""
    table = {spelling: ("", final) for spelling, final in ALONE.items()}
    for initial, finals in COMBINATIONS.items():
        for final in finals.split():
            written = "i" if final in {"zi", "zhi"} else final
            table[initial + (written.replace("ü", "u") if initial in {"j", "q", "x"} else written)] = initial, final
    return table


_SPELLINGS = spellings()
_SYLLABLE = re.compile(r"([a-zü]+)([0-5]?)")


def _read(word: str, position: int) -> list[Syllable]:
    syllables: list[Syllable] = []
    index = 0
    plain = word.lower().replace("v", "ü")
    while index < len(plain):
        if plain[index] in "'-":
            index += 1
            continue
        match = _SYLLABLE.match(plain, index)
        if match is None:
            raise unknown_character(
                "pinyin", plain[index], position + index, "write syllables like bei3 with tones 1 to 5"
            )
        spelling, tone = match.groups()
        where = f"{spelling!r} at position {position + index} of the text"
        if not tone:
            raise BadInputError(f"the syllable {where} has no tone: write a number from 1 to 5 after it")
        if spelling not in _SPELLINGS:
            raise BadInputError(f"{where} is not one syllable of pinyin: write a tone number after each syllable")
        syllables.append(Syllable(*_SPELLINGS[spelling], int(tone) or 5, not syllables))
        index = match.end()
    if not syllables:
        raise unknown_character("a word", word[0], position, "write pinyin beside it")
    return syllables


def sandhi(syllables: list[Syllable]) -> list[Syllable]:
    """Change the tones of one phrase: 3+3 becomes 2+3; 不 (bu4) is 2 before 4; 一 (yi1) is 2 before 4, 4 before 1 to 3.

    不 and 一 change only where they begin a word, and 一 not after 第 (di4). Source: Chao (1968).
    """
    changed = list(syllables)
    for index, (here, following) in enumerate(pairwise(syllables)):
        spoken = (here.initial, here.final, here.tone)
        ordinal = index > 0 and replace(syllables[index - 1], opens_word=False) == Syllable("d", "i", 4)
        tone = here.tone
        negation = here.opens_word and spoken == ("b", "u", 4)
        if (here.tone == 3 and following.tone == 3) or (negation and following.tone == 4):
            tone = 2
        elif here.opens_word and spoken == ("", "i", 1) and following.tone < 5 and not ordinal:
            tone = 2 if following.tone == 4 else 4
        changed[index] = replace(here, tone=tone)
    return changed


def _rhyme(final: str, seconds: float) -> list[Segment]:
    symbols = FINALS[final].split()
    nucleus = next(index for index, symbol in enumerate(symbols) if symbol not in {"j", "w", "ɥ"})
    weights = [0.35 if index < nucleus else 1.0 if index == nucleus else 0.6 for index in range(len(symbols))]
    return [Segment(symbol, seconds * w / sum(weights)) for symbol, w in zip(symbols, weights, strict=True)]


def _spoken(phrase: Phrase) -> Spoken:
    read = [(word, _read(word, position)) for word, position in phrase.words]
    changed = iter(sandhi([syllable for _, syllables in read for syllable in syllables]))
    count = sum(len(syllables) for _, syllables in read)
    words: list[tuple[str, tuple[Segment, ...]]] = []
    knots: list[tuple[float, float]] = []
    time, index, before = 0.0, 0, 0
    for word, syllables in read:
        segments: list[Segment] = []
        for _ in syllables:
            syllable = next(changed)
            index += 1
            last_third = syllable.tone == 3 and index == count
            if syllable.initial:
                symbol = INITIALS[syllable.initial]
                segments.append(Segment(symbol, INITIAL_SECONDS[symbol]))
                time += INITIAL_SECONDS[symbol]
            seconds = FINAL_THIRD_SECONDS if last_third else RHYME_SECONDS[syllable.tone]
            segments += _rhyme(syllable.final, seconds)
            if syllable.tone == 5:
                contour = (NEUTRAL[before], NEUTRAL[before] - 0.5, NEUTRAL[before] - 1.0)
            else:
                contour = FINAL_THIRD if last_third else CONTOURS[syllable.tone]
            fall = 1.0 + DECLINATION * (index - 1) / count + (2.0 if phrase.asks and index == count else 0.0)
            # a new tone begins a little after the rhyme, so that it joins the tone before smoothly
            knots += [
                (time + part * seconds, level + fall) for part, level in zip((0.1, 0.5, 1.0), contour, strict=True)
            ]
            time += seconds
            before = syllable.tone
        words.append((word, tuple(segments)))
    return Spoken(tuple(words), tuple(knots), phrase.pause)


def mandarin(text: str, rate: float = 1.0) -> Utterance:
    """Read numbered pinyin: bei3 feng1 or bei3feng1, ü as ü or v, the neutral tone as 5 or 0.

    Spaces part words, punctuation parts phrases; tones change inside a phrase (see sandhi). Raises BadInputError for
    anything that is not pinyin with tones and for text without words.
    """
    return assemble("zh", text, [_spoken(phrase) for phrase in phrases(text)], rate)
