"""USC-TIMIT (Narayanan et al. 2014): silent AVI, wav, .trans and contours, in folders beside one another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from seido.corpus.folder import without_speech
from seido.corpus.items import SOUNDS, Item, Names, PassedOver, by_stem, listed, safe, subfolders, unheard
from seido.errors import BadInputError
from seido.values import Recording

_AVI = {".avi", ".mp4"}
_SPEAKER = re.compile(r"(?:^|_)([fm]\d{1,2})(?=_)", re.IGNORECASE)
_BESIDE = ("trans", "tracks", "track", "avi_withaudio")
"""What only this corpus has beside `avi`; `avi` and `wav` alone may be anybody's."""


def is_usctimit(root: Path) -> bool:
    """Tell whether a folder is laid out as this corpus, or holds movies beside contours (.mat) of the same name."""
    return bool(_speakers(root))


def read_usctimit(root: Path) -> Iterator[Item]:
    """Find its recordings: a movie, and the wav of the same name, else the movie that was given sound."""
    names = Names()
    for folder in _speakers(root):
        movies = by_stem(folder / "avi", _AVI) or by_stem(folder, _AVI)
        sounds = by_stem(folder / "wav", SOUNDS) | by_stem(folder, SOUNDS)
        labels = by_stem(folder / "trans", {".trans"}) | by_stem(folder, {".trans"})
        with_sound = by_stem(folder / "avi_withaudio", _AVI, "_withaudio")
        for stem, movie in sorted(movies.items()):
            try:
                yield _recording(movie, sounds.pop(stem, None) or with_sound.get(stem), labels.get(stem), folder, names)
            except BadInputError as error:
                yield PassedOver(str(error))
        for sound in sounds.values():
            yield PassedOver(f"{sound}: there is no movie of the same name; passed over")


def _recording(movie: Path, speech: Path | None, labels: Path | None, folder: Path, names: Names) -> Item:
    spoken = _SPEAKER.search(movie.stem)
    own = (folder / "avi").is_dir()
    speaker = folder.name if own else spoken[1].upper() if spoken else re.split(r"[_-]", movie.stem)[0] or movie.stem
    name = movie.stem if movie.stem.lower().count(speaker.lower()) else f"{speaker}_{movie.stem}"
    recording = Recording(names.unique(safe(name)), movie, speech or movie, safe(speaker), language="en", labels=labels)
    if speech is None:
        return without_speech(recording) or recording
    if speech.suffix.lower() not in SOUNDS and without_speech(Recording("sound", speech, speech, "any")):
        return unheard(recording)
    return recording


def _speakers(root: Path) -> list[Path]:
    """List the folders that hold `avi` beside `trans` or `tracks`, or movies beside contours."""
    near = [root, *subfolders(root)]
    deeper = [inner for place in near[1:] if place.name.lower() == "data" for inner in subfolders(place)]
    found = [place for place in (*near, *deeper) if _is_speaker(place)]
    return found or [place for place in near if _contoured(place)]


def _is_speaker(folder: Path) -> bool:
    if not (folder / "avi").is_dir():
        return False
    return any((folder / name).is_dir() for name in _BESIDE) or any(
        "usctimit" in stem for stem in by_stem(folder / "avi", _AVI)
    )


def _contoured(folder: Path) -> bool:
    movies = by_stem(folder, {".avi"}).keys()
    return bool(movies) and any(path.stem.lower().removesuffix("_track") in movies for path in listed(folder, {".mat"}))
