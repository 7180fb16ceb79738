"""Training of noise removers: the sounds it reads, the scanners it draws, the examples it mixes, and the run."""

from fractions import Fraction

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from seido.cli import main
from seido.errors import BadInputError, NotFiniteError
from seido.models.checkpoint import load_checkpoint
from seido.models.frcrn_files import load_frcrn
from seido.timebase import SAMPLE_RATE
from seido.training.loop import train
from seido.training.noise_batches import Mixer, parted, speaking_level
from seido.training.noise_options import NoiseOptions
from seido.training.noise_scanner import GOLDEN, Repetitions, parse_spans, scanner_sound
from seido.training.noise_sounds import at_rate, open_sounds, read_wav
from seido.training.noise_task import NoiseData, NoiseTask
from seido.training.options import TrainOptions
from seido.training.task import Share

pytestmark = pytest.mark.usefixtures("one_thread")


def voice(seconds, rate=SAMPLE_RATE, pitch=120.0):
    t = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * pitch * (t + 0.01 * np.sin(2 * np.pi * 3 * t))
    tone = sum(np.sin(k * phase) / k for k in range(1, 20))
    return (0.1 * tone * (0.6 + 0.4 * np.sin(2 * np.pi * 2.5 * t))).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("speech")
    for number in range(3):
        (root / f"S{number}").mkdir()
        soundfile.write(root / f"S{number}" / "speech.wav", voice(1.2, 48_000, 100 + 30 * number), 48_000)
    soundfile.write(root / "W.wav", voice(1), SAMPLE_RATE)
    return root


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
def test_wav_files_are_read_like_libsndfile_reads_them(tmp_path, subtype, form):
    path = tmp_path / "one.wav"
    two = np.stack([voice(0.1), voice(0.1, pitch=200)], axis=1)
    soundfile.write(path, two, 22_050, subtype, format=form)
    samples, rate = read_wav(path)
    expected, _ = soundfile.read(path, dtype="float32")
    assert rate == 22_050
    assert np.abs(samples - expected.mean(1)).max() < 1e-6


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"nothing like it", "no WAV file"),
        (b"RIFF\0\0\0\0WAVE", "no sound in it"),
        (b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd", "header is damaged"),
    ],
)
def test_other_files_are_refused_in_a_sentence(tmp_path, data, said):
    (tmp_path / "one.wav").write_bytes(data)
    with pytest.raises(BadInputError, match=said):
        read_wav(tmp_path / "one.wav")


def test_nan_8_bit_and_empty_sounds_are_refused(tmp_path):
    path = tmp_path / "one.wav"
    soundfile.write(path, np.full(100, np.nan, np.float32), 8000, "FLOAT")
    with pytest.raises(NotFiniteError, match="NaN"):
        read_wav(path)
    soundfile.write(path, voice(0.1), 8000, "PCM_U8")
    with pytest.raises(BadInputError, match="8 bits"):
        read_wav(path)
    soundfile.write(path, np.zeros(0, np.float32), 8000, "PCM_16")
    with pytest.raises(BadInputError, match="no samples"):
        read_wav(path)


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000])
def test_resampling_keeps_a_tone(rate):
    t = np.arange(rate) / rate
    tone = np.sin(2 * np.pi * 1000 * t).astype(np.float32)
    heard = at_rate(tone, rate, SAMPLE_RATE)
    expected = np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    assert len(heard) == SAMPLE_RATE
    assert np.abs(heard - expected).max() < 1e-4


