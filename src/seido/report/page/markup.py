"""HTML and SVG by hand: escaped text, elements, figures as they are printed, and data URIs."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable

from seido.report.page.data import Better, Measure, Value

VOID = {"img", "input", "meta", "br", "wbr"}
SHAPES = {"line", "circle", "rect", "path", "polyline", "polygon"}
MINUS = "−"
UNDEFINED = "–"
ARROWS: dict[Better, str] = {"higher": "↑", "lower": "↓", "one": "→ 1", "zero": "→ 0"}
WORDS: dict[Better, str] = {
    "higher": "higher is better",
    "lower": "lower is better",
    "one": "nearest to 1 is best",
    "zero": "nearest to 0 is best",
}


class Html(str):
    """Markup that is ready for the page; any other text is escaped when it is put into an element."""

    __slots__ = ()


def element(tag: str, *children: str | None, **attributes: object) -> Html:
    """Make an element: text is escaped, markup stays, None is left out; `class_` is class, `aria_x` is aria-x.

    >>> element("td", "a < b", class_="n", title='"', hidden=True, id=None)
    '<td class="n" title="&quot;" hidden>a &lt; b</td>'
    """
    written = ""
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        key = name.rstrip("_").replace("_", "-")
        written += f" {key}" if value is True else f' {key}="{html.escape(str(value))}"'
    if tag in VOID:
        return Html(f"<{tag}{written}>")
    if tag in SHAPES and not children:
        return Html(f"<{tag}{written}/>")
    return Html(f"<{tag}{written}>{join(children)}</{tag}>")


def join(children: Iterable[str | None], between: str = "") -> Html:
    """Put markup and text, which is escaped, one after another.

    >>> join(["<", Html("<br>"), None])
    '&lt;<br>'
    """
    return Html(between.join(text(child) for child in children if child is not None))


def text(value: str) -> Html:
    """Escape text; leave markup as it is."""
    return value if isinstance(value, Html) else Html(html.escape(value))


def number(value: float | None, digits: int, *, signed: bool = False) -> str:
    """Print a figure with a true minus sign; – where it is undefined, and never −0.

    >>> number(-0.25, 2), number(-0.0001, 2), number(None, 2), number(0.5, 1, signed=True)
    ('−0.25', '0.00', '–', '+0.5')
    """
    if value is None:
        return UNDEFINED
    printed = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if not printed.strip("+-0."):
        printed = printed.lstrip("+-")
    return printed.replace("-", MINUS)


def spelled(value: Value, measure: Measure) -> str:
    """Print a value in full: mean [low, high] unit.

    >>> spelled(Value(0.5, 0.25, 0.75), Measure("a", "A", "higher", 2, "mm"))
    '0.50 [0.25, 0.75] mm'
    """
    printed = number(value.mean, measure.digits)
    if value.mean is not None and value.low is not None and value.high is not None:
        printed += f" [{number(value.low, measure.digits)}, {number(value.high, measure.digits)}]"
    return printed + (f" {measure.unit}" if measure.unit and value.mean is not None else "")


def heading(measure: Measure) -> str:
    """Head a column: title, unit and arrow.

    >>> heading(Measure("lag", "lag", "zero", 0, "ms"))
    'lag, ms → 0'
    """
    return f"{measure.title}{f', {measure.unit}' if measure.unit else ''} {ARROWS[measure.better]}"


def data_uri(kind: str, content: bytes) -> str:
    """Put bytes into an address that needs no file.

    >>> data_uri("text/plain", b"a")
    'data:text/plain;base64,YQ=='
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
