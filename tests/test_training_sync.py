import copy
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from torch.nn import functional

from seido.clips.store import open_clips
from seido.errors import BadInputError
from seido.models.checkpoint import load_checkpoint, save_checkpoint
from seido.models.syncnet import SyncNet
from seido.plan import FrontEnd, Network, Plan
from seido.training.numbers import Numbers
from seido.training.options import TrainOptions
from seido.training.sync_batches import (
    GROUP,
    SyncBatch,
    SyncOptions,
    Windows,
    draw_windows,
    expert_lead,
    expert_view,
    open_windows,
    split_windows,
)
from seido.training.sync_task import (
    SHIFTS,
    SyncTask,
    contrast_loss,
    group_cosines,
    pair_loss,
    score_expert,
)
from seido.training.task import Share
from training_clips import RATE, write_clips

pytestmark = pytest.mark.usefixtures("one_thread")

WIDTH = Fraction(1, 16)
SLIM = TrainOptions(model="syncnet", width=WIDTH, batch=16, validation_frames=24)
NEAR = SyncOptions(hard=0.25, same=0.5, near=3)
MIX = SyncOptions(hard=0.5, same=0.25, near=4)


def some_windows(*lengths: int, rate: Fraction = RATE, side: int = 96, view="whole", seed: int = 0) -> Windows:
    random = np.random.default_rng(seed)
    plan = Plan(front_end=FrontEnd(lead=expert_lead(rate)), rate=rate, antialias=True)
    return Windows(
        plan,
        view,
        tuple(random.integers(0, 256, (frames, side, side), np.uint8) for frames in lengths),
        tuple(random.normal(size=(max(16, 1 + int(n / rate * 80)), 80)).astype(np.float32) for n in lengths),
    )


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return open_clips(write_clips(tmp_path_factory.mktemp("sync") / "clips"))


def test_at_25_frames_a_second_windows_are_the_published_ones():
    windows = some_windows(30, 12)
    assert len(windows) == 26 + 8
    for number, clip, frame in [(0, 0, 0), (7, 0, 7), (25, 0, 25), (26, 1, 0), (33, 1, 7)]:
        start = int(80 * (frame / 25))
        batch = windows.batch([number])
        assert torch.equal(batch.audio[0, 0], torch.from_numpy(windows.mels[clip][start : start + 16].T))
        five = torch.from_numpy(windows.frames[clip][frame : frame + 5]).float() / 255
        for place in range(5):
            for channel in range(3):
                seen = batch.face[0, 3 * place + channel]
                assert torch.allclose(seen, functional.avg_pool2d(five[place][None], (2, 1))[0], atol=1e-7)


@given(rate=st.fractions(5, 200, max_denominator=100), frames=st.integers(1, 150))
@settings(max_examples=60, deadline=None)
def test_speech_is_centred_on_the_five_frames_at_any_rate(rate, frames):
    windows = some_windows(frames, rate=rate, side=2)
    (span,) = windows.spans
    starts = []
    for frame in span:
        assert frame + 5 <= frames
        start = math.floor(80 * (frame / rate - expert_lead(rate)))
        assert 0 <= start <= len(windows.mels[0]) - 16
        assert abs(Fraction(start + 8, 80) - (frame + Fraction(5, 2)) / rate) <= Fraction(1, 80)
        starts.append(start)
    assert len(set(starts)) == len(starts)


def test_every_window_that_fits_is_there():
    for rate in (Fraction(14), Fraction(1159, 50), RATE, Fraction(50)):
        windows = some_windows(60, rate=rate, side=2)
        columns = len(windows.mels[0])
        starts = [math.floor(80 * (frame / rate - expert_lead(rate))) for frame in range(56)]
        assert list(windows.spans[0]) == [f for f, start in enumerate(starts) if 0 <= start <= columns - 16]


def test_the_lower_half_is_stacked_frame_by_frame():
    frames = torch.rand(2, 5, 3, 96, 96)
    seen = expert_view(frames, "lower-half")
    assert seen.shape == (2, 15, 48, 96)
    assert torch.equal(seen[1, 3 * 2 + 1], frames[1, 2, 1, 48:])


def test_colour_comes_as_blue_green_red(tmp_path):
    part = open_clips(write_clips(tmp_path / "clips", colour=True))
    windows = split_windows(part, Plan(antialias=True), "whole", "train")
    blue, green, red = windows.faces([3])[0, :3].mean(dim=(1, 2))
    assert blue < green < red


