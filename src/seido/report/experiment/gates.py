"""What a generator has to pass before its scores mean anything, counted over clips and seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from seido.report.experiment.lines import Line, Lines, Part
from seido.report.experiment.scoring import WRONG_SPEECH
from seido.report.page.markup import number
from seido.scores.rows import FIRST_FRAME, GENERATED, MEAN_FRAME, MEASURES, Measure

MEASURE: dict[str, Measure] = {measure.name: measure for measure in MEASURES}
WRONG_MOTION = 0.1
"""Motion correlation under wrong speech from which on movement does not come from speech alone."""
AMPLITUDE = (0.9, 1.1)
AHEAD = ("ssim", "nmse", "skill_over_mean", "motion_correlation")
"""Headline measures in which an arm is ahead of another or not."""
LOWER = ("nmse", "tract_error_mm")
"""Measures of which less is better."""


@dataclass(frozen=True)
class Gate:
    """Whether an arm passes a gate under a condition; None where it cannot be told."""

    name: str
    passes: bool | None
    told: str


def gates(lines: Lines, arm: str, scale: int, condition: str, rate: Fraction) -> list[Gate]:
    """Tell how an arm does at every gate under one condition."""
    own = Part(arm, GENERATED, scale, condition)
    frame = float(1000 / rate)

    def above(name: str) -> Callable[[Line], bool | None]:
        sign = -1 if name in LOWER else 1

        def told(line: Line) -> bool | None:
            value, passed = line.scores.value(MEASURE[name]), []
            for predictor in (FIRST_FRAME, MEAN_FRAME):
                still = lines.still(line, predictor)
                floor = None if still is None else still.value(MEASURE[name])
                if value is not None and floor is not None:
                    passed.append(sign * (value - floor) > 0)
            return all(passed) if passed else None

        return told

    def soon(line: Line) -> bool | None:
        return None if line.scores.lag_ms is None else abs(line.scores.lag_ms) <= frame + 1e-9

    def large(line: Line) -> bool | None:
        value = line.scores.motion_amplitude
        return None if value is None else AMPLITUDE[0] <= value <= AMPLITUDE[1]

    found = [
        _every("SSIM above both still rows, every clip", lines.counted(own, above("ssim"))),
        _every("NMSE below both still rows, every clip", lines.counted(own, above("nmse"))),
    ]
    wrong = lines.estimate(Part(arm, WRONG_SPEECH, scale, condition), MEASURE["motion_correlation"]).mean
    found.append(Gate("wrong speech: motion correlation under .1", _under(wrong), number(wrong, 3)))
    lag = lines.estimate(own, MEASURE["lag_ms"]).mean
    within = None if lag is None else abs(lag) <= frame + 1e-9
    found.append(Gate("mean lag within one frame", within, f"{number(lag, 0)} ms; {_of(lines.counted(own, soon))}"))
    size = lines.estimate(own, MEASURE["motion_amplitude"]).mean
    fits = None if size is None else AMPLITUDE[0] <= size <= AMPLITUDE[1]
    found.append(Gate("mean amplitude .9 to 1.1", fits, f"{number(size, 3)}; {_of(lines.counted(own, large))}"))
    return found


def verdict(lines: Lines, arm: str, other: str, scale: int, condition: str, name: str) -> str:
    """Say whether an arm is ahead of another in a measure: ahead, behind, or unclear where 0 is in the interval."""
    ours, theirs = (Part(one, GENERATED, scale, condition) for one in (arm, other))
    found = lines.difference(ours, theirs, MEASURE[name])
    if found.low is None or found.high is None:
        return "–"
    if found.low <= 0 <= found.high:
        return "unclear"
    return "ahead" if (found.low > 0) != (name in LOWER) else "behind"


def _every(name: str, counts: tuple[int, int]) -> Gate:
    return Gate(name, counts[0] == counts[1] if counts[1] else None, _of(counts))


def _of(counts: tuple[int, int]) -> str:
    return f"{counts[0]} of {counts[1]}"


def _under(value: float | None) -> bool | None:
    return None if value is None else value < WRONG_MOTION
