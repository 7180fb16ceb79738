"""Streaming: milliseconds a frame on one core as the sound comes, the look-ahead, and the first frame once.

    python bench/live.py [--model NAME] [--seconds 20] [--chunk 320] [--rounds 3]

Sound comes in chunks of 20 ms; only the calls are timed, by processor time of one thread. A chunk that makes a frame
certain takes the time of a frame, the others that of some columns of the log-mel. Random weights of the same network
would take as long.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from seido.corpus.sound import read_speech
from seido.models.registry import DEFAULT
from seido.movie.heads import bundled_heads
from seido.movie.live import begin
from seido.timebase import SAMPLE_RATE

SENTENCE = Path(__file__).resolve().parents[1] / "src" / "seido" / "samples" / "M1_ja_001.mp4"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--chunk", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    samples = np.resize(read_speech(SENTENCE).samples, round(options.seconds * SAMPLE_RATE))
    chunks = [samples[first : first + options.chunk] for first in range(0, len(samples), options.chunk)]
    print(f"{options.model}, {options.seconds:g} s, chunks of {options.chunk} samples, one thread")
    for head in ("woman", "woman-whole"):
        assert head in bundled_heads()  # noqa: S101
        live = begin(options.model, head)
        with_frame: list[float] = []
        without: list[float] = []
        frames = 0
        for _ in range(options.rounds):
            live.reset()
            for chunk in chunks:
                began = time.process_time()
                made = len(live.feed(chunk))
                taken = 1000 * (time.process_time() - began)
                frames += made
                (with_frame if made else without).append(taken / max(1, made))
            frames += len(live.finish())
        slow = float(np.percentile(with_frame, 99))
        frame, chunk_alone = statistics.median(with_frame), statistics.median(without)
        print(
            f"{head}: {frame:.1f} ms a frame (99 %: {slow:.1f}), {chunk_alone:.2f} ms a chunk without one; "
            f"{frames // options.rounds} frames; look-ahead {1000 * float(live.look_ahead):.0f} ms"
        )


if __name__ == "__main__":
    main()
