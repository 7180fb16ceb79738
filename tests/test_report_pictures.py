from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seido.errors import BadInputError, OutputError
from seido.report.kymograph import Line, kymograph, kymograph_picture
from seido.report.pictures import GAP, PAPER, STRIP, enlarge, grid, write_picture
from seido.report.side_by_side import comparison_picture, contact_sheet, difference, side_by_side

RNG = np.random.default_rng(0)


def movie(frames: int = 6, height: int = 20, width: int = 31) -> np.ndarray:
    return RNG.integers(0, 200, (frames, height, width), dtype=np.uint8)


def test_side_by_side_shows_original_generated_and_difference() -> None:
    true, predicted = movie(), movie()
    pictures = list(side_by_side(true, predicted))
    assert len(pictures) == 6
    scale = 13  # 20 rows become 260, the first multiple of at least 256
    for picture, x, y in zip(pictures, true, predicted, strict=True):
        assert picture.shape == (260, 3 * 31 * scale + 2 * GAP + 1)
        left = [0, 31 * scale + GAP, 2 * (31 * scale + GAP)]
        panels = [picture[::scale, at : at + 31 * scale : scale] for at in left]
        assert np.array_equal(panels[0], x)
        assert np.array_equal(panels[1], y)
        assert np.array_equal(panels[2], difference(x, y))
        assert (picture[:, left[1] - GAP : left[1]] == PAPER).all()


@pytest.mark.parametrize("size", [(1, 1), (255, 3), (256, 256), (257, 301), (68, 68), (84, 84)])
def test_both_sides_are_even_and_panels_tall_enough(size: tuple[int, int]) -> None:
    (picture,) = side_by_side(movie(1, *size), movie(1, *size))
    assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0
    assert picture.shape[0] >= 256
    assert picture.dtype == np.uint8


def test_side_by_side_streams() -> None:
    asked = []

    def source(name: str) -> Iterator[np.ndarray]:
        for index in range(1000):
            asked.append((name, index))
            yield np.zeros((8, 8), np.uint8)

    pictures = side_by_side(source("true"), source("predicted"))
    next(pictures)
    next(pictures)
    assert asked == [("true", 0), ("predicted", 0), ("true", 1), ("predicted", 1)]


def test_colour_beside_grey_is_colour() -> None:
    grey = movie(1)
    (picture,) = side_by_side(grey, grey[..., None].repeat(3, axis=3))
    (plain,) = side_by_side(grey, grey)
    assert np.array_equal(picture, plain[..., None].repeat(3, axis=2))


def test_movies_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadInputError, match="generated movie ends after 4 frames"):
        list(side_by_side(movie(6), movie(4)))
    with pytest.raises(BadInputError, match="true movie ends after 4 frames"):
        list(side_by_side(movie(4), movie(6)))
    with pytest.raises(BadInputError, match="31 × 20 pixels and the generated ones 31 × 22"):
        list(side_by_side(movie(), movie(height=22)))
    with pytest.raises(BadInputError, match="uint8"):
        list(side_by_side(movie() / 255, movie()))


def test_difference_tells_more_from_less() -> None:
    black, white = np.zeros((1, 1), np.uint8), np.full((1, 1), 255, np.uint8)
    assert (difference(black, black).item(), difference(black, white).item(), difference(white, black).item()) == (
        128, 255, 0,
    )  # fmt: skip


def test_comparison_picture_has_a_column_a_moment() -> None:
    true, predicted = movie(), movie()
    picture = comparison_picture(true, predicted, [0, 5, 2], height=20)
    assert picture.shape[0] == STRIP + 3 * 20 + 2 * GAP
    right = picture[STRIP:, -31:]
    assert np.array_equal(right[:20], true[2])
    assert np.array_equal(right[20 + GAP : 40 + GAP], predicted[2])
    assert np.array_equal(right[40 + 2 * GAP :], difference(true[2], predicted[2]))
    margin = picture.shape[1] - 3 * 31 - 2 * GAP
    assert (picture[STRIP:, :margin] < 128).any(), "the rows have captions"
    assert (picture[:STRIP, margin:] < 128).any(), "the columns have captions"
    other = comparison_picture(true, predicted, [0, 5, 2], ["a", "b", "c"], height=20)
    assert not np.array_equal(other, picture)
    assert np.array_equal(other[STRIP:], picture[STRIP:])
    with pytest.raises(BadInputError, match="no frame 6 in both movies: choose from 0 … 5"):
        comparison_picture(true, predicted, [6])
    with pytest.raises(BadInputError, match="expected 2 labels, one for each frame shown, got 1"):
        comparison_picture(true, predicted, [0, 1], ["a"])
    with pytest.raises(BadInputError, match="at least one panel"):
        comparison_picture(true, predicted, [])


