"""Weights in half the bytes: 16-bit numbers on disk, which become 32-bit again when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from seido import files
from seido.errors import BadInputError, OutputError
from seido.models.checkpoint import load_checkpoint, save_checkpoint
from seido.models.registry import WEIGHTS
from seido.plan import Plan

CARD = "README.md"
"""The model card that training writes beside a checkpoint."""
_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Halved:
    """What was written."""

    path: Path
    plan: Plan
    size: int
    """Bytes."""
    difference: float
    """Largest change of a weight, as a share of the largest weight of its layer."""
    card: Path | None
    """The model card beside it, where the checkpoint had one."""


def write_half(model: Path, out: Path, notes: Mapping[str, str] | None = None) -> Halved:
    """Write a checkpoint's weights as 16-bit floats (IEEE 754), with its plan, its card and where it comes from.

    Parameters
    ----------
    model
        A checkpoint of any kind that load_checkpoint reads.
    out
        File to write, .safetensors; the card goes beside it as .md.
    notes
        Put into the plan's notes, over what is there.

    Reading it back gives float32. Raises BadInputError where the checkpoint cannot be read, OutputError where `out`
    cannot be written or a weight is too large for 16 bits.

    """
    if out.suffix.lower() != _SUFFIX:
        raise OutputError(f"{out}: 16-bit weights are written as {_SUFFIX}; name it {out.stem}{_SUFFIX}")
    files.require_parent(out)
    checkpoint = load_checkpoint(model, expect=None)
    halves, difference = {}, 0.0
    for name, tensor in checkpoint.weights.items():
        halves[name] = tensor.half() if tensor.is_floating_point() else tensor
        if not halves[name].isfinite().all():
            raise OutputError(f"{out}: not written, for {name} of {model} is too large for 16 bits; use it as it is")
        largest = tensor.abs().max().item() if tensor.numel() else 0
        if largest > 0 and tensor.is_floating_point():
            difference = max(difference, (halves[name].float() - tensor).abs().max().item() / largest)
    origin = {"float32_sha256": files.sha256(model)}
    plan = replace(checkpoint.plan, notes={**checkpoint.plan.notes, **origin, **(notes or {})})
    save_checkpoint(out, halves, plan)
    return Halved(out, plan, out.stat().st_size, difference, _card(model, out))


def as_notes(texts: tuple[str, ...]) -> dict[str, str]:
    """Read notes written as NAME=TEXT; raises BadInputError.

    >>> as_notes(("faces=left", "trained on=the phantom"))
    {'faces': 'left', 'trained on': 'the phantom'}
    """
    notes = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise BadInputError(f"note {text!r} should be NAME=TEXT, like faces=left")
        notes[name.strip()] = value.strip()
    return notes


def _card(model: Path, out: Path) -> Path | None:
    """Copy the model's card, under the name of the new file; commands in it get that name."""
    beside, card = model.parent / CARD, out.with_suffix(".md")
    if not beside.is_file():
        return None
    text = beside.read_text(encoding="utf-8").replace(
        model.name, out.stem if out.absolute().parent == WEIGHTS else out.name
    )
    title, newline, rest = text.partition("\n")
    said = f"\n`{out.stem}`: the weights as 16-bit floats.\n"
    files.write_bytes(card, f"{title}{newline}{said}{rest}".encode())
    return card
