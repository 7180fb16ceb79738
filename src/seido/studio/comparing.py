"""The task `compare`: the headline scores of one movie against another, beside its still pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.clips.picture import resize
from seido.corpus.picture import to_grey
from seido.scores.compare import as_json, retimed
from seido.scores.compare import compare as compare_movies
from seido.studio.items import Pictures
from seido.studio.raw import mapped
from seido.values import Movie

_BLOCK = 64


def compare(request: dict[str, Any], tell: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Fit the movie `other` to the movie `first` in rate, size and length, and score it.

    Returns the scores of it and of the first movie's own first and mean frame, and how it was fitted. Raises
    SeidoError.
    """
    tell("scores", 0, 1)
    sizes = [Pictures.read(told["pictures"], Path(told["frames"])) for told in (request["first"], request["other"])]
    first, other = (
        _grey(mapped(Path(told["frames"]), size))
        for told, size in zip((request["first"], request["other"]), sizes, strict=True)
    )
    fitted = []
    if sizes[0].rate != sizes[1].rate:
        other = other[retimed(len(other), sizes[1].rate, sizes[0].rate)]
        fitted.append("rate")
    if first.shape[1:] != other.shape[1:]:
        other = resize(np.ascontiguousarray(other), first.shape[1], first.shape[2], antialias=True)
        fitted.append("size")
    if len(first) != len(other):
        fitted.append("length")
    frames = min(len(first), len(other))
    rate = sizes[0].rate
    table = compare_movies(Movie(first[:frames], rate), Movie(other[:frames], rate))
    return {"facts": {"scores": as_json(table), "fitted": fitted, "frames": frames}}


def _grey(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if frames.ndim == 3:
        return frames
    return np.concatenate([to_grey(frames[at : at + _BLOCK]) for at in range(0, len(frames), _BLOCK)])
