"""What is said: words, their phones in order, how long each lasts and where its pitch goes; no speaker yet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from seido.errors import BadInputError

Language = Literal["ja", "zh", "en"]
LANGUAGES: tuple[Language, ...] = ("ja", "zh", "en")
Manner = Literal["vowel", "stop", "affricate", "fricative", "nasal", "approximant", "lateral", "tap", "pause"]
Place = Literal[
    "",
    "bilabial",
    "labiodental",
    "dental",
    "alveolar",
    "postalveolar",
    "retroflex",
    "palatal",
    "velar",
    "uvular",
    "glottal",
]
PAUSE = "_"
"""The phone of silence, before, between and after phrases."""


def require_language(language: str) -> None:
    """Check that the phantom speaks a language; raises BadInputError."""
    if language not in LANGUAGES:
        raise BadInputError(f"language {language!r} is not known: choose one of {', '.join(LANGUAGES)}")


@dataclass(frozen=True)
class Sound:
    """What kind of sound a phone is."""

    manner: Manner
    place: Place = ""
    voiced: bool = True
    aspirated: bool = False


@dataclass(frozen=True)
class Phone:
    """One sound of an utterance, by its IPA symbol: ɯ, tɕ, tɕʰ, ɴ, aː is written as a with twice the time."""

    symbol: str
    seconds: float
    pitch: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Semitones above the speaker's mean at its beginning, middle and end."""
    palatalised: bool = False
    """Spoken with the tongue body already raised, like the k of きゃ."""

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 5 or not all(math.isfinite(value) and abs(value) <= 24 for value in self.pitch):
            raise BadInputError(f"phone {self.symbol!r}: {self.seconds} s with pitch {self.pitch} cannot be spoken")


@dataclass(frozen=True)
class Word:
    """A word as written, and its phones; a pause is a word without text."""

    text: str
    phones: tuple[Phone, ...]


@dataclass(frozen=True)
class Utterance:
    """Words in order; what text becomes and what gestures are made from."""

    language: Language
    text: str
    words: tuple[Word, ...]

    def __post_init__(self) -> None:
        require_language(self.language)
        if not any(word.phones for word in self.words):
            raise BadInputError(f"{self.text!r}: there is nothing to say in it")

    @property
    def phones(self) -> tuple[Phone, ...]:
        """All phones in order."""
        return tuple(phone for word in self.words for phone in word.phones)

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return sum(phone.seconds for phone in self.phones)
