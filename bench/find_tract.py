"""How surely a head is told from its mirror image and from what is no head: counts, and the worst of each kind.

    python bench/find_tract.py [--clips DIR] [--real DIR]

Heads: those that come with seido and the frames of its sample movies; with --clips frames of prepared clips (phantom,
looking left); with --real the movies and stacks in a folder of real recordings, all looking left. No heads: twenty
pictures drawn here, and scikit-image's photographs where it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from seido.clips.picture import resize
from seido.clips.store import open_clips
from seido.corpus.still import read_frame
from seido.corpus.video import probe_movie
from seido.movie.find_tract import Found, find_tract
from seido.movie.heads import bundled_heads, read_head
from seido.movie.place import mirrored
from seido.values import Frame

SAMPLES = Path(__file__).resolve().parents[1] / "src" / "seido" / "samples"
MOVIES = {".mp4", ".avi", ".mkv"}
LOOKS = 4
"""Frames taken of a movie, evenly spaced."""
SIDE = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--real", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    kinds: dict[str, list[tuple[str, Frame]]] = {"bundled heads and samples": list(bundled())}
    if options.clips:
        kinds["phantom clips"] = list(clips(options.clips))
    if options.real:
        kinds["real heads"] = list(real(options.real))
    for kind in list(kinds):
        kinds[f"{kind}, cut"] = [(name, cut(picture)) for name, picture in kinds[kind]]
    for kind in list(kinds):
        kinds[f"{kind}, mirrored"] = [(name, mirrored(picture)) for name, picture in kinds[kind]]
    kinds["no heads, drawn"] = list(drawn())
    if importlib.util.find_spec("skimage"):
        kinds["no heads, photographs"] = list(photographs())

    print("| pictures | number | looks left | looks right | no head | not sure | least surely told |")
    print("|---|---|---|---|---|---|---|")
    began, looked = time.process_time(), 0
    for kind, pictures in kinds.items():
        found = [(name, find_tract(picture)) for name, picture in pictures]
        looked += len(found)
        told = [one for _, one in found]
        left, right = sum(one.sure for one in told), sum(one.looks_right for one in told)
        none = sum(not one.head for one in told)
        others = len(told) - left - right - none
        print(f"| {kind} | {len(told)} | {left} | {right} | {none} | {others} | {worst(kind, found)} |")
    print(f"{1000 * (time.process_time() - began) / looked:.0f} ms of processor time a picture")


def worst(kind: str, found: list[tuple[str, Found]]) -> str:
    """Name the picture that comes nearest to being told wrong, with its correlations to the left and to the right."""

    def margin(one: Found) -> float:
        if kind.startswith("no heads"):
            return -max(one.likeness, one.mirrored)
        return (one.likeness - one.mirrored) * (-1 if kind.endswith("mirrored") else 1)

    name, one = min(found, key=lambda each: margin(each[1]))
    return f"{name}: {one.likeness:.2f} left, {one.mirrored:.2f} right"


def cut(picture: Frame) -> Frame:
    """Take a tenth away from above and on the left, a twentieth on the right and from below."""
    height, width = picture.shape[:2]
    return np.ascontiguousarray(picture[height // 10 : height - height // 20, width // 10 : width - width // 20])


def bundled() -> Iterator[tuple[str, Frame]]:
    yield from ((name, read_head(name)) for name in bundled_heads())
    for path in sorted(SAMPLES.glob("*.mp4")):
        yield from looks(path)


def clips(folder: Path) -> Iterator[tuple[str, Frame]]:
    """Take two frames of the first five clips of each speaker."""
    opened = open_clips(folder)
    for speaker in sorted({entry.speaker for entry in opened.entries}):
        for entry in [entry for entry in opened.entries if entry.speaker == speaker][:5]:
            for index in (entry.frames // 3, 2 * entry.frames // 3):
                yield f"{entry.name}:{index}", np.array(opened.frames(entry)[index])


def real(folder: Path) -> Iterator[tuple[str, Frame]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in MOVIES:
            yield from looks(path)
        elif path.suffix == ".npz":
            yield from ((f"{path.name}:{index}", read_frame(path, index)) for index in (0, 20, 40, 60))


def looks(path: Path) -> Iterator[tuple[str, Frame]]:
    frames = probe_movie(path).frames
    for index in np.linspace(0, frames - 1, LOOKS).astype(int):
        yield f"{path.stem}:{index}", read_frame(path, int(index))


def drawn() -> Iterator[tuple[str, Frame]]:
    """Draw twenty pictures of nothing: noise of several grains, slopes, blobs, patterns, writing, and one grey."""
    rng = np.random.default_rng(0)
    for grain in (1, 2, 4, 8, 16, 32):
        noise = rng.integers(0, 256, (1, SIDE // grain, SIDE // grain), np.uint8)
        yield f"noise, grain {grain}", resize(noise, SIDE, SIDE, antialias=False)[0]
    down, right = np.mgrid[:SIDE, :SIDE] / (SIDE - 1)
    shapes: dict[str, NDArray[np.float64]] = {
        "slope right": right,
        "slope left": 1 - right,
        "slope down": down,
        "slope across": (right + down) / 2,
        "blob": np.exp(-((right - 0.5) ** 2 + (down - 0.5) ** 2) / 0.05),
        "blob aside": np.exp(-((right - 0.7) ** 2 + (down - 0.4) ** 2) / 0.05),
        "disc": ((right - 0.5) ** 2 + (down - 0.5) ** 2 < 0.1).astype(float),
        "ring": (np.abs(np.hypot(right - 0.5, down - 0.5) - 0.35) < 0.06).astype(float),
        "square": ((np.abs(right - 0.5) < 0.3) & (np.abs(down - 0.5) < 0.3)).astype(float),
        "stripes": (right * 8 % 1 > 0.5).astype(float),
        "squares": ((right * 8 % 1 > 0.5) ^ (down * 8 % 1 > 0.5)).astype(float),
        "grey": np.full((SIDE, SIDE), 0.5),
    }
    for name, levels in shapes.items():
        yield name, np.rint(255 * levels).astype(np.uint8)
    for name, lines in (("writing", 9), ("a word", 1)):
        page = Image.new("L", (SIDE, SIDE), 255)
        pen = ImageDraw.Draw(page)
        for line in range(lines):
            pen.text((4, 4 + 13 * line), "the quick brown fox", fill=0)
        yield name, np.array(page)


def photographs() -> Iterator[tuple[str, Frame]]:
    from skimage import data

    for name in ("astronaut", "brick", "camera", "cell", "chelsea", "clock", "coffee", "coins", "grass", "gravel",
                 "horse", "immunohistochemistry", "logo", "moon", "page", "text"):  # fmt: skip
        try:
            picture = np.asarray(getattr(data, name)())
        except (OSError, ImportError, ValueError):
            continue  # scikit-image brings some pictures and would download others
        picture = 255 * picture.astype(np.uint8) if picture.dtype == bool else picture.astype(np.uint8)
        yield name, picture[..., :3] if picture.ndim == 3 else picture


if __name__ == "__main__":
    main()
