"""What is doubtful about the speech and the first frame: said, not refused."""

from __future__ import annotations

import numpy as np

from seido.movie.find_tract import find_tract
from seido.movie.place import mirrored
from seido.plan import Plan
from seido.values import Frame, Speech

FACES = "faces"
"""The plan's note of the side to which the heads look that a model was trained on."""
LEFT = "left"
_SILENT = 1e-5
"""Samples that stay under this are silence."""


def remarks(speech: Speech, picture: Frame, plan: Plan, *, flip: bool = False) -> tuple[str, ...]:
    """Say in a sentence each what of the input makes the movie doubtful; nothing where all is well.

    The picture is judged for models whose notes say that their heads look left: a user's own may look elsewhere.
    """
    found = []
    if np.abs(speech.samples).max() < _SILENT:
        found.append(f"{speech.name}: nothing but silence is in it; the movie shows a vocal tract at rest")
    if plan.notes.get(FACES) == LEFT:
        seen = find_tract(mirrored(picture) if flip else picture)
        if seen.looks_right:
            cure = "leave out --flip" if flip else "give --flip"
            found.append(f"the head seems to look right, and the model knows heads that look left; {cure}")
        elif not seen.head:
            found.append(
                "no head like those the model knows was found in the frame; what moves, and any score, means nothing"
            )
    return tuple(found)
