"""A document of headings, paragraphs, tables and figures, written as Markdown and as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from seido.report.page.markup import Html, data_uri, element, join, text

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'"
"""The page runs nothing and asks no host for anything."""


@dataclass(frozen=True)
class Cell:
    """What stands in a table; strong where it is the best of its column, or fails."""

    words: str
    strong: bool = False


@dataclass(frozen=True)
class Heading:
    """A section's name."""

    words: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Sentences."""

    words: str


@dataclass(frozen=True)
class Listing:
    """Short sentences, one under another."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table with a caption; the first column names the rows."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    words: bool = False
    """Whether it holds words rather than figures."""


@dataclass(frozen=True)
class Figure:
    """A picture or a drawing with its caption: a PNG or SVG file beside the page, or, in HTML, in it."""

    caption: str
    path: Path
    """Where the file is, in the page's folder."""
    drawing: Html | None = None
    """SVG, where it is one."""


Block = Heading | Paragraph | Listing | Table | Figure


def markdown(title: str, blocks: Sequence[Block], folder: Path) -> str:
    """Write a document as Markdown that also reads well as plain text; files are named relative to `folder`."""
    parts = [f"# {title}"]
    for block in blocks:
        match block:
            case Heading():
                parts.append(f"{'#' * block.level} {block.words}")
            case Paragraph():
                parts.append(block.words)
            case Listing():
                parts.append("\n".join(f"- {item}" for item in block.items))
            case Table():
                parts.append(f"**{block.caption}**\n\n{_pipes(block)}")
            case Figure():
                parts.append(f"![{block.caption}]({block.path.relative_to(folder).as_posix()})\n\n{block.caption}")
    return "\n\n".join(parts) + "\n"


def html(title: str, blocks: Sequence[Block]) -> str:
    """Write a document as one HTML file, opened straight from the disk: pictures are in it, all text is escaped."""
    style = files("seido.report.page").joinpath("page.css").read_text(encoding="utf-8")
    entries = [
        element("li", element("a", block.words, href=f"#{_identity(block.words)}"))
        for block in blocks
        if isinstance(block, Heading) and block.level == 2
    ]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Html(style)),
    )
    shown = element("header", element("h1", title), element("nav", element("ul", *entries), aria_label="Contents"))
    body = element("body", shown, element("main", *_sections(blocks)))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _sections(blocks: Sequence[Block]) -> list[Html]:
    sections: list[list[Html]] = [[]]
    for block in blocks:
        if isinstance(block, Heading) and block.level == 2:
            sections.append([])
        sections[-1].append(_element(block))
    return [element("section", *parts) for parts in sections if parts]


def _element(block: Block) -> Html:
    match block:
        case Heading():
            return element(f"h{block.level}", block.words, id=_identity(block.words))
        case Paragraph():
            return element("p", block.words)
        case Listing():
            return element("ul", *(element("li", item) for item in block.items))
        case Table():
            return _table(block)
        case Figure():
            shown = block.drawing or element(
                "img", src=data_uri("image/png", block.path.read_bytes()), alt=block.caption, style="max-width:100%"
            )
            return element("figure", shown, element("figcaption", block.caption))


def _table(block: Table) -> Html:
    head = element("tr", *(element("th", words, scope="col") for words in block.head))
    rows = [
        element(
            "tr",
            element("th", _told(row[0]), scope="row"),
            *(element("td", _told(cell)) for cell in row[1:]),
        )
        for row in block.rows
    ]
    kind = "figures index" if block.words else "figures"
    table = element("table", element("thead", head), element("tbody", *rows), class_=kind)
    wide = element("div", table, class_="wide", tabindex="0", role="region", aria_label=block.caption)
    return join([element("h3", block.caption), wide])


def _told(cell: Cell) -> Html:
    """Show a cell; an interval stands smaller under its mean."""
    mean, bracket, interval = cell.words.partition(" [")
    shown = element("strong", mean) if cell.strong else text(mean)
    return join([shown, Html(" "), element("small", f"[{interval}")]) if bracket else shown


def _pipes(block: Table) -> str:
    written = [
        [f"**{cell.words}**" if cell.strong else cell.words.replace("|", "/") for cell in row] for row in block.rows
    ]
    widths = [max(len(line[column]) for line in [block.head, *written]) for column in range(len(block.head))]
    lines = [block.head, ["-" * width for width in widths], *written]
    return "\n".join(
        "| " + " | ".join(words.ljust(width) for words, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def _identity(words: str) -> str:
    return "".join(sign if sign.isalnum() else "-" for sign in words.lower())
