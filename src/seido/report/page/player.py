"""A clip on the page: three synchronised pictures over waveform, spectrogram, tiers and kymographs."""

from __future__ import annotations

import json

from seido.report.page.data import PageData, ShownClip, Tier
from seido.report.page.markup import Html, data_uri, element, join, number
from seido.report.page.pictures import (
    Movies,
    Sheets,
    envelope,
    pack_movies,
    png,
    spectrogram,
    still_indices,
    stills,
    strips,
    wav,
    webp,
)
from seido.report.page.tables import clip_scores
from seido.timebase import SAMPLE_RATE
from seido.values import Frame, Samples

STILLS_QUALITY = 88
SLOWEST = 0.1
LINES = 4
"""Colours that the style sheet has for lines in the picture, .line-0 … .line-3."""
PANELS = (
    ("true", "original"),
    ("generated", "generated"),
    ("difference", "difference"),
)


def player(clip: ShownClip, number_: int, data: PageData) -> Html:
    """Make the article of one clip; without scripts and on paper it shows a row of still pictures."""
    identity = f"clip-{number_}"
    measure = data.measure(clip.ranked_by)
    movies = pack_movies(clip.true, clip.generated)
    ranked = clip.scores.get(clip.predictor, {}).get(clip.ranked_by)
    kicker = f"{clip.rank} by {measure.title}" + (
        f", {number(ranked, measure.digits)}{f' {measure.unit}' if measure.unit else ''}" if ranked is not None else ""
    )
    facts = " · ".join(
        part for part in (clip.predictor, clip.condition, f"speaker {clip.speaker}", clip.language) if part
    )
    return element(
        "article",
        element("p", kicker, class_=f"kicker {clip.rank}"),
        element("h3", clip.name, id=f"{identity}-name"),
        element("p", facts, class_="facts"),
        element("p", clip.text, class_="said", lang=clip.language or None) if clip.text else None,
        element(
            "div",
            _screen(clip),
            _controls(clip),
            _tracks(clip),
            element("script", Html(_json(clip, movies)), type="application/json"),
            class_="player",
            role="group",
            tabindex="0",
            aria_label=f"Player of {clip.name}. Space plays and stops, left and right step a frame, "
            "Home and End go to the ends, Escape ends a loop.",
        ),
        _printed(clip),
        clip_scores(clip, data),
        element("p", _packing(movies), class_="note"),
        id=identity,
        class_="clip",
        aria_labelledby=f"{identity}-name",
    )


def _screen(clip: ShownClip) -> Html:
    height, width = clip.true.shape[1:]
    panels = []
    for name, title in PANELS:
        told = f"{title} movie of {clip.name}" if name != "difference" else f"generated minus original, {clip.name}"
        canvas = element("canvas", data_panel=name, width=width, height=height, role="img", aria_label=told)
        overlay = _overlay(clip, named=name == "true") if name != "difference" else None
        panels.append(
            element("figure", element("div", canvas, overlay, class_="picture"), element("figcaption", title))
        )
    return element("div", *panels, class_="screen")


def _overlay(clip: ShownClip, *, named: bool) -> Html | None:
    if not clip.lines:
        return None
    height, width = clip.true.shape[1:]
    drawn = []
    for index, (name, line) in enumerate(clip.lines):
        ends = {"x1": line.x0 + 0.5, "y1": line.y0 + 0.5, "x2": line.x1 + 0.5, "y2": line.y1 + 0.5}
        title = element("title", f"line of the {name} kymograph")
        drawn.append(element("line", title, class_=f"line-{index % LINES}", **ends))
        if named:
            size = width / 26
            # Names stand at the first end and at the last by turns: lines often begin beside each other.
            x, y = (line.x0, line.y0 - 0.3 * size) if index % 2 == 0 else (line.x1, line.y1 + size)
            place = {"x": _short(x + 0.3 * size), "y": _short(min(max(size, y), height - 2))}
            style = f"font-size:{_short(size)}px"
            drawn.append(element("text", name, class_=f"line-{index % LINES}", style=style, **place))
    return element("svg", *drawn, viewBox=f"0 0 {width} {height}", class_="overlay", aria_hidden="true")


def _controls(clip: ShownClip) -> Html:
    def button(action: str, face: str, told: str) -> Html:
        return element("button", face, type="button", data_action=action, aria_label=told, title=told)

    speed = element(
        "label",
        "speed ",
        element("input", type="range", min=SLOWEST, max=1, step=0.05, value=1, data_action="speed", aria_label="speed"),
        element("output", "1×", data_show="speed"),
    )
    lines = element("label", element("input", type="checkbox", data_action="lines", checked=True), " lines")
    return element(
        "div",
        button("play", "▶", "play"),
        button("back", "‹", "one frame back (left arrow)"),
        button("on", "›", "one frame on (right arrow)"),
        speed,
        lines if clip.lines else None,
        element("button", "loop off", type="button", data_action="unloop", hidden=True),
        element("output", "", data_show="where", class_="where"),
        class_="controls",
    )


