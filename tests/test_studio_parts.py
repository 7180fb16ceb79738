"""Parts of the studio by themselves: what is let in, who waits for whom, and what a process may do."""

from __future__ import annotations

import asyncio
import io
import signal
import subprocess
import sys
from fractions import Fraction

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("fastapi", reason="the studio is not installed: pip install 'seido[studio]'")

from seido.cli import main
from seido.errors import BadInputError, MissingExtraError
from seido.studio.child import named
from seido.studio.content import content_of
from seido.studio.guard import Guard
from seido.studio.items import Pictures
from seido.studio.limits import Limits
from seido.studio.problems import ProblemError
from seido.studio.queue import FairQueue
from seido.studio.running import died, run_task
from seido.studio.serving import serve
from seido.studio.store import Store


@pytest.mark.parametrize(
    ("head", "content"),
    [
        (b"RIFF\x24\0\0\0WAVEfmt ", "media"),
        (b"fLaC\0\0\0\x22", "media"),
        (b"OggS\0\x02", "media"),
        (b"ID3\x04", "media"),
        (b"\xff\xfb\x90", "media"),
        (b"\0\0\0\x20ftypisom", "media"),
        (b"\x1aE\xdf\xa3", "media"),
        (b"RIFF\0\0\0\0AVI LIST", "media"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "picture"),
        (b"\xff\xd8\xff\xe0", "picture"),
        (b"II*\0", "picture"),
        (b'File type = "ooTextFile"\n', "labels"),
        ('File type = "ooTextFile"\n'.encode("utf-16"), "labels"),
        (b"\xef\xbb\xbf" + b'"ooTextFile"', "labels"),
        (b"", None),
        (b"\x93NUMPY", None),
        (b"\x89HDF\r\n\x1a\n", None),
        (b"PK\x03\x04", None),
        (b"<svg xmlns", None),
        (b"#EXTM3U", None),
        (b"BMW is a car", None),
    ],
)
def test_content_tells_what_a_file_is(head, content):
    assert content_of(head) == content


@given(st.binary(max_size=64))
def test_any_beginning_is_judged(head):
    assert content_of(head) in {"media", "picture", "labels", None}


def test_owners_take_turns():
    queue = FairQueue(Limits(waiting_each=3, waiting=7))
    for name in ("a1", "a2", "a3", "b1", "c1", "c2"):
        queue.put(name[0], name)
    expected = ["a1", "b1", "c1", "a2", "c2", "a3"]
    assert queue.order() == expected
    with pytest.raises(ProblemError) as error:
        queue.put("a", "a4")
    assert error.value.status == 429
    queue.put("b", "b2")
    with pytest.raises(ProblemError, match="too many"):
        queue.put("d", "d1")
    queue.remove("b2")
    queue.remove("unknown")

    async def drain():
        return [await queue.take() for _ in range(6)]

    assert asyncio.run(drain()) == expected
    assert len(queue) == 0


@given(st.lists(st.sampled_from("abcd"), max_size=12))
def test_nobody_waits_for_more_than_one_movie_of_each_other(owners):
    queue = FairQueue(Limits(waiting=50, waiting_each=50))
    for number, owner in enumerate(owners):
        queue.put(owner, f"{owner}{number}")
    order = queue.order()
    assert sorted(order) == sorted(f"{owner}{number}" for number, owner in enumerate(owners))
    for owner in set(owners):
        before = order[: next(at for at, name in enumerate(order) if name[0] == owner)]
        assert len({name[0] for name in before}) == len(before)


def test_limits_and_pictures_are_checked(tmp_path):
    with pytest.raises(BadInputError, match="hours"):
        Limits(hours=0)
    file = tmp_path / "frames.raw"
    file.write_bytes(bytes(2 * 3 * 4))
    told = {"frames": 2, "height": 3, "width": 4, "channels": 1, "rate": "25"}
    found = Pictures.read(told, file)
    assert found.as_json() == told | {"seconds": 0.08}
    assert found.rate == Fraction(25)
    for lie in ({"frames": 3}, {"channels": 2}, {"rate": "0"}, {"height": -3, "width": -4}, {"frames": "x"}):
        with pytest.raises(ProblemError, match="makes no sense"):
            Pictures.read(told | lie, file)


