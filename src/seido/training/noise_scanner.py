"""The sound of scanners that do not exist, drawn at random: what a noise remover learns from.

Gradients repeat, so their sound is lines: at multiples of 1/TR, of 1/(n·TR) with n interleaves, or at
(k + 0.618 m)/TR with golden angles, under an envelope with a few resonances, over noise of the cooling and the room.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.timebase import SAMPLE_RATE
from seido.values import Samples

Numbers = NDArray[np.float64]

GOLDEN = (5**0.5 - 1) / 2
SHORTEST_MS, LONGEST_MS = 2.5, 20.0
"""Repetition times that can be drawn."""
_BLOCK = 80
"""Samples over which a line's amplitude stays: 5 ms."""
_NODES_SECONDS = 0.4
_TOP = 7900.0


@dataclass(frozen=True)
class Repetitions:
    """Repetition times in ms that are drawn, and those in between that are kept for testing."""

    lowest: float
    highest: float
    held_out: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if not SHORTEST_MS <= self.lowest < self.highest <= LONGEST_MS:
            raise BadInputError(
                f"noise.repetition: give LOWEST-HIGHEST in ms within {SHORTEST_MS:g}-{LONGEST_MS:g}, "
                f"got {self.lowest:g}-{self.highest:g}"
            )
        kept = self.highest - self.lowest - sum(high - low for low, high in self.held_out)
        if kept < 0.1 * (self.highest - self.lowest):
            raise BadInputError("noise.held_out: hardly a repetition time is left to train on; hold out less")

    def draw(self, random: np.random.Generator) -> float:
        """Draw one, in seconds, alike in all octaves."""
        while True:
            drawn = float(np.exp(random.uniform(np.log(self.lowest), np.log(self.highest))))
            if not any(low <= drawn <= high for low, high in self.held_out):
                return drawn / 1000


def parse_spans(text: str, what: str) -> tuple[tuple[float, float], ...]:
    """Read "4.2-4.6,8-9"; raises BadInputError naming `what`.

    >>> parse_spans("4.2-4.6,8-9", "noise.held_out")
    ((4.2, 4.6), (8.0, 9.0))
    """
    spans = []
    for part in text.split(",") if text.strip() else ():
        low, _, high = part.partition("-")
        try:
            spans.append((float(low), float(high)))
        except ValueError:
            raise BadInputError(f"{what}: write spans like 4.2-4.6,8-9, got {text!r}") from None
        if not spans[-1][0] < spans[-1][1]:
            raise BadInputError(f"{what}: {part} ends before it begins")
    return tuple(spans)


def scanner_sound(samples: int, repetition: float, random: np.random.Generator, reduced: float = 0.0) -> Samples:
    """Draw a scanner with this repetition time, in seconds, and record `samples` of it at 16 kHz: float32 (samples,).

    Its mean square is 1 before its lines are made `reduced` dB softer, as a template makes them.
    """
    hertz, level = _lines(repetition, random)
    envelope = _envelope(random)
    power = 10 ** ((level + np.interp(np.log(hertz), *envelope)) / 10)
    power *= 10 ** (random.normal(0, random.uniform(1, 6), len(hertz)) / 10)
    phase = np.exp(2j * np.pi * random.random(len(hertz)))
    comb = _summed(samples, hertz, np.sqrt(power / power.sum()) * phase, random)
    seconds = np.arange(samples) / SAMPLE_RATE
    if random.random() < 0.5:  # readouts change from frame to frame of the movie
        depth, rate = random.uniform(0, 0.5), random.uniform(5, 60)
        comb *= 1 + depth * np.cos(2 * np.pi * (rate * seconds + random.random()))
    hiss = _hiss(samples, envelope, random)
    comb *= np.sqrt(1 / max(float(np.mean(comb**2)), 1e-12))
    hiss *= 10 ** (random.uniform(-55, -18) / 20)
    whole = _presence(samples, random)
    scale = 1 / np.sqrt(max(float(np.mean(((comb + hiss) * whole) ** 2)), 1e-12))
    sound = (comb * 10 ** (-reduced / 20) + hiss) * whole * scale
    return np.asarray(sound, np.float32)