def _tracks(clip: ShownClip) -> Html:
    """Stack everything that shares the time axis; one cursor runs through all of it."""
    speech = clip.speech[: max(1, round(clip.seconds * SAMPLE_RATE))]
    share = min(1.0, len(speech) / SAMPLE_RATE / clip.seconds)
    rows = [
        _track("speech", _waveform(speech, share), "waveform"),
        _track(
            join(["mel", element("small", "0–7.6 kHz")]),
            _image(spectrogram(speech), f"Log-mel spectrogram of {clip.name}", share),
            "spectrogram",
        ),
        *(_tier(tier, clip.seconds) for tier in clip.tiers if tier.intervals),
    ]
    for index, (name, line) in enumerate(clip.lines):
        both = strips(clip.true, clip.generated, line)
        pictures = [
            element("div", _image(strip, f"Kymograph of the {name} line, {which} movie"), class_="strip")
            for strip, (which, _) in zip(both, PANELS, strict=False)
        ]
        label = element("div", element("b", name, class_=f"line-{index % LINES}"), element("small", PANELS[0][1]))
        label = join([label, element("div", element("small", PANELS[1][1]))])
        rows.append(_track(label, element("div", *pictures), "kymograph"))
    rows.append(_track("s", _seconds(clip.seconds), "seconds"))
    slider = element(
        "div",
        class_="cursor",
        role="slider",
        tabindex="0",
        aria_label=f"time in {clip.name}",
        aria_valuemin="0",
        aria_valuemax=f"{clip.seconds:.3f}",
        aria_valuenow="0",
        aria_valuetext="0 s",
    )
    return element(
        "div", *rows, element("div", element("div", class_="loop", hidden=True), slider, class_="over"), class_="tracks"
    )


def _track(label: str, content: Html, kind: str) -> Html:
    return element(
        "div", element("div", label, class_="name"), element("div", content, class_="lane"), class_=f"track {kind}"
    )


def _waveform(speech: Samples, share: float) -> Html:
    bounds = envelope(speech)
    loudest = max(1e-6, float(abs(bounds).max()))
    high = [f"{at},{_short(50 - 48 * top / loudest)}" for at, (_, top) in enumerate(bounds)]
    low = [f"{at},{_short(50.4 - 48 * bottom / loudest)}" for at, (bottom, _) in reversed(list(enumerate(bounds)))]
    return element(
        "svg",
        element("path", d=f"M{' L'.join([*high, *low])} Z"),
        viewBox=f"0 0 {_short(len(bounds) / share)} 100",
        preserveAspectRatio="none",
        role="img",
        aria_label="Waveform",
    )


def _image(picture: Frame, told: str, share: float = 1.0) -> Html:
    height, width = picture.shape
    return element(
        "img",
        src=data_uri("image/png", png(picture)),
        alt=told,
        width=width,
        height=height,
        style=None if share == 1 else f"width:{100 * share:.3f}%",
    )


def _tier(tier: Tier, seconds: float) -> Html:
    pieces: list[Html] = []
    for start, end, label in tier.intervals:
        begin, last = max(0.0, start), min(end, seconds)
        if last <= begin or not label.strip():
            continue
        place = f"left:{100 * begin / seconds:.3f}%;width:{100 * (last - begin) / seconds:.3f}%"
        pieces.append(
            element(
                "button",
                element("span", label),
                type="button",
                style=place,
                data_start=f"{begin:.4f}",
                data_end=f"{last:.4f}",
                tabindex="-1" if pieces else "0",
                aria_pressed="false",
                title=f"{label} {begin:.3f}–{last:.3f} s: loop",
            )
        )
    group = element("div", *pieces, role="group", aria_label=f"{tier.name}: choose one to loop it")
    return _track(tier.name, group, "tier")


def _seconds(seconds: float) -> Html:
    step = next(step for step in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 600.0) if seconds / step <= 12)
    marks = [
        element("span", f"{step * at:g}", style=f"left:{100 * step * at / seconds:.3f}%")
        for at in range(int(seconds / step - 0.15) + 1)
    ]
    return element("div", *marks, aria_hidden="true")


def _json(clip: ShownClip, movies: Movies) -> str:
    content = {
        "frames": len(clip.true),
        "rate": [clip.rate.numerator, clip.rate.denominator],
        "true": _sheets(movies.true),
        "generated": _sheets(movies.generated),
        "speech": data_uri("audio/wav", wav(clip.speech[: round(clip.seconds * SAMPLE_RATE)])),
    }
    return json.dumps(content).replace("<", "\\u003c")


def _sheets(sheets: Sheets) -> dict[str, object]:
    return {
        "sheets": [data_uri(sheets.kind, picture) for picture in sheets.pictures],
        "columns": sheets.columns,
        "rows": sheets.rows,
        "tile": list(sheets.tile),
    }


def _printed(clip: ShownClip) -> Html:
    """Show six moments, original over generated over difference, where there is no player."""
    chosen = still_indices(len(clip.true))
    times = [f"{float(index / clip.rate):.2f} s" for index in chosen]
    picture = stills(clip.true, clip.generated)
    return element(
        "figure",
        element("div", *(element("span", time) for time in times), class_="times"),
        element("div", *(element("span", title) for _, title in PANELS), class_="names"),
        element(
            "img",
            src=data_uri("image/webp", webp(picture, STILLS_QUALITY)),
            width=picture.shape[1],
            height=picture.shape[0],
            alt=f"{clip.name} at {', '.join(times)}: original, generated, difference",
        ),
        class_="stills",
    )


def _packing(movies: Movies) -> str:
    if movies.quality is None:
        return "Pictures in this page are exact."
    return (
        f"To keep this page small its pictures are WebP of quality {movies.quality}: a pixel is off by "
        f"{movies.error:.1f} of 255 on average. Scores and kymographs are of the exact ones."
    )


def _short(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
