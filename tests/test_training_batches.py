from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from seido.clips.store import open_clips, write_manifest
from seido.errors import BadInputError
from seido.models.inputs import mel_windows
from seido.plan import FrontEnd, Plan
from seido.training.augment import AugmentOptions
from seido.training.batches import Draw, Examples, Variation, draw_batch, open_examples, spread_draw
from training_clips import RATE, write_clips

PLAN = Plan(front_end=FrontEnd(lead=Fraction(2, 25)), rate=RATE, antialias=True)


def examples(frames: int = 30, clips: int = 2, side: int = 96, seed: int = 0, rate: Fraction = RATE) -> Examples:
    random = np.random.default_rng(seed)
    return Examples(
        replace(PLAN, rate=rate),
        tuple(random.integers(0, 256, (frames, side, side), np.uint8) for _ in range(clips)),
        tuple(random.normal(size=(max(16, 1 + int(frames / rate * 80)), 80)).astype(np.float32) for _ in range(clips)),
    )


def draw(*rows: tuple[int, int, int]) -> Draw:
    return Draw(*(np.array(column, np.int64) for column in zip(*rows, strict=True)))


def test_a_batch_is_what_generation_feeds_the_network():
    some = examples()
    batch = some.batch(draw((0, 5, 0), (1, 20, 3)), "tract")
    assert batch.audio.shape == (2, 1, 80, 16)
    assert batch.face.shape == (2, 6, 96, 96)
    assert batch.target.shape == (2, 3, 96, 96)
    assert {tensor.dtype for tensor in (batch.audio, batch.face, batch.target)} == {torch.float32}
    for row, (clip, target, reference) in enumerate([(0, 5, 0), (1, 20, 3)]):
        seen = torch.from_numpy(some.frames[clip][reference]).float() / 255
        for channel in range(3):
            assert torch.equal(batch.face[row, 3 + channel], seen)
            assert torch.equal(batch.face[row, channel, :48], seen[:48])
            assert torch.equal(batch.target[row, channel], torch.from_numpy(some.frames[clip][target]).float() / 255)
        assert not batch.face[row, :3, 48:].any()
        window = mel_windows(some.mels[clip], range(target, target + 1), RATE, Fraction(2, 25))
        assert torch.equal(batch.audio[row], window[0])


