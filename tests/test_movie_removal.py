"""Networks as ways to denoise: at any rate, for any length, by name, and from the command line."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
import soundfile
import torch

from seido.cli import main
from seido.clips.denoise import denoise, denoised
from seido.clips.denoise_long import denoised_blocks
from seido.clips.narrow import through_16k
from seido.clips.prepare import PrepareOptions, prepare
from seido.errors import BadInputError
from seido.models.checkpoint import save_checkpoint
from seido.models.frcrn import FRCRN
from seido.models.frcrn_files import save_frcrn
from seido.models.frcrn_losses import each_si_snr
from seido.models.frcrn_small import FrcrnSmall
from seido.movie.removal import SMALL, Remover, enhance_small, removers
from seido.phantom.gradient_noise import Sequence, at_snr, gradient_noise
from seido.plan import Network, Plan
from seido.values import Speech

pytestmark = pytest.mark.usefixtures("one_thread")

RATE = 16_000


def noise(samples, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def tone(hertz, rate, seconds=1.0):
    return (0.1 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = FrcrnSmall(Fraction(1, 2))
    save_checkpoint(path, network, Plan(network=Network(name="frcrn-small", width=Fraction(1, 2))))
    return path


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100, 48_000])
def test_what_changes_nothing_at_16_khz_changes_nothing_at_any_rate(rate):
    sound = tone(700, rate) + (tone(9500, rate) if rate > 20_000 else 0)
    done = through_16k(Speech(sound, rate), lambda samples: samples)
    assert done.rate == rate
    assert len(done.samples) == len(sound)
    inner = slice(rate // 10, -rate // 10)
    assert np.abs(done.samples - sound)[inner].max() < 1e-3


def test_what_lies_above_8_khz_is_made_softer_as_what_lies_below_it_was():
    sound = Speech(noise(48_000), 48_000)
    done = through_16k(sound, lambda samples: samples * np.float32(0.25)).samples
    power = [np.abs(np.fft.rfft(one)) ** 2 for one in (sound.samples, done)]
    for low, high in ((500, 6500), (9000, 23_000)):
        assert np.sqrt(power[1][low:high].sum() / power[0][low:high].sum()) == pytest.approx(0.25, rel=0.03)
    louder = through_16k(sound, lambda samples: samples * np.float32(2)).samples
    after = np.abs(np.fft.rfft(louder)) ** 2
    assert np.sqrt(after[9000:23_000].sum() / power[0][9000:23_000].sum()) == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
@pytest.mark.parametrize("seconds", [0.0001, 0.05])
def test_the_shortest_sounds_keep_their_length(small, rate, seconds):
    sound = Speech(noise(max(1, round(rate * seconds))), rate)
    assert len(Remover("frcrn-small", small)(sound).samples) == len(sound.samples)


def pieces(sound, method, networks, piece, block):
    parts = denoised_blocks(
        (sound[at : at + block] for at in range(0, len(sound), block)), RATE, method, networks, piece=piece
    )
    return np.concatenate([part.speech.samples for part in parts])


def test_pieces_meet_without_a_seam():
    sound = noise(40 * RATE)
    halved = {"half": lambda speech: Speech(speech.samples * np.float32(0.5), speech.rate, speech.name)}
    for block in (7777, 3 * RATE, 50 * RATE):
        done = pieces(sound, "half", halved, 4.0, block)
        assert len(done) == len(sound)
        assert np.abs(done - sound / 2).max() < 1e-3  # each piece loses its own offset
    short = sound[: 7 * RATE]
    whole = denoise(Speech(short, RATE), "half", halved).samples
    assert np.array_equal(pieces(short, "half", halved, 4.0, RATE), whole)


def test_the_network_in_pieces_is_the_network_on_the_whole(small):
    sound = noise(60 * RATE) + tone(1000, RATE, 60)
    networks = {"frcrn-small": Remover("frcrn-small", small)}
    whole = denoise(Speech(sound, RATE), "frcrn-small", networks).samples
    done = pieces(sound, "frcrn-small", networks, 24.0, 10 * RATE)
    difference = np.sqrt(np.mean((done - whole) ** 2) / np.mean(whole**2))
    assert difference < 1e-3


def test_ways_are_done_in_turn_and_told():
    double = {
        "twice": lambda speech: Speech(speech.samples * np.float32(2), speech.rate, speech.name),
        "cut": lambda speech: Speech(np.clip(speech.samples, -0.1, 0.1), speech.rate, speech.name),
    }
    sound = Speech(tone(500, RATE), RATE)
    done = denoised(sound, "twice+cut", double)
    assert done.steps == ("twice", "cut")
    assert np.abs(done.speech.samples).max() == pytest.approx(0.1)
    with pytest.raises(BadInputError, match="'magic' is no way to denoise: choose one of .*twice"):
        denoised(sound, "twice+magic", double)


def test_networks_are_found_by_name(small):
    found = removers("template+frcrn-small", small)
    assert found["frcrn-small"] == Remover("frcrn-small", small)
    assert pickle.loads(pickle.dumps(found["frcrn-small"])) == found["frcrn-small"]  # noqa: S301
    assert removers("template") == removers("auto") == {}
    assert removers("frcrn-small")["frcrn-small"].model.stem == SMALL
    with pytest.raises(BadInputError, match="its weights do not come with seido"):
        removers("frcrn")
    with pytest.raises(BadInputError, match="leave it out"):
        removers("template", small)


def test_the_full_network_is_used_from_its_file(tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = FRCRN(8)
    path = tmp_path / "full.safetensors"
    save_checkpoint(path, network, Plan(network=Network(name="frcrn", width=Fraction(1, 16))))
    sound = Speech(noise(RATE), RATE)
    done = denoise(sound, "frcrn", removers("frcrn", path))
    assert done.samples.shape == sound.samples.shape
    assert np.isfinite(done.samples).all()
    save_frcrn(tmp_path / "narrow.safetensors", network)
    with pytest.raises(BadInputError, match="should have shape"):
        removers("frcrn", tmp_path / "narrow.safetensors")


def test_the_bundled_network_takes_a_scanner_out_of_a_voice(voice):
    clean = voice(3)
    noise = gradient_noise(len(clean), RATE, Sequence.at(Fraction(1384, 100)), np.random.default_rng(3))
    noisy = at_snr(clean, noise, 0)
    done = denoise(Speech(noisy, RATE), "frcrn-small", removers("frcrn-small")).samples
    before, after = (each_si_snr(*map(torch.from_numpy, (one[None], clean[None]))).item() for one in (noisy, done))
    assert after > before + 8


def test_silence_stays_silent_and_samples_stay_in_their_place(small):
    remover = Remover("frcrn-small", small)
    assert not remover(Speech(np.zeros(RATE, np.float32), RATE)).samples.any()
    network = removers("frcrn-small", small)["frcrn-small"]
    sound = noise(30 * RATE)
    assert np.array_equal(network(Speech(sound, RATE)).samples, remover(Speech(sound, RATE)).samples)


def test_bit_by_bit_is_the_whole(small):
    from seido.models.checkpoint import build, load_checkpoint

    network = build(load_checkpoint(small, expect="frcrn-small"))
    sound = noise(25 * RATE)
    with torch.inference_mode():
        whole = network(torch.from_numpy(sound)[None])[0].numpy()
    assert np.abs(enhance_small(network, sound) - whole).max() < 1e-5


@pytest.mark.parametrize("kind", ["speech", "silence", "offset", "clipped", "8 kHz", "dead channel", "short"])
def test_the_verb_makes_something_of_every_sound(kind, small, tmp_path):
    rate = 8000 if kind == "8 kHz" else 48_000
    sound = noise(rate) + tone(300, rate)
    sound = {"silence": sound * 0, "offset": sound + 0.3, "short": sound[: rate // 20]}.get(kind, sound)
    if kind == "clipped":
        sound = np.clip(sound * 9, -1, 1)
    if kind == "dead channel":
        sound = np.stack([sound, sound * 0], axis=1)
    soundfile.write(tmp_path / "in.wav", sound, rate, "FLOAT")
    arguments = ["denoise", str(tmp_path / "in.wav"), str(tmp_path / "out.wav"), "--method", "frcrn-small"]
    assert main([*arguments, "--model", str(small)]) == 0
    done, after = soundfile.read(tmp_path / "out.wav")
    assert after == rate
    assert done.shape == sound.shape[:1]
    assert np.isfinite(done).all()
    if kind == "silence":
        assert not done.any()


def test_the_verb_says_what_is_wrong_with_the_weights(small, tmp_path, capsys):
    soundfile.write(tmp_path / "in.wav", tone(300, RATE), RATE)
    arguments = ["denoise", str(tmp_path / "in.wav"), str(tmp_path / "out.wav")]
    for more, said in (
        (["--method", "frcrn"], "name the released folder"),
        (["--method", "frcrn", "--model", str(small)], "noise remover"),
        (["--method", "frcrn-small", "--model", "nothing"], "there is no such model"),
        (["--method", "template", "--model", str(small)], "leave it out"),
    ):
        assert main([*arguments, *more]) == 2
        assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


def test_preparing_uses_the_networks(movie_file, voice, small, tmp_path):
    movie_file("c/s1_a.mkv", frames=50, sound=False, lossless=True)
    sound = voice(2.0) + noise(2 * RATE)
    soundfile.write(tmp_path / "c" / "s1_a.wav", sound, RATE, subtype="FLOAT")
    options = PrepareOptions(denoise="frcrn-small", split="1/0/0", sync="off")
    networks = removers("frcrn-small", small)
    clips = prepare(tmp_path / "c", tmp_path / "out", options, networks=networks).clips
    heard = np.concatenate([clips.speech(entry) for entry in clips.entries])
    wanted = denoise(Speech(sound, RATE), "frcrn-small", networks).samples
    assert np.abs(heard - wanted[: len(heard)]).max() < 1e-4
    with pytest.raises(BadInputError, match="no way to denoise"):
        prepare(tmp_path / "c", tmp_path / "other", options)
