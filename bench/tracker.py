"""How far the tract tracker is from the truth: on the phantom, and on the four real contour files of USC-TIMIT.

    python bench/tracker.py CLIPS CORPUS [--each 5] [--usctimit FOLDER] [--degraded 6]

CLIPS are prepared from CORPUS, a phantom corpus, with `--region auto --size 128`. For each variable: the median over
clips of the median |measured − true|, of the bias (median of measured − true), of what is left without the bias, and
of the correlation over time; then closures; then what known faults cost; then the real contours.
"""

from __future__ import annotations

import argparse
import time
import tomllib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seido.clips.store import Clips, Entry, open_clips
from seido.corpus.contours import read_track
from seido.corpus.video import read_movie
from seido.phantom.truth import Truth, read_truth
from seido.scores.closures import THRESHOLDS, closure_timing, closures
from seido.scores.gridlines import KINDS, STEP, Grid, place_grid
from seido.scores.tract import VARIABLES, tract_error, tract_variables
from seido.values import Region

Array = NDArray[np.float64]
USCTIMIT_MM = 2.9
TRUE_THRESHOLDS = {"LA": (0.5, 1.0), "TTCD": (0.5, 1.5), "VEL": (0.8, 1.3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--each", type=int, default=5)
    parser.add_argument("--degraded", type=int, default=6)
    parser.add_argument("--usctimit", type=Path)
    options = parser.parse_args()
    clips = open_clips(options.clips)
    table = tomllib.loads((clips.root / "regions.toml").read_text(encoding="utf-8"))["speakers"]
    regions = {name: Region.parse(text) for name, text in table.items()}
    speakers = sorted({entry.speaker for entry in clips.entries})
    chosen = [
        entry
        for speaker in speakers
        for entry in [one for one in clips.entries if one.speaker == speaker and one.frames > 60][1::4][: options.each]
    ]
    on_phantom(clips, chosen, regions, options.corpus)
    degraded(clips, chosen[:: max(1, len(chosen) // options.degraded)][: options.degraded], regions)
    on_whole_movies(chosen[2 :: options.each], options.corpus)
    if options.usctimit:
        on_usctimit(options.usctimit)


def on_phantom(clips: Clips, chosen: list[Entry], regions: dict[str, Region], corpus: Path) -> None:
    rows, tried = [], {name: [0, 0, 0] for name in THRESHOLDS}
    late: dict[str, list[float]] = {name: [] for name in THRESHOLDS}
    for entry in chosen:
        frames = np.array(clips.frames(entry))
        region = regions[entry.speaker]
        measured = tract_variables(frames, place_grid(frames, region.width / frames.shape[2]))
        true = truth_of(read_truth(corpus / "truth" / entry.recording), clips, entry)
        rows.append([compared(true[name], measured[:, k]) for k, name in enumerate(VARIABLES)])
        rate = float(clips.prepared.rate)
        for name, limits in THRESHOLDS.items():
            there = closures(true[name], rate, *TRUE_THRESHOLDS[name])
            timing = closure_timing(there, closures(measured[:, list(VARIABLES).index(name)], rate, *limits))
            tried[name] = [
                a + b for a, b in zip(tried[name], (len(there), len(timing.missed), len(timing.false)), strict=True)
            ]
            late[name] += timing.errors_ms
    print(f"phantom: {len(chosen)} clips of {len({entry.speaker for entry in chosen})} speakers")
    show(rows)
    print("variable  closures  missed  false  median |error| ms  median error ms")
    for name, (count, missed, false) in tried.items():
        errors = np.array(late[name] or [np.nan])
        print(f"{name:8}  {count:8}  {missed:6}  {false:5}  {np.median(abs(errors)):17.0f}  {np.median(errors):+15.0f}")


def show(rows: list[list[tuple[float, float, float, float, float]]]) -> None:
    values = np.array(rows)
    print("variable  error mm  without bias  bias mm  bias sd  correlation  worst tenth  true sd mm")
    for k, name in enumerate(VARIABLES):
        error, rest, bias, correlation, spread = values[:, k].T
        if np.isnan(error).all():
            continue
        known = correlation[np.isfinite(correlation)]
        print(
            f"{name:8}  {np.nanmedian(error):8.2f}  {np.nanmedian(rest):12.2f}  {np.nanmedian(bias):+7.2f}  "
            f"{np.nanstd(bias):7.2f}  {np.median(known):11.3f}  {np.percentile(known, 10):11.2f}  "
            f"{np.nanmedian(spread):10.2f}"
        )


def compared(true: Array, measured: Array) -> tuple[float, float, float, float, float]:
    known = np.isfinite(true)
    if known.sum() < 10:
        return (float("nan"),) * 5
    difference = (measured - true)[known]
    bias = float(np.median(difference))
    moves = np.ptp(true[known]) > 0 and np.ptp(measured[known]) > 0
    correlation = float(np.corrcoef(true[known], measured[known])[0, 1]) if moves else float("nan")
    rest = float(np.median(abs(difference - bias)))
    return float(np.median(abs(difference))), rest, bias, correlation, float(true[known].std())


def truth_of(truth: Truth, clips: Clips, entry: Entry) -> dict[str, Array]:
    """Read a clip's variables off the truth, at its own frame rate, in mm."""
    moments = (np.arange(entry.frames) + 0.5) / float(clips.prepared.rate) + float(entry.start)
    index = np.minimum((moments * float(truth.rate)).astype(int), len(truth) - 1)
    names = ("LA", "LP", "TTCD", "TTCL", "TBCD", "TBCL", "VEL", "LX", "JAW")
    true = dict(zip(names, truth.tract_variables[index].T.astype(float), strict=True))
    outlines = {name: points[index].astype(float) for name, points in truth.articulators.items()}
    port, width = np.empty(len(index)), np.empty(len(index))
    for k, (velum, wall, tongue) in enumerate(
        zip(outlines["velum"], outlines["pharynx_wall"], outlines["tongue"], strict=True)
    ):
        # The truth's port is an area; here it is the least distance of the uvula's rear from the wall, prolonged.
        port[k] = distance(velum[:5], np.concatenate([wall, [wall[-1] + 8 * (wall[-1] - wall[-2])]]))
        heights = wall[0, 1] + np.linspace(0.75, 0.42, 8) * (wall[-1, 1] - wall[0, 1])
        root = tongue[:25][np.argsort(tongue[:25, 1])]
        rear = np.interp(heights, wall[::-1, 1], wall[::-1, 0])
        width[k] = np.mean(rear - np.interp(heights, root[:, 1], root[:, 0]))
    return true | {"VEL": port, "PW": width, "JAW": true["JAW"] - true["JAW"][0]}


def on_whole_movies(chosen: list[Entry], corpus: Path) -> None:
    """Track the corpus' own movies, 256 × 256 pixels of 1 mm at their own rate; VEL against the port's area."""
    names = ("LA", "LP", "TTCD", "TTCL", "TBCD", "TBCL", "VEL", "LX", "JAW")
    found: dict[str, list[float]] = {}
    spent, frames_read = 0.0, 0
    for entry in chosen:
        frames = read_movie(corpus / "rtmridb_v1_mp4" / f"{entry.recording}.mp4", colour=False).frames
        begun = time.process_time()
        measured = tract_variables(frames, place_grid(frames, 1.0))
        spent += time.process_time() - begun
        frames_read += len(frames)
        true = read_truth(corpus / "truth" / entry.recording).tract_variables.astype(float)
        for k, name in enumerate(VARIABLES):
            if name in names:
                together = np.corrcoef(measured[: len(true), k], true[: len(measured), names.index(name)])[0, 1]
                found.setdefault(name, []).append(float(together))
    told = ", ".join(f"{name} {np.median(values):.3f} (least {min(values):.2f})" for name, values in found.items())
    print(f"\nphantom, {len(chosen)} whole movies of 256 × 256 pixels, correlation: {told}")
    print(f"{frames_read / spent:.0f} frames/s of one core")


def distance(points: Array, line: Array) -> float:
    starts, steps = line[:-1], np.diff(line, axis=0)
    relative = points[:, None] - starts
    share = np.clip((relative * steps).sum(2) / np.maximum((steps**2).sum(1), 1e-9), 0, 1)
    return float(np.hypot(*np.moveaxis(relative - share[..., None] * steps, 2, 0)).min())


def degraded(clips: Clips, chosen: list[Entry], regions: dict[str, Region]) -> None:
    random = np.random.default_rng(0)
    results: dict[str, list[tuple[float, float | None]]] = {}
    for entry in chosen:
        true = np.array(clips.frames(entry))
        mean = true.mean(axis=0)
        frames = true.astype(float)
        later = np.concatenate([true[:1].repeat(2, 0), true[:-2]])
        blurred = (np.roll(frames, 1, 1) + frames + np.roll(frames, -1, 1)) / 3
        blurred = (np.roll(blurred, 1, 2) + blurred + np.roll(blurred, -1, 2)) / 3
        ways = {
            "itself": true,
            "noise, sd 10 of 255": frames + random.normal(0, 10, true.shape),
            "blurred, 3 × 3": blurred,
            "moving 0.8 as far": mean + 0.8 * (frames - mean),
            "moving half as far": mean + 0.5 * (frames - mean),
            "1 px to the right": np.roll(true, 1, 2),
            "80 ms late": later,
            "backwards": true[::-1],
            "mean frame held": mean[None].repeat(len(true), 0),
            "first frame held": true[:1].repeat(len(true), 0),
        }
        spacing = regions[entry.speaker].width / true.shape[2]
        for name, way in ways.items():
            shown = np.clip(np.rint(way), 0, 255).astype(np.uint8)
            error = tract_error(true, shown, spacing, clips.prepared.rate)
            results.setdefault(name, []).append((error.tract_error_mm, error.tract_correlation))
    print(f"\nphantom, {len(chosen)} clips       tract error mm  correlation")
    for name, found in results.items():
        correlations = [one for _, one in found if one is not None]
        print(f"{name:22}  {np.mean([one for one, _ in found]):18.2f}  {np.mean(correlations):11.2f}")


def on_usctimit(folder: Path) -> None:
    """Compare with hand-checked contours: 1 upper lip, palate and velum; 2 lower lip and tongue; 3 rear wall."""
    for placed in ("by what moves", "by three landmarks"):
        rows = []
        print(f"\nUSC-TIMIT, placed {placed}")
        for path in sorted(folder.glob("*.mat")):
            frames, track = read_movie(path.with_suffix(".avi")).frames, read_track(path)
            marks = landmarks_of(track) if placed != "by what moves" else None
            grid = place_grid(frames, USCTIMIT_MM, landmarks=marks)
            measured = tract_variables(frames, grid)
            drawn = [contour_variables(frame, grid) for frame in track]
            true = {name: np.array([one[name] for one in drawn]) for name in drawn[0]}
            nothing = np.full(len(frames), np.nan)
            rows.append([compared(true.get(name, nothing), measured[:, k]) for k, name in enumerate(VARIABLES)])
            named = zip(VARIABLES, rows[-1], strict=True)
            told = (f"{name} {row[0]:.1f} mm r {row[3]:.2f}" for name, row in named if row[0] == row[0])
            print(f"{path.stem}: {', '.join(told)}")
        show(rows)


def landmarks_of(track: list[dict[str, Array]]) -> dict[str, tuple[float, float]]:
    """Take the lips' middle, the uvula's tip and the tongue's highest point under the palate off the contours."""
    whole = [frame for frame in track if {"UL", "LL", "VEL", "contour2"} <= frame.keys()]
    lips = np.mean([(frame["UL"][0] + frame["LL"][0]) / 2 for frame in whole], axis=0) - 1
    uvula = np.mean([frame["VEL"][0] for frame in whole], axis=0) - 1
    tongues = np.concatenate([frame["contour2"] for frame in whole]) - 1
    share = (tongues[:, 0] - lips[0]) / (uvula[0] - lips[0])
    under = tongues[(share > 0.35) & (share < 0.6)]
    top = under[under[:, 1].argsort()[: max(1, len(under) // 50)]].mean(axis=0)
    return {name: (float(x), float(y)) for name, (x, y) in {"lips": lips, "uvula": uvula, "palate": top}.items()}


def contour_variables(frame: dict[str, Array], grid: Grid) -> dict[str, float]:
    if not {"contour1", "contour2", "contour3"} <= frame.keys():
        return dict.fromkeys(("LA", "TTCD", "TBCD", "VEL", "PW"), float("nan"))
    upper, lower, rear = (frame[f"contour{number}"] - 1 for number in (1, 2, 3))
    gaps = {
        kind: [gap(grid, line, wall, other) for line in grid.lines(kind)]
        for kind, wall, other in (
            ("lips", upper, lower),
            ("tip", upper, lower),
            ("palate", upper, lower),
            ("velum", upper, lower),
            ("pharynx", rear, lower),
            ("port", rear, upper),
        )
    }
    known = {kind: [one for one in found if one == one] or [float("nan")] for kind, found in gaps.items()}
    return {
        "LA": min(known["lips"]),
        "TTCD": min(known["tip"]),
        "TBCD": min(known["palate"] + known["velum"] + known["pharynx"]),
        "VEL": min(known["port"]),
        "PW": float(np.mean(known["pharynx"])),
    }


def gap(grid: Grid, line: int, wall: Array, other: Array) -> float:
    """Measure along a gridline from where it leaves the wall's contour to where it enters the other; NaN if never."""
    start, step = grid.starts[line], grid.directions[line]
    count = round(KINDS[grid.kinds[line]].length / STEP)
    enters = [one for one in crossings(start, step, other) if one > -8]
    leaves = crossings(start, step, wall)
    if not enters or not leaves:
        return float("nan")
    near = [one for one in leaves if -16 <= one <= min(enters) + 4] or [float("nan")]
    length = min(enters) - max(near)
    return max(0.0, length) * grid.step_mm if length < count else float("nan")


def crossings(start: Array, step: Array, line: Array) -> list[float]:
    """Count the steps along a ray to each crossing of a polyline."""
    across = np.array([-step[1], step[0]]) / np.hypot(*step)
    side, along = (line - start) @ across, (line - start) @ step / (step @ step)
    found = np.flatnonzero((side[:-1] < 0) != (side[1:] < 0))
    share = side[found] / (side[found] - side[found + 1])
    places: list[float] = (along[found] + share * (along[found + 1] - along[found])).tolist()
    return places


if __name__ == "__main__":
    main()
