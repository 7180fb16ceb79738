from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from seido.errors import BadInputError
from seido.models.aligned import aligned_features, centred_front_end, whole_window
from seido.models.averaging import average_checkpoints
from seido.models.baselines import BASELINES, new_baseline
from seido.models.catalogue import read_facts
from seido.models.checkpoint import build, load_checkpoint, save_checkpoint
from seido.models.wav2lip import Wav2Lip
from seido.movie.generate import GenerateOptions, generate
from seido.plan import Network, Plan
from seido.values import Region, Speech

NAMES = tuple(BASELINES)


def plan_of(name: str, columns: int = 4, width: Fraction = Fraction(1, 16)) -> Plan:
    front_end = centred_front_end(columns, Fraction(25))
    return Plan(network=Network(name=name, width=width, size=68), front_end=front_end, recipe="tract", antialias=True)


def lively(name: str, columns: int = 4):
    """Make a small baseline whose pictures move visibly."""
    torch.manual_seed(3)
    plan = plan_of(name, columns)
    network = new_baseline(plan).eval()
    features = 80 * columns
    network.begin(torch.full((features,), -2.0), torch.full((features,), 1.5), 0.3 + 0.4 * torch.rand(68, 68))
    with torch.no_grad():
        for part, parameter in network.named_parameters():
            # The last layer begins small.
            if part != "pixels.bias":
                parameter.mul_(10 if part == "pixels.weight" else 2)
    return network, plan


@pytest.fixture
def checkpoint(tmp_path):
    def make(name: str, columns: int = 4):
        network, plan = lively(name, columns)
        path = tmp_path / f"{name}.safetensors"
        save_checkpoint(path, network, plan)
        return path

    return make


@pytest.mark.parametrize(
    ("name", "published"), [("csapo-dnn", 8_658_624), ("csapo-cnn", 1_171_969), ("csapo-lstm", 8_635_374)]
)
def test_with_the_published_features_there_are_the_published_numbers_of_weights(name, published):
    with torch.device("meta"):
        network = BASELINES[name](25)
    # torch's LSTM has two biases where one is enough: 4 · 575 more in each of two layers.
    doubled = 2 * 4 * 575 if name == "csapo-lstm" else 0
    assert sum(each.numel() for each in network.parameters()) == published + doubled


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(0, x)


def affine(weights: dict[str, np.ndarray], name: str, x: np.ndarray) -> np.ndarray:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def convolved(weights: dict[str, np.ndarray], name: str, maps: np.ndarray) -> np.ndarray:
    """Convolve (C, H, W) 3 × 3 by the definition, zeros around."""
    kernel, (_, height, width) = weights[f"{name}.weight"], maps.shape
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)))
    shifted = [[padded[:, i : i + height, j : j + width] for j in range(3)] for i in range(3)]
    return weights[f"{name}.bias"][:, None, None] + sum(
        np.einsum("oc,chw->ohw", kernel[:, :, i, j], shifted[i][j]) for i in range(3) for j in range(3)
    )


def remembered(weights: dict[str, np.ndarray], layer: str, x: np.ndarray) -> np.ndarray:
    """Run one LSTM layer over (T, inputs) by its equations: gates in the order input, forget, cell, output."""
    hidden = cell = np.zeros(weights[f"cells.weight_hh_{layer}"].shape[1])
    shown = []
    for step in x:
        gates = (
            weights[f"cells.weight_ih_{layer}"] @ step
            + weights[f"cells.bias_ih_{layer}"]
            + weights[f"cells.weight_hh_{layer}"] @ hidden
            + weights[f"cells.bias_hh_{layer}"]
        )
        taken, kept, new, out = np.split(gates, 4)
        cell = cell / (1 + np.exp(-kept)) + np.tanh(new) / (1 + np.exp(-taken))
        hidden = np.tanh(cell) / (1 + np.exp(-out))
        shown.append(hidden)
    return np.stack(shown)


