"""Sending files, and what can be done with any item: ask for it, watch it, break it off, delete it."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from seido.studio.choices import sample
from seido.studio.content import HEAD, content_of
from seido.studio.items import ENDED, SOURCE, Item
from seido.studio.jobs import Jobs
from seido.studio.problems import ProblemError
from seido.studio.schema import AboutOut, ItemOut, ProblemOut

Client = Annotated[str | None, Header(max_length=64, description="Any word; movies of one client wait in one line.")]
ItemPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{24}$", description="The item's id.")]
_HEARTBEAT = 15.0
_PAUSE = 0.1
"""Seconds between two events, at least."""


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe which problems an operation answers with."""
    return {status: {"model": ProblemOut} for status in (401, 403, 413, *statuses)}


def owner_of(client: str | None, request: Request) -> str:
    """Tell who waits in line: the word the client gives itself, else its address."""
    return client or (request.client.host if request.client else "")


def item_routes(jobs: Jobs) -> APIRouter:
    """Make the routes of items."""
    router = APIRouter(prefix="/api", tags=["items"])
    store = jobs.store

    def told(item: Item) -> ItemOut:
        return ItemOut.model_validate(item.as_json(jobs.limits.hours, jobs.place(item.id)))

    @router.get("/about", responses=errors())
    async def about() -> AboutOut:
        """Tell which models, heads and samples there are, and every limit."""
        return AboutOut.model_validate(
            {"version": version("seido"), "limits": jobs.limits.as_json(), **(await jobs.choices()).as_json()}
        )

    @router.post(
        "/items",
        status_code=201,
        responses=errors(415, 422, 507),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def send(
        request: Request,
        name: Annotated[str, Query(max_length=200, description="What to call it; only shown.")] = "",
        x_client: Client = None,
    ) -> ItemOut:
        """Send a sound, picture, movie or TextGrid as the request's body; its content tells which it is."""
        store.require_room()
        item = store.add("sound", name or "recording", owner_of(x_client, request), state="working")
        try:
            head = b""
            with (store.folder(item.id) / SOURCE).open("wb") as file:
                async for part in request.stream():
                    head = (head + part)[:HEAD] if len(head) < HEAD else head
                    file.write(part)
            content = content_of(head)
            if content is None:
                raise ProblemError(
                    "unknown_kind",
                    "this is no sound, movie, picture or TextGrid that the studio knows; give wav, flac, mp3, mp4, "
                    "avi, mkv, PNG, JPEG, TIFF or a TextGrid",
                )
        except BaseException:
            store.delete(item.id)
            raise
        return told(await jobs.look(item, content))

    @router.post("/samples/{name}", status_code=201, responses=errors(422, 507))
    async def take(name: Annotated[str, Path(max_length=64)], request: Request, x_client: Client = None) -> ItemOut:
        """Take a bundled movie of the phantom, as if it had been sent."""
        store.require_room()
        file, labels = sample(name)
        item = store.add("movie", name, owner_of(x_client, request), state="working")
        shutil.copyfile(file, store.folder(item.id) / SOURCE)
        return told(await jobs.look(item, "media", labels))

    @router.get("/items/{identity}", responses=errors(404, 422))
    async def ask(identity: ItemPath) -> ItemOut:
        """Tell what an item is and how far it is."""
        return told(store.get(identity))

    @router.get(
        "/items/{identity}/events",
        responses={
            **errors(404, 422),
            200: {"content": {"text/event-stream": {}}, "description": "The item, as often as it changes."},
        },
        response_class=Response,
    )
    async def watch(identity: ItemPath) -> Response:
        """Send the item whenever it changes, as server-sent events, until it has ended."""
        store.get(identity)
        return StreamingResponse(events(identity), media_type="text/event-stream")

    async def events(identity: str) -> AsyncIterator[str]:
        last = ""
        while True:
            try:
                item = store.get(identity)
            except ProblemError as problem:
                yield f"event: gone\ndata: {json.dumps(problem.as_json())}\n\n"
                return
            body = told(item).model_dump_json()
            yield f"data: {body}\n\n" if body != last else ": still there\n\n"
            if item.state in ENDED:
                return
            last = body
            await asyncio.sleep(_PAUSE)
            await store.changed(identity, _HEARTBEAT)

    @router.post("/items/{identity}/cancel", responses=errors(404, 422))
    async def cancel(identity: ItemPath) -> ItemOut:
        """Break an item off; one that has ended stays as it is."""
        jobs.cancel(identity)
        return told(store.get(identity))

    @router.delete("/items/{identity}", status_code=204, response_class=Response, responses=errors(404, 422))
    async def delete(identity: ItemPath) -> Response:
        """Delete an item with all its files."""
        jobs.delete(identity)
        return Response(status_code=204)

    return router
