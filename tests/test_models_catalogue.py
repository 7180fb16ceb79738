"""What is told of checkpoints, and which files in folders are taken for one."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from seido.errors import BadInputError
from seido.files import sha256
from seido.models.catalogue import ModelFacts, Unreadable, list_models, read_facts
from seido.models.checkpoint import save_checkpoint
from seido.models.registry import bundled_models
from seido.models.wav2lip import SyncNet, Wav2Lip
from seido.plan import Network, Plan
from training_clips import write_clips

SLIM = Fraction(1, 16)
NOTES = {"step": "400", "validation_loss": "0.0125", "licence": "ask us"}


@pytest.fixture
def best(tmp_path: Path) -> Path:
    path = tmp_path / "runs" / "one" / "best.safetensors"
    path.parent.mkdir(parents=True)
    save_checkpoint(path, Wav2Lip(SLIM), Plan(network=Network(width=SLIM), notes=NOTES))
    return path


def found(*places: Path) -> list[ModelFacts | Unreadable]:
    """List what is in the places, without the bundled models."""
    return [one for one in list_models(places) if one.name not in bundled_models()]


def test_the_facts_of_a_checkpoint(best):
    facts = read_facts(best)
    assert (facts.kind, facts.step, facts.validation, facts.licence) == ("wav2lip", 400, 0.0125, "ask us")
    assert facts.parameters == sum(each.numel() for each in Wav2Lip(SLIM).parameters())
    assert facts.size == best.stat().st_size
    assert facts.sha256 == sha256(best)
    assert facts.published is None
    told = json.loads(json.dumps(facts.as_json()))
    assert told["plan"]["network"]["width"] == "1/16"
    assert told["validation"] == 0.0125


def test_facts_that_are_not_noted(tmp_path):
    path = tmp_path / "plain.pth"
    torch.save(SyncNet(SLIM).state_dict(), path)
    facts = read_facts(path)
    assert (facts.kind, facts.plan.network.width) == ("syncnet", SLIM)
    assert facts.step is facts.validation is facts.licence is None


def test_a_score_that_is_no_number(tmp_path, best):
    save_checkpoint(best, Wav2Lip(SLIM), Plan(network=Network(width=SLIM), notes={"validation_loss": "fine"}))
    assert read_facts(best).validation is None


def test_folders_are_searched_and_damaged_files_say_why(tmp_path, best):
    other = tmp_path / "runs" / "two" / "old.pth"
    other.parent.mkdir()
    torch.save({"state_dict": Wav2Lip(SLIM).state_dict(), "global_step": 12}, other)
    cut = tmp_path / "runs" / "two" / "cut.safetensors"
    cut.write_bytes(best.read_bytes()[:4000])
    (tmp_path / "runs" / "page.pt").write_text("<html>Sign in</html>")
    (tmp_path / "runs" / "history.csv").write_text("step\n")
    listed = {Path(one.name).name: one for one in found(tmp_path / "runs")}
    assert set(listed) == {"best.safetensors", "old.pth", "cut.safetensors", "page.pt"}
    assert listed["old.pth"].step == 12
    for name, reason in (("cut.safetensors", "cut short"), ("page.pt", "web page")):
        assert isinstance(listed[name], Unreadable)
        assert reason in listed[name].reason
        assert listed[name].as_json()["problem"] == listed[name].reason


def test_what_is_no_checkpoint_is_passed_over(tmp_path, best):
    write_clips(tmp_path / "clips")
    (best.parent / ".seido-best-x.safetensors").write_bytes(best.read_bytes()[:100])
    save_file({"weights/x": torch.zeros(1)}, best.parent / "last.safetensors", {"training": "{}"})
    assert [one.name for one in found(tmp_path)] == [str(best)]
    with pytest.raises(BadInputError, match=r"best\.safetensors beside it"):
        read_facts(best.parent / "last.safetensors")


def test_files_may_be_named_and_count_once(best):
    assert [one.name for one in found(best, best.parent, best)] == [str(best)]


def test_no_places_and_places_that_are_not_there(tmp_path):
    assert len(list(list_models())) == len(bundled_models())
    with pytest.raises(BadInputError, match="nowhere"):
        list_models([tmp_path, tmp_path / "nowhere"])


def test_a_plan_of_another_time_is_a_reason_not_an_end(tmp_path, best):
    text = json.loads(Plan(network=Network(width=SLIM)).to_json()) | {"version": 99}
    weights = {name: each.contiguous() for name, each in Wav2Lip(SLIM).state_dict().items()}
    save_file(weights, best.with_name("newer.safetensors"), {"seido.plan": json.dumps(text)})
    newer = next(one for one in found(best.parent) if one.name.endswith("newer.safetensors"))
    assert isinstance(newer, Unreadable)
    assert "upgrade seido" in newer.reason
