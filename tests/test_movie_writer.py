import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from seido.corpus.sound import read_speech
from seido.corpus.video import probe_movie, read_movie
from seido.errors import BadInputError, OutputError
from seido.movie.writer import Sound, write_movie, write_speech
from seido.values import Speech

RATES = (Fraction(25), Fraction(1159, 50), Fraction(65040, 781), Fraction(14))


@pytest.mark.parametrize("rate", RATES)
def test_lossless_grey_comes_back_as_it_went(tmp_path, tract, rate):
    path, frames = tmp_path / "a.mkv", tract(31, 45, 51)
    assert write_movie(path, frames, rate, lossless=True) == 31
    movie = read_movie(path)
    # Matroska keeps whole nanoseconds a frame, and readers guess the fraction: 3 ms in an hour at the worst.
    assert abs(movie.rate / rate - 1) < Fraction(1, 1_000_000)
    np.testing.assert_array_equal(movie.frames, frames)


def test_lossless_colour_comes_back_as_it_went(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (5, 33, 41, 3), dtype=np.uint8)
    write_movie(tmp_path / "a.mkv", frames, Fraction(25), lossless=True)
    np.testing.assert_array_equal(read_movie(tmp_path / "a.mkv").frames, frames)


@pytest.mark.parametrize("size", [(48, 48), (45, 51)])
def test_h264_keeps_every_grey_within_a_few_levels_and_sizes_become_even(tmp_path, size):
    ramp = np.linspace(0, 255, size[1]).round().astype(np.uint8)
    frames = np.broadcast_to(ramp, (12, *size))
    write_movie(tmp_path / "a.mp4", frames, Fraction(25))
    movie = read_movie(tmp_path / "a.mp4")
    assert movie.size == tuple(side + side % 2 for side in size)
    shown = movie.frames[:, : size[0], : size[1]].astype(int)
    assert np.abs(shown - frames).max() <= 6
    assert np.abs(shown - frames).mean() <= 1.5
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"


@pytest.mark.parametrize(("name", "lossless"), [("a.mp4", False), ("a.mkv", True), ("b.mkv", False)])
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("spoken", [0.5, 1.0, 3.0])
def test_sound_and_picture_end_together(tmp_path, tract, voice, name, lossless, rate, spoken):
    """Sound longer than the picture is cut, shorter sound is followed by silence."""
    frames = round(2 * rate)
    sound = Sound([voice(spoken, 48_000)], 48_000)
    write_movie(tmp_path / name, tract(frames, 16, 16), rate, sound, lossless=lossless)
    heard = read_speech(tmp_path / name)
    info = probe_movie(tmp_path / name)
    assert info.frames == frames
    assert info.rate == rate or name.endswith("mkv")
    # AAC works in blocks of 1024 samples and fills the last one.
    slack = 1 / rate + (0 if lossless else Fraction(1024, 48_000))
    assert abs(heard.seconds - frames / rate) <= slack
    tail = heard.samples[round((spoken + 0.1) * 16_000) :]
    assert not len(tail) or np.abs(tail).max() < 0.01


def test_sound_keeps_its_place(tmp_path, tract):
    """A click at 1 s in the speech is at 1 s in the movie, to 2 ms."""
    samples = np.zeros(2 * 48_000, np.float32)
    samples[48_000:48_100] = 0.8
    write_movie(tmp_path / "a.mp4", tract(50), Fraction(25), Sound([samples], 48_000))
    heard = read_speech(tmp_path / "a.mp4").samples
    assert abs(int(np.abs(heard).argmax()) - 16_000) <= 32


@given(sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=8))
@settings(max_examples=10, deadline=None)
def test_sound_may_come_in_blocks_of_any_size(tmp_path_factory, sizes):
    folder = tmp_path_factory.mktemp("blocks")
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, sum(sizes)).astype(np.float32)
    blocks = np.split(samples, np.cumsum(sizes)[:-1])
    write_movie(folder / "a.mkv", np.zeros((25, 8, 8), np.uint8), Fraction(25), Sound(blocks, 16_000), lossless=True)
    heard = read_speech(folder / "a.mkv", silence=True).samples
    kept = min(len(heard), len(samples))
    np.testing.assert_allclose(heard[:kept], samples[:kept], atol=1 / 32_000)


def test_rates_that_aac_does_not_know_are_resampled(tmp_path, tract, voice):
    write_movie(tmp_path / "a.mp4", tract(25), Fraction(25), Sound([voice(1.0, 20_000)], 20_000))
    assert read_speech(tmp_path / "a.mp4", 20_000).seconds == pytest.approx(1, abs=0.05)


def test_frames_that_cannot_be_written(tmp_path):
    path = tmp_path / "a.mp4"
    grey = np.zeros((8, 8), np.uint8)
    with pytest.raises(BadInputError, match="no frames"):
        write_movie(path, [], Fraction(25))
    with pytest.raises(BadInputError, match="frame 1 has shape"):
        write_movie(path, [grey, grey[:4]], Fraction(25))
    with pytest.raises(OutputError, match="does not exist"):
        write_movie(tmp_path / "none" / "a.mp4", [grey], Fraction(25))
    with pytest.raises(OutputError, match=r"\.mp4 or \.mkv"):
        write_movie(tmp_path / "a.gif", [grey], Fraction(25))
    with pytest.raises(OutputError, match=r"name it a\.mkv"):
        write_movie(path, [grey], Fraction(25), lossless=True)
    assert not list(tmp_path.iterdir())


FULL_DISK = """
import resource, signal, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from seido.errors import OutputError
from seido.movie.writer import write_movie
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
noise = np.random.default_rng(0)
frames = (noise.integers(0, 256, (128, 128), dtype=np.uint8) for _ in range(200))
try:
    write_movie(Path(sys.argv[1]), frames, Fraction(25), lossless=sys.argv[1].endswith("mkv"))
except OutputError as error:
    print(error)
    sys.exit(2)
"""


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_a_full_disk_leaves_nothing_and_is_told(tmp_path, name):
    """A limit on file size stands in for the full disk: the same write fails, whoever runs the test."""
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / name)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2, run.stderr
    assert "no room left" in run.stdout
    assert not list(tmp_path.iterdir())


def test_stopping_in_the_middle_leaves_nothing(tmp_path):
    def frames():
        yield np.zeros((8, 8), np.uint8)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_movie(tmp_path / "a.mp4", frames(), Fraction(25))
    assert not list(tmp_path.iterdir())


def test_speech_is_written_as_wav(tmp_path, voice):
    path = tmp_path / "a.wav"
    write_speech(path, Speech(voice(0.5), 16_000))
    samples, rate = soundfile.read(path)
    assert rate == 16_000
    np.testing.assert_allclose(samples, voice(0.5), atol=1 / 32_000)
