"""What less noise is worth in the end: movies generated from noisy, denoised and clean speech of the same clips.

    python bench/frcrn_movies.py CLIPS CORPUS [--model best.safetensors] [--clips 8] [--ratio 0]

CLIPS are prepared clips of the phantom corpus CORPUS. The noise is that of bench/frcrn.py, at repetition times that no
network was trained on. A generator trained on denoised speech is fairest to all but the noisy row.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch

from frcrn import HELD_OUT, SCANNERS, shown
from seido.clips.denoise import denoise
from seido.clips.store import open_clips
from seido.models.registry import DEFAULT
from seido.movie.generate import GenerateOptions, generate
from seido.movie.removal import removers
from seido.phantom.gradient_noise import at_snr, gradient_noise
from seido.scores.bootstrap import difference, estimate
from seido.scores.motion import motion_correlation
from seido.scores.similarity import ssim
from seido.timebase import SAMPLE_RATE
from seido.values import Speech

WAYS = ("none", "spectral", "template", "template+spectral", "frcrn-small", "template+frcrn-small", "clean")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--clips-used", type=int, default=8)
    parser.add_argument("--ratio", type=float, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    clips, networks = open_clips(arguments.clips), removers("frcrn-small")
    patterns = [Path(pattern) for pattern in HELD_OUT]
    free = [entry for entry in clips.split("test") if any(Path(entry.recording).match(str(one)) for one in patterns)]
    used = [free[number * len(free) // arguments.clips_used] for number in range(arguments.clips_used)]
    scores: dict[str, dict[str, list[float | None]]] = {way: {"SSIM": [], "motion": []} for way in WAYS}
    options = GenerateOptions(
        model=arguments.model,
        region=f"0,0,{clips.prepared.width},{clips.prepared.height}",
        fps=str(clips.prepared.rate),
    )
    for number, entry in enumerate(used):
        true = clips.frames(entry)
        samples, rate = soundfile.read(arguments.corpus / "truth" / entry.recording / "speech.wav", dtype="float32")
        heard = np.asarray(soxr.resample(samples, rate, SAMPLE_RATE), np.float32)
        first = round(entry.start * SAMPLE_RATE)
        clean = heard[first : first + entry.samples]
        noise = gradient_noise(len(clean), SAMPLE_RATE, SCANNERS[number % len(SCANNERS)], np.random.default_rng(number))
        noisy = Speech(at_snr(clean, noise, arguments.ratio), SAMPLE_RATE, entry.name)
        for way in WAYS:
            speech = Speech(clean, SAMPLE_RATE) if way == "clean" else denoise(noisy, way, networks)
            made = np.stack(list(generate(speech, true[0], options)))[: len(true)]
            scores[way]["SSIM"].append(float(ssim(true[: len(made)], made).mean()))
            scores[way]["motion"].append(motion_correlation(true[: len(made)], made))
        print(entry.name, *(f"{scores[way]['SSIM'][-1]:.4f}" for way in WAYS), flush=True)
    speakers = [entry.speaker for entry in used]
    print("\n| speech | SSIM | motion correlation | motion less than from clean speech |\n|---|---|---|---|")
    for way in WAYS:
        lost = difference(scores["clean"]["motion"], scores[way]["motion"], 0, speakers)
        cells = [shown(estimate(scores[way][name], 0, speakers), 3) for name in ("SSIM", "motion")]
        print(f"| {'noisy' if way == 'none' else way} | {' | '.join(cells)} | {shown(lost, 3)} |")


if __name__ == "__main__":
    main()
