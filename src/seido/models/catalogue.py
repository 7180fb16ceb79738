"""What can be told of a checkpoint without running it, and which checkpoints lie in folders."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from seido import files
from seido.clips.store import MANIFEST, RECORDINGS
from seido.errors import BadInputError, SeidoError
from seido.models.checkpoint import Kind, load_checkpoint
from seido.models.registry import bundled_models, find_model
from seido.plan import Plan

SUFFIXES = frozenset({".safetensors", ".pth", ".pt", ".ckpt"})
"""What files of weights are called; only these are looked at in folders."""

_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
_SCORE = "validation"
_RUN_STATE = "training"
"""What the state that a training run goes on from has in its header."""


@dataclass(frozen=True)
class ModelFacts:
    """What a checkpoint says of itself."""

    name: str
    """Of a bundled model, or the path."""
    path: Path
    kind: Kind
    plan: Plan
    parameters: int
    """Numbers that training sets; the counts and averages of batch normalisation are left out."""
    size: int
    """Bytes on disk."""
    sha256: str
    """Of the file."""
    step: int | None
    """Training steps behind it, where it says so."""
    published: str | None
    """Name of the published file that it is, byte for byte."""

    @property
    def validation(self) -> float | None:
        """Its validation loss, where its notes name one."""
        for name, value in self.plan.notes.items():
            if name.startswith(_SCORE):
                try:
                    return float(value)
                except ValueError:
                    return None
        return None

    @property
    def licence(self) -> str | None:
        """What its notes say of who may use it."""
        return self.plan.notes.get("licence")

    def as_json(self) -> dict[str, Any]:
        """List everything, ready for JSON."""
        return {
            "name": self.name,
            "path": str(self.path),
            "kind": self.kind,
            "published": self.published,
            "parameters": self.parameters,
            "bytes": self.size,
            "sha256": self.sha256,
            "step": self.step,
            "validation": self.validation,
            "licence": self.licence,
            "plan": json.loads(self.plan.to_json()),
        }


@dataclass(frozen=True)
class Unreadable:
    """A file that should hold weights and cannot be used."""

    name: str
    reason: str
    """One sentence that names the file and the cure."""

    def as_json(self) -> dict[str, Any]:
        """List everything, ready for JSON."""
        return {"name": self.name, "problem": self.reason}


def read_facts(name_or_path: str | Path) -> ModelFacts:
    """Read a checkpoint, whole, and tell what it is; a bundled model's name does as well.

    Raises BadInputError where load_checkpoint does, and for the state of a training run.
    """
    path = find_model(name_or_path)
    if _is_run_state(path):
        raise BadInputError(
            f"{path}: this is the state that a training run goes on from; its model is best.safetensors beside it"
        )
    checkpoint = load_checkpoint(path, expect=None)
    return ModelFacts(
        name=str(name_or_path),
        path=path,
        kind=checkpoint.kind,
        plan=checkpoint.plan,
        parameters=sum(t.numel() for name, t in checkpoint.weights.items() if not name.endswith(_STATISTICS)),
        size=path.stat().st_size,
        sha256=files.sha256(path),
        step=checkpoint.step,
        published=checkpoint.known,
    )


def list_models(places: Sequence[Path] = ()) -> Iterator[ModelFacts | Unreadable]:
    """Tell of the bundled models, then of every file of weights in `places`, folders or files, sorted by name.

    Folders are searched to the bottom; hidden files and folders, prepared clips and the states of training runs are
    passed over. Raises BadInputError, before the first, when one of the places is not there.
    """
    for place in places:
        if not place.exists():
            raise BadInputError(f"{place}: there is no such folder or file; check the name")
    names: list[str | Path] = [*bundled_models(), *_weight_files(places)]
    return (_facts_or_reason(name) for name in names)


def _facts_or_reason(name: str | Path) -> ModelFacts | Unreadable:
    try:
        return read_facts(name)
    except SeidoError as error:
        return Unreadable(str(name), str(error))


def _weight_files(places: Sequence[Path]) -> list[Path]:
    found = []
    for place in places:
        if place.is_file():
            found.append(place)
            continue
        for path in sorted(place.rglob("*")):
            hidden = any(part.startswith(".") for part in path.relative_to(place).parts)
            clips = path.parent.name == RECORDINGS and (path.parent.parent / MANIFEST).exists()
            if path.suffix.lower() in SUFFIXES and path.is_file() and not hidden and not clips:
                found.append(path)
    return list(dict.fromkeys(path for path in found if not _is_run_state(path)))


def _is_run_state(path: Path) -> bool:
    if path.suffix != ".safetensors" or not path.is_file():
        return False
    try:
        with safe_open(path, framework="pt") as archive:
            return _RUN_STATE in (archive.metadata() or {})
    except (SafetensorError, OSError):
        return False  # load_checkpoint says what is wrong with it
