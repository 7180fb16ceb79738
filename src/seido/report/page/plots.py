"""Plots as inline SVG that take their colours from the page: dots with intervals, and lag curves."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seido.report.page.data import LagCurve, Measure, Predictor, Value
from seido.report.page.markup import WORDS, Html, element, heading, number, spelled

WIDTH = 540
RIGHT = 14
TOP = 8
BOTTOM = 40
CHARACTER = 6.4
"""Mean width of a character of 12 units."""
LABELS = (40.0, 170.0)
"""Least and most width of the labels on the left."""
CURVES_HEIGHT = 260
SIZE = 3.6
"""Half the height of a mark."""
INKS = 6
"""Colours that the style sheet tells apart, .ink-0 … .ink-5."""


@dataclass(frozen=True)
class Look:
    """How one predictor is drawn everywhere: its class in the style sheet, the shape of its mark, its dashes."""

    ink: str
    shape: int
    filled: bool
    dashes: str | None


def looks(predictors: Sequence[Predictor]) -> dict[str, Look]:
    """Give each predictor a colour, a shape and dashes, so that none is told by colour alone.

    Models have filled marks in colours, floors hollow grey marks, the ceiling an upright stroke.
    """
    chosen: dict[str, Look] = {}
    models = floors = 0
    for predictor in predictors:
        if predictor.kind == "model":
            chosen[predictor.name] = Look(f"ink-{models % INKS}", models % 5, True, None)
            models += 1
        elif predictor.kind == "floor":
            chosen[predictor.name] = Look("ink-floor", floors % 5, False, ("5 3", "2 3", "8 3 2 3", "1 4")[floors % 4])
            floors += 1
        else:
            chosen[predictor.name] = Look("ink-ceiling", 5, True, "12 3")
    return chosen


def legend(predictors: Iterable[Predictor], drawn: Mapping[str, Look]) -> Html:
    """List the predictors with their marks."""
    items = []
    for predictor in predictors:
        look = drawn[predictor.name]
        picture = element(
            "svg",
            element("line", x1=1, x2=25, y1=7, y2=7, class_="rule", stroke_dasharray=look.dashes),
            _mark(13, 7, look),
            class_=look.ink,
            viewBox="0 0 26 14",
            width=26,
            height=14,
            aria_hidden="true",
        )
        items.append(element("li", picture, predictor.name))
    return element("ul", *items, class_="legend")


def dots(
    title: str,
    measure: Measure,
    rows: Sequence[tuple[str, Mapping[str, Value]]],
    drawn: Mapping[str, Look],
) -> Html:
    """Draw a mark and a 95 % interval for each predictor at each label; labels run down, values to the right.

    What is undefined is not drawn. A line stands at 1 for measures that are best there, and at 0 where that is in view.
    """
    shown = [name for name in drawn if any(name in values for _, values in rows)]
    left = min(max(LABELS[0], 14 + CHARACTER * max((_wide(label) for label, _ in rows), default=0)), LABELS[1])
    step = max(20.0, 7.0 * len(shown) + 7)
    height = TOP + step * len(rows) + BOTTOM
    found = [value for _, values in rows for value in values.values()]
    ends = [end for value in found for end in (value.mean, value.low, value.high) if end is not None]
    axis = Axis.over([*ends, 1.0] if measure.better == "one" else ends, left, WIDTH - RIGHT)
    floor = height - BOTTOM
    parts = [
        element("rect", x=0, y=_n(TOP + step * at), width=WIDTH, height=_n(step), class_="band")
        for at in range(0, len(rows), 2)
    ]
    parts += axis.upright(TOP, floor, best=1.0 if measure.better == "one" else 0.0)
    parts.append(_word((left + WIDTH - RIGHT) / 2, height - 6, heading(measure), "title", "middle"))
    for at, (label, values) in enumerate(rows):
        middle = TOP + step * (at + 0.5)
        parts.append(_word(left - 8, middle + 4, _cut(label, left - 12), "label", "end"))
        for place, name in enumerate(shown):
            value = values.get(name)
            if value is not None and value.mean is not None:
                y = middle + 7.0 * (place - (len(shown) - 1) / 2)
                parts.append(_dot(axis, y, value, drawn[name], f"{label} · {name}: {spelled(value, measure)}"))
    about = f"{title}: {measure.title}, {WORDS[measure.better]}; the figures stand in the table that follows."
    return _plot(about, height, parts)


def curves(title: str, lines: Sequence[LagCurve], drawn: Mapping[str, Look], beside: Sequence[LagCurve] = ()) -> Html:
    """Draw motion correlation over lag, a line a predictor, with a mark at its highest point.

    The scale also holds the curves `beside`, so that plots of several conditions can be compared.
    """
    left, right, floor = 52.0, WIDTH - RIGHT - 8, CURVES_HEIGHT - BOTTOM
    every = [*lines, *beside]
    lags = [lag for line in every for lag in line.lags_ms]
    heights = [value for line in every for value in line.correlations if value is not None]
    across = Axis.over(lags, left, right, snug=True)
    down = Axis.over([*heights, 0.0], floor, TOP)
    parts = [*across.upright(TOP, floor, best=0.0), *down.level(left, right)]
    parts.append(_word((left + right) / 2, CURVES_HEIGHT - 6, "lag of the generated movie, ms", "title", "middle"))
    for line in lines:
        look = drawn[line.predictor]
        pieces = _pieces(line, across, down)
        strokes = [
            element("polyline", points=" ".join(piece), class_="curve", stroke_dasharray=look.dashes)
            for piece in pieces
        ]
        best = line.best
        told = line.predictor
        if best is not None:
            strokes.append(_mark(across.at(best[0]), down.at(best[1]), look))
            told += f": highest {number(best[1], 3)} at {number(best[0], 0, signed=True)} ms"
        parts.append(element("g", element("title", told), *strokes, class_=look.ink))
    about = f"{title}: motion correlation over lag; the figures stand in the table that follows."
    return _plot(about, CURVES_HEIGHT, parts)


@dataclass(frozen=True)
class Axis:
    """A straight scale from values to units of the drawing, with ticks at round values."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]
    digits: int

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float, *, snug: bool = False) -> Axis:
        """Make a scale that holds all values, with a little room beside them unless `snug`."""
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        if high - low < 1e-9:
            low, high = low - 0.5, high + 0.5
        if not snug:
            room = 0.04 * (high - low)
            low, high = low - room, high + room
        step, digits = _round_step((high - low) / 5)
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        return cls(low, high, start, end, tuple(index * step for index in range(first, last + 1)), digits)

    def at(self, value: float) -> float:
        """Place a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def upright(self, top: float, bottom: float, best: float) -> list[Html]:
        """Draw ticks from top to bottom with their values below; the line at `best` is stronger."""
        parts = []
        for tick in self.ticks:
            x = _n(self.at(tick))
            parts.append(element("line", x1=x, x2=x, y1=_n(top), y2=_n(bottom), class_=_rule(tick, best)))
            parts.append(_word(self.at(tick), bottom + 15, number(tick, self.digits), "tick", "middle"))
        return parts

    def level(self, left: float, right: float) -> list[Html]:
        """Draw ticks from left to right with their values before them; the line at 0 is stronger."""
        parts = []
        for tick in self.ticks:
            y = _n(self.at(tick))
            parts.append(element("line", x1=_n(left), x2=_n(right), y1=y, y2=y, class_=_rule(tick, 0.0)))
            parts.append(_word(left - 7, self.at(tick) + 4, number(tick, self.digits), "tick", "end"))
        return parts


def _rule(tick: float, best: float) -> str:
    return "grid best" if abs(tick - best) < 1e-9 else "grid"


def _round_step(rough: float) -> tuple[float, int]:
    power = math.floor(math.log10(rough))
    factor = next(factor for factor in (1, 2, 5, 10) if factor * 10.0**power >= rough * 0.999)
    return factor * 10.0**power, max(0, -power - (factor == 10))


def _pieces(line: LagCurve, across: Axis, down: Axis) -> list[list[str]]:
    """Cut a curve where it is undefined."""
    pieces: list[list[str]] = [[]]
    for lag, value in zip(line.lags_ms, line.correlations, strict=True):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{_n(across.at(lag))},{_n(down.at(value))}")
    return [piece for piece in pieces if piece]


def _dot(axis: Axis, y: float, value: Value, look: Look, told: str) -> Html:
    parts = [element("title", told)]
    if value.low is not None and value.high is not None:
        ends = {"x1": _n(axis.at(value.low)), "x2": _n(axis.at(value.high)), "y1": _n(y), "y2": _n(y)}
        parts.append(element("line", class_="interval", **ends))
    parts.append(_mark(axis.at(value.mean or 0.0), y, look))
    return element("g", *parts, class_=look.ink)


def _mark(x: float, y: float, look: Look) -> Html:
    kind = "mark" if look.filled else "mark hollow"
    r = SIZE
    if look.shape == 0:
        return element("circle", cx=_n(x), cy=_n(y), r=r - 0.2, class_=kind)
    corners = (
        ((-r, -r), (r, -r), (r, r), (-r, r)),
        ((0, -1.3 * r), (1.3 * r, 0), (0, 1.3 * r), (-1.3 * r, 0)),
        ((0, -1.2 * r), (1.2 * r, 0.9 * r), (-1.2 * r, 0.9 * r)),
        ((0, 1.2 * r), (1.2 * r, -0.9 * r), (-1.2 * r, -0.9 * r)),
        ((-0.25 * r, -1.3 * r), (0.25 * r, -1.3 * r), (0.25 * r, 1.3 * r), (-0.25 * r, 1.3 * r)),
    )[look.shape - 1]
    return element("polygon", points=" ".join(f"{_n(x + dx)},{_n(y + dy)}" for dx, dy in corners), class_=kind)


def _word(x: float, y: float, words: str, kind: str, anchor: str) -> Html:
    return element("text", words, x=_n(x), y=_n(y), class_=kind, text_anchor=anchor)


def _plot(about: str, height: float, parts: Sequence[Html]) -> Html:
    return element(
        "svg",
        *parts,
        class_="plot",
        role="img",
        aria_label=about,
        viewBox=f"0 0 {WIDTH} {_n(height)}",
        width=WIDTH,
        height=_n(height),
    )


def _wide(label: str) -> float:
    return sum(2.0 if unicodedata.east_asian_width(sign) in "WF" else 1.0 for sign in label)


def _cut(label: str, room: float) -> str:
    kept = label
    while kept and CHARACTER * _wide(kept) > room:
        kept = kept[:-1]
    return label if kept == label else f"{kept[:-1]}…"


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
