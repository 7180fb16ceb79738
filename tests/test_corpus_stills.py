"""Single frames, stacks deeper than 8 bit, and palettised AVI."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from corpus_media import number_of, numbered, write_movie, write_palettised
from seido.corpus.depth import scaled, window
from seido.corpus.palettised import open_palettised
from seido.corpus.sound import read_speech
from seido.corpus.stack import read_stack
from seido.corpus.still import read_frame
from seido.corpus.video import movie_frames, probe_movie, read_movie
from seido.errors import BadInputError, NotFiniteError

SHARED = Path(__file__).resolve().parents[2] / "shared"
GREYS = [(level, level, level) for level in range(256)]
RANDOM = np.random.default_rng(5)
PICTURE = RANDOM.integers(0, 256, (21, 34), np.uint8)
COLOUR = RANDOM.integers(0, 256, (21, 34, 3), np.uint8)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "gif", "webp", "pgm", "npy"])
def test_grey_stays_grey(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    if suffix == "npy":
        np.save(path, PICTURE)
    else:
        Image.fromarray(PICTURE).save(path, **({"lossless": True} if suffix == "webp" else {}))
    np.testing.assert_array_equal(read_frame(path), PICTURE)


def test_equal_channels_become_grey_and_colour_stays(tmp_path):
    Image.fromarray(np.stack([PICTURE] * 3, axis=-1)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_frame(tmp_path / "a.png"), PICTURE)
    Image.fromarray(COLOUR).save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_frame(tmp_path / "b.png"), COLOUR)
    smooth = np.repeat(np.linspace(0, 255, 64, dtype=np.uint8)[None], 64, axis=0)
    Image.fromarray(np.stack([smooth] * 3, axis=-1)).save(tmp_path / "c.jpg", quality=95)
    assert np.abs(read_frame(tmp_path / "c.jpg").astype(int) - smooth).max() <= 3


def test_alpha_palette_and_orientation(tmp_path):
    alpha = np.dstack([COLOUR, RANDOM.integers(0, 256, PICTURE.shape, np.uint8)])
    Image.fromarray(alpha).save(tmp_path / "rgba.png")
    np.testing.assert_array_equal(read_frame(tmp_path / "rgba.png"), COLOUR)
    Image.fromarray(np.dstack([PICTURE, alpha[..., 3]])).save(tmp_path / "la.png")
    np.testing.assert_array_equal(read_frame(tmp_path / "la.png"), PICTURE)
    few = (PICTURE // 64).astype(np.uint8)
    image = Image.fromarray(few, mode=None).convert("L")
    image = Image.frombytes("P", image.size, few.tobytes())
    image.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200, 9, 9, 9])
    image.save(tmp_path / "p.png", transparency=1)
    table = np.array([[200, 0, 0], [0, 200, 0], [0, 0, 200], [9, 9, 9]], np.uint8)
    np.testing.assert_array_equal(read_frame(tmp_path / "p.png"), table[few])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PICTURE).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(read_frame(tmp_path / "turned.png"), np.rot90(PICTURE, -1))
    Image.fromarray(PICTURE > 100).save(tmp_path / "one.png")
    np.testing.assert_array_equal(read_frame(tmp_path / "one.png"), (PICTURE > 100) * np.uint8(255))


@pytest.mark.parametrize("suffix", ["png", "tif", "npy", "npz"])
def test_sixteen_bits_are_scaled_by_percentile(tmp_path, suffix):
    deep = RANDOM.integers(0, 3000, (40, 50), np.uint16)
    deep[0, 0] = 65535
    path = tmp_path / f"a.{suffix}"
    if suffix == "npy":
        np.save(path, deep)
    elif suffix == "npz":
        np.savez(path, frames=deep)
    else:
        Image.fromarray(deep).save(path)
    white = np.percentile(deep, 99.7, method="inverted_cdf")
    expected = np.clip(np.rint(deep * 255.0 / white), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(read_frame(path), expected)


def test_pages_and_movie_frames(tmp_path):
    frames = np.stack([numbered(number) for number in range(40)])
    pages = [Image.fromarray(frame) for frame in frames[:5]]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert number_of(read_frame(tmp_path / "a.tif", 3)) == 3
    np.save(tmp_path / "a.npy", frames)
    assert number_of(read_frame(tmp_path / "a.npy", 39)) == 39
    assert number_of(read_frame(str(write_movie(tmp_path / "a.mp4", frames)), 17)) == 17
    assert number_of(read_frame(write_palettised(tmp_path / "a.avi", frames, palette=GREYS), 23)) == 23
    for name, index in (("a.tif", 5), ("a.npy", 40), ("a.mp4", 40), ("a.avi", 40), ("a.npy", -1)):
        with pytest.raises(BadInputError, match="no number|not among them"):
            read_frame(tmp_path / name, index)


def test_bad_pictures_are_told_in_one_sentence(tmp_path, capfd):
    Image.fromarray(COLOUR).resize((200, 300)).save(tmp_path / "whole.png")
    Image.fromarray(COLOUR).resize((200, 300)).save(tmp_path / "whole.jpg")
    png, jpg = (tmp_path / "whole.png").read_bytes(), (tmp_path / "whole.jpg").read_bytes()
    Image.new("1", (12_000, 12_000)).save(tmp_path / "huge.png")
    np.save(tmp_path / "things.npy", np.array([{"a": 1}], object), allow_pickle=True)
    np.save(tmp_path / "flat.npy", np.zeros(5))
    np.save(tmp_path / "complex.npy", np.zeros((5, 5), complex))
    np.save(tmp_path / "holes.npy", np.full((5, 5), np.nan))
    np.save(tmp_path / "blank.npy", np.full((5, 5), 7, np.uint16) * 0)
    np.save(tmp_path / "none.npy", np.zeros((0, 5), np.uint8))
    cases = {
        "empty.png": (b"", "empty"),
        "text.png": (b"no picture\n" * 50, "neither a picture nor a movie"),
        "cut.png": (png[: len(png) // 2], "damaged or cut off"),
        "cut.jpg": (jpg[: len(jpg) // 2], "damaged or cut off"),
        "head.png": (png[:20], "damaged|neither"),
        "junk.npy": (b"\x93NUMPY\1\0junk", "no array"),
        "junk.npz": (b"PK\3\4junk", "no array"),
    }
    for name, (data, _) in cases.items():
        (tmp_path / name).write_bytes(data)
    sentences = {name: sentence for name, (_, sentence) in cases.items()}
    sentences |= {
        "huge.png": "100 megapixels",
        "things.npy": "no array",
        "flat.npy": "should be",
        "complex.npy": "integers or floats",
        "holes.npy": "NaN",
        "blank.npy": "same value",
        "none.npy": "give a frame with pixels",
        "missing.png": "no such file",
        ".": "folder",
    }
    for name, sentence in sentences.items():
        with pytest.raises((BadInputError, NotFiniteError), match=sentence) as caught:
            read_frame(tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path / name))
        assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.uint32, np.float32, np.float64])
def test_stacks_are_scaled_as_a_whole(tmp_path, dtype):
    stack = RANDOM.gamma(2, 200, (12, 20, 30)).astype(dtype)
    np.save(tmp_path / "a.npy", stack)
    movie = read_stack(tmp_path / "a.npy", "1159/50", percentile=95)
    white = np.percentile(stack, 95, method="inverted_cdf")
    np.testing.assert_array_equal(
        movie.frames, np.clip(np.rint(stack * np.float64(255) / white), 0, 255).astype(np.uint8)
    )
    assert movie.rate == Fraction(1159, 50)


@settings(max_examples=40, deadline=None)
@given(arrays.arrays(np.int16, (3, 4, 5), elements=st.integers(-300, 3000)), st.floats(1, 100))
def test_window_of_integers_equals_numpy(stack, percentile):
    if stack.min() == stack.max():
        return
    black, white = window(iter(stack), len(stack), percentile)
    assert black == min(0, stack.min())
    expected = np.percentile(stack, percentile, method="inverted_cdf")
    assert white == (expected if expected > black else stack.max())
    levels = scaled(stack, black, white)
    assert levels[stack == stack.max()].min() == levels.max()


def test_bytes_are_taken_as_they_are(tmp_path):
    stack = RANDOM.integers(0, 90, (4, 5, 6), np.uint8)
    np.savez(tmp_path / "a.npz", stack)
    np.testing.assert_array_equal(read_stack(tmp_path / "a.npz", 25).frames, stack)
    colour = RANDOM.integers(0, 255, (4, 5, 6, 3), np.uint8)
    np.save(tmp_path / "b.npy", colour)
    np.testing.assert_array_equal(read_stack(tmp_path / "b.npy", 25).frames, colour)


def test_rates_that_arrays_carry(tmp_path):
    stack = RANDOM.integers(0, 900, (9, 5, 6), np.uint16)
    times = 100 + np.arange(9) * 0.08
    for name, extra in {
        "a": {"rate": "1159/50"},
        "b": {"fps": 23.18},
        "c": {"frame_rate": np.float64(12.5)},
        "d": {"times": times},
        "e": {"acq_time": times},
    }.items():
        np.savez_compressed(tmp_path / f"{name}.npz", frames=stack, **extra)
        rate = Fraction(1159, 50) if name in "ab" else Fraction(25, 2)
        info = probe_movie(tmp_path / f"{name}.npz")
        assert (info.rate, info.frames, info.height, info.width) == (rate, 9, 5, 6)
    whole = read_movie(tmp_path / "a.npz")
    np.testing.assert_array_equal(list(movie_frames(tmp_path / "a.npz", 3, 5)), whole.frames[3:5])
    assert read_stack(tmp_path / "a.npz", 10).rate == 10
    np.savez(tmp_path / "back.npz", frames=stack, times=times[::-1])
    with pytest.raises(BadInputError, match="do not increase"):
        probe_movie(tmp_path / "back.npz")
    np.savez(tmp_path / "two.npz", one=stack, two=stack)
    with pytest.raises(BadInputError, match="one named `frames`"):
        read_stack(tmp_path / "two.npz", 25)


def test_tiff_stacks_and_a_missing_rate(tmp_path):
    stack = RANDOM.integers(0, 4000, (6, 20, 30), np.uint16)
    pages = [Image.fromarray(page) for page in stack]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    np.save(tmp_path / "a.npy", stack)
    np.testing.assert_array_equal(read_stack(tmp_path / "a.tif", 25).frames, read_stack(tmp_path / "a.npy", 25).frames)
    for name in ("a.tif", "a.npy"):
        for read in (probe_movie, read_movie, read_stack):
            with pytest.raises(BadInputError, match="no frame rate"):
                read(tmp_path / name)
    pages[0].save(tmp_path / "b.tif", save_all=True, append_images=[pages[1].resize((9, 9))])
    with pytest.raises(BadInputError, match="page 1 has another size"):
        read_stack(tmp_path / "b.tif", 25)
    with pytest.raises(BadInputError, match="percentile"):
        read_stack(tmp_path / "a.npy", 25, percentile=0)


@pytest.mark.parametrize("top_down", [False, True])
@pytest.mark.parametrize("size", [(48, 72), (33, 75)])
def test_palettised_movies(tmp_path, top_down, size):
    frames = np.stack([numbered(number, *size) for number in range(30)])
    path = write_palettised(tmp_path / "a.avi", frames, palette=GREYS, top_down=top_down)
    info = probe_movie(path)
    assert (info.rate, info.frames, info.height, info.width) == (Fraction(1159, 50), 30, *size)
    assert (info.colour, info.sound) == (False, False)
    np.testing.assert_array_equal(read_movie(path).frames, frames)
    np.testing.assert_array_equal(list(movie_frames(path, 7, 9)), frames[7:9])
    np.testing.assert_array_equal(next(movie_frames(path, 7, 8, colour=True))[..., 2], frames[7])


def test_palettes(tmp_path):
    frames = RANDOM.integers(0, 256, (3, 10, 11), np.uint8)
    inverted = [(255 - level,) * 3 for level in range(256)]
    np.testing.assert_array_equal(
        read_movie(write_palettised(tmp_path / "a.avi", frames, palette=inverted)).frames, 255 - frames
    )
    for name, palette in {"none": None, "black": [(0, 0, 0)] * 256, "one": [(9, 9, 9)]}.items():
        path = write_palettised(tmp_path / f"{name}.avi", frames, palette=palette)
        np.testing.assert_array_equal(read_movie(path).frames, frames)
    colours = RANDOM.integers(0, 256, (256, 3), np.uint8)
    path = write_palettised(tmp_path / "c.avi", frames, palette=colours.tolist())
    assert probe_movie(path).colour
    np.testing.assert_array_equal(read_movie(path).frames, colours[frames])


def test_palettised_movies_in_segments_and_with_sound(tmp_path):
    frames = np.stack([numbered(number) for number in range(25)])
    path = write_palettised(tmp_path / "a.avi", frames, palette=GREYS, per_segment=7)
    np.testing.assert_array_equal(read_movie(path).frames, frames)
    path = write_palettised(tmp_path / "b.avi", frames, palette=GREYS, sound=True)
    assert probe_movie(path).sound
    assert len(read_speech(path, 8000).samples) == 800


def test_bad_palettised_movies(tmp_path):
    frames = np.stack([numbered(number) for number in range(20)])
    whole = write_palettised(tmp_path / "a.avi", frames, palette=GREYS).read_bytes()
    for keep in (len(whole) - 5, len(whole) // 2, len(whole) // 3):
        (tmp_path / "cut.avi").write_bytes(whole[:keep])
        with pytest.raises(BadInputError, match=r"cut off after \d+ of 20 frames"):
            read_movie(tmp_path / "cut.avi")
    path = write_palettised(tmp_path / "none.avi", frames[:0].reshape(0, 48, 72), palette=GREYS, promised=0)
    with pytest.raises(BadInputError, match="no pictures"):
        probe_movie(path)
    assert open_palettised(write_movie(tmp_path / "b.avi", frames, codec="mpeg4")) is None
    assert open_palettised(write_movie(tmp_path / "c.avi", frames, codec="rawvideo", pix_fmt="bgr24")) is None


@pytest.mark.skipif(not SHARED.is_dir(), reason="real recordings are not here")
def test_real_palettised_movie_and_stack():
    path = SHARED / "real/usc_test/lac12112011_13_30_52.avi"
    info = probe_movie(path)
    assert (info.rate, info.frames, info.height, info.width) == (Fraction(1159, 50), 562, 68, 68)
    movie = read_movie(path).frames
    assert movie.max() == 255
    assert 30 < movie.mean() < 60
    assert movie[:, 34:, 10:40].mean() > movie[:, :12, 10:40].mean()  # the jaw, not the air, is below
    stack = read_movie(SHARED / "real/prisma/prisma3t_frames_u16.npz")
    assert stack.frames.shape == (75, 128, 128)
    assert abs(stack.rate - Fraction("15.5")) < Fraction(1, 100)
