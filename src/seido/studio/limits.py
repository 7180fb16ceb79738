"""What the studio accepts and keeps: every limit in one place, and all of them told to the page."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from seido.errors import BadInputError

_MEBI = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Limits of one studio; each is a whole number above 0."""

    upload_bytes: int = 200 * _MEBI
    """Of one file that is sent."""
    json_bytes: int = _MEBI
    """Of any other request's body."""
    seconds: int = 600
    """Length of one recording or movie."""
    pixels: int = 4_000_000
    """Of one picture, after decoding."""
    volume: int = 600 * _MEBI
    """Bytes of all frames of one movie, unpacked."""
    waiting: int = 200
    """Movies that wait to be made, of everybody."""
    waiting_each: int = 10
    """Movies that wait to be made, of one client."""
    disk_bytes: int = 8 << 30
    """What everything kept may take; beyond it new files are refused."""
    live: int = 2
    """People who speak live at once."""
    items: int = 5000
    """Things that are kept."""
    hours: int = 24
    """After so long everything is deleted."""
    memory_bytes: int = 4 << 30
    """Data that a process that decodes or generates may hold."""
    cpu_seconds: int = 3600
    """Processor time of such a process."""
    wall_seconds: int = 3600
    """How long such a process may run."""
    look_seconds: int = 120
    """How long looking at a file that was sent may take."""
    gif_frames: int = 500
    """Frames of an exported GIF."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise BadInputError(f"the studio's limit {field.name} should be at least 1")

    def as_json(self) -> dict[str, Any]:
        """List them all."""
        return asdict(self)
