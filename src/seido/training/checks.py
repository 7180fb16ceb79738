"""Checking what users choose, one sentence for each mistake."""

from __future__ import annotations

import math

from seido.errors import BadInputError


def require_one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Check that a choice is one there is; raises BadInputError."""
    if value not in choices:
        raise BadInputError(f"{name}: choose {' or '.join(choices)}, got {value!r}")


def require_whole(name: str, value: object, least: int) -> None:
    """Check that a value is a whole number from `least` on; raises BadInputError."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadInputError(f"{name}: give a whole number, at least {least}, got {value!r}")


def require_between(name: str, value: object, least: float, most: float, *, open_below: bool = False) -> None:
    """Check that a value is a number from `least` (above it, if open_below) to `most`; raises BadInputError."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not known or not least <= value <= most or (open_below and value == least):  # type: ignore[operator]
        span = f"{'above' if open_below else 'from'} {least:g}" + (f" to {most:g}" if most < math.inf else "")
        raise BadInputError(f"{name}: give a number {span}, got {value!r}")
