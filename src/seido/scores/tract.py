"""Tract variables in millimetres, read off a movie along fixed gridlines, and how far a generated movie is from them.

Along each line the darkness between two tissues is added up, which blur does not change, so that a gap is measured
finer than a pixel. What a figure is worth is told by `seido.scores.tracker_error`, measured where the truth is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.scores.frames import Frames, grey
from seido.scores.gridlines import KINDS, STEP, Grid, place_grid, sample
from seido.scores.rows import FIRST_SCORED
from seido.scores.series import Agreement, agreement

Array = NDArray[np.float64]
VARIABLES: Mapping[str, str] = {
    "LA": "lip aperture: least vertical gap between the lips",
    "LP": "lip protrusion: how far the lips stand before the upper incisor, mean of both",
    "TTCD": "tongue tip constriction degree: least gap under incisor, ridge and front of the hard palate",
    "TBCD": "tongue body constriction degree: least gap under hard palate and velum, or before the pharynx' wall",
    "TBCL": "tongue body constriction location: where that is, along the wall from the incisor",
    "VEL": "velum opening: least gap between velum and the pharynx' wall",
    "PW": "pharynx width: mean gap between tongue root and wall, uvula to epiglottis",
    "JAW": "jaw opening: how far the mandible is below where the true movie's first frame has it",
}
"""Unit: mm, or pixels where a pixel's width is given as 1."""
_FLANK = 2.0
_NEAR = 0.4
"""Millimetres: places within so much of the least gap share in its location."""
_BLOCK = 64
_JAW_AT = (0.235, 0.42)
_JAW_HALF = (7.0, 9.0)
_JAW_TRAVEL = (4.0, 9.0, 12.0)
"""Half width and height of the mandible's patch; how far it is sought sideways, up and down: mm of the plan."""
_JAW_STEP = 0.7
_LIP_BANDS = ((0.06, 0.155), (0.25, 0.36))


def apertures(frames: Frames, grid: Grid) -> Array:
    """Measure the gap along every line of a grid: float64 (T, lines), in mm.

    Darkness is d = clip((k·tissue − I) / (k·tissue − air), 0, 1), with the kind's k. From the wall on, d is added
    up to the end of the first stretch with d > ½, and 2 mm further for its flank. A stretch that does not begin
    within the kind's reach is no gap at the wall: then what darkness there is within the reach is added up.
    """
    if grey(frames[:1]).shape[1:] != grid.size:
        height, width = frames.shape[1:3]
        raise BadInputError(
            f"the lines were laid over {grid.size[1]} × {grid.size[0]} pixels, the movie has {width} × {height}; "
            "generate at the true movie's size"
        )
    parts = [_apertures(grey(frames[at : at + _BLOCK]), grid) for at in range(0, len(frames), _BLOCK)]
    out: Array = np.concatenate(parts) * grid.step_mm
    return out


def _apertures(frames: Array, grid: Grid) -> Array:
    out = np.empty((len(frames), len(grid.kinds)))
    for name, kind in KINDS.items():
        lines = grid.lines(name)
        count = round(kind.length / STEP)
        steps = np.arange(count)
        points = grid.starts[lines, None] + steps[:, None] * grid.directions[lines, None]
        bright = sample(frames, points.reshape(-1, 2)).reshape(len(frames), len(lines), count)
        full = (kind.tissue * grid.tissue[lines])[:, None]
        dark = np.clip((full - bright) / np.maximum(full - grid.air, 1e-3), 0, 1)
        reach = round(kind.reach / STEP)
        air = dark > 0.5
        within = air[..., :reach]
        if name == "velum":
            # A velum that hangs low leaves the line's beginning in the air above it: pass to its lower side.
            within = within & (np.logical_or.accumulate(~within, axis=-1) | within.all(-1, keepdims=True))
        found, begins = within.any(-1), within.argmax(-1)
        solid = ~air & (steps > begins[..., None])
        ends = np.where(solid.any(-1), solid.argmax(-1), count)
        last = np.where(found, np.minimum(ends + round(_FLANK / STEP), count), reach)
        first = np.where(found & (begins > 0), np.maximum(begins - round(_FLANK / STEP), 0), 0)
        out[:, lines] = np.where((steps >= first[..., None]) & (steps < last[..., None]), dark, 0).sum(-1)
    return out


