"""Build the report's page from its data: one HTML file, opened straight from the disk."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from pathlib import Path

from seido.files import write_bytes
from seido.report.page.data import PageData
from seido.report.page.export import tables_csv, to_json
from seido.report.page.markup import Html, data_uri, element, join, text
from seido.report.page.sections import sections

STYLES = ("page.css", "player.css", "print.css")
SCRIPTS = ("stretch.js", "player.js")


def page(data: PageData) -> str:
    """Make the page: HTML that asks no other host for anything, and whose own script is the only one that runs.

    All text is escaped, and a content security policy forbids scripts other than the page's own (by its SHA-256) and
    every connection.
    """
    script = "\n".join(_part(name) for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'"
    )
    shown = sections(data)
    body = join(
        element(
            "section",
            element("h2", element("a", title, href=f"#{identity}")),
            content,
            id=identity,
            aria_label=title,
        )
        for identity, title, content in shown
    )
    entries = [element("li", element("a", title, href=f"#{identity}")) for identity, title, _ in shown]
    contents = element("nav", element("ul", *entries), aria_label="Contents")
    filled = {
        "TITLE": text(data.title),
        "POLICY": policy,
        "STYLE": "\n".join(_part(name) for name in STYLES),
        "SCRIPT": script,
        "REMARKS": join(element("p", remark) for remark in data.remarks),
        "CONTENTS": contents,
        "BODY": body,
        "DOWNLOADS": _downloads(data),
    }
    # Split before filling: what is filled in is never searched for places to fill.
    pieces = _part("page.html").split("@@")
    return "".join(filled[piece] if at % 2 else piece for at, piece in enumerate(pieces))


def write_page(data: PageData, out: Path) -> tuple[Path, ...]:
    """Write report.html, report.json and a CSV file for each kind of table into a folder that is there.

    Each file is there whole or not at all; raises OutputError.
    """
    texts = {"report.html": page(data), "report.json": to_json(data), **tables_csv(data)}
    for name, content in texts.items():
        write_bytes(out / name, content.encode())
    return tuple(out / name for name in texts)


def _downloads(data: PageData) -> Html:
    tables = [("report.json", "application/json", to_json(data))]
    tables += [(name, "text/csv", content) for name, content in tables_csv(data).items()]
    links = [element("a", name, download=name, href=data_uri(kind, content.encode())) for name, kind, content in tables]
    return element(
        "p",
        "The same figures as files: ",
        join(links, ", "),
        ".",
        class_="downloads",
    )


def _part(name: str) -> str:
    return files("seido.report.page").joinpath(name).read_text(encoding="utf-8")
