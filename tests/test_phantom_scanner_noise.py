from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seido.errors import BadInputError
from seido.phantom.gradient_noise import (
    CUTOFF,
    LEVEL,
    SPECTRUM,
    Sequence,
    active,
    at_snr,
    gradient_noise,
    repetition_time,
    third_octaves,
)

REAL = Path(__file__).resolve().parents[2] / "shared" / "real" / "scanner_noise" / "speech_in_scanner_20kHz.wav"
CENTRES = tuple(band[0] for band in SPECTRUM)
SLOW, FAST = Fraction(1384, 100), Fraction(2717, 100)


def noise(rate: Fraction, *, seconds: float = 4, sample_rate: int = 20_000, seed: int = 0) -> np.ndarray:
    return gradient_noise(int(seconds * sample_rate), sample_rate, Sequence.at(rate), np.random.default_rng(seed))


@pytest.mark.parametrize("rate", [SLOW, FAST])
def test_repetition_is_between_five_and_six_milliseconds(rate: Fraction):
    assert Fraction(5, 1000) <= repetition_time(rate) <= Fraction(6, 1000)


@given(st.fractions(min_value=1, max_value=150, max_denominator=1000))
def test_a_frame_is_a_whole_number_of_repetitions(rate: Fraction):
    assert (1 / (rate * repetition_time(rate))).denominator == 1
    assert Sequence.at(rate).repetition_time == repetition_time(rate)


@pytest.mark.parametrize("rate", [SLOW, FAST])
def test_spectrum_follows_the_table(rate: Fraction):
    levels = third_octaves(noise(rate), 20_000, CENTRES)
    difference = np.abs(levels - [band[1] for band in SPECTRUM])
    assert np.median(difference) < 3
    assert difference[np.array(CENTRES) > 750].max() < 6


@pytest.mark.skipif(not REAL.is_file(), reason="the real recording is not here")
def test_spectrum_follows_the_recording():
    soundfile = pytest.importorskip("soundfile")
    real, rate = soundfile.read(REAL, dtype="float32")
    real = real[: int(2.3 * rate)]
    made = noise(SLOW, seconds=2.3, sample_rate=rate)
    difference = third_octaves(made, rate, CENTRES) - third_octaves(real, rate, CENTRES)
    assert np.median(np.abs(difference)) < 4
    assert np.sqrt(np.mean(real**2)) == pytest.approx(LEVEL, rel=0.05)


@pytest.mark.parametrize("rate", [SLOW, FAST])
def test_lines_stand_at_multiples_of_the_repetition_rate_with_frame_sidebands(rate: Fraction):
    sound = noise(rate, seconds=8)
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    frequency = np.fft.rfftfreq(len(sound), 1 / 20_000)
    spacing = 1 / float(repetition_time(rate))
    audible = (frequency > 800) & (frequency < 4000)
    away = np.abs(frequency - spacing * np.rint(frequency / spacing))
    on_line, on_sideband = audible & (away < 1), audible & (np.abs(away - float(rate)) < 1)
    assert power[on_line].sum() / power[audible].sum() > 0.9
    assert power[on_sideband].sum() / power[audible].sum() == pytest.approx(0.3**2 / 2 / (1 + 0.3**2 / 2), rel=0.2)
    assert power[audible & ~on_line & ~on_sideband].sum() / power[audible].sum() < 0.01


def test_nothing_above_what_the_microphone_hears():
    sound = noise(SLOW, sample_rate=48_000, seconds=1)
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    above = np.fft.rfftfreq(len(sound), 1 / 48_000) > CUTOFF + 100
    assert power[above].sum() / power.sum() < 1e-6


def test_seed_decides_every_byte():
    first = noise(FAST, seconds=1, seed=3)
    assert first.dtype == np.float32
    assert first.tobytes() == noise(FAST, seconds=1, seed=3).tobytes()
    assert first.tobytes() != noise(FAST, seconds=1, seed=4).tobytes()
    assert np.sqrt(np.mean(first.astype(float) ** 2)) == pytest.approx(LEVEL, rel=1e-3)


@given(st.floats(-20, 30), st.integers(0, 100))
def test_ratio_is_exact_where_there_is_speech(decibels: float, seed: int):
    random = np.random.default_rng(seed)
    clean = random.standard_normal(8000).astype(np.float32) * 0.1
    clean[:3000] = 0
    hiss = random.standard_normal(8000).astype(np.float32)
    noisy = at_snr(clean, hiss, decibels)
    speaking = active(clean)
    assert not speaking[:2800].any()
    assert speaking[3200:].all()
    added = (noisy - clean)[speaking].astype(float)
    got = 10 * np.log10(np.mean(clean[speaking].astype(float) ** 2) / np.mean(added**2))
    assert got == pytest.approx(decibels, abs=0.05)


def test_impossible_wishes_are_told():
    hiss = np.ones(800, np.float32)
    with pytest.raises(BadInputError, match="one length"):
        at_snr(hiss, hiss[:-1], 0)
    with pytest.raises(BadInputError, match="silent"):
        at_snr(hiss * 0, hiss, 0)
    with pytest.raises(BadInputError, match="silent"):
        at_snr(hiss, hiss * 0, 0)
    with pytest.raises(BadInputError, match="whole number"):
        Sequence(SLOW, Fraction(55, 10_000))
    with pytest.raises(BadInputError, match="modulation"):
        Sequence(SLOW, repetition_time(SLOW), modulation=2)
    with pytest.raises(BadInputError, match="increasing"):
        Sequence(SLOW, repetition_time(SLOW), spectrum=())
    with pytest.raises(BadInputError, match="cannot be scanned"):
        repetition_time(Fraction(500))
    with pytest.raises(BadInputError, match="cannot be made"):
        gradient_noise(0, 16_000, Sequence.at(SLOW), np.random.default_rng(0))
