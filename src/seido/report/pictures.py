"""Pictures for reports: enlarge, arrange in a grid with captions, write as PNG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from seido.errors import BadInputError, OutputError
from seido.files import replacing
from seido.values import Frame, check_frame

PAPER = 255
INK = 0
GAP = 4
TEXT = 14
"""Height of captions in pixels."""
STRIP = 20
"""Height of the strip that a line of captions takes."""


def enlarge(picture: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Repeat every pixel of a picture (H, W) or (H, W, 3): each stays a sharp rectangle, no value is invented.

    >>> enlarge(np.array([[1, 2]], np.uint8), 1, 2).tolist()
    [[1, 1, 2, 2]]
    """
    return picture.repeat(rows, axis=0).repeat(columns, axis=1)


def factor(have: int, want: int) -> int:
    """Choose the whole number that makes `have` pixels at least `want`.

    >>> factor(84, 256), factor(300, 256)
    (4, 1)
    """
    return max(1, math.ceil(want / have))


def same_colour(pictures: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Return the pictures all grey, or all RGB when one of them is."""
    if all(picture.ndim == 2 for picture in pictures):
        return list(pictures)
    return [picture if picture.ndim == 3 else picture[..., None].repeat(3, axis=2) for picture in pictures]


def check_stack(frames: NDArray[Any], what: str = "the movie") -> NDArray[np.uint8]:
    """Return frames that are uint8 (T, H, W) or (T, H, W, 3) with T ≥ 1; raises BadInputError."""
    if frames.ndim not in {3, 4} or not len(frames):
        raise BadInputError(f"expected {what} of shape (T, H, W) or (T, H, W, 3), got {frames.shape}")
    check_frame(frames[0], f"a frame of {what}")
    return frames


def grid(
    panels: Sequence[Sequence[Frame]],
    *,
    above: Sequence[Sequence[str]] = (),
    left: Sequence[str] = (),
) -> Frame:
    """Arrange panels of one size in rows on white paper.

    Parameters
    ----------
    panels
        Rows of pictures (H, W) or (H, W, 3); a row may be shorter than the first.
    above
        For each row, the captions over its panels; rows beyond the end of `above` have none.
    left
        A caption to the left of each row.

    Returns uint8 (H', W') or, if a panel is RGB, (H', W', 3). Captions wider than their panel are cut short.
    Raises BadInputError when there are no panels or their sizes differ.

    """
    flat = same_colour([check_frame(panel, "a panel") for row in panels for panel in row])
    if not flat:
        raise BadInputError("a picture needs at least one panel, got none")
    if len({panel.shape for panel in flat}) > 1:
        raise BadInputError(f"the panels of a picture should have one size, got {flat[0].shape} and others")
    height, width = flat[0].shape[:2]
    font = ImageFont.load_default(TEXT)
    margin = 2 * GAP + math.ceil(max(font.getlength(text) for text in left)) if left else 0
    strips = [STRIP if row < len(above) else 0 for row in range(len(panels))]
    size = (
        sum(strips) + (height + GAP) * len(panels) - GAP,
        margin + (width + GAP) * max(len(row) for row in panels) - GAP,
    )
    canvas = np.full((*size, *flat[0].shape[2:]), PAPER, np.uint8)
    captions: list[tuple[int, int, int, str]] = []
    remaining = iter(flat)
    top = 0
    for index, row in enumerate(panels):
        titles = above[index] if index < len(above) else ()
        captions += [(margin + (width + GAP) * at, top, width, title) for at, title in enumerate(titles)]
        top += strips[index]
        captions += [(GAP, top + (height - STRIP) // 2, margin, text) for text in left[index : index + 1]]
        for at in range(len(row)):
            x = margin + (width + GAP) * at
            canvas[top : top + height, x : x + width] = next(remaining)
        top += height + GAP
    return _write_captions(canvas, captions, font)


def _write_captions(canvas: Frame, captions: Sequence[tuple[int, int, int, str]], font: Any) -> Frame:  # noqa: ANN401
    """Write captions, each (x, y, width available, text), into a picture."""
    if not captions:
        return canvas
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    ink = INK if canvas.ndim == 2 else (INK,) * 3
    for x, y, width, text in captions:
        fits = text
        while fits and font.getlength(fits) > width:
            fits = fits[:-1]
        draw.text((x, y + 1), fits, fill=ink, font=font)
    return np.array(image)


def write_picture(picture: Frame, path: Path) -> None:
    """Write uint8 (H, W) or (H, W, 3) as PNG, whole or not at all; raises OutputError."""
    check_frame(picture, "the picture")
    if path.suffix.lower() != ".png":
        raise OutputError(f"{path}: pictures are written as PNG; give a name that ends in .png")
    with replacing(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG", optimize=True)
