"""Several folders of prepared clips made into one, so that a network learns from several corpora."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seido.clips.facts import Facts, arrays_path, facts_path, read_facts
from seido.clips.manifest import write_table
from seido.clips.splits import sentence_key
from seido.clips.spoken import LABELS
from seido.clips.store import MANIFEST, RECORDINGS, Clips, Entry, open_clips, write_manifest
from seido.errors import BadInputError
from seido.files import linked, make_folder, replacing


@dataclass(frozen=True)
class Joined:
    """A folder that holds the clips of several, and the clips that were left out of it."""

    clips: Clips
    left_out: tuple[str, ...]
    """Training and validation clips of one folder whose sentence another folder tests."""


def join_clips(folders: Sequence[Path], out: Path) -> Joined:
    """Put the clips of several prepared folders into one; each clip stays in its part.

    A sentence that one folder tests is not learnt from another: such clips are left out. Recordings are hard links
    where the disk allows. Raises BadInputError for fewer than two folders, clips of different sizes or frame rates,
    and recordings of the same name.
    """
    if len(folders) < 2:
        raise BadInputError("joining takes two folders of prepared clips at least")
    if (out / MANIFEST).exists():
        raise BadInputError(f"{out}: there are clips already; give another folder")
    given = [open_clips(folder) for folder in folders]
    _require_alike(given)
    known = {one.recording: _facts(clips, one) for clips in given for one in clips.entries}
    tested = [_sentences(clips, known) for clips in given]
    kept: list[Entry] = []
    left_out: list[str] = []
    for at, clips in enumerate(given):
        elsewhere = set().union(*(said for other, said in enumerate(tested) if other != at))
        for entry in clips.entries:
            leaks = entry.split != "test" and sentence_key(known[entry.recording].text) in elsewhere
            (left_out.append(entry.name) if leaks else kept.append(entry))
    make_folder(out / RECORDINGS)
    make_folder(out / LABELS)
    for clips in given:
        for recording in sorted({entry.recording for entry in clips.entries} & {entry.recording for entry in kept}):
            for path in (facts_path(clips.root, recording), arrays_path(clips.root, recording)):
                _link(path, out / RECORDINGS / path.name)
            labels = clips.root / LABELS / f"{recording}.TextGrid"
            if labels.exists():
                _link(labels, out / LABELS / labels.name)
    first = given[0].prepared
    prepared = replace(
        first,
        region=first.region if all(clips.prepared.region == first.region for clips in given) else None,
        frame_size=first.frame_size if all(clips.prepared.frame_size == first.frame_size for clips in given) else None,
        source=hashlib.sha256("\n".join(clips.digest for clips in given).encode()).hexdigest(),
    )
    write_manifest(out, prepared, kept)
    clips = open_clips(out)
    write_table(clips, known)
    return Joined(clips, tuple(sorted(left_out)))


def _require_alike(given: Sequence[Clips]) -> None:
    first = given[0]
    owner: dict[str, Path] = {}
    for clips in given:
        for what in ("width", "height", "rate"):
            ours, theirs = getattr(first.prepared, what), getattr(clips.prepared, what)
            if ours != theirs:
                raise BadInputError(
                    f"{clips.root}: {what} is {theirs}, but {ours} in {first.root}; "
                    "prepare both alike, with --size and --fps"
                )
        for recording in {entry.recording for entry in clips.entries}:
            if recording in owner:
                raise BadInputError(f"{clips.root}: recording {recording} is in {owner[recording]} too")
            owner[recording] = clips.root


def _facts(clips: Clips, entry: Entry) -> Facts:
    facts = read_facts(clips.root, entry.recording)
    if facts is None:
        path = facts_path(clips.root, entry.recording)
        raise BadInputError(f"{path}: the recording's facts are missing; run `seido prepare` again")
    return facts


def _sentences(clips: Clips, known: dict[str, Facts]) -> set[str]:
    said = (sentence_key(known[entry.recording].text) for entry in clips.entries if entry.split == "test")
    return {sentence for sentence in said if sentence}


def _link(source: Path, target: Path) -> None:
    with replacing(target) as temporary:
        temporary.unlink()
        linked(source.resolve(), temporary)
