"""Frame numbers as other programs write them: from 0 or from 1."""

from __future__ import annotations

from collections.abc import Iterable

from seido.errors import BadInputError


def first_number(numbers: Iterable[int], frames: int | None = None) -> int:
    """Tell whether frame numbers count from 0 or from 1.

    A 0 among them settles it, and so does the number of the last frame. Where neither is there, 1: MATLAB, DICOM
    and what people write begin with it. Raises BadInputError for numbers that fit neither count.

    >>> first_number([0, 4, 9]), first_number([4, 9], frames=10), first_number([4, 10], frames=10), first_number([4, 9])
    (0, 1, 1, 1)
    """
    found = set(numbers)
    if not found:
        return 1
    lowest, highest = min(found), max(found)
    if lowest < 0 or (frames is not None and highest - min(lowest, 1) >= frames):
        raise BadInputError(f"frame numbers {lowest} to {highest} do not fit a movie of {frames} frames; check them")
    return min(lowest, 1)
