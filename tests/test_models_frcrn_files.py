"""FRCRN's weights from released files, our own and wrong ones."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from frcrn_weights import filled
from seido.errors import BadInputError
from seido.models.frcrn_files import FrcrnHeader, load_frcrn, read_frcrn_header, save_frcrn

SHARED = Path(__file__).resolve().parents[2] / "shared" / "parity"
needs_shared = pytest.mark.skipif(not (SHARED / "frcrn_keys.json").exists(), reason="the list of names is not here")


@pytest.fixture(scope="module")
def network():
    return filled()


@pytest.fixture(scope="module")
def narrow():
    return filled(8)


def released_names(weights):
    """The state dictionary as released: every layer under two names, and the fixed transforms."""
    twice = dict(weights)
    for name, tensor in weights.items():
        unet, stage, rest = name.split(".", 2)
        for single, listed in (
            ("encoder", "encoders"),
            ("decoder", "decoders"),
            ("se_layer_enc", "se_layers_enc"),
            ("se_layer_dec", "se_layers_dec"),
            ("fsmn_enc", "fsmn_enc"),
            ("fsmn_dec", "fsmn_dec"),
        ):
            if stage[:-1] == single:
                twice[f"{unet}.{listed}.{stage[-1]}.{rest}"] = tensor
    return twice | {name: torch.zeros(1) for name in ("stft.weight", "istft.weight", "istft.window", "istft.enframe")}


@needs_shared
def test_names_as_released(network):
    released = json.loads((SHARED / "frcrn_keys.json").read_text())
    assert set(released_names(network.state_dict())) == {each[0] for each in released["keys"]}


def same(network, other):
    ours, theirs = network.state_dict(), other.state_dict()
    return list(ours) == list(theirs) and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_released_folder(tmp_path, network):
    weights = released_names(network.state_dict())
    trained = {"model": weights, "optimizer": {"state": {0: {"step": 3}}, "param_groups": [{"lr": 1e-3}]}, "epoch": 1}
    torch.save(trained, tmp_path / "last_best_checkpoint.pt")
    (tmp_path / "last_best_checkpoint").write_text("last_best_checkpoint.pt\n")
    found = load_frcrn(tmp_path)
    assert same(found, network)
    assert not found.training
    assert all(p.requires_grad for p in found.parameters())


def test_own_file_and_bare_dictionaries(tmp_path, network):
    path = tmp_path / "frcrn.safetensors"
    save_frcrn(path, network, {"source": "drawn"})
    assert same(load_frcrn(path), network)
    assert read_frcrn_header(path) == FrcrnHeader(notes={"source": "drawn"})
    pt = tmp_path / "bare.pt"
    torch.save({f"module.{name}": tensor for name, tensor in network.state_dict().items()}, pt)
    assert same(load_frcrn(pt), network)
    assert read_frcrn_header(pt) is None


def refused(path, said):
    with pytest.raises(BadInputError, match=said) as caught:
        load_frcrn(path)
    assert str(caught.value).startswith(str(path.parent))
    assert "\n" not in str(caught.value)


def test_wrong_weights(tmp_path, network):
    # One number each, so that files are small.
    weights = {n: torch.zeros((), dtype=t.dtype).expand(t.shape) for n, t in network.state_dict().items()}
    path = tmp_path / "x.pt"
    first, second = list(weights)[:2]

    def save_and_refuse(wrong, said):
        torch.save(wrong, path)
        refused(path, said)

    save_and_refuse({n: t for n, t in weights.items() if n != first}, f"{first} is missing")
    save_and_refuse({n: t for n, t in weights.items() if not n.startswith("unet2.")}, "and 401 more are missing")
    save_and_refuse(weights | {"unet.extra.weight": torch.zeros(1)}, "unet.extra.weight is not part of the released")
    save_and_refuse(weights | {first: torch.zeros(3)}, "should have shape")
    save_and_refuse(weights | {second: weights[second] * torch.nan}, "NaN or infinite")
    alias = "unet.encoders.0.conv.conv_re.bias"
    save_and_refuse(weights | {alias: torch.ones(128)}, "there twice and differs")
    save_and_refuse({"face_decoder_blocks.0.0.conv_block.0.weight": torch.zeros(1)}, "weights of Wav2Lip")
    save_and_refuse({"other.weight": torch.zeros(1)}, "some other network")
    save_and_refuse({}, "no weights")
    save_and_refuse({"model": {"epoch": 3}}, "not a tensor")
    save_and_refuse([1, 2], "no weights")


def test_narrow_file_is_not_the_released(tmp_path, narrow):
    save_frcrn(tmp_path / "narrow.safetensors", narrow)
    refused(tmp_path / "narrow.safetensors", "should have shape")


class Code:
    def __reduce__(self):
        return (print, ("code was run",))


def test_code_in_a_file_is_not_run(tmp_path, capsys):
    torch.save({"model": Code()}, tmp_path / "code.pt")
    refused(tmp_path / "code.pt", "nothing that would run code")
    assert "code was run" not in capsys.readouterr().out


def test_damaged_files(tmp_path, narrow):
    path = tmp_path / "y.pt"
    torch.save(narrow.state_dict(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, "cut short")
    path.write_bytes(b"<!DOCTYPE html><html>not found</html>")
    refused(path, "web page")
    path.write_bytes(b"")
    refused(path, "empty")
    path.write_bytes(b"some text that is long enough")
    refused(path, "not a file of weights")
    refused(tmp_path / "absent.pt", "no such file")


def test_wrong_folders(tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    refused(folder, "there is no last_best_checkpoint")
    (folder / "last_best_checkpoint").write_text("gone.pt\n")
    refused(folder, "it names gone.pt")
    (folder / "last_best_checkpoint").write_bytes(b"\xff\xfe\x00")
    refused(folder, "one line")


def test_headers(tmp_path, narrow):
    path = tmp_path / "h.safetensors"
    save_frcrn(path, narrow)
    weights = load_file(path)
    for header, said in (
        ('{"network": "frcrn", "sample_rate": 48000}', "48000 Hz"),
        ("[]", "cannot be read"),
        ('{"unknown": 1}', "cannot be read"),
    ):
        save_file(weights, path, {"seido.frcrn": header})
        refused(path, said)
