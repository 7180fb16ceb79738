"""The sections of the page, each from the data it shows; a section without data is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seido.report.page.data import Grouped, PageData, ShownClip, Value
from seido.report.page.markup import Html, element, join
from seido.report.page.player import player
from seido.report.page.plots import Look, curves, dots, legend, looks
from seido.report.page.tables import ALL, facts, grouped, headline, lag_table, published, scrolling

RANKS = ("worst", "median", "best")


def sections(data: PageData) -> tuple[tuple[str, str, Html], ...]:
    """Make all sections that have something to show: (identity, title, content)."""
    drawn = looks(data.predictors)
    return tuple(
        (identity, title, content)
        for identity, title, content in (
            ("results", "Results", _figures(data)),
            ("conditions", "Conditions", _conditions(data, drawn)),
            *(
                (f"by-{at}", f"By {title.lower()}", _groups(data, title, drawn))
                for at, title in enumerate(_titles(data))
            ),
            ("lags", "Timing", _lags(data, drawn)),
            ("clips", "Clips", _clips(data)),
            ("evaluated", "What was evaluated", _evaluated(data)),
            ("notes", "How it was measured", _paragraphs(data.notes)),
        )
        if content
    )


def _figures(data: PageData) -> Html:
    lead = element(
        "p",
        "Mean over clips with its 95 % interval. Bold is the best row of a condition, the ceiling aside; where a row "
        "that needs no training is bold, no model beats it. – is undefined.",
    )
    noted = [(one.name, one.note) for one in data.predictors if one.note]
    return join(
        [lead, headline(data), facts(noted) if noted else None, *(published(table) for table in data.published)]
    )


def _conditions(data: PageData, drawn: Mapping[str, Look]) -> Html:
    told = facts([(condition.name, condition.text) for condition in data.conditions if condition.text])
    groups = []
    for measure in data.measures:
        rows: list[tuple[str, Mapping[str, Value]]] = []
        for condition in data.conditions:
            found = [row for row in data.table if row.condition == condition.name and measure.name in row.values]
            rows.append((condition.name or ALL, {row.predictor: row.values[measure.name] for row in found}))
        groups.append(Grouped("Condition", measure.name, tuple(row for row in rows if row[1])))
    return join([told, _plots(data, [group for group in groups if group.rows], drawn, tables=False)])


def _titles(data: PageData) -> list[str]:
    return list(dict.fromkeys(group.title for group in data.groups))


def _groups(data: PageData, title: str, drawn: Mapping[str, Look]) -> Html:
    return _plots(data, [group for group in data.groups if group.title == title and group.rows], drawn)


def _plots(data: PageData, groups: Sequence[Grouped], drawn: Mapping[str, Look], *, tables: bool = True) -> Html:
    if not groups:
        return Html()
    used = {name for group in groups for _, values in group.rows for name in values}
    figures = []
    for group in groups:
        measure = data.measure(group.measure)
        title = f"{measure.title} by {group.title.lower()}"
        caption = element(
            "figcaption",
            element("b", measure.title),
            f" · {group.condition}" if group.condition else None,
            element("span", f" {group.note}") if group.note else None,
        )
        figure = element("figure", caption, dots(title, measure, group.rows, drawn), class_="plotted")
        figures.append(element("div", figure, grouped(group, measure, data.predictors) if tables else None))
    key = legend([one for one in data.predictors if one.name in used], drawn)
    return join([key, element("div", *figures, class_="plots")])


def _lags(data: PageData, drawn: Mapping[str, Look]) -> Html:
    shown = [one for one in data.lags if one.curves]
    if not shown:
        return Html()
    every = [curve for one in shown for curve in one.curves]
    used = {curve.predictor for curve in every}
    lead = element(
        "p",
        "Motion correlation when the generated movie is shifted against the original. A peak right of 0 means that it "
        "comes late. The mark is the highest point.",
    )
    figures = [
        element(
            "div",
            element(
                "figure",
                element("figcaption", element("b", one.condition or ALL)),
                curves(one.condition, one.curves, drawn, every),
            ),
            lag_table(one),
        )
        for one in shown
    ]
    key = legend([one for one in data.predictors if one.name in used], drawn)
    return join([lead, key, element("div", *figures, class_="plots")])


def _clips(data: PageData) -> Html:
    if not data.clips:
        return Html()
    lead = element(
        "p",
        "Original, generated and difference side by side. In the difference mid-grey is agreement, bright is tissue "
        "that only the generated picture has, dark is tissue that it lacks. Click in the tracks to seek, on a phone or "
        "word to loop it; space plays, arrow keys step frames.",
    )
    numbered = list(enumerate(data.clips, start=1))
    groups = list(dict.fromkeys((clip.condition, clip.predictor) for clip in data.clips))
    rows = [
        element(
            "tr",
            element("th", " · ".join(part for part in group if part), scope="row"),
            *(
                element("td", join([_link(at, clip.name) for at, clip in numbered if _is_at(clip, group, rank)], " "))
                for rank in RANKS
            ),
        )
        for group in groups
    ]
    head = element("tr", element("th", "", scope="col"), *(element("th", rank, scope="col") for rank in RANKS))
    index = element("table", element("thead", head), element("tbody", *rows), class_="figures index")
    return join([lead, scrolling(index, "Clips by rank"), *(player(clip, at, data) for at, clip in numbered)])


def _is_at(clip: ShownClip, group: tuple[str, str], rank: str) -> bool:
    return (clip.condition, clip.predictor, clip.rank) == (*group, rank)


def _link(at: int, name: str) -> Html:
    return element("a", name, href=f"#clip-{at}")


def _evaluated(data: PageData) -> Html:
    parts = [element("div", element("h3", name), facts(pairs)) for name, pairs in data.models]
    if data.corpus:
        parts.append(element("div", element("h3", "Corpus"), facts(data.corpus)))
    return element("div", *parts, class_="cards") if parts else Html()


def _paragraphs(texts: Sequence[str]) -> Html:
    return join([element("p", words) for words in texts])