@given(
    seed=st.integers(0, 2**32 - 1),
    step=st.integers(0, 10**6),
    lengths=st.lists(st.integers(5, 40), min_size=2, max_size=5).filter(
        lambda each: sum(each) - 4 * len(each) >= GROUP
    ),
    hard=st.floats(0, 1),
    near=st.integers(1, 20),
)
@settings(max_examples=60, deadline=None)
def test_draws_depend_on_seed_and_step_alone_and_shares_make_up_the_whole(seed, step, lengths, hard, near):
    windows, mix = some_windows(*lengths, side=2), SyncOptions(hard=hard, same=(1 - hard) / 2, near=near)
    whole = draw_windows(windows, seed, step, 4 * GROUP, Share(), mix)
    assert whole == draw_windows(windows, seed, step, 4 * GROUP, Share(), mix)
    halves = [draw_windows(windows, seed, step, 4 * GROUP, Share(index, 2), mix) for index in (0, 1)]
    assert whole == halves[0] + halves[1]
    assert all(0 <= window < len(windows) for window in whole)
    for group in range(4):
        assert len(set(whole[GROUP * group : GROUP * (group + 1)])) == GROUP


def test_the_mix_is_as_asked():
    windows = some_windows(*[60] * 6, side=2)
    near = same = other = 0
    for step in range(100):
        anchor, *rest = draw_windows(windows, 0, step, GROUP, Share(), MIX)
        first, last = windows.bounds(anchor)
        near += sum(abs(each - anchor) <= MIX.near and first <= each < last for each in rest)
        same += sum(first <= each < last for each in rest)
        other += sum(not first <= each < last for each in rest)
    assert near / 700 == pytest.approx(0.5 + 0.25 * 8 / 55, abs=0.05)
    assert other / 700 == pytest.approx(0.25 * 5 / 6, abs=0.05)
    all_hard = [
        draw_windows(windows, 1, step, GROUP, Share(), SyncOptions(hard=1, same=0, near=8)) for step in range(20)
    ]
    assert all(max(group) - min(group) <= 16 for group in all_hard)


def test_a_torn_group_is_refused():
    with pytest.raises(BadInputError, match="batch: 24 cannot be shared out; give a multiple of 16"):
        draw_windows(some_windows(40, side=2), 0, 0, 24, Share(0, 2), MIX)


def test_pictures_read_as_needed_are_those_kept_in_memory(tmp_path):
    part = open_clips(write_clips(tmp_path / "clips", side=120))
    kept, read = (open_windows(part, Plan(antialias=True), "whole", memory)[0] for memory in (1, 0))
    assert kept.frames[0].shape[1:] == (96, 96)
    assert read.frames[0].shape[1:] == (120, 120)
    assert torch.equal(kept.batch([0, 40, 80]).face, read.batch([0, 40, 80]).face)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"train": 0}, "0 windows of five frames are kept for training; at least 8"),
        ({"validation": 0}, "0 windows of five frames are kept for validation.* `--split-by time`"),
        ({"frames": 6}, "6 windows|8 windows|4 windows"),
    ],
)
def test_too_few_windows_are_refused(tmp_path, counts, words):
    part = open_clips(write_clips(tmp_path / "clips", **counts))
    with pytest.raises(BadInputError, match=words):
        SyncTask(part, SLIM)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("frames", lambda each: each[:-1], "29 frames for 30"),
        ("mel", lambda each: each[:, :40], r"a mel of \(97, 40\)"),
        ("frames", lambda each: each[:, 0], "pictures of shape"),
    ],
)
def test_recordings_that_do_not_match_the_manifest_are_named(tmp_path, name, change, words):
    root = write_clips(tmp_path / "clips")
    path = root / "recordings" / "clip00.safetensors"
    arrays = load_file(path)
    save_file({**arrays, name: np.ascontiguousarray(change(arrays[name]))}, path)
    with pytest.raises(BadInputError, match=rf"clip00.safetensors: it does not match .*{words}"):
        SyncTask(open_clips(root), SLIM)