def test_folders_are_read_whole_but_for_what_is_left_out(folder):
    sounds = open_sounds(folder, 1.0, ("W*",))
    assert sounds.names == tuple(f"S{number}/speech.wav" for number in range(3))
    assert all(len(one) == round(1.2 * SAMPLE_RATE) for one in sounds.samples)
    assert sounds.digest != open_sounds(folder, 1.0).digest
    with pytest.raises(BadInputError, match="no .wav files"):
        open_sounds(folder, 1.0, ("*",))
    with pytest.raises(BadInputError, match="no such folder"):
        open_sounds(folder / "nowhere", 1.0)
    with pytest.raises(BadInputError, match="--memory"):
        open_sounds(folder, 1e-6)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_held_out_repetition_times_are_never_drawn(seed):
    repetitions = Repetitions(3, 15, ((4.2, 4.6), (8, 9)))
    random = np.random.default_rng(seed)
    drawn = np.array([repetitions.draw(random) * 1000 for _ in range(200)])
    assert drawn.min() >= 3
    assert drawn.max() <= 15
    assert not np.any((drawn >= 4.2) & (drawn <= 4.6) | (drawn >= 8) & (drawn <= 9))


@pytest.mark.parametrize("text", ["8", "a-b", "9-8"])
def test_spans_that_are_none_are_refused(text):
    with pytest.raises(BadInputError, match="noise.held_out"):
        parse_spans(text, "noise.held_out")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"share": 2}, "noise.share"),
        ({"lowest": 5, "highest": 0}, "noise.lowest"),
        ({"repetition": "1-15"}, "noise.repetition"),
        ({"repetition": "3-5,6-7"}, "one span"),
        ({"held_out": "3-14.9"}, "hold out less"),
        ({"mask": -1}, "noise.mask"),
    ],
)
def test_options_are_checked_when_made(options, said):
    with pytest.raises(BadInputError, match=said):
        NoiseOptions(**options)


def test_scanners_have_their_lines_where_they_should_be():
    repetition = 5e-3
    plain = 0
    for seed in range(12):
        sound = scanner_sound(4 * SAMPLE_RATE, repetition, np.random.default_rng(seed)).astype(np.float64)
        assert np.mean(sound**2) == pytest.approx(1, rel=1e-3)
        power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
        hertz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
        strongest = hertz[power.argmax()] * repetition
        turns = [strongest - turn * GOLDEN for turn in range(-3, 4)]
        fractions = [abs(one - round(one)) for one in (*turns, *(strongest * count for count in range(1, 14)))]
        plain += min(fractions) < 0.02
    assert plain >= 10  # the frame rate's sidebands may be the strongest now and then


def test_a_template_leaves_less_of_the_lines():
    whole, rest = (scanner_sound(16_000, 6e-3, np.random.default_rng(3), reduced) for reduced in (0.0, 30.0))
    assert np.mean(rest**2) < 0.1 * np.mean(whole**2)


def mixer(folder, **options):
    return Mixer(open_sounds(folder, 1.0, ("W*",)), None, NoiseOptions(**options), 0, 16_000)


def test_examples_are_a_function_of_their_numbers(folder):
    one, again = (mixer(folder).batch(3, 0, 4, (0, 1)) for _ in range(2))
    assert torch.equal(one.noisy, again.noisy)
    parts = [mixer(folder).batch(3, first, first + 2, (0, 1)) for first in (0, 2)]
    assert torch.equal(torch.cat([part.clean for part in parts]), one.clean)
    assert not torch.equal(one.noisy[0], one.noisy[1])
    assert not torch.equal(mixer(folder).batch(4, 0, 4, (0, 1)).noisy, one.noisy)


def test_speech_lies_over_the_noise_as_asked(folder):
    ratios = []
    for number in range(25):
        noisy, clean = mixer(folder, lowest=5, highest=5, reduced=0).example(0, number, 2, which=(0, 1, 2))
        if clean.any():
            noise = (noisy - clean).astype(np.float64)
            ratios.append(20 * np.log10(speaking_level(clean) / np.sqrt(np.mean(noise**2))))
    assert np.median(ratios) == pytest.approx(5, abs=0.1)


