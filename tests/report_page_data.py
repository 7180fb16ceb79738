"""A small report: two models and three rows in two conditions, with one short clip; every text can be made harmful."""

from __future__ import annotations

from fractions import Fraction
from html.parser import HTMLParser

import numpy as np

from seido.report.kymograph import Line
from seido.report.page.data import (
    Condition,
    Grouped,
    LagCurve,
    LagCurves,
    Measure,
    PageData,
    Predictor,
    ShownClip,
    TableRow,
    Tier,
    Value,
)
from seido.report.page.markup import VOID

HARM = "<script>window.harmed = 1</script><img src=x onerror='window.harmed = 1'>\"&amp;'</title></style>"
FRAMES, SIDE, RATE = 20, 40, Fraction(25)


def movie(late: int = 0) -> np.ndarray:
    """A bright tongue that rises and falls, a little noise, and each frame's number as its top left grey."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    frames = np.random.default_rng(1).integers(20, 40, (FRAMES, SIDE, SIDE), np.uint8)
    for index in range(FRAMES):
        top = SIDE * (0.55 + 0.2 * np.cos((index - late) / 2))
        frames[index][(rows > top) & (abs(columns - SIDE / 2) < SIDE / 4)] = 200
        frames[index, 0, 0] = 10 * index
    return frames


def clip(name: str, harm: str = "") -> ShownClip:
    """A clip of 0.8 s with phones, words and a line."""
    time = np.arange(round(FRAMES / RATE * 16_000)) / 16_000
    return ShownClip(
        name=name,
        speaker=f"W{harm}",
        language=f"ja{harm}",
        text=f"ame{harm}",
        condition=f"unseen{harm}",
        predictor="model",
        rank="worst",
        ranked_by="ssim",
        true=movie(),
        generated=movie(2),
        rate=RATE,
        speech=(0.3 * np.sin(2 * np.pi * 200 * time) * np.sin(np.pi * time / 0.8)).astype(np.float32),
        scores={"model": {"ssim": 0.7, "lag": 80.0}, "first frame": {"ssim": 0.6, "lag": None}},
        tiers=(
            Tier("words", ((0.1, 0.7, f"ame{harm}"),)),
            Tier(f"phones{harm}", ((0.0, 0.1, ""), (0.1, 0.3, f"a{harm}"), (0.3, 0.5, "m"), (0.5, 0.7, "e"))),
        ),
        lines=((f"tongue{harm}", Line(20, 4, 20, 36)),),
    )


def data(harm: str = "", clips: tuple[ShownClip, ...] | None = None) -> PageData:
    """The whole report, with `harm` in every text that is free."""
    conditions = (Condition("seen", f"Known{harm}", 12, 4), Condition(f"unseen{harm}", "", 9, 1))
    predictors = (
        Predictor("model"),
        Predictor(f"other{harm}"),
        Predictor("first frame", "floor", f"held{harm}"),
        Predictor("noise ceiling", "ceiling"),
    )
    table = tuple(
        TableRow(
            condition.name,
            predictor.name,
            {
                "ssim": Value(0.9 - at / 10 - down / 20, 0.85 - at / 10 - down / 20, 0.95 - at / 10 - down / 20, 12),
                "lag": Value(None, n=0) if predictor.kind == "floor" else Value(-8.5 * at, -20.5 * at, 5.5 * at, 12),
            },
        )
        for down, condition in enumerate(conditions)
        for at, predictor in enumerate(predictors)
    )
    values = {"model": Value(0.8, 0.7, 0.85, 5), "first frame": Value(0.5)}
    lags = (-40.0, 0.0, 40.0)
    return PageData(
        title=f"Report{harm}",
        remarks=(f"Phantom figures{harm}",),
        models=((f"model{harm}", ((f"width{harm}", f"1/4{harm}"),)),),
        corpus=((f"clips{harm}", f"21{harm}"),),
        measures=(Measure("ssim", f"SSIM{harm}", "higher"), Measure("lag", "lag", "zero", 0, f"ms{harm}")),
        predictors=predictors,
        conditions=conditions,
        table=table,
        groups=(
            Grouped(f"Phone{harm}", "ssim", ((f"a{harm}", values), ("ɯ", values)), f"seen{harm}", f"note{harm}"),
            Grouped("Region", "lag", (("velum", {"model": Value(None)}),)),
        ),
        lags=(LagCurves(f"seen{harm}", (LagCurve("model", lags, (0.1, 0.6, None)),)),),
        clips=(clip(f"c{harm}", harm),) if clips is None else clips,
        notes=(f"Frame 0 is not scored{harm}",),
    )


class Reader(HTMLParser):
    """Reads the page as a browser would: elements with their attributes and text, and whether they close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in {"script", "style"}:
            self.texts.append(data)

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]
