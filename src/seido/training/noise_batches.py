"""Examples for a noise remover: speech in noise, mixed as they are needed; the same numbers give the same example."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seido.errors import BadInputError
from seido.models.frcrn_levels import gain
from seido.training.noise_options import NoiseOptions
from seido.training.noise_scanner import scanner_sound
from seido.training.noise_sounds import Sounds
from seido.values import Samples

_STREAM = 2
"""Last word of a training example's seed; validation's is one more."""
_REDUCED_DB = (12.0, 40.0)
"""By how much a template lowers a scanner's lines."""
_ALONE, _CLEAN, _CLIPPED = 0.04, 0.03, 0.05
"""Shares of examples without speech, without noise, and recorded too loud."""
_LOUDEST = 30.0
_SPEAKING_BLOCK = 320


@dataclass(frozen=True)
class NoisyBatch:
    """B waveforms with noise and without, float32 (B, samples) each; both zero-padded alike where speech is short."""

    noisy: Tensor
    clean: Tensor

    def to(self, device: torch.device) -> NoisyBatch:
        """Move to where the network is."""
        return NoisyBatch(self.noisy.to(device), self.clean.to(device))


@dataclass(frozen=True)
class Mixer:
    """What examples are made from."""

    speech: Sounds
    noise: Sounds | None
    options: NoiseOptions
    seed: int
    samples: int
    """Of an example."""

    def example(self, *numbers: int, which: tuple[int, ...]) -> tuple[Samples, Samples]:
        """Make the example with these numbers from one of the recordings `which`: noisy and clean, (samples,) each."""
        random = np.random.default_rng([self.seed, *numbers])
        clean = self._speech(random, which)
        noise = self._noise(random)
        if random.random() < _ALONE:
            clean = np.zeros_like(clean)
        elif random.random() < _CLEAN:
            noise = noise * np.float32(1e-4)
        noisy = clean + noise
        if random.random() < _CLIPPED:
            limit = np.float32(np.abs(noisy).max() * random.uniform(0.5, 0.9))
            noisy = np.clip(noisy, -limit, limit)
        scale = np.float32(gain(noisy))
        return noisy * scale, clean * scale

    def batch(self, step: int, first: int, last: int, which: tuple[int, ...]) -> NoisyBatch:
        """Make the examples first … last − 1 of a training step."""
        made = [self.example(step, number, _STREAM, which=which) for number in range(first, last)]
        noisy, clean = (np.stack(part) for part in zip(*made, strict=True))
        return NoisyBatch(torch.from_numpy(noisy), torch.from_numpy(clean))

    def fixed(self, count: int, which: tuple[int, ...]) -> NoisyBatch:
        """Make `count` examples for validation, whatever the training's seed; each recording in turn."""
        made = []
        for number in range(count):
            mixer = Mixer(self.speech, self.noise, self.options, 0, self.samples)
            made.append(mixer.example(0, number, _STREAM + 1, which=(which[number % len(which)],)))
        noisy, clean = (np.stack(part) for part in zip(*made, strict=True))
        return NoisyBatch(torch.from_numpy(noisy), torch.from_numpy(clean))

    def _speech(self, random: np.random.Generator, which: tuple[int, ...]) -> Samples:
        """Cut a stretch with speech in it, of mean square 1 where there is speech, through a slight tilt."""
        sound = self.speech.samples[which[int(random.integers(len(which)))]]
        room = len(sound) - self.samples
        if room < 0:
            before = int(random.integers(-room + 1))
            cut = np.pad(sound, (before, -room - before))
        else:
            first = int(random.integers(room + 1))
            cut = sound[first : first + self.samples]
            if np.abs(cut).max() < 0.1 * np.abs(sound).max():
                loudest = int(np.argmax(np.abs(sound)))
                first = min(max(0, loudest - self.samples // 2), room)
                cut = sound[first : first + self.samples]
        tilt = random.uniform(-0.3, 0.3)
        tilted = cut.copy()
        tilted[1:] -= np.float32(tilt) * cut[:-1]
        return tilted / np.float32(speaking_level(tilted) or 1)

    def _noise(self, random: np.random.Generator) -> Samples:
        """Draw noise, as loud as the ratio to speech that is drawn asks for."""
        options = self.options
        loudness = 10 ** (-random.uniform(options.lowest, options.highest) / 20)
        if self.noise is not None and random.random() < options.share:
            sound = self._recorded(self.noise, random)
        else:
            reduced = random.uniform(*_REDUCED_DB) if random.random() < options.reduced else 0.0
            sound = scanner_sound(self.samples, options.repetitions.draw(random), random, reduced)
        return sound * np.float32(loudness)

    def _recorded(self, noise: Sounds, random: np.random.Generator) -> Samples:
        sound = noise.samples[int(random.integers(len(noise.samples)))]
        if len(sound) < self.samples:
            sound = np.tile(sound, -(-self.samples // len(sound)))
        first = int(random.integers(len(sound) - self.samples + 1))
        cut = sound[first : first + self.samples]
        return cut / np.float32(max(float(np.sqrt(np.mean(cut.astype(np.float64) ** 2))), 1e-6))


def speaking_level(sound: Samples) -> float:
    """Measure the root mean square of the blocks of 20 ms within 30 dB of the loudest; 0 for silence."""
    cut = sound[: len(sound) // _SPEAKING_BLOCK * _SPEAKING_BLOCK]
    power = np.square(cut.astype(np.float64)).reshape(-1, _SPEAKING_BLOCK).mean(1) if len(cut) else np.zeros(1)
    loud = power[power >= power.max() * 10 ** (-_LOUDEST / 10)]
    return float(np.sqrt(loud.mean()))


def parted(speech: Sounds) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Keep every tenth recording, at least one, for validation; raises BadInputError when there is but one."""
    count = len(speech.names)
    if count < 2:
        raise BadInputError(f"{speech.root}: one recording is not enough, one more is needed to tell when to stop")
    kept = tuple(range(0, count, 10))
    return tuple(number for number in range(count) if number not in kept), kept
