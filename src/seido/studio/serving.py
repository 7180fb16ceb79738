"""`seido studio`: the web application behind a server on one address of this machine."""

from __future__ import annotations

import ipaddress
import secrets
import signal
import socket
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import NoReturn

from seido.errors import BadInputError, MissingExtraError
from seido.studio.limits import Limits

PORT = 8640
_FAREWELL = 3
"""Seconds that open connections are given when the server is interrupted: pages that watch a job never hang up."""
_TOKEN_BYTES = 18


def serve(
    host: str,
    port: int,
    *,
    models: Path | None = None,
    data: Path | None = None,
    limits: Limits | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve the studio until it is interrupted.

    Parameters
    ----------
    host, port
        Where to listen; port 0 takes one that is free. Anywhere but on loopback, a token is needed to come in.
    models
        Checkpoints to offer beside the bundled models.
    data
        Folder for what is sent and made, a temporary one unless given. Either way it is deleted at the end.
    limits
        What is accepted and kept.
    told
        Called with the address to open, once the server listens.

    Raises MissingExtraError without the extra `studio`, and BadInputError where it cannot listen.

    """
    try:
        import uvicorn

        from seido.studio.application import application
    except ImportError as error:
        raise MissingExtraError("the studio", "studio") from error
    if models is not None and not models.exists():
        raise BadInputError(f"{models}: there is no such folder or file of models; check --models")
    if not 0 <= port <= 65535:
        raise BadInputError(f"--port {port}: give a number from 0 to 65535")
    token = None if is_loopback(host) else secrets.token_urlsafe(_TOKEN_BYTES)
    with ExitStack() as stack:
        # Uvicorn ends in order when it is terminated, and then lets the signal do what it did before: nothing is left.
        before = signal.signal(signal.SIGTERM, _leave)
        stack.callback(signal.signal, signal.SIGTERM, before)
        listening = stack.enter_context(listen(host, port))
        root = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seido-studio-")))
        app = application(root, limits, models, token)
        told(address(host, listening.getsockname()[1], token))
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=_FAREWELL,
        )
        uvicorn.Server(config).run(sockets=[listening])


def _leave(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches a host's name.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; raises BadInputError in one sentence where that cannot be."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise BadInputError(
            f"--host {host} --port {port}: cannot listen there ({error.strerror}); choose another"
        ) from error


def address(host: str, port: int, token: str | None) -> str:
    """Write the address that a browser opens; with the token, which it shows once.

    >>> address("127.0.0.1", 8640, None), address("0.0.0.0", 80, "abc")
    ('http://127.0.0.1:8640/', 'http://0.0.0.0:80/?token=abc')
    """
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + ("" if token is None else f"?token={token}")
