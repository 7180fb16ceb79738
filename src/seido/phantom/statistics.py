"""Numbers that tell whether phantom pictures look like real ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seido.corpus.depth import PERCENTILE
from seido.errors import BadInputError

BACKGROUND = 0.2
"""Share of the pixels, the darkest by their mean over time, that count as background."""
MOVED = 0.25
"""How far the value of a pixel ranges, from its 2nd to its 98th percentile over time, when it moves."""


@dataclass(frozen=True)
class PictureStatistics:
    """A movie in numbers; the PERCENTILE-th percentile of all values is 1, and what is above is held at 1."""

    mean: float
    median: float
    background_mean: float
    background_sd: float
    """Over all background values, in space and time together."""
    frame_difference: float
    """Mean absolute difference from one frame to the next; it depends on the frame rate."""
    moving: float
    """Share of the pixels that range over more than MOVED."""


def picture_statistics(frames: NDArray[np.uint8]) -> PictureStatistics:
    """Measure a movie, uint8 (T, H, W) with two frames or more; raises BadInputError for anything else."""
    if frames.ndim != 3 or frames.dtype != np.uint8 or len(frames) < 2 or not frames.size:
        raise BadInputError(f"statistics need grey 8-bit frames (T, H, W), T ≥ 2, got {frames.dtype} {frames.shape}")
    white = float(np.percentile(frames, PERCENTILE))
    if white <= 0:
        raise BadInputError("statistics need frames that are not black")
    values = np.minimum(frames.astype(np.float32) / np.float32(white), 1)
    over_time = values.mean(0)
    background = values[:, over_time <= np.quantile(over_time, BACKGROUND)]
    low, high = np.percentile(values, (2, 98), axis=0)
    return PictureStatistics(
        mean=float(values.mean(dtype=np.float64)),
        median=float(np.median(values)),
        background_mean=float(background.mean(dtype=np.float64)),
        background_sd=float(background.std(dtype=np.float64)),
        frame_difference=float(np.abs(np.diff(values, axis=0)).mean(dtype=np.float64)),
        moving=float(np.mean(high - low > MOVED)),
    )
