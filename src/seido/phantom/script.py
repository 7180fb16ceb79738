"""Who says what: the lines of a phantom corpus, all decided by its options before anything is made."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, cast

import numpy as np

from seido.errors import BadInputError
from seido.phantom.anatomy import SPEAKERS, Anatomy, speaker
from seido.phantom.grammar import LONGEST, SHORTEST, sentence
from seido.phantom.texts import NORTH_WIND
from seido.phantom.utterance import LANGUAGES, Language, require_language

CAST = ("M1", "F1", "A1", "M2", "F2", "M3", "F3", "A2", "M4", "F4", "A3", "M5", "F5", "M6", "F6", "A4")
"""The speakers in the order they join a corpus: a small one has men, women and adolescents too."""
FAST, SLOW = Fraction(2717, 100), Fraction(1384, 100)
"""Frames per second of the two halves of the cast, as in the corpus the phantom stands in for."""
NOBODY = "none"


@dataclass(frozen=True)
class PhantomOptions:
    """What a phantom corpus holds."""

    speakers: int = 8
    """Speakers to train on, 0 to 16, each a deformation of the engine's own."""
    skip: int = 0
    """Speakers of the cast to leave out before them: with 8, those who are not in a corpus of 8."""
    utterances: int = 40
    """Utterances of each speaker."""
    languages: str = ",".join(LANGUAGES)
    """Languages spoken in turn: ja, zh, en."""
    unseen: str = "W"
    """Speaker who reads "The North Wind and the Sun" for another scanner, or none."""
    seconds: float = 5.0
    """Length that utterances should be near."""
    seed: int = 0
    """Decides the sentences, the noise and the drift of heads."""
    layout: Literal["rtmridb", "75speaker"] = "rtmridb"
    """Corpus whose files and folders are imitated."""
    sound: Literal["noisy", "clean"] = "noisy"
    """noisy: speech in the scanner's noise, as recorded; clean: as at the lips. The truth has it clean in any case."""
    snr: float = 0.0
    """Decibels of speech above the scanner's noise."""

    def __post_init__(self) -> None:
        if not 0 <= self.speakers <= len(CAST):
            raise BadInputError(f"{self.speakers} speakers cannot be had: the phantom has up to {len(CAST)}")
        if not 0 <= self.skip <= len(CAST) - self.speakers:
            raise BadInputError(
                f"{self.speakers} speakers after {self.skip} cannot be had: the phantom has {len(CAST)} in all"
            )
        if not 1 <= self.utterances <= 10_000:
            raise BadInputError(f"{self.utterances} utterances cannot be made: ask for 1 to 10000 of each speaker")
        if not SHORTEST <= self.seconds <= LONGEST:
            raise BadInputError(f"utterances of {self.seconds} s cannot be made: ask for {SHORTEST:g} to {LONGEST:g}")
        if self.seed < 0:
            raise BadInputError(f"the seed should be 0 or more, got {self.seed}")
        if not -60 <= self.snr <= 60:
            raise BadInputError(f"an SNR of {self.snr} dB is out of range: give −60 to 60")
        spoken = self.spoken
        if len(set(spoken)) < len(spoken):
            raise BadInputError(f"languages {self.languages!r} name one of them twice; name each once")
        if self.unseen != NOBODY and speaker(self.unseen).name in self.cast:
            raise BadInputError(f"speaker {self.unseen} is among those to train on, so is not unseen; choose W or none")
        if not self.speakers and self.unseen == NOBODY:
            raise BadInputError("a corpus of no speakers was asked for: give --speakers or --unseen")

    @property
    def cast(self) -> tuple[str, ...]:
        """The speakers to train on, by name."""
        return CAST[self.skip : self.skip + self.speakers]

    @property
    def spoken(self) -> tuple[Language, ...]:
        """The languages one by one."""
        names = [part.strip() for part in self.languages.split(",")]
        for name in names:
            require_language(name)
        return tuple(cast("Language", name) for name in names)

    @property
    def recordings(self) -> int:
        """How many recordings that makes."""
        return self.speakers * self.utterances + len(_fable(self))


@dataclass(frozen=True)
class Line:
    """One utterance to be recorded: by whom, of what, in which role, by which seed."""

    speaker: str
    language: Language
    number: int
    """Counts from 1 within speaker and language."""
    text: str
    frame_rate: Fraction
    unseen: bool
    seed: int

    @property
    def name(self) -> str:
        """What the recording is called, such as M1_ja_001."""
        return f"{self.speaker}_{self.language}_{self.number:03d}"

    @property
    def anatomy(self) -> Anatomy:
        """The speaker."""
        return SPEAKERS[self.speaker]

    def random(self, what: str) -> np.random.Generator:
        """Make the source of chance for one purpose, the same wherever and in whatever order lines are recorded."""
        return chance(self.seed, self.name, what)


def chance(seed: int, *words: str) -> np.random.Generator:
    """Make a random generator of its own for a seed and what it is for."""
    return np.random.default_rng([seed, *(byte for word in words for byte in (*word.encode(), 0))])


def script(options: PhantomOptions) -> list[Line]:
    """List all lines of a corpus, speaker by speaker: sentences for the cast, the fable for the unseen speaker."""
    lines: list[Line] = []
    for name in options.cast:
        rate = SLOW if CAST.index(name) % 2 else FAST
        for index in range(options.utterances):
            language = options.spoken[index % len(options.spoken)]
            number = index // len(options.spoken) + 1
            random = chance(options.seed, name, language, str(number))
            seconds = min(max(options.seconds * SPEAKERS[name].rate, SHORTEST), LONGEST)
            text = sentence(language, random, seconds)
            lines.append(Line(name, language, number, text, rate, unseen=False, seed=options.seed))
    return lines + _fable(options)


def _fable(options: PhantomOptions) -> list[Line]:
    """Take the fable's sentences, a language at a time in turn, up to as many as the others say."""
    if options.unseen == NOBODY:
        return []
    longest = max(len(NORTH_WIND[language]) for language in options.spoken)
    told = [
        Line(options.unseen, language, index + 1, NORTH_WIND[language][index], SLOW, unseen=True, seed=options.seed)
        for index in range(longest)
        for language in options.spoken
        if index < len(NORTH_WIND[language])
    ]
    return told[: options.utterances]
