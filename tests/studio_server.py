"""A studio that runs while tests ask it things, on a free port of loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from seido.studio.application import application
from seido.studio.limits import Limits
from seido.studio.serving import listen

PATIENCE = 400.0
"""Seconds: a busy machine is slow, and no test measures time."""
PATIENT = Limits(look_seconds=int(PATIENCE))


@dataclass(frozen=True)
class Studio:
    url: str
    root: Path
    client: httpx.Client

    def send(self, content: bytes, name: str = "file", **headers: str) -> httpx.Response:
        return self.client.post("/api/items", params={"name": name}, content=content, headers=headers)

    def sent(self, content: bytes, name: str = "file") -> dict[str, Any]:
        answer = self.send(content, name)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def ask(self, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.client.get(path) if body is None else self.client.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def events(self, identity: str) -> list[dict[str, Any]]:
        """Every event of an item until it has ended."""
        found = []
        with self.client.stream("GET", f"/api/items/{identity}/events") as stream:
            for line in stream.iter_lines():
                found += [json.loads(line[6:])] if line.startswith("data: ") else []
        return found

    def made(self, request: dict[str, Any], path: str = "/api/movies") -> dict[str, Any]:
        """Ask for something that waits in line, and wait for it."""
        return self.events(self.ask(path, request, 202)["id"])[-1]


@contextmanager
def running(
    root: Path, limits: Limits | None = None, models: Path | None = None, token: str | None = None
) -> Iterator[Studio]:
    with listen("127.0.0.1", 0) as socket:
        app = application(root, limits or PATIENT, models, token)
        config = uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            lifespan="on",
            loop="asyncio",
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{socket.getsockname()[1]}"
        with httpx.Client(base_url=url, timeout=PATIENCE) as client:
            yield Studio(url, root, client)
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
