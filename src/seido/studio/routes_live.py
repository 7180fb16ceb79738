"""Speaking live: a WebSocket takes sound as it is spoken and gives the newest frame."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from seido.studio.jobs import Jobs
from seido.studio.problems import ProblemError
from seido.studio.routes_make import frame_of
from seido.studio.running import start
from seido.studio.schema import LiveRequest
from seido.studio.speaking_wire import LENGTH, LONGEST_BLOCK

_PATIENCE = 10
"""Seconds in which the first message must come."""
_TRY_AGAIN, _REFUSED, _DONE = 1013, 1008, 1000


def live_routes(jobs: Jobs) -> APIRouter:
    """Make the route of live speech."""
    router = APIRouter()
    speaking: set[WebSocket] = set()

    @router.websocket("/api/live")
    async def live(socket: WebSocket) -> None:
        """Take one JSON text, a LiveRequest; then binary blocks of 16 kHz mono 16-bit samples, little-endian.

        The answer is one JSON text (rate, height, width, channels, look_ahead in s), then binary messages: seconds of
        the frame's middle (float64), milliseconds it took (float32), frames left out so far (uint32), all
        little-endian, and the frame's pixels. What goes wrong is a JSON text {"problem": …}.
        """
        await socket.accept()
        try:
            if len(speaking) >= jobs.limits.live:
                raise ProblemError("queue_full", "as many people speak as the studio can follow; try again later")
            speaking.add(socket)
            async with asyncio.timeout(_PATIENCE):
                body = LiveRequest.model_validate_json(await socket.receive_text())
            model = (await jobs.choices()).model(body.model)
            where, _, _ = frame_of(jobs.store, body.frame)
            names = {model.path: model.name}
            request = {**body.model_dump(), "frame": where, "model": model.path, "names": names}
            async with asyncio.timeout(jobs.limits.wall_seconds):
                await _relay(socket, request, jobs)
        except ProblemError as problem:
            await _refuse(socket, problem, _TRY_AGAIN if problem.code == "queue_full" else _REFUSED)
        except (ValidationError, TimeoutError, KeyError):
            await _refuse(socket, ProblemError("invalid", "send a request as JSON first, then sound"), _REFUSED)
        except WebSocketDisconnect:
            pass
        finally:
            speaking.discard(socket)

    return router


async def _relay(socket: WebSocket, request: dict[str, Any], jobs: Jobs) -> None:
    """Carry sound to a child process and its frames back until one of both ends."""
    process = await start("seido.studio.speaking", jobs.root)
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None  # noqa: S101  (both were asked for)
    assert stdout is not None  # noqa: S101

    async def sound() -> None:
        stdin.write(json.dumps({**request, "limits": jobs.limits.as_json()}).encode() + b"\n")
        async for block in socket.iter_bytes():
            if len(block) > LONGEST_BLOCK:
                raise ProblemError(
                    "too_many_bytes", "a block of sound is too long; send shorter ones", limit=LONGEST_BLOCK
                )
            stdin.write(LENGTH.pack(len(block)) + block)
            await stdin.drain()

    async def frames() -> None:
        while True:
            length = LENGTH.unpack(await stdout.readexactly(LENGTH.size))[0]
            message = await stdout.readexactly(length)
            if message[:1] == b"F":
                await socket.send_bytes(message[1:])
                continue
            told = json.loads(message[1:])
            if "problem" in told:
                raise ProblemError(told["problem"]["code"], told["problem"]["message"])
            await socket.send_text(json.dumps(told))

    tasks = [asyncio.create_task(sound()), asyncio.create_task(frames())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    except (asyncio.IncompleteReadError, ConnectionError):
        raise ProblemError("died", "the process that follows the speech ended; begin again") from None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())


async def _refuse(socket: WebSocket, problem: ProblemError, code: int) -> None:
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await socket.send_text(json.dumps({"problem": problem.as_json()}))
        await socket.close(code)