@given(seed=st.integers(0, 2**32 - 1), step=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_nothing_of_the_target_reaches_the_network(seed, step):
    some = examples(clips=3, side=12)
    drawn = draw_batch(some, seed, step, 4, "far")
    other = tuple(frames.copy() for frames in some.frames)
    random = np.random.default_rng(seed)
    for clip, target in zip(drawn.clip, drawn.target, strict=True):
        # A frame that is one row's target may be another's reference: that one has every right to see it.
        if not np.any((drawn.clip == clip) & (drawn.reference == target)):
            other[clip][target] = random.integers(0, 256, (12, 12))
    before, after = some.batch(drawn, "tract"), replace(some, frames=other).batch(drawn, "tract")
    assert torch.equal(before.face, after.face)
    assert torch.equal(before.audio, after.audio)


def test_the_published_recipe_shows_the_targets_upper_half_and_no_more():
    some = examples()
    drawn = draw((0, 5, 0))
    batch = some.batch(drawn, "talk")
    assert torch.equal(batch.face[:, :3, :48], batch.target[:, :, :48])
    assert not batch.face[:, :3, 48:].any()
    assert torch.equal(batch.face[:, 3:], some.batch(drawn, "tract").face[:, 3:])


def test_windows_are_frames_in_a_row_with_one_reference_and_the_experts_speech():
    some = examples()
    batch = some.batch(replace(draw((0, 5, 0), (1, 20, 3)), window=5), "tract", motion=True, voice=True)
    assert batch.audio.shape == (10, 1, 80, 16)
    assert batch.face.shape == (10, 6, 96, 96)
    assert batch.motion.shape == (10, 1, 96, 96)
    assert batch.voice.shape == (2, 1, 80, 16)
    single = some.batch(draw(*((0, 5 + frame, 0) for frame in range(5))), "tract")
    for name in ("audio", "face", "target"):
        assert torch.equal(getattr(batch, name)[:5], getattr(single, name))
    assert torch.equal(
        batch.voice,
        torch.cat(
            [
                mel_windows(some.mels[0], range(5, 6), RATE, Fraction(0)),
                mel_windows(some.mels[1], range(20, 21), RATE, Fraction(0)),
            ]
        ),
    )


def test_motion_is_where_a_clip_changes():
    frames = np.full((30, 96, 96), 90, np.uint8)
    frames[::2, 10:20, 10:20] = 100
    (motion,) = replace(examples(clips=1), frames=(frames,)).motion
    assert motion.mean() == pytest.approx(1, abs=1e-4)
    assert motion[0, 15, 15] > 50
    assert motion[0, 50, 50] == 0
    (still,) = replace(examples(clips=1), frames=(np.full((30, 96, 96), 90, np.uint8),)).motion
    assert torch.equal(still, torch.ones(1, 96, 96))


def test_a_varied_batch_comes_out_the_same_in_parts():
    some = examples()
    drawn = draw_batch(some, 0, 7, 6, "far")
    whole = some.batch(drawn, "tract", Variation(AugmentOptions(), 0, 7))
    parts = [some.batch(drawn[at : at + 2], "tract", Variation(AugmentOptions(), 0, 7, at)) for at in (0, 2, 4)]
    for name in ("audio", "face", "target"):
        assert torch.equal(getattr(whole, name), torch.cat([getattr(part, name) for part in parts]))
    assert not torch.equal(whole.face, some.batch(drawn, "tract").face)
    off = some.batch(drawn, "tract", Variation(AugmentOptions.off(), 0, 7))
    assert torch.equal(off.face, some.batch(drawn, "tract").face)


def test_colour_comes_as_blue_green_red(tmp_path):
    store = open_clips(write_clips(tmp_path / "clips", colour=True))
    train, _ = open_examples(store, PLAN, 4)
    batch = train.batch(draw((0, 5, 0)), "tract")
    stored = store.frames(store.split("train")[0])
    for channel in range(3):
        assert torch.equal(batch.target[0, channel], torch.from_numpy(stored[5, ..., 2 - channel].copy()).float() / 255)


def test_grey_and_colour_clips_may_stand_in_one_batch():
    grey = examples()
    colour = np.random.default_rng(1).integers(0, 256, (30, 96, 96, 3), np.uint8)
    mixed = replace(grey, frames=(grey.frames[0], colour))
    batch = mixed.batch(draw((0, 5, 0), (1, 7, 3)), "tract")
    assert torch.equal(batch.face[:1], grey.batch(draw((0, 5, 0)), "tract").face)
    assert torch.equal(batch.target[1, 0], torch.from_numpy(colour[7, ..., 2].copy()).float() / 255)


@given(
    seed=st.integers(0, 2**40),
    step=st.integers(0, 10**7),
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=5).filter(lambda lengths: max(lengths) > 1),
    rate=st.sampled_from([Fraction(25), Fraction(1159, 50), Fraction(2082, 25)]),
)
@settings(deadline=None)
def test_draws_depend_on_seed_and_step_alone_and_stay_in_their_clips(seed, step, lengths, rate):
    frames = tuple(np.zeros((length, 1, 1), np.uint8) for length in lengths)
    some = Examples(replace(PLAN, rate=rate), frames, ())
    drawn, again = (draw_batch(some, seed, step, 16, "far", 1) for _ in range(2))
    for name in ("clip", "target", "reference"):
        assert np.array_equal(getattr(drawn, name), getattr(again, name))
    length = np.array(lengths)[drawn.clip]
    assert np.all((drawn.target >= 1) & (drawn.target < length))
    assert np.all((drawn.reference >= 0) & (drawn.reference < length))
    away = np.abs(drawn.target - drawn.reference) / rate
    assert np.all((drawn.reference == 0) | (away >= Fraction(3, 5)))
    assert not draw_batch(some, seed, step, 16, "first").reference.any()
    anyone = draw_batch(some, seed, step, 16, "any")
    assert np.all((anyone.reference >= 0) & (anyone.reference < np.array(lengths)[anyone.clip]))
    assert np.all(anyone.reference != anyone.target)


@given(seed=st.integers(0, 2**40), lengths=st.lists(st.integers(1, 60), min_size=1, max_size=5))
@settings(deadline=None)
def test_windows_stay_in_their_clips_and_away_from_their_references(seed, lengths):
    lengths = [*lengths, 6]
    some = Examples(PLAN, tuple(np.zeros((length, 1, 1), np.uint8) for length in lengths), ())
    drawn = draw_batch(some, seed, 0, 16, "far", 5)
    length = np.array(lengths)[drawn.clip]
    assert np.all((drawn.target >= 1) & (drawn.target + 4 < length))
    away = np.minimum(np.abs(drawn.target - drawn.reference), np.abs(drawn.target + 4 - drawn.reference))
    assert np.all((drawn.reference == 0) | (away >= 15))
    spread = spread_draw(some, 40, 5)
    assert np.all((spread.target >= 1) & (spread.target + 4 < np.array(lengths)[spread.clip]))


