"""`seido models`, each verb really run."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import get_args

import pytest
import torch

from seido.cli import main
from seido.cli.models import _KINDS, _PURPOSES, models_app
from seido.files import sha256
from seido.models import catalogue
from seido.models.checkpoint import Kind, load_checkpoint, save_checkpoint
from seido.models.registry import bundled_models
from seido.models.wav2lip import QualityDiscriminator, SyncNet, Wav2Lip
from seido.plan import FrontEnd, Network, Plan
from seido.values import Region

SLIM = Fraction(1, 16)
PLAN = Plan(
    network=Network(width=SLIM, residual=True),
    front_end=FrontEnd(lead=Fraction(2, 25)),
    region=Region(48, 84, 128, 120),
    frame_size=(250, 256),
    recipe="tract",
    corpus="ab12",
    notes={"step": "400", "validation_loss": "0.012500", "clips": "9", "seconds": "27.0", "licence": "ask us"},
)


@pytest.fixture
def best(tmp_path: Path) -> Path:
    path = tmp_path / "run" / "best.safetensors"
    path.parent.mkdir()
    save_checkpoint(path, Wav2Lip(SLIM, residual=True), PLAN)
    return path


def models(capsys, *arguments: object) -> tuple[int, str, str]:
    code = main(["models", *map(str, arguments)])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    if said.err.startswith("seido: "):
        assert said.err.count("\n") == 1, f"not one sentence: {said.err}"
    return code, said.out, said.err


@pytest.mark.parametrize("verb", sorted(name for name in models_app if not name.startswith("-")))
def test_every_verb_has_help_and_stands_in_the_docs(capsys, verb):
    code, text, _ = models(capsys, verb, "--help")
    assert code == 0
    assert not re.findall(r"│ +(?:\* +)?(?:[A-Z]+ )?--[a-z-]+(?: [A-Z]+)? *│", text), "an argument has no help"
    page = (Path(__file__).resolve().parents[1] / "docs" / "models.md").read_text()
    assert f"seido models {verb}" in page


def test_the_group_has_help(capsys):
    code, text, _ = models(capsys, "--help")
    assert code == 0
    assert all(verb in text for verb in ("list", "show", "export", "average"))


def test_list(capsys, best):
    code, out, _ = models(capsys, "list", best.parent)
    assert code == 0
    head, row = (line for line in out.splitlines() if line.startswith(("model ", str(best))))
    assert head.split() == ["model", "kind", "width", "frames/s", "region", "step", "validation", "size", "licence"]
    assert row.split()[1:7] == ["generator", "1/16", "25", "48,84,128,120", "400", "0.0125"]
    assert row.endswith("ask us")
    assert row.index("generator") == head.index("kind"), "columns stand under their heads"


def test_list_with_a_damaged_file(capsys, best):
    best.with_name("cut.safetensors").write_bytes(best.read_bytes()[:3000])
    code, out, _ = models(capsys, "list", best.parent)
    assert code == 1
    assert str(best) in out
    assert re.search(r"left out: .*cut\.safetensors: .*cut short", out)
    code, out, _ = models(capsys, "list", best.parent, "--json")
    told = {Path(one["name"]).name: one for one in json.loads(out) if one["name"] not in bundled_models()}
    assert code == 1
    assert told["best.safetensors"]["plan"]["region"] == {"x": 48, "y": 84, "width": 128, "height": 120}
    assert "cut short" in told["cut.safetensors"]["problem"]


def test_list_where_nothing_is(capsys, tmp_path):
    code, out, _ = models(capsys, "list", tmp_path)
    assert code == 0
    assert out
    code, _, error = models(capsys, "list", tmp_path / "nowhere")
    assert code == 2
    assert "nowhere" in error


def test_show_a_generator(capsys, best):
    code, out, _ = models(capsys, "show", best)
    assert code == 0
    for said in (
        "a generator",
        "1/16 of the published network's channels",
        f"{sum(each.numel() for each in Wav2Lip(SLIM).parameters()):,} parameters",
        "recipe tract",
        "25 frames/s, a picture every 40.0 ms",
        "128 × 120 pixels, 48 from the left and 84 from the top of frames of 256 × 250 pixels",
        "200 ms of speech from 80 ms before the frame begins, as 80 mel bands from 55 to 7600 Hz every 12.5 ms",
        "9 clips, 27.0 s; their manifest has SHA-256 ab12",
        "400 of training",
        "loss 0.0125",
        "ask us",
        sha256(best),
    ):
        assert said in out, said
    code, out, _ = models(capsys, "show", best, "--json")
    assert code == 0
    assert Plan.from_json(json.dumps(json.loads(out)["plan"])) == PLAN


def test_show_other_networks(capsys, tmp_path):
    path = tmp_path / "other.safetensors"
    plan = Plan(Network("syncnet", SLIM), FrontEnd(lead=Fraction(-1, 40)), notes={"view": "whole", "remark": "a test"})
    save_checkpoint(path, SyncNet(SLIM), plan)
    _, out, _ = models(capsys, "show", path)
    assert "a sync expert" in out
    assert "whole frames" in out
    assert "from 25 ms after the first of the five frames begins" in out
    assert re.search(r"remark +a test", out)
    save_checkpoint(path, QualityDiscriminator(SLIM), Plan(Network("discriminator", SLIM)))
    _, out, _ = models(capsys, "show", path)
    assert "a discriminator" in out
    assert "what it hears" not in out


def test_show_a_published_file(capsys, tmp_path, monkeypatch):
    path = tmp_path / "given.pth"
    torch.save(Wav2Lip(SLIM).state_dict(), path)
    monkeypatch.setitem(catalogue.load_checkpoint.__globals__["PUBLISHED"], sha256(path), "wav2lip_gan.pth")
    code, out, _ = models(capsys, "show", path)
    assert code == 0
    assert "it is wav2lip_gan.pth as published with Wav2Lip, byte for byte" in out
    assert re.search(r"licence +research", out)
    assert "from when the frame begins" in out


def test_show_what_is_no_model(capsys, tmp_path):
    for name in (tmp_path / "none.safetensors", "no-such-model", tmp_path):
        code, _, error = models(capsys, "show", name)
        assert code == 2
        assert error.startswith("seido: ")


def test_export(capsys, best, tmp_path):
    pytest.importorskip("onnxruntime")
    out = tmp_path / "best.onnx"
    code, said, error = models(capsys, "export", best, out)
    assert code == 0, error
    assert "audio (batch, 1, 80, 16), face (batch, 6, 96, 96) to frames" in said
    assert re.search(r"differ by at most (0|\de-\d\d) on", said)
    assert out.exists()
    code, _, error = models(capsys, "export", best, tmp_path / "best.pb")
    assert code == 2
    assert ".onnx" in error


def test_average(capsys, best, tmp_path):
    other, out = tmp_path / "other.safetensors", tmp_path / "mean.safetensors"
    save_checkpoint(other, Wav2Lip(SLIM, residual=True), PLAN)
    code, said, error = models(capsys, "average", best, other, best, out)
    assert code == 0, error
    assert "the mean of 3 checkpoints" in said
    mean, first, second = (load_checkpoint(path) for path in (out, best, other))
    name = "output_block.0.conv_block.0.weight"
    torch.testing.assert_close(mean.weights[name], (2 * first.weights[name] + second.weights[name]) / 3)
    assert mean.plan.notes["averaged"].split() == [sha256(best), sha256(other), sha256(best)]
    assert mean.step is None
    _, said, _ = models(capsys, "show", out)
    assert f"{sha256(best)}, {sha256(other)}" in said

    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    another = tmp_path / "another.safetensors"
    for arguments, named in (
        ((best, other), "already"),
        ((best, other, out), "already"),
        ((best, another), "at least two"),
        ((best, other, tmp_path / "mean.pth"), ".safetensors"),
        ((best, other, tmp_path / "no" / "mean.safetensors"), "does not exist"),
        ((best,), ""),
        ((), ""),
    ):
        code, _, error = models(capsys, "average", *arguments)
        assert code == 2
        assert named in error
    save_checkpoint(other, Wav2Lip(SLIM, residual=True), replace(PLAN, rate=Fraction(14)))
    code, _, error = models(capsys, "average", best, other, another)
    assert code == 2
    assert "14 frames/s" in error
    assert not another.exists()
    assert {path: path.read_bytes() for path in before if path != other} == {
        path: data for path, data in before.items() if path != other
    }


def test_every_kind_of_checkpoint_can_be_told():
    assert set(_KINDS) == set(_PURPOSES) == set(get_args(Kind))
