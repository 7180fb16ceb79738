"""Where the tract moves: a region suggested from the pictures alone, and drawn to be checked by eye."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.timebase import FRAME_RATE, exact_rate
from seido.values import Frame, Region, check_frame

Plane = NDArray[np.float32]

STEP = 8
"""Regions are this many pixels wide and high, or a multiple."""
MARGIN = 0.1
"""Room left around the movement, as a share of the box's longer side."""
_MEMORY = 0.5
"""Seconds: what changes more slowly (head drift, breathing) is not speech."""
_SETTLING = 0.5
"""Seconds passed over at the beginning: a scanner's first frames are brighter than all others."""
_TAIL = 0.01
"""The share of all movement that may lie beyond each edge."""
_LARGE = 1.3
"""Where the movement is so many times longer than in most recordings, more than the tract moved."""
_ABOVE_STILL = 3.0
"""Movement counts where it is so many times that of most of the picture,"""
_LEAST = 0.25
"""or this share of the strongest movement, if that is less."""
_LINKED = 0.2
"""Movement of at least this share of the strongest links its neighbours."""
_LOOKS = 27
"""Pictures a second that faster movies are averaged to."""
_FEWEST = 3
_SHOWN = 384
"""Pixels that the shorter side of a picture to be checked has at least."""
_BOX = (255, 140, 0)


@dataclass(frozen=True)
class Motion:
    """How each pixel of a recording moves: amplitude in grey levels and mean picture, float32 (H, W)."""

    amplitude: Plane
    mean: Plane
    frames: int

    def __post_init__(self) -> None:
        if self.amplitude.ndim != 2 or self.amplitude.shape != self.mean.shape:
            raise BadInputError(
                f"a motion map and its mean picture should have one shape (height, width), "
                f"got {self.amplitude.shape} and {self.mean.shape}"
            )


def motion_of(frames: Iterable[Frame], *, rate: Fraction = FRAME_RATE) -> Motion:
    """Map the movement in a recording, in one pass and flat memory.

    Each pixel's running mean is subtracted, so that slow drift goes; the amplitude is the root of the covariance of
    consecutive pictures, which movement shares and noise does not. Movies faster than 27 frames/s are averaged down.

    Parameters
    ----------
    frames
        uint8 (H, W) or (H, W, 3), one by one.
    rate
        Frames per second.

    Raises BadInputError when there are too few pictures or their sizes differ.

    """
    rate = exact_rate(rate)
    together = looks_together(rate)
    per_second = float(rate / together)
    keep = np.float32(np.exp(-1 / (_MEMORY * per_second)))
    settled = round(_SETTLING * per_second)
    running = before = total = shared = np.zeros(0, np.float32)
    count = 0
    for number, picture in enumerate(looks(frames, together)):
        if number in {0, settled}:
            running, total, shared, count = picture, np.zeros_like(picture), np.zeros_like(picture), 0
        running = keep * running + (1 - keep) * picture
        moved = _blurred(picture - running)
        if count:
            shared = shared + moved * before
        total, before, count = total + picture, moved, count + 1
    if count < _FEWEST:
        raise BadInputError("too few frames to see what moves; give a recording of a second at least")
    amplitude = np.sqrt(np.maximum(shared / (count - 1), 0))
    return Motion(np.asarray(amplitude), np.asarray(total / count), count)


def looks(frames: Iterable[Frame], together: int) -> Iterator[Plane]:
    """Average so many frames at a time into one grey picture, float32 (H, W); a rest at the end is left out.

    Frames are uint8 (H, W) or (H, W, 3). Raises BadInputError when their sizes differ.
    """
    shape: tuple[int, ...] | None = None
    gathered = np.zeros(0, np.float32)
    for number, frame in enumerate(frames):
        if shape is None:
            shape = check_frame(frame).shape
        elif frame.shape != shape:
            raise BadInputError(f"frames of one recording should have one size, got {shape} and {frame.shape}")
        grey = frame.astype(np.float32) if frame.ndim == 2 else frame.mean(axis=2, dtype=np.float32)
        gathered = gathered + grey if number % together else grey
        if number % together == together - 1:
            yield gathered / np.float32(together)


def looks_together(rate: Fraction) -> int:
    """Count the frames that are averaged into one: faster movies than about 27/s add only noise.

    >>> looks_together(Fraction(25)), looks_together(Fraction(2082, 25))
    (1, 3)
    """
    return max(1, round(rate / _LOOKS))


def suggest_region(
    frames: Iterable[Frame], *, rate: Fraction = FRAME_RATE, square: bool = True, margin: float = MARGIN
) -> Region:
    """Suggest the box where the tract moves in one recording; see motion_of and region_of."""
    return region_of([motion_of(frames, rate=rate)], square=square, margin=margin)


