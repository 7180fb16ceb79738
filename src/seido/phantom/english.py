"""English words from a list become phones of General American, with stress, aspiration and an intonation line.

Sources: Wells, Accents of English (1982); Ladefoged, A Course in Phonetics.
"""

from __future__ import annotations

import re
from functools import cache

from seido.errors import BadInputError
from seido.phantom.english_words import WORDS
from seido.phantom.prosody import Phrase, Segment, Spoken, assemble, phrases, unknown_character
from seido.phantom.utterance import Utterance

VOWELS = frozenset(["i", "ɪ", "e", "ɛ", "æ", "a", "ɑ", "ɔ", "o", "ʊ", "u", "ʌ", "ə", "ɚ"])
DIPHTHONGS = frozenset({"eɪ", "aɪ", "ɔɪ", "aʊ", "oʊ"})
"""Vowels with two targets; each becomes two phones."""
STRESSED, UNSTRESSED, SCHWA = 0.13, 0.07, 0.055
DIPHTHONG_SHARES = (0.75, 0.5)
"""Seconds of the two targets, in times of a plain vowel."""
CONSONANT_SECONDS = {
    **dict.fromkeys(("p", "t", "k"), 0.07),
    **dict.fromkeys(("pʰ", "tʰ", "kʰ"), 0.1),
    **dict.fromkeys(("b", "d", "g"), 0.06),
    **dict.fromkeys(("f", "θ", "s", "ʃ"), 0.1),
    **dict.fromkeys(("v", "ð", "z", "ʒ"), 0.07),
    **dict.fromkeys(("tʃ", "dʒ"), 0.1),
    **dict.fromkeys(("m", "n", "ŋ", "l", "ɹ", "j", "w", "h"), 0.065),
    "ɾ": 0.03,
}
SYMBOLS = VOWELS | frozenset(CONSONANT_SECONDS)
"""Every phone of the language."""
FINAL_LENGTHENING = 1.4
ACCENT, ONSET, FALL = 3.0, 1.0, -4.0
DECLINATION = -2.5
_SOUND = re.compile(r"[ˈˌ]?(?:tʃ|dʒ|eɪ|aɪ|ɔɪ|aʊ|oʊ|.)")


@cache
def pronunciations() -> dict[str, tuple[str, ...]]:
    """Return the phones of every word of the list, stress marks still before their vowels."""
    pairs = (entry.split("=") for entry in WORDS.split())
    return {word: tuple(_SOUND.findall(phones)) for word, phones in pairs}


def _aspirates(sounds: tuple[str, ...], index: int) -> bool:
    """Tell whether p, t or k begins the word or a stressed syllable, with no s before it."""
    if sounds[index] not in {"p", "t", "k"} or (index and sounds[index - 1] == "s"):
        return False
    onset_end = index + 1
    while onset_end < len(sounds) and sounds[onset_end] in {"l", "ɹ", "w", "j"}:
        onset_end += 1
    return onset_end < len(sounds) and (sounds[onset_end][0] == "ˈ" or index == 0)


def _segments(sounds: tuple[str, ...], final: bool) -> tuple[list[Segment], float | None]:
    """Return phones, and the seconds from their beginning to the middle of the accented vowel, if there is one."""
    segments: list[Segment] = []
    time, accent = 0.0, None
    last_vowel = max(index for index, sound in enumerate(sounds) if sound.strip("ˈˌ")[0] in VOWELS)
    for index, sound in enumerate(sounds):
        plain = sound.lstrip("ˈˌ")
        longer = FINAL_LENGTHENING if final and index >= last_vowel else 1.0
        if plain[0] in VOWELS:
            weak = SCHWA if plain == "ə" else UNSTRESSED
            seconds = longer * (weak if plain == sound else STRESSED)
            parts = DIPHTHONG_SHARES if plain in DIPHTHONGS else (1.0,)
            added = [Segment(symbol, seconds * part) for symbol, part in zip(plain, parts, strict=True)]
        else:
            symbol = plain + "ʰ" if _aspirates(sounds, index) else plain
            added = [Segment(symbol, longer * CONSONANT_SECONDS[symbol])]
        seconds = sum(segment.seconds for segment in added)
        if sound[0] == "ˈ":
            accent = time + seconds / 2
        segments += added
        time += seconds
    return segments, accent


def _words(phrase: Phrase) -> list[str]:
    found: list[str] = []
    for written, position in phrase.words:
        for offset, char in enumerate(written):
            if not (char.isascii() and char.isalpha()) and char not in "'-":
                cure = "write words in letters a to z"
                raise unknown_character("English", char, position + offset, cure)
        found += [word for word in written.lower().split("-") if word]
        for word in found:
            if word not in pronunciations():
                raise BadInputError(
                    f"the word {word!r} at position {position} of the text is not in the list: "
                    "choose another, or add it to seido/phantom/english_words.py"
                )
    if not found:
        raise unknown_character("a word", *phrase.words[0], "write one beside it")
    return found


def _spoken(phrase: Phrase) -> Spoken:
    spelled = _words(phrase)
    words: list[tuple[str, tuple[Segment, ...]]] = []
    accents: list[float] = []
    time = 0.0
    for index, word in enumerate(spelled):
        segments, accent = _segments(pronunciations()[word], index == len(spelled) - 1)
        words.append((word, tuple(segments)))
        accents += [] if accent is None else [time + accent]
        time += sum(segment.seconds for segment in segments)
    knots = [(0.0, ONSET)]
    for accent in accents:
        slope = ONSET + DECLINATION * accent / time
        knots += [(max(accent - 0.12, knots[-1][0] + 0.001), slope), (accent, slope + ACCENT)]
    end = 6.0 if phrase.asks else FALL
    knots.append((time, end))
    return Spoken(tuple(words), tuple(knots), phrase.pause)


def english(text: str, rate: float = 1.0) -> Utterance:
    """Say the words of the list in english_words; case does not matter and a hyphen parts two words.

    Diphthongs are two phones, p t k at the beginning of the word or of a stressed syllable are aspirated. Raises
    BadInputError for a word outside the list, other characters and text without words.
    """
    return assemble("en", text, [_spoken(phrase) for phrase in phrases(text)], rate)
