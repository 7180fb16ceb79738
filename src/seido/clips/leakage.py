"""Checks that nothing heard or seen in one part of a corpus is in another, and says what was compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from seido.clips.facts import Facts
from seido.clips.splits import Splitter, sentence_key
from seido.clips.store import Clips, Entry
from seido.values import SPLITS

_SHOWN = 3
"""Examples named of each leak."""


@dataclass(frozen=True)
class Compared:
    """One comparison across the parts: how many of each were there, and which stood in more than one."""

    what: str
    counts: dict[str, int]
    shared: int
    examples: tuple[str, ...]
    meant: bool
    """Whether the split chosen shares these anyway."""

    @property
    def leaks(self) -> bool:
        """Whether the split is broken."""
        return bool(self.shared) and not self.meant

    def sentence(self) -> str:
        """Say what was compared and what came of it."""
        counts = ", ".join(f"{count} {part}" for part, count in self.counts.items())
        if not self.shared:
            return f"{self.what}: {counts}; none in two parts"
        meant = ", as this split has it" if self.meant else ""
        named = f" ({', '.join(self.examples)}{', …' if self.shared > len(self.examples) else ''})"
        return f"{self.what}: {counts}; {self.shared} in two parts{meant}{named if self.examples else ''}"


def check_leakage(clips: Clips, facts: Mapping[str, Facts], splitter: Splitter) -> list[Compared]:
    """Compare recordings, source files, sentences, speakers and every frame across train, validation and test.

    Sentences that held-out speakers say are compared apart: others may say them in training.
    """
    held = set(splitter.held_out)
    by_time, entries = splitter.by == "time", clips.entries

    def compare(what: str, name: Callable[[Entry], str], *, meant: bool, chosen: Sequence[Entry] = entries) -> Compared:
        return _compared(
            what, {part: {name(one) for one in chosen if one.split == part} for part in SPLITS}, meant=meant
        )

    def text(entry: Entry) -> str:
        return sentence_key(facts[entry.recording].text)

    told = [entry for entry in entries if text(entry)]
    others = [entry for entry in told if entry.speaker not in held]
    found = [
        compare("recordings", lambda entry: entry.recording, meant=by_time),
        compare("source files by hash", lambda entry: facts[entry.recording].sha256[:16], meant=by_time),
        compare("speakers", lambda entry: entry.speaker, meant=splitter.by != "speaker"),
    ]
    if others:
        found.append(compare("sentences", text, meant=splitter.by != "sentence", chosen=others))
    if held:
        found += _held_out(entries, told, held, text)
    if splitter.held_out_languages:
        kept = set(splitter.held_out_languages)
        parts = {part: {one.language for one in entries if one.split == part} & kept for part in SPLITS}
        found.append(_count("held-out languages", parts, sorted(parts["train"] | parts["validation"]), meant=False))
    return [*found, _frames(clips, meant=by_time)]


def _held_out(
    entries: Sequence[Entry], told: Sequence[Entry], held: set[str], text: Callable[[Entry], str]
) -> list[Compared]:
    parts = {part: {one.speaker for one in entries if one.split == part} & held for part in SPLITS}
    astray = sorted(parts["train"] | parts["validation"])
    found = [_count("held-out speakers", parts, astray, meant=False)]
    if told:
        said = {text(entry) for entry in told if entry.speaker in held}
        trained = {text(entry) for entry in told if entry.split == "train"}
        sentences = {"train": trained, "test": said}
        found.append(_count("sentences of held-out speakers", sentences, sorted(said & trained), meant=True))
    return found


def _compared(what: str, parts: dict[str, set[str]], *, meant: bool) -> Compared:
    shared = set().union(*(parts[one] & parts[other] for one, other in combinations(parts, 2)))
    return _count(what, parts, sorted(shared), meant=meant)


def _count(what: str, parts: dict[str, set[str]], shared: Sequence[str], *, meant: bool) -> Compared:
    counts = {part: len(names) for part, names in parts.items()}
    return Compared(what, counts, len(shared), tuple(shared[:_SHOWN]), meant)


def _frames(clips: Clips, *, meant: bool) -> Compared:
    """Compare every frame with every other by its digest; frames of one grey are left out."""
    seen: dict[str, NDArray[np.uint64]] = {}
    for part in SPLITS:
        digests = [np.array(clips.digests(entry)).view(np.uint64)[:, 0] for entry in clips.split(part)]
        unique = np.unique(np.concatenate([*digests, np.zeros(0, np.uint64)]))
        seen[part] = unique[unique != 0]
    shared = [np.intersect1d(seen[one], seen[other], assume_unique=True) for one, other in combinations(SPLITS, 2)]
    count = len(np.unique(np.concatenate(shared)))
    clip = _first_with(clips, shared) if count else ()
    return Compared("different frames", {part: len(found) for part, found in seen.items()}, count, clip, meant=meant)


def _first_with(clips: Clips, shared: Sequence[NDArray[np.uint64]]) -> tuple[str, ...]:
    wanted = np.unique(np.concatenate(list(shared)))
    names = (
        entry.name
        for entry in clips.entries
        if np.isin(np.array(clips.digests(entry)).view(np.uint64)[:, 0], wanted).any()
    )
    return tuple(name for name, _ in zip(names, range(_SHOWN), strict=False))
