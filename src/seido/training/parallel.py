"""Several processes that train one network, each on its part of every batch, with the outcome of one process.

`torchrun` starts them and says in the environment who is who. Gradients are averaged after each step's backward pass,
and batch normalisation takes its statistics over all parts, so that only rounding tells the outcome from that of one
process with the whole batch.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from seido.errors import BadInputError

Value = TypeVar("Value")


@dataclass(frozen=True)
class Company:
    """Which of how many processes this one is."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that validates and writes."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes."""
        gradients = [each.grad for each in parameters if each.grad is not None]
        if self.count == 1 or not gradients:
            return
        # One message: the networks are small enough that overlapping it with the backward pass gains little.
        together = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(together)
        together /= self.count
        for gradient, part in zip(gradients, torch.split(together, [each.numel() for each in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def any(self, flag: bool, device: torch.device) -> bool:
        """Tell every process whether `flag` is raised in one."""
        if self.count == 1:
            return flag
        raised = torch.tensor(float(flag), device=device)
        dist.all_reduce(raised)
        return bool(raised.item())

    def means(self, values: dict[str, float], device: torch.device) -> dict[str, float]:
        """Average numbers of the same names over the processes."""
        if self.count == 1:
            return values
        totals = torch.tensor(list(values.values()), dtype=torch.float64, device=device)
        dist.all_reduce(totals)
        return dict(zip(values, (totals / self.count).tolist(), strict=True))

    def from_first(self, value: Value) -> Value:
        """Give every process what the first one has."""
        if self.count == 1:
            return value
        held = [value]
        dist.broadcast_object_list(held, src=0)
        return held[0]


def leading() -> bool:
    """Tell whether this process speaks for all: the first of those that torchrun started, or the only one."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def company(device: torch.device) -> Iterator[Company]:
    """Join the processes that torchrun started, or be alone; raises BadInputError when they cannot meet."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Company()
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    try:
        dist.init_process_group(backend)
    except (RuntimeError, ValueError) as error:
        raise BadInputError(f"the {count} processes cannot meet ({error}); start them with torchrun") from error
    try:
        yield Company(dist.get_rank(), count)
    finally:
        dist.destroy_process_group()


def own_device(device: torch.device) -> torch.device:
    """Give each process of a machine a GPU of its own."""
    local = os.environ.get("LOCAL_RANK")
    if device.type != "cuda" or device.index is not None or local is None:
        return device
    if int(local) >= torch.cuda.device_count():
        raise BadInputError(
            f"device: there are {torch.cuda.device_count()} GPUs for process {int(local) + 1} of this computer; "
            "start torchrun with --nproc-per-node of at most that"
        )
    return torch.device("cuda", int(local))


def synchronised(network: nn.Module, together: Company) -> nn.Module:
    """Let the network's batch normalisation see the parts of all processes; changes `network`, and returns it."""
    if together.count > 1:
        for module in network.modules():
            if type(module) is nn.BatchNorm2d:
                module.__class__ = _SharedBatchNorm  # same parameters, same names
    return network


class _Sum(torch.autograd.Function):
    """The sum over the processes, and of the gradients that come back to them."""

    @staticmethod
    def forward(_: Any, part: Tensor) -> Tensor:  # noqa: ANN401  (torch's context)
        whole = part.clone()
        dist.all_reduce(whole)
        return whole

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        whole = gradient.clone()
        dist.all_reduce(whole)
        return whole


def _total(part: Tensor) -> Tensor:
    whole: Tensor = _Sum.apply(part)  # type: ignore[no-untyped-call]
    return whole


class _SharedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation over the batches of all processes; torch's own does it on GPUs only."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        count = dist.get_world_size()
        # Two passes, as in one process: the variance from squares would lose digits.
        mean = _total(x.mean((0, 2, 3))) / count
        centred = x - mean[:, None, None]
        variance = _total(centred.square().mean((0, 2, 3))) / count
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            seen = x.numel() // x.shape[1] * count
            with torch.no_grad():
                self.num_batches_tracked += 1
                self.running_mean.lerp_(mean.to(self.running_mean), self.momentum or 0.0)
                self.running_var.lerp_(variance.to(self.running_var) * seen / max(1, seen - 1), self.momentum or 0.0)
        scale = self.weight * (variance + self.eps).rsqrt()
        normal: Tensor = centred * scale[:, None, None] + self.bias[:, None, None]
        return normal
