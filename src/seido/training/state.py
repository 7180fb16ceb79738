"""What a run has done so far, and keeping it on disk so that a killed run goes on as if nothing had happened."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from seido.errors import BadInputError, OutputError
from seido.files import require_file, write_bytes
from seido.plan import Plan

BEST = "best.safetensors"
LAST = "last.safetensors"
HISTORY = "history.csv"
VERSION = 1
_WEIGHTS = "weights/"
_MOMENTS = "adam/"


@dataclass(frozen=True)
class Row:
    """One validation, as it stands in history.csv."""

    step: int
    train_l1: float | None
    """Mean L1 of the steps since the row before; None before the first step."""
    validation_l1: float
    held_l1: float
    """What showing the first frame all the time would have scored: the yardstick."""
    learning_rate: float
    frames_per_second: float | None
    """Training frames a second since the row before; the one column that differs from run to run."""


@dataclass(frozen=True)
class Ledger:
    """What has happened so far; with the weights and Adam's moments it is all that a run needs to go on."""

    step: int = 0
    loss_sum: float = 0.0
    """Sum of the steps' L1 since the last validation."""
    loss_count: int = 0
    best_step: int = 0
    best_l1: float | None = None
    mark_l1: float | None = None
    """The validation loss that has to be undercut for a gain."""
    stale: int = 0
    """Validations since the last gain."""
    history: tuple[Row, ...] = ()

    @property
    def train_l1(self) -> float | None:
        """Mean L1 since the last validation."""
        return self.loss_sum / self.loss_count if self.loss_count else None

    def stepped(self, l1: float) -> Ledger:
        """Return the ledger after one more step."""
        return replace(self, step=self.step + 1, loss_sum=self.loss_sum + l1, loss_count=self.loss_count + 1)

    def validated(self, row: Row, minimum_gain: float) -> Ledger:
        """Return the ledger after a validation."""
        loss = row.validation_l1
        best = self.best_l1 is None or loss < self.best_l1
        gain = self.mark_l1 is None or loss < self.mark_l1 * (1 - minimum_gain)
        return replace(
            self,
            loss_sum=0.0,
            loss_count=0,
            best_step=self.step if best else self.best_step,
            best_l1=loss if best else self.best_l1,
            mark_l1=loss if gain else self.mark_l1,
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

    def restore(self, network: nn.Module, optimizer: torch.optim.Adam) -> None:
        """Put weights and Adam's moments back where they were."""
        names = {name: name.removeprefix(_WEIGHTS) for name in self.tensors if name.startswith(_WEIGHTS)}
        network.load_state_dict({short: self.tensors[name] for name, short in names.items()})
        for name, parameter in network.named_parameters():
            moments = {}
            for key in ("step", "exp_avg", "exp_avg_sq"):
                tensor = self.tensors.get(f"{_MOMENTS}{name}/{key}")
                if tensor is not None:
                    # In memory as the parameter is: another order of the bytes could round differently.
                    moments[key] = torch.empty_like(parameter).copy_(tensor) if key != "step" else tensor
            if moments:
                optimizer.state[parameter] = moments


def save_last(
    folder: Path,
    network: nn.Module,
    optimizer: torch.optim.Adam,
    ledger: Ledger,
    options: Mapping[str, Any],
    plan: Plan,
) -> None:
    """Write last.safetensors, then history.csv from it; each whole or not at all."""
    tensors = {_WEIGHTS + name: tensor for name, tensor in network.state_dict().items()}
    for name, parameter in network.named_parameters():
        for key, tensor in optimizer.state.get(parameter, {}).items():
            tensors[f"{_MOMENTS}{name}/{key}"] = tensor
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    run = {"version": VERSION, "options": options, "plan": plan.to_json(), "ledger": asdict(ledger)}
    write_bytes(folder / LAST, save(tensors, {"training": json.dumps(run)}))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow([field.name for field in fields(Row)])
    writer.writerows(astuple(row) for row in ledger.history)
    write_bytes(folder / HISTORY, table.getvalue().encode())


def read_last(folder: Path) -> Saved:
    """Read last.safetensors; raises BadInputError when there is none, or it is damaged."""
    path = folder / LAST
    if not path.exists():
        raise BadInputError(f"{folder}: there is no run here to resume; train without --resume to begin one")
    try:
        with safe_open(require_file(path), framework="pt") as file:
            run = json.loads(file.metadata()["training"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if run["version"] > VERSION:
            raise BadInputError(f"{path}: it was written by a newer seido; upgrade seido to resume it")
        return Saved(run["options"], Plan.from_json(run["plan"], str(path)), Ledger.from_json(run["ledger"]), tensors)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            f"{path}: it is damaged or not a run's state ({error}); begin again in another folder"
        ) from error


def resumable(folder: Path, options: Mapping[str, Any], corpus: str) -> Saved:
    """Read the run in `folder` that goes on with these options and clips; raises BadInputError on any difference."""
    saved = read_last(folder)
    for name, value in options.items():
        before = saved.options.get(name)
        if before != value:
            raise BadInputError(
                f"{folder}: this run was begun with {name} {before}, not {value}; resume it with the same options "
                "or choose another folder"
            )
    if saved.plan.corpus != corpus:
        raise BadInputError(
            f"{folder}: this run was begun with other clips; resume it with the same ones or choose another folder"
        )
    if not (folder / BEST).exists():
        raise BadInputError(f"{folder / BEST}: it is missing; put it back, or begin again in another folder")
    return saved


def require_unused(folder: Path) -> None:
    """Check that no run is in `folder`, so that none is overwritten; raises OutputError."""
    if any((folder / name).exists() for name in (BEST, LAST, HISTORY)):
        raise OutputError(f"{folder}: a training run is in it already; resume it with --resume or name another")
