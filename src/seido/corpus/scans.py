"""A scanner's own export: DICOM series in folders, each with the sound that was recorded beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from seido.corpus.dicom import DicomPages, holds_series, identities
from seido.corpus.items import MOVIES, SOUNDS, Item, Names, PassedOver, listed, safe
from seido.corpus.sound import probe_sound
from seido.errors import BadInputError
from seido.timebase import exact_rate
from seido.values import Recording

_SOUND_FOLDERS = ("wav", "audio", "sound", "speech")


def is_scans(root: Path) -> bool:
    """Tell whether there are DICOM series in a folder tree, and no movies."""
    if any(Path(name).suffix.lower() in MOVIES for _, _, files in os.walk(root) for name in files):
        return False
    return next(_series(root), None) is not None


def read_scans(root: Path) -> Iterator[Item]:
    """Find its series; where headers tell no rate, frames are taken to last as long as the sound.

    No name is made of what identifies a person: folders named after one count as subject1, subject2 …
    """
    names = Names()
    speakers: dict[str, str] = {}
    folders = list(_series(root))
    for folder in folders:
        parts = folder.relative_to(root).parts or (folder.name,)
        said = identities(folder)
        hidden = [_nameless(part, said, speakers) for part in parts]
        speaker = hidden[0] if len(parts) > 1 else "speaker"
        recording = Recording(names.unique(safe("_".join(hidden))), folder, folder, safe(speaker))
        try:
            yield _completed(
                recording, _sound_of(folder, alone=sum(one.parent == folder.parent for one in folders) == 1)
            )
        except BadInputError as error:
            yield PassedOver(str(error).replace(str(folder), str(root.joinpath(*hidden))))


def _completed(recording: Recording, sound: Path | None) -> Item:
    series = DicomPages.of(recording.movie)
    if sound is None:
        return PassedOver(f"{recording.name}: there is no sound beside this series; passed over", recording)
    labels = next((path for path in listed(sound.parent, {".textgrid", ".trs"}) if path.stem == sound.stem), None)
    rate = None
    if series.rate is None:
        heard = probe_sound(sound)
        if not heard.samples:
            return PassedOver(f"{sound}: it does not tell its length, nor do the pictures their rate; export it as wav")
        rate = exact_rate(Fraction(len(series) * heard.rate, heard.samples))
    return replace(recording, speech=sound, rate=rate, labels=labels)


def _sound_of(folder: Path, *, alone: bool) -> Path | None:
    """Find the sound of a series: of its name beside it, the one inside it, or the one beside the only series."""
    beside = [folder.parent, *(folder.parent / name for name in _SOUND_FOLDERS)]
    sounds = [path for place in beside for path in listed(place, SOUNDS)]
    for path in sounds:
        if path.stem.lower() == folder.name.lower():
            return path
    inside = listed(folder, SOUNDS)
    if len(inside) == 1:
        return inside[0]
    return sounds[0] if alone and len(sounds) == 1 and not inside else None


def _series(root: Path) -> Iterator[Path]:
    for name, inside, _ in os.walk(root):
        inside[:] = sorted(part for part in inside if not part.startswith("."))
        if holds_series(Path(name)):
            yield Path(name)


def _nameless(part: str, said: set[str], known: dict[str, str]) -> str:
    """Replace a folder's name that repeats what a header says of the person."""
    letters = "".join(one if one.isalnum() else " " for one in part).lower()
    if not any(word in letters for word in said):
        return part
    return known.setdefault(letters, f"subject{len(known) + 1}")
