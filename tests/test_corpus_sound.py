"""Speech: every depth, rate and number of channels, in step with the pictures, and every bad file."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_media import click, numbered, write_movie
from seido.corpus.riff import wav_seconds_missing
from seido.corpus.sound import probe_sound, read_speech, sound_blocks
from seido.errors import BadInputError, NotFiniteError

SHARED = Path(__file__).resolve().parents[2] / "shared"
FRAMES = np.stack([numbered(number) for number in range(50)])


def sine(hz, seconds, rate):
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "subtype", "accuracy"),
    [
        ("a.wav", "PCM_U8", 1e-2),
        ("b.wav", "PCM_16", 1e-4),
        ("c.wav", "PCM_24", 1e-6),
        ("d.wav", "FLOAT", 1e-7),
        ("e.wav", "DOUBLE", 1e-7),
        ("f.flac", "PCM_16", 1e-4),
        ("g.aiff", "PCM_16", 1e-4),
        ("h.ogg", "VORBIS", 5e-2),
        ("i.w64", "PCM_24", 1e-6),
        ("j.mp3", "MPEG_LAYER_III", 5e-2),
    ],
)
def test_formats(tmp_path, name, subtype, accuracy):
    wave = sine(440, 1, 16_000)
    soundfile.write(tmp_path / name, wave, 16_000, subtype=subtype)
    speech = read_speech(tmp_path / name)
    assert (speech.rate, speech.name) == (16_000, name[0])
    assert abs(len(speech.samples) - len(wave)) <= (0 if name != "j.mp3" else 2000)
    inner = slice(2000, 14_000)
    assert np.abs(speech.samples[inner] - wave[inner]).max() < accuracy


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_resampling_keeps_frequency_level_and_time(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", sine(1234, 2, rate), rate, subtype="FLOAT")
    speech = read_speech(tmp_path / "a.wav")
    assert len(speech.samples) == 32_000
    inner = slice(1000, 31_000)
    assert np.abs(speech.samples - sine(1234, 2, 16_000))[inner].max() < 2e-3


def test_resampling_in_blocks_equals_resampling_at_once(tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.1, 100_003).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", noise, 44_100, subtype="FLOAT")
    whole = soxr.resample(noise, 44_100, 16_000)
    for seconds in (0.01, 0.37, 100):
        blocks = np.concatenate(list(sound_blocks(tmp_path / "a.wav", 16_000, seconds)))
        assert len(blocks) == round(100_003 * 16_000 / 44_100)
        length = min(len(blocks), len(whole))
        assert np.abs(blocks[:length] - whole[:length]).max() < 1e-4


@settings(max_examples=30, deadline=None)
@given(samples=st.integers(1, 5000), rate=st.sampled_from([8_000, 16_000, 20_000, 22_050, 48_000, 96_000]))
def test_length_is_that_of_the_source(tmp_path_factory, samples, rate):
    path = tmp_path_factory.mktemp("sound") / "a.wav"
    soundfile.write(path, np.full(samples, 0.1), rate)
    assert len(read_speech(path, silence=True).samples) == max(1, round(Fraction(samples * 16_000, rate)))


def test_channels_are_averaged(tmp_path):
    channels = np.stack([sine(100 * (1 + index), 0.1, 8_000) for index in range(6)], axis=1)
    soundfile.write(tmp_path / "a.wav", channels, 8_000, subtype="FLOAT")
    assert probe_sound(tmp_path / "a.wav").channels == 6
    speech = read_speech(tmp_path / "a.wav", 8_000)
    np.testing.assert_allclose(speech.samples, channels.mean(axis=1), atol=1e-6)


def test_blocks_at_their_own_rate(tmp_path):
    soundfile.write(tmp_path / "a.wav", sine(100, 1, 8_000), 8_000)
    blocks = list(sound_blocks(tmp_path / "a.wav", block_seconds=0.3))
    assert [len(block) for block in blocks] == [2400, 2400, 2400, 800]
    assert {block.dtype for block in blocks} == {np.dtype(np.float32)}
    with pytest.raises(BadInputError, match="0 Hz"):
        sound_blocks(tmp_path / "a.wav", 0)


def burst(samples, rate):
    """Find the middle of a burst in seconds."""
    loud = np.flatnonzero(np.abs(samples) > 0.2)
    return (loud[0] + loud[-1]) / 2 / rate


@pytest.mark.parametrize(
    ("name", "codec", "video"),
    [
        ("a.mp4", "aac", "libx264"),
        ("b.mkv", "aac", "ffv1"),
        ("c.mkv", "libopus", "libx264"),
        ("d.avi", "pcm_s16le", "mpeg4"),
        ("e.mkv", "flac", "ffv1"),
        ("f.ts", "aac", "libx264"),
        ("g.mov", "pcm_s16le", "libx264"),
    ],
)
@pytest.mark.parametrize("delay", [Fraction(0), Fraction(3, 10)])
def test_sound_and_picture_stay_in_step(tmp_path, name, codec, video, delay):
    if name == "d.avi" and delay:
        pytest.skip("AVI cannot delay a track")
    options = {"bf": "2"} if video == "libx264" else {}
    path = write_movie(
        tmp_path / name, FRAMES, codec=video, options=options, sound=click(), sound_codec=codec, sound_delay=delay
    )
    assert probe_sound(path).from_movie
    speech = read_speech(path)
    assert abs(burst(speech.samples, 16_000) - (1 + delay)) < 0.003
    assert abs(speech.seconds - (2 + delay)) < 0.03


def test_pictures_that_begin_late_set_the_beginning(tmp_path):
    path = write_movie(
        tmp_path / "a.mkv", FRAMES, codec="ffv1", pix_fmt="gray", first=10, sound=click(), sound_codec="flac"
    )
    assert abs(burst(read_speech(path).samples, 16_000) - (1 - 10 / 25)) < 0.003


def test_lossless_tracks_come_back_exactly(tmp_path):
    wave = np.random.default_rng(3).uniform(-0.5, 0.5, 48_000).astype(np.float32)
    path = write_movie(tmp_path / "a.mov", FRAMES[:25], sound=wave, sound_codec="pcm_s16le")
    assert np.abs(read_speech(path, 48_000).samples - wave).max() < 1e-4


def test_short_silent_and_odd_sounds_work(tmp_path):
    soundfile.write(tmp_path / "short.wav", sine(200, 0.1, 16_000), 16_000)
    assert len(read_speech(tmp_path / "short.wav").samples) == 1600
    soundfile.write(tmp_path / "still.wav", np.zeros(1600), 16_000)
    with pytest.raises(BadInputError, match="silence"):
        read_speech(tmp_path / "still.wav")
    assert not read_speech(tmp_path / "still.wav", silence=True).samples.any()


def test_unfinished_wav_is_read_as_far_as_it_goes(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, sine(200, 1, 16_000), 16_000)
    data = bytearray(path.read_bytes())
    for claim in (0, 0xFFFFFFFF):
        data[4:8] = data[40:44] = struct.pack("<I", claim)
        path.write_bytes(data)
        assert wav_seconds_missing(path) == 0
        assert len(read_speech(path).samples) == 16_000


def test_rf64(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, sine(200, 1, 16_000), 16_000, format="RF64", subtype="PCM_16")
    assert len(read_speech(path).samples) == 16_000
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(BadInputError, match="cut off"):
        read_speech(path)


def test_eight_channels_in_a_movie(tmp_path):
    wave = sine(440, 1, 48_000)
    with av.open(str(tmp_path / "a.mkv"), "w") as output:
        track = output.add_stream("aac", rate=48_000, layout="7.1")
        planar = av.AudioResampler(format="fltp", layout="7.1", rate=48_000)
        for begin in range(0, 47_000, 1024):
            packed = np.repeat(wave[begin : begin + 1024, None], 8, axis=1).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="flt", layout="7.1")
            frame.sample_rate, frame.pts = 48_000, begin
            for part in planar.resample(frame):
                output.mux(track.encode(part))
        output.mux(track.encode())
    assert probe_sound(tmp_path / "a.mkv").channels == 8
    speech = read_speech(tmp_path / "a.mkv", 48_000)
    assert 0.4 < np.abs(speech.samples[10_000:40_000]).max() < 0.6


@pytest.mark.parametrize("cut", [40, 100])
def test_a_few_missing_samples_are_borne(tmp_path, cut):
    path = tmp_path / "a.wav"
    soundfile.write(path, sine(200, 1, 16_000), 16_000)
    path.write_bytes(path.read_bytes()[:-cut])
    assert len(read_speech(path).samples) == 16_000 - cut // 2


def test_bad_sounds_are_told_in_one_sentence(tmp_path, capfd):
    def wav(samples, rate=16_000, **how):
        path = tmp_path / "made.wav"
        soundfile.write(path, samples, rate, **how)
        return path.read_bytes()

    tone = sine(200, 1, 16_000)
    hole = tone.copy()
    hole[8000] = np.nan
    flac = tmp_path / "made.flac"
    soundfile.write(flac, np.random.default_rng(0).normal(0, 0.1, 160_000), 16_000)
    silent = write_movie(tmp_path / "silent.mp4", FRAMES).read_bytes()
    far = bytearray(flac.read_bytes())
    far[21:26] = bytes([far[21] | 15, 255, 255, 255, 255])  # the header's 36 bits of length
    cases = {
        "empty.wav": (b"", "empty"),
        "text.wav": (b"not sound at all\n" * 100, "no movie or sound"),
        "text.txt": (b"not sound at all\n" * 100, "no movie or sound"),
        "picture.png": (b"\x89PNG\r\n\x1a\n" + bytes(100), "no movie or sound"),
        "bare.wav": (wav(np.zeros(0)), "no samples"),
        "header.wav": (wav(tone)[:30], "no movie or sound|damaged|cut off|no samples"),
        "cut.wav": (wav(tone)[:20_000], "cut off, its last 0.4 s are missing"),
        "cut.flac": (flac.read_bytes()[: flac.stat().st_size // 2], "cut off after"),
        "far.flac": (bytes(far), "hours long; cut it into parts"),
        "hole.wav": (wav(hole, subtype="FLOAT"), r"NaN or infinite samples, the first at 0\.50 s"),
        "silent.mp4": (silent, "no sound"),
        "raw.raw": (bytes(1000), "no movie or sound"),
        "noise.mp3": (np.random.default_rng(1).bytes(5000), "no movie or sound|damaged|no samples|cannot be decoded"),
    }
    for name, (data, sentence) in cases.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises((BadInputError, NotFiniteError), match=sentence) as caught:
            read_speech(path)
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)
    for path in (tmp_path / "missing.wav", tmp_path):
        with pytest.raises(BadInputError, match="no such file|folder"):
            read_speech(path)
    assert capfd.readouterr() == ("", "")


def test_a_rate_that_makes_hours(tmp_path):
    # 1 Hz: what seems small lasts long.
    path = tmp_path / "slow.wav"
    soundfile.write(path, np.full(7 * 3600, 0.1), 1)
    with pytest.raises(BadInputError, match=r"7\.0 hours long"):
        read_speech(path)


def test_cut_mp4_sound(tmp_path):
    path = write_movie(tmp_path / "a.mp4", FRAMES, sound=click(seconds=4))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3])
    with pytest.raises(BadInputError, match="cut off"):
        read_speech(path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="real recordings are not here")
def test_real_sounds():
    speech = read_speech(SHARED / "real/scanner_noise/speech_in_scanner_20kHz.wav")
    assert len(speech.samples) == 120_000
    movie = read_speech(SHARED / "real/usc75/sub001/2drt/video/sub001_2drt_01_vcv1_r1_video.mp4")
    assert abs(movie.seconds - Fraction(573_432, 22_050)) < Fraction(1, 1000)
    for path in sorted((SHARED / "samples").glob("*.mp4")):
        track, clean = (read_speech(path.with_suffix(suffix)).samples for suffix in (".mp4", ".wav"))
        length = min(len(track), len(clean))
        spectra = [np.fft.rfft(part[:length], 2 * length) for part in (track, clean)]
        assert np.argmax(np.fft.irfft(spectra[0] * np.conj(spectra[1]))) == 0