def test_a_store_deletes_only_what_it_made(tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    (tmp_path / f"item-{'x' * 24}").mkdir()
    store = Store(tmp_path, Limits())
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    item = store.add("sound", "../../etc/passwd", "me")
    assert store.folder(item.id).parent == tmp_path.resolve()
    assert len(item.id) == 24
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(ProblemError):
        store.get(item.id)


def test_a_full_store_takes_no_more(tmp_path):
    store = Store(tmp_path, Limits(disk_bytes=10))
    item = store.add("sound", "a", "me")
    store.require_room()
    (store.folder(item.id) / "x").write_bytes(bytes(10))
    store.weigh(item.id)
    with pytest.raises(ProblemError) as error:
        store.require_room()
    assert error.value.status == 507


def test_paths_become_the_names_that_senders_gave():
    said = named("/x/a/source: cut off; see /x/a/other", {"/x/a/source": "ma.wav"})
    assert said == "ma.wav: cut off; see other"


def _look(tmp_path, content, data, limits=None, **options):
    source = tmp_path / "source"
    source.write_bytes(data)
    request = {"source": str(source), "content": content, "names": {str(source): "mine"}}
    return asyncio.run(run_task("look", request, tmp_path, limits or Limits(), **options))


def test_a_process_that_grows_too_large_is_an_error_message(tmp_path):
    stream = io.BytesIO()
    Image.new("RGB", (4000, 4000)).save(stream, "PNG")
    with pytest.raises(ProblemError) as error:
        _look(tmp_path, "picture", stream.getvalue(), Limits(memory_bytes=80 << 20))
    assert error.value.code in {"out_of_memory", "unreadable"}
    assert str(tmp_path) not in error.value.message


def test_a_bomb_is_refused_after_decoding(tmp_path):
    stream = io.BytesIO()
    Image.new("1", (9000, 9000)).save(stream, "PNG")
    with pytest.raises(ProblemError) as error:
        _look(tmp_path, "picture", stream.getvalue())
    assert error.value.code == "too_many_pixels"
    assert error.value.status == 413


def test_a_process_that_takes_too_long_is_an_error_message(tmp_path):
    with pytest.raises(ProblemError) as error:
        _look(tmp_path, "media", b"RIFF", seconds=0.01)
    assert error.value.code == "out_of_time"


def test_a_process_out_of_processor_time_is_an_error_message():
    endless = "from seido.studio.child import limit\nlimit(1 << 30, 1, 1 << 20)\nwhile True: pass"
    done = subprocess.run([sys.executable, "-c", endless], check=False)
    assert done.returncode == -signal.SIGXCPU
    assert died(done.returncode).code == "out_of_time"
    assert {died(code).code for code in (-signal.SIGKILL, -signal.SIGABRT)} == {"out_of_memory"}
    assert died(-signal.SIGXFSZ).code == "too_large"
    assert {died(code).code for code in (0, 1, -signal.SIGSEGV)} == {"died"}


@pytest.mark.parametrize("junk", [b"RIFF....WAVEfmt \xff", b"\0\0\0\x20ftypisom" + bytes(40), b"ID3" + bytes(100)])
def test_damaged_files_are_told_in_one_sentence(tmp_path, junk):
    with pytest.raises(ProblemError) as error:
        _look(tmp_path, "media", junk)
    assert error.value.code == "unreadable"
    assert error.value.message.startswith("mine: ")


async def _app(scope, receive, send):
    count = 0
    while True:
        message = await receive()
        count += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(count).encode()})


def _request(token=None, url="http://localhost:1/", method="GET", limits=None, app=_app, **options):
    async def ask():
        transport = httpx.ASGITransport(Guard(app, limits or Limits(), token))
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.request(method, url, **options)

    return asyncio.run(ask())


def test_only_loopback_names_reach_a_studio_without_a_token():
    for host in ("localhost", "127.0.0.1:8640", "[::1]:99"):
        assert _request(url=f"http://{host}/").status_code == 200
    for host in ("example.org", "127.0.0.1.example.org", "192.168.0.7:8640"):
        answer = _request(url=f"http://{host}/")
        assert answer.status_code == 403
        assert answer.json()["code"] == "forbidden"


