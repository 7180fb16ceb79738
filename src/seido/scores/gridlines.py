"""Lay gridlines across the vocal tract, from the lips to the lower pharynx, where a movie moves.

A head is assumed to look to the left. What moves decides where the lines go: the box between the 5 % and 95 %
quantiles of the motion energy along x and y. On it stands a fixed plan of the tract, in shares of that box. Lines
that begin at a wall are then moved along themselves to where the mean picture is brightest near the plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.scores.frames import Frames, grey

Array = NDArray[np.float64]
PLAN_MM = 82.0
"""Side of the box of motion in an adult's head, millimetres: by it, lengths of the plan become pixels."""
STEP = 0.5
"""Distance of samples along a line, millimetres of the plan."""
_QUANTILES = (0.05, 0.95)
_QUIET = 0.05
"""Pixels that move less than this share of the liveliest ones do not count."""
_LASTING = 1 / 3
"""Least correlation of a moving pixel with itself a frame later."""
_DRIFT = 25
"""Frames over which the running mean is taken; about a second."""
_CENTRE = (0.70, 0.30)
"""Inside every tongue, in shares of the box."""
_TIP_WALL = ((0.200, 0.165), (0.235, 0.123), (0.260, 0.092), (0.292, 0.053), (0.322, 0.011), (0.356, -0.028))
_PALATE_WALL = ((0.390, -0.065), (0.460, -0.091), (0.535, -0.084), (0.613, -0.064), (0.698, -0.040))
_VELUM_WALL = ((0.744, -0.035), (0.786, -0.033), (0.875, -0.025), (0.935, 0.000), (0.985, 0.050), (1.000, 0.120))
_PHARYNX_WALL = ((1.088, 0.255), (1.104, 0.385))
_PORT_WALL = ((1.066, -0.010), (1.079, 0.175))
_LIP_COLUMNS = (-0.09, 0.15)
_UPPER_LIP = 0.10
"""Height inside the upper lip."""


_OFTEN_AIR = 8
"""The percentile over time in which a wall is sought: where the tongue comes and goes it is air."""
_STILLS = 250
"""Frames that are looked at, at most, to place the lines."""
_PULL = 0.01
"""Brightness that a wall must gain to lie a millimetre farther from the plan."""


LANDMARKS: Mapping[str, tuple[float, float]] = {
    "lips": (0.045, 0.195),
    "incisor": (0.187, 0.184),
    "palate": (0.485, -0.093),
    "uvula": (1.021, 0.170),
    "pharynx": (1.153, 0.795),
    "glottis": (0.950, 1.046),
}
"""Where the plan has them: middle of the closed lips, edge of the upper incisor, top of the hard palate, tip of the
uvula, rear wall above the arytenoids, middle of the vocal folds. Means over nine phantom speakers."""


@dataclass(frozen=True)
class Kind:
    """How lines of one kind are drawn and read; lengths in millimetres of the plan."""

    length: float
    search: tuple[float, float]
    """How far before and behind the plan the wall is looked for."""
    reach: float
    """A gap begins within this distance of the wall, or there is none."""
    tissue: float
    """Share of the tissue's brightness from which on there is no air."""


KINDS: Mapping[str, Kind] = {
    "lips": Kind(30.0, (-3.0, 3.0), 14.0, 0.70),
    "tip": Kind(34.0, (-5.0, 1.5), 6.0, 0.85),
    "palate": Kind(32.0, (-5.0, 1.5), 6.0, 0.85),
    "velum": Kind(30.0, (-3.0, 3.0), 8.0, 0.85),
    "pharynx": Kind(26.0, (-2.0, 4.0), 8.0, 0.85),
    "port": Kind(18.0, (-1.0, 5.0), 7.0, 0.80),
}
"""From the lips backwards; `place_grid` draws them in this order."""


_WALLS = (("lips",), ("tip", "palate"), ("velum",), ("pharynx",), ("port",))
"""Kinds that follow one wall; its place is smoothed over them together."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Lines over frames of one size; the same lines serve the true and the generated movie."""

    size: tuple[int, int]
    """Height and width of the frames."""
    spacing_mm: float
    plan: Array
    """float64 (2, 3): turns shares (x, y, 1) of the plan into x and y in pixels."""
    kinds: tuple[str, ...]
    """Each line's kind."""
    starts: Array
    """float64 (lines, 2): x and y of each line's beginning in tissue, pixels; the upper left pixel's centre is 0, 0."""
    directions: Array
    """float64 (lines, 2): a step of `STEP` along each line, pixels."""
    tissue: Array
    """float64 (lines,): how bright tissue is there, 0 … 1."""
    air: float
    """How bright air is, 0 … 1."""
    mandible: Array
    """float64 (H, W): the picture that the jaw is followed by, the true movie's first frame."""

    @property
    def scale(self) -> float:
        """Pixels of a millimetre of the plan."""
        return _scale(self.plan)

    @property
    def step_mm(self) -> float:
        """Millimetres between samples of a line."""
        return STEP * self.scale * self.spacing_mm

    def at(self, share_x: float, share_y: float) -> tuple[float, float]:
        """Turn shares of the plan into x and y in pixels."""
        x, y = (self.plan @ (share_x, share_y, 1.0)).tolist()
        return x, y

    def lines(self, kind: str) -> NDArray[np.intp]:
        """List the numbers of the lines of one kind."""
        return np.array([number for number, one in enumerate(self.kinds) if one == kind], np.intp)


