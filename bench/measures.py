"""Which measure notices which fault: true movies, degraded in known ways, scored: python bench/measures.py CLIPS.

CLIPS is a folder prepared from a phantom corpus. The table's rows are faults, its columns measures, each the mean over
some test clips of all speakers, evenly spaced.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift

from seido.clips.store import Clips, Entry, open_clips
from seido.errors import BadInputError
from seido.report.scoring import mean_of_speaker
from seido.scores.articulators import suggest_regions
from seido.scores.ceiling import noise_free
from seido.scores.gridlines import place_grid
from seido.scores.jitter import jitter
from seido.scores.quality import cw_ssim, ms_ssim, psnr
from seido.scores.rows import FIRST_SCORED, score_movie
from seido.scores.tract import tract_error
from seido.values import Movie

Frames = NDArray[np.uint8]
Fault = Callable[[Frames, Frames, Frames], Frames]
"""Makes the faulty movie of the true one, its estimate without noise, and another movie of the speaker."""
SHORTEST = 50
"""Frames of the clips that are taken, at least."""
COLUMNS = (
    "SSIM", "MS-SSIM", "CW-SSIM", "PSNR", "NMSE", "skill over mean", "motion correlation", "amplitude", "lag ms",
    "above 6 Hz", "tract error mm",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="?")
    parser.add_argument("--count", type=int, default=18)
    parser.add_argument("--spacing", type=float, default=1.0, help="mm of a pixel of the clips")
    arguments = parser.parse_args()
    if arguments.clips is None:
        print("nothing measured: name a folder of phantom clips")
        return
    clips = open_clips(arguments.clips)
    every = [entry for entry in clips.split("test") if entry.frames >= SHORTEST]
    chosen = [every[(2 * at + 1) * len(every) // (2 * arguments.count)] for at in range(arguments.count)]
    found: dict[str, list[list[float | None]]] = {}
    for entry in chosen:
        for name, values in scored(clips, entry, arguments.spacing):
            found.setdefault(name, []).append(values)
    print(f"{len(chosen)} clips of {len({entry.speaker for entry in chosen})} speakers; means\n")
    print(f"| shown instead of the true movie | {' | '.join(COLUMNS)} |\n|{'---|' * (len(COLUMNS) + 1)}")
    for name, rows in found.items():
        cells = []
        for column in zip(*rows, strict=True):
            known = [value for value in column if value is not None]
            cells.append(f"{np.mean(known):.3g}" if known else "–")
        print(f"| {name} | {' | '.join(cells)} |")


def faults() -> dict[str, Fault]:
    """List the faults by what is shown."""
    found: dict[str, Fault] = {"itself": lambda true, *_: true, "itself, without noise": lambda _, clean, __: clean}
    found |= {f"itself, {frames} frames late": partial(late, frames) for frames in (1, 2, 3, 4)}
    found |= {f"itself, moving {share} times as far": partial(farther, share) for share in (0.5, 0.8, 1.2, 1.5)}
    found["another sentence of the speaker"] = lambda true, _, other: np.resize(other, true.shape)
    for told, names in (("tongue", ("tongue_tip", "tongue_body")), ("velum", ("velum",)), ("lips", ("lips",))):
        found[f"itself, {told} frozen"] = partial(frozen, names)
    found |= {f"itself, blurred (σ {sigma} pixels)": partial(blurred, sigma) for sigma in (0.7, 1.5)}
    found |= {f"itself, noise (sd {sd} of 255)": partial(noisy, sd) for sd in (5, 15)}
    return found | {f"itself, {pixels} pixels aside": partial(aside, pixels) for pixels in (1, 2, 3)}


def late(frames: int, true: Frames, *_: Frames) -> Frames:
    return np.concatenate([true[:1].repeat(frames, 0), true[:-frames]])


def farther(share: float, _: Frames, clean: Frames, __: Frames) -> Frames:
    return levels(clean.mean(0) + share * (clean - clean.mean(0)))


def blurred(sigma: float, true: Frames, *_: Frames) -> Frames:
    return levels(gaussian_filter(true.astype(np.float64), (0, sigma, sigma)))


def noisy(sd: float, true: Frames, *_: Frames) -> Frames:
    return levels(true + np.random.default_rng(0).normal(0, sd, true.shape))


def aside(pixels: int, true: Frames, *_: Frames) -> Frames:
    return levels(shift(true.astype(np.float64), (0, 0, pixels), order=1, mode="nearest"))


def frozen(names: tuple[str, ...], true: Frames, *_: Frames) -> Frames:
    """Hold some articulators' regions at their first frame."""
    regions = suggest_regions(true).regions
    out = true.copy()
    for name in names:
        region = next((region for key, region in regions.items() if key.replace("-", "_") == name), None)
        if region is None:
            raise BadInputError(f"there is no region {name} among {', '.join(regions)}")
        rows, columns = slice(region.y, region.y + region.height), slice(region.x, region.x + region.width)
        out[:, rows, columns] = true[0, rows, columns]
    return out


def levels(frames: NDArray[np.floating[Any]]) -> Frames:
    rounded: Frames = np.clip(np.rint(frames), 0, 255).astype(np.uint8)
    return rounded


def scored(clips: Clips, entry: Entry, spacing: float) -> Iterator[tuple[str, list[float | None]]]:
    true, rate = np.array(clips.frames(entry)), clips.prepared.rate
    clean = noise_free(true)
    other = next(one for one in clips.entries if one.speaker == entry.speaker and one.recording != entry.recording)
    mean, grid = mean_of_speaker(clips, entry), place_grid(true, spacing)
    shown = {name: fault(true, clean, np.array(clips.frames(other))) for name, fault in faults().items()}
    shown["first frame, held"] = true[:1].repeat(len(true), 0)
    if mean is not None:
        shown["mean frame of other clips, held"] = mean[None].repeat(len(true), 0)
    for name, frames in shown.items():
        x, y = true[FIRST_SCORED:], frames[FIRST_SCORED:]
        one = score_movie(Movie(true, rate), Movie(frames, rate), None, mean)
        shaky = jitter(x, y, rate)
        yield (
            name,
            [
                one.ssim, float(ms_ssim(x, y, 4).mean()), float(cw_ssim(x[::16], y[::16]).mean()), psnr(x, y), one.nmse,
                one.skill_over_mean, one.motion_correlation, one.motion_amplitude, one.lag_ms, shaky.predicted,
                tract_error(true, frames, spacing, rate, grid=grid).tract_error_mm,
            ],
        )  # fmt: skip


if __name__ == "__main__":
    main()
