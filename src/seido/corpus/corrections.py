"""What a user knows better than a corpus's own headers: `seido.toml` in its folder."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from fractions import Fraction
from pathlib import Path
from typing import Any

from seido.errors import BadInputError
from seido.timebase import exact_rate
from seido.values import Recording

NAME = "seido.toml"


@dataclass(frozen=True)
class Corrections:
    """Frame rates by recording: patterns as in file names (`M1_*`), the first that fits counts."""

    rates: tuple[tuple[str, Fraction], ...] = ()

    def apply(self, recording: Recording) -> Recording:
        """Return the recording with the rate that is stated for it."""
        for pattern, rate in self.rates:
            if fnmatchcase(recording.name, pattern):
                return replace(recording, rate=rate)
        return recording


def corrections_in(root: Path) -> Corrections:
    """Read `seido.toml` in a corpus's folder, its table [rate]; nothing is corrected where it is not there.

    Raises BadInputError when it cannot be read or states no rate.
    """
    path = (root if root.is_dir() else root.parent) / NAME
    if not path.is_file():
        return Corrections()
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path}: this cannot be read as TOML ({error}); mend it or take it away") from error
    stated = content.get("rate", {})
    if not isinstance(stated, dict):
        raise BadInputError(f'{path}: rates stand below [rate], one a line, like "M1_*" = "27.17"')
    try:
        return Corrections(tuple((pattern, exact_rate(rate)) for pattern, rate in stated.items()))
    except BadInputError as error:
        raise BadInputError(f"{path}: {error}") from error
