"""How fast movies are scored, beside scikit-image's SSIM alone, frame by frame, in the same run.

    OMP_NUM_THREADS=1 python bench/scores.py [--size 256] [--frames 100,400] [--rounds 5]

The movies are noise drawn over drifting stripes; what is in them does not matter to the time. Times are of the
processor (process_time), so that whatever else the computer does matters little; frames/s are those of one core.
The ways take turns within each round; medians over rounds, and medians of the ratios within rounds. The last column
is the most memory that scoring takes beside the movies themselves (tracemalloc), which should not grow with length.
"""

from __future__ import annotations

import argparse
import statistics
import time
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from functools import partial

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from seido.scores.lag import lag_curve
from seido.scores.motion import moments
from seido.scores.quality import cw_ssim, ms_ssim, psnr
from seido.scores.rows import score_movie
from seido.scores.similarity import ssim
from seido.values import Movie

Frames = NDArray[np.uint8]
FEW = 24
"""Frames for the measures that are not in the headline and take long."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--frames", default="100,400")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"{options.size} × {options.size} pixels, {options.rounds} rounds, processor time")
    print(f"{'frames':>6}  {'way':24} {'frames/s':>9} {'times scikit-image':>19} {'memory, MiB':>12}")
    for count in map(int, options.frames.split(",")):
        true, predicted = drawn(count, options.size, 0), drawn(count, options.size, 1)
        ways: dict[str, Callable[[], object]] = {
            "scikit-image SSIM": partial(reference, true, predicted),
            "headline set": partial(headline, true, predicted),
            "  of it SSIM": partial(ssim, true, predicted),
            "  of it sums over time": partial(moments, true, predicted),
            "  of it lag curve": partial(lag_curve, true, predicted, sums=moments(true, predicted)),
            "PSNR": partial(psnr, true, predicted),
            "MS-SSIM": partial(ms_ssim, true[:FEW], predicted[:FEW]),
            "CW-SSIM": partial(cw_ssim, true[:FEW], predicted[:FEW]),
        }
        lengths = {name: FEW if name in {"MS-SSIM", "CW-SSIM"} else count for name in ways}
        times = take_turns(ways, options.rounds)
        first = [one / count for one in times["scikit-image SSIM"]]
        for name, found in times.items():
            each = [one / lengths[name] for one in found]
            ratio = statistics.median(a / b for a, b in zip(first, each, strict=True))
            memory = peak(ways[name])
            print(f"{count:6}  {name:24} {1 / statistics.median(each):9.0f} {ratio:19.2f} {memory:12.1f}")


def drawn(count: int, size: int, seed: int) -> Frames:
    """Draw stripes that drift, under noise: uint8 (count, size, size)."""
    generator = np.random.default_rng(seed)
    stripes = 128 + 80 * np.sin(np.arange(size) / 9 + np.arange(count)[:, None] / 5)
    movie = np.empty((count, size, size), np.uint8)
    for frame, stripe in zip(movie, stripes, strict=True):
        frame[:] = stripe + generator.integers(-20, 20, (size, size))
    return movie


def reference(true: Frames, predicted: Frames) -> float:
    """Average scikit-image's SSIM, with our window and constants, over frames."""
    pairs = zip(true, predicted, strict=True)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
    scores = [structural_similarity(x / 255, y / 255, **settings) for x, y in pairs]  # type: ignore[no-untyped-call]
    return float(np.mean(scores))


def headline(true: Frames, predicted: Frames) -> object:
    """Score SSIM, NMSE, motion correlation and amplitude, lag, and skill over two pictures."""
    rate = Fraction(25)
    return score_movie(Movie(true, rate), Movie(predicted, rate), mean_frame=predicted[0])


def take_turns(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Time each way once per round, in seconds of the processor; one round more goes before to warm up."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            start = time.process_time()
            way()
            if number:
                times[name].append(time.process_time() - start)
    return times


def peak(way: Callable[[], object]) -> float:
    """Measure the most memory taken while a way is at work, in MiB."""
    tracemalloc.start()
    way()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 2**20


if __name__ == "__main__":
    main()
