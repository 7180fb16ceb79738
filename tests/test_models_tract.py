from fractions import Fraction

import numpy as np
import pytest
import torch
from torch.nn import functional

from seido.errors import BadInputError
from seido.models.catalogue import read_facts
from seido.models.checkpoint import build, load_checkpoint, save_checkpoint
from seido.models.tract import TractGenerator, new_tract, warp
from seido.models.tract_speech import CONTEXT, LOOK_AHEAD, SpeechEncoder, hearing
from seido.movie.generate import GenerateOptions, generate
from seido.plan import FrontEnd, Network, Plan
from seido.timebase import taken_at
from seido.values import Region, Speech

pytestmark = pytest.mark.usefixtures("one_thread")

RATE, LEAD = Fraction(25), Fraction(2, 25)
SLIM = Fraction(1, 4)
PLAN = Plan(
    network=Network(name="tract", width=SLIM, residual=True, size=64),
    front_end=FrontEnd(lead=LEAD),
    recipe="tract",
    antialias=True,
)


def lively(width: Fraction = SLIM) -> TractGenerator:
    """Make a generator that moves and paints visibly, with statistics unlike those it begins with."""
    torch.manual_seed(5)
    network = TractGenerator(width).eval()
    with torch.no_grad():
        for layer in (network.flow, network.paint_last, network.denoiser[-1]):
            layer.weight.normal_(std=0.05)
        network.speech.code.weight.mul_(30)
        for name, parameter in network.named_parameters():
            if name.endswith("state.weight"):
                parameter.mul_(2)
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(std=0.2)
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)
    return network


def spoken(columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-4, 4, (columns, 80)).astype(np.float32)


def voice(seconds: float) -> Speech:
    samples = np.random.default_rng(1).normal(0, 0.1, round(16_000 * seconds)).astype(np.float32)
    return Speech(samples * np.sin(np.arange(len(samples)) / 700).astype(np.float32), 16_000, "voice")


def heard(mel: np.ndarray, frames: range, rate: Fraction = RATE) -> tuple[torch.Tensor, torch.Tensor]:
    cut, at = hearing(mel, frames, rate, LEAD)
    return torch.from_numpy(cut)[None], torch.from_numpy(at)[None]


@pytest.mark.parametrize("training", [False, True])
def test_before_it_has_learnt_it_returns_the_reference(training):
    torch.manual_seed(0)
    network = TractGenerator().train(training)
    reference = torch.rand(2, 1, 64, 96)
    with torch.no_grad():
        cuts = [heard(spoken(97, seed), range(3, 7)) for seed in (0, 1)]
        mel, at = (torch.cat(parts) for parts in zip(*cuts, strict=True))
        made = network(mel, at, reference)
    assert made.shape == (2, 4, 1, 64, 96)
    torch.testing.assert_close(made, reference[:, None].expand_as(made), atol=1e-5, rtol=0)


def test_it_has_the_size_it_is_meant_to_have():
    with torch.device("meta"):
        count = sum(each.numel() for each in TractGenerator().parameters())
    assert 600_000 < count < 1_000_000


@pytest.mark.parametrize("size", [(64, 64), (50, 71), (32, 160), (9, 9)])
def test_pictures_of_any_size_come_out_in_their_size(size):
    network = lively()
    with torch.inference_mode():
        made = network(*heard(spoken(40), range(5)), torch.rand(1, 1, *size))
    assert made.shape == (1, 5, 1, *size)
    assert made.isfinite().all()


def test_padding_repeats_the_edge():
    network, reference = lively(), torch.rand(1, 1, 40, 64)
    padded = functional.pad(reference, (0, 0, 0, 24), mode="replicate")
    cut = heard(spoken(40), range(3))
    with torch.inference_mode():
        torch.testing.assert_close(network(*cut, reference), network(*cut, padded)[..., :40, :])


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(1159, 50), Fraction(2082, 25)])
def test_stretches_of_speech_give_what_the_whole_gives(rate):
    torch.manual_seed(2)
    encoder = SpeechEncoder(80, 12, SLIM).eval()
    mel = spoken(300)
    total = int(Fraction(300, 80) * rate)
    with torch.inference_mode():
        whole = encoder(*heard(mel, range(total), rate))
        pieces = [encoder(*heard(mel, range(first, min(first + 7, total)), rate)) for first in range(0, total, 7)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, atol=2e-4, rtol=0)


def test_a_frame_hears_no_further_than_it_says():
    network, mel = lively(), spoken(200)
    place = 80 * (20 + 0.5) / 25
    # A column covers half a mel window, .025 s, to either side of its place.
    furthest = int(place + (float(LOOK_AHEAD) - 0.025) * 80)
    assert furthest - int(place) == CONTEXT + 1
    with torch.inference_mode():
        before = network.listen(*heard(mel, range(20, 21)))
        for column, changes in ((furthest, True), (furthest + 1, False), (int(place) - CONTEXT - 1, False)):
            other = mel.copy()
            other[column] += 3
            assert torch.equal(network.listen(*heard(other, range(20, 21))), before) != changes


def test_beyond_the_speech_there_is_silence():
    mel = spoken(30)
    longer = np.concatenate([np.full((40, 80), -4, np.float32), mel, np.full((40, 80), -4, np.float32)])
    cut, _ = hearing(mel, range(8), RATE, LEAD)
    inside, _ = hearing(longer, range(8), RATE, LEAD - Fraction(40, 80))
    np.testing.assert_array_equal(cut, inside)
    nothing, _ = hearing(mel, range(500, 503), RATE, LEAD)
    assert (nothing == -4).all()


