"""Tract variables of task dynamics, measured on outlines: where and how narrowly the tract is constricted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.phantom.articulators import (
    GLOTTIS,
    LARYNX_TOP,
    LOWER_EDGE,
    LOWER_END,
    LOWER_LIP,
    PALATE_REAR,
    UPPER_EDGE,
    UPPER_END,
    UPPER_LIP,
    check_vertices,
    resampled,
)
from seido.phantom.contours import Contours, Outline
from seido.phantom.shapes import TRACT

TRACT_VARIABLES: dict[str, str] = {
    "LA": "mm, lip aperture: least vertical gap between the lips",
    "LP": "mm, lip protrusion: how far the lips' outer ends are before the upper incisor's front, mean of both",
    "TTCD": "mm, tongue tip constriction degree: least distance of tip and blade from incisor and hard palate",
    "TTCL": "mm, tongue tip constriction location: along the wall from the upper incisor's edge",
    "TBCD": "mm, tongue body constriction degree: least distance of dorsum and root from palate, velum or pharynx",
    "TBCL": "mm, tongue body constriction location: along the wall from the upper incisor's edge",
    "VEL": "cm², velic aperture: area of the port to the nose, 0 when shut",
    "LX": "mm, larynx height: vocal folds above the hard palate's rear end, so below 0",
    "JAW": "mm, jaw opening: distance between the incisors' edges",
}
"""Unit and meaning of each tract variable; names after Browman and Goldstein (1989), LX and JAW besides."""
_TIP = slice(28, 33)
_BODY = slice(5, 26)
"""Ribs of the tongue, which stand 3 to 4 mm apart: tip and blade; dorsum and root above the epiglottis."""
_FINE = 8
_CONTACT = 0.7
"""Millimetres that the engine leaves between a tongue and the wall it presses on, at most."""
_SAME_PLACE = 15.0
_BLUR = 0.3


def tract_variables(contours: Sequence[Contours], states: NDArray[np.floating]) -> NDArray[np.float32]:
    """Measure `TRACT_VARIABLES` on outlines and the tract's states (n, 19) they were drawn from; float32 (n, 9).

    The wall runs from the upper incisor's rear edge along palate and velum to the uvula's tip, from there straight
    back to the pharynx and down to the arytenoids. A location is where the tongue is nearest; within half a
    millimetre of that, neighbouring places are averaged, so that a long closure has its middle. VEL is the engine's
    own port area: its outlines leave 0.2 to 0.9 mm behind a velum that is shut. Raises BadInputError.

    Sources: Browman and Goldstein (1989); Saltzman and Munhall (1989).
    """
    if states.shape != (len(contours), len(TRACT)) or not len(contours):
        raise BadInputError(
            f"tract variables need one state of {len(TRACT)} parameters for each moment, at least one; "
            f"got {len(contours)} moments and states of shape {states.shape}"
        )
    out = np.empty((len(contours), len(TRACT_VARIABLES)), np.float32)
    port = np.maximum(states[:, TRACT.index("VO")], 0.0)
    for row, moment, area in zip(out, contours, port, strict=True):
        check_vertices(moment)
        row[:2] = _lips(moment)
        wall = _wall(moment)
        row[2:4] = _constriction(moment.tongue[_TIP], wall[: UPPER_EDGE - PALATE_REAR + 1])
        row[4:6] = _constriction(moment.tongue[_BODY], wall)
        row[6] = area
        row[7] = -(moment.back_wall[GLOTTIS, 1] + moment.larynx[GLOTTIS, 1]) / 2
        row[8] = np.hypot(*(_edge(moment.upper, UPPER_EDGE) - _edge(moment.lower, LOWER_EDGE)))
    return out


def _lips(moment: Contours) -> tuple[float, float]:
    upper, lower = moment.upper[UPPER_LIP : UPPER_END + 1], moment.lower[LOWER_LIP : LOWER_END + 1]
    across = np.linspace(max(upper[0, 0], lower[0, 0]), min(upper[-1, 0], lower[-1, 0]), 64)
    gap = np.interp(across, *lower.T) - np.interp(across, *upper.T)
    # Lips that are pressed together overlap in the engine's outlines.
    aperture = max(0.0, float(gap.min()))
    protrusion = (upper[-1, 0] + lower[-1, 0]) / 2 - moment.upper[UPPER_EDGE + 1, 0]
    return aperture, float(protrusion)


def _wall(moment: Contours) -> Outline:
    velum = moment.upper[UPPER_EDGE::-1]
    pharynx = moment.back_wall[LARYNX_TOP:][::-1].copy()
    # What lies above the velum's end is the way to the nose; its vertices are put at that height.
    above = pharynx[:, 1] < velum[-1, 1]
    pharynx[above] = np.interp(velum[-1, 1], pharynx[:, 1], pharynx[:, 0]), velum[-1, 1]
    return np.concatenate([velum, pharynx])


def _constriction(tongue: Outline, wall: Outline) -> tuple[float, float]:
    """Find how near the tongue comes to the wall, and how far along it."""
    points = resampled(tongue, _FINE * (len(tongue) - 1))
    starts, steps = wall[:-1], np.diff(wall, axis=0)
    lengths = np.hypot(*steps.T)
    relative = points[:, None] - starts
    share = np.clip((relative * steps).sum(2) / np.maximum(lengths**2, 1e-12), 0, 1)
    distances = np.hypot(*np.moveaxis(relative - share[..., None] * steps, 2, 0))
    nearest = distances.argmin(1)
    rows = np.arange(len(points))
    distance = distances[rows, nearest]
    place = np.concatenate([[0.0], np.cumsum(lengths)])[nearest] + share[rows, nearest] * lengths[nearest]
    best = int(distance.argmin())
    farther = np.maximum(distance - max(distance[best], _CONTACT), 0.0)
    weights = np.exp(-farther / _BLUR) * (np.abs(place - place[best]) < _SAME_PLACE)
    return float(distance[best]), float(weights @ place / weights.sum())


def _edge(outline: Outline, vertex: int) -> Outline:
    middle: Outline = outline[vertex : vertex + 2].mean(0)
    return middle
