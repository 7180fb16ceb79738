"""What every language shares: text cut into phrases, and phones laid on a pitch line with pauses between."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from seido.errors import BadInputError
from seido.phantom.utterance import PAUSE, Language, Phone, Utterance, Word

SHORT_PAUSE = 0.25
LONG_PAUSE = 0.45
COMMAS = frozenset(",、;:・—–~〜")
STOPS = frozenset(".。!?…")
QUOTES = frozenset('「」『』()[]"“”«»')


@dataclass(frozen=True)
class Phrase:
    """Words said in one breath, each with the place of its first character in the text, counted from 1."""

    words: tuple[tuple[str, int], ...]
    pause: float
    """Seconds of silence that its punctuation asks for."""
    asks: bool
    """It ends with a question mark."""


@dataclass(frozen=True)
class Segment:
    """One phone before it has a pitch; seconds at rate 1."""

    symbol: str
    seconds: float
    palatalised: bool = False


@dataclass(frozen=True)
class Spoken:
    """One phrase as phones, with knots (seconds from its beginning, semitones) of its pitch line, in order of time."""

    words: tuple[tuple[str, tuple[Segment, ...]], ...]
    knots: tuple[tuple[float, float], ...]
    pause: float


def phrases(text: str) -> list[Phrase]:
    """Cut text at spaces into words and at punctuation into phrases.

    Wide and half-width forms are made plain first (Unicode NFKC), and places are counted after that. Raises
    BadInputError when no word is left.
    """
    plain = unicodedata.normalize("NFKC", text).replace("’", "'").replace("‘", "'")
    found: list[Phrase] = []
    words: list[tuple[str, int]] = []
    start = 0
    for end, char in enumerate(plain + "."):
        ends_phrase = char in COMMAS or char in STOPS
        if not (ends_phrase or char in QUOTES or char.isspace()):
            continue
        if start < end:
            words.append((plain[start:end], start + 1))
        start = end + 1
        if not ends_phrase or not (words or found):
            continue
        pause = LONG_PAUSE if char in STOPS else SHORT_PAUSE
        if words:
            found.append(Phrase(tuple(words), pause, char == "?"))
            words = []
        elif end < len(plain):
            # more punctuation after the same phrase, like 。」 or ?!
            last = found[-1]
            found[-1] = Phrase(last.words, max(last.pause, pause), last.asks or char == "?")
    if not found:
        raise BadInputError(f"the text {text!r} holds no word: write at least one")
    return found


def unknown_character(language: str, char: str, position: int, cure: str) -> BadInputError:
    """Return the error for a character that no table covers."""
    return BadInputError(f"character {char!r} at position {position} of the text is not {language}: {cure}")


def pause(seconds: float) -> Word:
    """Return a silence."""
    return Word("", (Phone(PAUSE, seconds),))


def assemble(language: Language, text: str, spoken: Iterable[Spoken], rate: float) -> Utterance:
    """Put phrases one after another, with pauses between but none at the ends, `rate` times as fast.

    Raises BadInputError when the rate is not between 0.25 and 4.
    """
    if not 0.25 <= rate <= 4:
        raise BadInputError(f"speaking rate {rate} is out of reach: choose one between 0.25 and 4")
    words: list[Word] = []
    silence = 0.0
    for phrase in spoken:
        if words:
            words.append(pause(silence / rate))
        silence = phrase.pause
        times, levels = zip(*phrase.knots, strict=True)
        time = 0.0
        for written, segments in phrase.words:
            phones = []
            for segment in segments:
                at = [time + part * segment.seconds for part in (0, 0.5, 1)]
                begin, middle, end = np.interp(at, times, levels).tolist()
                phones.append(Phone(segment.symbol, segment.seconds / rate, (begin, middle, end), segment.palatalised))
                time += segment.seconds
            words.append(Word(written, tuple(phones)))
    return Utterance(language, text, tuple(words))