def motion_box(frames: Frames) -> tuple[float, float, float, float]:
    """Find what moves: left, right, top and bottom in pixels.

    Quantiles .05 and .95 of √c, summed over columns and over rows, where c is a pixel's covariance with itself one
    frame later, less its running mean over 25 frames: noise, which differs from frame to frame, has none, and a head
    that drifts has little. Pixels whose c is under a third of their variance,
    or under 5 % of the 99.5th percentile, are left out. Raises BadInputError when nothing moves.

    >>> movie = np.zeros((6, 12, 12)); movie[:3, 2:8, 1:9] = 1
    >>> motion_box(movie)
    (0.9, 8.1, 1.8, 7.2)
    """
    picture = grey(frames)
    moved = _without_drift(picture)
    lasting = (moved[1:] * moved[:-1]).sum(axis=0) / len(moved)
    lasting = np.where(lasting > _LASTING * np.square(moved).mean(axis=0), lasting, 0.0)
    moving = np.sqrt(np.where(lasting > max(_QUIET * float(np.percentile(lasting, 99.5)), 1e-9), lasting, 0.0))
    if not moving.any():
        raise BadInputError("nothing moves in the true movie, so its vocal tract cannot be found; give one with speech")
    edges: list[float] = []
    for axis in (0, 1):
        cumulated = np.concatenate([[0.0], np.cumsum(moving.sum(axis=axis))])
        edges += _quantiles(cumulated / cumulated[-1])
    left, right, top, bottom = edges
    if min(right - left, bottom - top) < 4:
        raise BadInputError("less than 4 pixels move in the true movie; give a larger picture of the vocal tract")
    return round(left - 0.5, 6), round(right - 0.5, 6), round(top - 0.5, 6), round(bottom - 0.5, 6)


def _without_drift(frames: Array) -> Array:
    """Take out the running mean over `_DRIFT` frames: heads and coils wander slowly, articulators do not."""
    half = _DRIFT // 2
    sums = np.concatenate([np.zeros((1, *frames.shape[1:])), np.cumsum(frames, axis=0)])
    first = np.maximum(np.arange(len(frames)) - half, 0)
    last = np.minimum(np.arange(len(frames)) + half + 1, len(frames))
    out: Array = frames - (sums[last] - sums[first]) / (last - first)[:, None, None]
    return out


def _quantiles(cumulated: Array) -> list[float]:
    found: list[float] = []
    for share in _QUANTILES:
        after = max(int(np.searchsorted(cumulated, share)), 1)
        before, until = cumulated[after - 1], cumulated[after]
        found.append(float(after - 1 + (share - before) / (until - before)))
    return found


