"""Noise goes and speech stays: with the phantom's scanner, with a golden-angle one, and with the recorded one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from seido.cli import main
from seido.clips.denoise import denoise, denoised, quiet_and_loud
from seido.errors import BadInputError, NotFiniteError
from seido.phantom.gradient_noise import Sequence, at_snr, gradient_noise
from seido.values import Speech

REAL = Path(__file__).resolve().parents[2] / "shared" / "real" / "scanner_noise" / "speech_in_scanner_20kHz.wav"
RATE = 16_000


def voice(seconds: float = 5, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """Syllables with a gliding pitch, two gliding formants and pauses of silence: float32 (samples,)."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    knots = np.arange(0, seconds + 1, 0.15)

    def gliding(low: float, high: float) -> np.ndarray:
        return np.interp(time, knots, random.uniform(low, high, len(knots)))

    pitch, first, second = gliding(90, 180), gliding(300, 800), gliding(900, 2400)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    sound = np.zeros(len(time))
    for number in range(1, 30):
        hertz = number * pitch
        level = np.exp(-(((hertz - first) / 150) ** 2)) + 0.4 * np.exp(-(((hertz - second) / 250) ** 2)) + 0.01
        sound += np.where(hertz < 0.45 * rate, level, 0) * np.sin(number * phase)
    beat = np.interp(time, knots, np.clip(random.uniform(-0.6, 1, len(knots)), 0, 1))
    return (0.1 * sound * beat).astype(np.float32)


def scanner(samples: int, rate: int = RATE, frames: Fraction = Fraction(1384, 100), seed: int = 1) -> np.ndarray:
    return gradient_noise(samples, rate, Sequence.at(frames), np.random.default_rng(seed))