def test_other_sites_cannot_change_anything():
    assert _request(method="POST", headers={"origin": "http://localhost:1"}).status_code == 200
    for origin in ("http://example.org", "http://localhost:2", "null"):
        assert _request(method="POST", headers={"origin": origin}).status_code == 403
        assert _request(method="DELETE", headers={"origin": origin}).status_code == 403


def test_a_token_lets_in_by_header_cookie_or_once_by_address():
    url = "http://studio.example:80/"
    assert _request("abc", url).status_code == 401
    assert _request("abc", url, headers={"authorization": "Bearer abd"}).status_code == 401
    assert _request("abc", url, headers={"authorization": "Bearer abc"}).status_code == 200
    assert _request("abc", url, headers={"cookie": "seido-token=abc"}).status_code == 200
    assert _request("abc", url, headers={"cookie": "seido-token=ab\xfc".encode("latin-1")}).status_code == 401
    entered = _request("abc", f"{url}?token=abc")
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert entered.headers["set-cookie"] == "seido-token=abc; HttpOnly; SameSite=Strict; Path=/"
    assert _request("abc", f"{url}?token=abd").status_code == 401


@pytest.mark.parametrize(
    ("token", "headers", "opened"),
    [
        (None, {"host": "localhost:1"}, True),
        (None, {"host": "localhost:1", "origin": "http://localhost:1"}, True),
        (None, {"host": "localhost:1", "origin": "http://example.org"}, False),
        (None, {"host": "example.org"}, False),
        ("abc", {"host": "example.org"}, False),
        ("abc", {"host": "example.org", "cookie": "seido-token=abc", "origin": "http://example.org"}, True),
        ("abc", {"host": "example.org", "cookie": "seido-token=abc", "origin": "http://example.net"}, False),
    ],
)
def test_sockets_are_opened_under_the_same_rules(token, headers, opened):
    sent, entered = [], []

    async def inner(scope, receive, send):
        entered.append(scope["type"])

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message["type"])

    scope = {"type": "websocket", "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
    asyncio.run(Guard(inner, Limits(), token)(scope, receive, send))
    assert (entered, sent) == ((["websocket"], []) if opened else ([], ["websocket.close"]))


def test_bodies_are_counted_even_without_a_length():
    limits = Limits(json_bytes=1000, upload_bytes=3000)

    async def parts():
        for _ in range(20):
            yield bytes(100)

    assert _request(method="POST", content=bytes(1001), limits=limits).status_code == 413
    assert _request(method="POST", content=parts(), limits=limits).status_code == 413
    upload = "http://localhost/api/items"
    assert _request(url=upload, method="POST", content=bytes(2000), limits=limits).text == "2000"
    assert _request(url=upload, method="POST", content=bytes(3001), limits=limits).status_code == 413


def test_who_waits_when_the_server_closes_is_told():
    async def closing(scope, receive, send):
        raise asyncio.CancelledError

    answer = _request(app=closing)
    assert (answer.status_code, answer.json()["code"]) == (503, "closing")


def test_every_answer_tells_the_browser_what_it_may_do():
    for answer in (_request(), _request(url="http://example.org/")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_the_command_says_what_is_wrong(capsys, tmp_path, monkeypatch):
    assert main(["studio", "--models", str(tmp_path / "none")]) == 2
    assert "none: there is no such folder" in capsys.readouterr().err
    assert main(["studio", "--port", "99999"]) == 2
    assert main(["studio", "--host", "203.0.113.1", "--port", "0"]) == 2
    assert "cannot listen" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtraError, match=r"seido\[studio\]"):
        serve("127.0.0.1", 0)


def test_frames_of_colour_and_grey_are_decoded_exactly(tmp_path):
    rows = np.arange(12 * 10 * 3, dtype=np.uint8).reshape(12, 10, 3)
    stream = io.BytesIO()
    Image.fromarray(rows).save(stream, "PNG")
    found = _look(tmp_path, "picture", stream.getvalue())
    assert found["pictures"] == {"frames": 1, "height": 12, "width": 10, "channels": 3, "rate": "1"}
    assert (tmp_path / "frames.raw").read_bytes() == rows.tobytes()
