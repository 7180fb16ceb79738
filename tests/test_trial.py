"""The trial's generators E and Hb: what they are, and that they pass through all that the tract generator does."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn

from seido.clips.store import open_clips
from seido.errors import BadInputError
from seido.models.catalogue import read_facts
from seido.models.checkpoint import GENERATORS, build, load_checkpoint, save_checkpoint
from seido.models.mover import Mover
from seido.models.movers import MOVERS, TITLES, new_mover
from seido.models.tract import TractGenerator
from seido.models.tract_speech import hearing
from seido.models.trial import Film, first_columns
from seido.models.trial_e import REACH, TrialE
from seido.models.trial_hb import TrialHb
from seido.movie.generate import GenerateOptions, generate
from seido.plan import FrontEnd, Network, Plan
from seido.training.augment import AugmentOptions
from seido.training.loop import train
from seido.training.options import LossOptions, Model, TractOptions, TrainOptions
from seido.training.start import task_of
from seido.training.state import BEST, read_last
from seido.training.tract_task import TractTask
from seido.values import Speech
from training_clips import write_clips

pytestmark = pytest.mark.usefixtures("one_thread")

SKETCH = Path(__file__).resolve().parents[2] / "shared" / "prototypes" / "generator_poc.py"
RATE, LEAD = Fraction(25), Fraction(2, 25)
SLIM = Fraction(1, 4)
NAMES: tuple[Model, ...] = ("trial-e", "trial-hb")
BRIEF = TrainOptions(
    width=SLIM,
    batch=2,
    window=4,
    steps=4,
    warm_up=2,
    validate_every=2,
    validation_frames=6,
    device="cpu",
    threads=1,
    pictures=False,
    losses=LossOptions(structure=0.1),
    tract=TractOptions(size=32),
)


class KilledError(Exception):
    """What stops a run without warning."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips") / "clips", train=5, validation=1, side=32)


def plan_of(name: str, width: Fraction = SLIM) -> Plan:
    network = Network(name=name, width=width, residual=True, size=64)
    return Plan(network=network, front_end=FrontEnd(lead=LEAD), recipe="tract", antialias=True)


def lively(name: str) -> Mover:
    """Make a generator that moves and paints visibly, with statistics unlike those it begins with."""
    torch.manual_seed(5)
    network = new_mover(plan_of(name)).eval()
    assert isinstance(network, TrialE | TrialHb)
    with torch.no_grad():
        for layer in (network.flow, network.painter[-1], network.denoiser[-1]):
            layer.weight.normal_(std=0.05)
        for part in network.modules():
            if isinstance(part, Film):
                part.state.weight.mul_(2)
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.normal_(std=0.2)
                part.running_var.uniform_(0.5, 1.5)
        last = network.code if isinstance(network, TrialE) else network.speech[-1]
        last.weight.mul_(10)
    return network


def spoken(columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-4, 4, (columns, 80)).astype(np.float32)


def heard(network: Mover, mel: np.ndarray, frames, rate: Fraction = RATE) -> tuple[torch.Tensor, torch.Tensor]:
    slack = frames[-1] - frames[0] - len(frames) + 1
    cut, at = hearing(mel, frames, rate, LEAD, slack, network.context)
    return torch.from_numpy(cut)[None], torch.from_numpy(at)[None]


def test_each_is_known_wherever_generators_are():
    assert set(MOVERS) == set(TITLES)
    assert set(MOVERS) <= set(GENERATORS)
    assert set(MOVERS) <= set(get_args(Model))
    with torch.device("meta"):
        kinds = [type(new_mover(plan_of(name))) for name in MOVERS]
    assert kinds == [TractGenerator, TrialE, TrialHb]


@pytest.mark.parametrize(("name", "published", "within"), [("trial-e", 0.949, 0.012), ("trial-hb", 0.63, 0.003)])
def test_they_have_the_trials_sizes(name, published, within):
    with torch.device("meta"):
        count = sum(each.numel() for each in new_mover(plan_of(name, Fraction(1))).parameters())
    assert count / 1e6 == pytest.approx(published, rel=within)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("training", [False, True])
