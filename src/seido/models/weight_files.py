"""Weights out of every kind of file they come in, never running what a pickle asks for."""

from __future__ import annotations

import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from seido.errors import BadInputError
from seido.files import require_file

_NOT_WEIGHTS = "this is not a file of weights; give a .pth, .pt or .safetensors checkpoint"
_CUT_SHORT = "the file is damaged or cut short; copy or download it again"
# What readers raise for damaged bytes is not documented; these are what damaged files led to.
_DAMAGE = (
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    MemoryError,
    struct.error,
)
_NO_ROOM_FOR_CODE = "only tensors are read from checkpoints, nothing that would run code"


@dataclass(frozen=True)
class WeightFile:
    """What a file of weights holds, before anyone asks what network it is."""

    weights: dict[str, Tensor]
    """On the CPU, without the "module." that training on several GPUs puts into names."""
    step: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    """Text kept in a safetensors header."""


def read_weights(path: Path) -> WeightFile:
    """Read a file of weights, whatever its suffix says.

    Read are safetensors, training files (a dictionary with "state_dict" and "global_step") and bare state
    dictionaries, both in the zip format and in that of torch before 1.6, and TorchScript archives. Pickles go through
    torch's weights-only reader. TorchScript archives carry code, not Python but TorchScript: torch parses it and may
    run what restores a module's attributes; the network is not called, and only its state dictionary is taken.

    Raises BadInputError, in a sentence for each: missing, empty, a folder, a web page, damaged, in need of code, no
    weights.
    """
    with require_file(path).open("rb") as stream:
        head = stream.read(512)
    if head.lstrip()[:1] == b"<":
        raise BadInputError(f"{path}: this is a web page, not weights; the download failed, so get the file again")
    if len(head) > 8 and head[8:9] == b"{":
        return _safetensors(path)
    if head[:2] == b"PK":
        return _zip(path)
    if head[:1] == b"\x80":
        return _from_object(path, unpickled(path))
    raise BadInputError(f"{path}: {_NOT_WEIGHTS}")


def _safetensors(path: Path) -> WeightFile:
    try:
        with safe_open(path, framework="pt") as archive:
            weights = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118  # not a mapping
            return WeightFile(_plain_names(weights), metadata=archive.metadata() or {})
    except (SafetensorError, struct.error):
        raise BadInputError(f"{path}: {_CUT_SHORT}") from None


def _zip(path: Path) -> WeightFile:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [name.partition("/")[2] for name in archive.namelist()]
    except (zipfile.BadZipFile, *_DAMAGE):
        raise BadInputError(f"{path}: {_CUT_SHORT}") from None
    if "data.pkl" not in members:
        raise BadInputError(f"{path}: {_NOT_WEIGHTS}")
    if "constants.pkl" not in members:
        return _from_object(path, unpickled(path))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.load` is deprecated", DeprecationWarning)
        try:
            weights = torch.jit.load(path, map_location="cpu").state_dict()  # type: ignore[no-untyped-call]
        except _DAMAGE:
            raise BadInputError(f"{path}: {_CUT_SHORT}") from None
    return _from_object(path, weights)


def unpickled(path: Path, otherwise: str = _NOT_WEIGHTS) -> Any:  # noqa: ANN401  # a pickle may hold anything
    """Read a pickle with torch's weights-only reader, which runs no code.

    Raises BadInputError when it is damaged, asks for code, or is no such file, which `otherwise` says.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about unusual pickles; what matters is said below
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            if wanted := re.search(r"GLOBAL (\S+)", str(error)):
                raise BadInputError(
                    f"{path}: it asks for {wanted[1]}, and {_NO_ROOM_FOR_CODE}; save the network's state_dict alone"
                ) from None
            raise BadInputError(f"{path}: {otherwise}") from None
        except _DAMAGE:
            raise BadInputError(f"{path}: {_CUT_SHORT}") from None


def _from_object(path: Path, loaded: object) -> WeightFile:
    weights, step = loaded, None
    if isinstance(loaded, Mapping) and "state_dict" in loaded:
        weights, step = loaded["state_dict"], loaded.get("global_step")
    if not isinstance(weights, Mapping) or not weights:
        raise BadInputError(f"{path}: there are no weights in it; {_NOT_WEIGHTS.partition('; ')[2]}")
    strangers = [str(name) for name, value in weights.items() if not isinstance(value, Tensor)]
    if strangers:
        raise BadInputError(f"{path}: {strangers[0]} is not a tensor, so this is not a network's state_dict; save that")
    return WeightFile(_plain_names(weights), step if isinstance(step, int) else None)


def _plain_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {str(name).replace("module.", ""): tensor.detach() for name, tensor in weights.items()}
