"""The mid-sagittal outlines of a vocal tract, as the engine draws them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError

UNITS_PER_MM = 3.78
"""Units of the engine's drawing per millimetre."""
_POINTS = re.compile(r'points="([^"]*)"')

Outline = NDArray[np.float64]
"""Points (n, 2): x forwards, towards the lips, and y DOWN, both in mm from the engine's origin."""


@dataclass(frozen=True)
class Contours:
    """The outlines of one moment: each (n, 2), mm, x forwards (face right), y down.

    The origin lies at the rear end of the hard palate, at the height of the upper teeth's roots.
    """

    back_wall: Outline
    """Back of the larynx and pharynx, from below upwards."""
    uvula: Outline
    upper: Outline
    """Velum, hard palate, upper incisor and upper lip, from behind forwards."""
    larynx: Outline
    """Front of the larynx, from the epiglottis' foot downwards."""
    epiglottis: Outline
    lower: Outline
    """Floor of the mouth, lower incisor and lower lip, from behind forwards."""
    tongue: Outline
    """Mid-line of the tongue, from root to tip and under it."""
    tongue_side: Outline
    teeth: tuple[Outline, ...]
    """Edges of the teeth rows and palate away from the mid-line."""

    @property
    def parts(self) -> tuple[Outline, ...]:
        """All outlines in the engine's order."""
        named = (getattr(self, field.name) for field in fields(self) if field.name != "teeth")
        return (*named, *self.teeth)

    @classmethod
    def of(cls, outlines: Sequence[Outline]) -> Contours:
        """Name outlines given in the engine's order; raises BadInputError when some are missing."""
        named = len(fields(cls)) - 1
        if len(outlines) < named:
            raise BadInputError(f"a vocal tract has at least {named} outlines, got {len(outlines)}")
        names = [field.name for field in fields(cls)[:named]]
        parts: dict[str, Any] = dict(zip(names, outlines, strict=False))
        return cls(**parts, teeth=tuple(outlines[named:]))


def parse_drawing(svg: str) -> list[Outline]:
    """Read the polylines of the engine's SVG drawing, in its order, in mm with y down.

    >>> parse_drawing('<polyline points="37.8 0 0 -3.78 "/>')[0].tolist()
    [[10.0, 0.0], [0.0, -1.0]]
    """
    return [np.array(points.split(), dtype=float).reshape(-1, 2) / UNITS_PER_MM for points in _POINTS.findall(svg)]
