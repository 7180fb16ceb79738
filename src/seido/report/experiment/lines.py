"""The scores of an experiment, a line a clip, and what they come to: means, differences and counts."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property

from seido.clips.store import Entry
from seido.report.experiment.plan import Run
from seido.report.experiment.scoring import ClipScores
from seido.scores.bootstrap import Estimate
from seido.scores.rows import Measure, Scores
from seido.scores.seeds import difference_over_seeds, estimate_over_seeds


@dataclass(frozen=True)
class Line:
    """The scores of one clip under one predictor of one run; `arm` is "" for rows that need no training."""

    arm: str
    seed: int
    without: str
    """The speaker left out of training; "" where nobody was."""
    clip: str
    speaker: str
    language: str
    condition: str
    scale: int
    predictor: str
    scores: Scores


@dataclass(frozen=True)
class Part:
    """Which lines are meant: those of a predictor of an arm, at a scale, under a condition ("" for all)."""

    arm: str
    predictor: str
    scale: int
    condition: str = ""
    left_out: bool = False
    """The lines of runs that left a speaker out, instead of the others."""
    speaker: str = ""
    """Only this speaker's clips; "" for all."""


def lines_of(run: Run | None, without: str, entry: Entry, condition: str, found: ClipScores) -> list[Line]:
    """Make the lines of one scored clip; without a run, of the rows that need no training."""
    arm, seed = ("", 0) if run is None else (run.arm.name, run.seed)
    return [
        Line(arm, seed, without, entry.name, entry.speaker, entry.language, condition, scale, predictor, scores)
        for predictor, scale, scores in found.rows
    ]


class Lines:
    """All lines of an experiment, looked up by what they are of."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.all = tuple(lines)

    @cached_property
    def _found(self) -> dict[tuple[str, str, int, bool], list[Line]]:
        found: dict[tuple[str, str, int, bool], list[Line]] = {}
        for line in self.all:
            found.setdefault((line.arm, line.predictor, line.scale, bool(line.without)), []).append(line)
        return found

    def of(self, part: Part) -> list[Line]:
        """List the lines of a part."""
        return [
            line
            for line in self._found.get((part.arm, part.predictor, part.scale, part.left_out), [])
            if part.condition in {"", line.condition} and part.speaker in {"", line.speaker}
        ]

    def estimate(self, part: Part, measure: Measure) -> Estimate:
        """Average a measure over seeds and clips, with its interval over both, and over speakers from three on."""
        clips, speakers = _clips(self.of(part))
        if not clips:
            return Estimate(None, None, None, 0)
        return estimate_over_seeds(_values(self.of(part), clips, measure), 0, speakers)

    def difference(self, first: Part, second: Part, measure: Measure) -> Estimate:
        """Estimate the mean of first − second over the clips that both have."""
        ones, others = self.of(first), self.of(second)
        both = {line.clip for line in ones} & {line.clip for line in others}
        clips, speakers = _clips([line for line in ones if line.clip in both])
        if not clips:
            return Estimate(None, None, None, 0)
        return difference_over_seeds(_values(ones, clips, measure), _values(others, clips, measure), 0, speakers)

    def seeds(self, part: Part) -> int:
        """Count the seeds of a part."""
        return len({line.seed for line in self.of(part)})

    def clips(self, part: Part) -> int:
        """Count the clips of a part."""
        return len({line.clip for line in self.of(part)})

    def counted(self, part: Part, passes: Callable[[Line], bool | None]) -> tuple[int, int]:
        """Count the lines of a part that pass, and those of which it can be told."""
        told = [found for line in self.of(part) if (found := passes(line)) is not None]
        return sum(told), len(told)

    def still(self, line: Line, predictor: str) -> Scores | None:
        """Find the scores of a row that needs no training for the clip of a line, at its scale."""
        return self._still.get((line.clip, line.scale, predictor))

    @cached_property
    def _still(self) -> dict[tuple[str, int, str], Scores]:
        return {(line.clip, line.scale, line.predictor): line.scores for line in self.all if not line.arm}


def to_csv(lines: Sequence[Line]) -> str:
    """Write a line a clip, predictor and scale, RFC 4180 with line feeds; what is undefined is empty."""
    heads = [field.name for field in fields(Line) if field.name != "scores"]
    measures = [field.name for field in fields(Scores)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*heads, *measures])
    for line in lines:
        values = [getattr(line.scores, name) for name in measures]
        writer.writerow([*(getattr(line, name) for name in heads), *("" if one is None else one for one in values)])
    return text.getvalue()


def _clips(lines: Sequence[Line]) -> tuple[list[str], list[str]]:
    """List the clips of lines, in order and once, and their speakers."""
    found = {line.clip: line.speaker for line in lines}
    return list(found), list(found.values())


def _values(lines: Sequence[Line], clips: Sequence[str], measure: Measure) -> list[list[float | None]]:
    by_seed: dict[int, dict[str, float | None]] = {}
    for line in lines:
        by_seed.setdefault(line.seed, {})[line.clip] = line.scores.value(measure)
    return [[values.get(clip) for clip in clips] for values in by_seed.values()]
