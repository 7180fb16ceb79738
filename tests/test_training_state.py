import csv
import json
import math
from dataclasses import asdict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from seido.errors import BadInputError, OutputError
from seido.files import make_folder
from seido.models.checkpoint import save_checkpoint
from seido.plan import Plan
from seido.training.history import HISTORY, LINES, Row
from seido.training.state import LAST, Ledger, read_last, require_unused, save_last


def row(step: int, loss: float, train: float | None = 0.1) -> Row:
    return Row(step, train, loss, 0.2, 1e-3, None)


def after(losses: list[float], minimum_gain: float) -> Ledger:
    ledger = Ledger()
    for step, loss in enumerate(losses):
        ledger = ledger.validated(row(step, loss), minimum_gain).stepped(0.5, {"l1": 0.25})
    return ledger


def test_gains_are_counted_against_the_last_gain_and_the_best_is_kept_anyway():
    ledger = after([1.0, 0.95, 0.92, 0.91, 0.5, 0.6], 0.1)
    assert (ledger.best_loss, ledger.best_step, ledger.stale, ledger.mark) == (0.5, 4, 1, 0.5)
    slow = after([1.0, 0.95, 0.92], 0.1)
    assert (slow.best_loss, slow.best_step, slow.stale, slow.mark) == (0.92, 2, 2, 1.0)


def test_small_gains_add_up_to_one():
    assert after([1.0, 0.95, 0.89], 0.1).stale == 0


@given(st.lists(st.floats(1e-6, 1), min_size=1, max_size=12), st.floats(0, 0.5))
def test_a_ledger_survives_json(losses, minimum_gain):
    ledger = after(losses, minimum_gain)
    assert Ledger.from_json(json.loads(json.dumps(asdict(ledger)))) == ledger
    assert ledger.best_loss == min(losses)


def test_the_training_loss_is_the_mean_since_the_last_validation():
    ledger = Ledger()
    assert ledger.train_loss is None
    ledger = ledger.stepped(0.2, {"l1": 0.1}).stepped(0.4, {"l1": 0.2})
    assert ledger.train_loss == pytest.approx(0.3)
    assert ledger.means() == pytest.approx({"train/l1": 0.15})
    assert ledger.validated(row(2, 0.1), 0).train_loss is None


@pytest.fixture
def trained():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        network(torch.rand(2, 3, 6, 6)).square().sum().backward()
        optimizer.step()
    return {"generator": network}, {"generator": optimizer}


def test_what_is_saved_comes_back_to_the_bit(tmp_path, trained):
    (network,), (optimizer,) = (each.values() for each in trained)
    ledger = after([0.5, 0.25], 0)
    plan = Plan(corpus="abc", notes={"a": "b"})
    save_last(tmp_path, *trained, ledger, {"batch": 3}, plan)
    saved = read_last(tmp_path)
    assert (saved.options, saved.plan, saved.ledger) == ({"batch": 3}, plan, ledger)

    other = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).to(memory_format=torch.channels_last)
    other_optimizer = torch.optim.Adam(other.parameters(), lr=0.01)
    saved.restore({"generator": other}, {"generator": other_optimizer})
    for one, two in zip(network.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(one, two)
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        assert optimizer.state[one].keys() == other_optimizer.state[two].keys()
        for key, value in optimizer.state[one].items():
            assert torch.equal(value, other_optimizer.state[two][key])
            assert value.stride() == other_optimizer.state[two][key].stride()


def test_the_history_is_a_table(tmp_path, trained):
    ledger = Ledger().validated(row(0, 0.5, None), 0).validated(row(10, 0.25), 0)
    save_last(tmp_path, *trained, ledger, {}, Plan())
    with (tmp_path / HISTORY).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [each["step"] for each in rows] == ["0", "10"]
    assert [each["train_loss"] for each in rows] == ["", "0.1"]
    assert math.isclose(float(rows[1]["validation_loss"]), 0.25)
    lines = [json.loads(line) for line in (tmp_path / LINES).read_text(encoding="utf-8").splitlines()]
    assert [Row(**line) for line in lines] == list(ledger.history)


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda _: b"", lambda _: b"<html></html>" * 9])
def test_a_damaged_state_is_refused(tmp_path, trained, damage):
    save_last(tmp_path, *trained, Ledger(), {}, Plan())
    path = tmp_path / LAST
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BadInputError, match=f"^{path}: "):
        read_last(tmp_path)


def test_a_checkpoint_is_not_a_state(tmp_path, trained):
    save_checkpoint(tmp_path / LAST, trained[0]["generator"], Plan())
    with pytest.raises(BadInputError, match="damaged or not a run's state"):
        read_last(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("here")
    for folder in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(OutputError, match=f"^{folder}: "):
            make_folder(folder)
    make_folder(tmp_path / "one" / "two")
    require_unused(tmp_path / "one" / "two")
    require_unused(tmp_path / "not yet there")
