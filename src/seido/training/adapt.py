"""Fine-tuning part of a network: parts frozen by name, or a low-rank update of each convolution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from seido.errors import BadInputError
from seido.training.checks import require_whole

DOWN, UP = "low_rank_down", "low_rank_up"
"""Names of a low-rank update's two factors, beside the weight that they add to."""


@dataclass(frozen=True)
class AdaptOptions:
    """Which part of a network learns, and how; raises BadInputError naming the option."""

    freeze: tuple[str, ...] = ()
    """Parts that stay as they are: names or patterns such as face_encoder_blocks, *encoder* or *.bias."""
    train_only: tuple[str, ...] = ()
    """The parts that learn, instead of `freeze`: output_block is the head alone."""
    low_rank: int = 0
    """Rank of the update that stands in for each large convolution's own weights; 0: the weights themselves learn."""

    def __post_init__(self) -> None:
        for name in ("freeze", "train_only"):
            patterns = getattr(self, name)
            if not isinstance(patterns, list | tuple) or not all(isinstance(each, str) and each for each in patterns):
                raise BadInputError(f"{name}: give names of parts or patterns like 'audio_encoder.*', got {patterns!r}")
            object.__setattr__(self, name, tuple(patterns))
        if self.freeze and self.train_only:
            raise BadInputError("freeze: it cannot be combined with train_only; give one of them")
        require_whole("low_rank", self.low_rank, 0)

    @property
    def active(self) -> bool:
        """Whether any part is treated otherwise than in plain training."""
        return bool(self.freeze or self.train_only or self.low_rank)


class FixedBatchNorm(nn.Module):
    """Batch normalisation by running statistics that nothing changes: (B, C, H, W) → (B, C, H, W).

    Named as BatchNorm2d's, so that checkpoints fit. It is no BatchNorm2d, whose mode any call of train() on the
    network would switch back, and which tools that look for batch normalisation would replace.
    """

    def __init__(self, like: nn.BatchNorm2d) -> None:
        super().__init__()
        self.eps = like.eps
        self.weight, self.bias = like.weight, like.bias
        for name, buffer in like.named_buffers():
            self.register_buffer(name, buffer)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise, the same in training and evaluation."""
        mean, variance = self.get_buffer("running_mean"), self.get_buffer("running_var")
        return functional.batch_norm(x, mean, variance, self.weight, self.bias, training=False, eps=self.eps)


class LowRankConv(nn.Conv2d):
    """A convolution whose weights stay while a low-rank update of them learns (after LoRA, Hu et al. 2021).

    The update is that of a convolution to as many channels as its rank and one of 1 × 1 after it. It is added to the
    weights: one convolution with the sum takes less time than three in a slim network.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Convolve with the weights and their update."""
        padding = cast("tuple[int, int]", self.padding)
        return functional.conv2d(x, self.weight + _update(self), self.bias, self.stride, padding)


class LowRankConvTranspose(nn.ConvTranspose2d):
    """As LowRankConv, transposed."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: ARG002
        """Convolve with the weights and their update; `output_size` is not heeded."""
        padding = cast("tuple[int, int]", self.padding)
        weight = self.weight + _update(self)
        return functional.conv_transpose2d(x, weight, self.bias, self.stride, padding, self.output_padding)


def adapted(network: nn.Module, options: AdaptOptions, seed: int = 0) -> nn.Module:
    """Set a plain network up for fine-tuning as `options` say, in place, and return it; it computes the same as yet.

    Of the parts that learn, all parameters do. With `low_rank`, the weights of a convolution stay and its update
    learns instead, unless the update had as many numbers as they have; biases and batch normalisation learn as
    always. Where the scales and offsets of batch normalisation are frozen, so are its running statistics. `seed`
    decides the first factors of the updates.

    Names are those of parameters or of the modules they are in, case matters, * stands for anything. Raises
    BadInputError for one that is not there, and when nothing is left to learn.
    """
    names = [name for name, _ in network.named_parameters()]
    frozen = _matching(network, names, "freeze", options.freeze)
    if options.train_only:
        frozen = set(names) - _matching(network, names, "train_only", options.train_only)
    if frozen >= set(names):
        raise BadInputError(f"freeze: nothing is left to train; leave out one of {_parts(network)}")
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name not in frozen)

    random = torch.Generator().manual_seed(seed)
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm2d) and _is_frozen(child):
                setattr(module, name, FixedBatchNorm(child))
            elif isinstance(child, nn.Conv2d | nn.ConvTranspose2d) and options.low_rank and child.weight.requires_grad:
                _add_update(child, options.low_rank, random)
    return network


def merged(network: nn.Module) -> dict[str, Tensor]:
    """List the weights of the plain network that computes what an adapted one does, low-rank updates added in.

    Names, shapes and order are those of the plain network, so that `save_checkpoint` can write them. A network
    that was not adapted gives its own state.
    """
    weights = {name: tensor.detach() for name, tensor in network.state_dict().items()}
    for name, module in network.named_modules():
        if isinstance(module, LowRankConv | LowRankConvTranspose):
            del weights[f"{name}.{DOWN}"], weights[f"{name}.{UP}"]
            weights[f"{name}.weight"] = (module.weight + _update(module)).detach()
    return weights


def trainable_parameters(network: nn.Module) -> int:
    """Count the numbers that training changes."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def _is_frozen(module: nn.Module) -> bool:
    learns = [parameter.requires_grad for parameter in module.parameters()]
    return bool(learns) and not any(learns)


def _add_update(module: nn.Conv2d | nn.ConvTranspose2d, rank: int, random: torch.Generator) -> None:
    """Give a convolution a low-rank update that is zero as yet, if that has fewer numbers than its weights."""
    weight, transposed = module.weight, isinstance(module, nn.ConvTranspose2d)
    down = torch.empty((module.in_channels, rank, *module.kernel_size) if transposed else (rank, *weight.shape[1:]))
    up = torch.zeros(module.out_channels, rank, 1, 1)
    plain = module.groups == 1 and set(module.dilation) == {1} and module.padding_mode == "zeros"
    if not plain or down.numel() + up.numel() >= weight.numel():
        return
    # As a convolution of its own would begin; a transposed one has the channels that come in first.
    bound = (module.in_channels * weight[0, 0].numel()) ** -0.5
    down.uniform_(-bound, bound, generator=random)
    # The same object under the same names; only its forward pass is another.
    module.__class__ = LowRankConvTranspose if transposed else LowRankConv
    module.register_parameter(DOWN, nn.Parameter(down.to(weight)))
    module.register_parameter(UP, nn.Parameter(up.to(weight)))
    weight.requires_grad_(False)


def _update(module: nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    """Multiply the factors out: the shape of the convolution's weight."""
    equation = "irhw,or->iohw" if isinstance(module, nn.ConvTranspose2d) else "rihw,or->oihw"
    return torch.einsum(equation, module.get_parameter(DOWN), module.get_parameter(UP)[:, :, 0, 0])


def _matching(network: nn.Module, names: list[str], option: str, patterns: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        some = {name for name in names if any(fnmatchcase(part, pattern) for part in _within(name))}
        if not some:
            raise BadInputError(f"{option}: {pattern!r} is no part of the network; its parts are {_parts(network)}")
        found |= some
    return found


def _within(name: str) -> Iterator[str]:
    """List a parameter's name and those of the modules it is in."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _parts(network: nn.Module) -> str:
    return ", ".join(name for name, _ in network.named_children())
