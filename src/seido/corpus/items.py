"""What every reader of a corpus yields: recordings, and what was passed over and why."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from seido.errors import BadInputError
from seido.values import Recording

MOVIES = {".avi", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".flv", ".ogv"}
SOUNDS = {".wav", ".flac", ".ogg", ".mp3", ".m4a", ".aif", ".aiff", ".aac", ".opus"}
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class PassedOver:
    """Something in a corpus that cannot be a recording, in a sentence."""

    sentence: str
    silent: Recording | None = None
    """The recording it would be if it had speech; its `speech` is the movie."""


Item = Recording | PassedOver


@dataclass
class Names:
    """Names given so far, so that each is given once."""

    given: set[str] = field(default_factory=set)

    def unique(self, wanted: str) -> str:
        """Return the name, with a number behind it when another recording has it."""
        name, number = wanted, 2
        while name.lower() in self.given:
            name, number = f"{wanted}-{number}", number + 1
        self.given.add(name.lower())
        return name


def safe(text: str) -> str:
    """Make a name of it that every file system takes."""
    return _UNSAFE.sub("_", text)


def listed(folder: Path, suffixes: Iterable[str] = ()) -> list[Path]:
    """List the files of a folder with one of those suffixes, sorted; nothing where there is no such folder.

    Names that begin with a dot are left out: macOS puts ._name beside every file on other disks, and files being
    written are named so. Raises BadInputError for a folder that cannot be read.
    """
    wanted = set(suffixes)
    try:
        return sorted(
            path
            for path in folder.iterdir()
            if not path.name.startswith(".") and (not wanted or path.suffix.lower() in wanted) and path.is_file()
        )
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise BadInputError(
            f"{folder}: the folder cannot be read ({error.strerror}); change its permissions"
        ) from error


def subfolders(folder: Path) -> list[Path]:
    """List the folders in a folder, sorted, but for hidden ones; raises BadInputError."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise BadInputError(
            f"{folder}: the folder cannot be read ({error.strerror}); change its permissions"
        ) from error


def by_stem(folder: Path, suffixes: Iterable[str], ending: str = "") -> dict[str, Path]:
    """Look up the files of a folder by their stem in lower case, without `ending` where they have it."""
    return {path.stem.lower().removesuffix(ending): path for path in reversed(listed(folder, suffixes))}


def unheard(recording: Recording, why: str = "it has no sound, and there is no wav of the same name") -> PassedOver:
    """Pass over a movie without speech."""
    return PassedOver(f"{recording.movie}: {why}; passed over", recording)
