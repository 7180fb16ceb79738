"""What there is to choose from: models, bundled heads and bundled recordings; and the task `models`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seido.movie.heads import HEADS, bundled_heads
from seido.studio.problems import ProblemError

SAMPLES = Path(__file__).parent.parent / "samples"
"""Movies of the phantom with sound."""
SAMPLE_LABELS = Path(__file__).parent / "labels"
"""Words and phones of those, as TextGrids: the phantom's own truth."""


@dataclass(frozen=True)
class Model:
    """A generator that can be chosen."""

    name: str
    path: str
    rate: str
    network: str
    pixels: int
    notes: str

    def as_json(self) -> dict[str, Any]:
        """List what the page may know: not where it lies."""
        return {
            "name": self.name,
            "rate": self.rate,
            "network": self.network,
            "pixels": self.pixels,
            "notes": self.notes,
        }


def models(request: dict[str, Any], _: Callable[[str, int, int], None]) -> dict[str, Any]:
    """List the generators among the bundled models and the files under `folder`; raises SeidoError."""
    from seido.models.catalogue import ModelFacts, list_models
    from seido.models.checkpoint import GENERATORS

    folder = None if request["folder"] is None else Path(request["folder"])
    found = []
    for one in list_models(() if folder is None else (folder,)):
        if not isinstance(one, ModelFacts) or one.kind not in GENERATORS:
            continue
        name = one.name
        if folder is not None and one.path.is_relative_to(folder):
            name = one.path.name if one.path == folder else str(one.path.relative_to(folder))
        network = one.plan.network
        notes = one.plan.notes.get("origin", "")
        found.append(Model(name, str(one.path), str(one.plan.rate), one.kind, network.size, notes))
    return {"models": [vars(one) for one in found]}


@dataclass(frozen=True)
class Choices:
    """Everything a studio offers by name."""

    models: tuple[Model, ...] = ()

    def model(self, name: str) -> Model:
        """Look a model up; raises ProblemError."""
        for one in self.models:
            if one.name == name:
                return one
        if not self.models:
            raise ProblemError("no_model", "the studio has no model: start it with --models and a folder of them")
        raise ProblemError("no_model", f"there is no model {name!r}; choose one of those listed")

    def as_json(self) -> dict[str, Any]:
        """List models, heads and recordings by name."""
        return {
            "models": [one.as_json() for one in self.models],
            "heads": list(bundled_heads()),
            "samples": list(samples()),
        }


def head(name: str) -> Path:
    """Find a bundled head; raises ProblemError."""
    if name not in bundled_heads():
        raise ProblemError("invalid", f"there is no head {name!r}; choose one of {', '.join(bundled_heads())}")
    return HEADS / f"{name}.png"


def samples() -> dict[str, Path]:
    """List the bundled movies of the phantom: each is also a recording."""
    return {path.stem: path for path in sorted(SAMPLES.glob("*.mp4"))}


def sample(name: str) -> tuple[Path, Path]:
    """Find a bundled movie and its labels; raises ProblemError."""
    try:
        return samples()[name], SAMPLE_LABELS / f"{name}.TextGrid"
    except KeyError:
        raise ProblemError("invalid", f"there is no sample {name!r}; choose one of {', '.join(samples())}") from None
