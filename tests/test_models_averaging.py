"""Averages against the mean of the numbers themselves, and what must not be averaged."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from seido.errors import BadInputError
from seido.files import sha256
from seido.models.averaging import average_checkpoints
from seido.models.checkpoint import load_checkpoint, save_checkpoint
from seido.models.wav2lip import SyncNet, Wav2Lip
from seido.plan import FrontEnd, Network, Plan

SLIM = Fraction(1, 16)
PLAN = Plan(network=Network(width=SLIM), notes={"step": "300", "validation_loss": "0.012", "clips": "7"})


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """Three checkpoints of one network, each with weights and batch statistics of its own."""
    paths, random = [], torch.Generator().manual_seed(1)
    for number in range(3):
        network = Wav2Lip(SLIM)
        with torch.no_grad():
            for each in network.state_dict().values():
                each.copy_(torch.rand(each.shape, generator=random) if each.is_floating_point() else number + 1)
        paths.append(tmp_path / f"part{number}.safetensors")
        save_checkpoint(paths[-1], network, PLAN)
    return paths


def saved(path: Path, network: torch.nn.Module, plan: Plan) -> Path:
    save_checkpoint(path, network, plan)
    return path


def test_weights_and_statistics_are_means(parts):
    means, _ = average_checkpoints(parts)
    loaded = [load_checkpoint(path).weights for path in parts]
    assert list(means) == list(loaded[0])
    for name, mean in means.items():
        stack = np.stack([weights[name].numpy().astype(np.float64) for weights in loaded])
        if mean.is_floating_point():
            assert mean.dtype == torch.float32
            np.testing.assert_array_equal(mean.numpy(), stack.mean(0).astype(np.float32), err_msg=name)
        else:
            assert mean == 1, "counts are the first's"


def test_the_mean_of_one_file_is_that_file(parts):
    means, _ = average_checkpoints([parts[1]] * 3)
    assert all(torch.equal(means[name], each) for name, each in load_checkpoint(parts[1]).weights.items())


def test_the_plan_names_its_parts_and_claims_no_score(parts):
    _, plan = average_checkpoints(parts)
    assert plan.notes == {"clips": "7", "averaged": " ".join(map(sha256, parts))}
    assert replace(plan, notes={}) == replace(PLAN, notes={})


def test_the_licences_of_all_parts_hold(tmp_path, parts):
    free = load_checkpoint(parts[0])
    for number, licence in enumerate(["research only", "research only", "ask first"]):
        save_checkpoint(parts[number], free.weights, replace(PLAN, notes={"licence": licence}))
    assert average_checkpoints(parts)[1].notes["licence"] == "research only; ask first"
    save_checkpoint(parts[0], free.weights, PLAN)
    assert average_checkpoints(parts)[1].notes["licence"] == "research only; ask first", "not only the first counts"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"front_end": FrontEnd(lead=Fraction(1, 25))}, "lead"),
        ({"front_end": FrontEnd(lowest=60.0)}, "front-end"),
        ({"rate": Fraction(14)}, "14 frames/s"),
        ({"recipe": "tract"}, "recipe"),
        ({"antialias": True}, "low-passed"),
        ({"network": Network(width=SLIM, residual=True)}, "output"),
    ],
)
def test_networks_that_expect_other_things(tmp_path, parts, changed, named):
    other = saved(tmp_path / "other.safetensors", Wav2Lip(SLIM), replace(PLAN, **changed))
    with pytest.raises(BadInputError, match=named) as caught:
        average_checkpoints([parts[0], other])
    assert "other.safetensors" in str(caught.value)
    assert "part0.safetensors" in str(caught.value)


def test_other_networks(tmp_path, parts):
    wide = saved(tmp_path / "wide.safetensors", Wav2Lip(Fraction(1, 8)), Plan(network=Network(width=Fraction(1, 8))))
    with pytest.raises(BadInputError, match="width"):
        average_checkpoints([parts[0], wide])
    expert = saved(tmp_path / "sync.safetensors", SyncNet(SLIM), Plan(network=Network(name="syncnet", width=SLIM)))
    with pytest.raises(BadInputError, match="network"):
        average_checkpoints([parts[0], expert])


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two(parts, count):
    with pytest.raises(BadInputError, match="at least two"):
        average_checkpoints(parts[:count])


def test_a_damaged_part(parts):
    parts[2].write_bytes(parts[2].read_bytes()[:5000])
    with pytest.raises(BadInputError, match="part2"):
        average_checkpoints(parts)
