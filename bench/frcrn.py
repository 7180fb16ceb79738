"""How well networks take scanner noise out of speech, beside other ways: tables, pictures, sounds for docs/frcrn.md.

    python bench/frcrn.py CORPUS [--model best.safetensors] [--real scanner.wav] [--docs docs]

CORPUS is a phantom corpus (`seido phantom`): truth/NAME/speech.wav is its speech without noise. Speech and scanners
are those that `seido train --model frcrn-small` was told to leave out: speaker W, Mandarin, sentences 12 and 13; and
repetition times within noise.held_out. The noise is that of the phantom's generator, which training does not use.
"""

from __future__ import annotations

import argparse
import copy
import time
import warnings
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import soundfile
import soxr
import torch

from denoise import NOISE_ALONE, STEADY, draw, level, mel, si_sdr
from seido.clips.denoise import Enhancer, denoise
from seido.models.frcrn import FRCRN
from seido.models.frcrn_fast import PreparedFrcrn
from seido.models.frcrn_layers import MEMORY, SLOPE, ComplexMemory, Decoder, Encoder, MemoryLayer
from seido.models.registry import find_model
from seido.movie.removal import SMALL, Remover
from seido.phantom.gradient_noise import Sequence, at_snr, gradient_noise
from seido.scores.bootstrap import Estimate, difference, estimate
from seido.timebase import SAMPLE_RATE
from seido.values import Samples, Speech

HELD_OUT = ("W_*", "*_zh_*", "*_01[23]")
RATIOS = (-5, 0, 5, 10)
SCANNERS = tuple(
    Sequence(1 / (milliseconds * count / 1000), milliseconds / 1000)
    for milliseconds, count in (
        (Fraction(44, 10), 9),
        (Fraction(526, 100), 7),
        (Fraction(556, 100), 13),
        (Fraction(6), 8),
        (Fraction(85, 10), 5),
    )
)
"""Repetition times of 4.4, 5.26, 5.56, 6 and 8.5 ms: none was trained on."""
LONGEST = 4.0
"""Seconds of a recording that are used."""
METHODS = ("none", "spectral", "template", "template+spectral", "frcrn-small", "template+frcrn-small")
MEASURES = ("SI-SDR dB", "log-mel error", "STOI", "PESQ")
Score = dict[str, float | None]


