"""Intervals over seeds and clips, against the bootstrap over clips and a formula."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seido.errors import BadInputError
from seido.scores.bootstrap import difference, estimate
from seido.scores.seeds import difference_over_seeds, estimate_over_seeds

values = st.lists(st.floats(-1, 1).map(lambda one: round(one, 3)), min_size=2, max_size=8)


@settings(max_examples=20, deadline=None)
@given(values, st.integers(1, 3))
def test_seeds_that_are_alike_add_nothing(clips, seeds):
    found, plain = estimate_over_seeds([clips] * seeds, 3), estimate(clips, 3)
    assert (found.mean, found.low, found.high) == pytest.approx((plain.mean, plain.low, plain.high), abs=1e-9)
    assert found.clips == plain.clips
    apart = difference_over_seeds([clips] * seeds, [[0.0] * len(clips)], 3)
    assert (apart.mean, apart.low, apart.high) == pytest.approx((plain.mean, plain.low, plain.high), abs=1e-9)


def test_one_seed_is_the_bootstrap_over_clips_and_speakers():
    clips, speakers = [0.1, 0.5, 0.3, None, 0.9, 0.2], list("AABBCC")
    assert estimate_over_seeds([clips], 0, speakers) == estimate(clips, 0, speakers)
    others = [0.0, 0.1, 0.2, 0.3, None, 0.5]
    assert difference_over_seeds([clips], [others], 0, speakers) == difference(clips, others, 0, speakers)


def test_the_interval_is_as_wide_as_seeds_and_clips_make_it():
    """Seeds and clips that add up: the variance of the mean is that of seeds over S and that of clips over C."""
    random = np.random.default_rng(0)
    seeds, clips = random.normal(0, 1.0, 40), random.normal(0, 2.0, 90)
    table = (seeds[:, None] + clips[None]).tolist()
    found = estimate_over_seeds(table)
    expected = 2 * 1.96 * np.sqrt(seeds.var() / 40 + clips.var() / 90)
    assert found.mean == pytest.approx(np.mean(table))
    assert found.high - found.low == pytest.approx(expected, rel=0.08)
    # What is hard in a clip cancels where clips are paired; seeds never do.
    apart = difference_over_seeds(table, (np.array(table) - 0.5)[:20].tolist())
    width = 2 * 1.96 * np.sqrt(seeds.var() / 40 + seeds[:20].var() / 20)
    assert apart.high - apart.low == pytest.approx(width, rel=0.1)


def test_undefined_values_are_left_out():
    found = estimate_over_seeds([[0.5, None, None], [0.7, None, 0.2]])
    assert (found.mean, found.clips) == (pytest.approx((0.6 + 0.2) / 2), 2)
    assert found.low <= found.mean <= found.high
    assert estimate_over_seeds([[None], [None]]).mean is None
    apart = difference_over_seeds([[0.5, 1.0], [0.7, 1.0]], [[0.5, None]])
    assert (apart.mean, apart.clips) == (pytest.approx(0.1), 1)


def test_values_of_other_clips_are_refused():
    with pytest.raises(BadInputError, match="the same clips"):
        estimate_over_seeds([[0.1, 0.2], [0.1]])
    with pytest.raises(BadInputError, match="the same clips"):
        estimate_over_seeds([])
    with pytest.raises(BadInputError, match="the same clips"):
        difference_over_seeds([[0.1, 0.2]] * 2, [[0.1]])
    with pytest.raises(BadInputError, match="a speaker for each"):
        estimate_over_seeds([[0.1, 0.2]] * 2, 0, ["A"])
