"""How much scanner noise goes, and how much speech stays: rows for bench/RESULTS.md, pictures and sounds for docs.

    python bench/denoise.py CORPUS [--real scanner.wav] [--docs docs]

CORPUS is a phantom corpus (`seido phantom`): truth/NAME/speech.wav is its speech without noise. Gradient noise of two
frame rates is added at four ratios, over the samples with speech. The recorded noise, given with --real, stands for
scanners the phantom's generator knows nothing of: two seconds without speech, added to two seconds of speech.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from PIL import Image

from seido.clips.denoise import denoise, denoised
from seido.clips.logmel import log_mel
from seido.phantom.gradient_noise import Sequence, active, at_snr, gradient_noise
from seido.timebase import SAMPLE_RATE
from seido.values import Samples, Speech

RATIOS = (-5, 0, 5, 10)
FRAME_RATES = (Fraction(1384, 100), Fraction(2717, 100))
NOISE_ALONE = (0.02, 2.02)
"""Seconds of the recording in which nobody speaks."""
STEADY = (0.2, 1.7)
Way = Callable[[Speech], Speech]
WAYS: dict[str, Way] = {
    "noisy": lambda speech: speech,
    "spectral": lambda speech: denoise(speech, "spectral"),
    "template": lambda speech: denoise(speech, "template"),
    "auto": denoise,
}


@dataclass
class Row:
    """What one way did at one ratio; a number for each recording."""

    distortion: list[float] = field(default_factory=list)
    segmental: list[float] = field(default_factory=list)
    mel: list[float] = field(default_factory=list)
    seconds: float = 0
    sounded: float = 0

    def add(self, clean: Samples, speech: Speech, taken: float) -> None:
        """Measure one recording, that took so many seconds of one core."""
        self.distortion.append(si_sdr(clean, speech.samples))
        self.segmental.append(segmental_snr(clean, speech.samples, speech.rate))
        self.mel.append(float(np.abs(mel(speech.samples, speech.rate) - mel(clean, speech.rate)).mean()))
        self.seconds += taken
        self.sounded += float(speech.seconds)

    def __str__(self) -> str:
        parts = [f"{np.mean(self.distortion):.1f} (≥ {min(self.distortion):.1f})", f"{np.mean(self.segmental):.1f}"]
        return " | ".join([*parts, f"{np.mean(self.mel):.2f}", f"{self.seconds / self.sounded:.3f}"])


def si_sdr(clean: Samples, sound: Samples) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux, Wisdom, Erdogan & Hershey 2019)."""
    target, heard = (one.astype(np.float64) - one.mean(dtype=np.float64) for one in (clean, sound))
    target *= (target @ heard) / (target @ target)
    rest = heard - target
    return float(10 * np.log10((target @ target) / (rest @ rest + 1e-20)))


def segmental_snr(clean: Samples, sound: Samples, rate: int) -> float:
    """Mean ratio in dB over 30 ms segments with speech, each held within −10 … 35."""
    size = round(0.03 * rate)
    cut = len(clean) // size * size
    speech, rest = (one[:cut].astype(np.float64).reshape(-1, size) for one in (clean, sound - clean))
    spoken = active(clean)[:cut].reshape(-1, size).mean(axis=1) > 0.5
    ratios = 10 * np.log10(((speech**2).sum(1) + 1e-12) / ((rest**2).sum(1) + 1e-12))
    return float(np.clip(ratios[spoken], -10, 35).mean())


def mel(samples: Samples, rate: int) -> NDArray[np.float32]:
    heard = np.asarray(soxr.resample(samples, rate, SAMPLE_RATE), np.float32)
    return log_mel(Speech(heard, SAMPLE_RATE))


def spoken(corpus: Path, speakers: int) -> Iterator[tuple[str, Samples, int]]:
    """Take one recording of each of the first speakers, in turn in each language."""
    folders = sorted((corpus / "truth").iterdir())
    names = sorted({folder.name.split("_")[0] for folder in folders})[:speakers]
    for number, name in enumerate(names):
        own = [folder for folder in folders if folder.name.startswith(f"{name}_")]
        languages = sorted({folder.name.split("_")[1] for folder in own})
        language = languages[number % len(languages)]
        folder = next(one for one in own if one.name.split("_")[1] == language)
        samples, rate = soundfile.read(folder / "speech.wav", dtype="float32")
        yield folder.name, samples, rate


def mixtures(corpus: Path, speakers: int, ratio: int) -> Iterator[tuple[Samples, Speech]]:
    for number, (name, clean, rate) in enumerate(spoken(corpus, speakers)):
        for frames in FRAME_RATES:
            noise = gradient_noise(len(clean), rate, Sequence.at(frames), np.random.default_rng(number))
            yield clean, Speech(at_snr(clean, noise, ratio), rate, name)