def test_contact_sheet_fills_rows() -> None:
    frames = movie(7)
    sheet = contact_sheet(frames, 3, height=20)
    assert sheet.shape == (3 * 20 + 2 * GAP, 3 * 31 + 2 * GAP)
    assert np.array_equal(sheet[20 + GAP : 40 + GAP, 31 + GAP : 62 + GAP], frames[4])
    assert (sheet[40 + 2 * GAP :, 31:] == PAPER).all()
    labelled = contact_sheet(frames, 3, [str(index) for index in range(7)], height=20)
    assert labelled.shape[0] == sheet.shape[0] + 3 * STRIP
    colour = contact_sheet(frames[..., None].repeat(3, axis=3), 3, list("abcdefg"), height=20)
    assert colour.shape == (*labelled.shape, 3)
    with pytest.raises(BadInputError, match="at least one column"):
        contact_sheet(frames, 0)
    with pytest.raises(BadInputError, match="expected 7 labels"):
        contact_sheet(frames, 3, ["a"])


def test_long_captions_stay_over_their_panel() -> None:
    panels = [[np.zeros((10, 40), np.uint8)] * 2]
    long = grid(panels, above=[["a caption far wider than its panel", ""]])
    assert (long[:STRIP, 40 + GAP :] == PAPER).all()
    with pytest.raises(BadInputError, match="one size"):
        grid([[np.zeros((10, 40), np.uint8), np.zeros((11, 40), np.uint8)]])


def test_kymograph_of_a_column_is_that_column_over_time() -> None:
    frames = movie()
    assert np.array_equal(kymograph(frames, 4), frames[:, :, 4].T)
    assert np.array_equal(kymograph(frames, Line(4, 0, 4, 19)), frames[:, :, 4].T)
    assert np.array_equal(kymograph(frames, Line(30, 7, 0, 7)), frames[:, 7, ::-1].T)
    colour = frames[..., None].repeat(3, axis=3)
    oblique = Line(2.5, 3, 20, 17.25)
    assert np.array_equal(kymograph(colour, oblique), kymograph(frames, oblique)[..., None].repeat(3, axis=2))


def test_kymograph_interpolates_between_pixels() -> None:
    ramp = np.add.outer(2 * np.arange(20), 3 * np.arange(31)).astype(np.uint8)[None]
    line = Line(1.5, 2, 28, 18.5)
    x, y = (np.linspace(a, b, 33) for a, b in ((line.x0, line.x1), (line.y0, line.y1)))
    assert kymograph(ramp, line)[:, 0] == pytest.approx(2 * y + 3 * x, abs=0.5 + 1e-9)


def test_lines_outside_the_frame_are_refused() -> None:
    with pytest.raises(BadInputError, match="column 31 is outside frames 31 pixels wide"):
        kymograph(movie(), 31)
    with pytest.raises(BadInputError, match="leaves the frame: keep X in 0 … 30 and Y in 0 … 19"):
        kymograph(movie(), Line(0, 0, 30, 19.5))
    for text in ("1,2,3", "a,b,c,d", "1,1,1,1", "0,0,inf,1"):
        with pytest.raises(BadInputError):
            Line.parse(text)


def test_kymograph_picture_stacks_true_above_generated() -> None:
    true, predicted = movie(8), movie(8)
    picture = kymograph_picture(true, predicted, 3)
    rows, columns = 8, 80  # 20 rows to at least 160, 8 frames to at least 640
    assert picture.shape[0] == 2 * 160 + GAP
    strips = picture[:, -640:]
    assert np.array_equal(strips[:160], enlarge(true[:, :, 3].T, rows, columns))
    assert np.array_equal(strips[160 + GAP :], enlarge(predicted[:, :, 3].T, rows, columns))
    with pytest.raises(BadInputError, match=r"got \(8, 20, 31\) and \(7, 20, 31\)"):
        kymograph_picture(true, predicted[:7], 3)


def test_a_png_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    grey = movie(1)[0]
    for picture in (grey, grey[..., None].repeat(3, axis=2)):
        write_picture(picture, tmp_path / "a.png")
        with Image.open(tmp_path / "a.png") as read:
            assert np.array_equal(np.array(read), picture)
    with pytest.raises(OutputError, match=r"a\.jpg: pictures are written as PNG"):
        write_picture(grey, tmp_path / "a.jpg")
    with pytest.raises(OutputError, match="does not exist"):
        write_picture(grey, tmp_path / "none" / "a.png")
    with pytest.raises(BadInputError):
        write_picture(grey / 255, tmp_path / "b.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
