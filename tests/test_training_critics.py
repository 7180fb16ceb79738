from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from torch.nn import functional

from seido.clips.store import open_clips
from seido.errors import BadInputError
from seido.models.checkpoint import build, load_checkpoint, save_checkpoint
from seido.models.quality import QualityDiscriminator
from seido.models.syncnet import SyncNet
from seido.plan import FrontEnd, Network, Plan
from seido.training.critics import SyncCritic, cross_entropy, discriminator_loss, perceptual_loss
from seido.training.sync_batches import expert_view
from training_clips import write_clips

pytestmark = pytest.mark.usefixtures("one_thread")

WIDTH = Fraction(1, 16)
PLAN = Plan(network=Network("syncnet", WIDTH), antialias=True, notes={"view": "whole"})


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return open_clips(write_clips(tmp_path_factory.mktemp("critics") / "clips"))


@pytest.fixture
def expert(tmp_path):
    """Write an expert whose batch statistics have moved and return its path."""
    torch.manual_seed(0)
    network = SyncNet(WIDTH)
    for _ in range(3):
        network(torch.randn(8, 1, 80, 16), torch.rand(8, 15, 48, 96))
    save_checkpoint(tmp_path / "expert.safetensors", network, PLAN)
    return tmp_path / "expert.safetensors"


@pytest.fixture
def judge():
    torch.manual_seed(1)
    return QualityDiscriminator(WIDTH)


def rewritten(path, plan):
    save_checkpoint(path, load_checkpoint(path, expect=None).weights, plan)
    return load_checkpoint(path, expect=None)


@pytest.mark.parametrize("answer", [0, 1])
def test_cross_entropy_is_torchs(answer):
    said = torch.linspace(0.01, 0.99, 50)
    theirs = functional.binary_cross_entropy(said, torch.full_like(said, answer))
    assert cross_entropy(said, answer).item() == pytest.approx(theirs.item(), rel=1e-4)
    assert cross_entropy(said.bfloat16(), answer).dtype == torch.float32


@pytest.mark.parametrize("answer", [0, 1])
def test_cross_entropy_stays_finite_and_pulls_from_the_wrong_end(answer):
    said = torch.tensor([float(1 - answer)], requires_grad=True)
    loss = cross_entropy(said, answer)
    loss.backward()
    assert loss.item() == pytest.approx(13.8, abs=0.1)
    assert said.grad.isfinite().all()
    assert said.grad.item() * (1 if answer else -1) < -1
    assert cross_entropy(torch.tensor([1.0000001, -1e-8]), answer).isfinite()


@pytest.mark.parametrize("view", ["whole", "lower-half", None])
def test_the_sync_loss_is_that_of_the_network(clips, expert, view):
    notes = {} if view is None else {"view": view}
    checkpoint = rewritten(expert, replace(PLAN, notes=notes))
    critic = SyncCritic(checkpoint, clips)
    frames, speech = torch.rand(3, 5, 3, 96, 96), torch.randn(3, 1, 80, 16)
    a, b = build(checkpoint)(speech, expert_view(frames, view or "lower-half"))
    theirs = functional.binary_cross_entropy(functional.cosine_similarity(a, b), torch.ones(3))
    assert critic.loss(frames, speech).item() == pytest.approx(theirs.item(), rel=1e-4)


def test_the_expert_is_frozen_and_the_gradient_reaches_the_frames_alone(clips, expert):
    critic = SyncCritic(load_checkpoint(expert, expect="syncnet"), clips)
    critic.to(torch.device("cpu"))
    before = {name: tensor.clone() for name, tensor in critic.network.state_dict().items()}
    frames, speech = torch.rand(4, 5, 3, 96, 96, requires_grad=True), torch.randn(4, 1, 80, 16, requires_grad=True)
    critic.loss(frames, speech).backward()
    assert frames.grad.abs().sum(dim=(1, 2, 3, 4)).min() > 0
    assert speech.grad is None
    assert not critic.network.training
    assert all(parameter.grad is None for parameter in critic.network.parameters())
    for name, tensor in critic.network.state_dict().items():
        assert torch.equal(tensor, before[name])
    alone = critic.loss(frames[:1], speech[:1])
    assert critic.cosines(frames, speech)[0].item() == pytest.approx(alone.neg().exp().item(), rel=1e-4)


