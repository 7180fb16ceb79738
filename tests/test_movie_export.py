"""ONNX files, run by onnxruntime as a program without torch would, against torch."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from seido.errors import BadInputError, MissingExtraError, OutputError
from seido.models.checkpoint import build, load_checkpoint, save_checkpoint
from seido.models.wav2lip import QualityDiscriminator, SyncNet, Wav2Lip
from seido.movie import export
from seido.movie.export import INTERFACES, export_onnx
from seido.plan import Network, Plan
from seido.values import Region

onnxruntime = pytest.importorskip("onnxruntime")
SLIM = Fraction(1, 16)
ROOT = Path(__file__).resolve().parents[1]
NETWORKS = {
    "wav2lip": Wav2Lip(SLIM),
    "wav2lip residual": Wav2Lip(Fraction(1, 12), residual=True),
    "syncnet": SyncNet(SLIM),
    "discriminator": QualityDiscriminator(SLIM),
}


def checkpoint(folder: Path, name: str) -> Path:
    """Write a network with drawn weights and batch statistics as a checkpoint."""
    network, kind = NETWORKS[name], name.split()[0]
    random = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for key, each in network.state_dict().items():
            if each.is_floating_point():
                drawn = 0.1 * torch.randn(each.shape, generator=random)
                each.copy_(0.5 + drawn.abs() if key.endswith(("running_var", "1.weight")) else drawn)
    plan = Plan(
        network=Network(kind, network.width, getattr(network, "residual", False)),
        region=Region(3, 4, 100, 101),
        notes={"licence": "ask us"},
    )
    path = folder / "model.safetensors"
    save_checkpoint(path, network, plan)
    return path


@pytest.mark.parametrize("name", NETWORKS)
def test_onnxruntime_gives_what_torch_gives(tmp_path, name, capfd):
    model, out = checkpoint(tmp_path, name), tmp_path / "model.onnx"
    made = export_onnx(model, out)
    assert capfd.readouterr() == ("", ""), "torch's exporter talks"
    assert made.difference < 1e-5

    session = onnxruntime.InferenceSession(out)
    assert (
        Plan.from_json(session.get_modelmeta().custom_metadata_map["seido.plan"]) == load_checkpoint(model, None).plan
    )
    inputs, outputs = INTERFACES[made.kind]
    assert [each.name for each in session.get_outputs()] == list(outputs)
    assert [each.shape[0] for each in session.get_inputs()] == ["batch"] * len(inputs)
    network, random = build(load_checkpoint(model, None)), np.random.default_rng(7)
    for batch in (2, 5):
        given = [random.normal(size=(batch, *port.shape)).astype(np.float32) for port in inputs]
        with torch.inference_mode():
            wanted = network(*map(torch.from_numpy, given))
        got = session.run(None, dict(zip((port.name for port in inputs), given, strict=True)))
        for ours, theirs in zip(wanted if isinstance(wanted, tuple) else (wanted,), got, strict=True):
            assert ours.std() > 0
            np.testing.assert_allclose(theirs, ours.numpy(), atol=1e-5)


def test_the_file_tells_nothing_of_the_machine_and_comes_out_alike(tmp_path):
    model = checkpoint(tmp_path, "discriminator")
    written = []
    for name in ("one.onnx", "two.onnx"):
        export_onnx(model, tmp_path / name)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    for path in (ROOT, tmp_path, Path(torch.__file__).parent):
        assert str(path).encode() not in written[0]


@pytest.mark.parametrize("bias", [0.01, float("nan")])
def test_another_network_is_not_kept(tmp_path, monkeypatch, bias):
    """The network changes once it has been traced, so that the file holds another one: the check must notice."""
    model, out = checkpoint(tmp_path, "discriminator"), tmp_path / "model.onnx"
    out.write_bytes(b"precious")
    traced = export._traced

    def and_changed(network, inputs, outputs):
        program = traced(network, inputs, outputs)
        network.binary_pred[0].bias = torch.nn.Parameter(network.binary_pred[0].bias + bias)
        return program

    monkeypatch.setattr(export, "_traced", and_changed)
    with pytest.raises(OutputError, match=r"model\.onnx: not written.*differs"):
        export_onnx(model, out)
    assert out.read_bytes() == b"precious"
    assert {path.name for path in tmp_path.iterdir()} == {"model.onnx", "model.safetensors"}


@pytest.mark.parametrize("left_out", ["onnx", "onnxscript", "onnxruntime"])
def test_without_the_extra(tmp_path, monkeypatch, left_out):
    model = checkpoint(tmp_path, "discriminator")
    monkeypatch.setitem(sys.modules, left_out, None)
    with pytest.raises(MissingExtraError, match=r"exporting to ONNX.*seido\[export\]"):
        export_onnx(model, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_files_that_cannot_be_read_or_written(tmp_path):
    model = checkpoint(tmp_path, "discriminator")
    with pytest.raises(OutputError, match=r"model\.onnx"):
        export_onnx(model, tmp_path / "model.pb")
    with pytest.raises(OutputError, match="does not exist"):
        export_onnx(model, tmp_path / "no" / "model.onnx")
    with pytest.raises(BadInputError, match="no such file"):
        export_onnx(tmp_path / "none.safetensors", tmp_path / "model.onnx")
