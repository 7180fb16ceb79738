from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seido.errors import BadInputError
from seido.scores.bootstrap import RESAMPLES, difference, estimate


def by_speaker(speakers: int, clips: int, between: float, within: float, seed: int) -> tuple[list[float], list[str]]:
    generator = np.random.default_rng(seed)
    values = generator.normal(0, between, (speakers, 1)) + generator.normal(0, within, (speakers, clips))
    return list(values.ravel()), [f"s{at}" for at in range(speakers) for _ in range(clips)]


def test_the_interval_over_speakers_is_the_hierarchical_bootstrap_written_out() -> None:
    values, speakers = by_speaker(5, 6, 1, 0.5, 0)
    values, speakers = values[:-3], speakers[:-3]
    generator = np.random.default_rng(9)
    own = {name: [v for v, s in zip(values, speakers, strict=True) if s == name] for name in set(speakers)}
    names, means = sorted(own), []
    for _ in range(RESAMPLES):
        drawn = [generator.choice(own[name], len(own[name])) for name in generator.choice(names, len(names))]
        means.append(np.concatenate(drawn).mean())
    found = estimate(values, speakers=speakers)
    assert (found.low, found.high) == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.08)
    assert found.mean == pytest.approx(np.mean(values))


def test_speakers_who_differ_widen_the_interval() -> None:
    values, speakers = by_speaker(8, 20, 1, 0.1, 1)
    flat, deep = estimate(values), estimate(values, speakers=speakers)
    assert deep.high - deep.low > 2 * (flat.high - flat.low)
    assert estimate(values, speakers=["one"] * len(values)) == flat
    assert estimate(values[:40], speakers=speakers[:40]) == estimate(values[:40])
    assert estimate(values, speakers=[""] * 80 + speakers[80:]) == flat


def test_the_interval_over_speakers_covers_the_truth_better() -> None:
    covered = [0, 0]
    for seed in range(100):
        values, speakers = by_speaker(12, 5, 1, 0.5, seed)
        for at, found in enumerate((estimate(values), estimate(values, speakers=speakers))):
            covered[at] += found.low <= 0 <= found.high
    assert covered[0] < 80 < covered[1]


def test_a_difference_is_paired() -> None:
    hard = np.random.default_rng(0).normal(0, 5, 40)
    first, second = list(hard + 0.2), list(hard + np.random.default_rng(1).normal(0, 0.1, 40))
    found = difference(first, second)
    assert 0.1 < found.low < 0.2 < found.high < 0.3
    assert difference(second, first).low == pytest.approx(-found.high)
    assert difference([1.0, None, 3.0], [None, 2.0, 1.0]) == (estimate([2.0]))
    with pytest.raises(BadInputError, match="same clips, got 1 and 2"):
        difference([1.0], [1.0, 2.0])


@given(values=st.lists(st.floats(-10, 10), min_size=2, max_size=12), seed=st.integers(0, 3))
def test_intervals_lie_within_the_values_and_hold_the_mean(values: list[float], seed: int) -> None:
    found = estimate(list(values), seed, [f"s{at % 4}" for at in range(len(values))])
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    assert found.clips == len(values)


def test_undefined_values_and_speakers_go_together() -> None:
    values, speakers = by_speaker(4, 3, 1, 1, 2)
    holed = [None if at == 4 else value for at, value in enumerate(values)]
    kept = [at for at in range(12) if at != 4]
    assert estimate(holed, speakers=speakers) == estimate([values[at] for at in kept], 0, [speakers[at] for at in kept])
    with pytest.raises(BadInputError, match="a speaker for each of 12 clips, got 3"):
        estimate(values, speakers=speakers[:3])
