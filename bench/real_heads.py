"""What a model makes of real heads that it never saw: a sheet of frames to look at, no score.

    python bench/real_heads.py REAL OUT.png [--model NAME] [--speech FILE] [--region X,Y,W,H]

A row for each movie, stack or picture under REAL: its first frame with the region that moves, then the region at six
moments of the movie that a bundled phantom sentence makes of it, the same moments of the speech in every row. Write OUT
outside the project: pictures of people are not its to keep.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from seido.clips.picture import resize
from seido.corpus.sound import read_speech
from seido.corpus.still import read_frame
from seido.errors import SeidoError
from seido.models.registry import DEFAULT
from seido.movie.generate import GenerateOptions, load_generator, render
from seido.movie.place import place
from seido.movie.remarks import remarks
from seido.report.pictures import grid, write_picture
from seido.values import Frame, Region

SENTENCE = Path(__file__).resolve().parents[1] / "src" / "seido" / "samples" / "M1_ja_001.mp4"
READ = {".mp4", ".avi", ".mkv", ".npz", ".npy", ".png", ".tif", ".tiff"}
MOMENTS = 6
SIDE = 192
"""Pixels of a panel."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path, nargs="?")
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--speech", type=Path, default=SENTENCE)
    parser.add_argument("--region")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if not (options.real and options.out):
        print("nothing to do: real recordings do not come with seido; name a folder of them, and the picture to write")
        return
    torch.set_num_threads(options.threads)
    speech = read_speech(options.speech)
    model, plan = load_generator(options.model)
    asked = GenerateOptions(model=options.model, region=options.region)
    rows, names = [], []
    for name, picture in heads(options.real):
        region = place(options.region, plan, picture, search=True)
        frames = np.stack(list(render(model, plan, speech, picture, asked)))
        moments = np.linspace(0, len(frames) - 1, MOMENTS + 1).round().astype(int)[1:]
        inside = region.crop(frames, axis=1).astype(float)
        moved = np.abs(np.diff(inside, axis=0)).mean()
        print(f"{name}: {picture.shape}, region {region}, moves by {moved:.2f} grey levels a frame in it")
        for remark in remarks(speech, picture, plan):
            print(f"  {remark}")
        rows.append([panel(framed(picture, region)), *(panel(region.crop(frames[moment])) for moment in moments)])
        names.append(name[:16])
    write_picture(grid(rows, left=names), options.out)
    print(options.out)


def heads(folder: Path) -> Iterator[tuple[str, Frame]]:
    """Read the first frame of everything that has one."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in READ:
            try:
                yield path.stem, read_frame(path)
            except SeidoError as error:
                print(f"left out: {error}")


def framed(picture: Frame, region: Region) -> Frame:
    """Draw the region's edge, white."""
    shown = picture.copy()
    inside = region.crop(shown)
    inside[[0, -1]] = 255
    inside[:, [0, -1]] = 255
    return shown


def panel(picture: Frame) -> Frame:
    """Bring a picture to the panel's size, with black where it is no square."""
    grey = picture if picture.ndim == 2 else picture[..., 1]
    height, width = (max(1, round(SIDE * length / max(grey.shape))) for length in grey.shape)
    square = np.zeros((SIDE, SIDE), np.uint8)
    square[:height, :width] = resize(grey[None], height, width, antialias=True)[0]
    return square


if __name__ == "__main__":
    main()