def held_out(corpus: Path, each: int) -> Iterator[tuple[str, Samples]]:
    """Take `each` recordings spread over each pattern of HELD_OUT, at 16 kHz."""
    names = sorted(path.name for path in (corpus / "truth").iterdir())
    for number, pattern in enumerate(HELD_OUT):
        free = [
            name for name in names if fnmatch(name, pattern) and not any(fnmatch(name, p) for p in HELD_OUT[:number])
        ]
        for index in range(min(each, len(free))):
            name = free[index * len(free) // each]
            samples, rate = soundfile.read(corpus / "truth" / name / "speech.wav", dtype="float32")
            heard = np.asarray(soxr.resample(samples, rate, SAMPLE_RATE), np.float32)
            yield name, heard[: round(LONGEST * SAMPLE_RATE)]


def mixtures(speech: list[tuple[str, Samples]], ratio: float) -> Iterator[tuple[Samples, Speech]]:
    """Put each recording into one of the scanners, in turn."""
    for number, (name, clean) in enumerate(speech):
        noise = gradient_noise(
            len(clean), SAMPLE_RATE, SCANNERS[number % len(SCANNERS)], np.random.default_rng([7, number])
        )
        yield clean, Speech(at_snr(clean, noise, ratio), SAMPLE_RATE, name)


def measured(clean: Samples, sound: Samples) -> Score:
    """Measure what is left; STOI and PESQ only where their packages are installed."""
    found: Score = {
        "SI-SDR dB": si_sdr(clean, sound),
        "log-mel error": float(np.abs(mel(sound, SAMPLE_RATE) - mel(clean, SAMPLE_RATE)).mean()),
        "STOI": None,
        "PESQ": None,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from pystoi import stoi

            found["STOI"] = float(stoi(clean, sound, SAMPLE_RATE))
        except ImportError:
            pass
        try:
            import pesq

            found["PESQ"] = float(pesq.pesq(SAMPLE_RATE, clean, sound, "wb"))
        except (ImportError, ValueError, RuntimeError):
            pass
    return found


def shown(found: Estimate | None, digits: int = 2) -> str:
    if found is None or found.mean is None:
        return "–"
    return f"{found.mean:.{digits}f} ({found.low:.{digits}f} … {found.high:.{digits}f})"


def table(speech: list[tuple[str, Samples]], networks: dict[str, Enhancer], methods: tuple[str, ...]) -> None:
    print("| added at | way | " + " | ".join(MEASURES) + " | SI-SDR over template | s of processor time per s |")
    print("|---" * (len(MEASURES) + 4) + "|")
    for ratio in RATIOS:
        scores: dict[str, list[Score]] = {name: [] for name in methods}
        taken = dict.fromkeys(methods, 0.0)
        seconds, speakers = 0.0, []
        for clean, noisy in mixtures(speech, ratio):
            seconds += float(noisy.seconds)
            speakers.append(noisy.name.split("_")[0])
            for name in methods:
                begun = time.process_time()
                heard = denoise(noisy, name, networks)
                taken[name] += time.process_time() - begun
                scores[name].append(measured(clean, heard.samples))
        for name in methods:
            cells = [shown(estimate([one[measure] for one in scores[name]], 0, speakers)) for measure in MEASURES]
            gained = "–"
            if "template" in methods and name != "template":
                here, there = ([one["SI-SDR dB"] for one in scores[way]] for way in (name, "template"))
                gained = shown(difference(here, there, 0, speakers))
            cost = f"{taken[name] / seconds:.3f}"
            way = "noisy" if name == "none" else name
            print(f"| {ratio} dB | {way} | {' | '.join(cells)} | {gained} | {cost} |", flush=True)


def illustrate(
    docs: Path, speech: list[tuple[str, Samples]], networks: dict[str, Enhancer], real: Speech | None
) -> None:
    """Write spectrograms, and sounds of the phantom; the recording's sounds stay here."""
    clean, noisy = next(mixtures(speech[:1], 0))
    cut = slice(0, 4 * SAMPLE_RATE)
    noisy = Speech(noisy.samples[cut] * np.float32(0.5), SAMPLE_RATE, noisy.name)
    stages = {
        name: denoise(noisy, name, networks) for name in ("none", "template", "frcrn-small", "template+frcrn-small")
    }
    whole = Speech(clean[cut] * np.float32(0.5), SAMPLE_RATE, noisy.name)
    draw(docs / "pictures" / "frcrn-phantom.jpg", [*stages.values(), whole])
    for name in ("frcrn-small", "template+frcrn-small"):
        path = docs / "sounds" / f"frcrn-phantom-{name.replace('+', '-')}.ogg"
        soundfile.write(path, stages[name].samples, SAMPLE_RATE, format="OGG")
    soundfile.write(docs / "sounds" / "frcrn-phantom-noisy.ogg", noisy.samples, SAMPLE_RATE, format="OGG")
    if real is not None:
        ways = ("none", "template", "frcrn-small", "template+frcrn-small")
        draw(docs / "pictures" / "frcrn-real.jpg", [denoise(real, name, networks) for name in ways])


def cost(run: Callable[[], object], seconds: float) -> float:
    begun = time.process_time()
    run()
    return (time.process_time() - begun) / seconds


class Plain(torch.nn.Module):
    """An encoder or decoder done step by step: four real convolutions, two normalisations, two rectifiers."""

    def __init__(self, unit: Encoder | Decoder) -> None:
        super().__init__()
        self.real: torch.nn.Module
        self.imaginary: torch.nn.Module
        if isinstance(unit, Encoder):
            self.real, self.imaginary = unit.conv.conv_re, unit.conv.conv_im
        else:
            self.real, self.imaginary = unit.transconv.tconv_re, unit.transconv.tconv_im
        self.norm = unit.bn

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the unit."""
        re, im = x.chunk(2, 1)
        y = torch.cat((self.real(re) - self.imaginary(im), self.real(im) + self.imaginary(re)), 1)
        return torch.nn.functional.leaky_relu(self.norm(y), SLOPE)


class PlainMemory(torch.nn.Module):
    """A memory done step by step: four real ones in every layer, two linear maps and a convolution each."""

    def __init__(self, unit: ComplexMemory) -> None:
        super().__init__()
        self.unit = unit

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the unit."""
        frequency = self.unit.axis == "frequency"
        # Channels come last and what is remembered next to last: (B, the other, along, C).
        re, im = (part.permute(0, 3, 2, 1) if frequency else part.permute(0, 2, 3, 1) for part in x.chunk(2, 1))
        for layer in range(1, self.unit.layers + 1):
            real, imaginary = (cast("MemoryLayer", self.unit.get_submodule(f"fsmn_{p}_L{layer}")) for p in ("re", "im"))
            re, im = self.one(real, re) - self.one(imaginary, im), self.one(real, im) + self.one(imaginary, re)
        return torch.cat([part.permute(0, 3, 2, 1) if frequency else part.permute(0, 3, 1, 2) for part in (re, im)], 1)

    @staticmethod
    def one(layer: MemoryLayer, z: torch.Tensor) -> torch.Tensor:
        """Remember z (B, the other, along, C)."""
        q = layer.project(torch.relu(layer.linear(z)))
        image = torch.nn.functional.pad(q.permute(0, 3, 2, 1), (0, 0, MEMORY - 1, 0))
        kept: torch.Tensor = z + q + layer.conv1(image).permute(0, 3, 2, 1)
        return kept


def plain(network: FRCRN) -> FRCRN:
    """Copy the full network with its encoders, decoders and memories done step by step."""
    copied = copy.deepcopy(network)
    for unet in (copied.unet, copied.unet2):
        for name, layer in list(unet.named_children()):
            if isinstance(layer, Encoder | Decoder):
                setattr(unet, name, Plain(layer))
            if isinstance(layer, ComplexMemory):
                setattr(unet, name, PlainMemory(layer))
    return copied


def full_costs(seconds: float = 3, rounds: int = 5) -> None:
    """Time the full network prepared, as it is and step by step, in turn; the least of the rounds counts."""
    sound = torch.randn(1, round(seconds * SAMPLE_RATE)) * 0.1
    network = FRCRN().eval()
    ways: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "prepared": PreparedFrcrn(network),
        "as it is": network,
        "step by step": plain(network),
    }
    with torch.inference_mode():
        made = {name: way(sound) for name, way in ways.items()}
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                taken[name].append(cost(partial(way, sound), seconds))
    print("\n| full network | s of processor time per s: least, middle | step by step takes | difference to the peak |")
    print("|---|---|---|---|")
    least, wanted = min(taken["step by step"]), made["step by step"]
    for name, times in taken.items():
        off = float((made[name] - wanted).abs().max() / wanted.abs().max())
        middle = sorted(times)[len(times) // 2]
        print(f"| {name} | {min(times):.2f}, {middle:.2f} | {least / min(times):.2f} times as long | {off:.1g} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", default=SMALL)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--full", action="store_true", help="time the full network too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    networks: dict[str, Enhancer] = {"frcrn-small": Remover("frcrn-small", find_model(arguments.model))}
    speech = list(held_out(arguments.corpus, arguments.each))
    print(f"{len(speech)} recordings, {sum(len(one) for _, one in speech) / SAMPLE_RATE:.0f} s\n")
    table(speech, networks, tuple(arguments.methods.split(",")))
    real = Speech(*soundfile.read(arguments.real, dtype="float32")) if arguments.real else None
    if real is not None:
        print("\n| the recording | noise alone dB | its steady part dB |\n|---|---|---|")
        for method in arguments.methods.split(","):
            done = denoise(real, method, networks)
            print(f"| {method} | {level(done, NOISE_ALONE):.1f} | {level(done, STEADY):.1f} |", flush=True)
    if arguments.full:
        full_costs()
    if arguments.docs:
        illustrate(arguments.docs, speech, networks, real)


if __name__ == "__main__":
    main()