def real_mixtures(corpus: Path, speakers: int, ratio: int, real: Speech) -> Iterator[tuple[Samples, Speech]]:
    part = slice(*(round(second * real.rate) for second in NOISE_ALONE))
    for name, clean, rate in spoken(corpus, speakers):
        noise = np.asarray(soxr.resample(real.samples[part], real.rate, rate), np.float32)
        cut = clean[rate // 2 : rate // 2 + len(noise)]
        yield cut, Speech(at_snr(cut, noise[: len(cut)], ratio), rate, name)


def table(pairs: Callable[[int], Iterator[tuple[Samples, Speech]]]) -> None:
    print("| added at | way | SI-SDR dB, mean (least) | segmental SNR dB | log-mel error | real-time factor |")
    print("|---|---|---|---|---|---|")
    for ratio in RATIOS:
        rows = {name: Row() for name in WAYS}
        for clean, noisy in pairs(ratio):
            for name, way in WAYS.items():
                begun = time.process_time()
                heard = way(noisy)
                rows[name].add(clean, heard, time.process_time() - begun)
        for name, row in rows.items():
            print(f"| {ratio} dB | {name} | {row} |", flush=True)


def level(speech: Speech, seconds: tuple[float, float]) -> float:
    part = speech.samples[round(seconds[0] * speech.rate) : round(seconds[1] * speech.rate)]
    return float(10 * np.log10(np.mean(part.astype(np.float64) ** 2) + 1e-20))


def spectrogram(speech: Speech, top: float = 6000, width: int = 1000, height: int = 220) -> NDArray[np.uint8]:
    """Draw a wide-band spectrogram, dark is loud, 75 dB from white to black: uint8 (height, width)."""
    size = 2 * round(0.006 * speech.rate)
    centres = np.linspace(0, len(speech.samples) - 1, width).astype(int)
    padded = np.pad(speech.samples, size)
    frames = np.stack([padded[at + size // 2 : at + size // 2 + size] for at in centres])
    window = np.hanning(size)
    decibels = 20 * np.log10(np.abs(np.fft.rfft(frames * window, 4096, axis=1)) / (window.sum() / 2) + 1e-9)
    shown = decibels[:, : round(top / speech.rate * 4096)].T[::-1]
    grey = np.round(255 - np.clip((shown + 95) / 75, 0, 1) * 255).astype(np.uint8)
    return np.asarray(Image.fromarray(grey).resize((width, height), Image.Resampling.BILINEAR))


def draw(path: Path, stages: list[Speech]) -> None:
    gap = np.full((6, 1000), 255, np.uint8)
    rows = [part for speech in stages for part in (spectrogram(speech), gap)]
    Image.fromarray(np.concatenate(rows[:-1])).save(path, quality=60)


def illustrate(docs: Path, corpus: Path, real: Speech | None) -> None:
    """Write before, template and auto as spectrograms, and the phantom's as sounds; the recording's stay here."""
    _, clean, rate = next(iter(spoken(corpus, 1)))
    noise = gradient_noise(len(clean), rate, Sequence.at(FRAME_RATES[0]), np.random.default_rng(0))
    noisy = Speech(at_snr(clean, noise, 0) * np.float32(0.5), rate)
    (docs / "sounds").mkdir(parents=True, exist_ok=True)
    stages = {"noisy": noisy, "template": denoise(noisy, "template"), "auto": denoise(noisy)}
    draw(docs / "pictures" / "noise-phantom.jpg", [*stages.values(), Speech(clean * np.float32(0.5), rate)])
    for name, speech in stages.items():
        sound = np.asarray(soxr.resample(speech.samples[: 4 * rate], rate, SAMPLE_RATE), np.float32)
        soundfile.write(docs / "sounds" / f"noise-phantom-{name}.ogg", sound, SAMPLE_RATE, format="OGG")
    if real is not None:
        draw(docs / "pictures" / "noise-real.jpg", [real, denoise(real, "template"), denoise(real)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--speakers", type=int, default=6)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table(lambda ratio: mixtures(arguments.corpus, arguments.speakers, ratio))
    real = Speech(*soundfile.read(arguments.real, dtype="float32")) if arguments.real else None
    if real is not None:
        print()
        table(lambda ratio: real_mixtures(arguments.corpus, arguments.speakers, ratio, real))
        print("\n| the recording | noise alone dB | its steady part dB | steps |\n|---|---|---|---|")
        for method in ("none", "spectral", "template", "auto"):
            done = denoised(real, method)
            levels = f"{level(done.speech, NOISE_ALONE):.1f} | {level(done.speech, STEADY):.1f}"
            print(f"| {method} | {levels} | {', '.join(done.steps)} |")
    changed = [name for name, clean, rate in spoken(arguments.corpus, 99) if denoised(Speech(clean, rate)).steps]
    print(f"\nclean recordings that auto changed: {', '.join(changed) or 'none'}")
    if arguments.docs:
        illustrate(arguments.docs, arguments.corpus, real)


if __name__ == "__main__":
    main()
