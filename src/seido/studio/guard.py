"""What stands before every request: who may come in, how much may be sent, what the browser may do."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from seido.studio.limits import Limits
from seido.studio.problems import ProblemError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
COOKIE = "seido-token"
UPLOAD = "/api/items"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
}
_SAFE = {"GET", "HEAD"}


class Guard:
    """Wraps the application.

    Without a token (bound to loopback) only requests that name loopback as their host are let in, so that no foreign
    page reaches the studio by renaming it. With one, a request needs it: as `Authorization: Bearer`, as a cookie, or
    once as `/?token=`, which sets the cookie. Requests that change something must not come from another origin.
    Bodies are counted as they arrive.
    """

    def __init__(self, app: App, limits: Limits, token: str | None) -> None:
        self._app = app
        self._limits = limits
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["type"] == "websocket":
            await self._open_socket(scope, headers, receive, send)
            return
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                given = {name.lower() for name, _ in message.get("headers", ())}
                more = {"cache-control": "no-store", **_HEADERS}
                message["headers"] = [
                    *message.get("headers", ()),
                    *((name.encode(), value.encode()) for name, value in more.items() if name.encode() not in given),
                ]
            await send(message)

        try:
            self._check_host(headers)
            if scope["method"] not in _SAFE:
                _require_own_origin(headers)
            if await self._enters(scope, headers, sent):
                return
            await self._app(scope, self._counted(scope, headers, receive), sent)
        except ProblemError as problem:
            if not begun:
                await _answer(problem, sent)
        except asyncio.CancelledError:
            # The server closes and waits for nobody any longer.
            if not begun:
                await _answer(ProblemError("closing", "the studio is being closed; open it again"), sent)

    async def _open_socket(self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send) -> None:
        """Let a WebSocket in under the same rules; browsers always name the origin of one."""
        try:
            self._check_host(headers)
            _require_own_origin(headers)
            self._require_token(headers)
        except ProblemError:
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._app(scope, receive, send)

    def _check_host(self, headers: dict[str, str]) -> None:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        if self._token is None and host not in LOOPBACK:
            raise ProblemError("forbidden", "the studio answers to localhost alone; open it by that name")

    async def _enters(self, scope: Scope, headers: dict[str, str], send: Send) -> bool:
        """Check the token; True when the visitor was sent on to the page, with a cookie."""
        if self._token is None:
            return False
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        if scope["path"] == "/" and _same(given, self._token):
            cookie = f"{COOKIE}={self._token}; HttpOnly; SameSite=Strict; Path=/"
            found = [(b"location", b"/"), (b"set-cookie", cookie.encode())]
            await send({"type": "http.response.start", "status": 303, "headers": found})
            await send({"type": "http.response.body", "body": b""})
            return True
        self._require_token(headers)
        return False

    def _require_token(self, headers: dict[str, str]) -> None:
        if self._token is None:
            return
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            morsel = None
        if not (_same(bearer, self._token) or _same(morsel.value if morsel else "", self._token)):
            raise ProblemError("no_token", "a token is needed; open the address that `seido studio` printed")

    def _counted(self, scope: Scope, headers: dict[str, str], receive: Receive) -> Receive:
        most = self._limits.upload_bytes if scope["path"] == UPLOAD else self._limits.json_bytes
        problem = ProblemError("too_many_bytes", f"this is more than {most >> 20} MB; send less", limit=most)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > most:
            raise problem
        count = 0

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > most:
                raise problem
            return message

        return counted


def _require_own_origin(headers: dict[str, str]) -> None:
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        raise ProblemError("forbidden", "this request comes from another site's page")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


async def _answer(problem: ProblemError, send: Send) -> None:
    body = json.dumps(problem.as_json()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
