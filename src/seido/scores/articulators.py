"""How bright each articulator's region is over time: where tissue comes and goes, brightness follows it.

The technique is that of Lammert, Proctor and Narayanan (2010), "Data-driven analysis of realtime vocal tract MRI
using correlated image regions": the mean brightness in a region stands for the constriction formed there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.scores.frames import Frames, grey
from seido.scores.gridlines import motion_box
from seido.scores.rows import FIRST_SCORED
from seido.scores.series import Agreement, agreement
from seido.values import Region

_SHARES: Mapping[str, tuple[float, float, float, float]] = MappingProxyType(
    {
        "lips": (-0.10, 0.02, 0.16, 0.36),
        "tongue_tip": (0.20, -0.06, 0.45, 0.24),
        "tongue_body": (0.45, -0.08, 0.82, 0.24),
        "velum": (0.82, -0.08, 1.08, 0.20),
        "pharynx": (0.88, 0.22, 1.16, 0.72),
        "larynx": (0.84, 0.74, 1.18, 1.10),
    }
)
"""Left, top, right and bottom in shares of the box of motion; a head that looks to the left."""


@dataclass(frozen=True)
class ArticulatorRegions:
    """Where each articulator moves: name → rectangle of pixels. Change them at will; files: `articulation_files`."""

    regions: Mapping[str, Region]

    def __post_init__(self) -> None:
        if not self.regions:
            raise BadInputError('articulator regions need at least one region; give NAME = "X,Y,W,H"')
        for name in self.regions:
            if not name or not all(letter.isalnum() or letter in "_-" for letter in name):
                raise BadInputError(f"region name {name!r} should be of letters, digits, _ and -; rename it")
        object.__setattr__(self, "regions", MappingProxyType(dict(self.regions)))

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order, as the columns of `region_series` have them."""
        return tuple(self.regions)


def suggest_regions(frames: Frames) -> ArticulatorRegions:
    """Suggest regions for lips, tongue tip, tongue body, velum, pharynx and larynx from what moves in a movie.

    They stand at fixed shares of the box of motion (`gridlines.motion_box`), cut to the frame; what would lie outside
    it is left out. A head that looks to the left is assumed. Raises BadInputError when nothing moves.
    """
    left, right, top, bottom = motion_box(frames)
    height, width = frames.shape[1:3]
    found: dict[str, Region] = {}
    for name, (x1, y1, x2, y2) in _SHARES.items():
        columns = [min(max(round(left + share * (right - left)), 0), width) for share in (x1, x2)]
        rows = [min(max(round(top + share * (bottom - top)), 0), height) for share in (y1, y2)]
        if columns[0] < columns[1] and rows[0] < rows[1]:
            found[name] = Region(columns[0], rows[0], columns[1] - columns[0], rows[1] - rows[0])
    return ArticulatorRegions(found)


def region_series(frames: Frames, regions: ArticulatorRegions) -> NDArray[np.float64]:
    """Average the brightness in each region: float64 (T, regions), 0 … 1, columns in the order of the regions.

    Raises BadInputError when a region reaches outside the frame.

    >>> movie = np.zeros((2, 4, 4)); movie[1, :2] = 1
    >>> region_series(movie, ArticulatorRegions({"lips": Region(0, 0, 4, 4)})).tolist()
    [[0.0], [0.5]]
    """
    columns = []
    for name, region in regions.regions.items():
        region.within(frames.shape[1], frames.shape[2], f"the movie (region {name})")
        columns.append(grey(region.crop(frames, axis=1)).mean(axis=(1, 2)))
    return np.stack(columns, axis=1)


def region_agreement(
    true: Frames, generated: Frames, rate: Fraction | float, regions: ArticulatorRegions | None = None
) -> dict[str, Agreement]:
    """Compare the brightness of each region over time: name → correlation, lag in ms, RMSE; frame 0 is left out.

    Parameters
    ----------
    true, generated
        Movies of one shape.
    rate
        Frames per second.
    regions
        By default those that `suggest_regions` finds in the true movie.

    Raises BadInputError when the movies differ in shape or have one frame.

    """
    if true.shape[:3] != generated.shape[:3] or len(true) <= FIRST_SCORED:
        raise BadInputError(
            f"the true movie is {true.shape[:3]} (frames, height, width) and the generated one {generated.shape[:3]}; "
            "give movies of one size and length, of at least two frames"
        )
    regions = regions or suggest_regions(true)
    x, y = (region_series(frames[FIRST_SCORED:], regions) for frames in (true, generated))
    return {name: agreement(x[:, k], y[:, k], rate) for k, name in enumerate(regions.names)}
