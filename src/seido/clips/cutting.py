"""Where recordings are cut into clips, how frames are retimed, and which part each clip belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate, pairwise

from seido.errors import BadInputError
from seido.timebase import source_frame
from seido.values import SPLITS, Frame

Shares = tuple[Fraction, Fraction, Fraction]
"""The fractions of a corpus that train, validate and test; they add up to 1."""


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
    except ValueError:
        raise BadInputError(f"split {text!r} should be three shares like 80/10/10") from None
    return train / total, validation / total, test / total


def cut_evenly(frames: int, rate: Fraction, seconds: float) -> list[tuple[int, int]]:
    """Divide `frames` into clips as near to `seconds` as equal parts allow: (first frame, number of frames).

    >>> cut_evenly(660, Fraction(25), 5)
    [(0, 132), (132, 132), (264, 132), (396, 132), (528, 132)]
    """
    parts = max(1, round(frames / rate / Fraction(str(seconds))))
    edges = [frames * part // parts for part in range(parts + 1)]
    return [(first, last - first) for first, last in pairwise(edges)]


def retimed(frames: Iterator[Frame], source_rate: Fraction, rate: Fraction, count: int) -> Iterator[Frame]:
    """Show `count` frames at `rate`, each the source frame on screen at its middle; holds the last if short.

    Times are exact fractions, so an hour drifts no more than a second does: never over half a source frame.
    """
    at, current = -1, None
    for index in range(count):
        wanted = source_frame(index, rate, source_rate)
        while at < wanted:
            following = next(frames, None)
            if following is None:
                break
            at, current = at + 1, following
        if current is None:
            return
        yield current


def split_by_name(name: str, shares: Shares, seed: int) -> str:
    """Choose a recording's part from its name alone, so that it stays when recordings are added."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return _part(Fraction(int.from_bytes(digest[:8]), 2**64), shares)


def split_by_time(first: int, count: int, total: int, shares: Shares) -> str:
    """Choose a clip's part from where its middle stands in the recording: train first, test last.

    >>> shares = parse_shares("60/20/20")
    >>> [split_by_time(first, 10, 50, shares) for first in (0, 20, 30, 40)]
    ['train', 'train', 'validation', 'test']
    """
    return _part(Fraction(2 * first + count, 2 * total), shares)


def _part(position: Fraction, shares: Shares) -> str:
    bounds = accumulate(shares)
    return next((name for name, bound in zip(SPLITS, bounds, strict=True) if position < bound), SPLITS[-1])
