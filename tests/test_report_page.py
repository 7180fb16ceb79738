"""The report's page: what it says, that it harms nobody, and that its pictures and figures are those it was given."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from report_page_data import HARM, Reader, clip, data
from seido.errors import BadInputError, OutputError
from seido.report.kymograph import Line
from seido.report.page.build import page, write_page
from seido.report.page.data import (
    TALK,
    Condition,
    Grouped,
    LagCurve,
    LagCurves,
    Measure,
    PageData,
    Predictor,
    Published,
    TableRow,
    Tier,
    Value,
)
from seido.report.page.export import tables_csv, to_json
from seido.report.page.markup import Html, element, spelled


@pytest.fixture(scope="module")
def shown() -> PageData:
    return data()


@pytest.fixture(scope="module")
def written(shown) -> str:
    return page(shown)


def test_the_page_asks_for_nothing_outside_itself(written):
    reader = Reader(written)
    addresses = [value for _, one in reader.elements for name, value in one.items() if name in {"src", "href"}]
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not {tag for tag, _ in reader.elements} & {"link", "iframe", "object", "embed", "base", "form"}
    without_data = re.sub(r"data:[\w/+-]+;base64,[\w+/=]+", "", written)
    assert "http:" not in without_data
    assert "https:" not in without_data
    assert "url(" not in without_data
    assert "@import" not in without_data
    (policy,) = [one["content"] for one in reader.of("meta") if one.get("http-equiv")]
    assert policy.startswith("default-src 'none'")
    assert "connect-src" not in policy
    assert "unsafe-eval" not in policy


def test_anchors_lead_to_elements_and_identities_are_unique(written):
    reader = Reader(written)
    identities = [one["id"] for _, one in reader.elements if "id" in one]
    assert len(identities) == len(set(identities))
    targets = {one["href"][1:] for one in reader.of("a") if one["href"].startswith("#")}
    assert targets <= set(identities)
    assert {one["aria-labelledby"] for one in reader.of("article")} <= set(identities)


def test_every_picture_and_plot_is_described(written):
    reader = Reader(written)
    assert all(one["alt"] for one in reader.of("img"))
    assert all(one.get("aria-label") or one.get("aria-hidden") for one in reader.of("svg"))
    assert all(one["aria-label"] for one in reader.of("canvas"))
    assert all(one["scope"] for one in reader.of("th"))


def test_text_does_no_harm_wherever_it_stands():
    found = data(HARM)
    reader = Reader(page(found))
    scripts = reader.of("script")
    assert len(scripts) == len(found.clips) + 1
    assert [one for one in scripts if one.get("type") != "application/json"] == [{}]
    assert not any(name.startswith("on") for _, one in reader.elements for name in one)
    said = "".join(reader.texts)
    assert said.count(HARM) > 12
    assert json.loads(to_json(found))["clips"][0]["name"].endswith(HARM)


@given(st.text(), st.text())
def test_an_element_gives_back_its_text_and_attributes(inside, attribute):
    reader = Reader(element("p", inside, title=attribute))
    # A parser reads a carriage return as a line feed; nothing else may change.
    assert "".join(reader.texts) == inside
    assert reader.of("p") == [{"title": attribute}]


def test_markup_stays_markup():
    assert element("p", Html("<b>a</b>"), None, "<b>") == "<p><b>a</b>&lt;b&gt;</p>"


def test_the_headline_holds_every_figure_with_its_interval(shown, written):
    said = " ".join("".join(Reader(written).texts).split())
    for row in shown.table:
        for name, value in row.values.items():
            measure = shown.measure(name)
            if value.mean is not None:
                mean, _, interval = spelled(replace(value), replace(measure, unit="")).partition(" ")
                assert mean in said
                assert interval in said
    for published in TALK.rows:
        assert all(cell in said for cell in published[1])
    assert TALK.rows[0][1] == ("0.9074", "0.0146")


def _bold(measure: Measure, *means: float | None) -> list[str]:
    kinds = ("model", "model", "floor", "ceiling")
    predictors = tuple(Predictor(f"p{at}", kind) for at, kind in enumerate(kinds))
    rows = tuple(TableRow("c", one.name, {"m": Value(mean)}) for one, mean in zip(predictors, means, strict=True))
    made = PageData("t", (), (), (), (measure,), predictors, (Condition("c"),), rows)
    table = page(made).partition('class="figures headline"')[2].partition("</table>")[0]
    return re.findall(r'scope="row">(p\d)</th><td[^>]*><strong>', table)


@pytest.mark.parametrize(
    ("better", "means", "bold"),
    [
        ("higher", (0.5, 0.7, 0.6, 0.9), ["p1"]),
        ("higher", (0.5, 0.7, 0.8, 0.9), ["p2"]),
        ("lower", (0.5, 0.7, 0.6, 0.1), ["p0"]),
        ("one", (0.8, 1.1, 0.0, 1.0), ["p1"]),
        ("zero", (-40.0, 20.0, None, 0.0), ["p1"]),
        ("higher", (0.5001, 0.5002, 0.1, 0.9), ["p0", "p1"]),
        ("higher", (None, None, None, 0.9), []),
    ],
)
def test_bold_is_the_best_row_trivial_rows_included_and_the_ceiling_not(better, means, bold):
    assert _bold(Measure("m", "M", better, 3), *means) == bold


def test_what_is_undefined_is_a_dash_and_one_clip_is_said():
    made = data()
    row = TableRow(made.conditions[0].name, "model", {"ssim": Value(None), "lag": Value(12.0, n=1)})
    text = page(replace(made, table=(row,), groups=(), lags=(), clips=()))
    assert '<td class="none">–</td>' in text
    assert "<small>one clip</small>" in text
    assert "NaN" not in text
    assert "None" not in re.sub(r"base64,[\w+/=]+", "", text)


def test_a_condition_without_a_name_is_all_clips():
    made = PageData(
        "t", (), (), (), (Measure("m", "M", "higher"),), (Predictor("p"),), (Condition(""),),
        (TableRow("", "p", {"m": Value(0.5)}),), lags=(LagCurves("", (LagCurve("p", (0.0, 40.0), (0.1, 0.2)),)),),
    )  # fmt: skip
    assert "".join(Reader(page(made)).texts).count("all clips") == 4  # table, plot and its tip, lags


def test_sections_without_data_are_left_out(shown):
    bare = replace(shown, groups=(), lags=(), clips=(), models=(), corpus=(), notes=(), published=())
    reader = Reader(page(bare))
    assert {one["id"] for one in reader.of("section")} == {"results", "conditions"}
    assert not reader.of("article")


def test_json_and_csv_hold_the_same_figures(shown):
    content = json.loads(to_json(shown))
    tables = {name: list(csv.DictReader(io.StringIO(text))) for name, text in tables_csv(shown).items()}
    assert set(tables) == {"headline.csv", "groups.csv", "lags.csv", "clips.csv"}
    lines = iter(tables["headline.csv"])
    for row, known in zip(content["table"], shown.table, strict=True):
        for name, value in row["values"].items():
            line = next(lines)
            assert (line["condition"], line["predictor"], line["measure"]) == (row["condition"], row["predictor"], name)
            assert value == {key: getattr(known.values[name], key) for key in ("mean", "low", "high", "n")}
            assert [line[key] for key in value] == ["" if one is None else str(one) for one in value.values()]
    assert next(lines, None) is None
    assert len(tables["lags.csv"]) == sum(len(curve.lags_ms) for one in shown.lags for curve in one.curves)
    assert "" in {line["correlation"] for line in tables["lags.csv"]}


def test_the_page_carries_its_tables_as_files(shown, written):
    links = {one["download"]: one["href"] for one in Reader(written).of("a") if "download" in one}
    assert set(links) == {"report.json", *tables_csv(shown)}
    for name, text in {"report.json": to_json(shown), **tables_csv(shown)}.items():
        assert base64.b64decode(links[name].partition(",")[2]).decode() == text


def test_files_are_written_whole_or_not_at_all(tmp_path, shown):
    written = write_page(shown, tmp_path)
    assert {path.name for path in written} == {path.name for path in tmp_path.iterdir()}
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page(shown)
    with pytest.raises(OutputError, match="does not exist"):
        write_page(shown, tmp_path / "nowhere")
    assert not Path(tmp_path / "nowhere").exists()


def test_the_same_data_makes_the_same_page(written):
    assert page(data()) == written


# Bad input


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Value(float("nan")), "give None"),
        (lambda: Value(0.5, 0.4), "both ends"),
        (lambda: Value(0.5, 0.6, 0.4), "above its high end"),
        (lambda: Measure("m", "M", "most"), "one of higher"),
        (lambda: Predictor("p", "row"), "one of model"),
        (lambda: Published("t", ("a", "b"), (("r", ("1",)),)), "2 cells"),
        (lambda: LagCurve("p", (0.0,), ()), "give one for each"),
        (lambda: Tier("phones", ((0.5, 0.6, "a"), (0.2, 0.3, "b"))), "out of order"),
        (lambda: replace(clip("c"), generated=np.zeros((2, 4, 4), np.uint8)), "one length and size"),
        (lambda: replace(clip("c"), true=np.zeros((2, 4, 4))), "uint8"),
        (lambda: replace(clip("c"), speech=np.zeros(5)), "float32"),
        (lambda: replace(clip("c"), rank="middling"), "one of worst"),
        (lambda: replace(clip("c"), lines=(("velum", Line(0, 0, 500, 5)),)), "the line 'velum'"),
        (lambda: replace(data(), table=()), "a table with rows"),
        (lambda: replace(data(), table=(TableRow("c", "model", {}),)), "condition 'c'"),
        (lambda: replace(data(), measures=(Measure("a", "A", "one"),) * 2), "twice"),
        (lambda: replace(data(), groups=(Grouped("Phone", "odd", ()),)), "measure 'odd'"),
        (lambda: replace(data(), lags=(LagCurves("c", (LagCurve("odd", (), ()),)),)), "predictor 'odd'"),
        (lambda: replace(data(), clips=(replace(clip("c"), scores={"odd": {}}),)), "predictor 'odd'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(make, said):
    with pytest.raises(BadInputError, match=said):
        make()
