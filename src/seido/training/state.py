"""What a run has done so far, and keeping it on disk so that a killed run goes on as if nothing had happened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Adam

from seido.errors import BadInputError, OutputError
from seido.files import require_file, write_bytes
from seido.plan import Plan
from seido.training.history import HISTORY, Row, write_history
from seido.training.task import Memory

BEST = "best.safetensors"
LAST = "last.safetensors"
CARD = "README.md"
VERSION = 2
_WEIGHTS = "weights"
_MOMENTS = "adam"


@dataclass(frozen=True)
class Ledger:
    """What has happened so far; with the weights and Adam's moments it is all that a run needs to go on."""

    step: int = 0
    sums: Mapping[str, float] = field(default_factory=dict)
    """Sums over the steps since the last validation: of the loss, under "loss", and of its parts."""
    count: int = 0
    """Those steps."""
    best_step: int = 0
    best_loss: float | None = None
    mark: float | None = None
    """The validation loss that has to be undercut for a gain."""
    stale: int = 0
    """Validations since the last gain."""
    memory: Memory = field(default_factory=dict)
    scaler: Mapping[str, float] = field(default_factory=dict)
    """How small losses are kept from vanishing in 16 bits."""
    history: tuple[Row, ...] = ()

    @property
    def train_loss(self) -> float | None:
        """Mean loss since the last validation."""
        return self.sums["loss"] / self.count if self.count else None

    def means(self) -> dict[str, float]:
        """Return the means of the loss's parts since the last validation."""
        return {f"train/{name}": total / self.count for name, total in self.sums.items() if name != "loss"}

    def stepped(self, loss: float, parts: Mapping[str, float]) -> Ledger:
        """Return the ledger after one more step."""
        sums = {name: self.sums.get(name, 0.0) + value for name, value in {**parts, "loss": loss}.items()}
        return replace(self, step=self.step + 1, sums=sums, count=self.count + 1)

    def validated(self, row: Row, minimum_gain: float) -> Ledger:
        """Return the ledger after a validation."""
        loss = row.validation_loss
        best = self.best_loss is None or loss < self.best_loss
        gain = self.mark is None or loss < self.mark * (1 - minimum_gain)
        return replace(
            self,
            sums={},
            count=0,
            best_step=self.step if best else self.best_step,
            best_loss=loss if best else self.best_loss,
            mark=loss if gain else self.mark,
            stale=0 if gain else self.stale + 1,
            history=(*self.history, row),
        )

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Ledger:
        """Make from what asdict and JSON made of one."""
        return cls(**{**raw, "history": tuple(Row(**row) for row in raw["history"])})


@dataclass(frozen=True)
class Saved:
    """What last.safetensors holds."""

    options: Mapping[str, Any]
    plan: Plan
    ledger: Ledger
    tensors: Mapping[str, Tensor]

    def restore(self, networks: Mapping[str, nn.Module], optimizers: Mapping[str, Adam]) -> None:
        """Put weights and Adam's moments back where they were."""
        for name, network in networks.items():
            head = f"{_WEIGHTS}/{name}/"
            weights = {key.removeprefix(head): each for key, each in self.tensors.items() if key.startswith(head)}
            network.load_state_dict(weights)
            for parameter_name, parameter in network.named_parameters():
                moments = {}
                for key in ("step", "exp_avg", "exp_avg_sq"):
                    tensor = self.tensors.get(f"{_MOMENTS}/{name}/{parameter_name}/{key}")
                    if tensor is not None:
                        # In memory as the parameter is: another order of the bytes could round differently.
                        moments[key] = tensor if key == "step" else torch.empty_like(parameter).copy_(tensor)
                if moments:
                    moments["step"] = moments["step"].to(parameter.device)  # where the fused optimiser keeps it
                    optimizers[name].state[parameter] = moments


def save_last(
    folder: Path,
    networks: Mapping[str, nn.Module],
    optimizers: Mapping[str, Adam],
    ledger: Ledger,
    options: Mapping[str, Any],
    plan: Plan,
) -> None:
    """Write last.safetensors, then the history from it; each whole or not at all."""
    tensors: dict[str, Tensor] = {}
    for name, network in networks.items():
        tensors |= {f"{_WEIGHTS}/{name}/{key}": tensor for key, tensor in network.state_dict().items()}
        for parameter_name, parameter in network.named_parameters():
            for key, tensor in optimizers[name].state.get(parameter, {}).items():
                tensors[f"{_MOMENTS}/{name}/{parameter_name}/{key}"] = tensor
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    run = {"version": VERSION, "options": options, "plan": plan.to_json(), "ledger": asdict(ledger)}
    write_bytes(folder / LAST, save(tensors, {"training": json.dumps(run)}))
    write_history(folder, ledger.history)


def read_last(folder: Path) -> Saved:
    """Read last.safetensors; raises BadInputError when there is none, or it is damaged."""
    path = folder / LAST
    if not path.exists():
        raise BadInputError(f"{folder}: there is no run here to resume; train without --resume to begin one")
    try:
        with safe_open(require_file(path), framework="pt") as file:
            run = json.loads(file.metadata()["training"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if run["version"] != VERSION:
            which = "a newer" if run["version"] > VERSION else "an older"
            raise BadInputError(
                f"{path}: it was written by {which} seido, which alone can resume it; use its {BEST} with --init"
            )
        return Saved(run["options"], Plan.from_json(run["plan"], str(path)), Ledger.from_json(run["ledger"]), tensors)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            f"{path}: it is damaged or not a run's state ({error}); begin again in another folder"
        ) from error


def resumable(folder: Path, options: Mapping[str, Any], corpus: str) -> Saved:
    """Read the run in `folder` that goes on with these options and clips; raises BadInputError on any difference."""
    saved = read_last(folder)
    begun = dict(_flat(saved.options))
    for name, value in _flat(options):
        if begun.get(name) != value:
            raise BadInputError(
                f"{folder}: this run was begun with {name} {begun.get(name)}, not {value}; resume it with the same "
                "options or choose another folder"
            )
    if saved.plan.corpus != corpus:
        raise BadInputError(
            f"{folder}: this run was begun with other clips; resume it with the same ones or choose another folder"
        )
    if not (folder / BEST).exists():
        raise BadInputError(f"{folder / BEST}: it is missing; put it back, or begin again in another folder")
    return saved


def _flat(options: Mapping[str, Any], head: str = "") -> list[tuple[str, Any]]:
    """List options with those of a group under its name and a dot."""
    found: list[tuple[str, Any]] = []
    for name, value in options.items():
        found += _flat(value, f"{head}{name}.") if isinstance(value, Mapping) else [(head + name, value)]
    return found


def require_unused(folder: Path) -> None:
    """Check that no run is in `folder`, so that none is overwritten; raises OutputError."""
    if any((folder / name).exists() for name in (BEST, LAST, HISTORY)):
        raise OutputError(f"{folder}: a training run is in it already; resume it with --resume or name another")
