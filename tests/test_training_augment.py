from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from skimage.transform import AffineTransform, warp

from seido.errors import BadInputError
from seido.training.augment import AugmentOptions, augmented

OFF = AugmentOptions.off()
STRONG = AugmentOptions(0.3, 0.3, 0.1, 4, 0.1, 0.1, 0.5, 8, 1.0, 1.0, 0.15)


def groups(count=4, frames=5, channels=3, size=32, seed=0):
    random = np.random.default_rng(seed)
    reference = torch.from_numpy(random.random((count, channels, size, size), np.float32))
    target = torch.from_numpy(random.random((count, frames, channels, size, size), np.float32))
    starts = np.array([[window * 16 // 5 for window in range(frames)]] * count) + random.integers(90, size=(count, 1))
    clips = random.normal(0, 2, (count, 80, 150)).clip(-4, 4).astype(np.float32)
    windows = [[clip[None, :, begin : begin + 16] for begin in row] for clip, row in zip(clips, starts, strict=True)]
    return reference, target, torch.from_numpy(np.array(windows)), starts


def part(batch, few):
    return [each[few] for each in batch]


def test_off_is_identity_to_the_bit():
    batch = groups()
    assert not OFF.active
    assert all(getattr(OFF, field.name) == 0 for field in fields(OFF))
    for before, after in zip(batch[:3], augmented(*batch, OFF, 1, 2), strict=True):
        assert torch.equal(before, after)


@pytest.mark.parametrize("name", [field.name for field in fields(AugmentOptions)])
def test_each_option_changes_its_own_part_alone(name):
    batch = groups()
    options = replace(OFF, **{name: getattr(STRONG, name)})
    assert options.active
    changed = [not torch.equal(*pair) for pair in zip(batch[:3], augmented(*batch, options, 0, 0), strict=True)]
    assert changed == ([False, False, True] if name.startswith("mel") else [True, name != "noise", False])


def test_parts_of_a_batch_come_out_as_in_the_whole_whatever_the_threads():
    batch = groups(count=6)
    whole = augmented(*batch, STRONG, 7, 30)
    before = torch.get_num_threads()
    torch.set_num_threads(1 if before > 1 else 2)
    try:
        for few in (slice(0, 1), slice(1, 4), slice(4, 6)):
            for some, expected in zip(augmented(*part(batch, few), STRONG, 7, 30, few.start), whole, strict=True):
                assert torch.equal(some, expected[few])
    finally:
        torch.set_num_threads(before)


def test_the_draw_depends_on_seed_step_and_group_alone():
    one = part(groups(), slice(0, 1))
    kept = [each.copy() if isinstance(each, np.ndarray) else each.clone() for each in one]
    first = augmented(*one, STRONG, 1, 2, 3)
    np.random.default_rng().random()
    torch.rand(3)
    for again, before in zip(augmented(*one, STRONG, 1, 2, 3), first, strict=True):
        assert torch.equal(again, before)
    for other in ((0, 2, 3), (1, 0, 3), (1, 2, 0)):
        assert not any(torch.equal(*pair) for pair in zip(augmented(*one, STRONG, *other), first, strict=True))
    for after, before in zip(one, kept, strict=True):
        assert (after == before).all(), "what was given is overwritten"


def test_pictures_and_mels_stay_within_their_limits():
    batch = groups(count=8)
    extreme = AugmentOptions(1.0, 1.0, 1.0, 16, 0.5, 0.2, 8.0, 16, 8.0, 8.0, 0.5)
    reference, target, mels = augmented(*batch, extreme, 0, 0)
    for pictures in (reference, target):
        assert pictures.min() >= 0
        assert pictures.max() <= 1
    assert mels.abs().max() <= 4
    for after, before in zip((reference, target, mels), batch, strict=False):
        assert after.isfinite().all()
        assert after.shape == before.shape
        assert after.dtype == before.dtype == torch.float32


def dot(row, column, size=48):
    picture = torch.zeros(size, size)
    picture[row, column] = 1
    return picture


def where(picture):
    """Find the centre of mass."""
    mass = picture.numpy().astype(np.float64)
    return tuple((mass * at).sum() / mass.sum() for at in np.indices(mass.shape))


@pytest.mark.parametrize("options", [replace(OFF, shift=5), replace(OFF, shift=3, scale=0.2)])
def test_a_dot_moves_alike_in_all_pictures_of_a_group(options):
    count, frames = 6, 3
    reference = dot(20, 28).expand(count, 3, -1, -1).clone()
    target = dot(20, 28).expand(count, frames, 3, -1, -1).clone()
    mels, starts = torch.zeros(count, 1, 1, 80, 16), np.zeros((count, 1), np.int64)
    after, goal, _ = augmented(reference, target, mels, starts, options, 0, 5)
    moves = set()
    for group in range(count):
        at = where(after[group, 0])
        moves.add((round(at[0] - 20, 1), round(at[1] - 28, 1)))
        for frame in range(frames):
            assert torch.equal(goal[group, frame], after[group])
        assert abs(at[0] - 20) < 5.9
        assert abs(at[1] - 28) < 5.9
    assert len(moves) > 3, "all groups moved alike"


def test_whole_pixels_alone_move_and_nothing_blurs_when_nothing_is_scaled():
    reference, target, mels, starts = groups(count=12)
    after, goal, _ = augmented(reference, target, mels, starts, replace(OFF, shift=2), 0, 0)
    seen = set()
    for group in range(len(after)):
        padded = np.pad(reference[group].numpy(), ((0, 0), (2, 2), (2, 2)), mode="edge")
        wanted = np.pad(target[group].numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), mode="edge")
        for down in range(-2, 3):
            for right in range(-2, 3):
                rows, columns = slice(2 - down, 34 - down), slice(2 - right, 34 - right)
                if np.abs(padded[:, rows, columns] - after[group].numpy()).max() < 1e-4:
                    seen.add((down, right))
                    assert np.abs(wanted[..., rows, columns] - goal[group].numpy()).max() < 1e-4
    assert len(seen) > 6
    assert max(max(abs(down), abs(right)) for down, right in seen) == 2


def test_scale_is_that_of_scikit_image():
    size = 40
    smooth = np.outer(np.hanning(size), np.hanning(size + 8)).astype(np.float32)
    reference = torch.from_numpy(smooth).expand(3, 1, -1, -1).clone()
    mels, starts = torch.zeros(3, 1, 1, 80, 16), np.zeros((3, 1), np.int64)
    after, _, _ = augmented(reference, reference[:, None], mels, starts, replace(OFF, scale=0.3), 0, 9)
    for group in range(3):
        errors = []
        for growth in np.linspace(0.7, 1.3, 601):
            middle = ((size + 8 - 1) / 2, (size - 1) / 2)
            about = (
                AffineTransform(translation=[-each for each in middle])
                + AffineTransform(scale=growth)
                + AffineTransform(translation=middle)
            )
            expected = warp(smooth, about.inverse, order=1, mode="edge")
            errors.append(np.abs(expected - after[group, 0].numpy()).max())
        assert min(errors) < 2e-3


def test_intensity_changes_reference_and_target_by_one_curve():
    level = torch.linspace(0, 1, 256).reshape(1, 1, 16, 16).repeat(4, 3, 1, 1)
    mels, starts = torch.zeros(4, 1, 1, 80, 16), np.zeros((4, 1), np.int64)
    after, goal, _ = augmented(
        level, level[:, None].repeat(1, 2, 1, 1, 1), mels, starts, replace(STRONG, noise=0), 0, 0
    )
    assert torch.equal(goal, after[:, None].expand_as(goal))
    after, _, _ = augmented(level, level[:, None], mels, starts, replace(OFF, intensity=0.3), 0, 0)
    for group in after:
        curve = group[0].flatten()
        assert (curve.diff() >= 0).all(), "what was brighter is darker now"
        assert (curve - level[0, 0].flatten()).abs().max() < 0.4
        assert torch.equal(group[0], group[2])
    assert len({group[0, 8, 8].item() for group in after}) == 4


def test_bias_slopes_within_its_limit():
    even = torch.full((8, 1, 24, 24), 0.5)
    mels, starts = torch.zeros(8, 1, 1, 80, 16), np.zeros((8, 1), np.int64)
    after, _, _ = augmented(even, even[:, None], mels, starts, replace(OFF, bias=0.2), 3, 0)
    assert (after / 0.5 - 1).abs().max() <= 0.2 + 1e-6
    assert torch.allclose(after.diff(dim=2).diff(dim=2), torch.zeros(()), atol=1e-6)
    assert torch.allclose(after.mean((1, 2, 3)), torch.tensor(0.5), atol=1e-6)
    assert (after.amax((1, 2, 3)) - after.amin((1, 2, 3)) > 0.01).sum() > 5


def test_noise_is_on_the_reference_alone_and_grey_stays_grey():
    reference, target, mels, starts = groups(count=8, channels=1)
    grey = (reference * 0.4 + 0.3).repeat(1, 3, 1, 1)
    after, goal, heard = augmented(grey, target, mels, starts, replace(OFF, noise=0.05), 0, 0)
    assert torch.equal(goal, target)
    assert torch.equal(heard, mels)
    assert torch.equal(after[:, 0], after[:, 1])
    assert torch.equal(after[:, 0], after[:, 2])
    spread = (after - grey)[:, 0].std((1, 2))
    assert spread.max() < 0.055
    assert spread.max() > 0.02
    assert spread.std() > 0.005, "all groups are as noisy"


def test_columns_that_windows_share_stay_the_same():
    batch = groups(count=5)
    starts = batch[3]
    _, _, mels = augmented(*batch, STRONG, 0, 4)
    for group in range(5):
        for window in range(1, 5):
            later = starts[group, window] - starts[group, 0]
            shared = mels[group, 0, 0, :, later:], mels[group, window, 0, :, : 16 - later]
            assert torch.equal(*shared)


def test_a_mask_hides_one_piece_with_the_mean_of_the_group():
    reference, target, mels, starts = groups(count=40)
    _, _, after = augmented(reference, target, mels, starts, replace(OFF, mel_mask=6), 0, 0)
    lengths = set()
    for group in range(40):
        first = starts[group, 0]
        changed = (after[group] != mels[group])[:, 0].any(1)
        hidden = {int(starts[group, m] - first + at) for m, at in changed.nonzero().tolist()}
        lengths.add(len(hidden))
        if hidden:
            assert max(hidden) - min(hidden) + 1 == len(hidden)
            mean = mels[group].double().mean()
            assert torch.allclose(after[group][after[group] != mels[group]].double(), mean, atol=1e-6)
    assert lengths <= set(range(7))
    assert {0, 6} <= lengths


def test_windows_far_apart_can_be_of_one_group():
    reference, target, mels, _ = groups(count=2, frames=2)
    _, _, after = augmented(reference, target, mels, np.array([[0, 10**7], [50, 0]]), STRONG, 0, 0)
    assert after.shape == mels.shape


def test_gain_and_tilt_are_straight_lines_over_the_bands():
    reference, target, mels, starts = groups(count=6)
    mels = mels / 8
    for name, most in (("mel_gain", 1.0), ("mel_tilt", 2.0)):
        _, _, after = augmented(reference, target, mels, starts, replace(OFF, **{name: most}), 0, 0)
        change = (after - mels)[:, :, 0].mean((1, 3))
        assert change.abs().max() <= most + 1e-5
        assert torch.allclose(change.diff(dim=1).diff(dim=1), torch.zeros(()), atol=1e-5)
        middle = change.mean(1)
        if name == "mel_gain":
            assert torch.allclose(change, middle[:, None], atol=1e-5)
        else:
            assert torch.allclose(middle, torch.zeros(()), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("intensity", -0.1),
        ("bias", 1.5),
        ("noise", "loud"),
        ("shift", 1.5),
        ("scale", 0.7),
        ("mel_noise", float("nan")),
        ("mel_mask", 17),
        ("mel_gain", 9),
        ("mel_tilt", True),
    ],
)
def test_bad_options_are_told_by_name(name, value):
    with pytest.raises(BadInputError, match=name):
        AugmentOptions(**{name: value})


def test_a_warp_moves_pictures_smoothly_and_all_of_an_example_alike():
    rows, columns = np.mgrid[0:64, 0:64].astype(np.float32) / 63
    where = torch.from_numpy(np.stack([rows, columns]))[None]
    reference, target, _ = augmented(
        where,
        where[:, None].repeat(1, 3, 1, 1, 1),
        groups(count=1)[2],
        np.zeros((1, 5), int),
        replace(OFF, warp=0.1),
        3,
        4,
    )
    assert torch.equal(target[0, 0], reference[0])
    assert torch.equal(target[0, 2], reference[0])
    moved = (reference - where)[0, :, 8:-8, 8:-8]
    assert 0.02 < moved.abs().max() <= 0.3
    # A parabola along each side: third differences vanish.
    assert moved.diff(n=3, dim=1).abs().max() < 1e-4
    assert moved.diff(n=3, dim=2).abs().max() < 1e-4


def test_a_stretched_mel_has_its_formants_elsewhere_and_its_columns_where_they_were():
    _, _, mels, starts = batch = groups(count=8)
    bands = torch.arange(80, dtype=torch.float32) / 20
    ramp = bands[:, None].expand_as(mels) - 2
    _, _, changed = augmented(*batch[:2], ramp.contiguous(), starts, replace(OFF, mel_warp=0.2), 0, 0)
    factors = (changed[:, 0, 0, 40, 0] + 2) / 2
    assert factors.min() < 0.95
    assert factors.max() > 1.05
    assert ((factors > 0.8) & (factors < 1.2)).all()
    assert torch.equal(changed, changed[..., :1].expand_as(changed))
    expected = (bands * factors[0]).clamp(max=79 / 20) - 2
    assert changed[0, 0, 0, :, 0].numpy() == pytest.approx(expected.numpy(), abs=1e-4)
