"""A network as ONNX, for programs without torch, checked against torch before it is kept."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from seido.errors import BadInputError, MissingExtraError, OutputError
from seido.files import replacing, require_parent
from seido.models.checkpoint import PLAN_KEY, Kind, build, load_checkpoint
from seido.plan import Plan

LARGEST_DIFFERENCE = 1e-4
"""An exported network whose output is further from torch's is not kept; single precision gives some 1e-6."""
_BATCHES = (1, 3)
"""Sizes that the exported network is tried with; neither is the one that it was exported with."""
_EXPORTED_WITH = 2
_SEED = 0


@dataclass(frozen=True)
class Port:
    """An input: its name, its shape after the batch, and the range its values come from."""

    name: str
    shape: tuple[int, ...]
    low: float = 0.0
    high: float = 1.0

    def draw(self, batch: int, generator: torch.Generator) -> Tensor:
        """Draw an input, float32 (batch, *shape)."""
        return torch.rand((batch, *self.shape), generator=generator) * (self.high - self.low) + self.low


_AUDIO = Port("audio", (1, 80, 16), -4.0, 4.0)
INTERFACES: dict[Kind, tuple[tuple[Port, ...], tuple[str, ...]]] = {
    "wav2lip": ((_AUDIO, Port("face", (6, 96, 96))), ("frames",)),
    "syncnet": ((_AUDIO, Port("face", (15, 48, 96))), ("audio_embedding", "face_embedding")),
    "discriminator": ((Port("frames", (3, 96, 96)),), ("probability",)),
}
"""Inputs and outputs by network; all are float32, and the first axis of each is a batch of any size."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    kind: Kind
    plan: Plan
    difference: float
    """Largest absolute difference between onnxruntime's output and torch's, on drawn inputs."""
    inputs: tuple[Port, ...]
    outputs: tuple[str, ...]


def export_onnx(model: Path, out: Path) -> Exported:
    """Write a checkpoint's network as ONNX, with the plan under `seido.plan` in the file's metadata.

    The network is traced by torch.export, run by onnxruntime on inputs drawn at two batch sizes, and kept only if
    every output is within 1e-4 of torch's. Traces of the machine it was made on are taken out.

    Raises BadInputError for a checkpoint that cannot be read, MissingExtraError without the extra `export`, and
    OutputError when `out` does not end in .onnx, cannot be written, or the outputs differ.
    """
    if out.suffix.lower() != ".onnx":
        raise OutputError(f"{out}: networks are exported as .onnx; name it {out.stem}.onnx")
    require_parent(out)
    runtime = _require_extra()
    checkpoint = load_checkpoint(model, expect=None)
    if checkpoint.kind not in INTERFACES:
        raise BadInputError(f"{model}: a {checkpoint.kind} cannot be exported; give a Wav2Lip generator")
    network = build(checkpoint).requires_grad_(False)
    inputs, outputs = INTERFACES[checkpoint.kind]
    program = _traced(network, inputs, outputs)
    program.model.metadata_props[PLAN_KEY] = checkpoint.plan.to_json()
    with replacing(out) as temporary:
        program.save(temporary)
        difference = _difference(runtime, temporary, network, inputs)
        if not difference <= LARGEST_DIFFERENCE:
            raise OutputError(
                f"{out}: not written, for onnxruntime's output differs from torch's by {difference:.1e}, more than "
                f"{LARGEST_DIFFERENCE:g}; use the checkpoint {model} itself"
            )
    return Exported(out, checkpoint.kind, checkpoint.plan, difference, inputs, outputs)


def _require_extra() -> ModuleType:
    try:
        import onnx  # noqa: F401  # torch.onnx needs both
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError:
        raise MissingExtraError("exporting to ONNX", "export") from None
    runtime: ModuleType = onnxruntime
    return runtime


def _traced(network: nn.Module, inputs: tuple[Port, ...], outputs: tuple[str, ...]) -> Any:  # noqa: ANN401  # an ONNXProgram
    generator = torch.Generator().manual_seed(_SEED)
    batch = torch.export.Dim("batch", min=1)
    with _quietly():
        program = torch.onnx.export(
            network,
            tuple(port.draw(_EXPORTED_WITH, generator) for port in inputs),
            dynamo=True,
            input_names=[port.name for port in inputs],
            output_names=list(outputs),
            dynamic_shapes=tuple({0: batch} for _ in inputs),
            verbose=False,
        )
    graph = program.model.graph  # type: ignore[union-attr]  # with dynamo there is always a program
    for node in graph:
        node.metadata_props.clear()  # stack traces, with the paths of whoever exports
    return program


def _difference(runtime: ModuleType, path: Path, network: nn.Module, inputs: tuple[Port, ...]) -> float:
    """Compare on drawn inputs; infinity where an output has another shape, NaN where one is not a number."""
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(_SEED + 1)
    worst = torch.zeros(())
    for batch in _BATCHES:
        drawn = [port.draw(batch, generator) for port in inputs]
        with torch.inference_mode():
            expected = network(*drawn)
        given = {port.name: tensor.numpy() for port, tensor in zip(inputs, drawn, strict=True)}
        got = [torch.from_numpy(array) for array in session.run(None, given)]
        for ours, theirs in zip(expected if isinstance(expected, tuple) else (expected,), got, strict=True):
            if ours.shape != theirs.shape:
                return float("inf")
            worst = torch.maximum(worst, (ours - theirs).abs().max())
    return worst.item()


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep back what torch's exporter tells its own developers."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
