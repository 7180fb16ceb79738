"""The report's page in a real Chromium: what is drawn, played, printed and looked at."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from report_page_data import FRAMES, HARM, RATE, SIDE, data, movie
from seido.report.page.build import write_page
from seido.report.side_by_side import difference

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if not CHROMIUM:
    pytest.skip("there is no Chromium on the PATH: install the package chromium", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: it belongs to seido[dev]")


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=[*sandbox, "--force-color-profile=srgb"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("report")
    write_page(data(), made)
    return made


class Visit:
    """An open page, and everything it asked for or complained of."""

    def __init__(self, browser, path: Path, **context) -> None:
        self.context = browser.new_context(viewport={"width": 1200, "height": 900}, **context)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def player(self):
        self.page.locator(".player").scroll_into_view_if_needed()
        self.page.wait_for_selector(".player[data-ready=true]")
        return self.page.locator(".player")

    def panel(self, name: str) -> np.ndarray:
        """What a canvas shows: uint8 (H, W)."""
        values = self.page.evaluate(
            "name => { const c = document.querySelector(`canvas[data-panel=${name}]`);"
            " return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]; }",
            name,
        )
        pixels = np.array(values, np.uint8).reshape(SIDE, SIDE, 4)
        assert (pixels[..., 0] == pixels[..., 2]).all()
        assert (pixels[..., 3] == 255).all()
        return pixels[..., 1]

    def at(self, index: int) -> None:
        """Wait until a frame is shown; the page's policy forbids to wait for an expression."""
        self.page.wait_for_selector(f".player[data-frame='{index}']")

    @property
    def frame(self) -> int:
        return int(self.page.locator(".player").get_attribute("data-frame"))

    @property
    def time(self) -> float:
        return float(self.page.locator(".cursor").get_attribute("aria-valuenow"))


@pytest.fixture
def visit(browser, folder) -> Iterator[Visit]:
    made = Visit(browser, folder / "report.html")
    yield made
    made.context.close()
    assert not made.complaints
    assert all(request.startswith(("file:", "data:")) for request in made.requests)


def test_every_frame_is_drawn_exactly_and_stepped_one_by_one(visit):
    visit.player().focus()
    true, generated = movie(), movie(2)
    for index in range(FRAMES):
        if index:
            visit.page.keyboard.press("ArrowRight")
            visit.at(index)
        assert (visit.panel("true") == true[index]).all()
        assert (visit.panel("generated") == generated[index]).all()
        assert (visit.panel("difference") == difference(true[index], generated[index])).all()
    visit.page.keyboard.press("ArrowRight")
    assert visit.frame == FRAMES - 1
    visit.page.keyboard.press("Home")
    visit.page.keyboard.press("Shift+ArrowRight")
    visit.at(5)
    assert visit.time == pytest.approx(5.5 / float(RATE), abs=1e-3)
    assert "frame 5 of 20" in visit.page.locator(".where").inner_text()


def test_playing_runs_to_the_end_and_stops(visit):
    visit.player()
    visit.page.get_by_role("button", name="play", exact=True).click()
    visit.page.wait_for_selector(".player[data-state=playing]:not([data-frame='0'])")
    visit.page.wait_for_selector(".player[data-state=paused]")
    assert visit.frame == FRAMES - 1


def test_slow_speech_is_played_and_the_space_bar_stops_it(visit):
    player = visit.player()
    speed = visit.page.get_by_role("slider", name="speed")
    speed.fill("0.1")
    assert visit.page.locator("[data-show=speed]").inner_text() == "0.1×"
    player.focus()
    visit.page.keyboard.press("Space")
    visit.page.wait_for_selector(".player[data-state=playing]:not([data-frame='0'])")
    visit.page.keyboard.press("Space")
    visit.page.wait_for_selector(".player[data-state=paused]")
    stopped = visit.time
    visit.page.wait_for_timeout(200)
    assert visit.time == stopped


def test_slowed_speech_keeps_its_length_and_pitch(visit):
    length, peak = visit.page.evaluate(
        """() => { const x = Float32Array.from({length: 8000}, (_, i) => Math.sin(2 * Math.PI * 200 * i / 16000));
        const y = stretch(x, 0.5, 16000); let crossings = 0;
        for (let i = 2001; i < 14000; i++) if (y[i - 1] < 0 && y[i] >= 0) crossings++;
        return [y.length, crossings]; }"""
    )
    assert length == 16_000
    assert peak == pytest.approx(200 * 12_000 / 16_000, abs=3)