def golden_scanner(samples: int, rate: int = RATE, seed: int = 2) -> np.ndarray:
    """Lines at (k + 0.618 m)/TR whose amplitudes each wander by a tenth in a second, and hiss 35 dB below."""
    random = np.random.default_rng(seed)
    time, knots = np.arange(samples) / rate, np.arange(0, samples + rate, rate // 2)
    sound = np.zeros(samples)
    for order, level in ((1, 1.0), (-1, 0.4), (0, 0.2), (2, 0.2)):
        for number in range(2, 25):
            hertz = (number + order * 0.618034) / 6.004e-3
            walk = 1 + 0.05 * np.cumsum(random.standard_normal((2, len(knots))) @ np.eye(len(knots)), axis=1)
            turned = 2 * np.pi * (hertz * time + random.random())
            sound += level * (np.interp(time, knots, walk[0]) * np.cos(turned) + np.interp(time, knots, walk[1] - 1))
    sound -= sound.mean()
    return (0.05 * (sound + 10 ** (-35 / 20) * sound.std() * random.standard_normal(samples))).astype(np.float32)


def ratio(clean: np.ndarray, sound: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019)."""
    clean, sound = (one.astype(np.float64) - one.mean(dtype=np.float64) for one in (clean, sound))
    target = clean * ((clean @ sound) / (clean @ clean))
    return float(10 * np.log10((target @ target) / ((sound - target) @ (sound - target) + 1e-30)))


def level(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(sound.astype(np.float64) ** 2)))


@pytest.mark.parametrize("frames", [Fraction(1384, 100), Fraction(2717, 100)])
@pytest.mark.parametrize("decibels", [-5, 5])
def test_phantom_noise_goes(frames: Fraction, decibels: int):
    clean = voice()
    noisy = at_snr(clean, scanner(len(clean), frames=frames), decibels)
    done = denoised(Speech(noisy, RATE))
    assert done.steps == ("template", "spectral")
    assert ratio(clean, done.speech.samples) > ratio(clean, noisy) + 18
    by_template = denoise(Speech(noisy, RATE), "template")
    by_gate = denoise(Speech(noisy, RATE), "spectral")
    assert ratio(clean, by_template.samples) > ratio(clean, by_gate.samples) > ratio(clean, noisy) + 5


def test_noise_without_any_period_goes():
    clean = voice()
    noisy = at_snr(clean, golden_scanner(len(clean)), 0)
    assert ratio(clean, denoise(Speech(noisy, RATE)).samples) > ratio(clean, noisy) + 15


@pytest.mark.parametrize("rate", [8000, 22_050, 48_000])
def test_rate_length_and_name_stay(rate: int):
    clean = voice(2.5, rate)
    noisy = Speech(at_snr(clean, scanner(len(clean), rate), 0), rate, "take 3")
    done = denoise(noisy)
    assert (done.rate, done.name, done.samples.shape, done.samples.dtype) == (rate, "take 3", clean.shape, np.float32)
    assert ratio(clean, done.samples) > ratio(clean, noisy.samples) + 10  # little of 2.5 s is pause


@pytest.mark.parametrize("seed", [0, 1])
def test_clean_speech_is_left_alone(seed: int):
    clean = Speech(voice(seed=seed), RATE)
    done = denoised(clean)
    assert not done.steps
    assert done.speech is clean
    booth = np.random.default_rng(seed).standard_normal(len(clean.samples)) * 1e-4
    heard = Speech((clean.samples + booth).astype(np.float32), RATE)
    assert "template" not in denoised(heard).steps
    assert ratio(clean.samples, denoise(heard).samples) >= ratio(clean.samples, heard.samples) - 1
    assert ratio(heard.samples, denoise(heard, "template").samples) > 60


def test_a_held_vowel_is_no_scanner():
    time = np.arange(5 * RATE) / RATE
    wavering = 120 * (1 + 0.004 * np.sin(2 * np.pi * 0.7 * time) + 0.003 * np.sin(2 * np.pi * 1.9 * time))
    phase = 2 * np.pi * np.cumsum(wavering) / RATE
    vowel = sum(np.sin(k * phase) / k for k in range(1, 40)) * 0.05 * ((time > 0.3) & (time < 4.6))
    vowel = (vowel + np.random.default_rng(0).standard_normal(len(time)) * 1e-4).astype(np.float32)
    done = denoised(Speech(vowel, RATE))
    assert "template" not in done.steps
    assert ratio(vowel, done.speech.samples) > 40


def test_hiss_is_lowered_without_a_scanner():
    clean = voice()
    hiss = np.random.default_rng(3).standard_normal(len(clean)).astype(np.float32)
    noisy = at_snr(clean, hiss, 15)
    done = denoised(Speech(noisy, RATE))
    assert done.steps == ("spectral",)
    assert ratio(clean, done.speech.samples) > ratio(clean, noisy) + 3


def test_a_scanner_that_stops():
    clean = voice()
    noise = scanner(len(clean))
    noise[4 * RATE :] = 0
    done = denoised(Speech(clean + noise * 0.5, RATE))
    assert "template" in done.steps
    assert ratio(clean, done.speech.samples) > ratio(clean, clean + noise * 0.5) + 10
    by_template = denoise(Speech(clean + noise * 0.5, RATE), "template").samples
    assert level(by_template[int(4.1 * RATE) :] - clean[int(4.1 * RATE) :]) < level(noise[: 4 * RATE] * 0.5) - 20


def test_levels_do_not_matter_and_an_offset_goes():
    clean = voice()
    noisy = at_snr(clean, scanner(len(clean)), 0)
    plain = denoise(Speech(noisy, RATE)).samples
    for factor, offset in ((0.01, 0), (1, 0.2), (5, -0.5)):
        done = denoise(Speech((noisy * factor + offset).astype(np.float32), RATE)).samples / factor
        assert ratio(plain, done) > 30
        assert abs(done.mean()) < 1e-3
    clipped = np.clip(noisy, -0.7 * abs(noisy).max(), 0.7 * abs(noisy).max())
    assert ratio(clean, denoise(Speech(clipped, RATE)).samples) > ratio(clean, noisy) + 8


@pytest.mark.parametrize("seconds", [0.00007, 0.05, 0.29, 0.5, 1.0, 1.3])
@pytest.mark.parametrize("method", ["auto", "template", "spectral", "none"])
def test_short_sounds(seconds: float, method: str):
    samples = voice(2)[RATE // 2 :][: max(1, int(seconds * RATE))]
    short = Speech(samples, RATE, "hem")
    needed = {"template": 1.0, "spectral": 0.3}.get(method, 0)
    if seconds < needed:
        with pytest.raises(BadInputError, match=r"hem: .* too short to tell noise from speech"):
            denoise(short, method)
        return
    done = denoise(short, method)
    assert done.samples.shape == samples.shape
    assert np.isfinite(done.samples).all()


@pytest.mark.parametrize("method", ["auto", "template", "spectral", "none"])
@pytest.mark.parametrize("samples", [np.zeros(RATE * 2, np.float32), np.full(RATE * 2, 0.3, np.float32)])
def test_silence_stays_silence(method: str, samples: np.ndarray):
    done = denoise(Speech(samples, RATE), method)
    assert abs(done.samples - done.samples[0]).max() < 1e-6
    assert quiet_and_loud(done) == (-100, -100)


def test_what_is_no_speech_or_no_method_is_refused():
    with pytest.raises(NotFiniteError, match="NaN"):
        denoise(Speech(np.array([0, np.nan], np.float32), RATE))
    with pytest.raises(BadInputError, match="choose one of auto, template, spectral, none"):
        denoise(Speech(np.zeros(RATE, np.float32), RATE), "magic")


@pytest.mark.skipif(not REAL.is_file(), reason="the real recording is not here")
def test_recorded_noise_goes():
    samples, rate = soundfile.read(REAL, dtype="float32")
    noisy = Speech(samples, rate)
    only = slice(int(0.2 * rate), int(1.7 * rate))
    done = denoised(noisy)
    assert done.steps == ("template", "spectral")
    assert level(denoise(noisy, "template").samples[only]) < level(samples[only]) - 26
    assert level(done.speech.samples[only]) < level(samples[only]) - 35
    # A loud vowel at 5.15 s keeps its power but for the noise.
    vowel = slice(int(5.1 * rate), int(5.25 * rate))
    power = [np.mean(one[vowel].astype(np.float64) ** 2) for one in (samples, done.speech.samples)]
    noise = np.mean(samples[only].astype(np.float64) ** 2)
    assert power[1] == pytest.approx(power[0] - noise, rel=0.15)


@pytest.mark.skipif(not REAL.is_file(), reason="the real recording is not here")
def test_speech_is_found_again_under_recorded_noise():
    noise, rate = soundfile.read(REAL, dtype="float32", start=400, frames=40_000)
    clean = voice(2, rate)
    noisy = at_snr(clean, noise, 0)
    assert ratio(clean, denoise(Speech(noisy, rate)).samples) > ratio(clean, noisy) + 12


def test_the_verb(tmp_path: Path, capsys):
    clean = voice(2)
    noisy = at_snr(clean, scanner(len(clean)), 0) * np.float32(0.3)
    soundfile.write(tmp_path / "in.wav", np.stack([noisy, noisy], axis=1), RATE, subtype="FLOAT")
    assert main(["denoise", str(tmp_path / "in.wav"), str(tmp_path / "out.wav")]) == 0
    assert "template and spectral used" in capsys.readouterr().out
    done, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert rate == RATE
    assert done.shape == clean.shape
    assert ratio(clean, done) > ratio(clean, noisy) + 15
    assert main(["denoise", str(tmp_path / "in.wav"), str(tmp_path / "same.wav"), "--method", "none"]) == 0
    assert "left as it was" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.wav", "out.wav"], "no such file"),
        (["in.wav", "out.mp3"], "name it out.wav"),
        (["in.wav", "nowhere/out.wav"], "does not exist"),
        (["in.wav", "out.wav", "--method", "magic"], "choose one of auto, template, spectral, none"),
        (["nan.wav", "out.wav"], "NaN"),
        (["short.wav", "out.wav", "--method", "template"], "too short"),
    ],
)
def test_the_verb_says_what_is_wrong(arguments: list[str], said: str, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    soundfile.write("in.wav", voice(1), RATE)
    soundfile.write("short.wav", voice(1)[: RATE // 20], RATE)
    soundfile.write("nan.wav", np.full(RATE, np.nan, np.float32), RATE, subtype="FLOAT")
    assert main(["denoise", *arguments]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav", "nan.wav", "short.wav"]