@pytest.mark.parametrize(
    ("name", "value"),
    [("view", "upper"), ("hard", 1.5), ("hard", -0.1), ("same", 0.7), ("near", 0), ("temperature", 0)],
)
def test_every_option_that_cannot_be_used_is_named(name, value):
    with pytest.raises(BadInputError, match=rf"^sync.*{name}"):
        SyncOptions(**{name: value})


def test_a_batch_of_no_whole_groups_is_refused(clips):
    with pytest.raises(BadInputError, match="batch: the sync expert learns in groups of 8"):
        SyncTask(clips, replace(SLIM, batch=12))


def test_fewer_clips_can_be_taken(clips):
    task = SyncTask(clips, replace(SLIM, clips=2))
    assert task.train.names == ("clip00", "clip02")
    assert task.plan.notes["clips"] == "2"
    with pytest.raises(BadInputError, match="has 4 for training, not 5"):
        SyncTask(clips, replace(SLIM, clips=5))


def test_a_step_can_be_told(clips):
    task = SyncTask(clips, SLIM)
    places = [place.split(":") for place in task.told(3).split(", ")]
    assert len(places) == 16
    assert {name for name, _ in places} <= set(task.train.names)
    assert task.told(3) == task.told(3) != task.told(4)
    clip, frame = task.train.names.index(places[2][0]), int(places[2][1])
    assert torch.equal(task.batch(3, Share()).face[2], task.train.faces([26 * clip + frame])[0])


def test_the_losses_are_what_they_say():
    cosines = torch.rand(3, GROUP, GROUP)
    pairs = [functional.binary_cross_entropy(cosines[g, i, i], torch.tensor(1.0)) for g in range(3) for i in range(8)]
    wrong = [
        functional.binary_cross_entropy(cosines[g, i, j], torch.tensor(0.0))
        for g in range(3)
        for i in range(8)
        for j in range(8)
        if i != j
    ]
    assert pair_loss(cosines).item() == pytest.approx((np.mean(pairs) + np.mean(wrong)) / 2, rel=1e-4)
    powers = (cosines / 0.1).exp()
    by_speech = -(powers.diagonal(dim1=1, dim2=2) / powers.sum(2)).log().mean()
    by_picture = -(powers.diagonal(dim1=1, dim2=2) / powers.sum(1)).log().mean()
    assert contrast_loss(cosines, 0.1).item() == pytest.approx((by_speech + by_picture).item() / 2, rel=1e-5)


def test_the_cosines_are_of_pictures_and_speech():
    speech, face = torch.rand(16, 7), torch.rand(16, 7)
    cosines = group_cosines(speech, face)
    assert cosines[1, 2, 5].item() == pytest.approx((face[10] * speech[13]).sum().item(), rel=1e-6)


def test_equal_shares_average_to_the_whole(clips):
    task = SyncTask(clips, replace(SLIM, batch=32, seed=2))
    whole, *halves = (task.batch(3, share) for share in (Share(), Share(0, 2), Share(1, 2)))
    assert torch.equal(whole.audio, torch.cat([half.audio for half in halves]))
    assert torch.equal(whole.face, torch.cat([half.face for half in halves]))
    network = copy.deepcopy(task.expert).eval()

    def loss(batch: SyncBatch) -> float:
        cosines = group_cosines(*network(batch.audio, batch.face))
        return (pair_loss(cosines) + contrast_loss(cosines, 0.07)).item()

    assert loss(whole) == pytest.approx(sum(map(loss, halves)) / 2, rel=1e-5)
    (found,) = task.losses(whole, 3, {})
    assert found.value.item() == pytest.approx(sum(part.item() for part in found.parts.values()), rel=1e-6)
    assert found.network == next(iter(task.networks))
    assert not any(part.requires_grad for part in found.parts.values())


def test_an_expert_learns_on_a_few_clips(clips):
    torch.manual_seed(0)
    task = SyncTask(clips, replace(SLIM, sync=NEAR))
    task.to(Numbers(torch.device("cpu")))
    before = task.validate({})
    assert before.trivial == pytest.approx(0.6931, abs=1e-4)
    optimizer = torch.optim.Adam(task.expert.parameters(), 5e-3)
    task.expert.train()
    for step in range(45):
        (loss,) = task.losses(task.batch(step, Share()).to(torch.device("cpu")), step, {})
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
    after = task.validate({})
    assert task.expert.training
    assert after.loss < 0.65 < before.loss
    assert after.parts["accuracy"] > 0.65
    assert np.mean([after.parts[name] for name in ("shift-5", "shift+5", "shift-10", "shift+10", "other_clip")]) > 0.75
    assert set(after.parts) == {"accuracy", "other_clip", *(f"shift{by:+d}" for by in SHIFTS)}
    picture = task.pictures()
    assert picture.dtype == np.uint8
    assert picture.shape == (84, 4 * 26)
    rows = picture[::4, 40:60:4].astype(float).mean(axis=1)
    assert rows[10] > rows[[0, 20]].mean()
    assert task.learnt(after, 40, {"any": 1}) == {"any": 1}


