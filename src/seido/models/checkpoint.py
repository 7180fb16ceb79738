"""Checkpoints: weights with the plan that says what they are for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal, get_args

import torch
from safetensors.torch import save
from torch import Tensor, nn

from seido import files
from seido.errors import BadInputError
from seido.models.baselines import BASELINES, TITLES, new_baseline
from seido.models.blocks import FEWEST_CHANNELS, WIDEST
from seido.models.movers import MOVERS, new_mover
from seido.models.movers import TITLES as MOVER_TITLES
from seido.models.removers import REMOVERS, new_remover
from seido.models.removers import TITLES as REMOVER_TITLES
from seido.models.wav2lip import QualityDiscriminator, SyncNet, Wav2Lip
from seido.models.weight_files import read_weights
from seido.plan import Network, Plan

GeneratorKind = Literal["wav2lip", "csapo-dnn", "csapo-cnn", "csapo-lstm", "oura-blstm", "tract", "trial-e", "trial-hb"]
Trainable = Literal[GeneratorKind, "syncnet", "frcrn", "frcrn-small"]
"""What `seido train --model` takes."""
Kind = Literal[Trainable, "discriminator"]
GENERATORS: tuple[Kind, ...] = get_args(GeneratorKind)
"""Networks that make movies."""

PLAN_KEY = "seido.plan"
"""Where a safetensors header keeps the plan, as JSON."""
PUBLISHED = {
    "ca9ab7b7b812c0e80a6e70a5977c545a1e8a365a6c49d5e533023c034d7ac3d8": "wav2lip_gan.pth",
    "b3f8f6f7e954af02f2ffe0f3ea11f3259af89bff6e70933001c7c6bc8c145d96": "visual_quality_disc.pth",
    "9b9936c721696446eeed353032cab242a8cf0eed8c46cde540366f6ae5493be5": "lipsync_expert.pth",
}
"""SHA-256 of the files published with Wav2Lip, as users have listed them."""

_LICENCE = "research and non-commercial use only"
"""Of the published weights, and of whatever is trained on from them."""

_NAMES: dict[Kind, str] = {
    "wav2lip": "a Wav2Lip generator",
    "syncnet": "a SyncNet sync expert",
    "discriminator": "a visual quality discriminator",
    "csapo-dnn": TITLES["csapo-dnn"],
    "csapo-cnn": TITLES["csapo-cnn"],
    "csapo-lstm": TITLES["csapo-lstm"],
    "oura-blstm": TITLES["oura-blstm"],
    "tract": MOVER_TITLES["tract"],
    "trial-e": MOVER_TITLES["trial-e"],
    "trial-hb": MOVER_TITLES["trial-hb"],
    "frcrn": REMOVER_TITLES["frcrn"],
    "frcrn-small": REMOVER_TITLES["frcrn-small"],
}
_CURES: dict[Kind, str] = {kind: f"give one that `seido train --model {kind}` made" for kind in get_args(Trainable)} | {
    "wav2lip": "give the generator's, such as wav2lip_gan.pth or one that seido trained",
    "syncnet": "give the expert's, such as lipsync_expert.pth",
    "discriminator": "give the discriminator's, such as visual_quality_disc.pth",
}
_SIGNS: tuple[tuple[str, Kind], ...] = (
    ("face_decoder_blocks.", "wav2lip"),
    ("binary_pred.", "discriminator"),
    ("face_encoder.", "syncnet"),
)
_SIGNED = tuple(kind for _, kind in _SIGNS)
_FACE_DETECTOR_SIGNS = ("L2Norm3_3.", "conv3_3_norm", "conv1_1.")
_NAMED_AT_MOST = 3


@dataclass(frozen=True)
class Checkpoint:
    """A network's weights, complete and finite, and what is known of them."""

    kind: Kind
    weights: dict[str, Tensor]
    """By published name; float32 on the CPU."""
    plan: Plan
    source: Path
    step: int | None = None
    """Training steps behind it, where the file says so."""
    known: str | None = None
    """Name of the published file that it is, byte for byte."""


def load_checkpoint(path: str | Path, expect: Kind | tuple[Kind, ...] | None = "wav2lip") -> Checkpoint:
    """Read a checkpoint: seido's own, or one of Wav2Lip's in any of the formats that are around.

    `expect` is the network wanted, or several of which any will do; None takes every kind. Files without a
    plan get that of the published network, its width told from the weights' shapes. No code in a file is run, see
    weight_files.read_weights.

    Raises BadInputError when the file cannot be read, is another network's, or its weights are not all there, do not
    fit together or are not finite.
    """
    path = Path(path)
    found = read_weights(path)
    text = found.metadata.get(PLAN_KEY)
    planned = None if text is None else Plan.from_json(text, str(path))
    # All but Wav2Lip's and released noise removers are seido's own: there is none without a plan.
    kind = (planned and _planned(planned)) or _kind(path, found.weights)
    wanted = (expect,) if isinstance(expect, str) else expect
    if wanted is not None and kind not in wanted:
        raise BadInputError(f"{path}: these are the weights of {_NAMES[kind]}; {_CURES[wanted[0]]}")

    plan = planned or Plan(network=Network(name=kind))
    if text is None or plan.network.name != kind:
        width = _width(path, kind, found.weights)
        plan = replace(plan, network=replace(plan.network, name=kind, width=width))
    weights = _checked(path, _empty(kind, plan), found.weights)
    known = PUBLISHED.get(files.sha256(path)) if text is None else None
    if known:
        plan = replace(plan, notes={**plan.notes, "published": known, "licence": _LICENCE})
    step = plan.notes.get("step", "")
    return Checkpoint(
        kind=kind,
        weights=weights,
        plan=plan,
        source=path,
        step=int(step) if step.isdecimal() else found.step,
        known=known,
    )