def test_following_the_gradient_brings_frames_into_sync(clips, expert):
    critic = SyncCritic(load_checkpoint(expert, expect="syncnet"), clips)
    frames, speech = torch.rand(2, 5, 3, 96, 96, requires_grad=True), torch.randn(2, 1, 80, 16)
    before = critic.loss(frames, speech)
    (gradient,) = torch.autograd.grad(before, frames)
    moved = frames - 0.01 * gradient / gradient.norm()
    assert critic.loss(moved, speech) < before


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (replace(PLAN, rate=Fraction(1159, 50)), r"judges 23.18 frames/s but the clips in .* have 25"),
        (replace(PLAN, front_end=FrontEnd(lowest=80.0)), "another front-end"),
        (replace(PLAN, front_end=FrontEnd(lead=Fraction(1, 25))), "another front-end"),
        (replace(PLAN, notes={"view": "sideways"}), "its view 'sideways' is not known"),
    ],
)
def test_an_expert_for_other_clips_is_refused(clips, expert, plan, words):
    with pytest.raises(BadInputError, match=rf"expert.safetensors: .*{words}"):
        SyncCritic(rewritten(expert, plan), clips)


def test_another_network_is_no_expert(clips, judge, tmp_path):
    save_checkpoint(tmp_path / "judge.safetensors", judge, Plan(network=Network("discriminator", WIDTH)))
    with pytest.raises(BadInputError, match=r"judge.safetensors: this is no sync expert"):
        SyncCritic(load_checkpoint(tmp_path / "judge.safetensors", expect=None), clips)


def test_frames_of_another_shape_are_refused(clips, expert):
    critic = SyncCritic(load_checkpoint(expert, expect="syncnet"), clips)
    with pytest.raises(BadInputError, match="frames should have shape"):
        critic.loss(torch.rand(2, 4, 3, 96, 96), torch.randn(2, 1, 80, 16))


@pytest.mark.parametrize("shape", [(3, 3, 96, 96), (2, 3, 4, 96, 96)])
def test_the_perceptual_loss_teaches_the_generator_alone(judge, shape):
    made = torch.rand(shape, requires_grad=True)
    loss = perceptual_loss(judge, made)
    loss.backward()
    assert all(parameter.grad is None for parameter in judge.parameters())
    assert all(parameter.requires_grad for parameter in judge.parameters())
    probability = judge(made)
    theirs = functional.binary_cross_entropy(probability, torch.ones_like(probability))
    assert loss.item() == pytest.approx(theirs.item(), rel=1e-4)
    (gradient,) = torch.autograd.grad(theirs, made)
    torch.testing.assert_close(made.grad, gradient, rtol=1e-3, atol=1e-9)
    assert not made.grad[..., :48, :].any()


def test_the_discriminators_loss_teaches_it_alone(judge):
    real, made = torch.rand(2, 3, 96, 96), torch.rand(2, 3, 96, 96, requires_grad=True)
    loss = discriminator_loss(judge, real, made)
    theirs = functional.binary_cross_entropy(judge(real), torch.ones(2, 1))
    theirs = theirs + functional.binary_cross_entropy(judge(made), torch.zeros(2, 1))
    assert loss.item() == pytest.approx(theirs.item(), rel=1e-4)
    loss.backward()
    assert made.grad is None
    assert all(parameter.grad is not None for parameter in judge.parameters())


def test_the_discriminator_learns_to_tell_dull_frames_from_real_ones(judge):
    optimizer = torch.optim.Adam(judge.parameters(), 1e-3, betas=(0.5, 0.999))
    random = torch.Generator().manual_seed(0)
    for _ in range(30):
        real = torch.rand(4, 3, 96, 96, generator=random)
        made = functional.avg_pool2d(real.flip(0), 5, 1, 2)
        loss = discriminator_loss(judge, real, made)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 1
    assert perceptual_loss(judge, made).item() > 0.8
