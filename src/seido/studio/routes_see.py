"""What is seen of a movie: frames, speech, kymographs, series; and what is taken home: MP4, GIF, PNG, CSV, TextGrid."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, Response
from PIL import Image

from seido.corpus.textgrid import Interval, Point, PointTier, TextGrid, Tier, write_textgrid
from seido.errors import SeidoError
from seido.report.kymograph import Line, kymograph
from seido.studio.items import FRAMES, LABELS, MOVIE, SOURCE, SPEECH, Item, Pictures
from seido.studio.jobs import Jobs
from seido.studio.problems import ProblemError
from seido.studio.raw import between, mapped
from seido.studio.routes_items import ItemPath, errors
from seido.studio.routes_make import require_pictures
from seido.studio.schema import SeriesOut, TextGridRequest, TierBody
from seido.timebase import exact_rate

Answer = TypeVar("Answer")
FrameNumber = Annotated[int, Query(ge=0, le=10_000_000)]
_MOST_AT_ONCE = 32 << 20
"""Bytes of frames in one answer."""
_WIDEST = 4096
"""Columns of a kymograph."""
_FOREVER = {"cache-control": "private, max-age=86400, immutable"}
"""What an id's files hold never changes."""
Download = Annotated[str, Query(max_length=200, description="File name that the browser is to save it under.")]


