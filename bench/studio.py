"""The studio: its page's weight, how soon there is a picture and a movie, live latency, and many clients at once.

    python bench/studio.py [--only page make live socket load] [--minutes 1] [--clients 50] [--rounds 3]

The real server runs as a process of its own, the page in Debian's Chromium (Playwright, both of seido[dev]). The
microphone is Chromium's fake one, fed with a bundled sentence. Linux alone: memory is read from /proc. Wall clock,
so the machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile
from numpy.typing import NDArray
from playwright.sync_api import Browser, FilePayload, Page, Response, sync_playwright
from websockets.sync.client import connect

from seido.corpus.sound import read_speech
from seido.models.registry import DEFAULT
from seido.studio.speaking_wire import HEAD
from seido.timebase import SAMPLE_RATE
from studio_watch import LIVE, OPENED, Row, Tree, latency_rows

SAMPLES = Path(__file__).resolve().parents[1] / "src" / "seido" / "samples"
HEAD_NAME = "woman-whole"
WAYS = ("page", "make", "live", "socket", "load")
PATIENCE = 1800.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--minutes", type=float, default=1, help="of live speech in the browser")
    parser.add_argument("--seconds", type=float, default=30, help="of live speech over the socket alone")
    parser.add_argument("--block", type=int, default=320, help="samples of a block over the socket alone")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, served() as (url, process):
        heard = Path(folder) / "voice.wav"
        soundfile.write(heard, speech(20), SAMPLE_RATE, subtype="PCM_16")
        if {"page", "make", "live"} & set(options.only):
            with chromium(heard) as browser:
                for way, measure in (("page", page), ("make", make), ("live", live)):
                    rows += measure(browser, url, options) if way in options.only else []
        rows += socket(url, options) if "socket" in options.only else []
        rows += asyncio.run(load(url, process, options.clients)) if "load" in options.only else []
    print("\n| measure | figure |\n|---|---|")
    print("\n".join(f"| {name} | {figure} |" for name, figure in rows))


@contextmanager
def served() -> Iterator[tuple[str, int]]:
    """Start `seido studio` on a free port; gives its address and its process."""
    command = [sys.executable, "-c", "from seido.cli import main; raise SystemExit(main())", "studio", "--port", "0"]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None  # noqa: S101
        line = process.stdout.readline()
        found = re.search(r"http://[\d.:]+", line)
        if not found:
            raise SystemExit(f"the studio did not start: {line}{process.stdout.read()}")
        print(f"the studio listens {time.perf_counter() - began:.1f} s after its start", flush=True)
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield found[0], process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def speech(seconds: float, begin: float = 0) -> NDArray[np.float32]:
    """Give so much of a bundled sentence, said over and over, from `begin` s on."""
    samples = read_speech(SAMPLES / "M1_ja_001.mp4").samples
    return np.resize(np.roll(samples, -round(begin * SAMPLE_RATE)), round(seconds * SAMPLE_RATE))


def wav(samples: NDArray[np.float32]) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return stream.getvalue()


@contextmanager
def chromium(heard: Path) -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    arguments = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={heard}",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@contextmanager
def visit(browser: Browser, script: str = "") -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, permissions=["microphone"])
    opened = context.new_page()
    opened.set_default_timeout(1000 * PATIENCE)
    opened.add_init_script(script)
    yield opened
    context.close()


def page(browser: Browser, url: str, options: argparse.Namespace) -> list[Row]:
    """Open the page: bytes of the page alone and with what it shows, and when a head is drawn and the page is ready."""
    drawn, ready, weights = [], [], []
    for _ in range(1 + options.rounds):
        with visit(browser, OPENED) as opened:
            answers: list[Response] = []
            opened.on("response", lambda answer: answers.append(answer))  # noqa: B023
            opened.goto(f"{url}/#make")
            opened.wait_for_selector("html[data-picture][data-ready]")
            drawn.append(opened.evaluate("performance.getEntriesByName('picture')[0].startTime"))
            ready.append(opened.evaluate("performance.getEntriesByName('ready')[0].startTime"))
            opened.wait_for_load_state("networkidle")
            weights.append([(answer.url.removeprefix(url), len(answer.body())) for answer in answers])
    own = sum(size for name, size in weights[0] if not name.startswith("/api/"))
    text = httpx.get(f"{url}/page/capture.js").content
    return [
        ("page weight: HTML, CSS, scripts, as sent", f"{own + len(text):,} bytes"),
        (
            "with the heads' pictures and what the API tells",
            f"{sum(size for _, size in weights[0]) + len(text):,} bytes",
        ),
        ("first picture after opening, first visit to a new server", f"{drawn[0]:.0f} ms (ready {ready[0]:.0f} ms)"),
        (
            f"the same, later visits without a cache ({options.rounds})",
            f"{np.median(drawn[1:]):.0f} ms (ready {np.median(ready[1:]):.0f} ms)",
        ),
    ]


def make(browser: Browser, url: str, options: argparse.Namespace) -> list[Row]:
    """Press *Make* for 5 s of speech: until the card says done, and until the movie is in See with a picture."""
    done, seen = [], []
    with visit(browser) as opened:
        opened.goto(f"{url}/#make")
        opened.wait_for_selector("html[data-ready=true]")
        for number in range(options.rounds):
            content = wav(speech(5, number))
            file = FilePayload(name="voice.wav", mimeType="audio/wav", buffer=content)
            opened.set_input_files("[data-file=speech]", file)
            opened.wait_for_selector("[data-chosen=speech]:not([hidden])")
            opened.wait_for_selector("[data-show=region-hint]:has-text('Found')", state="attached")
            began = time.perf_counter()
            opened.click("[data-action=make]")
            opened.wait_for_selector(f".shelf li[data-state=done] >> nth={number}")
            done.append(time.perf_counter() - began)
            opened.locator(".shelf li .main").first.click()
            opened.wait_for_selector("[data-player=see][data-movie]:not([hidden])")
            seen.append(time.perf_counter() - began)
            opened.goto(f"{url}/#make")
            opened.click("[data-action=other-speech]")
    return [
        (f"*Make* to the movie, 5 s of speech ({options.rounds})", f"{np.median(done):.1f} s"),
        ("the same until it is opened and seen", f"{np.median(seen):.1f} s"),
    ]


def live(browser: Browser, url: str, options: argparse.Namespace) -> list[Row]:
    """Speak to the page through the fake microphone; LIVE notes when each block went and each frame came."""
    with visit(browser, LIVE) as opened:
        opened.goto(f"{url}/#live")
        opened.wait_for_selector("html[data-ready=true]")
        opened.click("[data-action=speak]")
        opened.wait_for_selector("[data-live][data-state=speaking]")
        opened.wait_for_timeout(60_000 * options.minutes)
        noted = opened.evaluate("window.noted")
        told = " ".join(opened.locator("[data-show=latency]").inner_text().split())
        opened.click("[data-action=speak]")
    print(f"the page itself says: {told}", flush=True)
    return latency_rows("live in Chromium", noted)


def socket(url: str, options: argparse.Namespace) -> list[Row]:
    """Speak over the WebSocket alone, every block sent when its last sample would have been heard."""
    samples = np.rint(32767 * speech(options.seconds)).astype("<i2")
    noted: dict[str, Any] = {"sent": [], "came": []}
    with connect(url.replace("http", "ws") + "/api/live", open_timeout=PATIENCE) as line:
        line.send(json.dumps({"frame": {"head": HEAD_NAME}, "model": DEFAULT}))
        noted["made"] = json.loads(line.recv(PATIENCE))

        def hear() -> None:
            for message in line:
                now = 1000 * time.perf_counter()
                assert isinstance(message, bytes)  # noqa: S101
                noted["came"].append([now, now, *HEAD.unpack(message[: HEAD.size])])

        listener = threading.Thread(target=hear)
        listener.start()
        began = time.perf_counter()
        for stop in range(options.block, len(samples) + 1, options.block):
            time.sleep(max(0, began + stop / SAMPLE_RATE - time.perf_counter()))
            line.send(samples[stop - options.block : stop].tobytes())
            noted["sent"].append([1000 * time.perf_counter(), stop])
        time.sleep(0.5)
        line.close()
        listener.join()
    return latency_rows(f"over the socket, blocks of {options.block} samples", noted)


async def load(url: str, process: int, clients: int) -> list[Row]:
    """Let many clients send a second of speech, wait for their movies and fetch them, all at once."""
    tree = Tree(process)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as first:
        await one(first, 0, clients)  # what is loaded once is loaded
    await asyncio.sleep(1)
    before, began = tree.memory(), time.perf_counter()
    answers: list[float] = []
    stop = asyncio.Event()

    async def watch() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
            while not stop.is_set():
                asked = time.perf_counter()
                (await client.get("/api/about")).raise_for_status()
                answers.append(time.perf_counter() - asked)
                tree.memory()
                await asyncio.sleep(0.25)

    watching = asyncio.create_task(watch())
    async with asyncio.TaskGroup() as group:
        tasks = []
        for number in range(clients):
            client = httpx.AsyncClient(base_url=url, timeout=PATIENCE, headers={"x-client": f"client-{number}"})
            tasks.append(group.create_task(one(client, number, clients)))
    seconds = time.perf_counter() - began
    found = [task.result() for task in tasks]
    stop.set()
    await watching
    await asyncio.sleep(1)
    after = tree.memory()
    asked = [told["created"] for told in sorted(found, key=lambda told: told["ended"])]
    late = sum(earlier > later for earlier, later in pairwise(asked))
    requests = sum(told["requests"] for told in found)
    bad = sum(told["failed"] for told in found)
    return [
        (f"{clients} clients at once, 1 s of speech each", f"{seconds:.0f} s, {seconds / clients:.2f} s a movie"),
        ("requests answered as they should be", f"{requests - bad} of {requests}"),
        ("movies finished before one that was asked for earlier", f"{late} of {clients}"),
        ("different movies; speech in them the client's own", f"{different(found)}; {own(found)} of {clients}"),
        (
            "other requests meanwhile (what there is to choose): median, worst",
            f"{1000 * np.median(answers):.0f} ms, {1000 * max(answers):.0f} ms",
        ),
        ("memory of the server: before, after", f"{before[0]:.0f}, {after[0]:.0f} MB"),
        ("memory of it and its processes: before, most, after", f"{before[1]:.0f}, {tree.most:.0f}, {after[1]:.0f} MB"),
    ]


def different(found: list[dict[str, Any]]) -> int:
    return len({told["movie"] for told in found})


def own(found: list[dict[str, Any]]) -> int:
    return sum(told["own"] for told in found)


async def one(client: httpx.AsyncClient, number: int, clients: int) -> dict[str, Any]:
    """Be one client; tells when the movie was asked for and done, and what was in it."""
    told: dict[str, Any] = {"requests": 0, "failed": 0}

    async def ask(method: str, path: str, status: int, **more: Any) -> httpx.Response:  # noqa: ANN401
        answer = await client.request(method, path, **more)
        told["requests"] += 1
        told["failed"] += answer.status_code != status
        if answer.status_code != status:
            print(method, path, answer.status_code, answer.text[:200], flush=True)
        return answer

    sent = wav(speech(1, number / clients * 10))
    sound = (await ask("POST", "/api/items", 201, params={"name": f"{number}.wav"}, content=sent)).json()
    request = {"speech": sound["id"], "frame": {"head": HEAD_NAME}, "model": DEFAULT}
    movie = (await ask("POST", "/api/movies", 202, json=request)).json()
    path = f"/api/items/{movie['id']}"
    async with client.stream("GET", f"{path}/events") as stream:
        lines = [line[6:] async for line in stream.aiter_lines() if line.startswith("data: ")]
    told["ended"] = time.perf_counter()
    last = json.loads(lines[-1])
    told["created"] = last["created"]
    told["requests"] += 1
    told["failed"] += last["state"] != "done"
    frames = (await ask("GET", f"{path}/frames", 200, params={"count": last["pictures"]["frames"]})).content
    told["movie"] = hashlib.sha256(frames).hexdigest()
    again, _ = soundfile.read(io.BytesIO((await ask("GET", f"{path}/speech.wav", 200)).content), dtype="int16")
    told["own"] = bool(np.array_equal(again, soundfile.read(io.BytesIO(sent), dtype="int16")[0]))
    await ask("GET", f"{path}/movie.mp4", 200)
    # Ids are all that opens an item: one that nobody was given opens nothing.
    guess = movie["id"][:-1] + ("A" if movie["id"][-1] != "A" else "B")
    await ask("GET", f"/api/items/{guess}/frames", 404)
    for identity in (movie["id"], sound["id"]):
        await ask("DELETE", f"/api/items/{identity}", 204)
    await ask("GET", path, 404)
    await client.aclose()
    return told


if __name__ == "__main__":
    main()