def test_scores_are_those_of_a_plain_loop():
    windows = some_windows(20, 25, 30, seed=1)
    torch.manual_seed(0)
    network = SyncNet(WIDTH)
    scores = score_expert(network, windows, most=10, shifts=(-2, 3))
    network.eval()
    true = [(2 * i + 1) * len(windows) // 20 for i in range(10)]

    def cosine(face: int, speech: int) -> float:
        with torch.no_grad():
            a, b = network(windows.speech([speech]), windows.faces([face]))
        return float((a * b).sum())

    for shift in (-2, 3):
        wins = []
        for window in true:
            first, last = windows.bounds(window)
            if first <= window + shift < last:
                wins.append(cosine(window, window) > cosine(window, window + shift))
        assert scores.shifts[shift] == pytest.approx(np.mean(wins))
    assert scores == score_expert(network.train(), windows, most=10, shifts=(-2, 3))


def test_an_expert_without_an_opinion_scores_a_half():
    windows = some_windows(20, 25)
    network = SyncNet(WIDTH)
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, 0.01)
    scores = score_expert(network, windows)
    assert set(scores.shifts.values()) | {scores.other_clip, scores.accuracy} == {0.5}


def test_a_single_clip_has_no_other():
    scores = score_expert(SyncNet(WIDTH), some_windows(9), shifts=(1, 30))
    assert scores.other_clip is None
    assert set(scores.shifts) == {1}


@pytest.mark.parametrize("view", ["whole", "lower-half"])
def test_the_checkpoint_says_what_it_is_and_can_be_gone_on_with(clips, tmp_path, view):
    task = SyncTask(clips, replace(SLIM, sync=SyncOptions(view=view)))
    assert task.plan.network == Network("syncnet", WIDTH)
    assert task.plan.corpus == clips.digest
    save_checkpoint(tmp_path / "expert.safetensors", task.weights(), task.plan)
    assert load_checkpoint(tmp_path / "expert.safetensors", expect="syncnet").plan == task.plan
    again = SyncTask(clips, TrainOptions(init=tmp_path / "expert.safetensors"))
    assert again.plan.network.width == WIDTH
    assert again.train.view == view
    assert len(again.plan.notes["init_sha256"]) == 64
    for name, tensor in task.expert.state_dict().items():
        assert torch.equal(tensor, again.expert.state_dict()[name])
    resumed = SyncTask(clips, TrainOptions(init=tmp_path / "gone.safetensors"), saved=again.plan)
    assert (resumed.plan, resumed.train.view, resumed.expert.width) == (again.plan, view, WIDTH)


def test_published_weights_can_be_gone_on_with(clips, tmp_path):
    expert = SyncNet(WIDTH)
    torch.save({"state_dict": expert.state_dict(), "optimizer": None, "global_step": 1}, tmp_path / "expert.pth")
    task = SyncTask(clips, replace(SLIM, init=tmp_path / "expert.pth", sync=SyncOptions(view="whole")))
    assert task.train.view == "lower-half"
    assert not task.plan.antialias
    slow = open_clips(write_clips(tmp_path / "clips", rate=Fraction(20)))
    with pytest.raises(BadInputError, match=r"expert.pth: this expert judges 25 frames/s but the clips .* have 20"):
        SyncTask(slow, replace(SLIM, init=tmp_path / "expert.pth"))


def test_the_seed_decides_the_first_weights(clips):
    one, same, other = (SyncTask(clips, replace(SLIM, seed=seed)).expert.state_dict() for seed in (0, 0, 1))
    name = "face_encoder.0.conv_block.0.weight"
    assert torch.equal(one[name], same[name])
    assert not torch.equal(one[name], other[name])
