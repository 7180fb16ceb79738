"""Praat's TextGrids: what was said when, in tiers of intervals and points."""

from __future__ import annotations

import codecs
import contextlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from seido.errors import BadInputError
from seido.files import require_file, write_bytes

_ROUNDING = 1e-6
"""Seconds by which programs that round their times let one interval run into the next."""
_TOKEN = re.compile(r'"(?P<text>(?:[^"]|"")*+)"|<(?P<flag>\w+)>|!(?P<comment>[^\n]*)|(?P<word>\S+)')
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True)
class Interval:
    """A labelled stretch of time: from `start` to `end`, seconds. Silence has the text ""."""

    start: float
    end: float
    text: str

    def __post_init__(self) -> None:
        _check_text(self.text)
        if not (math.isfinite(self.end) and 0 <= self.start < self.end):
            raise BadInputError(f"interval {self.text!r} cannot last from {self.start} s to {self.end} s")


@dataclass(frozen=True)
class Point:
    """A labelled moment: `time` in seconds."""

    time: float
    text: str

    def __post_init__(self) -> None:
        _check_text(self.text)
        if not 0 <= self.time < math.inf:
            raise BadInputError(f"point {self.text!r} cannot stand at {self.time} s")


@dataclass(frozen=True)
class Tier:
    """Intervals in order, none overlapping another; between them there may be gaps."""

    name: str
    intervals: tuple[Interval, ...]

    def __post_init__(self) -> None:
        _check_text(self.name)
        for one, other in pairwise(self.intervals):
            if other.start < one.end:
                raise BadInputError(
                    f"tier {self.name!r}: interval {other.text!r} begins at {other.start} s, "
                    f"before {one.text!r} has ended at {one.end} s"
                )

    @property
    def end(self) -> float:
        """Seconds at which its last interval ends; 0 without any."""
        return self.intervals[-1].end if self.intervals else 0.0

    def filled(self, seconds: float) -> Tier:
        """Fill its gaps up to `seconds` with intervals without text, as Praat wants it."""
        out, at = [], 0.0
        for interval in self.intervals:
            if at < interval.start:
                out.append(Interval(at, interval.start, ""))
            out.append(interval)
            at = interval.end
        if at < seconds:
            out.append(Interval(at, seconds, ""))
        return Tier(self.name, tuple(out))


@dataclass(frozen=True)
class PointTier:
    """Points in order, no two at one time; Praat calls it a TextTier."""

    name: str
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        _check_text(self.name)
        for one, other in pairwise(self.points):
            if other.time <= one.time:
                raise BadInputError(
                    f"tier {self.name!r}: point {other.text!r} at {other.time} s does not follow {one.time} s"
                )

    @property
    def end(self) -> float:
        """Seconds of its last point; 0 without any."""
        return self.points[-1].time if self.points else 0.0

    def filled(self, _: float) -> PointTier:
        """Return it as it is: points leave no gaps."""
        return self


@dataclass(frozen=True)
class TextGrid:
    """Tiers over one recording that begins at 0 and lasts `seconds`; raises BadInputError for what lies outside."""

    seconds: float
    tiers: tuple[Tier | PointTier, ...]

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf:
            raise BadInputError(f"a TextGrid cannot last {self.seconds} s")
        for tier in self.tiers:
            if tier.end > self.seconds:
                raise BadInputError(
                    f"tier {tier.name!r} reaches to {tier.end} s, but its TextGrid lasts {self.seconds} s"
                )

    def tier(self, name: str) -> Tier | PointTier:
        """Look up the first tier of that name; raises BadInputError when there is none."""
        for tier in self.tiers:
            if tier.name == name:
                return tier
        raise BadInputError(f"there is no tier {name!r}: the TextGrid has {[tier.name for tier in self.tiers]}")

    def filled(self) -> TextGrid:
        """Fill the gaps of all tiers with intervals without text; what is written and read again is this."""
        return TextGrid(self.seconds, tuple(tier.filled(self.seconds) for tier in self.tiers))


def write_textgrid(path: Path, grid: TextGrid) -> None:
    """Write a TextGrid as Praat does (long text format, UTF-8), whole or not at all.

    Gaps become intervals without text. Same grid, same bytes. Raises OutputError.
    """
    write_bytes(path, "".join(f"{line}\n" for line in _lines(grid.filled())).encode())


def read_textgrid(path: Path) -> TextGrid:
    """Read a TextGrid in Praat's long or short text format: UTF-8, UTF-16 with its mark, or Latin-1.

    Times are kept, so one cut out of the middle of a recording begins with a gap. Intervals that overlap by
    a microsecond of rounding are mended. Raises BadInputError naming the file and the line.
    """
    return _Reader(path, _decoded(path)).grid()


def _lines(grid: TextGrid) -> Iterator[str]:
    # The spaces at the ends of lines are Praat's.
    extent = ("xmin = 0 ", f"xmax = {_number(grid.seconds)} ")
    yield from ('File type = "ooTextFile"', 'Object class = "TextGrid"', "", *extent)
    yield from ("tiers? <exists> ", f"size = {len(grid.tiers)} ", "item []: ")
    for number, tier in enumerate(grid.tiers, 1):
        kind, rows = ("TextTier", _points(tier)) if isinstance(tier, PointTier) else ("IntervalTier", _intervals(tier))
        yield f"    item [{number}]:"
        for line in (f'class = "{kind}" ', f'name = "{_escaped(tier.name)}" ', *extent, *rows):
            yield f"        {line}"


