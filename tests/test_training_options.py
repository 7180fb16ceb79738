import json
import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seido.errors import BadInputError
from seido.models.registry import find_model
from seido.training.options import FREE, TrainOptions


@pytest.mark.parametrize("written", ["1/4", 0.25, "0.25", Fraction(1, 4)])
def test_width_is_exact_however_it_is_written(written):
    assert TrainOptions(width=written).width == Fraction(1, 4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", "wide"),
        ("recipe", "secret"),
        ("reference", "last"),
        ("batch", 1),
        ("batch", 2.5),
        ("warm_up", -1),
        ("steps", 0),
        ("validate_every", 0),
        ("validation_frames", 0),
        ("patience", 0),
        ("seed", -1),
        ("threads", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("minutes", 0),
        ("minutes", float("inf")),
        ("clip_gradient", 0),
        ("floor", 1.5),
        ("minimum_gain", -0.1),
        ("memory", -1),
        ("steps", True),
    ],
)
def test_every_option_that_cannot_be_used_is_named(name, value):
    with pytest.raises(BadInputError, match=f"^{name}: .*{re.escape(repr(value))}"):
        TrainOptions(**{name: value})


@pytest.mark.parametrize("width", [0, -1, 100, "1/0"])
def test_an_impossible_width_is_refused(width):
    with pytest.raises(BadInputError):
        TrainOptions(width=width)


def test_fine_tuning_is_gentler_unless_told_otherwise():
    assert TrainOptions().peak_rate == 1e-3
    assert TrainOptions(init=Path("some.pth")).peak_rate == 1e-4
    assert TrainOptions(init=Path("some.pth"), learning_rate=0.01).peak_rate == 0.01


@given(
    steps=st.integers(1, 5000),
    warm_up=st.integers(0, 6000),
    floor=st.floats(0, 1),
    step=st.integers(0, 5000),
)
def test_the_learning_rate_stays_within_its_bounds(steps, warm_up, floor, step):
    options = TrainOptions(steps=steps, warm_up=warm_up, floor=floor)
    step = min(step, steps)
    rate = options.rate_at(step)
    assert 0 <= rate <= options.peak_rate * (1 + 1e-12)
    if step >= warm_up:
        assert rate >= options.peak_rate * floor * (1 - 1e-12)


def test_the_learning_rate_rises_then_falls():
    options = TrainOptions(steps=400, warm_up=50, floor=0.1)
    rates = [options.rate_at(step) for step in range(401)]
    assert rates[:50] == sorted(rates[:50])
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert rates[50] == options.peak_rate
    assert rates[400] == pytest.approx(options.peak_rate * 0.1)


def test_the_record_holds_what_matters_and_survives_json(tmp_path):
    weights = tmp_path / "weights"
    weights.write_bytes(b"abc")
    record = TrainOptions(init=weights, minutes=3, threads=1).record()
    assert json.loads(json.dumps(record)) == record
    assert not set(FREE) & set(record)
    assert record["init"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert record["width"] == "1/4"


def test_a_bundled_model_can_be_begun_from_by_name():
    assert TrainOptions(model="tract", init=Path("tract-phantom-1")).init == find_model("tract-phantom-1")
    assert TrainOptions(init=Path("elsewhere/tract-phantom-1")).init == Path("elsewhere/tract-phantom-1")
