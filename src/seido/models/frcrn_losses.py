"""The losses FRCRN was trained with: complex mask and scale-invariant signal-to-noise ratio."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from seido.models.frcrn import HOP, WINDOW

_LIMIT = 2.0
"""Parts of the ideal mask beyond this become ±1."""
_LEAST_POWER = 1e-8
_LEAST_ENERGY = 1e-6
_COMPRESSION = 0.3


def ideal_mask(noisy: Tensor, clean: Tensor) -> Tensor:
    """Complex ratio mask S·Y*/(|Y|² + 1e-8) of waveforms (B, samples) → (B, 2, 321, T).

    The spectra have a symmetric Hann window, not the network's. Parts above 2 become 1, parts below −2 become −1.
    """
    y, s = _spectrum(noisy), _spectrum(clean)
    ratio = torch.view_as_real(s * y.conj() / (y.abs().square() + _LEAST_POWER)).permute(0, 3, 1, 2)
    ratio = torch.where(ratio > _LIMIT, 1.0, ratio)
    return torch.where(ratio < -_LIMIT, -1.0, ratio)


def mask_loss(mask: Tensor, noisy: Tensor, clean: Tensor) -> Tensor:
    """Mean squared error of the mask (B, 2, 321, T), real and imaginary parts' added, times 640."""
    real, imaginary = mask.unbind(1)
    wanted = ideal_mask(noisy, clean)
    return WINDOW * (functional.mse_loss(real, wanted[:, 0]) + functional.mse_loss(imaginary, wanted[:, 1]))


def si_snr(estimate: Tensor, clean: Tensor) -> Tensor:
    """Scale-invariant signal-to-noise ratio in dB of waveforms (B, samples), averaged over the batch."""
    return each_si_snr(estimate, clean).mean()


def each_si_snr(estimate: Tensor, clean: Tensor) -> Tensor:
    """Scale-invariant signal-to-noise ratio in dB of each waveform: (B, samples) twice → (B).

    With both free of their means, t = ⟨e, s⟩·s/(|s|² + ε), the ratio is 10·log₁₀(|t|²/(|e − t|² + ε) + ε), ε = 1e-6.
    """
    e = estimate - estimate.mean(dim=1, keepdim=True)
    s = clean - clean.mean(dim=1, keepdim=True)
    target = (e * s).sum(1, keepdim=True) * s / (s.square().sum(1, keepdim=True) + _LEAST_ENERGY)
    ratio = target.square().sum(1) / ((e - target).square().sum(1) + _LEAST_ENERGY)
    return 10 * torch.log10(ratio + _LEAST_ENERGY)


def magnitude_loss(estimate: Tensor, clean: Tensor) -> Tensor:
    """Mean squared difference of magnitudes to the power 0.3, of spectra (B, 2, F, T): quiet sounds count too."""
    return functional.mse_loss(_compressed(estimate), _compressed(clean))


def _compressed(spectra: Tensor) -> Tensor:
    return (spectra.square().sum(1) + _LEAST_ENERGY) ** (_COMPRESSION / 2)


def _spectrum(samples: Tensor) -> Tensor:
    window = torch.hann_window(WINDOW, periodic=False, dtype=samples.dtype, device=samples.device)
    return torch.stft(samples, WINDOW, HOP, WINDOW, window, center=False, return_complex=True)
