"""Finding recordings in a folder tree: movies with sound, or movies beside sound of the same name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from seido.corpus.container import opened, picture_stream
from seido.corpus.items import MOVIES, SOUNDS, Item, Names, PassedOver, listed, safe, subfolders, unheard
from seido.corpus.stack import is_stack
from seido.errors import BadInputError
from seido.values import Recording

_STACKS = {".npz", ".h5", ".hdf5"}
"""Stacks that carry a rate; pages of a `.tif` or `.npy` are as likely to be something else."""
_LABELS = {".textgrid", ".trans", ".trs"}
_MEDIA = {
    *("avi", "video", "videos", "mp4", "movie", "movies", "recon", "wav", "audio", "sound", "speech"),
    *("trans", "textgrid", "textgrids", "labels"),
}
"""Folders that part one recording's files by kind, as in the USC corpora; they name no speaker."""
_ENDINGS = re.compile(r"[_-](video|audio|recon|withaudio)$", re.IGNORECASE)
"""What the USC corpora put at the end of their file names (Lim et al. 2021, Narayanan et al. 2014)."""


def recordings(root: Path | str) -> Iterator[Recording]:
    """Find the recordings under a folder, or that one movie, lazily and in sorted order.

    A movie goes with the sound of the same name in its folder or a sibling folder (`avi`, `video`, `mp4` beside `wav`,
    `audio`), else with its own sound track. The speaker is the first folder below `root`, else the file's name up to
    the first `_` or `-`. Raises BadInputError when there is none; what was passed over, find_recordings tells.
    """
    root = Path(root)
    return _some(root, read_folder(root))


def find_recordings(root: Path | str) -> tuple[list[Recording], list[str]]:
    """Find all recordings under a folder as `recordings` does, and say in a sentence what was passed over, and why."""
    items = list(read_folder(Path(root)))
    return (
        [item for item in items if isinstance(item, Recording)],
        [item.sentence for item in items if isinstance(item, PassedOver)],
    )


def read_folder(root: Path) -> Iterator[Item]:
    """Find recordings as `recordings` does, and yield what is passed over among them; raises BadInputError."""
    if not root.exists():
        raise BadInputError(f"{root}: there is no such folder; check the name")
    if not root.is_dir() and root.suffix.lower() not in MOVIES | _STACKS:
        raise BadInputError(f"{root}: this is neither a folder of recordings nor a movie; give one of them")
    return _scan(root)


def _some(root: Path, items: Iterator[Item]) -> Iterator[Recording]:
    count, passed = 0, []
    for item in items:
        if isinstance(item, Recording):
            count += 1
            yield item
        else:
            passed.append(item.sentence)
    if not count:
        why = f" ({len(passed)} passed over, the first: {passed[0]})" if passed else ""
        raise BadInputError(
            f"{root}: no recordings found{why}; give movies with sound, or movies and wav of the same name"
        )


def _scan(root: Path) -> Iterator[Item]:
    names = Names()
    if not root.is_dir():
        siblings = _group(root.parent) if root.parent.name.lower() not in _MEDIA else _group(root.parent.parent)
        beside = [path for path in siblings if _key(path) == _key(root) and path.suffix.lower() in SOUNDS | _LABELS]
        yield from _pair([root, *beside], root.parent, names)
        return
    for folder in _folders(root):
        by_key: dict[str, list[Path]] = {}
        for path in _group(folder):
            by_key.setdefault(_key(path), []).append(path)
        for paths in by_key.values():
            yield from _pair(paths, root, names)


def _folders(root: Path) -> Iterator[Path]:
    """Walk the folders, sorted, but for those that belong to the group of the folder above."""
    phantom = (root / "corpus.json").is_file()
    for name, inside, _ in os.walk(root):
        folder = Path(name)
        # The truth beside a phantom is no recording: learning from it would be cheating.
        hidden = {"truth"} if phantom and folder == root else set()
        inside[:] = sorted(part for part in inside if not part.startswith(".") and part not in hidden)
        if folder == root or folder.name.lower() not in _MEDIA:
            yield folder


def _group(folder: Path) -> list[Path]:
    """List the movies, sounds and labels of one folder and of its media folders, sorted."""
    places = [folder, *(part for part in subfolders(folder) if part.name.lower() in _MEDIA)]
    files = [path for place in places for path in listed(place, MOVIES | _STACKS | SOUNDS | _LABELS)]
    return sorted(files, key=lambda path: (_key(path), path))


def _key(path: Path) -> str:
    return _ENDINGS.sub("", path.stem)


def _pair(paths: list[Path], root: Path, names: Names) -> Iterator[Item]:
    """Make one recording of the files that share a name: two would leak between training and test."""
    movies = [path for path in paths if path.suffix.lower() in MOVIES]
    movies += [path for path in paths if path.suffix.lower() in _STACKS]
    sounds = [path for path in paths if path.suffix.lower() in SOUNDS]
    labels = next((path for path in paths if path.suffix.lower() in _LABELS), None)
    if not movies:
        yield from (PassedOver(f"{sound}: there is no movie of the same name; passed over") for sound in sounds)
        return
    taken: Path | None = None
    for movie in movies:
        if taken is not None:
            yield PassedOver(f"{movie}: the same recording as {taken.name}; passed over")
            continue
        recording = _recording(movie, sounds[0] if sounds else movie, root, labels)
        trouble = None if sounds else without_speech(recording)
        if trouble is None:
            taken = movie
            yield _renamed(recording, names)
        else:
            yield trouble
    yield from (PassedOver(f"{sound}: the same recording as {sounds[0].name}; passed over") for sound in sounds[1:])


def without_speech(recording: Recording) -> PassedOver | None:
    """Say what keeps a movie from being its own speech; None when nothing does."""
    movie = recording.movie
    if is_stack(movie):
        return unheard(recording)
    try:
        with opened(movie) as container:
            if picture_stream(container) is None:
                return PassedOver(f"{movie}: there are no pictures in it; passed over")
            if not container.streams.audio:
                return unheard(recording)
    except BadInputError as error:
        return PassedOver(str(error))
    return None


def _recording(movie: Path, speech: Path, root: Path, labels: Path | None) -> Recording:
    parts = movie.relative_to(root).with_suffix("").parts
    own_folder = len(parts) > 1 and parts[0].lower() not in _MEDIA
    speaker = parts[0] if own_folder else re.split(r"[_-]", parts[-1], maxsplit=1)[0] or parts[-1]
    return Recording(safe("_".join(parts)), movie, speech, speaker=safe(speaker), labels=labels)


def _renamed(recording: Recording, names: Names) -> Recording:
    return replace(recording, name=names.unique(recording.name))
