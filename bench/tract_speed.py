"""Frames a second of the tract generator, beside the plain Wav2Lip forward at its published width, in one run.

    python bench/tract_speed.py [--model NAME] [--threads 2] [--batch 16] [--frames 192] [--rounds 5]

Wav2Lip: the network called with the picture repeated for every frame, 96 × 96, random weights. Tract: everything that a
frame needs, the speech and the first frame included, at 128 × 128 and at 256 × 256. The ways take turns within
each round, so that whatever else the computer does falls on all alike; medians over rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from seido.models.mover import Mover
from seido.models.registry import DEFAULT
from seido.models.tract_speech import hearing
from seido.models.wav2lip import Wav2Lip
from seido.movie.generate import PIXELS, load_generator
from seido.timebase import MEL_RATE

PAUSE = 0.2
"""Seconds between measurements: threads of the way before stop spinning."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--frames", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    network, plan = load_generator(options.model)
    if not isinstance(network, Mover):
        parser.error(f"{options.model} is no tract generator")
    lips = Wav2Lip().eval()
    face, columns = torch.rand(1, 6, 96, 96), round(options.frames / plan.rate * MEL_RATE)
    mel = np.random.default_rng(0).uniform(-4, 4, (columns, plan.front_end.bands)).astype(np.float32)

    def plain() -> None:
        for first in range(0, options.frames, options.batch):
            count = min(options.batch, options.frames - first)
            lips(torch.randn(count, 1, 80, 16), face.expand(count, -1, -1, -1))

    def tract(side: int) -> Callable[[], None]:
        picture = torch.rand(1, 1, side, side)

        def way() -> None:
            lead = plan.lead_at(plan.rate)
            cut, at = hearing(mel, range(options.frames), plan.rate, lead, context=network.context)
            codes = network.listen(torch.from_numpy(cut)[None], torch.from_numpy(at)[None])[0]
            held = network.hold(picture)
            for some in torch.split(codes, min(options.batch, PIXELS // side**2)):
                network.paint(some, held)

        return way

    ways = {"Wav2Lip, plain, 96 × 96": plain, "tract, 128 × 128": tract(128), "tract, 256 × 256": tract(256)}
    times: dict[str, list[float]] = {name: [] for name in ways}
    with torch.inference_mode():
        for number in range(options.rounds + 1):
            for name, way in ways.items():
                time.sleep(PAUSE)
                began = time.perf_counter()
                way()
                if number:  # the first round warms up
                    times[name].append(time.perf_counter() - began)
    reference = times["Wav2Lip, plain, 96 × 96"]
    print(f"{options.model}, {options.threads} threads, batches of {options.batch}, torch {torch.__version__}")
    for name, taken in times.items():
        ratio = statistics.median(one / other for one, other in zip(reference, taken, strict=True))
        speed = options.frames / statistics.median(taken)
        print(f"{name:24} {speed:7.1f} frames/s   {1000 / speed:7.2f} ms a frame   {ratio:5.2f} × plain Wav2Lip")


if __name__ == "__main__":
    main()