def see_routes(jobs: Jobs) -> APIRouter:
    """Make the routes of what a movie shows."""
    router = APIRouter(prefix="/api/items/{identity}", tags=["seeing"])
    store = jobs.store

    def pictured(identity: str) -> tuple[Item, Pictures, Path]:
        item = store.finished(identity, "movie", "picture")
        return item, require_pictures(item), store.folder(identity) / FRAMES

    @router.get("/frames", responses=_binary("application/octet-stream"), response_class=Response)
    def frames(identity: ItemPath, first: FrameNumber = 0, count: Annotated[int, Query(ge=1, le=4096)] = 1) -> Response:
        """Send frames as they are: uint8, row by row, one frame after another; at most 32 MB, so perhaps fewer."""
        _, pictures, path = pictured(identity)
        most = max(1, _MOST_AT_ONCE // pictures.frame_bytes)
        return Response(between(path, pictures, first, min(count, most)), 200, _FOREVER, "application/octet-stream")

    @router.get("/frames/{number}.png", responses=_binary("image/png"), response_class=Response)
    def frame(identity: ItemPath, number: int, save: Download = "") -> Response:
        """Send one frame as PNG, exactly."""
        _, pictures, path = pictured(identity)
        mode = "L" if pictures.channels == 1 else "RGB"
        image = Image.frombytes(mode, (pictures.width, pictures.height), between(path, pictures, number, 1))
        return Response(_png(image), 200, _FOREVER | _saved(save), "image/png")

    @router.get("/speech.wav", responses=_binary("audio/wav"), response_class=Response)
    def speech(identity: ItemPath) -> Response:
        """Send the sound: 16 kHz, mono, 16 bit."""
        item = store.finished(identity, "movie", "sound")
        if item.seconds is None:
            raise ProblemError("wrong_kind", f"{item.name} has no sound", kind=item.kind)
        return FileResponse(store.folder(identity) / SPEECH, media_type="audio/wav", headers=_FOREVER)

    @router.get("/labels", responses=_binary("application/json"), response_class=Response)
    def labels(identity: ItemPath) -> Response:
        """Send the tiers of labels that go with an item: as POST /api/textgrid takes them."""
        path = store.folder(store.finished(identity).id) / LABELS
        if not path.exists():
            raise ProblemError("wrong_kind", "no labels go with this; send a TextGrid")
        return FileResponse(path, media_type="application/json", headers=_FOREVER)

    @router.get("/kymograph.png", responses=_binary("image/png"), response_class=Response)
    def strip(
        identity: ItemPath,
        line: Annotated[str, Query(max_length=100, description="X0,Y0,X1,Y1 in pixels.")],
        first: FrameNumber = 0,
        count: Annotated[int, Query(ge=1, le=10_000_000)] = 10_000_000,
    ) -> Response:
        """Send the grey values along a line over some frames, time to the right; at most 4096, evenly chosen."""
        _, pictures, path = pictured(identity)
        if first >= pictures.frames:
            raise ProblemError("invalid", f"first: there are {pictures.frames} frames, numbered from 0")
        last = min(first + count, pictures.frames)
        step = -(-(last - first) // _WIDEST)
        picture = _asked(lambda: kymograph(mapped(path, pictures)[first:last:step], Line.parse(line)))
        return Response(_png(Image.fromarray(picture)), 200, _FOREVER, "image/png")

    async def measured(identity: str) -> tuple[Item, Pictures, SeriesOut]:
        item, pictures, path = pictured(identity)
        request = {"frames": str(path), "pictures": pictures.as_json()}
        found = await jobs.once(f"{identity} series", "measure", request, store.folder(identity))
        return item, pictures, SeriesOut.model_validate(found)

    @router.get("/series", responses=errors(404, 409, 422))
    async def series(identity: ItemPath) -> SeriesOut:
        """Tell how bright the regions of lips, tongue tip, tongue body and velum are in every frame."""
        return (await measured(identity))[2]

    @router.get("/series.csv", responses=_binary("text/csv"), response_class=Response)
    async def series_csv(identity: ItemPath, save: Download = "series.csv") -> Response:
        """Send the same as a table: a row a frame, the time of its middle first."""
        _, pictures, found = await measured(identity)
        rate = exact_rate(pictures.rate)
        rows = [",".join(["time_s", *found.names])]
        rows += [
            ",".join([f"{float((at + exact_rate('1/2')) / rate):.6f}", *(f"{value:.5f}" for value in values)])
            for at, values in enumerate(zip(*found.values, strict=True))
        ]
        return Response("\n".join([*rows, ""]), 200, _saved(save), "text/csv; charset=utf-8")

    async def exported(identity: str, task: str, file: str, **more: Any) -> Path:  # noqa: ANN401  (what JSON holds)
        _, pictures, path = pictured(identity)
        folder = store.folder(identity)
        if not (folder / file).exists():
            store.require_room()
            names = {"frames": str(path), "pictures": pictures.as_json(), "source": str(folder / SOURCE), "out": file}
            try:
                await jobs.once(f"{identity} {file}", task, {**names, **more}, folder)
            finally:
                store.weigh(identity)
        return folder / file

    @router.get("/movie.mp4", responses=_binary("video/mp4"), response_class=Response)
    async def movie(identity: ItemPath, save: Download = "") -> Response:
        """Send the movie as MP4 (H.264 + AAC)."""
        path = await exported(identity, "movie", MOVIE)
        return FileResponse(path, media_type="video/mp4", headers=_FOREVER | _saved(save))

    @router.get("/movie.gif", responses=_binary("image/gif"), response_class=Response)
    async def gif(
        identity: ItemPath,
        first: FrameNumber = 0,
        count: Annotated[int, Query(ge=1, le=10_000)] = 500,
        save: Download = "",
    ) -> Response:
        """Send some frames as an animated GIF without sound."""
        _, pictures, _ = pictured(identity)
        if first >= pictures.frames:
            raise ProblemError("invalid", f"first: there are {pictures.frames} frames, numbered from 0")
        count = min(count, pictures.frames - first, jobs.limits.gif_frames)
        path = await exported(identity, "gif", f"{first}-{count}.gif", first=first, count=count)
        return FileResponse(path, media_type="image/gif", headers=_FOREVER | _saved(save))

    whole = APIRouter()
    whole.include_router(router)

    @whole.post("/api/textgrid", tags=["seeing"], responses=_binary("text/plain", 422), response_class=Response)
    def textgrid(body: TextGridRequest) -> Response:
        """Write tiers as a TextGrid, as Praat does."""
        with TemporaryDirectory(dir=jobs.root) as folder:
            path = Path(folder) / "labels.TextGrid"
            _asked(lambda: write_textgrid(path, TextGrid(body.seconds, tuple(map(_tier, body.tiers)))))
            text = path.read_bytes()
        return Response(text, 200, _saved("labels.TextGrid"), "text/plain; charset=utf-8")

    return whole


def _tier(body: TierBody) -> Tier | PointTier:
    if body.points:
        return PointTier(body.name, tuple(Point(start, text) for start, _, text in body.labels))
    return Tier(body.name, tuple(Interval(start, end, text) for start, end, text in body.labels))


def _asked(work: Callable[[], Answer]) -> Answer:
    """Do what a request asks for; what the library cannot use becomes a ProblemError."""
    try:
        return work()
    except SeidoError as error:
        raise ProblemError("invalid", str(error)) from error


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _binary(kind: str, *statuses: int) -> dict[int | str, dict[str, Any]]:
    return {**errors(404, 409, 422, *statuses), 200: {"content": {kind: {}}, "description": "The file."}}


def _saved(name: str) -> dict[str, str]:
    """Tell the browser to save an answer under a name; control characters and separators are left out."""
    kept = "".join(letter for letter in name if letter.isprintable() and letter not in '/\\"')
    return {"content-disposition": f"attachment; filename*=utf-8''{quote(kept)}"} if kept else {}
