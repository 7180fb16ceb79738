import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from seido.clips.store import open_clips
from seido.errors import BadInputError
from seido.models.checkpoint import load_checkpoint
from seido.movie.generate import GenerateOptions, load_generator, render
from seido.training.adapt import AdaptOptions
from seido.training.augment import AugmentOptions
from seido.training.generator_task import GeneratorTask
from seido.training.loop import train
from seido.training.losses import l1, ssim
from seido.training.options import LossOptions, TractOptions, TrainOptions
from seido.training.start import task_of
from seido.training.state import BEST, read_last
from seido.training.task import Share
from seido.training.tract_task import TractTask
from training_clips import write_clips

pytestmark = pytest.mark.usefixtures("one_thread")

BRIEF = TrainOptions(
    model="tract",
    width=Fraction(1, 4),
    batch=2,
    window=4,
    steps=6,
    warm_up=2,
    validate_every=2,
    validation_frames=12,
    device="cpu",
    threads=1,
    losses=LossOptions(motion=0.5, structure=0.1),
    tract=TractOptions(size=32, change=0.5, stride=1),
)


class KilledError(Exception):
    """What stops a run without warning."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    """Ten clips."""
    return write_clips(tmp_path_factory.mktemp("clips") / "clips", train=6, validation=3, side=32)


def test_it_learns_to_follow_the_speech(clips, tmp_path):
    options = replace(
        BRIEF,
        batch=4,
        window=12,
        steps=130,
        validate_every=130,
        learning_rate=4e-3,
        pictures=False,
        losses=LossOptions(),
        augment=AugmentOptions.off(),
    )
    trained = train(clips, tmp_path / "run", options)
    first, last = trained.history[0], trained.history[-1]
    assert first.validation_loss == pytest.approx(first.trivial_loss, abs=1e-5)
    assert last.trivial_loss == first.trivial_loss
    assert last.validation_loss < 0.5 * last.trivial_loss
    store = open_clips(clips)
    model, plan = load_generator(str(trained.best))
    clip = store.clip(store.split("validation")[0])
    whole = GenerateOptions(region="0,0,32,32")
    made = np.stack(list(render(model, plan, clip.speech, clip.movie.frames[0], whole)))
    assert made.shape == clip.movie.frames.shape


@pytest.mark.parametrize("step", [1, 4])
def test_a_killed_run_ends_as_if_it_had_not_been(clips, tmp_path, step):
    def killing(shown) -> None:
        if shown.step == step:
            raise KilledError

    train(clips, tmp_path / "whole", BRIEF)
    with pytest.raises(KilledError):
        train(clips, tmp_path / "killed", BRIEF, progress=killing)
    train(clips, tmp_path / "killed", BRIEF, resume=True)
    assert (tmp_path / "whole" / BEST).read_bytes() == (tmp_path / "killed" / BEST).read_bytes()
    whole, killed = read_last(tmp_path / "whole"), read_last(tmp_path / "killed")
    assert whole.tensors.keys() == killed.tensors.keys()
    assert all(torch.equal(tensor, killed.tensors[key]) for key, tensor in whole.tensors.items())


def test_the_checkpoint_says_what_it_is_and_learning_can_go_on_from_it(clips, tmp_path):
    best = train(clips, tmp_path / "run", BRIEF).best
    plan, store = load_checkpoint(best, expect="tract").plan, open_clips(clips)
    assert (plan.network.name, plan.network.size, plan.network.width) == ("tract", 32, Fraction(1, 4))
    assert (plan.rate, plan.region, plan.corpus) == (25, store.prepared.region, store.digest)
    assert plan.front_end.lead == Fraction(2, 25)
    tuned = replace(BRIEF, init=best, width=None, tract=TractOptions(), steps=2)
    task = TractTask(store, tuned)
    assert task.plan.notes["init_sha256"]
    assert torch.equal(task.network.pose.weight, load_checkpoint(best, expect="tract").weights["pose.weight"])
    assert all(each.requires_grad for each in task.network.parameters())
    with pytest.raises(BadInputError, match="init: width and tract.size"):
        TractTask(store, replace(BRIEF, init=best))


def test_a_checkpoint_of_another_frame_rate_is_refused(clips, tmp_path):
    best = train(clips, tmp_path / "run", BRIEF).best
    other = write_clips(tmp_path / "other", train=2, validation=1, side=32, rate=Fraction(20))
    with pytest.raises(BadInputError, match="works at 25 frames/s"):
        TractTask(open_clips(other), replace(BRIEF, init=best, width=None, tract=TractOptions()))


def test_the_parts_of_a_batch_are_the_batch(clips):
    task = TractTask(open_clips(clips), replace(BRIEF, batch=4))
    whole = task.batch(3, Share())
    parts = [task.batch(3, Share(index, 2)) for index in range(2)]
    for name in ("mel", "at", "reference", "target", "motion"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name))
    assert whole.target.shape == (4, 4, 32, 32)
    assert whole.reference.shape == (4, 1, 32, 32)
    assert len(task.told(3).split(", ")) == 4


def test_speech_and_pictures_are_of_the_same_moment(clips):
    task = TractTask(open_clips(clips), replace(BRIEF, window=16, augment=AugmentOptions.off()))
    batch = task.batch(0, Share())
    for mel, at, target in zip(batch.mel, batch.at, batch.target, strict=True):
        loud = np.interp(at, np.arange(len(mel)), mel.mean(1))
        bright = target[:, 16, 16]
        # A level of l is a mel of 8 l − 4, and a grey of 40 + 200 l; clips end in silence.
        inside = loud > -3.9
        np.testing.assert_allclose((loud[inside] + 4) / 8, (bright.numpy()[inside] * 255 - 40) / 200, atol=0.06)


def test_losses_are_what_their_weights_say(clips):
    task = TractTask(open_clips(clips), BRIEF)
    batch = task.batch(0, Share())
    with torch.no_grad():
        task.network.flow.bias.add_(torch.tensor([0.4, 0.2, 0.0]))
        loss = next(iter(task.losses(batch, 0, {})))
        made = task.network(batch.mel, batch.at, batch.reference)[:, :, 0]
    plain = (made - batch.target).abs().mean()
    weighted = ((made - batch.target).abs() * (0.5 + 0.5 * batch.motion)).mean()
    change = l1(made[:, 1:] - made[:, :-1], batch.target[:, 1:] - batch.target[:, :-1])
    structure = 1 - ssim(made.reshape(-1, 1, 32, 32), batch.target.reshape(-1, 1, 32, 32))
    torch.testing.assert_close(loss.parts["l1"], plain)
    torch.testing.assert_close(loss.value, weighted + 0.1 * structure + 0.5 * change)


def test_its_validation_compares_with_that_of_the_other_generator(clips):
    store = open_clips(clips)
    mine = TractTask(store, BRIEF)
    other = task_of(TrainOptions(width=Fraction(1, 16), device="cpu", validation_frames=12), store)
    assert isinstance(other, GeneratorTask)
    np.testing.assert_array_equal(mine.watched.clip, other.watched.clip)
    np.testing.assert_array_equal(mine.watched.target, other.watched.target)


def test_colour_clips_are_learnt_in_grey(tmp_path):
    root = write_clips(tmp_path / "clips", train=2, validation=1, colour=True)
    task = TractTask(open_clips(root), BRIEF)
    assert task.batch(0, Share()).target.shape == (2, 4, 32, 32)
    assert task.pictures().shape == (4 * 32, 4 * 32)


def test_the_pictures_are_128_pixels_wide_unless_said_otherwise(clips):
    task = TractTask(open_clips(clips), replace(BRIEF, tract=TractOptions(stride=1), window=None, batch=None))
    assert (task.plan.network.size, task.window, task.batch_size, task.frames) == (128, 12, 4, 48)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"losses": LossOptions(quality=0.07)}, "losses.quality: the tract generator"),
        ({"adapt": AdaptOptions(low_rank=4)}, "adapt: the tract generator"),
        ({"recipe": "talk"}, "recipe: the tract generator"),
        ({"residual": False}, "residual: the tract generator"),
    ],
)
def test_options_of_no_use_to_it_are_refused(clips, tmp_path, changes, words):
    with pytest.raises(BadInputError, match=words):
        train(clips, tmp_path / "run", replace(BRIEF, **changes))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("changes", "words"), [({"size": 16}, "tract.size"), ({"change": -1.0}, "tract.change")])
def test_options_out_of_range_are_refused(changes, words):
    with pytest.raises(BadInputError, match=words):
        TractOptions(**changes)


def test_runs_begun_before_there_was_such_a_generator_can_be_resumed():
    record = json.loads(json.dumps(TrainOptions().record()))
    # An option that an older run does not know must be None to pass for the same.
    assert set(record["tract"].values()) == {None}


def test_only_some_frames_of_a_stretch_are_learnt(clips):
    still = replace(BRIEF, augment=AugmentOptions.off())
    every = TractTask(open_clips(clips), replace(still, window=9))
    some = TractTask(open_clips(clips), replace(still, window=3, tract=TractOptions(size=32, stride=4)))
    assert some.span == every.span == 9
    whole, part = every.batch(3, Share()), some.batch(3, Share())
    assert torch.equal(part.target, whole.target[:, ::4])
    assert torch.equal(part.reference, whole.reference)
    place = part.at[:, 1] - part.at[:, 0]
    assert torch.allclose(place, torch.full_like(place, 4 * 80 / 25))


def test_a_picture_is_heard_when_it_was_taken(tmp_path):
    """Clips retimed from a slower recording repeat pictures, and a picture and its repetition are heard alike."""
    root = write_clips(tmp_path / "slow", train=2, validation=1, frames=60, side=32, source_rate=Fraction(25, 2))
    task = TractTask(open_clips(root), replace(BRIEF, window=12))
    at = task.batch(0, Share()).at
    assert set((10 * at.diff(dim=1)).round().int().unique().tolist()) == {0, 64}
