"""What training makes small: the difference from the target frames, and from their structure."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

WINDOW = 11
"""Pixels along each side of SSIM's Gaussian window."""
SIGMA = 1.5
LUMINANCE = 0.01**2
CONTRAST = 0.03**2


def l1(prediction: Tensor, target: Tensor, motion: Tensor | None = None, share: float = 0.0) -> Tensor:
    """Compute the mean absolute difference; a scalar.

    `motion` (B, 1, H, W), of mean 1 per example, weights the `share` of it that goes to where the picture moves.
    """
    difference = (prediction - target).abs()
    if motion is None or not share:
        return difference.mean()
    return (difference * (1 - share + share * motion)).mean()


def ssim(prediction: Tensor, target: Tensor) -> Tensor:
    """Compute the structural similarity, averaged over batch and pixels; a scalar that gradients pass through.

    Parameters
    ----------
    prediction, target
        float32 (B, C, H, W), 0 … 1, H and W at least 11. The mean over the channels is compared: grey pictures
        repeat one channel, and a third of the work is enough.

    Gaussian window 11 × 11, σ 1.5, K1 0.01, K2 0.03, population statistics, only windows that lie inside the
    picture (Wang et al. 2004, eq. 13).

    """
    x, y = prediction.mean(1, keepdim=True), target.mean(1, keepdim=True)
    means = _blur(torch.cat((x, y, x * x, y * y, x * y), dim=1))
    mean_x, mean_y, square_x, square_y, product = means.unbind(1)
    variances = square_x - mean_x**2 + square_y - mean_y**2
    covariance = product - mean_x * mean_y
    similarity = ((2 * mean_x * mean_y + LUMINANCE) * (2 * covariance + CONTRAST)) / (
        (mean_x**2 + mean_y**2 + LUMINANCE) * (variances + CONTRAST)
    )
    return similarity.mean()


def _blur(maps: Tensor) -> Tensor:
    """Blur (B, N, H, W) along rows and columns, without padding: (B, N, H − 10, W − 10)."""
    # Two products of matrices take a fraction of the time of two convolutions of one channel.
    return _band(maps.shape[2]).to(maps) @ maps @ _band(maps.shape[3]).to(maps).T


@lru_cache(maxsize=8)
def _band(size: int) -> Tensor:
    """Make the matrix that blurs a column of `size` pixels: float64 (size − 10, size), a Gaussian in every row."""
    offset = torch.arange(size) - torch.arange(size - WINDOW + 1)[:, None] - WINDOW // 2
    weights = torch.exp(-(offset.double() ** 2) / (2 * SIGMA**2)) * (offset.abs() <= WINDOW // 2)
    return weights / weights.sum(1, keepdim=True)
