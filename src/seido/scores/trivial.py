"""A predictor that learns nothing: the training frame whose speech sounds most alike.

What a generator cannot beat, it has not earned. It moves and shows true pictures, but jumps from one to
the next, and knows nothing of what lies between the moments that were recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.timebase import WINDOW, centred_lead, window_start

Pictures = NDArray[np.uint8]
"""Frames of a clip: uint8 (T, H, W) or (T, H, W, 3)."""
Windows = NDArray[np.float32]
"""Mel windows of frames, float32 (T, columns · bands)."""


@dataclass(frozen=True)
class Nearest:
    """For each of T frames the training frame whose speech is nearest."""

    clip: NDArray[np.int64]
    """Number of the training clip, (T,)."""
    frame: NDArray[np.int64]
    """Number of the frame in it, (T,)."""
    distance: NDArray[np.float64]
    """L2 distance of the mel windows, (T,)."""


def bank_of(speaker: str, speakers: Sequence[str]) -> tuple[int, ...]:
    """Choose the training clips, given their speakers, that may lend frames: the speaker's own, or all if he has none.

    >>> bank_of("F1", ["M1", "F1", "F1"]), bank_of("W", ["M1", "F1", "F1"])
    ((1, 2), (0, 1, 2))
    """
    own = tuple(number for number, other in enumerate(speakers) if other == speaker)
    return own or tuple(range(len(speakers)))


def mel_windows(mel: NDArray[np.float32], frames: int, rate: Fraction) -> Windows:
    """Cut the 16 mel columns (0.2 s) around the middle of each frame: (columns, bands) to (frames, 16 · bands).

    Raises BadInputError for a mel of under 16 columns.
    """
    if len(mel) < WINDOW:
        raise BadInputError(f"a mel of {len(mel)} columns is too short: {WINDOW} are needed")
    lead = centred_lead(rate)
    starts = np.array([window_start(index, len(mel), rate, lead) for index in range(frames)], np.int64)
    windows: Windows = mel[starts[:, None] + np.arange(WINDOW)].reshape(frames, -1)
    return windows


def nearest_frames(windows: Windows, bank: Iterable[Windows]) -> Nearest:
    """Find for each frame the training frame whose mel window is nearest in L2.

    Parameters
    ----------
    windows
        Of the clip to predict: float32 (T, F), T ≥ 1.
    bank
        Those of the training clips, one (n, F) each; gone through once, so a generator keeps memory flat.

    |a − b|² = |a|² + |b|² − 2 a·b, in double precision. Of equally near frames the first counts. Raises BadInputError
    when the bank is empty or its windows are of another length.

    >>> found = nearest_frames(np.float32([[1, 0]]), [np.float32([[9, 9]]), np.float32([[5, 5], [1, 1]])])
    >>> int(found.clip[0]), int(found.frame[0]), float(found.distance[0])
    (1, 1, 1.0)
    """
    asked = windows.astype(np.float64)
    norms = np.einsum("ij,ij->i", asked, asked)
    best = np.full(len(asked), np.inf)
    clip, frame = (np.zeros(len(asked), np.int64) for _ in range(2))
    for number, others in enumerate(bank):
        if others.shape[1:] != asked.shape[1:]:
            raise BadInputError(f"mel windows of {asked.shape[1:]} cannot be compared with those of {others.shape[1:]}")
        if not len(others):
            continue
        there = others.astype(np.float64)
        # |a|² is the same for all: it is added once the nearest is known.
        found = np.einsum("ij,ij->i", there, there) - 2 * (asked @ there.T)
        at = found.argmin(1)
        least = found[np.arange(len(asked)), at]
        nearer = least < best
        best[nearer], clip[nearer], frame[nearer] = least[nearer], number, at[nearer]
    if not np.isfinite(best).all():
        raise BadInputError("there is no training frame to compare with; give clips of the train split")
    return Nearest(clip, frame, np.sqrt(np.maximum(0, best + norms)))


def nearest_movie(nearest: Nearest, clips: Sequence[Pictures]) -> Pictures:
    """Put together the movie of the nearest frames, given the bank's clips: uint8 (T, H, W[, 3]).

    Only the frames that are shown are read. Raises BadInputError when clips differ in size.
    """
    shown = [clips[clip][frame] for clip, frame in zip(nearest.clip.tolist(), nearest.frame.tolist(), strict=True)]
    if len({picture.shape for picture in shown}) > 1:
        raise BadInputError("the nearest training frames are of different sizes; prepare all clips at one size")
    return np.stack(shown)
