"""Asking for movies, regions and comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from seido.errors import BadInputError
from seido.files import linked
from seido.studio.choices import head
from seido.studio.items import FRAMES, LABELS, SOURCE, Item, Pictures
from seido.studio.jobs import Jobs
from seido.studio.problems import ProblemError
from seido.studio.routes_items import Client, errors, owner_of
from seido.studio.schema import (
    ComparisonRequest,
    FrameChoice,
    ItemOut,
    MovieRequest,
    Suggestion,
    SuggestionRequest,
)
from seido.studio.store import Store
from seido.values import Region


def make_routes(jobs: Jobs) -> APIRouter:
    """Make the routes that put work in line."""
    router = APIRouter(prefix="/api", tags=["making"])
    store = jobs.store

    def told(item: Item) -> ItemOut:
        return ItemOut.model_validate(item.as_json(jobs.limits.hours, jobs.place(item.id)))

    @router.get(
        "/heads/{name}.png", responses={**errors(422), 200: {"content": {"image/png": {}}}}, response_class=Response
    )
    def show_head(name: str) -> Response:
        """Send a bundled head."""
        return FileResponse(head(name), media_type="image/png", headers={"cache-control": "max-age=3600"})

    @router.post("/suggestions", responses=errors(404, 409, 422))
    async def suggest(body: SuggestionRequest) -> Suggestion:
        """Say which region of a frame a model would move, and whether the frame looks like a head that it knows."""
        model = (await jobs.choices()).model(body.model)
        where, _, _ = frame_of(store, body.frame)
        whose = f"{body.frame.item} region {body.frame.number}" if body.frame.item else f"head {body.frame.head}"
        key = f"{whose} {model.name}"
        folder = store.folder(body.frame.item) if body.frame.item else jobs.root
        return Suggestion.model_validate(await jobs.once(key, "suggest", {"frame": where, "model": model.path}, folder))

    @router.post("/movies", status_code=202, responses=errors(404, 409, 422, 429, 507))
    async def make(body: MovieRequest, request: Request, x_client: Client = None) -> ItemOut:
        """Ask for a movie: the answer is an item that waits in line; watch its events until it is done."""
        store.require_room()
        model = (await jobs.choices()).model(body.model)
        speech = store.finished(body.speech, "sound", "movie")
        if speech.seconds is None:
            raise ProblemError("wrong_kind", f"{speech.name} has no sound; give a recording, or a movie with sound")
        _, pictures, frame_name = frame_of(store, body.frame)
        if body.region is not None:
            check_region(body.region, pictures)
        facts: dict[str, Any] = {"speech": speech.name, "frame": frame_name, "model": model.name, "region": body.region}
        facts["labels"] = speech.facts.get("labels", [])
        owner = owner_of(x_client, request)
        item = store.add("movie", speech.name, owner, state="waiting", facts=facts)
        folder = store.folder(item.id)
        recording = linked(store.folder(speech.id) / SOURCE, folder / SOURCE)
        if (store.folder(speech.id) / LABELS).exists():
            linked(store.folder(speech.id) / LABELS, folder / LABELS)
        jobs.submit(
            item,
            "make",
            {
                "speech": str(recording),
                "frame": frame_of(store, body.frame, folder)[0],
                "model": model.path,
                "region": body.region,
                "flip": body.flip,
                "denoise": body.denoise,
                "doubt": body.doubt,
                "names": {str(recording): speech.name, model.path: model.name},
            },
        )
        return told(store.get(item.id))

    @router.post("/comparisons", status_code=202, responses=errors(404, 409, 422, 429, 507))
    async def compare(body: ComparisonRequest, request: Request, x_client: Client = None) -> ItemOut:
        """Ask for the scores of one movie against another: the answer is an item that waits in line."""
        store.require_room()
        both = [store.finished(identity, "movie") for identity in (body.first, body.other)]
        name = f"{both[0].name} | {both[1].name}"
        item = store.add("comparison", name, owner_of(x_client, request), state="waiting")
        folder = store.folder(item.id)
        asked = {
            side: {
                "frames": str(linked(store.folder(one.id) / FRAMES, folder / f"{side}.raw")),
                "pictures": require_pictures(one).as_json(),
            }
            for side, one in zip(("first", "other"), both, strict=True)
        }
        jobs.submit(item, "compare", asked)
        return told(store.get(item.id))

    return router


def frame_of(
    store: Store, choice: FrameChoice, folder: Path | None = None
) -> tuple[dict[str, Any], Pictures | None, str]:
    """Say where a first frame lies, linked into `folder` so that it stays; its size, and its name."""
    if (choice.head is None) == (choice.item is None):
        raise ProblemError("invalid", "frame: give either a head or an item")
    if choice.head is not None:
        return {"path": str(head(choice.head))}, None, choice.head
    item = store.finished(str(choice.item), "picture", "movie")
    pictures = require_pictures(item)
    if choice.number >= pictures.frames:
        raise ProblemError("invalid", f"frame.number: there are {pictures.frames} frames, numbered from 0")
    path = store.folder(item.id) / FRAMES
    if folder is not None:
        path = linked(path, folder / "first.raw")
    size = {"height": pictures.height, "width": pictures.width, "channels": pictures.channels}
    return {"path": str(path), "number": choice.number, **size}, pictures, item.name


def require_pictures(item: Item) -> Pictures:
    """Return the size of an item's frames; raises ProblemError where it has none."""
    if item.pictures is None:
        raise ProblemError("wrong_kind", f"{item.name} has no pictures", kind=item.kind)
    return item.pictures


def check_region(text: str, pictures: Pictures | None) -> None:
    """Raise ProblemError when a region is empty or reaches outside the frame."""
    try:
        region = Region.parse(text)
        if pictures is not None:
            region.within(pictures.height, pictures.width)
    except BadInputError as error:
        raise ProblemError("invalid", str(error)) from error
