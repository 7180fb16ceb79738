"""`seido studio`: the page in the browser that makes movies and shows them."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from seido.studio.serving import PORT, serve


def studio_verb(
    *, host: str = "127.0.0.1", port: int = PORT, models: Path | None = None, data: Path | None = None
) -> None:
    """Open the studio: a page in the browser where speech becomes movies, to look at and to compare.

    Parameters
    ----------
    host
        Address to listen on; anywhere but on this machine itself, the page asks for a token.
    port
        Port to listen on; 0 takes a free one.
    models
        Folder of checkpoints to offer beside the bundled models.
    data
        Folder for what is sent and made, which is deleted at the end; a temporary one unless given.

    """
    console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    serve(host, port, models=models, data=data, told=lambda url: console.print(f"the studio is open at {url}"))
