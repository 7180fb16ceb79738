"""Under which condition a clip tests a model: whether its speaker is known from training, and its language."""

from __future__ import annotations

from collections.abc import Iterable

from seido.clips.store import Clips, Entry

SEEN = "seen speaker"
UNSEEN = "unseen speaker"
UNSEEN_LANGUAGE = "unseen speaker, unseen language"
SEEN_UNSEEN_LANGUAGE = "seen speaker, unseen language"
CONDITIONS = (SEEN, UNSEEN, UNSEEN_LANGUAGE, SEEN_UNSEEN_LANGUAGE)
"""In the order in which tables show them; the first three are the talk's."""


def conditions(clips: Clips, chosen: Iterable[Entry]) -> dict[str, str]:
    """Tell the condition of each chosen clip, by its name: what the training clips of the same folder hold.

    A clip without a language counts as one of a language seen.
    """
    training = clips.split("train")
    speakers = {entry.speaker for entry in training}
    languages = {entry.language for entry in training} | {""}
    named = {(True, True): SEEN, (False, True): UNSEEN, (False, False): UNSEEN_LANGUAGE}
    return {
        entry.name: named.get((entry.speaker in speakers, entry.language in languages), SEEN_UNSEEN_LANGUAGE)
        for entry in chosen
    }