def region_of(maps: Sequence[Motion], *, square: bool = True, margin: float = MARGIN) -> Region:
    """Suggest the one box that holds the movement of several recordings.

    Parameters
    ----------
    maps
        Of recordings with frames of one size; of all speakers who are to share the region. Those in which the
        head moved too, so that they reach much further than most, are not followed.
    square
        Whether width and height are to be the same.
    margin
        Room on each side, as a share of the longer side.

    Returns
    -------
    A region inside the frame, its sides multiples of 8 pixels where the frame has as many. Raises BadInputError when
    nothing moves, or sizes differ.

    """
    if not maps:
        raise BadInputError("there are no recordings to suggest a region for")
    shape = maps[0].amplitude.shape
    if any(each.amplitude.shape != shape for each in maps):
        raise BadInputError("recordings with frames of different sizes need a region each; prepare them apart")
    boxes = np.array([box for box in map(_box, maps) if box is not None])
    if not len(boxes):
        raise BadInputError("nothing moves in these pictures; give the region as X,Y,W,H")
    lengths = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    boxes = boxes[lengths <= _LARGE * np.median(lengths)]
    top, left = boxes[:, :2].min(axis=0)
    bottom, right = boxes[:, 2:].max(axis=0)
    room = 2 * margin * max(bottom - top, right - left)
    height, width = bottom - top + room, right - left + room
    if square:
        rows = columns = _rounded(max(height, width), min(shape))
    else:
        rows, columns = _rounded(height, shape[0]), _rounded(width, shape[1])
    return Region(
        _placed((left + right) / 2, columns, shape[1]), _placed((top + bottom) / 2, rows, shape[0]), columns, rows
    )


def region_picture(frame: NDArray[np.generic], motion: Plane, region: Region) -> Frame:
    """Draw a region on a frame and, beside it, on the motion map, to be checked by eye.

    Parameters
    ----------
    frame
        A picture (H, W), such as Motion.mean; any numbers, shown from black to their 99.5th percentile.
    motion
        Its motion map (H, W).
    region
        Drawn in orange, just inside its edges.

    Returns uint8 (H', W', 3), the pictures enlarged by a whole factor. Raises BadInputError when shapes differ.

    """
    if frame.shape != motion.shape or motion.ndim != 2:
        raise BadInputError(f"the frame {frame.shape} and the motion map {motion.shape} should be of one size")
    region.within(*motion.shape)
    factor = max(1, -(-_SHOWN // min(motion.shape)))
    line = max(1, factor // 2)
    panels = []
    for plane in (frame, motion):
        levels = plane.astype(np.float32)
        white = max(float(np.quantile(levels, 0.995)), 1e-6)
        grey = np.clip(255 * levels / white, 0, 255).round().astype(np.uint8)
        panel = grey.repeat(factor, 0).repeat(factor, 1)[..., None].repeat(3, 2)
        whole = _enlarged(region, factor).crop(panel)
        for edge in (whole[:line], whole[-line:], whole[:, :line], whole[:, -line:]):
            edge[...] = _BOX
        panels.append(panel)
    gap = np.full((panels[0].shape[0], 4, 3), 255, np.uint8)
    return np.concatenate([panels[0], gap, panels[1]], axis=1)


def _enlarged(region: Region, factor: int) -> Region:
    return Region(region.x * factor, region.y * factor, region.width * factor, region.height * factor)


def _blurred(plane: Plane) -> Plane:
    """Average over three by three pixels."""
    padded = np.pad(plane, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray((rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / np.float32(9))


def _box(motion: Motion) -> tuple[float, float, float, float] | None:
    """Find top, left, bottom and right of what moves; None when nothing does."""
    amplitude = motion.amplitude
    # What does not move still flickers a little. Where all moves, as in a close-up, there is nothing to tell by.
    flicker = min(_ABOVE_STILL * float(np.median(amplitude)), _LEAST * float(np.quantile(amplitude, 0.99)))
    moving = np.maximum(amplitude - flicker, 0)
    if not moving.any():
        return None
    # Neither a bright vessel nor the tongue must outweigh the larynx.
    moving = np.minimum(moving, np.quantile(moving[moving > 0], 0.9))
    moving = _main_part(moving)
    top, bottom = _extent(moving.sum(1))
    left, right = _extent(moving.sum(0))
    return top, left, bottom, right


def _main_part(moving: Plane) -> Plane:
    """Keep the part that hangs together and moves most in sum: no blinking corners, spoilt rows, nose or skull."""
    bridge = max(2, min(moving.shape) // 64)
    rest = np.where(_grown(moving > _LINKED * moving.max(), bridge), moving, 0)
    best = np.zeros_like(moving)
    while rest.sum() > best.sum():
        part = np.zeros(rest.shape, bool)
        part[np.unravel_index(int(rest.argmax()), rest.shape)] = True
        while (further := _grown(part, bridge) & (rest > 0)).sum() > part.sum():
            part = further
        if rest[part].sum() > best.sum():
            best = np.where(part, rest, 0)
        rest = np.where(part, 0, rest)
    return best


def _grown(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """Grow a mask by so many pixels up, down, left and right, and diagonally."""
    for _ in range(pixels):
        rows = mask.copy()
        rows[1:] |= mask[:-1]
        rows[:-1] |= mask[1:]
        mask = rows.copy()
        mask[:, 1:] |= rows[:, :-1]
        mask[:, :-1] |= rows[:, 1:]
    return mask


def _extent(profile: Plane) -> tuple[float, float]:
    shares = np.concatenate([[0.0], np.cumsum(profile, dtype=np.float64) / profile.sum(dtype=np.float64)])
    edges = np.arange(len(shares))
    return float(np.interp(_TAIL, shares, edges)), float(np.interp(1 - _TAIL, shares, edges))


def _rounded(length: float, limit: int) -> int:
    """Round up to a multiple of 8 that the frame has room for."""
    return min(-(-round(length) // STEP) * STEP, limit // STEP * STEP or limit)


def _placed(centre: float, length: int, limit: int) -> int:
    return min(max(round(centre - length / 2), 0), limit - length)
