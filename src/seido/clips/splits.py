"""Which part of the corpus a clip belongs to, chosen so that nothing heard or seen in training is tested."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Literal

from seido.errors import BadInputError
from seido.values import SPLITS

Shares = tuple[Fraction, Fraction, Fraction]
"""The fractions of a corpus that train, validate and test; they add up to 1."""
SplitBy = Literal["recording", "time", "sentence", "speaker"]
_SOUNDLESS = re.compile(r"[^\w]+")


def parse_shares(text: str) -> Shares:
    """Read "80/10/10" as shares of train, validation and test; raises BadInputError.

    >>> parse_shares("80/10/10")
    (Fraction(4, 5), Fraction(1, 10), Fraction(1, 10))
    """
    try:
        train, validation, test = (Fraction(part) for part in text.split("/"))
        total = train + validation + test
        if min(train, validation, test) < 0 or total <= 0:
            raise ValueError(text)
    except (ValueError, ZeroDivisionError):
        raise BadInputError(f"split {text!r} should be three shares like 80/10/10") from None
    return train / total, validation / total, test / total


@dataclass(frozen=True)
class Splitter:
    """How a corpus is divided."""

    shares: Shares
    by: SplitBy
    seed: int
    held_out: tuple[str, ...] = ()
    """Speakers who are tested only."""
    held_out_languages: tuple[str, ...] = ()
    """Languages that are tested only, whoever speaks them."""

    def key(self, recording: str, speaker: str, text: str) -> str:
        """Name what stays together: the recording, its speaker, or what is said in it."""
        if self.by == "speaker":
            return speaker
        return sentence_key(text) or recording if self.by == "sentence" else recording

    def part(self, key: str, speaker: str, position: Fraction, language: str = "") -> str:
        """Choose the part of a clip whose middle stands at `position` (0 … 1) of its recording."""
        if speaker in self.held_out or language in self.held_out_languages:
            return "test"
        return split_by_position(position, self.shares) if self.by == "time" else split_by_name(key, self)


def sentence_key(text: str) -> str:
    """Reduce a sentence to its letters, so that punctuation, case and spacing do not make it another.

    >>> sentence_key("The North Wind, and the Sun!") == sentence_key("the north wind and the sun")
    True
    """
    return _SOUNDLESS.sub(" ", text.casefold()).strip()


def split_by_name(name: str, splitter: Splitter) -> str:
    """Choose a part from the name of what stays together alone, so that it stays when recordings are added."""
    digest = hashlib.sha256(f"{splitter.seed}/{name}".encode()).digest()
    return split_by_position(Fraction(int.from_bytes(digest[:8]), 2**64), splitter.shares)


def split_by_position(position: Fraction, shares: Shares) -> str:
    """Choose the part that a position (0 … 1) falls in: train first, test last.

    >>> [split_by_position(Fraction(at, 10), parse_shares("60/20/20")) for at in (1, 5, 7, 9)]
    ['train', 'train', 'validation', 'test']
    """
    bounds = accumulate(shares)
    return next((name for name, bound in zip(SPLITS, bounds, strict=True) if position < bound), SPLITS[-1])