def place_grid(
    frames: Frames, spacing_mm: float, *, landmarks: Mapping[str, tuple[float, float]] | None = None
) -> Grid:
    """Lay the lines over a true movie.

    Parameters
    ----------
    frames
        (T, H, W) or (T, H, W, 3); the head looks to the left.
    spacing_mm
        Width of a pixel; 1 to have lengths in pixels.
    landmarks
        Three or more of `LANDMARKS`, x and y in pixels: the plan is then laid through them instead of on the box of
        motion (least squares, affine). Real heads are tilted and shaped in ways that a box does not know.

    Raises BadInputError when nothing moves, the spacing is impossible, or landmarks are unknown, under three or on
    one line.

    """
    if not 0 < spacing_mm < np.inf:
        raise BadInputError(f"a pixel cannot be {spacing_mm} mm wide; give the clips' pixel spacing")
    first = grey(frames[:1])[0]
    # Some frames, evenly spaced, so that memory does not grow with the movie.
    some = grey(frames[:: -(-len(frames) // _STILLS)])
    plan = _through(landmarks) if landmarks else _on_box(motion_box(some))
    mean = some.mean(axis=0)
    air = float(np.percentile(mean, 2))
    drawn = [(kind, *(plan @ (*start, 1.0)), *(plan @ (*end, 1.0))) for kind, start, end in _plan()]
    kinds = tuple(str(one[0]) for one in drawn)
    ends = np.array([one[1:] for one in drawn], np.float64)
    directions = ends[:, 2:] - ends[:, :2]
    directions *= STEP * _scale(plan) / np.hypot(*directions.T)[:, None]
    starts = ends[:, :2].copy()
    lengths = np.array([KINDS[name].length for name in kinds])
    for group in _WALLS:
        lines = np.array([number for number, one in enumerate(kinds) if one in group])
        before, behind = KINDS[group[0]].search
        back = np.arange(round(before / STEP), round(behind / STEP) + 1)
        points = starts[lines, None] - back[:, None] * directions[lines, None]
        points = points.reshape(-1, 2)
        seen = (
            sample(mean[None], points)[0]
            if group == ("lips",)
            else np.percentile(sample(some, points), _OFTEN_AIR, axis=0)
        )
        along = seen.reshape(len(lines), len(back))
        best = _smoothed(back[np.argmax(along - _PULL * np.abs(back * STEP), axis=1)])
        starts[lines] -= best[:, None] * directions[lines]
    outer = sample(mean[None], starts)[0]
    deep = [starts + share * lengths[:, None] / STEP * directions for share in np.arange(0.75, 1.0, 0.05).tolist()]
    inner = np.median([sample(mean[None], points)[0] for points in deep], axis=0)
    at_tongue = np.isin(kinds, ("tip", "palate", "velum"))
    tissue = np.where(at_tongue, inner, np.where(np.isin(kinds, "pharynx"), np.maximum(inner, outer), outer))
    lips = np.array([name == "lips" for name in kinds])
    tissue[lips] = np.percentile(tissue[lips], 75)
    return Grid((mean.shape[0], mean.shape[1]), spacing_mm, plan, kinds, starts, directions, tissue, air, first)


def _on_box(box: tuple[float, float, float, float]) -> Array:
    left, right, top, bottom = box
    return np.array([[right - left, 0.0, left], [0.0, bottom - top, top]])


def _through(landmarks: Mapping[str, tuple[float, float]]) -> Array:
    if unknown := [name for name in landmarks if name not in LANDMARKS]:
        raise BadInputError(f"there is no landmark {unknown[0]!r}: use {', '.join(LANDMARKS)}")
    shares = np.array([(*LANDMARKS[name], 1.0) for name in landmarks])
    if np.linalg.matrix_rank(shares) < 3:
        raise BadInputError(f"the plan needs three landmarks that are not on one line, got {', '.join(landmarks)}")
    fitted: Array = np.linalg.lstsq(shares, np.array(list(landmarks.values()), np.float64), rcond=None)[0].T
    if np.linalg.det(fitted[:, :2]) <= 0:
        raise BadInputError("these landmarks turn the head over; give x and y in pixels of a head that looks left")
    return fitted


def _scale(plan: Array) -> float:
    return float(np.sqrt(np.linalg.det(plan[:, :2]))) / PLAN_MM


def _smoothed(offsets: NDArray[np.intp]) -> Array:
    """Take each line's median with two neighbours on either side: a wall does not jump."""
    padded = np.pad(offsets, 2, mode="reflect")
    out: Array = np.median(np.stack([padded[at : at + len(offsets)] for at in range(5)]), axis=0)
    return out


def _plan() -> list[tuple[str, tuple[float, float], tuple[float, float]]]:
    """List the lines: kind, beginning at a wall, and a point they run to, in shares of the box."""
    lines: list[tuple[str, tuple[float, float], tuple[float, float]]] = []
    lines += [("lips", (x, _UPPER_LIP), (x + 0.01, 1.0)) for x in np.linspace(*_LIP_COLUMNS, 17).tolist()]
    lines += [("tip", start, _CENTRE) for start in _along(_TIP_WALL, 12)]
    lines += [("palate", start, _CENTRE) for start in _along(_PALATE_WALL, 8)]
    lines += [("velum", start, _CENTRE) for start in _along(_VELUM_WALL, 10)]
    lines += [("pharynx", (x, y), (0.70, y + 0.02)) for x, y in _along(_PHARYNX_WALL, 7)]
    lines += [("port", (x, y), (0.0, y)) for x, y in _along(_PORT_WALL, 9)]
    return lines


def _along(corners: tuple[tuple[float, float], ...], count: int) -> list[tuple[float, float]]:
    points = np.array(corners)
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.linspace(0.0, length[-1], count)
    return [(float(np.interp(one, length, points[:, 0])), float(np.interp(one, length, points[:, 1]))) for one in at]


def sample(frames: Array, points: Array) -> Array:
    """Read frames (T, H, W) at points (N, 2), x before y, bilinearly: float64 (T, N); the edge goes on outside.

    >>> sample(np.array([[[0.0, 1.0], [2.0, 3.0]]]), np.array([[0.5, 0.5], [-3.0, 1.0]])).tolist()
    [[1.5, 2.0]]
    """
    height, width = frames.shape[1:]
    x, y = np.clip(points[:, 0], 0, width - 1), np.clip(points[:, 1], 0, height - 1)
    left, top = np.minimum(x.astype(int), max(width - 2, 0)), np.minimum(y.astype(int), max(height - 2, 0))
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    share_x, share_y = x - left, y - top
    upper = frames[:, top, left] * (1 - share_x) + frames[:, top, right] * share_x
    lower = frames[:, below, left] * (1 - share_x) + frames[:, below, right] * share_x
    out: Array = upper * (1 - share_y) + lower * share_y
    return out
