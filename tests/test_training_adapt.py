import copy
from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from torch import nn

from seido.errors import BadInputError
from seido.models.checkpoint import build, load_checkpoint, save_checkpoint
from seido.models.quality import QualityDiscriminator
from seido.models.syncnet import SyncNet
from seido.models.wav2lip import Wav2Lip
from seido.plan import Network, Plan
from seido.training.adapt import AdaptOptions, FixedBatchNorm, LowRankConv, adapted, merged, trainable_parameters

pytestmark = pytest.mark.usefixtures("one_thread")

WIDTH = Fraction(1, 16)
HEAD = AdaptOptions(train_only=("output_block",))
RANK = AdaptOptions(low_rank=2)


@pytest.fixture(scope="module")
def trained(one_thread):
    """A network with statistics and a last layer of its own, as after some training."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = Wav2Lip(WIDTH, residual=True)
        nn.init.normal_(network.output_block[-1].weight, std=0.1)
        for _ in range(3):
            network(*inputs())
    return network.eval()


@pytest.fixture
def network(trained):
    return copy.deepcopy(trained)


def inputs(seed=0, batch=3):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(batch, 1, 80, 16, generator=random), torch.rand(batch, 6, 96, 96, generator=random)


def learn(network, steps=3, optimizer=None, first=0):
    network.train()
    optimizer = optimizer or torch.optim.Adam((each for each in network.parameters() if each.requires_grad), lr=1e-2)
    for step in range(first, first + steps):
        audio, face = inputs(step)
        optimizer.zero_grad()
        (network(audio, face) - face[:, 3:].flip(3)).abs().mean().backward()
        optimizer.step()
    return optimizer


def changed(network, before):
    after = network.state_dict()
    return {name for name, tensor in before.state_dict().items() if not torch.equal(tensor, after[name])}


@pytest.mark.parametrize(
    "options",
    [AdaptOptions(), AdaptOptions(freeze=("*encoder*",)), HEAD, RANK, replace(RANK, freeze=("audio_encoder",))],
)
def test_adapting_leaves_the_output_as_it_was(network, trained, options):
    audio, face = inputs(9)
    assert torch.equal(adapted(network, options)(audio, face), trained(audio, face))


@pytest.mark.parametrize(
    ("options", "learns"),
    [
        (AdaptOptions(freeze=("audio_encoder.*",)), ("face_", "output_")),
        (AdaptOptions(freeze=("audio_encoder", "face_encoder_blocks.*")), ("face_decoder_blocks.", "output_")),
        (AdaptOptions(freeze=("*encoder*",)), ("face_decoder_blocks.", "output_")),
        (AdaptOptions(train_only=("face_decoder_blocks.6", "output_block.*")), ("face_decoder_blocks.6.", "output_")),
    ],
)
def test_only_what_is_not_frozen_changes_running_statistics_included(network, trained, options, learns):
    learn(adapted(network, options))
    found = changed(network, trained)
    expected = {name for name in trained.state_dict() if name.startswith(learns)}
    assert found <= expected
    assert {name.rpartition(".")[2] for name in found} >= {"weight", "bias", "running_mean", "running_var"}
    names = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert names == {name for name in expected if name.endswith(("weight", "bias"))}
    assert trainable_parameters(network) == sum(trained.state_dict()[name].numel() for name in names)


def test_a_frozen_part_computes_the_same_in_training_mode(network, trained):
    adapted(network, AdaptOptions(freeze=("audio_encoder",)))
    network.train()
    for module in network.audio_encoder.modules():
        module.training = True
    audio, _ = inputs()
    assert torch.equal(network.audio_encoder(audio), trained.audio_encoder(audio))
    assert not any(isinstance(each, nn.BatchNorm2d) for each in network.audio_encoder.modules())
    assert all(type(each) is not FixedBatchNorm for each in network.face_decoder_blocks.modules())


def test_normalisation_whose_offset_alone_is_frozen_goes_on_counting(network, trained):
    learn(adapted(network, AdaptOptions(freeze=("*.bias",))), steps=1)
    found = changed(network, trained)
    assert not any(name.endswith(".bias") for name in found)
    assert any(name.endswith("running_mean") for name in found)


def test_low_rank_updates_learn_while_the_weights_stay(network, trained):
    whole = trainable_parameters(trained)
    adapted(network, RANK)
    assert trainable_parameters(network) < whole / 3
    updated = [each for each in network.modules() if hasattr(each, "low_rank_up")]
    assert len(updated) > 20
    learn(network)
    for module in updated:
        assert module.low_rank_up.any()
        assert not module.weight.requires_grad
    found = changed(network, trained)
    assert any(name.endswith("running_mean") for name in found)
    for name, module in network.named_modules():
        if hasattr(module, "low_rank_up"):
            assert f"{name}.weight" not in found


def test_a_layer_that_an_update_would_not_make_smaller_learns_itself(network):
    adapted(network, RANK)
    last = network.output_block[-1]
    assert type(last) is nn.Conv2d
    assert last.weight.requires_grad
    adapted(large := Wav2Lip(WIDTH), AdaptOptions(low_rank=10**4))
    assert trainable_parameters(large) == sum(each.numel() for each in Wav2Lip(WIDTH).parameters())


def test_low_rank_spares_frozen_parts(network, trained):
    learn(adapted(network, replace(RANK, train_only=("face_decoder_blocks",))), steps=1)
    assert not any(hasattr(each, "low_rank_up") for each in network.audio_encoder.modules())
    assert all(name.startswith("face_decoder_blocks.") for name in changed(network, trained))


@pytest.mark.parametrize("residual", [False, True])
def test_merged_weights_are_a_plain_checkpoint_that_computes_the_same(network, residual, tmp_path):
    network.residual = residual
    learn(adapted(network, RANK))
    plan = Plan(network=Network(width=WIDTH, residual=True))
    plain = merged(network)
    expected = Wav2Lip(WIDTH, residual=True).state_dict()
    assert [(name, tensor.shape) for name, tensor in plain.items()] == [(n, t.shape) for n, t in expected.items()]
    assert not any(tensor.requires_grad for tensor in plain.values())
    save_checkpoint(tmp_path / "one.safetensors", plain, plan)
    loaded = build(load_checkpoint(tmp_path / "one.safetensors"))
    loaded.residual = residual
    audio, face = inputs(8)
    network.eval()
    with torch.inference_mode():
        assert (network(audio, face) - loaded(audio, face)).abs().max() < 1e-5


@pytest.mark.parametrize("make", [SyncNet, QualityDiscriminator])
def test_the_other_networks_adapt_too(make):
    torch.manual_seed(0)
    plain = make(WIDTH)
    network = adapted(copy.deepcopy(plain), RANK)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("low_rank_up"):
                parameter.normal_(std=0.1)
    plain.load_state_dict(merged(network))
    audio, face = inputs()
    given = (audio, face.repeat(1, 3, 1, 1)[:, :15, 48:]) if make is SyncNet else (face[:, 3:],)
    after, before = network.eval()(*given), plain.eval()(*given)
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)


def test_merging_changes_nothing_of_the_network_and_is_its_state_where_nothing_was_added(network):
    adapted(network, HEAD)
    state = network.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in merged(network).items())
    adapted(low := Wav2Lip(WIDTH), RANK)
    learn(low, steps=1)
    before = copy.deepcopy(low.state_dict())
    merged(low)
    assert all(torch.equal(tensor, before[name]) for name, tensor in low.state_dict().items())


def test_a_single_convolution_can_be_adapted_inside_its_parent_alone():
    torch.manual_seed(0)
    parent = nn.Sequential(nn.Conv2d(16, 16, 3, stride=2, padding=1, bias=False))
    adapted(parent, RANK)
    assert type(parent[0]) is LowRankConv
    nn.init.normal_(parent[0].low_rank_up)
    plain = nn.Conv2d(16, 16, 3, stride=2, padding=1, bias=False)
    plain.load_state_dict({"weight": merged(parent)["0.weight"]})
    x = torch.randn(2, 16, 9, 9)
    torch.testing.assert_close(parent(x), plain(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("options", [RANK, AdaptOptions(freeze=("audio_encoder",)), replace(HEAD, low_rank=2)])
def test_a_stopped_adaptation_goes_on_to_the_same_bits(trained, options):
    whole = adapted(copy.deepcopy(trained), options)
    learn(whole, steps=4)
    begun = adapted(copy.deepcopy(trained), options)
    before = learn(begun, steps=2)
    resumed = adapted(Wav2Lip(WIDTH, residual=True), options, seed=5)
    resumed.load_state_dict(begun.state_dict())
    optimizer = torch.optim.Adam((each for each in resumed.parameters() if each.requires_grad), lr=1e-2)
    optimizer.load_state_dict(before.state_dict())
    learn(resumed, steps=2, optimizer=optimizer, first=2)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_the_seed_alone_decides_the_updates(trained):
    one, same, other = (adapted(copy.deepcopy(trained), RANK, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(tensor, same[name]) for name, tensor in one.items())
    downs = [name for name in one if name.endswith("low_rank_down")]
    assert downs
    assert not any(torch.equal(one[name], other[name]) for name in downs)
    state = torch.random.get_rng_state()
    adapted(copy.deepcopy(trained), RANK)
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_name_that_is_not_there_is_told_with_those_that_are(network):
    before = copy.deepcopy(network.state_dict())
    for option in ("freeze", "train_only"):
        with pytest.raises(BadInputError, match=f"{option}: 'encoder' is no part .* face_decoder_blocks, output_block"):
            adapted(network, AdaptOptions(**{option: ("output_block", "encoder")}))
    with pytest.raises(BadInputError, match="nothing is left to train"):
        adapted(network, AdaptOptions(freeze=("face_*", "audio_encoder", "output_block")))
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"freeze": "audio_encoder"}, "freeze"),
        ({"train_only": ("",)}, "train_only"),
        ({"freeze": ("a",), "train_only": ("b",)}, "give one of them"),
        ({"low_rank": -1}, "low_rank"),
        ({"low_rank": 2.5}, "low_rank"),
    ],
)
def test_bad_options_are_told_by_name(options, said):
    with pytest.raises(BadInputError, match=said):
        AdaptOptions(**options)


def test_options_say_whether_they_do_anything():
    assert not AdaptOptions().active
    assert AdaptOptions(freeze=["audio_encoder"]).freeze == ("audio_encoder",)
    assert all(options.active for options in (HEAD, RANK, AdaptOptions(freeze=("a",))))