def test_draws_take_every_frame_equally_often_and_all_far_references():
    some = Examples(PLAN, tuple(np.zeros((length, 1, 1), np.uint8) for length in (11, 31)), ())
    drawn = draw_batch(some, 1, 2, 40_000, "far")
    share, _ = np.histogram(drawn.clip * 100 + drawn.target, bins=np.r_[1:12, 101:132] - 0.5)
    assert share[np.r_[:10, 11:41]].min() > 850
    assert share[np.r_[:10, 11:41]].max() < 1150
    references = drawn.reference[(drawn.clip == 1) & (drawn.target == 15)]
    assert set(references) == {0, 30}
    assert np.all(drawn.reference[drawn.clip == 0] == 0)


def test_validation_frames_are_spread_and_never_first():
    some = Examples(PLAN, tuple(np.zeros((length, 1, 1), np.uint8) for length in (11, 1, 31)), ())
    everything = spread_draw(some, 512)
    assert len(everything.target) == len(some) == 40
    assert list(zip(everything.clip, everything.target, strict=True)) == [
        *((0, frame) for frame in range(1, 11)),
        *((2, frame) for frame in range(1, 31)),
    ]
    few = spread_draw(some, 4)
    assert list(zip(few.clip, few.target, strict=True)) == [(0, 6), (2, 6), (2, 16), (2, 26)]
    assert not few.reference.any()


def test_pictures_read_as_needed_are_those_kept_in_memory(tmp_path):
    store = open_clips(write_clips(tmp_path / "clips", side=70))
    (kept, _), (read, _) = (open_examples(store, PLAN, memory) for memory in (4, 0))
    assert kept.frames[0].shape[1:] == (96, 96)
    assert read.frames[0].shape[1:] == (70, 70)
    drawn = draw_batch(kept, 0, 0, 8, "far")
    for name in ("audio", "face", "target"):
        first, second = (getattr(some.batch(drawn, "tract"), name) for some in (kept, read))
        assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"train": 0}, "kept for training"),
        ({"validation": 0}, "kept for validation.*--split-by time"),
        ({"frames": 1}, "kept for training"),
    ],
)
def test_clips_without_a_needed_part_are_refused(tmp_path, counts, words):
    store = open_clips(write_clips(tmp_path / "clips", **counts))
    with pytest.raises(BadInputError, match=f"{store.root}.*{words}"):
        open_examples(store, PLAN, 4)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("frames", lambda array: array[:20], "20 frames for 30"),
        ("frames", lambda array: array[:, :, :, None], "96, 1"),
        ("frames", lambda array: array.astype(np.float32), "float32"),
        ("mel", lambda array: array[:, :40].copy(), "a mel of"),
        ("mel", None, "no mel in it"),
    ],
)
def test_recordings_that_do_not_match_the_manifest_are_named(tmp_path, name, change, words):
    root = write_clips(tmp_path / "clips")
    path = root / "recordings" / "clip01.safetensors"
    arrays = load_file(path)
    if change:
        arrays[name] = np.ascontiguousarray(change(arrays[name]))
    else:
        del arrays[name]
    save_file(arrays, path)
    with pytest.raises(BadInputError, match=f"clip01.safetensors.*{words}.*seido prepare"):
        open_examples(open_clips(root), PLAN, 4)


def test_a_recording_that_is_cut_off_is_named(tmp_path):
    root = write_clips(tmp_path / "clips")
    path = root / "recordings" / "clip01.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BadInputError, match="clip01.safetensors: missing or damaged"):
        open_examples(open_clips(root), PLAN, 4)


def test_a_manifest_may_list_clips_of_one_frame(tmp_path):
    root = write_clips(tmp_path / "clips")
    store = open_clips(root)
    short = [replace(entry, frames=1) if entry.name == "clip00" else entry for entry in store.entries]
    write_manifest(root, store.prepared, short)
    train, _ = open_examples(open_clips(root), PLAN, 4)
    assert train.names == ("clip01", "clip02", "clip03")
