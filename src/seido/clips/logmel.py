"""The log-mel front-end of Wav2Lip, in torch: what the published weights heard (Prajwal et al. 2020)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seido.errors import BadInputError
from seido.plan import FrontEnd
from seido.values import Samples, Speech

LIMIT = 4.0
"""The normalised spectrogram stays within ±LIMIT."""
_FLOOR = 1e-5
_REFERENCE_DB = 20.0
_RANGE_DB = 100.0
_BLOCK = 4096
"""Columns transformed at a time: long speech needs no more memory than its result."""


def log_mel(speech: Speech, front_end: FrontEnd | None = None) -> NDArray[np.float32]:
    """Compute the normalised log-mel spectrogram of 16 kHz speech.

    Parameters
    ----------
    speech
        Mono, at the front-end's rate. Shorter than one window (0.2 s), its last column is repeated.
    front_end
        The settings; by default those of the published weights.

    Returns
    -------
    float32 (columns, bands), −4 … 4: 80 columns/s, at least 16, the first centred on sample 0. The signal is
    continued by reflection at both ends, as librosa 0.7 did when the published weights were trained.

    """
    front_end = front_end or FrontEnd()
    if speech.rate != front_end.sample_rate:
        raise BadInputError(f"{speech.name}: the front-end hears {front_end.sample_rate} Hz, got {speech.rate} Hz")
    columns = 1 + len(speech.samples) // front_end.hop
    mel = np.empty((max(columns, front_end.window), front_end.bands), np.float32)
    for first in range(0, columns, _BLOCK):
        last = min(first + _BLOCK, columns)
        begin = first * front_end.hop - front_end.fft // 2
        end = (last - 1) * front_end.hop + front_end.fft - front_end.fft // 2
        mel[first:last] = columns_of(emphasised(speech.samples, begin, end, front_end.preemphasis), front_end)
    mel[columns:] = mel[columns - 1]
    return mel


def emphasised(samples: Samples, begin: int, end: int, factor: float) -> NDArray[np.float64]:
    """Cut pre-emphasised samples begin … end, continued by reflection outside the signal; float64."""
    index = np.arange(begin, end)
    period = max(1, 2 * (len(samples) - 1))
    index = np.minimum(index % period, -index % period)
    before = np.where(index > 0, samples[np.maximum(index - 1, 0)], 0).astype(np.float64)
    return samples[index].astype(np.float64) - factor * before


def columns_of(signal: NDArray[np.float64], front_end: FrontEnd) -> NDArray[np.float32]:
    """Transform pre-emphasised samples: a column of the log-mel, float32 (columns, bands), for each whole window."""
    # Double precision: in single, quiet columns differ from the published front-end by up to 2e-4.
    window = torch.hann_window(front_end.fft, periodic=True, dtype=torch.float64)
    spectrum = torch.fft.rfft(torch.from_numpy(signal).unfold(0, front_end.fft, front_end.hop) * window).abs()
    mel = spectrum @ mel_filters(front_end).T
    decibels = 20 * torch.log10(mel.clamp(min=_FLOOR)) - _REFERENCE_DB
    normal = (2 * LIMIT) * (decibels + _RANGE_DB) / _RANGE_DB - LIMIT
    return normal.clamp(-LIMIT, LIMIT).float().numpy()


def stretched(mel: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Let each band of (…, bands, columns) be heard at `factor` times its place; the last band goes on above itself.

    So a voice sounds as from a shorter vocal tract, or with a factor above 1 from a longer one.
    """
    bands = mel.shape[-2]
    places = np.minimum(np.arange(bands) * factor, bands - 1)
    below = np.minimum(places.astype(np.int64), bands - 2)
    share = (places - below).astype(np.float32)[:, None]
    heard: NDArray[np.float32] = mel[..., below, :] * (1 - share) + mel[..., below + 1, :] * share
    return heard


@lru_cache(maxsize=8)
def mel_filters(front_end: FrontEnd) -> Tensor:
    """Make the Slaney mel filterbank, each triangle of unit area: float64 (bands, fft // 2 + 1).

    Slaney's scale is linear below 1 kHz (200/3 Hz a mel) and logarithmic above (27 mels to a factor 6.4).
    """
    edges = _mel_to_hertz(
        np.linspace(_hertz_to_mel(front_end.lowest), _hertz_to_mel(front_end.highest), front_end.bands + 2)
    )
    bins = np.arange(front_end.fft // 2 + 1) * (front_end.sample_rate / front_end.fft)
    return torch.from_numpy(triangles(edges, bins) * 2 / (edges[2:, None] - edges[:-2, None]))


def triangles(edges: NDArray[np.float64], bins: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Make triangles of height 1, each from one edge over the next to the one after: (edges − 2, bins); all in Hz."""
    below, centre, above = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(np.minimum((bins - below) / (centre - below), (above - bins) / (above - centre)), 0)


_LINEAR = 200 / 3
_CORNER_HERTZ = 1000.0
_LOG_STEP = np.log(6.4) / 27


def _hertz_to_mel(hertz: float) -> float:
    if hertz < _CORNER_HERTZ:
        return hertz / _LINEAR
    return float(_CORNER_HERTZ / _LINEAR + np.log(hertz / _CORNER_HERTZ) / _LOG_STEP)


def _mel_to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    corner = _CORNER_HERTZ / _LINEAR
    return np.where(mel < corner, mel * _LINEAR, _CORNER_HERTZ * np.exp(_LOG_STEP * (mel - corner)))
