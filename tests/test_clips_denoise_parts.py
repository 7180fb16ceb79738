"""The parts of denoising against independent references: lines, their amplitudes, the smoother, the integral."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seido.clips.line_bank import APART_HERTZ, LineBank
from seido.clips.spectral_gate import exponential_integral, noise_spectrum, spectral_gate, speech_free
from seido.clips.spectral_lines import Lines, find_lines, union
from seido.clips.template_noise import presence, smooth_walk, subtract_template
from seido.phantom.gradient_noise import Sequence, gradient_noise
from seido.values import Speech

RATE = 8000


def hum(seconds: float, hertz: np.ndarray, rate: int = RATE, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * random.random((len(hertz), 1))
    return (0.05 * np.cos(2 * np.pi * hertz[:, None] * time + phase).sum(axis=0)).astype(np.float32)


def test_lines_are_found_where_they_are():
    hertz = np.arange(1, 20) * 166.537 + 11.3
    sound = hum(4, hertz) + 1e-3 * np.random.default_rng(1).standard_normal(4 * RATE).astype(np.float32)
    found = find_lines(sound, RATE, APART_HERTZ)
    nearest = np.abs(found.hertz[:, None] - hertz).min(axis=0)
    assert nearest.max() < 0.1
    strong = found.level > found.level.max() - 30
    assert strong.sum() == len(hertz)


def test_lines_of_the_phantom_lie_at_multiples_of_the_frame_rate():
    sequence = Sequence.at(Fraction(1384, 100))
    noise = gradient_noise(5 * RATE, RATE, sequence, np.random.default_rng(0))
    found = find_lines(noise, RATE, APART_HERTZ)
    strong = found.hertz[found.level > found.level.max() - 30]
    multiples = strong / float(sequence.frame_rate)
    assert len(strong) > 20
    assert np.abs(multiples - np.round(multiples)).max() * float(sequence.frame_rate) < 0.3


def test_noise_and_moving_harmonics_have_no_lines():
    random = np.random.default_rng(2)
    assert not len(find_lines(random.standard_normal(5 * RATE).astype(np.float32), RATE))
    glide = 2 * np.pi * np.cumsum(np.linspace(100, 140, 5 * RATE)) / RATE
    assert not len(find_lines(sum(np.sin(k * glide) for k in range(1, 25)).astype(np.float32), RATE))
    assert not len(find_lines(hum(0.9, np.arange(1, 20) * 180.0), RATE))


def test_near_lines_are_one():
    lines = Lines(np.array([100.0, 103.0, 120.0]), np.array([-3.0, 0.0, -9.0]))
    assert lines.apart(5).hertz.tolist() == [103, 120]
    assert union([lines, Lines(np.array([119.0]), np.array([-1.0]))], 5).hertz.tolist() == [103, 119]


@settings(max_examples=20, deadline=None)
@given(
    st.integers(3000, 12_000),
    st.sampled_from([8000, 11_025, 16_000]),
    st.lists(st.integers(5, 150), min_size=1, max_size=8, unique=True),
)
def test_sound_gives_amplitudes_and_amplitudes_give_the_sound(length: int, rate: int, steps: list[int]):
    hertz = np.array(sorted(steps)) * 21.7
    sound = hum(length / rate, hertz, rate)[:length].astype(np.float64)
    bank = LineBank(hertz, len(sound), rate)
    # What is missing beyond an end is felt over a whole window, which is two hops and more.
    edge = 2 * bank.hop
    inner = slice(edge, -edge) if len(sound) > 3 * edge else slice(0, 0)
    again = bank.sound(bank.amplitudes(sound))
    assert again.shape == sound.shape
    assert np.abs(again - sound)[inner].max(initial=0) < 0.02 * np.abs(sound).max()


def test_frequencies_are_corrected():
    hertz = np.array([400.0, 555.0, 1302.0])
    bank = LineBank(hertz + np.array([0.2, -0.15, 0.1]), 5 * RATE, RATE)
    tuned = bank.tuned(bank.amplitudes(hum(5, hertz).astype(np.float64)))
    assert np.abs(tuned.hertz - hertz).max() < 0.01


def test_smoother_is_the_conditional_mean():
    random = np.random.default_rng(4)
    count, walk, size = 12, 0.3, 2.0
    variance = random.uniform(0.01, 1.5, (count, 1))
    seen = random.standard_normal((count, 1)) * 3 + 1j * random.standard_normal((count, 1)) * 3 + 20
    steps = np.minimum.outer(np.arange(1, count + 1), np.arange(1, count + 1))
    prior = size + walk * steps
    weight = prior @ np.linalg.inv(prior + np.diag(variance[:, 0]))
    mean = weight @ seen
    spread = np.diag(prior - weight @ prior)[:, None]
    expected = mean * np.maximum(0, 1 - spread / np.abs(mean) ** 2)
    found = smooth_walk(seen, variance, np.array([walk]), np.array([size]))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_presence_follows_a_switch_but_not_speech():
    random = np.random.default_rng(5)
    noise = random.standard_normal(RATE)
    on = (np.arange(RATE) > RATE // 2).astype(float)
    told = presence(noise * on, noise, RATE // 50)
    assert told[: int(0.48 * RATE)].max() < 0.3
    assert told[int(0.52 * RATE) :].min() > 0.95
    assert presence(noise + 3 * random.standard_normal(RATE), noise, RATE // 50).min() > 0.95


def test_exponential_integral():
    special = pytest.importorskip("scipy.special")
    points = np.geomspace(1e-6, 100, 2000)
    np.testing.assert_allclose(exponential_integral(points), special.exp1(points), rtol=1e-4, atol=3e-7)


def test_noise_is_measured_between_words():
    random = np.random.default_rng(6)
    shape = np.linspace(0.5, 2, 129)
    power = (random.exponential(size=(600, 129)) * shape).astype(np.float32)
    power[100:500, 20:40] *= 300
    quiet = speech_free(power)
    assert not quiet[105:495].any()
    assert quiet.sum() > 120
    assert np.abs(10 * np.log10(noise_spectrum(power, 30) / shape)).mean() < 0.6
    without_pause = noise_spectrum(power[:120], 1000)
    assert abs(10 * np.log10(without_pause / shape).mean()) < 1


def test_gate_passes_what_has_no_noise_and_keeps_time():
    time = np.arange(3 * RATE) / RATE
    pulse = (np.sin(2 * np.pi * 700 * time) * (time % 1 > 0.8)).astype(np.float32)
    done = spectral_gate(Speech(pulse, RATE)).samples
    assert np.abs(done - pulse).max() < 1e-3


def test_no_seams_between_stretches():
    rate, seconds = 4000, 60
    noise = gradient_noise(rate * seconds, rate, Sequence.at(Fraction(2717, 100)), np.random.default_rng(7))
    rest = subtract_template(Speech(noise, rate)).samples
    blocks = np.mean(rest[rate:-rate].reshape(-1, rate // 4) ** 2, axis=1)
    assert 10 * np.log10(blocks.max() / np.mean(noise**2)) < -20
    gated = spectral_gate(Speech(noise, rate)).samples
    blocks = np.mean(gated[rate:-rate].reshape(-1, rate // 4) ** 2, axis=1)
    assert 10 * np.log10(blocks.max() / np.mean(noise**2)) < -12