def tract_variables(frames: Frames, grid: Grid) -> Array:
    """Measure `VARIABLES` in every frame: float64 (T, 8), a column each in that order; raises BadInputError.

    The lines are those of the true movie (`place_grid`), for the generated one too. Degrees and locations are after
    Browman and Goldstein (1989); VEL, PW and JAW besides.
    """
    gaps = apertures(frames, grid)
    tip, pharynx = grid.lines("tip"), grid.lines("pharynx")
    behind = np.concatenate([grid.lines("palate"), grid.lines("velum"), pharynx])
    wall = np.concatenate([tip, behind])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(grid.starts[wall], axis=0).T))]) * grid.spacing_mm
    dorsal = _median_of_three(gaps[:, behind])
    degree = dorsal.min(axis=1)
    weights = np.exp(-(dorsal - degree[:, None]) / _NEAR)
    place = weights @ along[len(tip) :] / weights.sum(axis=1)
    columns = (
        gaps[:, grid.lines("lips")].min(axis=1),
        _protrusion(frames, grid),
        _median_of_three(gaps[:, tip]).min(axis=1),
        degree,
        place,
        gaps[:, grid.lines("port")].min(axis=1),
        gaps[:, pharynx].mean(axis=1),
        _jaw(frames, grid),
    )
    return np.stack(columns, axis=1)


def _median_of_three(gaps: Array) -> Array:
    """Take each line's median with its two neighbours, so that one line gone astray decides nothing."""
    middle = np.clip(np.arange(gaps.shape[1]), 1, gaps.shape[1] - 2)
    out: Array = np.median(np.stack([gaps[:, middle + side] for side in (-1, 0, 1)]), axis=0)
    return out


def _protrusion(frames: Frames, grid: Grid) -> Array:
    """Measure how far before the incisor the foremost tissue of either lip lies."""
    incisor = grid.at(0.164, 0.0)[0]
    half = KINDS["lips"].tissue * float(grid.tissue[grid.lines("lips")].mean())
    level = (half + grid.air) / 2
    xs = np.arange(0.0, incisor, 0.25)
    out = np.zeros(len(frames))
    for low, high in _LIP_BANDS:
        ys = np.linspace(grid.at(0, low)[1], grid.at(0, high)[1], 12)
        points = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        for at in range(0, len(frames), _BLOCK):
            rows = sample(grey(frames[at : at + _BLOCK]), points).reshape(-1, len(ys), len(xs))
            out[at : at + _BLOCK] += np.sort(_first_edge(rows, level), axis=1)[:, :3].mean(axis=1)
    before: Array = (incisor - xs[0] - 0.25 * out / 2) * grid.spacing_mm
    return before


def _first_edge(rows: Array, level: float) -> Array:
    """Find where each row first rises to a level for good (4 samples), finer than a sample; its length if never."""
    above = rows > level
    lasting = above[..., :-3] & above[..., 1:-2] & above[..., 2:-1] & above[..., 3:]
    first = lasting.argmax(-1)
    before = np.maximum(first - 1, 0)
    low = np.take_along_axis(rows, before[..., None], -1)[..., 0]
    high = np.take_along_axis(rows, first[..., None], -1)[..., 0]
    share = np.clip((level - low) / np.maximum(high - low, 1e-6), 0, 1)
    edge = np.where(first > 0, before + share, 0.0)
    out: Array = np.where(lasting.any(-1), edge, float(rows.shape[-1]))
    return out


