"""ArtSpeech database 1 (Isaieva et al. 2021, Scientific Data 8:258): DICOM series, denoised sound and alignments."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from seido.corpus.dicom import series_files
from seido.corpus.items import SOUNDS, Item, PassedOver, listed, safe, subfolders, unheard
from seido.corpus.sound import probe_sound
from seido.errors import BadInputError
from seido.timebase import exact_rate
from seido.values import Recording

_SERIES = "DCM_2D"
_BESIDE = "OTHER"


def is_artspeech(root: Path) -> bool:
    """Tell whether a folder is laid out as this corpus, or is one speaker of it."""
    return bool(_speakers(root))


def read_artspeech(root: Path) -> Iterator[Item]:
    """Find its recordings; a series' frames last as long as its sound, and that tells their rate."""
    for speaker in _speakers(root):
        for series in subfolders(speaker / _SERIES):
            name = safe(f"{speaker.name}_{series.name}")
            recording = Recording(name, series, series, safe(speaker.name), "fr", session=series.name)
            try:
                yield _completed(recording, speaker / _BESIDE / series.name)
            except BadInputError as error:
                yield PassedOver(str(error))
        series_names = {part.name for part in subfolders(speaker / _SERIES)}
        for part in _folders(speaker / _BESIDE):
            if part.name not in series_names:
                yield PassedOver(f"{part}: there is no series of the same name; passed over")


def _completed(recording: Recording, beside: Path) -> Item:
    sounds = listed(beside, SOUNDS)
    # The sound before denoising may lie there too.
    sounds.sort(key=lambda path: "denoised" not in path.name.lower())
    if not sounds:
        return unheard(recording, f"there is no sound in {beside}")
    frames = len(series_files(recording.movie))
    if not frames:
        return PassedOver(f"{recording.movie}: there are no DICOM files in it; copy it again")
    sound = probe_sound(sounds[0])
    if not sound.samples:
        return PassedOver(f"{sounds[0]}: it does not tell its length; export it as wav")
    labels = {path.suffix.lower(): path for path in reversed(listed(beside, {".textgrid", ".trs"}))}
    return Recording(
        name=recording.name,
        movie=recording.movie,
        speech=sounds[0],
        speaker=recording.speaker,
        language=recording.language,
        session=recording.session,
        rate=exact_rate(Fraction(frames * sound.rate, sound.samples)),
        labels=labels.get(".textgrid") or labels.get(".trs"),
    )


def _speakers(root: Path) -> list[Path]:
    places = [root.resolve(), *subfolders(root)]
    return [place for place in places if (place / _SERIES).is_dir()]


def _folders(folder: Path) -> list[Path]:
    return subfolders(folder) if folder.is_dir() else []
