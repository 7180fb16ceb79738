"""Every speaker of the phantom saying /a i u k t p m s/ as the scanner sees it: docs/pictures/phantom-sheet.jpg."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from seido.phantom.anatomy import speaker
from seido.phantom.booth import booth, scanner_of
from seido.phantom.drawing import draw
from seido.phantom.gestures import VELUM_OPEN, VELUM_SHUT
from seido.phantom.scanner import acquire
from seido.phantom.script import CAST, FAST, SLOW, Line
from seido.phantom.shapes import TRACT

SHEET = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "phantom-sheet.jpg"
SHAPES = {
    "a": "a",
    "i": "i",
    "u": "u",
    "k": "tb-velar-closure(a)",
    "t": "tt-alveolar-closure(a)",
    "p": "ll-labial-closure(a)",
    "m": "ll-labial-closure(a)",
    "s": "tt-alveolar-fricative(a)",
}
SHOWN = (slice(None), slice(40, 232), slice(20, 212))
TILE = (128, 128)


def main() -> None:
    rows = [_row(name, FAST if place % 2 == 0 else SLOW, name == "W") for place, name in enumerate((*CAST, "W"))]
    Image.fromarray(np.vstack(rows)).save(SHEET, quality=85, optimize=True)
    print(SHEET.relative_to(SHEET.parents[2]))


def _row(name: str, rate: Fraction, unseen: bool) -> NDArray[np.uint8]:
    with booth(speaker(name)) as ready:
        states = np.stack([ready.shapes.tract[shape] for shape in SHAPES.values()])
        states[:, TRACT.index("VO")] = [VELUM_OPEN if sound == "m" else VELUM_SHUT for sound in SHAPES]
        clean = np.stack([draw(ready.head, moment) for moment in ready.engine.contours(states)])
    line = Line(name, "ja", 1, "", rate, unseen, seed=0)
    pictures = acquire(clean, scanner_of(line), line.random("scanner"))[SHOWN]
    return np.hstack([_tile(picture, f"{name} {sound}") for picture, sound in zip(pictures, SHAPES, strict=True)])


def _tile(picture: NDArray[np.uint8], label: str) -> NDArray[np.uint8]:
    image = Image.fromarray(picture).resize(TILE, Image.Resampling.LANCZOS)
    ImageDraw.Draw(image).text((4, 3), label, fill=255)
    return np.asarray(image)


if __name__ == "__main__":
    main()
