import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from seido.errors import BadInputError, NotFiniteError
from seido.models.checkpoint import load_checkpoint, save_checkpoint
from seido.models.syncnet import SyncNet
from seido.plan import FrontEnd, Network, Plan
from seido.training.adapt import AdaptOptions
from seido.training.augment import AugmentOptions
from seido.training.history import LINES, SAMPLES, Row
from seido.training.loop import train
from seido.training.numbers import Scaler, choose_numbers
from seido.training.options import LossOptions
from seido.training.state import BEST, CARD, LAST, read_last
from test_training_loop import BRIEF, KilledError, assert_same_run, killing
from training_clips import write_clips


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips") / "clips", train=8)


@pytest.fixture(scope="module")
def expert(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("expert") / "expert.safetensors"
    width = Fraction(1, 16)
    torch.manual_seed(0)
    plan = Plan(network=Network(name="syncnet", width=width), front_end=FrontEnd(), notes={"view": "whole"})
    save_checkpoint(path, SyncNet(width), plan)
    return path


@pytest.fixture(scope="module")
def base(clips, tmp_path_factory) -> Path:
    return train(clips, tmp_path_factory.mktemp("base") / "run", BRIEF).best


def test_all_losses_at_once_are_resumed_to_the_bit(clips, expert, tmp_path):
    losses = LossOptions(motion=0.5, structure=0.1, sync=0.03, quality=0.07, expert=expert, sync_below=50, sync_ramp=3)
    options = replace(BRIEF, batch=2, losses=losses)
    whole = train(clips, tmp_path / "whole", options)
    last = whole.history[-1].parts
    assert {"train/l1", "train/structure", "train/sync", "train/quality", "train/discriminator"} <= last.keys()
    assert "validation/sync" in last
    assert read_last(tmp_path / "whole").ledger.memory == {"sync_from": 0.0}
    with pytest.raises(KilledError):
        train(clips, tmp_path / "run", options, progress=killing(5))
    train(clips, tmp_path / "run", options, resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "run")
    assert (tmp_path / "whole" / CARD).read_bytes() == (tmp_path / "run" / CARD).read_bytes()


def test_the_expert_waits_until_the_pictures_are_good_enough_and_never_changes(clips, expert, tmp_path):
    before = expert.read_bytes()
    losses = LossOptions(sync=0.03, expert=expert, sync_below=0)
    trained = train(clips, tmp_path / "run", replace(BRIEF, losses=losses))
    assert "train/sync" not in trained.history[-1].parts
    assert expert.read_bytes() == before


def test_a_sync_loss_needs_an_expert_that_is_one(clips, base, tmp_path):
    with pytest.raises(BadInputError, match="losses.sync: it needs a sync expert"):
        LossOptions(sync=0.03)
    with pytest.raises(BadInputError, match="these are the weights of a Wav2Lip generator"):
        train(clips, tmp_path / "run", replace(BRIEF, losses=LossOptions(sync=0.03, expert=base)))
    assert not (tmp_path / "run").exists()


def test_frozen_parts_stay_to_the_bit(clips, base, tmp_path):
    options = replace(BRIEF, init=base, adapt=AdaptOptions(freeze=("*encoder*",)), validate_every=1)
    trained = train(clips, tmp_path / "run", options)
    before, after = load_checkpoint(base).weights, load_checkpoint(trained.best).weights
    assert trained.best_step > 0
    for name, tensor in before.items():
        if "encoder" in name:
            assert torch.equal(tensor, after[name]), name
    assert any(not torch.equal(tensor, after[name]) for name, tensor in before.items() if "encoder" not in name)


def test_a_low_rank_run_is_resumed_to_the_bit_and_saved_as_a_plain_network(clips, base, tmp_path):
    options = replace(BRIEF, init=base, adapt=AdaptOptions(low_rank=2))
    train(clips, tmp_path / "whole", options)
    with pytest.raises(KilledError):
        train(clips, tmp_path / "run", options, progress=killing(4))
    train(clips, tmp_path / "run", options, resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "run")
    assert load_checkpoint(tmp_path / "run" / BEST).weights.keys() == load_checkpoint(base).weights.keys()


def test_half_the_bits_learn_too(clips, tmp_path):
    whole = train(clips, tmp_path / "float", BRIEF)
    half = train(clips, tmp_path / "half", replace(BRIEF, precision="bfloat16"))
    assert half.best_loss == pytest.approx(whole.best_loss, rel=0.05)
    with pytest.raises(BadInputError, match="float16 is for GPUs"):
        train(clips, tmp_path / "run", replace(BRIEF, precision="float16"))


def test_the_scaler_halves_when_a_gradient_overflows_and_says_when_it_gives_up():
    numbers = replace(choose_numbers(torch.device("cpu"), "float32"), dtype=torch.float16)
    scaler = Scaler(numbers, {})
    assert scaler.stepped(finite=False)
    assert scaler.state() == {"factor": 32768.0, "steady": 0.0}
    again = Scaler(numbers, {"factor": 2.0, "steady": 1999.0})
    assert not again.stepped(finite=True)
    assert again.state() == {"factor": 4.0, "steady": 0.0}
    assert [Scaler(numbers, {"factor": factor}).stepped(finite=False) for factor in (2.0, 1.0)] == [True, False]


def test_the_run_leaves_lines_pictures_and_a_card(clips, tmp_path):
    trained = train(clips, tmp_path / "run", BRIEF)
    lines = [json.loads(line) for line in (tmp_path / "run" / LINES).read_text(encoding="utf-8").splitlines()]
    assert [Row(**line) for line in lines] == list(trained.history)
    samples = sorted((tmp_path / "run" / SAMPLES).iterdir())
    assert [path.name for path in samples] == [f"step-{row.step:07d}.png" for row in trained.history]
    picture = np.asarray(Image.open(samples[0]))
    assert picture.shape == (4 * 96, 4 * 96)
    assert picture[:96, :96].std() > 0
    # An untrained residual network shows the reference: the third column is the first.
    assert np.array_equal(picture[:, :96], picture[:, 192:288])
    assert "validation" in (tmp_path / "run" / CARD).read_text(encoding="utf-8")


def test_pictures_can_be_left_out(clips, tmp_path):
    train(clips, tmp_path / "run", replace(BRIEF, pictures=False))
    assert not (tmp_path / "run" / SAMPLES).exists()


def test_tensorboard_is_written_for(clips, tmp_path):
    pytest.importorskip("tensorboard")
    train(clips, tmp_path / "run", replace(BRIEF, tensorboard=True))
    assert list((tmp_path / "run" / "tensorboard").glob("events.*"))


def test_the_talks_recipe_paints_what_it_sees_from_any_frame(clips, tmp_path):
    trained = train(clips, tmp_path / "run", replace(BRIEF, recipe="talk"))
    plan = load_checkpoint(trained.best).plan
    assert (plan.recipe, plan.network.residual) == ("talk", False)


def test_few_clips_can_be_taken_of_many(clips, tmp_path):
    trained = train(clips, tmp_path / "run", replace(BRIEF, clips=3))
    assert load_checkpoint(trained.best).plan.notes["clips"] == "3"
    with pytest.raises(BadInputError, match="has 8 for training, not 9"):
        train(clips, tmp_path / "other", replace(BRIEF, clips=9))


def test_nothing_made_ahead_changes_nothing(clips, tmp_path):
    train(clips, tmp_path / "ahead", replace(BRIEF, ahead=3))
    train(clips, tmp_path / "now", replace(BRIEF, ahead=0))
    assert_same_run(tmp_path / "ahead", tmp_path / "now")


def test_a_compiled_network_is_saved_under_its_own_names(clips, tmp_path, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: compiled.append(self))
    trained = train(clips, tmp_path / "run", replace(BRIEF, compile=True))
    assert compiled
    load_checkpoint(trained.best)


def test_one_clip_is_too_few(tmp_path):
    root = write_clips(tmp_path / "clips", train=1, validation=0)
    with pytest.raises(BadInputError, match="kept for validation"):
        train(root, tmp_path / "run", BRIEF)


def test_a_batch_without_a_finite_loss_is_named(clips, tmp_path):
    options = replace(BRIEF, learning_rate=1.0, clip_gradient=1e30, warm_up=0, augment=AugmentOptions.off())
    from safetensors.numpy import load_file, save_file

    root = write_clips(tmp_path / "clips", train=1)
    path = root / "recordings" / "clip00.safetensors"
    arrays = load_file(path)
    arrays["mel"][:] = float("nan")
    save_file(arrays, path)
    with pytest.raises(NotFiniteError, match=r"look at the batch's clips \(clip00:\d+, clip00:\d+\)"):
        train(root, tmp_path / "run", options)
    assert read_last(tmp_path / "run").ledger.step == 0
    assert (tmp_path / "run" / LAST).exists()