def _lines(repetition: float, random: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Draw where lines are, in Hz, and how far each kind lies under the others, in dB."""
    base = 1 / repetition
    orders = np.arange(1, int(_TOP / base) + 1)
    kind = random.random()
    if kind < 0.4:
        hertz, level = base * orders, np.zeros(len(orders))
    elif kind < 0.7:
        count = int(random.integers(2, 14))
        every = np.arange(1, len(orders) * count + 1)
        hertz = base / count * every
        level = np.where(every % count == 0, 0.0, random.uniform(-25, 3))
    else:
        turns = np.arange(-3, 4)
        fall = random.uniform(1, 8)
        hertz = (base * (orders[:, None] + GOLDEN * turns)).ravel()
        level = np.broadcast_to(-fall * np.abs(turns), (len(orders), len(turns))).ravel()
    kept = (hertz > 30) & (hertz < _TOP)
    return np.asarray(hertz[kept], np.float64), np.asarray(level[kept], np.float64)


def _envelope(random: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Draw a spectral envelope, log frequency and dB: one to four resonances over a slope."""
    grid = np.log(np.geomspace(30, 8000, 60))
    level = np.full(len(grid), -45.0)
    for strength in [0.0, *random.uniform(-25, 0, int(random.integers(0, 4)))]:
        centre, width = np.log(random.uniform(250, 4500)), random.uniform(0.2, 0.9)
        level = np.maximum(level, strength - 12 * ((grid - centre) / width) ** 2)
    level += random.uniform(-6, 3) * (grid - np.log(1000))
    return np.asarray(grid, np.float64), np.asarray(np.maximum(level, -50), np.float64)


def _summed(samples: int, hertz: Numbers, amplitudes: NDArray[np.complex128], random: np.random.Generator) -> Numbers:
    """Sum lines whose amplitudes wander, each on its own."""
    blocks = -(-samples // _BLOCK)
    seconds = np.arange(blocks, dtype=np.float64) * (_BLOCK / SAMPLE_RATE)
    nodes = np.arange(int(seconds[-1] / _NODES_SECONDS) + 2)
    steps = random.normal(0, random.uniform(0, 0.2) * _NODES_SECONDS**0.5, (2, len(nodes), len(hertz)))
    walk = 1 + np.cumsum(steps[0] + 1j * steps[1], axis=0)
    place = seconds / _NODES_SECONDS
    left, right = place.astype(int), (place % 1)[:, None]
    wandering = walk[left] * (1 - right) + walk[left + 1] * right
    slow = (wandering * amplitudes * _turning(seconds, hertz)).astype(np.complex64)
    fast = _turning(np.arange(_BLOCK, dtype=np.float64) / SAMPLE_RATE, hertz).astype(np.complex64)
    sound = slow.real @ fast.real.T - slow.imag @ fast.imag.T
    return np.asarray(sound.reshape(-1)[:samples], np.float64)


def _turning(seconds: Numbers, hertz: Numbers) -> NDArray[np.complex128]:
    return np.asarray(np.exp(2j * np.pi * (np.outer(seconds, hertz) % 1)), np.complex128)


def _hiss(samples: int, envelope: tuple[Numbers, Numbers], random: np.random.Generator) -> Numbers:
    """Draw broadband noise, mean square 1, whose spectrum follows the lines' envelope more or less."""
    frequency = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    log_frequency = np.log(np.maximum(frequency, 30))
    level = random.uniform(0, 1) * np.maximum(np.interp(log_frequency, *envelope), -30)
    level += random.uniform(-6, 2) * (log_frequency - np.log(1000))
    sound = np.fft.irfft(np.fft.rfft(random.standard_normal(samples)) * 10 ** (level / 20), samples)
    return np.asarray(sound / max(float(np.sqrt(np.mean(sound**2))), 1e-12), np.float64)


def _presence(samples: int, random: np.random.Generator) -> Numbers:
    """Draw how loud the scanner is when: mostly always the same, now and then it starts or stops."""
    gain = np.ones(samples)
    at, ramp = int(random.integers(samples)), int(random.uniform(0.005, 0.3) * SAMPLE_RATE)
    rise = np.clip((np.arange(samples) - at) / ramp, 0, 1)
    chance = random.random()
    if chance < 0.08:
        gain *= rise
    elif chance < 0.16:
        gain *= 1 - rise
    return gain if gain.any() else np.ones(samples)
