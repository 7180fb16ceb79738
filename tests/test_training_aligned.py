import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from seido.clips.store import open_clips, write_manifest
from seido.errors import BadInputError
from seido.models.baselines import BASELINES, RECURRENT
from seido.models.checkpoint import load_checkpoint
from seido.movie.generate import GenerateOptions, load_generator, render
from seido.training.adapt import AdaptOptions
from seido.training.aligned_task import AlignedTask, heard, seen, statistics
from seido.training.loop import train
from seido.training.options import AlignedOptions, LossOptions, TrainOptions
from seido.training.state import BEST, read_last
from seido.training.task import Share
from training_clips import write_clips

NAMES = tuple(BASELINES)
BRIEF = TrainOptions(
    model="csapo-dnn",
    width=Fraction(1, 16),
    batch=4,
    steps=6,
    warm_up=2,
    validate_every=2,
    validation_frames=12,
    device="cpu",
    threads=1,
)


class KilledError(Exception):
    """What stops a run without warning."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    """Ten clips of two speakers in turn."""
    root = write_clips(tmp_path_factory.mktemp("clips") / "clips", train=6, validation=3)
    store = open_clips(root)
    entries = [replace(entry, speaker="AB"[number % 2]) for number, entry in enumerate(store.entries)]
    write_manifest(root, store.prepared, entries)
    return root


@pytest.mark.parametrize("name", NAMES)
def test_a_baseline_learns_to_follow_the_speech(clips, tmp_path, name):
    convolutional = name == "csapo-cnn"
    options = replace(
        BRIEF,
        model=name,
        width=Fraction(1, 4 if convolutional else 8),
        batch=24 if convolutional else 8,
        steps=90,
        validate_every=90,
        learning_rate=4e-3,
        pictures=False,
    )
    trained = train(clips, tmp_path / "run", options)
    last = trained.history[-1]
    assert last.validation_loss < 0.5 * last.parts["validation/mean_frame"]
    assert last.validation_loss < 0.5 * last.trivial_loss


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("step", [1, 4])
def test_a_killed_run_ends_as_if_it_had_not_been(clips, tmp_path, name, step):
    options = replace(BRIEF, model=name)

    def killing(shown) -> None:
        if shown.step == step:
            raise KilledError

    train(clips, tmp_path / "whole", options)
    with pytest.raises(KilledError):
        train(clips, tmp_path / "killed", options, progress=killing)
    train(clips, tmp_path / "killed", options, resume=True)
    assert (tmp_path / "whole" / BEST).read_bytes() == (tmp_path / "killed" / BEST).read_bytes()
    whole, killed = read_last(tmp_path / "whole"), read_last(tmp_path / "killed")
    assert whole.tensors.keys() == killed.tensors.keys()
    assert all(torch.equal(tensor, killed.tensors[key]) for key, tensor in whole.tensors.items())


def test_the_checkpoint_says_what_it_is_and_makes_what_validation_saw(clips, tmp_path):
    best = train(clips, tmp_path / "run", replace(BRIEF, model="csapo-lstm")).best
    checkpoint = load_checkpoint(best, expect="csapo-lstm")
    plan, store = checkpoint.plan, open_clips(clips)
    assert (plan.network.name, plan.network.size, plan.network.width) == ("csapo-lstm", 68, Fraction(1, 16))
    assert (plan.rate, plan.region, plan.corpus) == (25, store.prepared.region, store.digest)
    assert plan.notes["speakers"] == "A, B"
    assert checkpoint.step == int(plan.notes["step"])
    clip = store.clip(store.split("validation")[0])
    movie = render(*load_generator(str(best)), clip.speech, clip.movie.frames[0], GenerateOptions(region="0,0,96,96"))
    assert np.stack(list(movie)).shape == clip.movie.frames.shape


def test_one_speaker_is_learnt_from_alone(clips, tmp_path):
    options = replace(BRIEF, speaker="B")
    best = train(clips, tmp_path / "run", options).best
    plan = load_checkpoint(best, expect="csapo-dnn").plan
    store = open_clips(clips)
    assert plan.notes["speakers"] == "B"
    assert plan.notes["clips"] == str(sum(entry.speaker == "B" for entry in store.split("train")))
    own = replace(store, entries=tuple(entry for entry in store.entries if entry.speaker == "B"))
    task = AlignedTask(own, options)
    assert set(task.training.names) == {entry.name for entry in own.split("train")}
    assert set(task.validation.names) == {entry.name for entry in own.split("validation")}


def test_a_speaker_who_is_not_there_is_named_with_those_who_are(clips, tmp_path):
    with pytest.raises(BadInputError, match="no clips of 'C'; choose one of A, B"):
        train(clips, tmp_path / "run", replace(BRIEF, speaker="C"))
    assert not (tmp_path / "run").exists()


def test_the_statistics_are_those_of_all_training_frames(clips):
    task = AlignedTask(open_clips(clips), BRIEF)
    everything = [range(int(length)) for length in task.training.lengths]
    speech = torch.cat([heard(task.training, clip, frames) for clip, frames in enumerate(everything)]).numpy()
    pictures = torch.cat([seen(task.training, clip, frames) for clip, frames in enumerate(everything)]).numpy()
    mean, deviation, picture = statistics(task.training)
    np.testing.assert_allclose(mean, speech.mean(0, dtype=float), atol=1e-5)
    np.testing.assert_allclose(deviation, speech.std(0, dtype=float), atol=1e-4)
    np.testing.assert_allclose(picture, pictures.mean(0, dtype=float), atol=1e-6)


@pytest.mark.parametrize("name", ["csapo-dnn", "csapo-lstm", "oura-blstm"])
def test_before_it_has_learnt_a_network_shows_the_mean_frame(clips, name):
    task = AlignedTask(open_clips(clips), replace(BRIEF, model=name))
    found = task.validate({})
    assert found.loss == pytest.approx(found.parts["mean_frame"], rel=0.05)


@pytest.mark.parametrize("name", ["csapo-dnn", "csapo-lstm"])
def test_the_parts_of_a_batch_are_the_batch(clips, name):
    task = AlignedTask(open_clips(clips), replace(BRIEF, model=name))
    whole = task.batch(3, Share())
    parts = [task.batch(3, Share(index, 2)) for index in range(2)]
    assert torch.equal(torch.cat([part.speech for part in parts]), whole.speech)
    assert torch.equal(torch.cat([part.target for part in parts]), whole.target)
    assert whole.target.shape == (4, 16 if name in RECURRENT else 1, 68, 68)


def test_speech_and_picture_are_of_the_same_moment(clips):
    examples = AlignedTask(open_clips(clips), replace(BRIEF, aligned=AlignedOptions(columns=2))).training
    loud = heard(examples, 0, range(5, 25)).mean(1).numpy()
    together = {
        lag: np.corrcoef(loud, seen(examples, 0, range(5 + lag, 25 + lag))[:, 34, 34].numpy())[0, 1]
        for lag in (-1, 0, 1)
    }
    assert together[0] > 0.99
    assert together[0] > max(together[-1], together[1])


def test_the_loss_is_the_squared_difference_unless_l1_is_asked_for(clips):
    for asked in (None, "mse", "l1"):
        task = AlignedTask(open_clips(clips), replace(BRIEF, aligned=AlignedOptions(loss=asked)))
        batch = task.batch(0, Share())
        loss = next(iter(task.losses(batch, 0, {})))
        difference = task.network(batch.speech) - batch.target
        wanted = difference.abs().mean() if asked == "l1" else difference.square().mean()
        torch.testing.assert_close(loss.value, wanted)


def test_colour_clips_are_learnt_in_grey(tmp_path):
    root = write_clips(tmp_path / "clips", train=2, validation=1, colour=True)
    task = AlignedTask(open_clips(root), BRIEF)
    assert task.batch(0, Share()).target.shape == (4, 1, 68, 68)
    assert task.pictures().shape == (4 * 68, 4 * 68)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"init": Path(__file__)}, "init: csapo-dnn learns from scratch"),
        ({"losses": LossOptions(structure=0.1)}, "losses: csapo-dnn"),
        ({"adapt": AdaptOptions(low_rank=4)}, "adapt: csapo-dnn"),
        ({"recipe": "talk"}, "recipe: csapo-dnn"),
        ({"reference": "far"}, "sees no reference; leave this option out"),
    ],
)
def test_options_of_no_use_to_a_baseline_are_refused(clips, tmp_path, changes, words):
    with pytest.raises(BadInputError, match=words):
        train(clips, tmp_path / "run", replace(BRIEF, **changes))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("changes", "words"), [
    ({"columns": 0}, "aligned.columns"), ({"columns": 17}, "aligned.columns"), ({"loss": "l2"}, "aligned.loss"),
])  # fmt: skip
def test_options_out_of_range_are_refused(changes, words):
    with pytest.raises(BadInputError, match=words):
        AlignedOptions(**changes)


def test_runs_begun_before_there_were_baselines_can_be_resumed():
    record = json.loads(json.dumps(TrainOptions().record()))
    # An option that an older run does not know must be None to pass for the same.
    assert record["speaker"] is None
    assert set(record["aligned"].values()) == {None}