def test_before_it_has_learnt_it_shows_the_reference_through_a_grey_veil(name, training):
    network = new_mover(plan_of(name, Fraction(1))).train(training)
    reference = torch.rand(2, 1, 64, 96)
    cuts = [heard(network, spoken(97, seed), range(3, 7)) for seed in (0, 1)]
    with torch.no_grad():
        made = network(*(torch.cat(parts) for parts in zip(*cuts, strict=True)), reference)
    trust = 1 / (1 + np.exp(-2))
    expected = (trust * reference + (1 - trust) * 0.25)[:, None].expand(2, 4, 1, 64, 96)
    torch.testing.assert_close(made, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_pictures_of_any_size_come_out_in_their_size(name):
    network = lively(name)
    cut = heard(network, spoken(40), range(3))
    for size in ((64, 64), (50, 71), (9, 9)):
        with torch.inference_mode():
            made = network(*cut, torch.rand(1, 1, *size))
        assert made.shape == (1, 3, 1, *size)
        assert made.isfinite().all()


def test_the_columns_of_a_frame_are_the_trials():
    mel = np.repeat(np.arange(400, dtype=np.float32)[:, None], 80, axis=1)
    for columns in (12, 16):
        cut, at = hearing(mel, range(25, 75), RATE, LEAD)
        first = torch.from_numpy(cut[:, 0])[first_columns(torch.from_numpy(at), columns)]
        assert first.tolist() == [round(3.2 * (frame + 0.5) - columns / 2) for frame in range(25, 75)]


def test_half_way_between_two_columns_it_does_not_matter_where_the_cut_began():
    at = torch.tensor([20.5, 21.5, 22.5])
    assert (first_columns(at, 16) - first_columns(at + 1, 16) == -1).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rate", [Fraction(25), Fraction(1159, 50)])
def test_stretches_of_speech_give_what_the_whole_gives(name, rate):
    network, mel = lively(name), spoken(200)
    total = int(Fraction(200, 80) * rate)
    with torch.inference_mode():
        whole = network.listen(*heard(network, mel, range(total), rate))
        pieces = [
            network.listen(*heard(network, mel, range(first, min(first + 7, total)), rate))
            for first in range(0, total, 7)
        ]
        # Frames between whole ones, unevenly: each is heard for itself.
        odd = network.listen(*heard(network, mel, [Fraction(10), Fraction(23, 2), Fraction(15)], rate))
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, atol=2e-4, rtol=0)
    torch.testing.assert_close(odd[:, [0, 2]], whole[:, [10, 15]], atol=2e-4, rtol=0)
    assert whole.std(dim=1).min() > 1e-3


@pytest.mark.parametrize(("name", "earlier", "later"), [("trial-e", 70.4 + 6, 70.4 + 6), ("trial-hb", 8, 8)])
def test_a_frame_hears_no_further_than_it_says(name, earlier, later):
    network, mel = lively(name), spoken(300)
    place = 80 * (45 + 0.5) / 25
    assert network.context >= max(earlier, later)
    first, end = round(place - earlier), round(place + later)
    with torch.inference_mode():
        before = network.listen(*heard(network, mel, range(45, 46)))
        for column, changes in ((first - 1, False), (first, True), (end - 1, True), (end, False)):
            other = mel.copy()
            other[column] += 300  # the convolutions' ends have little weight
            assert torch.equal(network.listen(*heard(network, other, range(45, 46))), before) != changes, column


def test_the_reach_of_e_is_that_of_the_trial():
    assert REACH == 22
    assert TrialE(SLIM, rate=Fraction(50)).context < TrialE(SLIM).context


@pytest.mark.parametrize("name", NAMES)
def test_frames_are_made_each_by_itself(name):
    network = lively(name)
    reference, codes = torch.rand(2, 1, 32, 64), torch.randn(6, 24)
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