def test_a_click_in_the_waveform_seeks(visit):
    visit.player()
    lane = visit.page.locator(".waveform .lane")
    box = lane.bounding_box()
    lane.click(position={"x": box["width"] * 0.5, "y": 10})
    assert visit.time == pytest.approx(0.4, abs=0.005)
    cursor = visit.page.locator(".cursor").bounding_box()
    assert cursor["x"] == pytest.approx(box["x"] + box["width"] * 0.5, abs=2)
    tracks = [visit.page.locator(f".{kind} .lane").bounding_box() for kind in ("spectrogram", "kymograph")]
    foot = cursor["y"] + cursor["height"]
    assert all(cursor["y"] < track["y"] and foot >= track["y"] + track["height"] for track in tracks)


def test_a_phone_loops_by_click_and_keyboard_until_escape(visit):
    visit.player()
    phone = visit.page.get_by_role("button", name="m", exact=True)
    phone.click()
    assert phone.get_attribute("aria-pressed") == "true"
    seen = []
    for _ in range(25):
        visit.page.wait_for_timeout(30)
        seen.append(visit.time)
    assert all(0.3 <= time <= 0.5 for time in seen)
    assert any(later < sooner for sooner, later in pairwise(seen))
    visit.page.keyboard.press("ArrowRight")
    assert visit.page.evaluate("document.activeElement.textContent") == "e"
    visit.page.keyboard.press("Enter")
    assert phone.get_attribute("aria-pressed") == "false"
    visit.page.keyboard.press("Escape")
    assert not visit.page.locator("[aria-pressed=true]").count()
    visit.page.wait_for_selector(".player[data-state=paused]")


def test_harmful_text_is_only_shown(browser, tmp_path):
    write_page(data(HARM), tmp_path)
    made = Visit(browser, tmp_path / "report.html")
    made.player()
    assert made.page.evaluate("window.harmed") is None
    assert made.page.locator("article h3").inner_text() == f"c{HARM}"
    assert made.page.title() == f"Report{HARM}"
    # Even a script that had come in would not run.
    made.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.harmed = 1'}))"
    )
    assert made.page.evaluate("window.harmed") is None
    assert all("Content Security Policy" in complaint for complaint in made.complaints)
    made.context.close()


def _picture(visit: Visit, what: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(visit.page.locator(what).first.screenshot())).convert("RGB")).astype(int)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_section_looks_like_something_in_light_and_dark(browser, folder, scheme):
    made = Visit(browser, folder / "report.html", color_scheme=scheme)
    made.player()
    for identity in ("results", "conditions", "by-0", "lags", "clips", "evaluated", "notes"):
        picture = _picture(made, f"#{identity}")
        paper = np.median(picture.reshape(-1, 3), axis=0).mean()
        assert paper > 240 if scheme == "light" else paper < 40
        assert np.abs(picture.mean(axis=2) - paper).max() > 150
    tracks = _picture(made, ".tracks")
    red = (tracks[..., 0] - tracks[..., 1] > 120).mean(axis=0)
    assert red.max() > 0.8  # the cursor, through all tracks
    assert (red > 0.5).sum() <= 4
    made.context.close()


@pytest.mark.parametrize("width", [360, 820, 1600])
def test_no_width_makes_the_page_scroll_sideways(visit, width):
    visit.page.set_viewport_size({"width": width, "height": 900})
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_paper_players_become_stills(visit):
    visit.player()
    assert visit.page.locator(".stills").is_hidden()
    visit.page.emulate_media(media="print")
    assert visit.page.locator(".stills").is_visible()
    assert visit.page.locator(".tracks").is_visible()
    for gone in (".screen", ".controls", "nav", ".cursor", ".downloads"):
        assert visit.page.locator(gone).is_hidden()
    assert visit.page.pdf().startswith(b"%PDF")


def test_without_scripts_tables_plots_and_stills_are_there(browser, folder):
    made = Visit(browser, folder / "report.html", java_script_enabled=False)
    assert made.page.locator(".stills").is_visible()
    assert made.page.locator(".screen").is_hidden()
    assert made.page.locator("svg.plot").first.is_visible()
    made.context.close()
