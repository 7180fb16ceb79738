"""Finding recordings in a folder tree: movies with sound, or movies beside sound of the same name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seido.corpus.container import opened, picture_stream
from seido.errors import BadInputError
from seido.values import Recording

_MOVIES = {".avi", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".flv", ".ogv"}
_SOUNDS = {".wav", ".flac", ".ogg", ".mp3", ".m4a", ".aif", ".aiff", ".aac", ".opus"}
_MEDIA = {"avi", "video", "videos", "mp4", "movie", "movies", "wav", "audio", "sound", "speech"}
"""Folders that part one recording's files by kind, as in the USC corpora; they name no speaker."""
_ENDINGS = re.compile(r"[_-](video|audio)$", re.IGNORECASE)
"""What the 75-speaker corpus puts at the end of its file names (Lim et al. 2021)."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass
class _Names:
    """Names given so far, so that each is given once."""

    given: set[str]

    def unique(self, wanted: str) -> str:
        """Return the name, with a number behind it when another recording has it."""
        name, number = wanted, 2
        while name.lower() in self.given:
            name, number = f"{wanted}-{number}", number + 1
        self.given.add(name.lower())
        return name


def recordings(root: Path | str) -> Iterator[Recording]:
    """Find the recordings under a folder, or that one movie, lazily and in sorted order.

    A movie goes with the sound of the same name in its folder or a sibling folder (`avi`, `video`, `mp4` beside `wav`,
    `audio`), else with its own sound track. The speaker is the first folder below `root`, else the file's name up to
    the first `_` or `-`. Raises BadInputError when there is none; what was passed over, find_recordings tells.
    """
    root = _checked(Path(root))
    problems: list[str] = []
    return _some(root, _scan(root, problems), problems)


def find_recordings(root: Path | str) -> tuple[list[Recording], list[str]]:
    """Find all recordings under a folder as `recordings` does, and say in a sentence what was passed over, and why."""
    problems: list[str] = []
    return list(_scan(_checked(Path(root)), problems)), problems


def _checked(root: Path) -> Path:
    if not root.exists():
        raise BadInputError(f"{root}: there is no such folder; check the name")
    if not root.is_dir() and root.suffix.lower() not in _MOVIES:
        raise BadInputError(f"{root}: this is neither a folder of recordings nor a movie; give one of them")
    return root


def _some(root: Path, found: Iterator[Recording], problems: list[str]) -> Iterator[Recording]:
    count = 0
    for recording in found:
        count += 1
        yield recording
    if not count:
        why = f" ({len(problems)} passed over, the first: {problems[0]})" if problems else ""
        raise BadInputError(
            f"{root}: no recordings found{why}; give movies with sound, or movies and wav of the same name"
        )


def _scan(root: Path, problems: list[str]) -> Iterator[Recording]:
    names = _Names(set())
    if not root.is_dir():
        siblings = _group(root.parent) if root.parent.name.lower() not in _MEDIA else _group(root.parent.parent)
        sounds = [path for path in siblings if path.suffix.lower() in _SOUNDS and _key(path) == _key(root)]
        yield from _pair([root], sounds, root.parent, names, problems)
        return
    for folder in _folders(root):
        by_key: dict[str, list[Path]] = {}
        for path in _group(folder):
            by_key.setdefault(_key(path), []).append(path)
        for paths in by_key.values():
            movies = [path for path in paths if path.suffix.lower() in _MOVIES]
            sounds = [path for path in paths if path.suffix.lower() in _SOUNDS]
            yield from _pair(movies, sounds, root, names, problems)


def _folders(root: Path) -> Iterator[Path]:
    """Walk the folders, sorted, but for those that belong to the group of the folder above."""
    for name, inside, _ in os.walk(root):
        inside[:] = sorted(part for part in inside if not part.startswith("."))
        folder = Path(name)
        if folder == root or folder.name.lower() not in _MEDIA:
            yield folder


def _group(folder: Path) -> list[Path]:
    """List the movies and sounds of one folder and of its media folders, sorted."""
    try:
        parts = sorted(folder.iterdir())
        places = [folder, *(part for part in parts if part.is_dir() and part.name.lower() in _MEDIA)]
        files = [path for place in places for path in place.iterdir()]
    except OSError as error:
        raise BadInputError(
            f"{folder}: the folder cannot be read ({error.strerror}); change its permissions"
        ) from error
    wanted = _MOVIES | _SOUNDS
    # Names that begin with a dot are no recordings: macOS puts ._name beside every file on other disks.
    files = [
        path for path in files if path.suffix.lower() in wanted and not path.name.startswith(".") and path.is_file()
    ]
    return sorted(files, key=lambda path: (_key(path), path))


def _key(path: Path) -> str:
    return _ENDINGS.sub("", path.stem)


def _pair(
    movies: list[Path], sounds: list[Path], root: Path, names: _Names, problems: list[str]
) -> Iterator[Recording]:
    """Make one recording of the files that share a name: two would leak between training and test."""
    if not movies:
        problems.extend(f"{sound}: there is no movie of the same name; passed over" for sound in sounds)
        return
    taken: Path | None = None
    for movie in movies:
        if taken is not None:
            problems.append(f"{movie}: the same recording as {taken.name}; passed over")
            continue
        speech = sounds[0] if sounds else movie
        trouble = None if sounds else _no_sound(movie)
        if trouble:
            problems.append(trouble)
            continue
        taken = movie
        yield _recording(movie, speech, root, names)
    problems.extend(f"{sound}: the same recording as {sounds[0].name}; passed over" for sound in sounds[1:])


def _no_sound(movie: Path) -> str | None:
    """Say what keeps a movie from being its own speech."""
    try:
        with opened(movie) as container:
            if picture_stream(container) is None:
                return f"{movie}: there are no pictures in it; passed over"
            if not container.streams.audio:
                return f"{movie}: it has no sound, and there is no wav of the same name; passed over"
    except BadInputError as error:
        return str(error)
    return None


def _recording(movie: Path, speech: Path, root: Path, names: _Names) -> Recording:
    parts = movie.relative_to(root).with_suffix("").parts
    own_folder = len(parts) > 1 and parts[0].lower() not in _MEDIA
    speaker = parts[0] if own_folder else re.split(r"[_-]", parts[-1], maxsplit=1)[0] or parts[-1]
    return Recording(name=names.unique(_safe("_".join(parts))), movie=movie, speech=speech, speaker=_safe(speaker))


def _safe(text: str) -> str:
    return _UNSAFE.sub("_", text)
