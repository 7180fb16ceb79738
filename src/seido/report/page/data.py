"""What the report's page shows: figures, curves and clips, checked when made; None stands for what is undefined."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.report.kymograph import Line, kymograph
from seido.timebase import exact_rate
from seido.values import Samples

Better = Literal["higher", "lower", "one", "zero"]
"""Where the best value of a measure lies: as high or as low as can be, at 1, or at 0."""
Kind = Literal["model", "floor", "ceiling"]
"""model: a trained predictor. floor: a row that needs no training. ceiling: what noise alone would leave."""
Rank = Literal["worst", "median", "best"]


@dataclass(frozen=True)
class Measure:
    """A column of the tables."""

    name: str
    title: str
    better: Better
    digits: int = 3
    unit: str = ""

    def __post_init__(self) -> None:
        _one_of(self.better, ("higher", "lower", "one", "zero"), f"measure {self.name}: better")
        if not 0 <= self.digits <= 9:
            raise BadInputError(f"measure {self.name}: digits should be 0 … 9, got {self.digits}")


@dataclass(frozen=True)
class Predictor:
    """A row of the tables: a model, or one of the rows every table carries."""

    name: str
    kind: Kind = "model"
    note: str = ""

    def __post_init__(self) -> None:
        _one_of(self.kind, ("model", "floor", "ceiling"), f"predictor {self.name}: kind")


@dataclass(frozen=True)
class Value:
    """A mean, its 95 % interval and the clips behind it; None is undefined, or, of the interval, not known."""

    mean: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None

    def __post_init__(self) -> None:
        _finite(f"{self}", self.mean, self.low, self.high)
        if (self.low is None) != (self.high is None):
            raise BadInputError(f"{self}: an interval needs both ends or neither")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise BadInputError(f"{self}: an interval's low end lies above its high end")


@dataclass(frozen=True)
class Condition:
    """What a part of the clips has in common: seen speaker, or another."""

    name: str
    text: str = ""
    clips: int = 0
    speakers: int = 0


@dataclass(frozen=True)
class TableRow:
    """One row of the headline table: a value for each measure's name."""

    condition: str
    predictor: str
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Published:
    """A published table shown beside: column heads, rows of a label and its cells, and why it is not the same."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    note: str = ""

    def __post_init__(self) -> None:
        if any(len(cells) != len(self.columns) for _, cells in self.rows):
            raise BadInputError(f"the table {self.title!r}: every row needs {len(self.columns)} cells")


TALK = Published(
    title="The talk’s own figures",
    columns=("SSIM ↑", "NMSE ↓"),
    rows=(
        ("1 · speakers seen in training", ("0.9074", "0.0146")),
        ("2 · speaker W, Japanese", ("0.8256", "0.0187")),
        ("3 · speaker W, Chinese", ("0.8154", "0.0165")),
    ),
    note=(
        "Lu, Kitamura and Maekawa, “Generation of rtMRI movies by fine tuning of Wav2lip model”: five clips a "
        "condition, a box of 400 × 420 pixels of 1920 × 1080, other speakers and other pictures. Read them for the "
        "order of the conditions; digit by digit they cannot be compared with the table above."
    ),
)
"""SSIM and NMSE as the talk gives them, without intervals."""


@dataclass(frozen=True)
class Grouped:
    """A measure by speaker, phone, region …: for each label a value for each predictor's name."""

    title: str
    """What the labels are, as "Speaker", "Phone" or "Region": figures of one title stand together."""
    measure: str
    rows: tuple[tuple[str, Mapping[str, Value]], ...]
    condition: str = ""
    note: str = ""


@dataclass(frozen=True)
class LagCurve:
    """The motion correlation of one predictor at each lag in ms; a lag above 0 means the generated movie is late."""

    predictor: str
    lags_ms: tuple[float, ...]
    correlations: tuple[float | None, ...]

    def __post_init__(self) -> None:
        if len(self.lags_ms) != len(self.correlations):
            raise BadInputError(
                f"the lag curve of {self.predictor} has {len(self.lags_ms)} lags and "
                f"{len(self.correlations)} correlations; give one for each"
            )
        _finite(f"the lag curve of {self.predictor}", *self.lags_ms, *self.correlations)

    @property
    def best(self) -> tuple[float, float] | None:
        """The lag in ms of the highest correlation, and that; None where nothing is defined.

        >>> LagCurve("m", (-40, 0, 40), (0.1, 0.5, None)).best
        (0, 0.5)
        """
        pairs = [(lag, value) for lag, value in zip(self.lags_ms, self.correlations, strict=True) if value is not None]
        return max(pairs, key=lambda pair: (pair[1], -abs(pair[0])), default=None)


@dataclass(frozen=True)
class LagCurves:
    """The lag curves of one condition."""

    condition: str
    curves: tuple[LagCurve, ...]


@dataclass(frozen=True)
class Tier:
    """Phones or words of a clip: (start, end, label) in seconds from the clip's beginning, in order."""

    name: str
    intervals: tuple[tuple[float, float, str], ...]

    def __post_init__(self) -> None:
        before = 0.0
        for start, end, label in self.intervals:
            _finite(f"tier {self.name}", start, end)
            if start < before - 1e-6 or end < start:
                raise BadInputError(f"tier {self.name}: the interval {label!r} at {start} s is out of order")
            before = end


