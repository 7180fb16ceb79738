"""A small folder of clips whose picture follows its speech: a square, as bright as the mel is loud."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from seido.clips.store import RECORDINGS, Entry, Prepared, write_manifest
from seido.timebase import MEL_RATE, SAMPLE_RATE
from seido.values import Region

RATE = Fraction(25)


def loudness(frames: int, seed: int) -> np.ndarray:
    """Levels 0 … 1 that move smoothly: float64 (frames,)."""
    random = np.random.default_rng(seed)
    at = np.arange(frames) / 25
    return 0.5 + 0.45 * np.sin(2 * np.pi * (at * random.uniform(0.8, 1.6) + random.random()))


def pictures(level: np.ndarray, side: int, *, colour: bool = False) -> np.ndarray:
    """Draw the square: uint8 (T, side, side), or with red, green and blue unlike each other."""
    frames = np.full((len(level), side, side), 40, np.uint8)
    frames[:, side // 4 : -side // 4, side // 4 : -side // 4] = np.round(40 + 200 * level)[:, None, None]
    if colour:
        return np.stack([frames, frames // 2, frames // 4], axis=-1)
    return frames


def spectrogram(level: np.ndarray, rate: Fraction) -> np.ndarray:
    """Make a mel as loud as `level` at the middle of each frame: float32 (columns, 80)."""
    middles = (np.arange(len(level)) + 0.5) / float(rate)
    columns = 1 + int(len(level) / rate * MEL_RATE)
    loud = np.interp(np.arange(columns) / float(MEL_RATE), middles, level)
    return np.repeat(8 * loud[:, None] - 4, 80, axis=1).astype(np.float32)


def write_clips(
    root: Path,
    *,
    train: int = 4,
    validation: int = 2,
    frames: int = 30,
    side: int = 96,
    rate: Fraction = RATE,
    colour: bool = False,
    seed: int = 0,
    source_rate: Fraction | None = None,
) -> Path:
    """Write that many clips, each its own recording, and return the folder."""
    (root / RECORDINGS).mkdir(parents=True)
    entries = []
    for number, split in enumerate(["train"] * train + ["validation"] * validation + ["test"]):
        name = f"clip{number:02d}"
        level = loudness(frames, 100 * seed + number)
        mel = spectrogram(level, rate)
        samples = int(frames / rate * SAMPLE_RATE)
        arrays = {
            "frames": pictures(level, side, colour=colour),
            "mel": mel,
            "speech": np.zeros(samples, np.float32),
        }
        save_file(arrays, root / RECORDINGS / f"{name}.safetensors")
        entries.append(
            Entry(name, "somebody", name, "", split, Fraction(0), 0, frames, 0, len(mel), 0, samples, source_rate),
        )
    prepared = Prepared(rate, side, side, Region(1, 2, side, side), (side + 8, side + 9), "test", seed)
    write_manifest(root, prepared, entries)
    return root