def by_hand(name: str, weights: dict[str, np.ndarray], speech: np.ndarray) -> np.ndarray:
    x = (speech - weights["mean"]) / weights["deviation"]
    for layer in sorted({key.split(".")[1] for key in weights if key.startswith("hidden.")}, key=int):
        x = relu(affine(weights, f"hidden.{layer}", x))
    if name == "csapo-cnn":
        pictures = []
        for maps in x.reshape(len(x), -1, 17, 17):
            maps = relu(convolved(weights, "painted.1", maps.repeat(2, axis=1).repeat(2, axis=2)))
            pictures.append(convolved(weights, "painted.4", maps.repeat(2, axis=1).repeat(2, axis=2))[0])
        return np.stack(pictures)
    if name == "oura-blstm":
        for layer in ("l0", "l1"):
            back = remembered(weights, f"{layer}_reverse", x[::-1])[::-1]
            x = np.concatenate([remembered(weights, layer, x), back], axis=1)
    if name == "csapo-lstm":
        x = remembered(weights, "l1", remembered(weights, "l0", x))
    return affine(weights, "pixels", x).reshape(-1, 68, 68)


@pytest.mark.parametrize("name", NAMES)
def test_the_networks_compute_what_their_equations_say(name):
    network, _ = lively(name)
    speech = torch.randn(6, 320)
    weights = {key: each.double().numpy() for key, each in network.state_dict().items()}
    with torch.no_grad():
        made = network(speech[None])[0].numpy()
    assert made.std(axis=0).max() > 1e-2, "the test needs pictures that move"
    np.testing.assert_allclose(made, by_hand(name, weights, speech.double().numpy()), atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", [1, 7, 100])
def test_a_long_stretch_may_come_in_parts(name, part):
    network, _ = lively(name)
    speech = torch.randn(80, 320)
    with torch.no_grad():
        whole = network(speech[None])[0]
        parts = torch.cat(list(network.stream(speech.split(part))))
    torch.testing.assert_close(parts, whole, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("name", "before", "after"), [
    ("csapo-dnn", False, False), ("csapo-cnn", False, False), ("csapo-lstm", True, False), ("oura-blstm", True, True),
])  # fmt: skip
def test_which_frames_see_the_speech_of_others(name, before, after):
    network, _ = lively(name)
    speech = torch.randn(1, 9, 320)
    other = speech.clone()
    other[:, 4] += 1
    with torch.no_grad():
        changed = (network(speech) != network(other)).flatten(2).any(2)[0].tolist()
    assert changed[4]
    assert any(changed[:4]) == after  # an earlier frame changes where later speech is heard
    assert any(changed[5:]) == before


def test_features_are_the_middle_of_the_window():
    windows = torch.arange(16.0).expand(2, 1, 80, 16)
    assert aligned_features(windows, 4)[0, :4].tolist() == [6, 7, 8, 9]
    assert aligned_features(windows, 16).shape == (2, 1280)


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(1159, 50)])
@pytest.mark.parametrize("columns", [1, 2, 4, 15, 16])
def test_what_is_heard_is_centred_on_the_frame(columns, rate):
    front_end = centred_front_end(columns, rate)
    middle = -front_end.lead + Fraction(columns, 80) / 2
    # An odd number of columns has its middle half a column off.
    assert middle - 1 / rate / 2 == -Fraction(columns % 2, 160)
    assert whole_window(front_end) == centred_front_end(16, rate)


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_gives_back_the_network_to_the_bit(name, checkpoint):
    network, plan = lively(name)
    path = checkpoint(name)
    read = load_checkpoint(path, expect=name)
    assert (read.kind, read.plan) == (name, plan)
    built = build(read)
    speech = torch.randn(1, 5, 320)
    with torch.no_grad():
        assert torch.equal(built(speech), network(speech))
    assert read_facts(path).kind == name


