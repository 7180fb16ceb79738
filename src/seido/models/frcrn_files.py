"""FRCRN's weights from the released files and from seido's own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from seido import files
from seido.errors import BadInputError
from seido.models.checkpoint import PLAN_KEY, build, load_checkpoint
from seido.models.frcrn import FRCRN, HOP, SAMPLE_RATE, WINDOW
from seido.models.weight_files import read_weights, unpickled

HEADER_KEY = "seido.frcrn"
"""Where a safetensors header keeps the FrcrnHeader, as JSON."""
POINTER = "last_best_checkpoint"
"""The file in a released folder that names the file of weights."""

_CURE = "give the folder or the .pt of the released 16 kHz FRCRN, or a .safetensors that seido wrote"
_WAV2LIP = ("face_decoder_blocks.", "face_encoder_blocks.", "face_encoder.", "binary_pred.", "audio_encoder.")
_CONSTANTS = ("stft.", "istft.")
"""Fixed transforms, which released files hold and which are computed here."""
_ALIAS = re.compile(r"^(unet2?)\.(encoder|decoder|se_layer|fsmn)s?(_enc|_dec)?\.(\d+)\.")
_SHOWN = 3
_LONGEST_NAME = 1000


@dataclass(frozen=True)
class FrcrnHeader:
    """What a safetensors file says of the network in it."""

    network: str = "frcrn"
    sample_rate: int = SAMPLE_RATE
    window: int = WINDOW
    hop: int = HOP
    notes: dict[str, str] = field(default_factory=dict)
    """Where the weights come from, their licence, what they were trained on."""

    def to_json(self) -> str:
        """Write it as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, where: str) -> FrcrnHeader:
        """Read JSON; raises BadInputError naming `where` when it is not the header of a network like this one."""
        try:
            found = json.loads(text)
            notes = {str(name): str(value) for name, value in found.get("notes", {}).items()}
            header = cls(**{**found, "notes": notes})
        except (ValueError, TypeError, AttributeError):
            raise BadInputError(f"{where}: its header {HEADER_KEY} cannot be read; save the file again") from None
        if header != cls(notes=notes):
            raise BadInputError(
                f"{where}: it holds the network {header.network!r} at {header.sample_rate} Hz with frames of "
                f"{header.window} every {header.hop}; {_CURE}"
            )
        return header


def load_frcrn(path: str | Path) -> FRCRN:
    """Read the network from a released folder, a .pt file, or a .safetensors file; in eval mode, float32, on the CPU.

    Checkpoints of `seido train --model frcrn` are read too, of any width.

    A released folder holds `last_best_checkpoint`, one line that names the file of weights. A .pt is a training file
    (a dictionary with "model") or a bare state dictionary. Names may begin with "module.", and may be given twice,
    as in `encoder3` and `encoders.3`; both must hold the same. Pickles go through torch's weights-only reader: no
    code in them is run.

    Raises BadInputError, in a sentence for each: missing, empty, a web page, cut short, in need of code, another
    network's, names missing or too many, two names that differ, shapes that do not fit, NaN.
    """
    path = Path(path)
    if path.is_dir():
        path = _pointed_at(path)
    if _is_safetensors(path) and PLAN_KEY in read_weights(path).metadata:
        trained = build(load_checkpoint(path, expect="frcrn"))
        assert isinstance(trained, FRCRN)  # noqa: S101  (load_checkpoint was told what to expect)
        return trained
    return _network(path, _canonical(path, _tensors(path)))


def read_frcrn_header(path: str | Path) -> FrcrnHeader | None:
    """Read what a .safetensors file says of itself; None for files that seido did not write."""
    path = Path(path)
    if path.is_dir() or not _is_safetensors(path):
        return None
    text = read_weights(path).metadata.get(HEADER_KEY)
    return None if text is None else FrcrnHeader.from_json(text, str(path))


def save_frcrn(path: str | Path, model: FRCRN, notes: Mapping[str, str] | None = None) -> None:
    """Write the network as safetensors with a header, whole or not at all; raises OutputError."""
    tensors = {
        name: tensor.detach().to("cpu").clone(memory_format=torch.contiguous_format)
        for name, tensor in model.state_dict().items()
    }
    header = FrcrnHeader(notes=dict(notes or {}))
    files.write_bytes(Path(path), save(tensors, {HEADER_KEY: header.to_json()}))


