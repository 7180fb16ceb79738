"""What the studio holds: sounds, pictures, movies, labels and comparisons, each known only by its id."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from seido.errors import SeidoError
from seido.studio.problems import ProblemError
from seido.timebase import exact_rate

Kind = Literal["sound", "picture", "movie", "labels", "comparison"]
State = Literal["waiting", "working", "done", "failed", "cancelled"]
ENDED: frozenset[State] = frozenset({"done", "failed", "cancelled"})
FRAMES = "frames.raw"
"""All frames of a movie, uint8, one after another: any of them is found by its number, exactly."""
SPEECH = "speech.wav"
"""16 kHz, mono, 16 bit."""
SOURCE = "source"
"""The file as it was sent."""
MOVIE = "movie.mp4"
LABELS = "labels.json"
"""Tiers of labels that go with it."""
_ID_BYTES = 18


def new_id() -> str:
    """Draw an id that nobody can guess: 144 random bits in 24 letters, digits, - and _."""
    return secrets.token_urlsafe(_ID_BYTES)


@dataclass(frozen=True)
class Pictures:
    """The size of what lies in an item's frames: numbers that were checked against the file's own size."""

    frames: int
    height: int
    width: int
    channels: Literal[1, 3]
    rate: Fraction

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.height * self.width * self.channels

    @classmethod
    def read(cls, raw: dict[str, Any], file: Path) -> Pictures:
        """Take what a child process said of the frames it wrote; raises ProblemError when the file says otherwise."""
        try:
            channels = raw["channels"]
            found = cls(int(raw["frames"]), int(raw["height"]), int(raw["width"]), channels, exact_rate(raw["rate"]))
            fits = min(found.frames, found.height, found.width) > 0 and channels in {1, 3}
            if fits and file.stat().st_size == found.frames * found.frame_bytes:
                return found
        except (KeyError, TypeError, ValueError, OSError, SeidoError):
            pass
        raise ProblemError("died", "the process that decodes gave an answer that makes no sense; send another file")

    def as_json(self) -> dict[str, Any]:
        """List them, the rate as "25" or "1159/50" and the length in seconds."""
        return {
            "frames": self.frames,
            "height": self.height,
            "width": self.width,
            "channels": self.channels,
            "rate": str(self.rate),
            "seconds": float(self.frames / self.rate),
        }


@dataclass(frozen=True)
class Progress:
    """How far a job is: `done` of `total` in the stage it is in."""

    stage: str = ""
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class Item:
    """One thing held. Its folder bears its id; whoever has the id may see it, and nobody else."""

    id: str
    kind: Kind
    name: str
    """As its sender called it: shown, never used as a path."""
    owner: str
    """Who waits in line for it; never told."""
    state: State = "done"
    created: float = field(default_factory=time.time)
    progress: Progress = Progress()
    pictures: Pictures | None = None
    seconds: float | None = None
    """Of its sound."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What else is known: how it was made, tiers, scores."""
    problem: dict[str, Any] | None = None

    def as_json(self, hours: int, place: int | None = None) -> dict[str, Any]:
        """List what its holder may know; `place` is how many are before it in line."""
        return {
            "id": self.id,
            "kind": self.kind,
            "name": self.name,
            "state": self.state,
            "created": self.created,
            "expires": self.created + hours * 3600,
            "progress": {"stage": self.progress.stage, "done": self.progress.done, "total": self.progress.total},
            "place": place,
            "pictures": None if self.pictures is None else self.pictures.as_json(),
            "seconds": self.seconds,
            "facts": self.facts,
            "problem": self.problem,
        }
