"""The task `measure`: where the articulators move in a movie, and how bright each one's region is over time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from seido.corpus.picture import to_grey
from seido.errors import BadInputError
from seido.scores.articulators import region_series, suggest_regions
from seido.studio.items import Pictures
from seido.studio.problems import ProblemError
from seido.studio.raw import mapped

SHOWN = ("lips", "tongue_tip", "tongue_body", "velum")
_BLOCK = 64


def measure(request: dict[str, Any], _: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Suggest regions for lips, tongue tip, tongue body and velum, and average the brightness in each.

    Returns names, regions X,Y,W,H, and a row of values 0 … 1 for each name. Raises ProblemError when nothing moves.
    """
    pictures = Pictures.read(request["pictures"], Path(request["frames"]))
    frames = mapped(Path(request["frames"]), pictures)
    if pictures.channels == len("rgb"):
        frames = np.concatenate([to_grey(frames[at : at + _BLOCK]) for at in range(0, len(frames), _BLOCK)])
    try:
        found = suggest_regions(frames)
    except BadInputError:
        raise ProblemError("nothing_moves", "nothing moves in this movie, so no articulator can be placed") from None
    series = region_series(frames, found)
    columns = {name: series[:, at] for at, name in enumerate(found.names) if name in SHOWN}
    return {
        "names": list(columns),
        "regions": [str(found.regions[name]) for name in columns],
        "values": [[round(value, 5) for value in column.tolist()] for column in columns.values()],
    }
