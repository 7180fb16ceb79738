"""Bringing pictures deeper than 8 bit to 8 bit by a stated percentile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError, NotFiniteError

PERCENTILE = 99.7
"""Where white is put: most of an MRI frame is far below its brightest pixels."""
_SAMPLED = 32_000_000
"""Values from which the percentile of wide types is taken; 8- and 16-bit integers are always counted one by one."""


def scaled(page: NDArray[Any], black: float, white: float) -> NDArray[np.uint8]:
    """Bring values to 8 bit: `black` becomes 0, `white` 255, rounded; beyond them clipped."""
    levels = (page.astype(np.float64) - black) * 255 / (white - black)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def window(pages: Iterator[NDArray[Any]], count: int, percentile: float = PERCENTILE) -> tuple[float, float]:
    """Find the values that become black and white.

    White is the smallest value that at least `percentile` percent of all values do not exceed; exact for integers
    up to 16 bit, from evenly spaced pages where wider types hold more than 32 million values.
    Raises BadInputError when nothing but one value is there, NotFiniteError for NaN or infinite values.
    """
    if not 0 < percentile <= 100:
        raise BadInputError(f"a percentile of {percentile} is impossible; give one in 0 … 100, such as {PERCENTILE}")
    counts: NDArray[np.int64] | None = None
    kept: list[NDArray[Any]] = []
    lowest, highest, step, offset = np.inf, -np.inf, 1, 0
    for number, page in enumerate(pages):
        if page.dtype.kind == "f" and not np.isfinite(page).all():
            raise NotFiniteError(f"picture {number} holds NaN or infinite values; replace them and save it again")
        lowest, highest = min(lowest, float(page.min())), max(highest, float(page.max()))
        if page.dtype.kind == "b" or (page.dtype.kind in "iu" and page.dtype.itemsize <= 2):
            offset = 1 << 15 if page.dtype.kind == "i" else 0
            counted = np.bincount((page.astype(np.int64) + offset).ravel(), minlength=1 << 16)
            counts = counted if counts is None else counts + counted
            continue
        step = max(1, -(-count * page.size // _SAMPLED))
        if number % step == 0:
            kept.append(page.ravel())
    if counts is not None:
        total = np.cumsum(counts)
        white = float(np.searchsorted(total, percentile / 100 * total[-1]) - offset)
    else:
        white = float(np.percentile(np.concatenate(kept), percentile, method="inverted_cdf"))
    black = min(0.0, lowest)
    white = white if white > black else highest
    if white <= black:
        raise BadInputError("every pixel has the same value; give pictures that show something")
    return black, white