def _pointed_at(folder: Path) -> Path:
    pointer = folder / POINTER
    if not pointer.is_file():
        raise BadInputError(f"{folder}: there is no {POINTER} in this folder; {_CURE}")
    try:
        lines = pointer.read_bytes()[:_LONGEST_NAME].decode().split("\n")
    except UnicodeDecodeError:
        raise BadInputError(f"{pointer}: it should hold one line, the name of the file of weights; {_CURE}") from None
    name = lines[0].strip()
    if not name or not (folder / name).is_file():
        raise BadInputError(f"{pointer}: it names {name or 'no file'}, which is not in the folder; {_CURE}")
    return folder / name


def _is_safetensors(path: Path) -> bool:
    with files.require_file(path).open("rb") as stream:
        return stream.read(9)[8:] == b"{"


def _tensors(path: Path) -> dict[str, Tensor]:
    with files.require_file(path).open("rb") as stream:
        head = stream.read(9)
    if head[8:] == b"{" or not (head[:2] == b"PK" or head[:1] == b"\x80"):
        # Safetensors, web pages and everything else that is not torch's.
        found = read_weights(path)
        if text := found.metadata.get(HEADER_KEY):
            FrcrnHeader.from_json(text, str(path))
        return found.weights
    loaded = unpickled(path, f"this is not a file of weights; {_CURE}")
    for inside in ("model", "state_dict"):
        if isinstance(loaded, Mapping) and isinstance(loaded.get(inside), Mapping):
            loaded = loaded[inside]
            break
    if not isinstance(loaded, Mapping) or not loaded:
        raise BadInputError(f"{path}: there are no weights in it; {_CURE}")
    if strangers := [str(name) for name, value in loaded.items() if not isinstance(value, Tensor)]:
        raise BadInputError(f"{path}: {strangers[0]} is not a tensor, so this is not a network's state_dict; {_CURE}")
    return {str(name): tensor.detach() for name, tensor in loaded.items()}


def canonical_name(name: str) -> str:
    """Give the one name of a parameter that released files hold under two.

    >>> canonical_name("unet.encoders.3.conv.conv_re.bias"), canonical_name("module.unet2.se_layers_dec.0.fc_r.0.bias")
    ('unet.encoder3.conv.conv_re.bias', 'unet2.se_layer_dec0.fc_r.0.bias')
    """
    return _ALIAS.sub(lambda m: f"{m[1]}.{m[2]}{m[3] or ''}{m[4]}.", name.removeprefix("module."))


def _canonical(path: Path, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        canonical = canonical_name(name)
        if canonical.startswith(_CONSTANTS):
            continue
        if canonical in found and not torch.equal(found[canonical], tensor):
            raise BadInputError(f"{path}: {canonical} is there twice and differs; {_CURE}")
        found[canonical] = tensor
    return found


def _network(path: Path, weights: dict[str, Tensor]) -> FRCRN:
    with torch.device("meta"):
        network = FRCRN()
    wanted = network.state_dict()
    if not weights.keys() & wanted.keys():
        if any(name.startswith(_WAV2LIP) for name in weights):
            raise BadInputError(f"{path}: these are weights of Wav2Lip, which makes movies; {_CURE}")
        raise BadInputError(
            f"{path}: these are the weights of some other network (the first is {next(iter(weights), 'none')}); {_CURE}"
        )
    for name in wanted:
        # Counts of batches seen, which some converters drop; nothing depends on them here.
        if name.endswith("num_batches_tracked") and name not in weights:
            weights[name] = torch.zeros((), dtype=torch.int64)
    if missing := [name for name in wanted if name not in weights]:
        raise BadInputError(f"{path}: {_some(missing)} missing; the file is not complete, get it again")
    if extra := [name for name in weights if name not in wanted]:
        raise BadInputError(f"{path}: {_some(extra)} not part of the released 16 kHz FRCRN; {_CURE}")
    for name, like in wanted.items():
        if weights[name].shape != like.shape:
            raise BadInputError(
                f"{path}: {name} should have shape {tuple(like.shape)}, got {tuple(weights[name].shape)}; {_CURE}"
            )
        if not weights[name].isfinite().all():
            raise BadInputError(f"{path}: {name} holds NaN or infinite values; get the file again")
    # Copies: tensors of a file may share memory, and parameters are trained one by one.
    network.load_state_dict({name: weights[name].to(like.dtype).clone() for name, like in wanted.items()}, assign=True)
    return network.requires_grad_().eval()


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {more} more are" if more > 0 else f"{shown} {'is' if len(names) == 1 else 'are'}"
