"""How much memory an hour of speech needs, with a slim network: what width adds does not depend on the length."""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile

from seido.models.checkpoint import save_checkpoint
from seido.models.wav2lip import Wav2Lip
from seido.movie.generate import GenerateOptions
from seido.movie.make import generate_movie
from seido.plan import Network, Plan

RATE = 48_000
WIDTH = Fraction(1, 16)


def measure(folder: Path, seconds: int) -> None:
    """Generate from a recording of that length and print frames, wall clock and peak memory."""
    began = time.perf_counter()
    options = GenerateOptions(model=str(folder / "model.safetensors"))
    made = generate_movie(folder / f"{seconds}.wav", folder / "frame.npy", folder / f"{seconds}.mp4", options)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{seconds:5} s of 48 kHz speech: {made.total} frames, {time.perf_counter() - began:.0f} s, peak {peak:.2f} GB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, nargs="*", default=[60, 600, 3600])
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.folder:
        measure(arguments.folder, arguments.seconds[0])
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "frame.npy", np.random.default_rng(0).integers(0, 256, (256, 256), dtype=np.uint8))
        save_checkpoint(folder / "model.safetensors", Wav2Lip(WIDTH), Plan(network=Network(width=WIDTH)))
        minute = np.random.default_rng(0).normal(0, 0.1, 60 * RATE).astype(np.float32)
        for seconds in arguments.seconds:
            with soundfile.SoundFile(folder / f"{seconds}.wav", "w", RATE, 1, "PCM_16") as sound:
                for _ in range(seconds // 60):
                    sound.write(minute)
            subprocess.run([sys.executable, __file__, "--folder", name, "--seconds", str(seconds)], check=True)


if __name__ == "__main__":
    main()
