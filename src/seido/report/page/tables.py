"""The page's tables: the headline with intervals, published figures, and the twin of every plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seido.report.page.data import (
    Grouped,
    LagCurves,
    Measure,
    PageData,
    Predictor,
    Published,
    ShownClip,
    TableRow,
    Value,
)
from seido.report.page.markup import UNDEFINED, WORDS, Html, element, heading, join, number, spelled

ALL = "all clips"


def headline(data: PageData) -> Html:
    """Lay out the headline: for each condition its predictors, for each measure mean and 95 % interval.

    The best row but the ceiling is bold, trivial rows included: where one of those is bold, no model beats it.
    """
    kinds = {predictor.name: predictor for predictor in data.predictors}
    told = {name for row in data.table for name in row.values}
    measures = [measure for measure in data.measures if measure.name in told]
    head = element(
        "tr",
        element("th", "shown", scope="col"),
        *(element("th", _column(measure), scope="col", title=WORDS[measure.better]) for measure in measures),
    )
    bodies = []
    for condition in data.conditions:
        rows = [row for row in data.table if row.condition == condition.name]
        if not rows:
            continue
        best = {measure.name: _best(measure, rows, kinds) for measure in measures}
        counted = [f"{condition.clips} clips"] if condition.clips else []
        counted += [f"{condition.speakers} speaker{'s' * (condition.speakers > 1)}"] if condition.speakers else []
        label = element(
            "th", condition.name or ALL, _small(", ".join(counted)), colspan=len(measures) + 1, scope="rowgroup"
        )
        lines = [element("tr", label, class_="condition")]
        for row in rows:
            predictor = kinds[row.predictor]
            cells = [
                _cell(
                    row.values.get(measure.name), measure, bold=row.predictor in best[measure.name], of=condition.clips
                )
                for measure in measures
            ]
            name = element("th", predictor.name, scope="row", title=predictor.note or None)
            lines.append(element("tr", name, *cells, class_=predictor.kind))
        bodies.append(element("tbody", *lines))
    return scrolling(element("table", element("thead", head), *bodies, class_="figures headline"), "The headline table")


def published(table: Published) -> Html:
    """Lay out a published table with its note."""
    head = element(
        "tr", element("th", "condition", scope="col"), *(element("th", name, scope="col") for name in table.columns)
    )
    rows = [
        element("tr", element("th", label, scope="row"), *(element("td", cell) for cell in cells))
        for label, cells in table.rows
    ]
    laid = element("table", element("thead", head), element("tbody", *rows), class_="figures published")
    return element("aside", element("h3", table.title), laid, element("p", table.note, class_="note"))


def grouped(group: Grouped, measure: Measure, predictors: Sequence[Predictor]) -> Html:
    """Lay out the figures behind a plot of dots."""
    shown = [one.name for one in predictors if any(one.name in values for _, values in group.rows)]
    head = element("tr", element("th", group.title, scope="col"), *(element("th", name, scope="col") for name in shown))
    rows = [
        element("tr", element("th", label, scope="row"), *(_cell(values.get(name), measure) for name in shown))
        for label, values in group.rows
    ]
    return _twin(element("table", element("thead", head), element("tbody", *rows), class_="figures"), group.title)


def lag_table(curves: LagCurves) -> Html:
    """Lay out the figures behind lag curves: a row for each lag."""
    lags = sorted({lag for curve in curves.curves for lag in curve.lags_ms})
    known = [dict(zip(curve.lags_ms, curve.correlations, strict=True)) for curve in curves.curves]
    head = element(
        "tr",
        element("th", "lag, ms", scope="col"),
        *(element("th", curve.predictor, scope="col") for curve in curves.curves),
    )
    rows = [
        element(
            "tr",
            element("th", number(lag, 0, signed=True), scope="row"),
            *(element("td", number(one.get(lag), 3)) for one in known),
        )
        for lag in lags
    ]
    return _twin(element("table", element("thead", head), element("tbody", *rows), class_="figures"), "Lag")


def clip_scores(clip: ShownClip, data: PageData) -> Html:
    """Lay out one clip's scores: predictors down, measures across; one clip has no interval."""
    measures = [measure for measure in data.measures if any(measure.name in row for row in clip.scores.values())]
    head = element(
        "tr",
        element("th", "shown", scope="col"),
        *(element("th", _column(measure), scope="col", title=WORDS[measure.better]) for measure in measures),
    )
    rows = [
        element(
            "tr",
            element("th", name, scope="row"),
            *(element("td", number(clip.scores[name].get(measure.name), measure.digits)) for measure in measures),
            class_="shown" if name == clip.predictor else None,
        )
        for name in (predictor.name for predictor in data.predictors)
        if name in clip.scores
    ]
    table = element("table", element("thead", head), element("tbody", *rows), class_="figures scores")
    return scrolling(table, f"Scores of {clip.name}") if rows else Html()


def facts(pairs: Sequence[tuple[str, str]]) -> Html:
    """List names and values."""
    return element("dl", *(element("div", element("dt", name), element("dd", value)) for name, value in pairs))


def _column(measure: Measure) -> str:
    return heading(measure)


def _cell(value: Value | None, measure: Measure, *, bold: bool = False, of: int = 0) -> Html:
    """Print a mean over its interval, and how many clips are behind it where not all `of` them are."""
    if value is None or value.mean is None:
        return element("td", UNDEFINED, class_="none")
    mean = element("strong" if bold else "span", number(value.mean, measure.digits))
    under = []
    if value.low is not None and value.high is not None:
        under.append(f"[{number(value.low, measure.digits)}, {number(value.high, measure.digits)}]")
    if value.n == 1 or (of and value.n not in {None, of}):
        under.append("one clip" if value.n == 1 else f"{value.n} clips")
    told = spelled(value, measure) + (f", {value.n} clips" if value.n is not None else "")
    return element("td", mean, _small(" ".join(under)), title=told)


def _small(words: str) -> Html | None:
    return join([Html(" "), element("small", words)]) if words else None


def _best(measure: Measure, rows: Sequence[TableRow], kinds: Mapping[str, Predictor]) -> set[str]:
    """Name the rows whose printed mean is best; the ceiling does not compete."""
    loss = {"higher": lambda x: -x, "lower": lambda x: x, "one": lambda x: abs(x - 1), "zero": abs}[measure.better]
    means = {
        row.predictor: loss(round(value.mean, measure.digits))
        for row in rows
        if kinds[row.predictor].kind != "ceiling"
        and (value := row.values.get(measure.name)) is not None
        and value.mean is not None
    }
    return {name for name, mean in means.items() if mean <= min(means.values()) + 1e-12}


def scrolling(table: Html, label: str) -> Html:
    """Let a wide table scroll by itself, by keyboard too."""
    return element("div", table, class_="wide", tabindex="0", role="region", aria_label=label)


def _twin(table: Html, label: str) -> Html:
    return element("details", element("summary", "Figures"), scrolling(table, f"Figures by {label.lower()}"))
