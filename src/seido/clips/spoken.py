"""What is said in a recording and when, as far as labels tell."""

from __future__ import annotations

from dataclasses import dataclass

from seido.clips.store import Clips, Entry
from seido.corpus.labels import labels_of
from seido.corpus.textgrid import Interval, Point, PointTier, TextGrid, Tier, read_textgrid
from seido.errors import BadInputError
from seido.values import Recording

LABELS = "labels"
"""Folder of the recordings' labels, a TextGrid each; its times are those of the manifest."""


@dataclass(frozen=True)
class Spoken:
    """A recording's labels, None without any."""

    grid: TextGrid | None

    @property
    def text(self) -> str:
        """The words, one after the other; "" when they are not known."""
        return " ".join(word.text for word in self._intervals("words") or self._intervals("sentences"))

    @property
    def phones(self) -> list[tuple[float, float]]:
        """(start, end) in seconds of every phone."""
        return [(phone.start, phone.end) for phone in self._intervals("phones")]

    def _intervals(self, name: str) -> list[Interval]:
        tiers = self.grid.tiers if self.grid else ()
        return [
            one for tier in tiers if isinstance(tier, Tier) and tier.name == name for one in tier.intervals if one.text
        ]


def spoken(recording: Recording, late: float) -> Spoken:
    """Read a recording's labels, `late` seconds later, as its speech is put."""
    grid = labels_of(recording)
    return Spoken(part_of(grid, -late, grid.seconds) if grid and late else grid)


def labels_of_clip(clips: Clips, entry: Entry) -> TextGrid | None:
    """Cut the labels of one clip, beginning at 0 s; None when its recording has none. Raises BadInputError."""
    path = clips.root / LABELS / f"{entry.recording}.TextGrid"
    if not path.exists():
        return None
    start = float(entry.start)
    return part_of(read_textgrid(path), start, start + float(entry.frames / clips.prepared.rate))


def part_of(grid: TextGrid, start: float, end: float) -> TextGrid:
    """Cut the stretch from `start` to `end` seconds out of a TextGrid; what it cuts through is shortened.

    `start` may be below 0: the labels then begin later.
    """
    if end <= start:
        raise BadInputError(f"labels cannot be cut from {start} to {end} s")
    return TextGrid(end - start, tuple(_part(tier, start, end) for tier in grid.tiers))


def _part(tier: Tier | PointTier, start: float, end: float) -> Tier | PointTier:
    if isinstance(tier, PointTier):
        return PointTier(
            tier.name,
            tuple(Point(point.time - start, point.text) for point in tier.points if start <= point.time < end),
        )
    inside = [one for one in tier.intervals if one.start < end and one.end > start]
    cut = [Interval(max(0.0, one.start - start), min(one.end, end) - start, one.text) for one in inside]
    return Tier(tier.name, tuple(one for one in cut if one.end > one.start))
