"""The USC 75-speaker corpus (Lim et al. 2021, Scientific Data 8:187): a folder a subject, with audio, video, recon."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

from seido.corpus.folder import without_speech
from seido.corpus.hdf5 import SUFFIXES, Hdf5Pages
from seido.corpus.items import MOVIES, SOUNDS, Item, Names, PassedOver, by_stem, safe, subfolders
from seido.errors import BadInputError, SeidoError
from seido.values import Recording

RATE = Fraction(1_000_000, 12_008)
"""Frames per second, 83.28: two spiral arms of 6.004 ms a frame, as the corpus's own movies are written."""
_SUBJECT = re.compile(r"sub\d+", re.IGNORECASE)
_LANGUAGE = re.compile(r"_2drt_\d+_(ja|zh|en)_r\d+$")
"""A phantom's names tell the language, `sub001_2drt_01_ja_r1`."""


def is_usc75(root: Path) -> bool:
    """Tell whether a folder is laid out as this corpus, or is one subject of it."""
    return bool(_subjects(root))


def read_usc75(root: Path) -> Iterator[Item]:
    """Find its recordings; the reconstruction is taken rather than the movie, where it can be read."""
    names = Names()
    told = False
    for subject in _subjects(root):
        recons, movies, sounds = (
            by_stem(subject / "2drt" / kind, suffixes, f"_{kind}")
            for kind, suffixes in (("recon", SUFFIXES), ("video", MOVIES), ("audio", SOUNDS))
        )
        if recons and find_spec("h5py") is None and not told:
            told = True
            yield PassedOver(
                f"{subject}: its reconstructions in HDF5 need an extra (pip install 'seido[corpora]'); "
                f"the movies are taken instead"
            )
        for stem in sorted(recons.keys() | movies.keys()):
            movie, rate, trouble = _pictures(recons.get(stem), movies.get(stem))
            if trouble:
                yield trouble
            if movie is None:
                continue
            sound = sounds.pop(stem, None)
            named = _LANGUAGE.search(stem)
            recording = Recording(
                name=names.unique(safe(stem)),
                movie=movie,
                speech=sound or movies.get(stem) or movie,
                speaker=subject.name,
                language=named[1] if named else "en",
                rate=rate,
            )
            yield _heard(recording)
        for sound in sounds.values():
            if sound.stem.lower().removesuffix("_audio") not in recons.keys() | movies.keys():
                yield PassedOver(f"{sound}: there is no movie of the same name; passed over")


def _subjects(root: Path) -> list[Path]:
    places = [root.resolve(), *subfolders(root)] if _SUBJECT.fullmatch(root.resolve().name) else subfolders(root)
    return [place for place in places if _SUBJECT.fullmatch(place.name) and (place / "2drt").is_dir()]


def _pictures(recon: Path | None, movie: Path | None) -> tuple[Path | None, Fraction | None, PassedOver | None]:
    """Choose between the reconstruction and the movie: the path, its rate where it tells none, and what is wrong."""
    if recon is None or (movie is not None and find_spec("h5py") is None):
        return movie, None, None
    try:
        pages = Hdf5Pages.of(recon)
    except SeidoError as error:
        instead = "; its movie is taken instead" if movie else ""
        return movie, None, PassedOver(f"{error}{instead}")
    return recon, None if pages.rate else RATE, None


def _heard(recording: Recording) -> Item:
    """Pass a recording over whose speech is a movie without any."""
    if recording.speech.suffix.lower() in SOUNDS:
        return recording
    try:
        trouble = without_speech(replace(recording, movie=recording.speech))
    except BadInputError as error:
        return PassedOver(str(error))
    return recording if trouble is None else replace(trouble, silent=recording if trouble.silent else None)
