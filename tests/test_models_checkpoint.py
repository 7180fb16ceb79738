import contextlib
import io
import os
import pickle
import warnings
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from seido.errors import BadInputError, OutputError
from seido.files import sha256
from seido.models import checkpoint as module
from seido.models.checkpoint import build, load_checkpoint, save_checkpoint
from seido.models.registry import bundled_models, find_model
from seido.models.wav2lip import QualityDiscriminator, SyncNet, Wav2Lip
from seido.plan import Network, Plan
from seido.values import Region

SLIM = Fraction(1, 16)
KINDS = {"wav2lip": Wav2Lip, "syncnet": SyncNet, "discriminator": QualityDiscriminator}


@pytest.fixture
def model():
    torch.manual_seed(3)
    network = Wav2Lip(SLIM)
    network(torch.randn(2, 1, 80, 16), torch.rand(2, 6, 96, 96))  # batch statistics of its own
    return network.eval()


def training_file(network, prefix=""):
    """As the published training writes it, Adam's moments and all."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    weights = {prefix + name: tensor for name, tensor in network.state_dict().items()}
    return {"state_dict": weights, "optimizer": optimizer.state_dict(), "global_step": 255_000, "global_epoch": 3}


def torchscript(network, path):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.", DeprecationWarning)
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
        traced = torch.jit.trace(network, (torch.rand(1, 1, 80, 16), torch.rand(1, 6, 96, 96)))
        traced.save(path)


def same_weights(checkpoint, network):
    expected = network.state_dict()
    assert list(checkpoint.weights) == list(expected)
    return all(torch.equal(tensor, expected[name]) for name, tensor in checkpoint.weights.items())


WRITERS = {
    "legacy": lambda m, p: torch.save(training_file(m), p, _use_new_zipfile_serialization=False),
    "zip": lambda m, p: torch.save(training_file(m), p),
    "several GPUs": lambda m, p: torch.save(training_file(m, "module."), p),
    "bare": lambda m, p: torch.save(m.state_dict(), p),
    "bare legacy": lambda m, p: torch.save(m.state_dict(), p, _use_new_zipfile_serialization=False),
    "TorchScript": torchscript,
    "safetensors": lambda m, p: save_file(m.state_dict(), p),
}


@pytest.mark.parametrize("form", WRITERS)
def test_reads_every_format_of_the_published_network(tmp_path, model, form):
    path = tmp_path / "wav2lip.pth"  # the suffix says nothing
    WRITERS[form](model, path)
    checkpoint = load_checkpoint(path)
    assert (checkpoint.kind, checkpoint.source, checkpoint.known) == ("wav2lip", path, None)
    assert checkpoint.step == (255_000 if form in {"legacy", "zip", "several GPUs"} else None)
    assert checkpoint.plan == Plan(network=Network(width=SLIM))
    assert checkpoint.plan.recipe == "talk"
    assert same_weights(checkpoint, model)

    network = build(checkpoint)
    assert not network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    audio, face = torch.randn(1, 1, 80, 16), torch.rand(1, 6, 96, 96)
    with torch.inference_mode():
        assert torch.equal(network(audio, face), model(audio, face))


def test_reads_a_legacy_file_of_full_width(tmp_path):
    network = Wav2Lip()
    torch.save(
        {"state_dict": network.state_dict(), "optimizer": None, "global_step": 1},
        tmp_path / "w.pth",
        _use_new_zipfile_serialization=False,
    )
    checkpoint = load_checkpoint(str(tmp_path / "w.pth"))
    assert checkpoint.plan.network == Network()
    assert same_weights(checkpoint, network)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [Fraction(1, 100), Fraction(1, 16), Fraction(3, 10), Fraction(5, 7)])
def test_tells_kind_and_width_from_the_weights(tmp_path, kind, width):
    network = KINDS[kind](width)
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    checkpoint = load_checkpoint(tmp_path / "w.safetensors", expect=None)
    assert checkpoint.kind == checkpoint.plan.network.name == kind
    assert same_weights(checkpoint, build(checkpoint))
    if width > Fraction(1, 20):  # thinner ones have 4 channels in most layers
        assert checkpoint.plan.network.width == width


def test_keeps_the_plan(tmp_path):
    torch.manual_seed(5)
    network = Wav2Lip(SLIM, residual=True)
    torch.nn.init.normal_(network.output_block[1].weight)
    plan = Plan(
        network=Network(width=SLIM, residual=True),
        rate=Fraction(1159, 50),
        region=Region(1, 2, 60, 70),
        recipe="tract",
        notes={"step": "1200", "licence": "CC0"},
    )
    path = tmp_path / "own.safetensors"
    save_checkpoint(path, network, plan)
    checkpoint = load_checkpoint(path)
    assert (checkpoint.plan, checkpoint.step, checkpoint.known) == (plan, 1200, None)
    assert build(checkpoint).residual
    assert same_weights(checkpoint, network)

    save_checkpoint(path, checkpoint.weights, plan)  # a dictionary will do, and a file be replaced
    assert same_weights(load_checkpoint(path), network)
    assert list(tmp_path.iterdir()) == [path]


def test_a_built_network_can_be_trained_and_leaves_the_checkpoint_alone(tmp_path, model):
    save_checkpoint(tmp_path / "w.safetensors", model.to(memory_format=torch.channels_last), Plan(Network(width=SLIM)))
    checkpoint = load_checkpoint(tmp_path / "w.safetensors")
    network = build(checkpoint).train()
    network(torch.randn(2, 1, 80, 16), torch.rand(2, 6, 96, 96)).mean().backward()
    torch.optim.SGD(network.parameters(), lr=1.0).step()
    assert same_weights(checkpoint, model)
    assert not same_weights(checkpoint, network)


def test_the_critics_are_kept_beside_a_generators_plan(tmp_path):
    network = SyncNet(SLIM)
    save_checkpoint(tmp_path / "s.safetensors", network, Plan(Network(width=Fraction(1, 2), residual=True)))
    checkpoint = load_checkpoint(tmp_path / "s.safetensors", expect="syncnet")
    assert (checkpoint.plan.network.name, checkpoint.plan.network.width) == ("syncnet", SLIM)
    assert same_weights(checkpoint, build(checkpoint))


def test_half_precision_and_missing_counts_are_mended(tmp_path, model):
    weights = {k: v.half() for k, v in model.state_dict().items() if "num_batches" not in k}
    save_file(weights, tmp_path / "h.safetensors")
    network = build(load_checkpoint(tmp_path / "h.safetensors"))
    assert {p.dtype for p in network.parameters()} == {torch.float32}


def test_recognises_a_published_file(tmp_path, model, monkeypatch):
    path = tmp_path / "anything.pth"
    torch.save(model.state_dict(), path)
    monkeypatch.setitem(module.PUBLISHED, sha256(path), "wav2lip_gan.pth")
    checkpoint = load_checkpoint(path)
    assert checkpoint.known == checkpoint.plan.notes["published"] == "wav2lip_gan.pth"
    assert "non-commercial" in checkpoint.plan.notes["licence"]


@pytest.mark.parametrize("given", KINDS)
@pytest.mark.parametrize("wanted", KINDS)
def test_one_network_given_for_another(tmp_path, given, wanted):
    path = tmp_path / "w.pth"
    torch.save({"state_dict": KINDS[given](SLIM).state_dict()}, path)
    if given == wanted:
        assert load_checkpoint(path, wanted).kind == given
        return
    name = {"wav2lip": "a Wav2Lip generator", "syncnet": "sync expert", "discriminator": "quality discriminator"}
    with pytest.raises(BadInputError, match=f"w.pth: these are the weights of .*{name[given]}; give the"):
        load_checkpoint(path, wanted)


def write(path, data):
    path.write_bytes(data)


def saved(thing, **options):
    stream = io.BytesIO()
    torch.save(thing, stream, **options)
    return stream.getvalue()


def zipped(data):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("word/document.xml", data)
    return stream.getvalue()


def halved(writer):
    def make(model, path):
        writer(model, path)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * 2 // 3])

    return make


class Runs:
    def __reduce__(self):
        return os.mkdir, ("it-ran",)


def changed(**changes):
    def make(model, path):
        weights = model.state_dict()
        for name, value in changes.items():
            if value is None:
                del weights[name]
            else:
                weights[name] = value
        torch.save({"state_dict": weights}, path)

    return make


BIAS = "face_encoder_blocks.0.0.conv_block.0.bias"
TRAPS = {
    "face detector": (
        lambda m, p: torch.save({"conv1_1.weight": torch.zeros(3), "L2Norm3_3.weight": torch.zeros(3)}, p),
        r"face detector's weights \(S3FD\); give the generator's",
    ),
    "web page": (lambda m, p: write(p, b"\n<!DOCTYPE html><html>"), "web page, not weights; the download failed"),
    "legacy cut": (halved(WRITERS["legacy"]), "damaged or cut short"),
    "legacy cut early": (
        lambda m, p: write(p, saved(1, _use_new_zipfile_serialization=False)[:25]),
        "cut short|not a file",
    ),
    "zip cut": (halved(WRITERS["zip"]), "damaged or cut short"),
    "TorchScript cut": (halved(WRITERS["TorchScript"]), "damaged or cut short"),
    "safetensors cut": (halved(WRITERS["safetensors"]), "damaged or cut short"),
    "empty": (lambda m, p: write(p, b""), "the file is empty"),
    "missing": (lambda m, p: None, "there is no such file"),
    "folder": (lambda m, p: p.mkdir(), "this is a folder"),
    "sound": (lambda m, p: write(p, b"RIFF" + bytes(2000)), "not a file of weights; give a .pth"),
    "other zip": (lambda m, p: write(p, zipped(b"PK")), "not a file of weights"),
    "other pickle": (lambda m, p: write(p, pickle.dumps({"a": 1})), "not a file of weights"),
    "numpy inside": (
        lambda m, p: torch.save({"state_dict": m.state_dict(), "loss": np.zeros(2)}, p),
        r"it asks for numpy\S+, and only tensors are read .* save the network's state_dict alone",
    ),
    "whole network": (lambda m, p: torch.save(m, p), r"it asks for seido\.models\.wav2lip\.Wav2Lip"),
    "code": (lambda m, p: torch.save(Runs(), p), r"it asks for posix\.mkdir, and only tensors"),
    "a number": (lambda m, p: torch.save(3, p), "no weights in it; give"),
    "no weights": (lambda m, p: torch.save({"state_dict": {}}, p), "no weights in it"),
    "not tensors": (lambda m, p: torch.save({"epoch": 3, "model": {}}, p), "epoch is not a tensor"),
    "another network": (
        lambda m, p: save_file({"unet.conv_in.weight": torch.zeros(2)}, p),
        r"some other network \(the first is unet.conv_in.weight\)",
    ),
    "missing key": (changed(**{BIAS: None}), f"{BIAS} is missing"),
    "more keys": (
        changed(**{f"sam.{i}": torch.zeros(1) for i in range(5)}),
        "sam.0, sam.1, sam.2 and 2 more are not part",
    ),
    "shape": (
        changed(**{BIAS.replace("bias", "weight"): torch.zeros(4, 6, 5, 5)}),
        r"block.0.weight should have shape \(4, 6, 7, 7\), got \(4, 6, 5, 5\)",
    ),
    "two widths": (changed(**{BIAS: torch.zeros(16)}), "do not belong to one network of a single width"),
    "NaN": (changed(**{BIAS: torch.full((4,), torch.nan)}), f"{BIAS} holds NaN"),
    "newer plan": (
        lambda m, p: save_file(m.state_dict(), p, {"seido.plan": '{"version": 99}'}),
        "written by a newer seido",
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_wrong_files_are_told_apart(tmp_path, model, trap, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, sentence = TRAPS[trap]
    path = tmp_path / "given.pth"
    make(model, path)
    with pytest.raises(BadInputError, match=sentence) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert not Path("it-ran").exists()


@pytest.mark.parametrize("form", ["legacy", "zip", "TorchScript", "safetensors"])
def test_damage_anywhere_is_told_in_a_sentence_or_does_no_harm(tmp_path, form):
    path = tmp_path / "damaged.pth"
    WRITERS[form](Wav2Lip(Fraction(1, 100)).eval(), path)
    whole, draw = path.read_bytes(), np.random.default_rng(11)
    for _ in range(15):
        data = np.frombuffer(whole, np.uint8).copy()
        data[draw.integers(0, len(data), 4)] = draw.integers(0, 256, 4)
        data[draw.integers(0, min(len(data), 30_000), 4)] = draw.integers(0, 256, 4)
        for damaged in (data, data[: draw.integers(1, len(data))]):
            path.write_bytes(damaged.tobytes())
            with contextlib.suppress(BadInputError):
                load_checkpoint(path)


def test_saving_where_there_is_no_folder(tmp_path, model):
    with pytest.raises(OutputError, match="does not exist"):
        save_checkpoint(tmp_path / "none" / "w.safetensors", model, Plan())


def test_models_by_name_or_path(tmp_path, monkeypatch):
    path = tmp_path / "mine.pth"
    path.touch()
    assert find_model(path) == find_model(str(path)) == path
    with pytest.raises(BadInputError, match="nothing: there is no such model; .*name"):
        find_model("nothing")
    assert all(find_model(name).is_file() for name in bundled_models())

    monkeypatch.setattr("seido.models.registry.WEIGHTS", tmp_path)
    (tmp_path / "small.safetensors").touch()
    assert bundled_models() == ("small",)
    assert find_model("small") == tmp_path / "small.safetensors"
    with pytest.raises(BadInputError, match="choose one of small, or name a file"):
        find_model("large")
