"""The studio's web application: the page, the API with its OpenAPI description, and answers for what goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from seido.studio.guard import App, Guard
from seido.studio.jobs import Jobs
from seido.studio.limits import Limits
from seido.studio.problems import ProblemError, not_found
from seido.studio.routes_items import item_routes
from seido.studio.routes_live import live_routes
from seido.studio.routes_make import make_routes
from seido.studio.routes_see import see_routes

PAGE = Path(__file__).parent / "page"
REPORT = Path(__file__).parents[1] / "report" / "page"
SHARED = ("page.css", "player.css", "stretch.js")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_CODES = {404: "not_found", 405: "method", 413: "too_many_bytes", 415: "unknown_kind"}


def application(root: Path, limits: Limits | None = None, models: Path | None = None, token: str | None = None) -> App:
    """Make the application that a server such as uvicorn runs.

    Parameters
    ----------
    root
        Folder for what is sent and made; the studio deletes in it what it put there.
    limits
        What is accepted and kept.
    models
        A folder of checkpoints, or one, to offer beside the bundled models.
    token
        What every request must carry; None lets in whoever reaches it by a name of loopback.

    """
    limits = limits or Limits()
    jobs = Jobs(root, limits, models)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with jobs.open():
            yield

    # The usual pages that show an API load scripts from another host; the description itself is there.
    app = FastAPI(
        title="seido studio",
        version=version("seido"),
        description="Speech and one MRI frame become the movie of the vocal tract that spoke.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    for router in (item_routes(jobs), make_routes(jobs), see_routes(jobs), live_routes(jobs)):
        app.include_router(router)
    _answer_problems(app)
    _serve_page(app)
    return Guard(app, limits, token)


def _serve_page(app: FastAPI) -> None:
    # The look and the slow speech are those of the evaluation's page.
    shared = {name: REPORT / name for name in SHARED}
    files = {path.name: path for path in sorted(PAGE.iterdir()) if path.suffix in _TYPES} | shared

    @app.get("/", include_in_schema=False)
    def front() -> Response:
        return FileResponse(files["index.html"], media_type=_TYPES[".html"])

    @app.get("/page/{name}", include_in_schema=False)
    def part(name: str) -> Response:
        if name not in files:
            raise not_found()
        return FileResponse(files[name], media_type=_TYPES[files[name].suffix], headers={"cache-control": "no-cache"})


def _answer_problems(app: FastAPI) -> None:
    @app.exception_handler(ProblemError)
    def problem(_: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)  # noqa: S101  (handlers are called with what they are entered for)
        return _answer(error)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        first = error.errors()[0]
        where = ".".join(str(part) for part in first.get("loc", ()) if part != "body")
        return _answer(ProblemError("invalid", f"{where or 'the body'}: {first.get('msg', 'is not valid')}"))

    @app.exception_handler(HTTPException)
    def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        code = _CODES.get(error.status_code, "invalid")
        sentence = not_found().message if code == "not_found" else str(error.detail).lower()
        return _answer(ProblemError(code, sentence), error.headers)

    @app.exception_handler(FileNotFoundError)
    def deleted(_: Request, __: Exception) -> Response:
        # Between looking it up and reading it.
        return _answer(not_found())

    @app.exception_handler(Exception)
    def mistake(_: Request, __: Exception) -> Response:
        return _answer(ProblemError("internal", "the studio made a mistake; try again, and report it if it stays"))


def _answer(problem: ProblemError, headers: Any = None) -> Response:  # noqa: ANN401  (starlette's own)
    return JSONResponse(problem.as_json(), problem.status, headers)
