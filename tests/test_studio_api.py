"""The studio's API, asked over HTTP as any client would: what is sent, made, seen, taken home and deleted."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import soundfile
from PIL import Image
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

pytest.importorskip("fastapi", reason="the studio is not installed: pip install 'seido[studio]'")

from seido.corpus.sound import read_speech
from seido.corpus.textgrid import read_textgrid
from seido.corpus.video import probe_movie, read_movie
from seido.movie.generate import GenerateOptions, at_level, generate, load_generator
from seido.movie.heads import read_head
from seido.report.kymograph import Line, kymograph
from seido.scores.articulators import region_series, suggest_regions
from seido.studio.speaking_wire import HEAD
from seido.values import Speech
from studio_server import PATIENCE, PATIENT, Studio, running

MODEL = "tract-phantom-1"
SAMPLE = "F1_zh_001"


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> Iterator[Studio]:
    limits = replace(PATIENT, upload_bytes=3_000_000, seconds=20, pixels=400_000, waiting_each=3)
    with running(tmp_path_factory.mktemp("studio"), limits) as one:
        yield one


@pytest.fixture(scope="module")
def sample(studio) -> dict:
    return studio.ask(f"/api/samples/{SAMPLE}", {}, 201)


def sound(seconds: float = 0.6, rate: int = 16_000, kind: str = "WAV") -> bytes:
    time = np.arange(round(seconds * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * 150 * time) * (1 - np.cos(2 * np.pi * 4 * time))
    stream = io.BytesIO()
    soundfile.write(stream, tone, rate, format=kind)
    return stream.getvalue()


@pytest.fixture(scope="module")
def speech(studio) -> dict:
    return studio.sent(sound(), "tone.wav")


@pytest.fixture(scope="module")
def made(studio, speech) -> tuple[dict, list[dict]]:
    """A movie made from a sound and a bundled head, and all events on the way."""
    request = {"speech": speech["id"], "frame": {"head": "man"}, "model": MODEL, "denoise": False}
    events = studio.events(studio.ask("/api/movies", request, 202)["id"])
    assert events[-1]["state"] == "done", events[-1]
    return events[-1], events


def frames_of(studio: Studio, item: dict) -> np.ndarray:
    size = item["pictures"]
    answer = studio.client.get(f"/api/items/{item['id']}/frames", params={"count": size["frames"]})
    assert answer.status_code == 200
    return np.frombuffer(answer.content, np.uint8).reshape(size["frames"], size["height"], size["width"])


def test_what_there_is_to_choose_from_is_told(studio):
    about = studio.ask("/api/about")
    assert MODEL in [one["name"] for one in about["models"]]
    assert {"man", "woman-whole"} <= set(about["heads"])
    assert SAMPLE in about["samples"]
    assert about["limits"]["seconds"] == 20
    assert str(studio.root) not in studio.client.get("/api/about").text


def test_doubt_makes_a_movie_in_colour(studio, speech):
    request = {"speech": speech["id"], "frame": {"head": "man"}, "model": MODEL, "doubt": True}
    item = studio.events(studio.ask("/api/movies", request, 202)["id"])[-1]
    assert item["state"] == "done", item
    assert item["pictures"]["channels"] == 3


def test_a_made_movie_is_the_librarys_own(studio, speech, made, tmp_path):
    (tmp_path / "tone.wav").write_bytes(sound())
    item, events = made
    expected = np.stack(list(generate(tmp_path / "tone.wav", read_head("man"), GenerateOptions(model=MODEL))))
    # The studio's processes have threads of their own number, and sums of floats their own order.
    apart = np.abs(frames_of(studio, item).astype(int) - expected)
    assert apart.max() <= 1
    assert apart.mean() < 1e-3
    assert item["pictures"]["rate"] == "25"
    assert item["facts"]["model"] == MODEL
    assert [event["state"] for event in events][-1] == "done"
    assert {"waiting", "working"} & {event["state"] for event in events}
    answer = studio.client.get(f"/api/items/{item['id']}/movie.mp4", params={"save": "ma\n/α.mp4"})
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''ma%CE%B1.mp4"
    (tmp_path / "movie.mp4").write_bytes(answer.content)
    info = probe_movie(tmp_path / "movie.mp4")
    assert (info.frames, info.rate, info.sound) == (len(expected), Fraction(25), True)
    (tmp_path / "speech.wav").write_bytes(studio.client.get(f"/api/items/{item['id']}/speech.wav").content)
    assert len(read_speech(tmp_path / "speech.wav").samples) == 9600


def test_a_sent_movies_frames_are_exact_and_found_by_number(studio, movie_file):
    path = movie_file(frames=30, size=(50, 46))
    item = studio.sent(path.read_bytes(), "<b>mine</b>.mp4")
    expected = read_movie(path).frames
    assert (item["kind"], item["name"]) == ("movie", "<b>mine</b>.mp4")
    assert (frames_of(studio, item) == expected).all()
    some = studio.client.get(f"/api/items/{item['id']}/frames", params={"first": 28, "count": 10}).content
    assert some == expected[28:].tobytes()
    png = studio.client.get(f"/api/items/{item['id']}/frames/7.png").content
    assert (np.asarray(Image.open(io.BytesIO(png))) == expected[7]).all()
    line = "20,5,30.5,44"
    strip = studio.client.get(f"/api/items/{item['id']}/kymograph.png", params={"line": line, "first": 3, "count": 20})
    assert (np.asarray(Image.open(io.BytesIO(strip.content))) == kymograph(expected[3:23], Line.parse(line))).all()
    gif = studio.client.get(f"/api/items/{item['id']}/movie.gif", params={"first": 5, "count": 10}).content
    with Image.open(io.BytesIO(gif)) as image:
        # Frames that are alike are one in the file, shown for longer.
        lengths = []
        for number in range(image.n_frames):
            image.seek(number)
            lengths.append(image.info["duration"])
        assert len(lengths) > 5
        assert sum(lengths) == 400
    again = studio.client.get(f"/api/items/{item['id']}/movie.mp4")
    assert again.content[4:8] == b"ftyp"


def test_series_are_the_librarys_own(studio, sample):
    found = studio.ask(f"/api/items/{sample['id']}/series")
    frames = frames_of(studio, sample)
    regions = suggest_regions(frames)
    assert found["names"] == ["lips", "tongue_tip", "tongue_body", "velum"]
    assert found["regions"] == [str(regions.regions[name]) for name in found["names"]]
    expected = region_series(frames, regions)[:, :4]
    assert pytest.approx(expected, abs=1e-5) == np.array(found["values"]).T
    rows = list(csv.reader(io.StringIO(studio.client.get(f"/api/items/{sample['id']}/series.csv").text)))
    assert rows[0] == ["time_s", *found["names"]]
    assert float(rows[1][0]) == pytest.approx(0.5 / (346 / 25), abs=1e-6)
    assert len(rows) == 1 + len(frames)


def test_a_movie_in_which_nothing_moves_says_so(studio, speech):
    stream = io.BytesIO()
    Image.fromarray(np.full((40, 40), 90, np.uint8)).save(stream, "PNG")
    picture = studio.sent(stream.getvalue(), "still.png")
    answer = studio.client.get(f"/api/items/{picture['id']}/series")
    assert (answer.status_code, answer.json()["code"]) == (422, "nothing_moves")
    assert studio.client.get(f"/api/items/{picture['id']}/speech.wav").json()["code"] == "wrong_kind"
    assert studio.client.get(f"/api/items/{speech['id']}/frames").json()["code"] == "wrong_kind"


def test_labels_come_with_a_sample_and_go_home_as_a_textgrid(studio, sample, tmp_path):
    tiers = studio.ask(f"/api/items/{sample['id']}/labels")
    assert [tier["name"] for tier in tiers["tiers"]] == ["words", "phones"]
    answer = studio.client.post("/api/textgrid", json=tiers)
    (tmp_path / "a.TextGrid").write_bytes(answer.content)
    grid = read_textgrid(tmp_path / "a.TextGrid")
    assert [one.text for one in grid.tiers[1].intervals if one.text] == [
        text for _, _, text in tiers["tiers"][1]["labels"]
    ]
    sent = studio.sent(answer.content, "a.TextGrid")
    assert sent["kind"] == "labels"
    assert studio.ask(f"/api/items/{sent['id']}/labels") == tiers
    crossed = {"seconds": 1.0, "tiers": [{"name": "a", "labels": [[0, 0.6, "x"], [0.5, 1, "y"]]}]}
    assert studio.ask("/api/textgrid", crossed, 422)["code"] == "invalid"


def test_a_region_is_suggested_and_one_that_does_not_fit_refused(studio, sample, speech):
    request = {"frame": {"item": sample["id"], "number": 3}, "model": MODEL}
    found = studio.ask("/api/suggestions", request)
    assert found["head"]
    assert not found["looks_right"]
    assert [int(side) for side in found["region"].split(",")][2:] == [128, 128]
    movie = {"speech": speech["id"], "model": MODEL}
    for frame, region, status in [
        ({"item": sample["id"]}, "200,200,100,100", 422),
        ({"item": sample["id"]}, "1,1,0,5", 422),
        ({"item": sample["id"], "number": 49}, None, 422),
        ({"item": speech["id"]}, None, 409),
        ({"item": "x" * 24}, None, 404),
        ({"head": "nobody"}, None, 422),
        ({"head": "man", "item": sample["id"]}, None, 422),
        ({}, None, 422),
    ]:
        studio.ask("/api/movies", movie | {"frame": frame, "region": region}, status)
    assert studio.ask("/api/movies", {**movie, "frame": {"head": "man"}, "model": "../x"}, 409)["code"] == "no_model"


def test_two_movies_are_scored(studio, made):
    told = studio.made({"first": made[0]["id"], "other": made[0]["id"]}, "/api/comparisons")
    assert told["state"] == "done", told
    scores = told["facts"]["scores"]
    assert scores["ssim"] == pytest.approx(1)
    assert scores["motion_correlation"] == pytest.approx(1)
    assert scores["first_frame"]["ssim"] < 1
    assert told["facts"]["fitted"] == []


def test_waiting_is_fair_and_can_be_broken_off(studio, speech):
    request = {"speech": speech["id"], "frame": {"head": "man"}, "model": MODEL}
    ask = studio.client.post
    mine = [ask("/api/movies", json=request, headers={"x-client": "me"}).json() for _ in range(4)]
    other = ask("/api/movies", json=request, headers={"x-client": "you"}).json()
    places = [studio.ask(f"/api/items/{one['id']}")["place"] for one in (*mine[1:], other)]
    assert places[-1] < places[1]
    refused = ask("/api/movies", json=request, headers={"x-client": "me"})
    assert (refused.status_code, refused.json()["code"]) == (429, "queue_full")
    for one in (*mine, other):
        told = ask(f"/api/items/{one['id']}/cancel").json()
        assert told["state"] == "cancelled"
        assert studio.events(one["id"])[-1]["state"] == "cancelled"
        assert studio.client.get(f"/api/items/{one['id']}/movie.mp4").json()["code"] == "not_ready"


def test_what_is_deleted_is_gone_for_everybody(studio):
    item = studio.sent(sound(), "a.wav")
    folder = studio.root / f"item-{item['id']}"
    assert folder.is_dir()
    assert studio.client.delete(f"/api/items/{item['id']}").status_code == 204
    assert not folder.exists()
    for path in ("", "/speech.wav", "/events"):
        assert studio.client.get(f"/api/items/{item['id']}{path}").status_code == 404


def test_nobody_finds_what_he_does_not_hold(studio, made):
    identity = made[0]["id"]
    changed = identity[:-1] + ("A" if identity[-1] != "A" else "B")
    for path in (f"/api/items/{changed}", f"/api/items/{changed}/frames", f"/api/items/{changed}/movie.mp4"):
        assert studio.client.get(path).status_code == 404
    for path in ("/api/items", f"/page/{identity}", f"/item-{identity}/movie.mp4", f"/page/..%2F..%2Fitem-{identity}"):
        assert studio.client.get(path).status_code in {404, 405}
    assert identity not in studio.client.get("/api/about").text


def _bomb() -> bytes:
    stream = io.BytesIO()
    Image.new("1", (3000, 3000)).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 415, "unknown_kind"),
        (b"MZ\x90 rubbish", 415, "unknown_kind"),
        (b"RIFF\x24\0\0\0WAVEfmt rubbish", 422, "unreadable"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), 422, "unreadable"),
        (b'File type = "ooTextFile"\nObject class = "TextGrid"\n', 422, "unreadable"),
        (sound(21, 8000), 413, "too_long"),
        (bytes(3_000_001), 413, "too_many_bytes"),
    ],
    ids=["empty", "program", "wav", "png", "textgrid", "long", "large"],
)
def test_what_cannot_be_used_is_refused_with_a_code_and_a_cure(studio, content, status, code):
    before = len(list(studio.root.iterdir()))
    answer = studio.send(content, "x/../y.wav")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert str(studio.root) not in answer.text
    assert len(list(studio.root.iterdir())) == before


def test_a_bomb_is_refused(studio):
    assert studio.send(_bomb()).json()["code"] == "too_many_pixels"


def test_silence_is_refused_as_speech(studio):
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros(8000), 16_000, format="FLAC")
    answer = studio.send(stream.getvalue(), "quiet.flac")
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("quiet.flac: nothing but silence")


def test_the_page_and_its_parts_are_small_and_ask_nobody_else(studio):
    page = studio.client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    total, waiting, seen = len(page.content), ["index.html"], set()
    import re

    texts = {"index.html": page.text}
    while waiting:
        text = texts[waiting.pop()]
        for name in re.findall(r'/page/([\w.]+)"', text):
            if name not in seen:
                seen.add(name)
                answer = studio.client.get(f"/page/{name}")
                assert answer.status_code == 200, name
                total += len(answer.content)
                texts[name] = answer.text
                waiting.append(name)
    assert {"studio.js", "page.css", "stretch.js", "capture.js"} <= seen
    assert total <= 300_000
    for name, text in texts.items():
        assert not re.search(r"https?://(?!www\.w3\.org/)", text), name


def test_both_languages_say_the_same_things(studio):
    import re

    text = studio.client.get("/page/words.js").text
    tables = re.findall(r"const (en|ja) = \{(.*?)\n\};", text, re.DOTALL)
    words = {name: dict(re.findall(r'(\w+): "((?:[^"\\]|\\.)*)"', body)) for name, body in tables}
    assert set(words["en"]) == {key for key in words["ja"] if not key.startswith("code_")}
    for key, english in words["en"].items():
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", words["ja"][key])), key
    page = studio.client.get("/").text
    for key in re.findall(r'data-word(?:-\w+)?="(\w+)"', page):
        assert key in words["en"], key


def _spoken(studio, count: int, **request):
    """Speak a tone in blocks of 40 ms, each after the one before; returns what was told and the frames that came.

    It is as loud as the model wants it: a whole sound is brought to that level, live speech cannot be.
    """
    tone = Speech(soundfile.read(io.BytesIO(sound()), dtype="float32")[0], 16_000)
    samples = np.rint(32767 * at_level(tone, load_generator(MODEL)[1]).samples).astype("<i2")
    with connect(studio.url.replace("http", "ws") + "/api/live", open_timeout=PATIENCE) as socket:
        socket.send(json.dumps({"frame": {"head": "man"}, "model": MODEL, **request}))
        told, found = json.loads(socket.recv(PATIENCE)), []
        if "problem" in told:
            return told, found
        for at in range(count):
            socket.send(samples[640 * at : 640 * (at + 1)].tobytes())
            while at >= 8:
                found.append(socket.recv(PATIENCE))
                if HEAD.unpack(found[-1][: HEAD.size])[0] > 0.04 * at - 0.3:
                    break
        return told, found


def test_live_speech_gives_the_frames_that_the_whole_would(studio, made):
    told, found = _spoken(studio, 15)
    expected = frames_of(studio, made[0])
    assert (told["height"], told["width"], told["channels"], told["rate"]) == (128, 128, 1, "25")
    assert 0 < told["look_ahead"] < 0.3
    assert found
    for message in found:
        middle, took, _ = HEAD.unpack(message[: HEAD.size])
        assert took > 0
        frame = np.frombuffer(message[HEAD.size :], np.uint8).reshape(128, 128).astype(int)
        assert np.abs(frame - expected[round(middle * 25 - 0.5)]).max() <= 1


def test_live_requests_that_cannot_be_followed_are_told_why(studio):
    assert _spoken(studio, 1, model="none")[0]["problem"]["code"] == "no_model"
    assert _spoken(studio, 1, frame={})[0]["problem"]["code"] == "invalid"
    assert _spoken(studio, 1, more=1)[0]["problem"]["code"] == "invalid"
    with pytest.raises(InvalidStatus):
        connect(studio.url.replace("http", "ws") + "/api/live", origin="http://example.org")
