"""Movies: exact rates, exact frames, right levels, and every way in which a file can be bad."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus_media import click, number_of, numbered, write_movie
from seido.corpus.picture import is_grey, to_grey
from seido.corpus.sound import probe_sound, read_speech
from seido.corpus.video import movie_frames, probe_movie, read_movie
from seido.errors import BadInputError

SHARED = Path(__file__).resolve().parents[2] / "shared"
COUNT = 130
LONG_GOP = {"g": "60", "bf": "3", "crf": "18"}
KINDS = {
    "long.mp4": {"options": LONG_GOP},
    "open.mkv": {"options": {**LONG_GOP, "g": "40", "x264-params": "open-gop=1:b-pyramid=normal"}},
    "open.mp4": {"options": {**LONG_GOP, "g": "40", "x264-params": "open-gop=1"}},
    "refresh.mp4": {"options": {"g": "40", "crf": "18", "x264-params": "intra-refresh=1"}},
    "late.mp4": {"options": LONG_GOP, "first": 500},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"bf": "2", "g": "50", "qmin": "2", "qmax": "3"}},
    "h264.avi": {"options": LONG_GOP},
    "stream.ts": {"options": {**LONG_GOP, "g": "20"}},
    "bare.h264": {"options": LONG_GOP},
    "lossless.mkv": {"codec": "ffv1", "pix_fmt": "gray", "options": {"g": "30"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "50", "deadline": "realtime", "cpu-used": "8"}},
    "raw.avi": {"codec": "rawvideo", "pix_fmt": "gray"},
    "mpeg2.mpg": {"codec": "mpeg2video", "options": {"bf": "2", "g": "18", "qmin": "2", "qmax": "3"}},
}


@pytest.fixture(scope="module")
def movies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("movies")
    frames = np.stack([numbered(number) for number in range(COUNT)])
    return {name: write_movie(folder / name, frames, **how) for name, how in KINDS.items()}


@pytest.mark.parametrize("name", KINDS)
def test_every_frame_in_order(movies, name):
    info = probe_movie(movies[name])
    assert (info.frames, info.height, info.width, info.colour) == (COUNT, 48, 72, False)
    assert [number_of(frame) for frame in movie_frames(movies[name])] == list(range(COUNT))


@pytest.mark.parametrize("name", KINDS)
def test_any_frame_is_exactly_that_frame(movies, name):
    whole = read_movie(movies[name]).frames
    for start in np.random.default_rng(1).permutation(COUNT)[:25].tolist():
        stop = min(COUNT, start + 1 + start % 3)
        frames = list(movie_frames(movies[name], start, stop))
        assert [number_of(frame) for frame in frames] == list(range(start, stop))
        if name != "refresh.mp4":
            np.testing.assert_array_equal(frames, whole[start:stop])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["long.mp4", "open.mkv", "stream.ts"]), st.integers(0, COUNT), st.integers(0, COUNT))
def test_any_range(movies, name, one, other):
    start, stop = sorted((one, other))
    assert [number_of(frame) for frame in movie_frames(movies[name], start, stop)] == list(range(start, stop))


@pytest.mark.parametrize("rate", [Fraction(1159, 50), Fraction(27), Fraction(65040, 781), Fraction(30000, 1001)])
@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv", "a.ts"])
def test_rates_stay_exact(tmp_path, name, rate):
    frames = np.stack([numbered(number) for number in range(60)])
    info = probe_movie(write_movie(tmp_path / name, frames, rate))
    if name in {"a.mp4", "a.avi"}:
        assert info.rate == rate
    # Matroska keeps milliseconds, MPEG-TS 1/90000 s: the rate is the simplest that agrees with every time stamp.
    assert abs(info.rate / rate - 1) < Fraction(1, 100_000)
    assert info.frames == 60


def test_missing_pictures_are_held(tmp_path):
    stamps = [0, 1, 2, 6, 7, 8, 9]
    frames = np.stack([numbered(stamp) for stamp in stamps])
    path = write_movie(tmp_path / "gap.mkv", frames, codec="ffv1", pix_fmt="gray", stamps=stamps)
    shown = [0, 1, 2, 2, 2, 2, 6, 7, 8, 9]
    assert probe_movie(path).rate == 25
    assert [number_of(frame) for frame in movie_frames(path)] == shown
    assert [number_of(next(movie_frames(path, at, at + 1))) for at in range(10)] == shown


def ramp():
    return np.repeat(np.linspace(0, 255, 8, dtype=np.uint8).repeat(8)[None], 64, axis=0)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "options"),
    [
        ("a.mkv", "ffv1", "gray", {}),
        ("b.mkv", "ffv1", "gray16le", {}),
        ("c.mkv", "ffv1", "gray10le", {}),
        ("d.mkv", "ffv1", "yuv444p", {}),
        ("e.mkv", "ffv1", "bgr0", {}),
        ("f.mp4", "libx264", "yuv420p", {"crf": "2"}),
        ("g.mp4", "libx264", "yuvj420p", {"crf": "2"}),
        ("h.mp4", "libx264", "yuv420p10le", {"crf": "2"}),
        ("i.avi", "mjpeg", "yuvj420p", {"qmin": "1", "qmax": "1"}),
        ("j.avi", "rawvideo", "bgr24", {}),
        ("k.avi", "rawvideo", "gray", {}),
    ],
)
def test_grey_levels_come_out_right(tmp_path, name, codec, pix_fmt, options):
    path = write_movie(tmp_path / name, np.stack([ramp()] * 3), codec=codec, pix_fmt=pix_fmt, options=options)
    assert not probe_movie(path).colour
    frames = list(movie_frames(path))
    assert frames[0].shape == (64, 64)
    inner = np.s_[:, 3::8]  # away from the edges that lossy codecs soften
    assert np.abs(frames[1].astype(int) - ramp())[inner].max() <= 2
    colour = next(movie_frames(path, colour=True)).astype(int)
    assert colour.shape == (64, 64, 3)
    assert np.abs(colour - ramp()[..., None])[inner].max() <= 3


@pytest.mark.parametrize("pix_fmt", ["yuv444p", "bgr0"])
def test_colours(tmp_path, pix_fmt):
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:, :16], picture[:, 16:32], picture[:, 32:] = (200, 30, 30), (30, 160, 60), (20, 40, 220)
    path = write_movie(tmp_path / "a.mkv", np.stack([picture] * 2), codec="ffv1", pix_fmt=pix_fmt)
    movie = read_movie(path)
    assert probe_movie(path).colour
    assert movie.frames.shape == (2, 32, 48, 3)
    assert np.abs(movie.frames[1].astype(int) - picture).max() <= 3
    grey = read_movie(path, colour=False).frames
    assert grey.shape == (2, 32, 48)
    assert np.abs(grey[0].astype(int) - to_grey(picture)).max() <= 3


def test_colour_is_decided_once(tmp_path):
    frames = np.zeros((6, 32, 32, 3), np.uint8) + 60
    frames[3:, :, :, 0] = 200
    path = write_movie(tmp_path / "a.mkv", frames, codec="ffv1", pix_fmt="bgr0")
    assert {frame.shape for frame in movie_frames(path)} == {(32, 32)}
    assert {frame.shape for frame in movie_frames(path, 4)} == {(32, 32)}


def test_turned_movies_are_shown_upright(tmp_path):
    path = tmp_path / "a.mp4"
    picture = ramp()
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "2"})
        stream.height, stream.width, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_rotation(90)
        for index in range(3):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:, :48]), format="gray")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    info = probe_movie(path)
    assert (info.height, info.width) == (48, 64)
    shown = next(movie_frames(path))
    assert shown.shape == (48, 64)
    assert shown[40, 30] < shown[5, 30]  # the dark left edge is now at the bottom


def test_sound_is_noticed(tmp_path):
    frames = np.stack([numbered(number) for number in range(50)])
    assert probe_movie(write_movie(tmp_path / "a.mp4", frames, sound=click())).sound
    assert not probe_movie(write_movie(tmp_path / "b.mp4", frames)).sound


def test_frames_outside(movies):
    for start, stop in pairwise([-1, 3, 2]):
        with pytest.raises(BadInputError, match="it has 130 frames"):
            movie_frames(movies["long.mp4"], start, stop)
    with pytest.raises(BadInputError, match="frames 0 to 131"):
        movie_frames(movies["long.mp4"], 0, 131)
    assert list(movie_frames(movies["long.mp4"], COUNT)) == []


def bad_movies(folder, movies):
    frames = np.stack([numbered(number) for number in range(COUNT)])
    whole = {name: path.read_bytes() for name, path in movies.items()}
    fast = write_movie(folder / "fast.mp4", frames, options=LONG_GOP, container={"movflags": "faststart"}).read_bytes()
    with av.open(str(folder / "sound.mp4"), "w") as output:
        track = output.add_stream("aac", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 8000
        output.mux(track.encode(sound))
        output.mux(track.encode())
    return {
        "empty.mp4": (b"", "empty"),
        "text.mp4": (b"this is no movie\n" * 500, "no movie or sound"),
        "text.txt": (b"hello\n" * 100, "no movie or sound"),
        "list.m3u8": (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "no movie or sound"),
        "no_moov.mp4": (whole["long.mp4"][:2000], "index is missing"),
        "cut_fast.mp4": (fast[: len(fast) * 2 // 3], r"cut off after \d+ of 130 frames"),
        "cut.mkv": (whole["lossless.mkv"][: len(whole["lossless.mkv"]) // 2], r"cut off after \d+ of 130 frames"),
        "cut.avi": (whole["raw.avi"][: len(whole["raw.avi"]) // 2], r"cut off after \d+ of 130 frames"),
        "cut_end.avi": (whole["raw.avi"][: whole["raw.avi"].rindex(b"idx1") - 100], "cut off after 129 of 130 frames"),
        "cut_mpeg4.avi": (whole["mpeg4.avi"][: len(whole["mpeg4.avi"]) // 2], r"cut off after \d+ of 130 frames"),
        "head.avi": (whole["raw.avi"][:40], "cut off|no pictures|cannot|index"),
        "head.mkv": (whole["lossless.mkv"][:60], "cut off|no pictures|index"),
        "only_sound.mp4": ((folder / "sound.mp4").read_bytes(), "only sound"),
    }


@pytest.mark.parametrize("read", [probe_movie, read_movie])
def test_bad_movies_are_told_in_one_sentence(tmp_path, movies, capfd, read):
    for name, (data, sentence) in bad_movies(tmp_path, movies).items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(BadInputError, match=sentence) as caught:
            read(path)
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)
    for path in (tmp_path / "missing.mp4", tmp_path):
        with pytest.raises(BadInputError, match="no such file|folder"):
            read(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["long.mp4", "lossless.mkv", "mpeg4.avi", "stream.ts", "vp9.webm"])
def test_damage_never_leaks_another_error_nor_chatter(tmp_path, movies, capfd, name):
    random = np.random.default_rng(2)
    for trial in range(12):
        data = np.frombuffer(movies[name].read_bytes(), np.uint8).copy()
        places = random.integers(0 if trial % 2 else 400, len(data), 60)
        data[places] ^= random.integers(1, 256, len(places)).astype(np.uint8)
        path = tmp_path / f"{trial}-{name}"
        path.write_bytes(data.tobytes())
        try:
            info = probe_movie(path)
            frames = list(movie_frames(path))
            assert len(frames) == info.frames
            assert len({frame.shape for frame in frames}) == 1
        except BadInputError as error:
            assert str(error).startswith(str(path))  # noqa: PT017
    assert capfd.readouterr() == ("", "")


def test_a_size_that_changes_is_refused(tmp_path):
    small, large = (
        write_movie(tmp_path / f"{size}.h264", np.stack([numbered(n, size, 72) for n in range(5)]), options={"bf": "0"})
        for size in (48, 64)
    )
    path = tmp_path / "both.h264"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    with pytest.raises(BadInputError, match="change size at frame 5"):
        list(movie_frames(path))


def test_cover_art_is_no_movie(tmp_path):
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w", format="mp4") as output:
        cover = output.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = 16, 16, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        track = output.add_stream("aac", rate=8000, layout="mono")
        picture = av.VideoFrame.from_ndarray(np.zeros((16, 16), np.uint8), format="gray").reformat(format="yuvj420p")
        picture.pts, picture.time_base = 0, Fraction(1)
        output.mux(cover.encode(picture))
        output.mux(cover.encode())
        for index in range(8):
            sound = av.AudioFrame.from_ndarray(np.full((1, 1024), 0.1, np.float32), format="fltp", layout="mono")
            sound.sample_rate, sound.pts = 8000, 1024 * index
            output.mux(track.encode(sound))
        output.mux(track.encode())
    with pytest.raises(BadInputError, match="only sound"):
        probe_movie(path)
    assert not probe_sound(path).from_movie
    assert len(read_speech(path, 8000).samples) > 8000


def test_grey_judgement_bears_codec_noise():
    picture = np.full((4, 4, 3), 100, np.uint8)
    picture[0, 0] = (102, 100, 99)
    assert is_grey(picture)
    picture[1, 1] = (110, 100, 100)
    assert not is_grey(picture)
    greys = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_grey(np.stack([greys] * 3, axis=-1)), greys)


@pytest.mark.skipif(not SHARED.is_dir(), reason="real recordings are not here")
def test_real_movies():
    path = SHARED / "real/usc75/sub001/2drt/video/sub001_2drt_01_vcv1_r1_video.mp4"
    info = probe_movie(path)
    assert (info.rate, info.frames, info.height, info.width) == (Fraction(65040, 781), 2166, 84, 84)
    assert (info.colour, info.sound) == (False, True)
    whole = read_movie(path).frames
    for start in (0, 11, 12, 1000, 2165):
        np.testing.assert_array_equal(next(movie_frames(path, start)), whole[start])
    for path in sorted((SHARED / "real/usctimit").glob("*.avi")):
        assert probe_movie(path).rate == Fraction(1159, 50)
        assert not probe_movie(path).colour
    with av.open(str(path)) as container:
        plain = np.stack([frame.to_ndarray(format="rgb24")[..., 0] for frame in container.decode(video=0)])
    np.testing.assert_array_equal(read_movie(path).frames, plain)
