"""95 % intervals: the bootstrap over clips, and over speakers and their clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError

RESAMPLES = 2000
COVERAGE = 0.95
FEWEST_SPEAKERS = 3
"""With fewer, resampling speakers says nothing: then only clips are resampled."""


@dataclass(frozen=True)
class Estimate:
    """A mean over clips and its 95 % interval; None without clips where it is defined, or, the interval, with one."""

    mean: float | None
    low: float | None
    high: float | None
    clips: int


def estimate(values: Sequence[float | None], seed: int = 0, speakers: Sequence[str] | None = None) -> Estimate:
    """Average over clips, with the percentile bootstrap's 95 % interval (Efron 1979): 2000 resamples.

    Parameters
    ----------
    values
        A value a clip; undefined values (None) are left out and not counted.
    seed
        The same seed, clips and speakers draw the same resamples, whatever the measure.
    speakers
        Whose clip each is. With three speakers or more, speakers are drawn first, then as many clips of each drawn
        speaker as he has (hierarchical bootstrap; Davison & Hinkley 1997, section 3.8): the interval then tells about
        other speakers. Otherwise clips are drawn, and it tells about other clips of these speakers.

    Raises BadInputError when speakers and values differ in number.

    >>> estimate([0.5, None]), estimate([0.25, 0.5, 0.75])
    (Estimate(mean=0.5, low=None, high=None, clips=1), Estimate(mean=0.5, low=0.25, high=0.75, clips=3))
    """
    if speakers is not None and len(speakers) != len(values):
        raise BadInputError(f"expected a speaker for each of {len(values)} clips, got {len(speakers)}")
    kept = [at for at, value in enumerate(values) if value is not None]
    defined = np.array([values[at] for at in kept], np.float64)
    if not kept:
        return Estimate(None, None, None, 0)
    mean = float(defined.mean())
    if len(kept) == 1:
        return Estimate(mean, None, None, 1)
    # Clips that are all alike have an interval of no width, which sums of weights would blur by a rounding.
    if np.ptp(defined) == 0:
        return Estimate(float(defined[0]), float(defined[0]), float(defined[0]), len(kept))
    whose = tuple(speakers[at] for at in kept) if speakers is not None else ()
    counts = drawn(len(kept), whose if over_speakers(whose) else (), seed)
    tail = 100 * (1 - COVERAGE) / 2
    low, high = np.percentile(counts @ defined / counts.sum(axis=1), [tail, 100 - tail])
    return Estimate(mean, float(low), float(high), len(kept))


def difference(
    first: Sequence[float | None],
    second: Sequence[float | None],
    seed: int = 0,
    speakers: Sequence[str] | None = None,
) -> Estimate:
    """Estimate the mean of first − second, clip by clip: the values are of the same clips, in the same order.

    Two predictors see the same clips, so what is hard in a clip cancels (paired bootstrap). Clips where either is
    undefined are left out. The difference is beyond chance where the interval leaves 0 out.

    >>> difference([0.5, 0.75, None], [0.25, 0.5, 0.5])
    Estimate(mean=0.25, low=0.25, high=0.25, clips=2)
    """
    if len(first) != len(second):
        raise BadInputError(f"expected values of the same clips, got {len(first)} and {len(second)}")
    pairs = zip(first, second, strict=True)
    return estimate([None if a is None or b is None else a - b for a, b in pairs], seed, speakers)


def over_speakers(speakers: Sequence[str]) -> bool:
    """Tell whether there are speakers enough, all of them named, to resample speakers."""
    return all(speakers) and len(set(speakers)) >= FEWEST_SPEAKERS


@lru_cache(maxsize=4)
def drawn(clips: int, speakers: tuple[str, ...], seed: int) -> NDArray[np.float64]:
    """Count how often each clip is drawn in each resample: (RESAMPLES, clips)."""
    generator = np.random.default_rng(seed)
    if not speakers:
        return generator.multinomial(clips, np.full(clips, 1 / clips), RESAMPLES).astype(np.float64)
    names = sorted(set(speakers))
    counts = np.zeros((RESAMPLES, clips))
    times = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    for name, drawn in zip(names, times.T, strict=True):
        own = np.array([at for at, speaker in enumerate(speakers) if speaker == name])
        # Drawn twice, a speaker's clips are drawn anew: the counts of both draws add up.
        counts[:, own] = generator.multinomial(drawn * len(own), np.full(len(own), 1 / len(own)))
    return counts