def save_checkpoint(path: str | Path, model: nn.Module | Mapping[str, Tensor], plan: Plan) -> None:
    """Write a network's weights and its plan as safetensors, whole or not at all.

    A note "step" in the plan is read back as the checkpoint's step. Raises OutputError.
    """
    weights = model.state_dict() if isinstance(model, nn.Module) else model
    # Copies: safetensors wants each tensor in order and in memory of its own.
    tensors = {
        name: tensor.detach().to("cpu").clone(memory_format=torch.contiguous_format) for name, tensor in weights.items()
    }
    files.write_bytes(Path(path), save(tensors, {PLAN_KEY: plan.to_json()}))


def build(checkpoint: Checkpoint) -> nn.Module:
    """Make the checkpoint's network, in eval mode."""
    network = _empty(checkpoint.kind, checkpoint.plan)
    # The tensors become the network's own; a copy keeps the checkpoint as it was read.
    network.load_state_dict({name: tensor.clone() for name, tensor in checkpoint.weights.items()}, assign=True)
    return network.requires_grad_().eval()


def _planned(plan: Plan) -> Kind | None:
    return next((kind for kind in get_args(Kind) if kind == plan.network.name and kind not in _SIGNED), None)


def _empty(kind: Kind, plan: Plan) -> nn.Module:
    network = plan.network
    with torch.device("meta"):
        if kind in BASELINES:
            return new_baseline(plan)
        if kind in MOVERS:
            return new_mover(plan)
        if kind in REMOVERS:
            return new_remover(plan)
        if kind == "wav2lip":
            return Wav2Lip(network.width, network.residual)
        return SyncNet(network.width) if kind == "syncnet" else QualityDiscriminator(network.width)


def _kind(path: Path, weights: Mapping[str, Tensor]) -> Kind:
    for sign, kind in _SIGNS:
        if any(name.startswith(sign) for name in weights):
            return kind
    if any(name.startswith(_FACE_DETECTOR_SIGNS) for name in weights):
        raise BadInputError(f"{path}: these are a face detector's weights (S3FD); {_CURES['wav2lip']}")
    raise BadInputError(
        f"{path}: these are the weights of some other network (the first is {next(iter(weights), 'none')}); "
        f"{_CURES['wav2lip']}"
    )


def _width(path: Path, kind: Kind, weights: Mapping[str, Tensor]) -> Fraction:
    """Find the simplest width at which all layers have the channels they have."""
    low, high = Fraction(0), Fraction(WIDEST)
    for name, published in _empty(kind, Plan()).state_dict().items():
        if name.endswith("conv_block.0.bias") and name in weights:
            channels, count = len(published), weights[name].numel()
            if count > FEWEST_CHANNELS:
                low = max(low, (count - Fraction(1, 2)) / channels)
            high = min(high, (count + Fraction(1, 2)) / channels)
    denominators = range(1, 2048)
    simplest = (Fraction(max(1, math.ceil(low * d)), d) for d in denominators)
    width = next((each for each in simplest if each <= high), None)
    if width is None:
        raise BadInputError(f"{path}: its layers do not belong to one network of a single width; {_CURES[kind]}")
    return width


def _checked(path: Path, network: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights in the network's order as float32; raises BadInputError where they do not fit it."""
    wanted = network.state_dict()
    for name in wanted:
        # Counts of batches seen: some converters drop them, and nothing depends on them here.
        if name.endswith("num_batches_tracked") and name not in weights:
            weights = {**weights, name: torch.zeros((), dtype=torch.int64)}
    if missing := [name for name in wanted if name not in weights]:
        raise BadInputError(f"{path}: {_some(missing)} missing; the file is not complete, get it again")
    if extra := [name for name in weights if name not in wanted]:
        raise BadInputError(f"{path}: {_some(extra)} not part of the network; give a checkpoint of the plain Wav2Lip")
    for name, like in wanted.items():
        if weights[name].shape != like.shape:
            raise BadInputError(
                f"{path}: {name} should have shape {tuple(like.shape)}, got {tuple(weights[name].shape)}; "
                "give a checkpoint of the network as published or as its plan says"
            )
        if not weights[name].isfinite().all():
            raise BadInputError(f"{path}: {name} holds NaN or infinite values; training failed, take an earlier one")
    return {name: weights[name].to(like.dtype) for name, like in wanted.items()}


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED_AT_MOST])
    more = len(names) - _NAMED_AT_MOST
    return f"{shown} and {more} more are" if more > 0 else f"{shown} {'is' if len(names) == 1 else 'are'}"
