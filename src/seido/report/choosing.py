"""Which clips are scored, and whose speech a clip is given when it hears the wrong one."""

from __future__ import annotations

from collections.abc import Sequence

from seido.clips.store import Entry


def spaced(entries: Sequence[Entry], count: int | None) -> tuple[Entry, ...]:
    """Choose so many entries, evenly spaced; all where there are no more, or no number is given."""
    if count is None or count >= len(entries):
        return tuple(entries)
    return tuple(entries[(2 * i + 1) * len(entries) // (2 * count)] for i in range(count))


def other_speech(entry: Entry, chosen: Sequence[Entry]) -> str:
    """Name the clip whose speech is the wrong one: the next of another recording, of the same speaker if there is.

    "" where there is no other.
    """
    at = next(number for number, one in enumerate(chosen) if one.name == entry.name)
    others = [one for one in [*chosen[at + 1 :], *chosen[:at]] if one.recording != entry.recording]
    own = [one for one in others if one.speaker == entry.speaker]
    return next((one.name for one in [*own, *others]), "")
