"""95 % intervals where training was repeated with several seeds: over seeds and clips, and speakers where there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.scores.bootstrap import COVERAGE, RESAMPLES, Estimate, difference, drawn, estimate, over_speakers

Values = Sequence[Sequence[float | None]]
"""For each seed a value for each clip, the same clips in the same order; None is undefined."""
Array = NDArray[np.float64]
_STREAM = (1, 2)
"""Last words of the random generators' seeds: two models' seeds are drawn apart."""


def estimate_over_seeds(values: Values, seed: int = 0, speakers: Sequence[str] | None = None) -> Estimate:
    """Average over seeds, then clips, with a 95 % interval that tells about other seeds and other clips.

    In each of 2000 resamples seeds are drawn, and clips as `seido.scores.bootstrap.estimate` draws them, apart from
    each other (the pigeonhole bootstrap; Owen 2007, Annals of Applied Statistics 1, 386). Of a clip those seeds count
    where it is defined. With one seed the interval is over clips alone; with two or three it is rather too narrow.
    Raises BadInputError when seeds differ in their number of clips, or there is none.

    >>> estimate_over_seeds([[0.5, 0.5], [0.5, 0.5]])
    Estimate(mean=0.5, low=0.5, high=0.5, clips=2)
    """
    if len(values) == 1:
        return estimate(values[0], seed, speakers)
    table = _table(values)
    means = _mean_seed(table, np.ones((1, len(table))))[0]
    return _interval(means, _drawn_means(table, seed, _STREAM[0]), seed, speakers)


def difference_over_seeds(
    first: Values, second: Values, seed: int = 0, speakers: Sequence[str] | None = None
) -> Estimate:
    """Estimate the mean of first − second over the clips that both have; see `estimate_over_seeds`.

    Clips are paired: a resample draws the same for both. Seeds are not: no seed of one belongs to a seed of the other.
    """
    if len(first) == 1 and len(second) == 1:
        return difference(first[0], second[0], seed, speakers)
    ones, others = _table(first), _table(second)
    if ones.shape[1] != others.shape[1]:
        raise BadInputError(f"expected values of the same clips, got {ones.shape[1]} and {others.shape[1]}")
    means = _mean_seed(ones, np.ones((1, len(ones))))[0] - _mean_seed(others, np.ones((1, len(others))))[0]
    resampled = _drawn_means(ones, seed, _STREAM[0]) - _drawn_means(others, seed, _STREAM[1])
    return _interval(means, resampled, seed, speakers)


def _table(values: Values) -> Array:
    """Make (seeds, clips), undefined values NaN."""
    if not values or len({len(row) for row in values}) > 1:
        raise BadInputError("expected values of the same clips for each of one or more seeds")
    return np.array([[np.nan if one is None else one for one in row] for row in values], np.float64)


def _drawn_means(table: Array, seed: int, stream: int) -> Array:
    """Average each clip over drawn seeds: (RESAMPLES, clips), NaN where none of those drawn is defined."""
    count = len(table)
    times = np.random.default_rng((seed, stream)).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    return _mean_seed(table, times.astype(np.float64))


def _mean_seed(table: Array, times: Array) -> Array:
    defined = ~np.isnan(table)
    sums, counts = times @ np.where(defined, table, 0.0), times @ defined
    means: Array = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return means


def _interval(means: Array, resampled: Array, seed: int, speakers: Sequence[str] | None) -> Estimate:
    kept = np.flatnonzero(~np.isnan(means))
    if not len(kept):
        return Estimate(None, None, None, 0)
    if speakers is not None and len(speakers) != len(means):
        raise BadInputError(f"expected a speaker for each of {len(means)} clips, got {len(speakers)}")
    mean = float(means[kept].mean())
    whose = tuple(speakers[at] for at in kept.tolist()) if speakers is not None else ()
    counts = drawn(len(kept), whose if over_speakers(whose) else (), seed)
    chosen = resampled[:, kept]
    if not np.nanmax(np.ptp(chosen, axis=0)) and np.ptp(means[kept]) == 0:
        return Estimate(mean, mean, mean, len(kept))
    weights = np.where(np.isnan(chosen), 0.0, counts)
    totals = weights.sum(axis=1)
    some = totals > 0
    found = (weights * np.nan_to_num(chosen)).sum(axis=1)[some] / totals[some]
    tail = 100 * (1 - COVERAGE) / 2
    low, high = np.percentile(found, [tail, 100 - tail])
    return Estimate(mean, float(low), float(high), len(kept))
