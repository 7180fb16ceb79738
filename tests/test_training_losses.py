import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from seido.training.losses import l1, ssim


def images(seed: int, channels: int = 1, shape: tuple[int, int] = (40, 33)) -> tuple[torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(seed)
    x = random.random((2, channels, *shape))
    y = np.clip(x + random.normal(0, 0.1, x.shape), 0, 1)
    return torch.from_numpy(x), torch.from_numpy(y)


def by_scikit_image(x: np.ndarray, y: np.ndarray) -> float:
    return structural_similarity(
        x, y, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )  # an 11 × 11 window: truncated at 3.5 σ


@pytest.mark.parametrize("seed", range(3))
def test_ssim_is_scikit_images(seed):
    x, y = images(seed)
    expected = np.mean([by_scikit_image(a[0].numpy(), b[0].numpy()) for a, b in zip(x, y, strict=True)])
    assert float(ssim(x, y)) == pytest.approx(expected, abs=1e-9)
    assert float(ssim(x.float(), y.float())) == pytest.approx(expected, abs=1e-5)


def test_ssim_compares_the_mean_of_the_channels():
    x, y = images(0, channels=3)
    expected = np.mean([by_scikit_image(a.mean(0).numpy(), b.mean(0).numpy()) for a, b in zip(x, y, strict=True)])
    assert float(ssim(x, y)) == pytest.approx(expected, abs=1e-9)


def test_ssim_does_not_mind_channels_last():
    x, y = images(1, channels=3)
    last = torch.channels_last
    assert float(ssim(x.contiguous(memory_format=last), y.contiguous(memory_format=last))) == float(ssim(x, y))


def test_ssim_of_a_picture_with_itself_is_one():
    x, _ = images(3)
    assert float(ssim(x, x)) == pytest.approx(1)
    flat = torch.full((1, 3, 20, 20), 0.5)
    assert float(ssim(flat, flat)) == pytest.approx(1)


def test_the_gradient_of_the_structure_is_right():
    x, y = images(4, channels=3, shape=(12, 12))
    assert torch.autograd.gradcheck(ssim, (x.requires_grad_(), y))


def test_l1_can_look_where_the_picture_moves():
    x, y = images(5, channels=3)
    assert float(l1(x, y)) == pytest.approx(float((x - y).abs().mean()))
    motion = torch.zeros(2, 1, 40, 33, dtype=torch.float64)
    motion[:, :, :, 11:22] = 3.0  # of mean 1
    moving = float((x - y).abs()[..., 11:22].mean())
    assert float(l1(x, y, motion, 1.0)) == pytest.approx(moving)
    assert float(l1(x, y, motion, 0.25)) == pytest.approx(0.25 * moving + 0.75 * float(l1(x, y)))


def test_l1_sees_how_far_a_residual_network_overshoots():
    white = torch.ones(1, 3, 16, 16)
    assert float(l1(white + 0.5, white)) == pytest.approx(0.5)