def test_the_wrong_network_is_named(checkpoint, tmp_path):
    path = checkpoint("csapo-dnn")
    with pytest.raises(BadInputError, match=r"fully connected network \(Csapó 2020\); give the generator's"):
        load_checkpoint(path)
    other = tmp_path / "wav2lip.safetensors"
    save_checkpoint(other, Wav2Lip(Fraction(1, 16)), Plan(network=Network(width=Fraction(1, 16))))
    with pytest.raises(BadInputError, match="a Wav2Lip generator; give one that `seido train --model csapo-lstm` made"):
        load_checkpoint(other, expect="csapo-lstm")


def test_weights_that_do_not_fit_the_plan_are_refused(tmp_path):
    network, plan = lively("csapo-dnn")
    path = tmp_path / "w.safetensors"
    save_checkpoint(path, network, replace(plan, front_end=replace(plan.front_end, window=16)))
    with pytest.raises(BadInputError, match=r"should have shape \(1280,\), got \(320,\)"):
        load_checkpoint(path, expect=None)


def test_baselines_can_be_averaged(checkpoint, tmp_path):
    one = checkpoint("csapo-dnn")
    other = tmp_path / "other.safetensors"
    network, plan = lively("csapo-dnn")
    with torch.no_grad():
        network.pixels.bias.add_(1)
    save_checkpoint(other, network, plan)
    means, _ = average_checkpoints([one, other])
    torch.testing.assert_close(means["pixels.bias"], network.pixels.bias - 0.5)


@pytest.mark.parametrize("name", NAMES)
def test_a_movie_is_made_in_the_region_whatever_the_batch(name, checkpoint, voice, tract):
    model, box, frame = str(checkpoint(name)), Region(8, 10, 40, 30), tract(1, 60, 64)[0]

    def made(batch: int, picture: np.ndarray) -> np.ndarray:
        options = GenerateOptions(model=model, region=str(box), batch=batch)
        return np.stack(list(generate(Speech(voice(1.0), 16_000), picture, options)))

    movie = made(16, frame)
    assert movie.shape == (25, 60, 64)
    assert movie.dtype == np.uint8
    assert box.crop(movie[0]).std() > 0
    assert np.abs(np.diff(movie.astype(int), axis=0)).max() > 3, "the test needs a movie that moves"
    outside = np.ones(frame.shape, bool)
    box.crop(outside)[:] = False
    np.testing.assert_array_equal(movie[:, outside], np.broadcast_to(frame[outside], (25, outside.sum())))
    assert np.abs(made(3, frame).astype(int) - movie).max() <= 1
    # It never looks at the first frame: another one shows the same.
    np.testing.assert_array_equal(box.crop(made(16, 255 - frame)[5]), box.crop(movie[5]))


@pytest.mark.parametrize("columns", [1, 16])
@pytest.mark.parametrize("seconds", [0.01, 0.3])
def test_very_short_speech_works_in_colour_too(checkpoint, voice, seconds, columns):
    frame = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    options = GenerateOptions(model=str(checkpoint("csapo-lstm", columns)))
    made = np.stack(list(generate(Speech(voice(seconds), 16_000), frame, options)))
    assert made.shape == (int(np.ceil(seconds * 25)), 40, 50, 3)
    assert (made[..., 0] == made[..., 2]).all()


def test_speech_is_heard_later_by_the_offset(checkpoint, voice, tract):
    def shown(offset: float) -> np.ndarray:
        options = GenerateOptions(model=str(checkpoint("csapo-dnn")), offset=offset)
        return np.stack(list(generate(Speech(voice(1.0), 16_000), tract(1)[0], options)))

    np.testing.assert_array_equal(shown(40)[2:22], shown(0)[1:21])


def test_openvino_is_refused_in_a_sentence(checkpoint, voice, tract):
    options = GenerateOptions(model=str(checkpoint("csapo-dnn")), engine="openvino")
    with pytest.raises(BadInputError, match="csapo-dnn does not run on the openvino engine; leave out --engine"):
        generate(Speech(voice(0.3), 16_000), tract(1)[0], options)


def test_a_picture_that_the_cnn_cannot_make_is_refused():
    with pytest.raises(BadInputError, match="multiple of 4"):
        BASELINES["csapo-cnn"](80, size=70)
