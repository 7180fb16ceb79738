"""What turns mel windows into pictures once the first frame is held: torch everywhere, OpenVINO where it is faster."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from seido.errors import BadInputError, MissingExtraError
from seido.models.first_frame import FirstFrameOnce, HeldFace
from seido.models.wav2lip import Wav2Lip

EngineName = Literal["auto", "torch", "openvino"]
Engine = Callable[[Tensor], Tensor]
"""Takes mel windows float32 (B, 1, 80, 16), gives pictures float32 (B, 3, 96, 96)."""

WORTH_COMPILING = 2000
"""Frames from which OpenVINO's few seconds of compiling are won back."""


def make_engine(model: Wav2Lip, face: Tensor, *, name: EngineName, device: torch.device, frames: int) -> Engine:
    """Hold `face` (1, 6, 96, 96) and return what makes `frames` pictures from mel windows, some at a time."""
    if name == "openvino" and device.type != "cpu":
        raise BadInputError(f"the openvino engine runs on the CPU, not on {device}; leave out --engine or --device")
    installed = importlib.util.find_spec("openvino") is not None
    if name == "openvino" and not installed:
        raise MissingExtraError("the openvino engine", "fast")
    compiled = name == "openvino" or (
        name == "auto" and installed and device.type == "cpu" and frames >= WORTH_COMPILING
    )
    once = FirstFrameOnce(model)
    held = once.hold(face)
    if compiled:
        return _openvino(once, held)
    module = once.as_module(held).to(device)

    def engine(audio: Tensor) -> Tensor:
        with torch.inference_mode():
            images: Tensor = module(audio.to(device))
            return images.cpu()

    return engine


def _openvino(once: FirstFrameOnce, held: HeldFace) -> Engine:
    import openvino

    hints: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    with warnings.catch_warnings():
        # torch.export and OpenVINO's reading of it warn of each other's old habits; nothing a user can mend.
        warnings.simplefilter("ignore")
        run = openvino.compile_model(openvino.convert_model(once.export(held)), "CPU", hints)
    return lambda audio: torch.from_numpy(run(audio.numpy())[0])