def _jaw(frames: Frames, grid: Grid) -> Array:
    """Follow the mandible's front by its likeness to the true movie's first frame; mm below where it is there.

    Normalised correlation of a patch, sought in steps of 0.7 mm; a parabola through the best three heights.
    """
    step = _JAW_STEP * grid.scale
    middle = np.array(grid.at(*_JAW_AT))
    half_x, half_y = (np.arange(-round(half / 2 / _JAW_STEP), round(half / 2 / _JAW_STEP) + 1) for half in _JAW_HALF)
    patch = 2 * step * np.stack(np.meshgrid(half_x, half_y), axis=-1).reshape(-1, 2)
    sideways, up, down = (round(travel / _JAW_STEP) for travel in _JAW_TRAVEL)
    like = _normalised(sample(grid.mandible[None], middle + patch))[0]
    found = np.empty(len(frames))
    for at in range(0, len(frames), _BLOCK):
        block = grey(frames[at : at + _BLOCK])
        alike = np.full((len(block), up + down + 1), -1.0)
        for row in range(up + down + 1):
            for aside in range(-sideways, sideways + 1):
                moved = middle + patch + (aside * step, (row - up) * step)
                alike[:, row] = np.maximum(alike[:, row], _normalised(sample(block, moved)) @ like)
        found[at : at + _BLOCK] = _peak(alike)
    out: Array = (found - up) * step * grid.spacing_mm
    return out


def _normalised(values: Array) -> Array:
    centred = values - values.mean(axis=1, keepdims=True)
    out: Array = centred / np.maximum(np.sqrt(np.square(centred).sum(axis=1, keepdims=True)), 1e-9)
    return out


def _peak(curves: Array) -> Array:
    """Find where each row is highest, finer than a step, by a parabola."""
    best = np.clip(curves.argmax(axis=1), 1, curves.shape[1] - 2)
    rows = np.arange(len(curves))
    left, here, right = (curves[rows, best + side] for side in (-1, 0, 1))
    bend = left - 2 * here + right
    aside = np.where(bend < 0, 0.5 * (left - right) / np.minimum(bend, -1e-12), 0.0)
    out: Array = best + np.clip(aside, -0.5, 0.5)
    return out


@dataclass(frozen=True)
class TractError:
    """How far the generated movie's tract variables are from the true movie's; both are measured, by one grid."""

    variables: Mapping[str, Agreement]
    """For each of `VARIABLES`."""

    @property
    def tract_error_mm(self) -> float:
        """The headline: the mean over LA, LP, TTCD, TBCD, VEL, PW and JAW of their median |difference|, mm.

        TBCL is left out: a constriction's place may jump by centimetres where two are about as narrow. A median over
        the variables would not notice that one articulator stands still.
        """
        return fmean(one.median_difference for name, one in self.variables.items() if name != "TBCL")

    @property
    def tract_correlation(self) -> float | None:
        """The median correlation over the same variables, of those that move in the true movie; None without any."""
        known = [one.correlation for name, one in self.variables.items() if name != "TBCL"]
        moving = [one for one in known if one is not None]
        return median(moving) if moving else None


def tract_error(
    true: Frames, generated: Frames, spacing_mm: float, rate: Fraction | float, *, grid: Grid | None = None
) -> TractError:
    """Compare the tract variables of a generated movie with those of the true one; frame 0 is left out.

    Parameters
    ----------
    true, generated
        (T, H, W) or (T, H, W, 3) of one shape; heads look to the left.
    spacing_mm
        Width of a pixel; 1 to have the errors in pixels.
    rate
        Frames per second.
    grid
        Lines to use; by default those of `place_grid` on the true movie.

    Raises BadInputError when the shapes differ, nothing moves in the true movie, or there are under two frames.

    """
    if true.shape[:3] != generated.shape[:3]:
        raise BadInputError(
            f"the true movie is {true.shape[:3]} (frames, height, width) and the generated one {generated.shape[:3]}; "
            "give movies of one length and size"
        )
    if len(true) <= FIRST_SCORED:
        raise BadInputError("a movie of one frame has nothing to score: frame 0 is the input; give a longer movie")
    grid = grid or place_grid(true, spacing_mm)
    return series_error(tract_variables(true, grid), tract_variables(generated, grid), rate)


def series_error(true: NDArray[np.float64], generated: NDArray[np.float64], rate: Fraction | float) -> TractError:
    """Compare what `tract_variables` measured in two movies, (T, 8) each; frame 0 is left out."""
    x, y = true[FIRST_SCORED:], generated[FIRST_SCORED:]
    return TractError({name: agreement(x[:, k], y[:, k], rate) for k, name in enumerate(VARIABLES)})
