"""Which device calculates, and with how many bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from seido.errors import BadInputError

_TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Numbers:
    """Where networks are computed, and the type that their products are computed in; weights stay float32."""

    device: torch.device
    dtype: torch.dtype = torch.float32

    def cast(self) -> AbstractContextManager[object]:
        """Compute networks within it; what they return is to be turned to float32 before a loss is made of it."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.dtype)


def choose_numbers(device: torch.device, precision: str) -> Numbers:
    """Turn auto, float32, bfloat16 or float16 into numbers for a device; raises BadInputError where it has none."""
    if precision == "auto":
        half = device.type == "cuda" and torch.cuda.is_bf16_supported()
        return Numbers(device, torch.bfloat16 if half else torch.float32)
    if precision == "float16" and device.type != "cuda":
        raise BadInputError("precision: float16 is for GPUs; choose bfloat16 or float32 on a CPU")
    return Numbers(device, _TYPES[precision])


class Scaler:
    """Keeps the gradients of float16 from vanishing: losses times a power of two, which halves when one overflows.

    Does nothing for other numbers. Kept in the run's state, so that resuming is exact.
    """

    GROWTH = 2000
    """Steps without overflow after which the factor doubles."""
    FIRST = 65536.0

    def __init__(self, numbers: Numbers, state: Mapping[str, float]) -> None:
        self.active = numbers.dtype == torch.float16
        self.factor = state.get("factor", self.FIRST) if self.active else 1.0
        self.steady = int(state.get("steady", 0))

    def scaled(self, loss: Tensor) -> Tensor:
        """Return the loss to send the gradient back from."""
        return loss * self.factor if self.active else loss

    def unscale(self, parameters: Iterable[nn.Parameter]) -> None:
        """Divide the gradients again."""
        if self.active:
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter.grad /= self.factor

    def stepped(self, *, finite: bool) -> bool:
        """Note whether all gradients were finite; returns whether the step is to be left out, which is no failure."""
        if not self.active:
            return False
        if finite:
            self.steady += 1
            if self.steady == self.GROWTH:
                self.factor, self.steady = self.factor * 2, 0
            return False
        self.factor, self.steady = self.factor / 2, 0
        return self.factor >= 1

    def state(self) -> dict[str, float]:
        """Return what has to be kept."""
        return {"factor": self.factor, "steady": float(self.steady)} if self.active else {}


def adam(parameters: Iterable[nn.Parameter], learning_rate: float, betas: tuple[float, float]) -> torch.optim.Adam:
    """Make Adam for what learns, all weights in one pass over memory where the device can."""
    learning = [each for each in parameters if each.requires_grad]
    fused = all(each.device.type in {"cpu", "cuda"} for each in learning)
    return torch.optim.Adam(learning, lr=learning_rate, betas=betas, fused=fused)


def set_rate(optimizer: Optimizer, learning_rate: float) -> None:
    """Give all weights this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
