"""What the tracker's figures are worth: its error where the truth is known. Print it beside every figure it gives.

Measured by `bench/tracker.py`; docs/articulation.md tells how. Phantom: 45 clips (five of each of nine speakers, three
languages) of 128 × 128 pixels, 1.375 mm wide, 25 frames/s, lines placed by what moves. Real: four clips of USC-TIMIT
(68 × 68 pixels of 2.9 mm, 23.18 frames/s) with the contours published for them, lines placed by three landmarks taken
from those contours.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class TrackerError(NamedTuple):
    """Medians over clips: mm, and the correlation over time with the truth."""

    error_mm: float
    """Median |measured − true|."""
    without_bias_mm: float
    """The same after each clip's median difference is taken out: what is left to compare movements by."""
    bias_mm: float
    """Median of measured − true."""
    correlation: float
    worst_tenth: float
    """The correlation that nine of ten clips exceed."""


PHANTOM_ERROR: Mapping[str, TrackerError] = MappingProxyType(
    {
        "LA": TrackerError(1.32, 0.11, -1.32, 0.994, 0.99),
        "LP": TrackerError(1.29, 0.18, 1.2, 0.993, 0.98),
        "TTCD": TrackerError(1.08, 0.6, -0.62, 0.95, 0.91),
        "TBCD": TrackerError(0.69, 0.26, -0.58, 0.967, 0.9),
        "TBCL": TrackerError(3.83, 2.44, -2.37, 0.891, 0.68),
        "VEL": TrackerError(0.33, 0.11, -0.32, 0.94, 0.7),
        "PW": TrackerError(2.54, 0.43, -2.54, 0.989, 0.97),
        "JAW": TrackerError(0.3, 0.24, -0.03, 0.925, 0.73),
    }
)
"""Against the phantom's own variables; VEL against the least distance of uvula and wall, PW against outlines."""
USCTIMIT_ERROR: Mapping[str, TrackerError] = MappingProxyType(
    {
        "LA": TrackerError(1.12, 1.02, -0.41, 0.911, 0.88),
        "TTCD": TrackerError(2.86, 1.14, -2.84, 0.708, 0.36),
        "TBCD": TrackerError(2.38, 0.96, -2.34, 0.558, 0.4),
        "VEL": TrackerError(3.79, 0.67, -3.79, 0.558, 0.45),
        "PW": TrackerError(3.37, 1.25, -3.37, 0.742, 0.53),
    }
)
"""Against gaps between the contours along the same lines; there is no truth for LP, TBCL and JAW."""