@pytest.mark.skipif(not SKETCH.exists(), reason="the trial's sketch is not here")
def test_hb_computes_what_the_trials_sketch_computes():
    found = importlib.util.spec_from_file_location("generator_poc", SKETCH)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    torch.manual_seed(1)
    theirs, mine = module.Hybrid("win").eval(), TrialHb().eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.03)
        for name, buffer in theirs.named_buffers():
            if "running" in name:
                buffer.add_(torch.rand_like(buffer) * 0.1)
    # The same parts in the order in which this network has them.
    order = "r0 r1 r2 r3 r4 pose dn a0 f8a f16a f32a f8b f16b f32b head aud f32c o1 o2"
    tensors = [tensor for part in order.split() for tensor in getattr(theirs, part).state_dict().values()]
    state = mine.state_dict()
    mine.load_state_dict(dict(zip(state, tensors, strict=True)))
    reference, frames = torch.rand(1, 1, 64, 64), range(4)
    mel, at = heard(mine, spoken(60), frames)
    windows = torch.stack([mel[0, first : first + 16].T for first in first_columns(at[0], 16)])
    with torch.inference_mode():
        wanted = theirs.frames(theirs.aud(windows), theirs.encode(reference), torch.zeros(4, dtype=torch.long))
        made = mine(mel, at, reference)[0]
    assert (wanted - reference).abs().max() > 0.1
    torch.testing.assert_close(made, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_checkpoints_and_movies(name, tmp_path, monkeypatch):
    network, path, plan = lively(name), tmp_path / "trial.safetensors", plan_of(name)
    save_checkpoint(path, network, plan)
    checkpoint = load_checkpoint(path, expect=name)
    assert (checkpoint.kind, checkpoint.plan, read_facts(path).kind) == (name, plan, name)
    built, cut, reference = build(checkpoint), heard(network, spoken(40), range(4)), torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(built(*cut, reference), network(*cut, reference))
    with pytest.raises(BadInputError, match="these are the weights of the trial's"):
        load_checkpoint(path, expect="tract")

    samples = np.random.default_rng(1).normal(0, 0.1, 16_000).astype(np.float32)
    speech = Speech(samples * np.sin(np.arange(16_000) / 700).astype(np.float32), 16_000, "voice")
    picture = np.random.default_rng(3).integers(0, 256, (64, 64), np.uint8)

    def made(**options) -> np.ndarray:
        return np.stack(list(generate(speech, picture, GenerateOptions(model=str(path), **options)))).astype(int)

    whole = made(batch=64)
    assert whole.shape == (25, 64, 64)
    assert np.abs(np.diff(whole, axis=0)).max() > 2
    # The middle of every third of the short frames is the middle of a long one.
    assert np.abs(made(fps="75")[1::3] - whole).max() <= 1
    monkeypatch.setattr("seido.movie.generate._STRETCH", 7)
    assert np.abs(made(batch=3) - whole).max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_run_ends_as_if_it_had_not_been(name, clips, tmp_path):
    def killing(shown) -> None:
        if shown.step == 3:
            raise KilledError

    options = replace(BRIEF, model=name)
    best = train(clips, tmp_path / "whole", options).best
    with pytest.raises(KilledError):
        train(clips, tmp_path / "killed", options, progress=killing)
    train(clips, tmp_path / "killed", options, resume=True)
    assert best.read_bytes() == (tmp_path / "killed" / BEST).read_bytes()
    whole, killed = read_last(tmp_path / "whole"), read_last(tmp_path / "killed")
    assert whole.tensors.keys() == killed.tensors.keys()
    assert all(torch.equal(tensor, killed.tensors[key]) for key, tensor in whole.tensors.items())
    assert TITLES[name] in next(iter((tmp_path / "whole").glob("*.md"))).read_text()
    tuned = task_of(replace(options, init=best, width=None, tract=TractOptions()), open_clips(clips))
    assert isinstance(tuned, TractTask)
    assert (tuned.plan.network.name, tuned.plan.network.size) == (name, 32)


@pytest.mark.parametrize("name", NAMES)
def test_it_learns(name, clips, tmp_path):
    changes = {"batch": 3, "window": 6, "steps": 40, "validate_every": 40, "learning_rate": 4e-3}
    options = replace(BRIEF, model=name, **changes, losses=LossOptions(), augment=AugmentOptions.off())
    trained = train(clips, tmp_path / "run", options)
    assert trained.history[-1].train_loss < 0.8 * trained.history[0].trivial_loss


@pytest.mark.parametrize("name", NAMES)
def test_its_pictures_are_those_of_the_trial_unless_said_otherwise(name, clips):
    task = task_of(replace(BRIEF, model=name, tract=TractOptions()), open_clips(clips))
    assert isinstance(task, TractTask)
    assert task.plan.network == Network(name=name, width=SLIM, residual=True, size=64)