def test_a_frame_lies_at_its_middle_in_the_speech():
    mel = np.zeros((200, 80), np.float32)
    mel[:, 0] = np.arange(200)
    for rate in (Fraction(25), Fraction(1159, 50)):
        lead = Fraction(1, 10) - 1 / rate / 2
        cut, at = hearing(mel, range(20, 30), rate, lead)
        column = np.interp(at, np.arange(len(cut)), cut[:, 0])
        np.testing.assert_allclose(column, [80 * (frame + 0.5) / rate for frame in range(20, 30)], atol=1e-4)


def test_frames_are_made_each_by_itself():
    network = lively()
    reference = torch.rand(2, 1, 32, 64)
    codes = torch.randn(6, 24)
    with torch.inference_mode():
        both = network.paint(codes, network.hold(reference))
        second = network.hold(reference[1:])
        one_by_one = torch.cat([network.paint(codes[number : number + 1], second) for number in (3, 4, 5)])
    torch.testing.assert_close(both[3:], one_by_one, atol=1e-5, rtol=0)
    assert (both[3] - both[4]).abs().max() > 1e-3
    with pytest.raises(BadInputError, match="5 frames cannot be shared by 2 clips"):
        network.paint(codes[:5], network.hold(reference))
    with pytest.raises(BadInputError, match="the first frame should have shape"):
        network.hold(torch.rand(1, 3, 32, 32))


def test_a_flow_of_whole_pixels_moves_whole_pixels():
    pictures = torch.rand(1, 2, 8, 12)
    flow = torch.zeros(1, 2, 8, 12)
    flow[:, 0], flow[:, 1] = 3, -2
    wanted = pictures[:, :, (torch.arange(8) - 2).clamp(0, 7)][..., (torch.arange(12) + 3).clamp(0, 11)]
    torch.testing.assert_close(warp(pictures, flow), wanted)


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    network, path = lively(), tmp_path / "tract.safetensors"
    save_checkpoint(path, network, PLAN)
    checkpoint = load_checkpoint(path, expect="tract")
    assert (checkpoint.kind, checkpoint.plan) == ("tract", PLAN)
    built, cut, reference = build(checkpoint), heard(spoken(40), range(4)), torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(built(*cut, reference), network(*cut, reference))
    assert read_facts(path).kind == "tract"
    with pytest.raises(BadInputError, match="these are the weights of a tract generator"):
        load_checkpoint(path, expect="wav2lip")


@pytest.fixture
def model(tmp_path) -> str:
    path = tmp_path / "tract.safetensors"
    save_checkpoint(path, lively(), PLAN)
    return str(path)


@pytest.mark.parametrize("shape", [(48, 40), (64, 64, 3)])
def test_a_movie_changes_the_region_alone(model, shape):
    picture = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
    made = generate(voice(0.6), picture, GenerateOptions(model=model, region="4,8,24,32", batch=4))
    frames = np.stack(list(made))
    assert frames.shape == (15, *shape)
    assert frames.dtype == np.uint8
    outside = np.ones(shape[:2], bool)
    Region(4, 8, 24, 32).crop(outside)[:] = False
    assert (frames[:, outside] == picture[outside]).all()
    assert np.abs(np.diff(frames.astype(int), axis=0)).max() > 2


def test_an_untrained_model_holds_the_first_frame(tmp_path):
    path = tmp_path / "untrained.safetensors"
    torch.manual_seed(0)
    save_checkpoint(path, new_tract(PLAN), PLAN)
    picture = np.random.default_rng(3).integers(0, 256, (64, 64), np.uint8)
    frames = np.stack(list(generate(voice(0.3), picture, GenerateOptions(model=str(path)))))
    assert (frames == picture).all()


def test_neither_batches_nor_stretches_show(model, monkeypatch):
    picture = np.random.default_rng(3).integers(0, 256, (64, 64), np.uint8)
    speech = voice(0.9)
    whole = np.stack(list(generate(speech, picture, GenerateOptions(model=model, batch=64))))
    monkeypatch.setattr("seido.movie.generate._STRETCH", 7)
    cut = np.stack(list(generate(speech, picture, GenerateOptions(model=model, batch=3))))
    assert np.abs(whole.astype(int) - cut).max() <= 1


def test_any_frame_rate_and_offset_will_do(model):
    picture = np.random.default_rng(3).integers(0, 256, (64, 64), np.uint8)
    speech = voice(0.4)
    slow = np.stack(list(generate(speech, picture, GenerateOptions(model=model))))
    fast = np.stack(list(generate(speech, picture, GenerateOptions(model=model, fps="75"))))
    # The middle of every third of the short frames is the middle of a long one.
    assert len(fast) == 3 * len(slow)
    assert np.abs(fast[1::3].astype(int) - slow).max() <= 1
    late = np.stack(list(generate(speech, picture, GenerateOptions(model=model, offset=40))))
    assert np.abs(late[1:].astype(int) - slow[:-1]).max() <= 1


def test_it_runs_on_torch_alone(model):
    picture = np.zeros((64, 64), np.uint8)
    with pytest.raises(BadInputError, match="tract does not run on the openvino engine"):
        generate(voice(0.3), picture, GenerateOptions(model=model, engine="openvino"))


def test_frames_that_were_taken_between_others_are_heard_there():
    mel = np.zeros((200, 80), np.float32)
    mel[:, 0] = np.arange(200)
    source = Fraction(346, 25)
    moments = [taken_at(frame, RATE, source, 7) for frame in range(20, 40, 3)]
    cut, at = hearing(mel, moments, RATE, LEAD, moments[-1] - moments[0] + 1 - len(moments))
    assert len(cut) > at[-1] + CONTEXT
    column = np.interp(at, np.arange(len(cut)), cut[:, 0])
    np.testing.assert_allclose(column, [float(80 * (moment + Fraction(1, 2)) / RATE) for moment in moments], atol=1e-4)
