"""Text in one of three languages becomes an utterance, and every phone that can occur is told here."""

from __future__ import annotations

from seido.phantom import english, japanese, mandarin
from seido.phantom.prosody import pause
from seido.phantom.utterance import PAUSE, Language, Sound, Utterance, require_language

BEFORE, AFTER = 0.3, 0.4
"""Seconds of silence before and after an utterance, at rate 1."""

INVENTORY: dict[str, Sound] = {
    PAUSE: Sound("pause", voiced=False),
    **{vowel: Sound("vowel") for vowel in sorted("aeiouyæɑɔəɚɛɤɪɯɿʅʊʌ")},
    "p": Sound("stop", "bilabial", voiced=False),
    "pʰ": Sound("stop", "bilabial", voiced=False, aspirated=True),
    "b": Sound("stop", "bilabial"),
    "t": Sound("stop", "alveolar", voiced=False),
    "tʰ": Sound("stop", "alveolar", voiced=False, aspirated=True),
    "d": Sound("stop", "alveolar"),
    "k": Sound("stop", "velar", voiced=False),
    "kʰ": Sound("stop", "velar", voiced=False, aspirated=True),
    "g": Sound("stop", "velar"),
    "ʔ": Sound("stop", "glottal", voiced=False),
    "ts": Sound("affricate", "alveolar", voiced=False),
    "tsʰ": Sound("affricate", "alveolar", voiced=False, aspirated=True),
    "tʃ": Sound("affricate", "postalveolar", voiced=False),
    "dʒ": Sound("affricate", "postalveolar"),
    "tɕ": Sound("affricate", "postalveolar", voiced=False),
    "tɕʰ": Sound("affricate", "postalveolar", voiced=False, aspirated=True),
    "dʑ": Sound("affricate", "postalveolar"),
    "tʂ": Sound("affricate", "retroflex", voiced=False),
    "tʂʰ": Sound("affricate", "retroflex", voiced=False, aspirated=True),
    "ɸ": Sound("fricative", "bilabial", voiced=False),
    "f": Sound("fricative", "labiodental", voiced=False),
    "v": Sound("fricative", "labiodental"),
    "θ": Sound("fricative", "dental", voiced=False),
    "ð": Sound("fricative", "dental"),
    "s": Sound("fricative", "alveolar", voiced=False),
    "z": Sound("fricative", "alveolar"),
    "ʃ": Sound("fricative", "postalveolar", voiced=False),
    "ʒ": Sound("fricative", "postalveolar"),
    "ɕ": Sound("fricative", "postalveolar", voiced=False),
    "ʂ": Sound("fricative", "retroflex", voiced=False),
    "ç": Sound("fricative", "palatal", voiced=False),
    "x": Sound("fricative", "velar", voiced=False),
    "h": Sound("fricative", "glottal", voiced=False),
    "m": Sound("nasal", "bilabial"),
    "n": Sound("nasal", "alveolar"),
    "ŋ": Sound("nasal", "velar"),
    "ɴ": Sound("nasal", "uvular"),
    "w": Sound("approximant", "velar"),
    "j": Sound("approximant", "palatal"),
    "ɥ": Sound("approximant", "palatal"),
    "ɹ": Sound("approximant", "postalveolar"),
    "ɻ": Sound("approximant", "retroflex"),
    "l": Sound("lateral", "alveolar"),
    "ɾ": Sound("tap", "alveolar"),
}
"""Every phone of every language; g is the plain letter.

The alveolo-palatals ɕ tɕ tɕʰ dʑ stand under postalveolar, next to ʃ tʃ dʒ; their symbols tell them apart.
"""

PHONES: dict[Language, frozenset[str]] = {
    "ja": japanese.SYMBOLS,
    "zh": mandarin.SYMBOLS,
    "en": english.SYMBOLS,
}
"""The phones of each language, without the pause."""


def utter(language: Language, text: str, rate: float = 1.0) -> Utterance:
    """Say text in kana (ja), numbered pinyin (zh) or English words (en), with silence before, between and after.

    `rate` divides every duration. Raises BadInputError for an unknown language, for text without words, for characters
    or words the language does not cover, and for a rate outside 0.25 to 4.
    """
    require_language(language)
    say = {"ja": japanese.japanese, "zh": mandarin.mandarin, "en": english.english}[language]
    said = say(text, rate)
    return Utterance(language, text, (pause(BEFORE / rate), *said.words, pause(AFTER / rate)))
