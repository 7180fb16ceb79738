"""The corpora that seido knows: which one a folder is, and the recordings in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from seido.corpus.artspeech import is_artspeech, read_artspeech
from seido.corpus.corrections import corrections_in
from seido.corpus.folder import read_folder
from seido.corpus.items import Item, PassedOver
from seido.corpus.rtmridb import is_rtmridb, read_rtmridb
from seido.corpus.scans import is_scans, read_scans
from seido.corpus.usc75 import is_usc75, read_usc75
from seido.corpus.usctimit import is_usctimit, read_usctimit
from seido.errors import BadInputError
from seido.values import Recording


@dataclass(frozen=True)
class Format:
    """One kind of corpus: how it is recognised, and how its recordings are found."""

    name: str
    what: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path], Iterator[Item]]


FORMATS: tuple[Format, ...] = (
    Format("rtmridb", "rtmridb_v1_mp4/*.mp4 beside rtMRIDB.sqlite3", is_rtmridb, read_rtmridb),
    Format("usc75", "subNNN/2drt/{audio,video,recon}", is_usc75, read_usc75),
    Format("artspeech", "P*/DCM_2D/S*/*.dcm and P*/OTHER/S*", is_artspeech, read_artspeech),
    Format("usctimit", "avi, wav, trans and tracks beside one another", is_usctimit, read_usctimit),
    Format("dicom", "folders of DICOM series, with wav", is_scans, read_scans),
    Format("folder", "movies with sound, or movies and wav of the same name", lambda _: True, read_folder),
)
"""In the order in which they are tried; `folder` takes what no other knows."""


def format_of(root: Path, name: str = "auto") -> Format:
    """Look up a format, or recognise it by what lies in the folder; raises BadInputError."""
    if not root.exists():
        raise BadInputError(f"{root}: there is no such folder; check the name")
    known = {one.name: one for one in FORMATS}
    if name in known:
        one = known[name]
        # Movies among DICOM series make auto choose `folder`; whoever names dicom wants the series.
        if name not in {"folder", "dicom"} and not (root.is_dir() and one.recognises(root)):
            raise BadInputError(
                f"{root}: this is not laid out as {name} ({one.what}); name its top folder, or use auto"
            )
        return one
    if name != "auto":
        raise BadInputError(f"there is no format {name!r}; choose auto, {', '.join(known)}")
    return next(one for one in FORMATS if one.name == "folder" or (root.is_dir() and one.recognises(root)))


def items_of(root: Path, format: str = "auto") -> Iterator[Item]:  # noqa: A002 - as the option is called
    """Iterate lazily over a corpus's recordings, and what is passed over; raises BadInputError."""
    found = format_of(root, format).read(root)
    corrected = corrections_in(root)
    return (corrected.apply(item) if isinstance(item, Recording) else item for item in found)


def recordings_of(root: Path, format: str = "auto") -> tuple[list[Recording], list[str]]:  # noqa: A002
    """Find a corpus's recordings, and say in a sentence each what was passed over; raises BadInputError."""
    items = list(items_of(root, format))
    return (
        [item for item in items if isinstance(item, Recording)],
        [item.sentence for item in items if isinstance(item, PassedOver)],
    )
