"""How much faster generating is when the picture is looked at once per clip.

    python bench/first_frame.py [--width 1] [--batches 1,8,16,32] [--rounds 9] [--threads 2]

Plain: Wav2Lip called with the picture repeated for every frame. Once: FirstFrameOnce.frames. OpenVINO: the same
network, compiled for the CPU, when openvino is installed. The ways take turns within each round, so that whatever
else the computer does falls on all of them alike; medians over rounds, and medians of the ratios within rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec

import torch
from torch import Tensor
from torch.export import ExportedProgram

from seido.models.first_frame import FirstFrameOnce
from seido.models.wav2lip import Wav2Lip

Way = Callable[[Tensor], Tensor]
PAUSE = 0.2
"""Seconds between measurements: threads of the way before stop spinning."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=float, default=1)
    parser.add_argument("--batches", default="1,8,16,32")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = drawn(Wav2Lip(options.width))
    face = torch.rand(1, 6, 96, 96)
    once = FirstFrameOnce(model)
    held = once.hold(face)

    def plain(audio: Tensor) -> Tensor:
        with torch.inference_mode():
            frames: Tensor = model(audio, face.expand(len(audio), -1, -1, -1))
            return frames

    ways: dict[str, Way] = {"plain": plain, "once": lambda audio: once.frames(audio, held)}
    if find_spec("openvino"):
        ways["openvino"] = with_openvino(once.export(held), options.threads)

    print(f"width {options.width}, {options.threads} threads, torch {torch.__version__}, {options.rounds} rounds")
    print(f"{'batch':>5}  {'way':9} {'ms/frame':>9} {'times plain':>12} {'max difference':>15}")
    for batch in map(int, options.batches.split(",")):
        audio = torch.randn(batch, 1, 80, 16)
        expected = plain(audio)
        times = take_turns(ways, audio, options.rounds)
        for name, way in ways.items():
            speed = statistics.median(p / t for p, t in zip(times["plain"], times[name], strict=True))
            difference = float((way(audio) - expected).abs().max())
            milliseconds = statistics.median(times[name]) / batch * 1000
            print(f"{batch:5}  {name:9} {milliseconds:9.2f} {speed:12.2f} {difference:15.1e}")


def drawn(model: Wav2Lip) -> Wav2Lip:
    """Draw weights at which no layer dies out or saturates, so that differences show."""
    for name, tensor in model.state_dict().items():
        if tensor.ndim == 4:
            tensor.normal_(std=tensor[0].numel() ** -0.5)
        elif name.endswith(("running_var", "1.weight")):
            tensor.uniform_(0.5, 1.5)
        elif tensor.is_floating_point():
            tensor.normal_(std=0.1)
    return model.eval()


def with_openvino(program: ExportedProgram, threads: int) -> Way:
    """Compile a network for OpenVINO on the CPU, in single precision."""
    import openvino

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch and OpenVINO warn of each other's old habits
        network = openvino.convert_model(program)
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.compile_model(network, "CPU", settings)
    return lambda audio: torch.from_numpy(compiled(audio.numpy())[0])


def take_turns(ways: dict[str, Way], audio: Tensor, rounds: int) -> dict[str, list[float]]:
    """Time each way once per round, in seconds; one round more goes before to warm up."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way(audio)
    for _ in range(rounds):
        for name, way in ways.items():
            time.sleep(PAUSE)
            start = time.perf_counter()
            way(audio)
            times[name].append(time.perf_counter() - start)
    return times


if __name__ == "__main__":
    main()
