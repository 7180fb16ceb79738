"""`seido models`: which models there are, what they are, and other forms of them."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterator, Sequence
from pathlib import Path

from cyclopts import App
from rich.console import Console

from seido.cli.codes import DONE, SOME_LEFT_OUT
from seido.errors import OutputError
from seido.files import require_parent
from seido.models.averaging import average_checkpoints
from seido.models.baselines import TITLES
from seido.models.catalogue import ModelFacts, Unreadable, list_models, read_facts
from seido.models.checkpoint import Kind, save_checkpoint
from seido.models.half import as_notes, write_half
from seido.models.movers import MOVERS
from seido.models.movers import TITLES as MOVER_TITLES
from seido.models.removers import REMOVERS
from seido.models.removers import TITLES as REMOVER_TITLES
from seido.movie.export import export_onnx
from seido.movie.heads import bundled_heads
from seido.plan import Plan

models_app = App(name="models", help="List models, tell what one is, export or shrink it, or average several.")
_out = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)

_KINDS: dict[Kind, str] = {
    "wav2lip": "generator",
    "syncnet": "sync expert",
    "discriminator": "discriminator",
    "csapo-dnn": "baseline",
    "csapo-cnn": "baseline",
    "csapo-lstm": "baseline",
    "oura-blstm": "baseline",
    "tract": "generator",
    "trial-e": "generator",
    "trial-hb": "generator",
    "frcrn": "noise remover",
    "frcrn-small": "noise remover",
}
_PURPOSES: dict[Kind, str] = {
    "wav2lip": "a generator: from speech and one picture, it draws the picture for each moment of the speech",
    "syncnet": "a sync expert: it judges whether speech and five frames in a row belong together",
    "discriminator": "a discriminator: it judges whether a frame is real or generated; it serves training only",
    "csapo-dnn": f"a baseline: {TITLES['csapo-dnn']} that draws pictures from speech alone",
    "csapo-cnn": f"a baseline: {TITLES['csapo-cnn']} that draws pictures from speech alone",
    "csapo-lstm": f"a baseline: {TITLES['csapo-lstm']} that draws pictures from speech alone",
    "oura-blstm": f"a baseline: {TITLES['oura-blstm']} that draws pictures from speech alone",
    "tract": "a generator: from speech and one picture, which it moves, it makes the picture of each moment",
    "trial-e": f"{MOVER_TITLES['trial-e']}: it warps one picture, to be measured beside ours",
    "trial-hb": f"{MOVER_TITLES['trial-hb']}: it warps one picture and adds to it, to be measured beside ours",
    "frcrn": f"{REMOVER_TITLES['frcrn']}: from speech in noise, as a whole, it makes speech",
    "frcrn-small": f"{REMOVER_TITLES['frcrn-small']}: from speech in noise, 40 ms ahead, it makes speech",
}
_RECIPES = {
    "tract": "the first frame alone, and it predicts the whole frame (recipe tract)",
    "talk": "the frame without its lower half, and a reference frame; it completes the lower half (recipe talk)",
}
_HEAD = ("model", "kind", "width", "frames/s", "region", "step", "validation", "size", "licence")
_UNKNOWN = "–"
_TOLD = ("step", "licence", "published", "clips", "recordings", "seconds", "init_sha256", "averaged", "view")
"""Notes of the plan that have a line of their own."""


@models_app.command(name="list")
def list_verb(*places: Path, json: bool = False) -> int:
    """List the bundled models, and the checkpoints in folders.

    Parameters
    ----------
    places
        Folders, searched to the bottom, or files.
    json
        Print everything as JSON, an object for each file.

    """
    found = list(list_models(places))
    unreadable = [one for one in found if isinstance(one, Unreadable)]
    if json:
        _out.print(json_text.dumps([one.as_json() for one in found], ensure_ascii=False, indent=1))
    else:
        for line in _table([one for one in found if isinstance(one, ModelFacts)]):
            _out.print(line)
        for one in unreadable:
            _out.print(f"left out: {one.reason}")
        if not found:
            _out.print("no model comes with this seido, and none was found; name folders of your own runs")
        _out.print(f"first frames that come with seido: {', '.join(bundled_heads())}")
    return SOME_LEFT_OUT if unreadable else DONE


@models_app.command(name="show")
def show_verb(model: str, *, json: bool = False) -> None:
    """Tell everything a model says of itself.

    Parameters
    ----------
    model
        Name of a bundled model, or a checkpoint file.
    json
        Print it as JSON.

    """
    facts = read_facts(model)
    if json:
        _out.print(json_text.dumps(facts.as_json(), ensure_ascii=False, indent=1))
        return
    for line in describe(facts):
        _out.print(line)


@models_app.command(name="export")
def export_verb(model: Path, out: Path, *, json: bool = False) -> None:
    """Write a model's network as ONNX, checked against torch; needs the extra `export`.

    Parameters
    ----------
    model
        Checkpoint file.
    out
        File to write: .onnx.
    json
        Print what was written as JSON.

    """
    made = export_onnx(model, out)
    if json:
        told = {"path": str(out), "kind": made.kind, "largest_difference": made.difference}
        _out.print(json_text.dumps(told, ensure_ascii=False, indent=1))
        return
    inputs = ", ".join(f"{port.name} (batch, {', '.join(map(str, port.shape))})" for port in made.inputs)
    _out.print(f"{out}: {inputs} to {', '.join(made.outputs)}; float32, any batch")
    _out.print(f"onnxruntime and torch differ by at most {made.difference:.1g} on drawn inputs")


@models_app.command(name="half")
def half_verb(model: Path, out: Path, *, note: tuple[str, ...] = ()) -> None:
    """Write a model's weights in half the bytes, with its plan and its card: MODEL OUT.

    Parameters
    ----------
    model
        Checkpoint file.
    out
        File to write: .safetensors; the card goes beside it as .md.
    note
        NAME=TEXT to put into the plan's notes, like faces=left; may be repeated.

    """
    made = write_half(model, out, as_notes(note))
    beside = f"; its card is {made.card}" if made.card else ""
    change = f"weights changed by at most {made.difference:.1g} of their layer's largest"
    _out.print(f"{out}: {_megabytes(made.size)}, {change}{beside}")


@models_app.command(name="average")
def average_verb(first: Path, /, *files: Path) -> None:
    """Average the weights of checkpoints of one network: FILE FILE … OUT.

    Batch normalisation's statistics are averaged with them, which is an approximation: score the outcome.

    Parameters
    ----------
    first
        The first checkpoint; its plan is kept.
    files
        The other checkpoints, and at last the file to write: .safetensors, not there yet.

    """
    *others, out = (first, *files)
    if out.suffix.lower() != ".safetensors":
        raise OutputError(f"{out}: the average is written as .safetensors; name such a file last")
    if out.exists():
        raise OutputError(f"{out}: it is there already, and the average goes to the last name given; name a new file")
    require_parent(out)
    weights, plan = average_checkpoints(others)
    save_checkpoint(out, weights, plan)
    _out.print(f"{out}: the mean of {len(others)} checkpoints; `seido evaluate` tells whether it is better than they")


def describe(facts: ModelFacts) -> Iterator[str]:
    """Say in words, line by line, what a checkpoint is, what it expects, and where it comes from."""
    rows = [row for row in _rows(facts) if row[1]]
    width = max(len(name) for name, _ in rows)
    yield facts.name
    for name, text in rows:
        yield f"  {name:<{width}}  {text}"


def _rows(facts: ModelFacts) -> Iterator[tuple[str, str]]:
    plan, notes = facts.plan, facts.plan.notes
    network, ears, rate = plan.network, plan.front_end, plan.rate
    yield "what it is", _PURPOSES[facts.kind]
    yield "published", f"it is {facts.published} as published with Wav2Lip, byte for byte" if facts.published else ""
    yield "network", f"{_width(plan)}, {facts.parameters:,} parameters, {_megabytes(facts.size)}"
    if facts.kind == "wav2lip":
        yield "output", "changes to the reference picture" if network.residual else "pictures painted anew"
        yield "what it sees", _RECIPES.get(plan.recipe, f"recipe {plan.recipe}")
    if facts.kind == "syncnet":
        yield "what it sees", "whole frames" if notes.get("view") == "whole" else "the lower half of frames"
    if facts.kind in REMOVERS:
        yield "what it hears", "sound at 16 kHz, in frames of 40 ms every 20 ms"
    else:
        shrinking = "low-passed when shrunk" if plan.antialias else "not low-passed when shrunk"
        yield "pictures", f"{network.size} × {network.size} pixels inside, {shrinking}"
        yield "frame rate", f"{float(rate):g} frames/s, a picture every {float(1000 / rate):.1f} ms"
        yield "region", _region(plan)
    if facts.kind not in ("discriminator", *REMOVERS):
        heard = f"{1000 * ears.window * ears.hop / ears.sample_rate:g} ms of speech {_beginning(facts)}"
        if facts.kind in MOVERS:
            heard = "the speech before and after a frame too"
        bands = f"{ears.bands} mel bands from {ears.lowest:g} to {ears.highest:g} Hz"
        if ears.encoder is not None:
            bands = f"{ears.bands} features of a frozen encoder, {ears.encoder},"
        yield "what it hears", f"{heard}, as {bands} every {1000 * ears.hop / ears.sample_rate:g} ms"
    yield "trained on", _data(plan)
    yield "begun from", f"the weights with SHA-256 {notes['init_sha256']}" if "init_sha256" in notes else ""
    yield "average of", ", ".join(notes.get("averaged", "").split())
    yield "steps", "" if facts.step is None else f"{facts.step:,} of training"
    yield "validation", "" if facts.validation is None else f"loss {facts.validation:.4g}; less is better"
    yield "licence", facts.licence or "none noted; ask whoever trained it"
    for name, text in notes.items():
        if name not in _TOLD and not name.startswith("validation"):
            yield name.replace("_", " "), text
    yield "file", f"SHA-256 {facts.sha256}"


def _beginning(facts: ModelFacts) -> str:
    lead = float(1000 * facts.plan.front_end.lead)
    frame = "the first of the five frames" if facts.kind == "syncnet" else "the frame"
    if not lead:
        return f"from when {frame} begins"
    return f"from {abs(lead):g} ms {'before' if lead > 0 else 'after'} {frame} begins"


def _data(plan: Plan) -> str:
    if not plan.corpus:
        return "not noted in the file"
    clips, seconds = plan.notes.get("clips"), plan.notes.get("seconds")
    if plan.network.name in REMOVERS:
        return f"{plan.notes.get('recordings')} recordings of speech, {seconds} s; their SHA-256 is {plan.corpus}"
    amount = f"{clips} clips, {seconds} s; " if clips and seconds else ""
    return f"{amount}their manifest has SHA-256 {plan.corpus}"


def _region(plan: Plan) -> str:
    if plan.region is None and plan.network.name in MOVERS:
        return "looked for in each first frame, unless --region is given"
    if plan.region is None:
        return "not noted: give --region when generating"
    region, size = plan.region, plan.frame_size
    of = f" of frames of {size[1]} × {size[0]} pixels" if size else ""
    return f"{region.width} × {region.height} pixels, {region.x} from the left and {region.y} from the top{of}"


def _width(plan: Plan) -> str:
    width = plan.network.width
    if plan.network.name in MOVERS:
        return f"width {width}"
    return "the published size" if width == 1 else f"{width} of the published network's channels"


def _table(models: Sequence[ModelFacts]) -> Iterator[str]:
    if not models:
        return
    cells = [_HEAD, *map(_cells, models)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _cells(facts: ModelFacts) -> tuple[str, ...]:
    return (
        facts.name,
        _KINDS[facts.kind],
        str(facts.plan.network.width),
        f"{float(facts.plan.rate):g}",
        str(facts.plan.region or _UNKNOWN),
        _UNKNOWN if facts.step is None else str(facts.step),
        _UNKNOWN if facts.validation is None else f"{facts.validation:.4g}",
        _megabytes(facts.size),
        facts.licence or _UNKNOWN,
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