@dataclass(frozen=True, eq=False)
class ShownClip:
    """A clip that the page plays: both movies, the speech and what is known about it."""

    name: str
    speaker: str
    language: str
    text: str
    condition: str
    predictor: str
    """Whose movie `generated` is."""
    rank: Rank
    ranked_by: str
    """The measure's name by which it is the worst, the median or the best."""
    true: NDArray[np.uint8]
    """Grey, uint8 (T, H, W)."""
    generated: NDArray[np.uint8]
    rate: Fraction
    speech: Samples
    """float32 (samples,), 16 kHz, −1 … 1."""
    scores: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """For each predictor's name, a figure for each measure's name."""
    tiers: tuple[Tier, ...] = ()
    lines: tuple[tuple[str, Line], ...] = ()
    """The lines of the kymographs, as ("tongue", Line(…)), in the movie's pixels."""

    def __post_init__(self) -> None:
        _one_of(self.rank, ("worst", "median", "best"), f"clip {self.name}: rank")
        for what, movie in (("true", self.true), ("generated", self.generated)):
            if movie.dtype != np.uint8 or movie.ndim != 3 or not movie.size:
                raise BadInputError(
                    f"clip {self.name}: the {what} movie should be uint8 (T, H, W), got {movie.dtype} {movie.shape}"
                )
        if self.true.shape != self.generated.shape:
            raise BadInputError(
                f"clip {self.name}: the movies have shapes {self.true.shape} and {self.generated.shape} (T, H, W); "
                "give movies of one length and size"
            )
        if self.speech.ndim != 1 or self.speech.dtype != np.float32 or not len(self.speech):
            raise BadInputError(
                f"clip {self.name}: the speech should be float32 (samples,), got {self.speech.dtype} "
                f"{self.speech.shape}"
            )
        for name, line in self.lines:
            try:
                kymograph(self.true[:1], line)
            except BadInputError as error:
                raise BadInputError(f"clip {self.name}: the line {name!r}: {error}") from error
        for predictor, row in self.scores.items():
            _finite(f"clip {self.name}: the scores of {predictor}", *row.values())
        object.__setattr__(self, "rate", exact_rate(self.rate))

    @property
    def seconds(self) -> float:
        """How long the movie is."""
        return float(len(self.true) / self.rate)


Facts = tuple[tuple[str, str], ...]
"""Names and values, in the order shown."""


@dataclass(frozen=True)
class PageData:
    """All that the report's page shows, in the order in which it is read."""

    title: str
    remarks: tuple[str, ...]
    """What a reader must know before any figure, such as "These are phantom figures"."""
    models: tuple[tuple[str, Facts], ...]
    """Each model's name and what its plan says."""
    corpus: Facts
    measures: tuple[Measure, ...]
    predictors: tuple[Predictor, ...]
    conditions: tuple[Condition, ...]
    table: tuple[TableRow, ...]
    published: tuple[Published, ...] = (TALK,)
    groups: tuple[Grouped, ...] = ()
    lags: tuple[LagCurves, ...] = ()
    clips: tuple[ShownClip, ...] = ()
    notes: tuple[str, ...] = ()
    """How figures were made, and what was not verified; the last section."""

    def __post_init__(self) -> None:
        if not self.title or not self.measures or not self.predictors or not self.table:
            raise BadInputError("a report needs a title, measures, predictors and a table with rows")
        measures = _names("measure", [measure.name for measure in self.measures])
        predictors = _names("predictor", [predictor.name for predictor in self.predictors])
        conditions = _names("condition", [condition.name for condition in self.conditions])
        for row in self.table:
            _known(row.condition, conditions, "a row of the table", "condition")
            _known(row.predictor, predictors, "a row of the table", "predictor")
            for name in row.values:
                _known(name, measures, f"the table's row {row.predictor!r}", "measure")
        for group in self.groups:
            _known(group.measure, measures, f"the figures by {group.title}", "measure")
            for label, values in group.rows:
                for name in values:
                    _known(name, predictors, f"the figures by {group.title} at {label!r}", "predictor")
        for curves in self.lags:
            for curve in curves.curves:
                _known(curve.predictor, predictors, f"the lag curves of {curves.condition!r}", "predictor")
        for clip in self.clips:
            _known(clip.predictor, predictors, f"clip {clip.name}", "predictor")
            _known(clip.ranked_by, measures, f"clip {clip.name}", "measure")
            for name in clip.scores:
                _known(name, predictors, f"clip {clip.name}: its scores", "predictor")

    def measure(self, name: str) -> Measure:
        """Find a measure by its name."""
        return next(measure for measure in self.measures if measure.name == name)


def _names(what: str, names: list[str]) -> set[str]:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise BadInputError(f"the report has {what} {min(twice)!r} twice; give each a name of its own")
    return set(names)


def _known(name: str, names: set[str], where: str, what: str) -> None:
    if name not in names:
        raise BadInputError(f"{where} names the {what} {name!r}, which the report does not list; add it")


def _one_of(value: Any, allowed: tuple[str, ...], what: str) -> None:  # noqa: ANN401
    if value not in allowed:
        raise BadInputError(f"{what} should be one of {', '.join(allowed)}, got {value!r}")


def _finite(what: str, *values: float | None) -> None:
    if any(value is not None and not math.isfinite(value) for value in values):
        raise BadInputError(f"{what}: a figure is NaN or infinite; give None for what is undefined")
