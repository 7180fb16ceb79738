import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from seido.training.losses import generator_loss, l1, ssim


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


def test_the_loss_adds_up():
    x, y = images(5, channels=3)
    loss, plain = generator_loss(x, y, 0.1)
    assert float(plain) == float(l1(x, y)) == pytest.approx(float((x - y).abs().mean()))
    assert float(loss) == pytest.approx(float(plain + 0.1 * (1 - ssim(x, y))))
    assert float(generator_loss(x, y, 0.0)[0]) == float(plain)


def test_the_loss_sees_how_far_a_residual_network_overshoots():
    white = torch.ones(1, 3, 16, 16)
    assert float(generator_loss(white + 0.5, white, 0.0)[0]) == pytest.approx(0.5)
