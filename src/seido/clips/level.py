"""How loud speech is where it is loud, and speech brought to one loudness."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np

from seido.values import Speech

_WINDOW = Fraction(1, 40)
"""Seconds over which the power is taken: a few periods of any voice."""
_LOUD = 95.0
"""Percentile of the windows: pauses, however long, do not count."""
_SILENT = 1e-5
MOST = 30.0
"""dB by which speech is made louder or softer at the most: what needs more is noise, not speech."""


def speech_level(speech: Speech) -> float | None:
    """Measure the level of the loud moments, in dB under full scale's root mean square; None for silence.

    >>> tone = np.sin(np.arange(16_000, dtype=np.float32) / 5)
    >>> round(speech_level(Speech(tone, 16_000)), 1)
    -3.0
    """
    count = max(1, int(_WINDOW * speech.rate))
    whole = len(speech.samples) // count
    windows = speech.samples[: whole * count].reshape(whole, count) if whole else speech.samples[None]
    power = np.square(windows, dtype=np.float64).mean(axis=1)
    loud = math.sqrt(np.percentile(power, _LOUD))
    return 20 * math.log10(loud) if loud > _SILENT else None


def levelled(speech: Speech, wanted: float) -> Speech:
    """Bring speech to a level in dB, by up to 30 dB; peaks may go beyond full scale, silence stays silence."""
    level = speech_level(speech)
    if level is None:
        return speech
    gain = max(-MOST, min(MOST, wanted - level))
    return replace(speech, samples=speech.samples * np.float32(10 ** (gain / 20)))
