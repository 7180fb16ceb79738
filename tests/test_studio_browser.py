"""The studio's page in a real Chromium: making, seeing, comparing, and what happens when things go wrong."""

from __future__ import annotations

import base64
import csv
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

pytest.importorskip("fastapi", reason="the studio is not installed: pip install 'seido[studio]'")

from seido.corpus.textgrid import read_textgrid
from seido.report.kymograph import Line, kymograph
from studio_server import PATIENCE, Studio, running

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if not CHROMIUM:
    pytest.skip("there is no Chromium on the PATH: install the package chromium", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: it belongs to seido[dev]")

SCREENSHOTS = os.environ.get("SEIDO_SCREENSHOTS")
"""A folder to which what each test looks at is written, when it is set."""


def tone(seconds: float) -> bytes:
    time = np.arange(round(seconds * 16_000)) / 16_000
    stream = io.BytesIO()
    soundfile.write(stream, 0.3 * np.sin(900 * time) * (1 - np.cos(25 * time)), 16_000, format="WAV")
    return stream.getvalue()


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> Iterator[Studio]:
    with running(tmp_path_factory.mktemp("studio")) as one:
        yield one


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[object]:
    heard = tmp_path_factory.mktemp("microphone") / "voice.wav"
    heard.write_bytes(tone(4))
    arguments = [
        "--force-color-profile=srgb",
        "--disable-gpu",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={heard}",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
    ]
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield found
        found.close()


class Visit:
    """An open page, and everything it asked for or complained of."""

    def __init__(self, browser, studio: Studio, **context) -> None:
        self.studio = studio
        self.context = browser.new_context(
            viewport={"width": 1280, "height": 900}, permissions=["microphone"], **context
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(1000 * PATIENCE)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.go("#make")

    def go(self, view: str) -> None:
        self.page.goto(f"{self.studio.url}/{view}")
        self.page.wait_for_selector("html[data-ready=true]")

    def give(self, what: str, content: bytes, name: str) -> None:
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        self.page.set_input_files(f"[data-file={what}]", file)

    def make(self, seconds: float = 0.6, head: str = "man") -> None:
        self.give("speech", tone(seconds), "tone.wav")
        self.page.wait_for_selector("[data-chosen=speech]:not([hidden])")
        self.page.locator(f"[name=head][value='{head}']").check(force=True)
        self.page.wait_for_selector("[data-show=region-hint]:has-text('Found')")
        self.page.click("[data-action=make]")

    def canvas(self, what: str) -> np.ndarray:
        """What a canvas shows, its green channel: uint8 (H, W)."""
        width, height, values = self.page.evaluate(
            """what => { const c = document.querySelector(`.view:not([hidden]) canvas[data-canvas=${what}]`);
            const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
            let text = ""; for (let i = 1; i < data.length; i += 4) text += String.fromCharCode(data[i]);
            return [c.width, c.height, btoa(text)]; }""",
            what,
        )
        return np.frombuffer(base64.b64decode(values), np.uint8).reshape(height, width)

    def frames(self, identity: str) -> np.ndarray:
        size = self.studio.ask(f"/api/items/{identity}")["pictures"]
        content = self.studio.client.get(f"/api/items/{identity}/frames", params={"count": size["frames"]}).content
        return np.frombuffer(content, np.uint8).reshape(size["frames"], size["height"], size["width"])

    def saved(self, what: str) -> bytes:
        with self.page.expect_download() as waiting:
            self.page.click(f"[data-export={what}]")
        return Path(waiting.value.path()).read_bytes()

    def looked(self, name: str) -> None:
        if SCREENSHOTS:
            self.page.screenshot(path=f"{SCREENSHOTS}/{name}.png", full_page=True)

    def close(self) -> None:
        self.context.close()
        assert not self.complaints
        foreign = [url for url in self.requests if not url.startswith((self.studio.url + "/", "blob:", "data:"))]
        assert not foreign


@pytest.fixture
def visit(browser, studio) -> Iterator[Visit]:
    made = Visit(browser, studio)
    yield made
    made.close()


def test_a_movie_is_made_seen_stepped_and_taken_home(visit, tmp_path):
    page = visit.page
    assert page.locator("[data-action=make]").is_disabled()
    visit.looked("make-empty")
    visit.make()
    page.wait_for_selector(".shelf li[data-state=done]")
    visit.looked("make-done")
    page.click(".shelf li .main")
    page.wait_for_selector("[data-player=see][data-movie]:not([hidden])")
    identity = page.locator("[data-player=see]").get_attribute("data-movie")
    frames = visit.frames(identity)
    page.locator("[data-player=see]").focus()
    for index in (0, 1, 2):
        page.wait_for_selector(f"[data-player=see][data-frame='{index}']")
        assert (visit.canvas("picture") == frames[index]).all()
        page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    page.wait_for_selector(f"[data-player=see][data-frame='{len(frames) - 1}']")
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_selector("[data-player=see][data-frame='5']")
    assert (np.asarray(Image.open(io.BytesIO(visit.saved("png")))) == frames[5]).all()
    assert visit.saved("mp4")[4:8] == b"ftyp"
    assert visit.saved("gif")[:6] == b"GIF89a"
    # Select half a second by dragging, give it a label, take it home.
    lane = page.locator(".waveform .lane").bounding_box()
    page.mouse.move(lane["x"] + lane["width"] * 0.25, lane["y"] + 9)
    page.mouse.down()
    page.mouse.move(lane["x"] + lane["width"] * 0.75, lane["y"] + 9, steps=4)
    page.mouse.up()
    page.fill("[data-input=label]", "あ")
    page.click("[data-action=label]")
    (tmp_path / "a.TextGrid").write_bytes(visit.saved("textgrid"))
    (label,) = [one for one in read_textgrid(tmp_path / "a.TextGrid").tier("marks").intervals if one.text]
    assert label.text == "あ"
    assert (label.start, label.end) == pytest.approx((0.15, 0.45), abs=0.01)
    page.locator("[data-player=see]").focus()
    page.keyboard.press("l")
    page.keyboard.press("Space")
    page.wait_for_selector("[data-player=see][data-state=playing]")
    page.keyboard.press("Space")
    page.wait_for_selector("[data-player=see][data-state=paused]")
    assert 3 <= int(page.locator("[data-player=see]").get_attribute("data-frame")) <= 11


def test_a_sample_shows_labels_kymograph_and_articulators(visit):
    page = visit.page
    visit.go("#see")
    assert page.locator("[data-blank=see]").is_visible()
    visit.looked("see-empty")
    page.click("[data-list=see-samples] [data-word=A1_en_001]")
    page.wait_for_selector("[data-player=see][data-series='lips tongue_tip tongue_body velum']")
    page.wait_for_selector("[data-player=see][data-kymograph]")
    identity = page.locator("[data-player=see]").get_attribute("data-movie")
    box = page.locator("[data-canvas=picture]").bounding_box()
    points = [(0.40, 0.35), (0.45, 0.60)]
    page.mouse.move(box["x"] + box["width"] * points[0][0], box["y"] + box["height"] * points[0][1])
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * points[1][0], box["y"] + box["height"] * points[1][1], steps=3)
    page.mouse.up()
    line = [int(field.input_value()) for field in page.locator("[data-line]").all()]
    assert line == pytest.approx([256 * share for point in points for share in point], abs=1.5)
    text = ",".join(map(str, line))
    page.wait_for_selector(f"[data-player=see][data-kymograph='{text}']")
    strip = visit.studio.client.get(f"/api/items/{identity}/kymograph.png", params={"line": text}).content
    assert (np.asarray(Image.open(io.BytesIO(strip))) == kymograph(visit.frames(identity), Line.parse(text))).all()
    page.check("[data-input=regions]")
    assert page.locator(".overlay .box").count() == 4
    word = page.locator(".tier button", has_text="must")
    word.click()
    assert page.locator("[data-action=loop]").get_attribute("aria-pressed") == "true"
    page.click("[data-action=selection]")
    assert page.locator(".seconds span").first.inner_text() != "0.0 s"
    rows = list(csv.reader(io.StringIO(visit.saved("csv").decode())))
    assert rows[0] == ["time_s", "lips", "tongue_tip", "tongue_body", "velum"]
    visit.looked("see")


def test_a_region_is_drawn_moved_and_sized(visit):
    page = visit.page
    page.wait_for_selector("[data-show=region-hint]:has-text('Found')")
    canvas = page.locator("[data-canvas=frame]")

    def region() -> list[int]:
        return [int(field.input_value()) for field in page.locator("[data-region]").all()]

    assert region()[2:] == [128, 128]
    page.click("[data-action=whole]")
    assert region() == [0, 0, 256, 256]
    box = canvas.bounding_box()
    scale = box["width"] / 256
    page.mouse.move(box["x"] + 40 * scale, box["y"] + 60 * scale)
    page.mouse.down()
    page.mouse.move(box["x"] + 140 * scale, box["y"] + 170 * scale, steps=3)
    page.mouse.up()
    assert region() == pytest.approx([40, 60, 100, 110], abs=1)
    drawn = region()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert region() == [drawn[0] + 1, drawn[1], drawn[2], drawn[3] + 1]
    page.fill("[data-region=x]", "999")
    page.keyboard.press("Tab")
    assert region()[0] == 256 - drawn[2]
    visit.looked("make-region")


def test_two_movies_run_on_one_clock_and_are_scored(visit):
    page = visit.page
    visit.go("#compare")
    visit.looked("compare-empty")
    for name in ("F1_zh_001", "A1_en_001"):
        page.click(f"[data-list=compare-samples] [data-word={name}]")
        page.wait_for_selector(f"[data-input=first] option:has-text('{name}')", state="attached")
    page.wait_for_selector(".scores table")
    first, other = page.locator("[data-player=compare]").get_attribute("data-pair").split()
    page.locator("[data-player=compare]").focus()
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_selector("[data-player=compare][data-frame='5']")
    true, made = visit.frames(first)[5], visit.frames(other)[int(5.5 / 13.84 * 27.17)]
    assert (visit.canvas("first") == true).all()
    assert (visit.canvas("other") == made).all()
    expected = np.clip(128 + made.astype(int) - true, 0, 255)
    assert (visit.canvas("difference") == expected).all()
    assert page.locator(".scores tbody tr").count() == 3
    visit.looked("compare")


def test_a_job_outlives_a_reload_and_can_be_cancelled(visit):
    page = visit.page
    visit.make(60)
    page.wait_for_selector(".shelf li[data-state=working], .shelf li[data-state=waiting]")
    page.reload()
    page.wait_for_selector(".shelf li[data-state=working] progress")
    visit.looked("make-working")
    page.click(".shelf li button:has-text('Cancel')")
    page.wait_for_selector(".shelf li[data-state=cancelled]")
    page.click(".shelf li button:has-text('Delete')")
    page.wait_for_selector(".shelf .empty:not([hidden])")


def test_rubbish_is_answered_with_a_sentence_in_either_language(visit):
    page = visit.page
    visit.give("speech", b"MZ rubbish", "<img src=x>.exe")
    assert "this is no sound" in page.locator(".notice").inner_text()
    page.click("[data-language=ja]")
    assert page.locator("html").get_attribute("lang") == "ja"
    assert page.locator("nav a").first.inner_text() == "作る"
    visit.give("frame", b"RIFF....WAVEfmt ", "<b>x</b>.wav")
    page.wait_for_selector(".notice:has-text('ファイルを読めません')")
    assert "<b>x</b>.wav" in page.locator(".notice").inner_text()
    visit.looked("make-japanese")
    page.reload()
    page.wait_for_selector("html[data-ready=true][lang=ja]")
    page.click("[data-language=en]")
    # The browser itself tells its console of answers that are no success.
    visit.complaints[:] = [text for text in visit.complaints if "status of 4" not in text]


def test_the_microphone_is_recorded(visit):
    page = visit.page
    page.click("[data-action=record]")
    page.wait_for_selector(".recording:not([hidden])")
    page.wait_for_selector("[data-show=recorded]:text-matches('[1-9]\\\\.[0-9] s')")
    visit.looked("make-recording")
    page.click("[data-action=stop]")
    page.wait_for_selector("[data-chosen=speech]:not([hidden])")
    told = page.locator("[data-show=speech-facts]").inner_text()
    assert float(told.split()[0]) >= 1


def test_it_fits_phones_and_tablets_in_light_and_dark(visit):
    page = visit.page
    for width, scheme in ((390, "light"), (820, "dark")):
        page.set_viewport_size({"width": width, "height": 1100})
        page.emulate_media(color_scheme=scheme)
        for view in ("make", "see", "compare"):
            visit.go(f"#{view}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            picture = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L")).astype(int)
            paper = np.median(picture)
            assert paper > 235 if scheme == "light" else paper < 45
            visit.looked(f"{view}-{width}")


def test_the_tract_moves_while_somebody_speaks(visit):
    page = visit.page
    visit.go("#live")
    page.click("[data-action=speak]")
    page.wait_for_selector("[data-live][data-state=speaking]")
    page.wait_for_selector("[data-live][data-median]")
    visit.looked("live")
    page.click("[data-action=speak]")
    page.wait_for_selector("[data-live][data-state=idle]")
    assert "ms" in page.locator("[data-show=latency]").inner_text()
