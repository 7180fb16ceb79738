"""One checkpoint out of several: the mean of their weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from seido import files
from seido.errors import BadInputError
from seido.models.checkpoint import Checkpoint, load_checkpoint
from seido.plan import Plan

_FEWEST = 2
_OF_ALL = ("published", "licence")
"""Notes that hold for the mean if they hold for one of its parts."""
_OF_ONE = ("step", "validation")
"""How notes begin that are true of one part only."""


def average_checkpoints(paths: Sequence[Path]) -> tuple[dict[str, Tensor], Plan]:
    """Average the weights of checkpoints that share network, front-end, frame rate and recipe (Wortsman et al. 2022).

    Sums are in double precision, and one checkpoint at a time is in memory. Integers (how many batches were counted)
    are the first's. The running statistics of batch normalisation are averaged too. **That is an approximation**: the
    statistics of the mean network are not the mean of the networks' statistics (Izmailov et al. 2018 measure them
    anew). It is close for checkpoints of one run, or fine-tuned from one. The mean of networks trained apart is no
    network at all.

    The plan is the first's. Its notes lose step and validation score, which were of one part; they gain `averaged`,
    the SHA-256 of each part, and the licences of all parts.

    Raises BadInputError for fewer than two, for files that load_checkpoint refuses, and for networks that differ.
    """
    if len(paths) < _FEWEST:
        raise BadInputError(f"averaging: give at least two checkpoints, got {len(paths)}")
    first = load_checkpoint(paths[0], expect=None)
    sums = {name: tensor.double() for name, tensor in first.weights.items() if tensor.is_floating_point()}
    plans = [first.plan]
    for path in paths[1:]:
        part = load_checkpoint(path, expect=None)
        _require_alike(first, part)
        for name, total in sums.items():
            total += part.weights[name]
        plans.append(part.plan)
    means = {
        name: (sums[name] / len(paths)).to(tensor.dtype) if name in sums else tensor.clone()
        for name, tensor in first.weights.items()
    }
    for name, mean in means.items():
        if not torch.isfinite(mean).all():
            raise BadInputError(f"{paths[0]}: averaged with the others, {name} is too large to be written")
    notes = {name: text for name, text in first.plan.notes.items() if not name.startswith(_OF_ONE)}
    notes |= {name: text for name in _OF_ALL if (text := _joined(name, plans))}
    notes["averaged"] = " ".join(files.sha256(path) for path in paths)
    return means, replace(first.plan, notes=notes)


def _require_alike(first: Checkpoint, other: Checkpoint) -> None:
    for what, one, two in _compared(first, other):
        if one != two:
            raise BadInputError(
                f"{other.source}: it cannot be averaged with {first.source}, whose {what} is another "
                f"({one}, here {two}); give checkpoints of one network"
            )


def _compared(first: Checkpoint, other: Checkpoint) -> Iterator[tuple[str, object, object]]:
    """Name what the networks must share so that one weight means the same in both."""
    one, two = first.plan, other.plan
    yield "network", first.kind, other.kind
    yield "width", one.network.width, two.network.width
    yield "output", _output(one), _output(two)
    yield "network", one.network, two.network
    yield "front-end's lead", f"{one.front_end.lead} s", f"{two.front_end.lead} s"
    yield "front-end", one.front_end, two.front_end
    yield "frame rate", f"{float(one.rate):g} frames/s", f"{float(two.rate):g} frames/s"
    yield "recipe", one.recipe, two.recipe
    yield "view of the face", one.notes.get("view"), two.notes.get("view")
    yield "way to shrink pictures", _shrinking(one), _shrinking(two)


def _output(plan: Plan) -> str:
    return "added to the reference" if plan.network.residual else "a picture of its own"


def _shrinking(plan: Plan) -> str:
    return "low-passed" if plan.antialias else "not low-passed"


def _joined(name: str, plans: Sequence[Plan]) -> str:
    return "; ".join(dict.fromkeys(plan.notes[name] for plan in plans if plan.notes.get(name)))