def _intervals(tier: Tier) -> Iterator[str]:
    yield f"intervals: size = {len(tier.intervals)} "
    for number, interval in enumerate(tier.intervals, 1):
        yield f"intervals [{number}]:"
        yield f"    xmin = {_number(interval.start)} "
        yield f"    xmax = {_number(interval.end)} "
        yield f'    text = "{_escaped(interval.text)}" '


def _points(tier: PointTier) -> Iterator[str]:
    yield f"points: size = {len(tier.points)} "
    for number, point in enumerate(tier.points, 1):
        yield f"points [{number}]:"
        yield f"    number = {_number(point.time)} "
        yield f'    mark = "{_escaped(point.text)}" '


def _number(value: float) -> str:
    """Write a number as Praat does: the fewest digits from 15 on that read back as the same number."""
    for digits in (15, 16):
        text = f"{value:.{digits}g}"
        if float(text) == value:
            return text
    return f"{value:.17g}"


def _escaped(text: str) -> str:
    return text.replace('"', '""')


def _check_text(text: str) -> None:
    if "\r" in text or "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise BadInputError(
            f"label {text!r} holds a carriage return, a NUL or half a character, which Praat cannot read"
        )


def _decoded(path: Path) -> str:
    data = require_file(path).read_bytes()
    mark, encoding = next(((mark, name) for mark, name in _BOMS if data.startswith(mark)), (b"", ""))
    try:
        text = data[len(mark) :].decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding:
            raise BadInputError(f"{path}: its {encoding.upper()} text is damaged; save it again with Praat") from error
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


class _Reader:
    """Praat's way to read text: numbers, "texts" and <flags> count, other words are comments."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text
        self.line = 1
        self.at = 0
        self.tokens = _TOKEN.finditer(text)

    def grid(self) -> TextGrid:
        kind = [self.string("the file's type"), self.string("the object's class")]
        if not kind[0].startswith("ooTextFile") or kind[1] != "TextGrid":
            raise self.error(f"this is no TextGrid but {' '.join(kind)!r}; save one with Praat as a text file")
        self.number("xmin")
        seconds = self.number("xmax")
        tiers: list[Tier | PointTier] = []
        if self.next("flag", "<exists>") == "exists":
            for _ in range(self.count("tiers")):
                tier, end = self.tier()
                tiers.append(tier)
                seconds = max(seconds, end)
        with self.naming_the_line():
            return TextGrid(seconds, tuple(tiers))

    def tier(self) -> tuple[Tier | PointTier, float]:
        kind, name = self.string("a tier's class"), self.string("a tier's name")
        self.number("xmin")
        end = self.number("xmax")
        tier: Tier | PointTier
        with self.naming_the_line():
            if kind == "IntervalTier":
                tier = Tier(name, self.intervals())
            elif kind == "TextTier":
                tier = PointTier(name, self.points())
            else:
                raise BadInputError(f"there is no kind of tier called {kind!r}; use IntervalTier or TextTier")
        return tier, max(end, tier.end)

    def intervals(self) -> tuple[Interval, ...]:
        out: list[Interval] = []
        for _ in range(self.count("intervals")):
            start, end = self.number("an interval's xmin"), self.number("an interval's xmax")
            text, last = self.string("an interval's text"), out[-1].end if out else 0.0
            if 0 < last - start < _ROUNDING:
                start = last
            if start < last:
                raise self.error(f"interval {text!r} begins at {start} s, before the one before it has ended")
            with self.naming_the_line():
                out.append(Interval(start, end, text))
        return tuple(out)

    def points(self) -> tuple[Point, ...]:
        out: list[Point] = []
        for _ in range(self.count("points")):
            time, text = self.number("a point's time"), self.string("a point's mark")
            with self.naming_the_line():
                out.append(Point(time, text))
        return tuple(out)

    def count(self, what: str) -> int:
        number = self.number(f"the number of {what}")
        if number < 0 or not number.is_integer():
            raise self.error(f"{number} is no number of {what}; save it again with Praat")
        return int(number)

    def number(self, what: str) -> float:
        return float(self.next("word", what))

    def string(self, what: str) -> str:
        return self.next("text", what).replace('""', '"')

    def next(self, kind: str, what: str) -> str:
        for token in self.tokens:
            self.line += self.text.count("\n", self.at, token.start())
            self.at = token.start()
            word = token["word"]
            if word is not None and word.startswith('"'):
                raise self.error("the text that begins there has no closing quotation mark; save it again with Praat")
            if token["comment"] is not None or (word is not None and not _NUMBER.fullmatch(word)):
                continue
            if token.lastgroup != kind:
                raise self.error(f"{what} is expected there, not {token[0][:40]!r}; save it again with Praat")
            return str(token[kind])
        self.line += self.text.count("\n", self.at)
        raise self.error(f"it ends where {what} is expected; it was cut off, so copy it again")

    @contextlib.contextmanager
    def naming_the_line(self) -> Iterator[None]:
        try:
            yield
        except _LineNamedError:
            raise
        except BadInputError as error:
            raise self.error(str(error)) from error

    def error(self, sentence: str) -> BadInputError:
        return _LineNamedError(f"{self.path}, line {self.line}: {sentence}")


class _LineNamedError(BadInputError):
    """Says already which file and line it is about."""
