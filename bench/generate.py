"""`seido generate` against the published inference way: how much faster, and how much memory does each need.

The plain side is written as the published inference works: the face encoder for every frame, batches of 128, pictures
written to a lossy intermediate movie, then encoded a second time with the sound. Both run as processes of their own on
the same 30 s of speech, in turn, with the full network (random weights: the time is the same).
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from statistics import median

import numpy as np
import torch

from seido.clips.logmel import log_mel
from seido.corpus.sound import read_speech
from seido.corpus.video import movie_frames
from seido.models.checkpoint import build, load_checkpoint, save_checkpoint
from seido.models.inputs import as_channels, face_input
from seido.models.wav2lip import Wav2Lip
from seido.movie.generate import GenerateOptions
from seido.movie.make import generate_movie
from seido.movie.writer import Sound, write_movie, write_speech
from seido.plan import Network, Plan
from seido.timebase import SAMPLE_RATE, window_start
from seido.values import Speech

SECONDS = 30
RATE = Fraction(25)
PLAIN_BATCH = 128


def plain(speech: Path, frame: Path, out: Path, model: Path) -> None:
    """Do what the published inference does."""
    generator = build(load_checkpoint(model))
    voice = read_speech(speech)
    picture = np.load(frame)
    mel = log_mel(voice)
    count = voice.frames(RATE)
    pictures = []
    for first in range(0, count, PLAIN_BATCH):
        numbers = range(first, min(first + PLAIN_BATCH, count))
        starts = [window_start(i, len(mel), RATE, Fraction(0)) for i in numbers]
        audio = torch.stack([torch.from_numpy(mel[start : start + 16].T.copy())[None] for start in starts])
        whole = as_channels(np.repeat(picture[None], len(starts), axis=0))
        with torch.no_grad():
            images = generator(audio, face_input(whole, whole))
        pictures += list((images.mean(dim=1) * 255).byte().numpy())
    with tempfile.TemporaryDirectory() as folder:
        between = Path(folder) / "result.mkv"
        write_movie(between, pictures, RATE)
        write_movie(out, movie_frames(between, colour=False), RATE, Sound([voice.samples], SAMPLE_RATE))


def ours(speech: Path, frame: Path, out: Path, model: Path, engine: str) -> None:
    """Do what `seido generate` does."""
    generate_movie(speech, frame, out, GenerateOptions(model=str(model), engine=engine))  # type: ignore[arg-type]


def timed(way: str, *paths: Path) -> tuple[float, float]:
    """Run one way in a process of its own: seconds of wall clock, and peak memory in GB."""
    began = time.perf_counter()
    command = [sys.executable, __file__, "--way", way, *map(str, paths)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - began, float(done.stdout)


def inputs(folder: Path, seconds: float, width: Fraction) -> tuple[Path, Path, Path]:
    """Write speech-like sound, a first frame and a checkpoint."""
    clock = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    samples = 0.1 * np.sin(2 * np.pi * 150 * clock) * (1 + np.sin(2 * np.pi * 3 * clock))
    speech, frame, model = folder / "speech.wav", folder / "frame.npy", folder / "model.safetensors"
    write_speech(speech, Speech(samples.astype(np.float32), SAMPLE_RATE))
    np.save(frame, np.random.default_rng(0).integers(0, 256, (96, 96), dtype=np.uint8))
    torch.manual_seed(0)
    save_checkpoint(model, Wav2Lip(width), Plan(network=Network(width=width)))
    return speech, frame, model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("paths", nargs="*", type=Path)
    arguments = parser.parse_args()
    if arguments.way:
        speech, frame, out, model = arguments.paths
        if arguments.way == "plain":
            plain(speech, frame, out, model)
        else:
            ours(speech, frame, out, model, arguments.way)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
        return
    ways = ("plain", "torch", "openvino")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        speech, frame, model = inputs(folder, SECONDS, Fraction(1))
        results: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for _ in range(arguments.repeats):
            for way in ways:
                results[way].append(timed(way, speech, frame, folder / f"{way}.mp4", model))
    reference = median(seconds for seconds, _ in results["plain"])
    print(f"{SECONDS} s of speech, full network, {torch.get_num_threads()} threads, median of {arguments.repeats} runs")
    for way in ways:
        seconds, memory = (median(values) for values in zip(*results[way], strict=True))
        print(f"{way:9} {seconds:6.1f} s   {reference / seconds:4.2f}× plain   peak {memory:.2f} GB")


if __name__ == "__main__":
    main()
