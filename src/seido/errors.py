"""What can go wrong in a way the user can mend."""

from __future__ import annotations


class SeidoError(Exception):
    """One clear sentence that names the file and the cure; the command line prints it and exits with 2."""


class BadInputError(SeidoError):
    """A file, folder or value that seido was given cannot be used."""


class OutputError(SeidoError):
    """A result cannot be written where it was asked for."""


class MissingExtraError(SeidoError):
    """A part of seido that was left out of the installation is needed."""

    def __init__(self, what: str, extra: str, note: str = "") -> None:
        super().__init__(what, extra, note)

    def __str__(self) -> str:
        what, extra, note = self.args
        return f"{what} needs an extra that is not installed: pip install 'seido[{extra}]'{note and f' ({note})'}"


class NotFiniteError(SeidoError):
    """Numbers that should be finite are NaN or infinite."""