def test_recorded_noise_is_used(folder):
    hum = voice(0.3, pitch=50)
    sounds = open_sounds(folder, 1.0, ("W*",))
    noise = type(sounds)(folder, ("hum.wav",), (hum,), "")
    noisy, clean = Mixer(sounds, noise, NoiseOptions(share=1, lowest=0, highest=0), 0, 8000).example(
        0, 1, 2, which=(0,)
    )
    spectrum = np.abs(np.fft.rfft(noisy - clean))
    assert spectrum.argmax() == pytest.approx(50 * 8000 / SAMPLE_RATE, abs=4)


def test_every_tenth_recording_validates(folder):
    assert parted(open_sounds(folder, 1.0)) == ((1, 2, 3), (0,))
    with pytest.raises(BadInputError, match="one more"):
        parted(open_sounds(folder, 1.0, ("S*",)))


SLIM = {
    "model": "frcrn-small",
    "width": Fraction(1, 2),
    "batch": 2,
    "window": 10,
    "validate_every": 2,
    "threads": 1,
    "ahead": 0,
    "pictures": True,
    "device": "cpu",
}


def test_a_stopped_run_goes_on_to_the_bit(folder, tmp_path):
    whole = train(folder, tmp_path / "whole", TrainOptions(**SLIM, steps=4))

    def stop(progress):
        if progress.step == 3 and progress.row is None:
            raise KeyboardInterrupt

    train(folder, tmp_path / "parts", TrainOptions(**SLIM, steps=4), progress=stop)
    parts = train(folder, tmp_path / "parts", TrainOptions(**SLIM, steps=4), resume=True)
    first, second = (load_file(tmp_path / name / "last.safetensors") for name in ("whole", "parts"))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert whole.best_loss == parts.best_loss
    checkpoint = load_checkpoint(whole.best, expect="frcrn-small")
    assert checkpoint.plan.notes["recordings"] == "4"
    assert "noise remover" in (tmp_path / "whole" / "README.md").read_text()
    assert (tmp_path / "whole" / "samples").is_dir()
    with pytest.raises(BadInputError, match="other clips"):
        soundfile.write(folder / "new.wav", voice(1), SAMPLE_RATE)
        try:
            train(folder, tmp_path / "parts", TrainOptions(**SLIM, steps=4), resume=True)
        finally:
            (folder / "new.wav").unlink()


def test_equal_parts_of_a_batch_average_to_the_whole(folder):
    data = NoiseData(open_sounds(folder, 1.0), None)
    task = NoiseTask(data, TrainOptions(**{**SLIM, "batch": 4}))
    halves = [task.batch(0, Share(index, 2)) for index in range(2)]
    assert torch.equal(torch.cat([half.noisy for half in halves]), task.batch(0, Share()).noisy)


def test_the_full_network_trains_too_and_its_checkpoint_loads(folder, tmp_path):
    options = TrainOptions(**{**SLIM, "model": "frcrn", "width": Fraction(1, 16), "pictures": False}, steps=1)
    made = train(folder, tmp_path / "run", options)
    network = load_frcrn(made.best)
    assert network.channels == 8
    again = TrainOptions(
        **{**SLIM, "model": "frcrn", "width": None, "pictures": False, "validation_frames": 1}, steps=1, init=made.best
    )
    assert train(folder, tmp_path / "again", again).step == 1


def test_what_is_of_no_use_is_refused(folder, tmp_path):
    with pytest.raises(BadInputError, match="speaker: a noise remover"):
        train(folder, tmp_path / "run", TrainOptions(**SLIM, speaker="W"))
    assert not (tmp_path / "run").exists()


def test_the_verb(folder, tmp_path, capsys):
    settings = ["--model", "frcrn-small", "--width", "1/2", "--batch", "2", "--window", "10", "--steps", "1"]
    more = ["--noise.leave-out", "S0*", "--set", "noise.lowest=-5", "--no-pictures", "--threads", "1"]
    assert main(["train", str(folder), str(tmp_path / "run"), *settings, *more]) == 0
    assert "validation loss" in capsys.readouterr().out
    assert main(["train", str(folder), str(tmp_path / "other"), *settings, "--noise.share", "7"]) == 2
    assert "noise.share" in capsys.readouterr().err
