"""A training step and its data, beside a plain loop written as the published one is: python bench/training.py.

The plain way (Prajwal et al. 2020): every frame a JPEG on disk, read and resized when it is drawn; the log-mel of the
clip's whole sound computed for every example; eager float32, memory in rows of one channel, Adam parameter by
parameter. Both train the full-width Wav2Lip on examples of five frames in a row, two a step, in this one run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import torch
from PIL import Image
from torch import Tensor

from prepare import corpus, plain, plain_mel
from seido.clips.prepare import PrepareOptions, prepare
from seido.clips.store import open_clips
from seido.models.wav2lip import Wav2Lip
from seido.training.augment import AugmentOptions
from seido.training.ending import threads
from seido.training.loop import take_step
from seido.training.numbers import Numbers
from seido.training.options import TrainOptions
from seido.training.parallel import Company
from seido.training.run import Run
from seido.training.start import task_of
from seido.training.task import Batch, Share
from seido.workers import cores

WINDOW, EXAMPLES, SIDE = 5, 2, 96
Examples = tuple[Tensor, Tensor, Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--width", default="1")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        which, root = arguments.measure
        memory_of(which, Path(root), arguments.width, arguments.steps)
        return
    print(f"{cores()} cores; before this run {os.getloadavg()[0]:.1f} processes wanted them")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        source = corpus(root / "many", 12, 5)
        prepare(source, root / "clips", PrepareOptions(split="80/20/0", sync="off"), workers=1)
        for movie in sorted(source.glob("*.mp4")):
            plain(movie, root / "plain" / movie.stem)
        data(root)
        steps(root, arguments.width, arguments.steps)
        for which in ("plain", "seido"):
            command = [sys.executable, __file__, "--width", arguments.width, "--measure", which, str(root)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            print(f"{which}: {json.loads(done.stdout.splitlines()[-1]):.2f} GB at the most")


def options(width: str) -> TrainOptions:
    return TrainOptions(
        width=Fraction(width), recipe="talk", window=WINDOW, batch=EXAMPLES, augment=AugmentOptions.off(), warm_up=0
    )


def plain_batch(root: Path, random: np.random.Generator) -> Examples:
    """Draw as the published loader does: five frames, five of another window, and their mel windows."""
    audio, faces, targets = [], [], []
    folders = sorted((root / "plain").iterdir())
    for _ in range(EXAMPLES):
        folder = folders[random.integers(len(folders))]
        count = len(list(folder.glob("*.jpg")))
        first, other = (int(random.integers(1, count - 2 * WINDOW)) for _ in range(2))
        mel = plain_mel(soundfile.read(folder / "audio.wav", dtype="float32")[0])
        wanted, reference = (
            np.stack([jpeg(folder / f"{start + frame}.jpg") for frame in range(WINDOW)]) for start in (first, other)
        )
        masked = wanted.copy()
        masked[:, SIDE // 2 :] = 0
        starts = [int(80 * (first - 1 + frame) / 27) for frame in range(WINDOW)]
        audio.append(np.stack([mel[start : start + 16].T[None] for start in starts]))
        faces.append(np.concatenate([masked, reference], axis=-1))
        targets.append(wanted)
    as_tensor = [torch.from_numpy(np.concatenate(each)).float() for each in (audio, faces, targets)]
    return as_tensor[0], as_tensor[1].permute(0, 3, 1, 2), as_tensor[2].permute(0, 3, 1, 2)


def jpeg(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.float32) / 255


def data(root: Path) -> None:
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    task = task_of(options("1/16"), open_clips(root / "clips"))
    ours = rate(lambda step: task.batch(step, Share()))
    theirs = rate(lambda _: plain_batch(root, random))
    print(f"data, one core: plain {theirs:,.0f} frames/s, seido {ours:,.0f} frames/s: × {ours / theirs:.0f}")


def rate(make: Callable[[int], object]) -> float:
    made, began = 0, time.perf_counter()
    while time.perf_counter() - began < 3:
        make(made)
        made += 1
    return made * EXAMPLES * WINDOW / (time.perf_counter() - began)


def plain_step(width: str) -> Callable[[Examples], None]:
    network = Wav2Lip(Fraction(width))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4, foreach=False, fused=False)

    def step(batch: Examples) -> None:
        audio, face, target = batch
        optimizer.zero_grad()
        loss = torch.nn.functional.l1_loss(network(audio, face), target)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        loss.item()

    return step


def our_step(root: Path, width: str, out: Path, dtype: torch.dtype = torch.float32) -> Callable[[Batch], None]:
    chosen, numbers = options(width), Numbers(torch.device("cpu"), dtype)
    task = task_of(chosen, open_clips(root / "clips"))
    task.to(numbers)
    run = Run.begun(out, task, chosen, Company(), numbers, None)
    return lambda batch: take_step(run, [batch])


def steps(root: Path, width: str, count: int) -> None:
    """Take turns, so that whatever else the machine does slows both."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    task = task_of(options("1/16"), open_clips(root / "clips"))
    one, two = plain_step(width), our_step(root, width, root / "run")
    three = our_step(root, width, root / "half", torch.bfloat16)
    spans: dict[str, list[float]] = {"plain": [], "seido": [], "seido, bfloat16": []}
    with threads(cores()):
        for turn in range(count + 1):
            drawn, made = plain_batch(root, random), task.batch(turn, Share())
            turns: tuple[tuple[str, Callable[[], None]], ...] = (
                ("plain", partial(one, drawn)),
                ("seido", partial(two, made)),
                ("seido, bfloat16", partial(three, made)),
            )
            for name, step in turns:
                began = time.process_time(), time.perf_counter()
                step()
                spans[name].append(time.perf_counter() - began[1])
                print(f"  {name}: {spans[name][-1]:.2f} s, {time.process_time() - began[0]:.2f} s of processor")
    plainly, ours, half = (statistics.median(kept[1:]) for kept in spans.values())
    print(
        f"a step of {EXAMPLES} × {WINDOW} frames, width {width}: plain {plainly:.2f} s, seido {ours:.2f} s: "
        f"× {plainly / ours:.2f}; in bfloat16 {half:.2f} s: × {plainly / half:.2f}"
    )


def memory_of(which: str, root: Path, width: str, count: int) -> None:
    random = np.random.default_rng(0)
    task = task_of(options("1/16"), open_clips(root / "clips"))
    one, two = plain_step(width), our_step(root, width, root / "memory")
    for turn in range(min(2, count)):
        if which == "plain":
            one(plain_batch(root, random))
        else:
            two(task.batch(turn, Share()))
    lines = Path("/proc/self/status").read_text().splitlines()
    print(json.dumps(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e6))


if __name__ == "__main__":
    main()
