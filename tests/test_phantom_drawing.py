"""The phantom's pictures: what is air is dark, what meets is shut, and each head is its own."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from seido.errors import MissingExtraError
from seido.phantom import outlines
from seido.phantom.anatomy import ENGINE, SPEAKERS
from seido.phantom.canvas import SIZE, ellipse, pixels, smooth
from seido.phantom.contours import Contours, Outline
from seido.phantom.engine import Engine, shapes_of
from seido.phantom.shapes import TRACT

pytest.importorskip("cv2", reason="needs OpenCV")

from seido.phantom.drawing import draw
from seido.phantom.head import Head, head_of

Picture = NDArray[np.float32]
FIXTURE = Path(__file__).parent / "phantom_contours.npz"
SHAPES = ("a", "i", "o", "t", "p", "m", "R")


@cache
def moment(speaker: str, name: str) -> Contours:
    """Outlines of one state as the engine drew them; R is the retroflex stop."""
    with np.load(FIXTURE) as stored:
        ends = np.cumsum(stored["lengths"])[:-1]
        return Contours.of(np.split(stored[f"{speaker}_{name}"] / 100, ends))


@cache
def head(speaker: str = "M1") -> Head:
    return head_of(SPEAKERS[speaker], moment(speaker, "neutral"))


@cache
def picture(name: str, speaker: str = "M1") -> Picture:
    return draw(head(speaker), moment(speaker, name))


def inside(outline: Outline) -> NDArray[np.bool_]:
    """Pixels within an outline, by another rasteriser than the drawing's."""
    image = Image.new("1", (4 * SIZE, 4 * SIZE))
    ImageDraw.Draw(image).polygon([tuple(point) for point in 4 * pixels(outline)], fill=1)
    return np.asarray(image).reshape(SIZE, 4, SIZE, 4).mean((1, 3)) > 0.999


def shrunk(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    for _ in range(by):
        mask = mask & np.roll(mask, 1, 0) & np.roll(mask, -1, 0) & np.roll(mask, 1, 1) & np.roll(mask, -1, 1)
    return mask


def value(shown: Picture, point: NDArray[np.float64]) -> float:
    column, row = np.floor(pixels(np.atleast_2d(point))[0]).astype(int)
    return float(shown[row, column])


def reachable(dark: NDArray[np.bool_], start: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Dark pixels that a way through dark pixels leads to."""
    column, row = np.floor(pixels(np.atleast_2d(start))[0]).astype(int)
    found = np.zeros_like(dark)
    found[row, column] = True
    assert dark[row, column]
    while True:
        grown = found.copy()
        for axis in (0, 1):
            for step in (-1, 1):
                grown |= np.roll(found, step, axis)
        grown &= dark
        if (grown == found).all():
            return found
        found = grown


@pytest.mark.parametrize("name", SHAPES)
def test_a_picture_is_whole_and_the_same_each_time(name: str) -> None:
    shown = picture(name)
    assert shown.shape == (SIZE, SIZE)
    assert shown.dtype == np.float32
    assert np.isfinite(shown).all()
    assert shown.min() >= 0
    assert 0.8 < shown.max() <= 1
    again = draw(head_of(SPEAKERS["M1"], moment("M1", "neutral")), moment("M1", name))
    assert again.tobytes() == shown.tobytes()


@pytest.mark.parametrize("name", SHAPES)
def test_mouth_and_throat_are_dark_where_the_outlines_leave_air(name: str) -> None:
    shape = moment("M1", name)
    # Up to the back of the teeth, down to the top of the voice box.
    throat = np.concatenate([shape.back_wall[3:], shape.uvula, shape.upper[:15], shape.lower[13::-1]])
    air = shrunk(inside(throat), 2)
    for tissue in (shape.tongue, shape.epiglottis):
        solid = inside(np.concatenate([tissue, shape.lower[12:2:-1]]) if tissue is shape.tongue else tissue)
        air &= ~solid
        for _ in range(4):
            solid = solid | np.roll(solid, 1, 0) | np.roll(solid, -1, 0) | np.roll(solid, 1, 1) | np.roll(solid, -1, 1)
        air &= ~solid
    # The leaf of the epiglottis is longer than the engine's, and the cleft under the tongue smaller.
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    corner = pixels(shape.epiglottis[3:4])[0]
    air &= np.hypot(x - corner[0], y - corner[1]) > 9
    air &= y < pixels(shape.lower[12:13])[0, 1]
    assert air.sum() > 60
    assert np.mean(picture(name)[air] < 0.1) > 0.97


@pytest.mark.parametrize("name", SHAPES)
def test_the_tongue_is_bright_inside_its_outline(name: str) -> None:
    shape = moment("M1", name)
    body = shrunk(inside(np.concatenate([shape.tongue[4:34], shape.lower[6:2:-1]])), 3)
    assert body.sum() > 500
    values = picture(name)[body]
    assert np.mean(values > 0.25) > 0.97
    assert 0.35 < values.mean() < 0.7


def test_windpipe_and_the_vault_behind_the_nose_are_air() -> None:
    for name in SHAPES:
        shape = moment("M1", name)
        assert value(picture(name), (shape.larynx[0] + shape.back_wall[0]) / 2) < 0.08
        assert value(picture(name), np.array([-12.0, -27.0])) < 0.08


@pytest.mark.parametrize("speaker", ["M1", "W"])
def test_lips_that_meet_leave_no_air_between_and_never_overlap(speaker: str) -> None:
    for name in ("p", "m", "a"):
        above, below = outlines.lips(moment(speaker, name))
        facing = above[(above[:, 0] > below[3, 0]) & (above[:, 0] < below[:, 0].max() - 1)]
        running = below[: int(below[:, 0].argmax()) + 1]
        gap = np.interp(facing[:, 0], running[:, 0], running[:, 1]) - facing[:, 1]
        assert gap.min() > -0.3
        shown = picture(name, speaker)
        nearest = facing[gap.argmin()]
        way = [value(shown, np.add(nearest, (0, down))) for down in np.arange(-3, gap.min() + 3, 0.5)]
        assert (min(way) > 0.25) == (name != "a")


def test_lips_bulge_forwards_when_they_press() -> None:
    shape = moment("M1", "p")
    pressed = shape.lower.copy()
    pressed[16:, 1] -= 2
    harder = Contours.of([*shape.parts[:5], pressed, *shape.parts[6:]])
    assert outlines.lips(harder)[0][:, 0].mean() > outlines.lips(shape)[0][:, 0].mean() + 0.2


@pytest.mark.parametrize("speaker", ["M1", "W"])
def test_the_velum_shuts_the_nose_off_and_opens_the_way_for_a_nasal(speaker: str) -> None:
    vault = np.array([head(speaker).landmarks.wall_top[0] + 9, -26.0])
    for name, is_open in (("p", False), ("m", True)):
        shape = moment(speaker, name)
        shown = picture(name, speaker)
        below = np.array([shape.back_wall[5, 0] + 2.5, shape.back_wall[5, 1]])
        found = reachable(shown < 0.22, vault)
        column, row = np.floor(pixels(below[None])[0]).astype(int)
        assert bool(found[row - 2 : row + 3, column - 2 : column + 2].any()) == is_open


def test_nothing_is_torn_off_the_head() -> None:
    for name in SHAPES:
        tissue = picture(name) > 0.15
        start = np.array([-30.0, 30.0])
        dust = tissue & ~reachable(tissue, start - (8, 0))
        # Cells of the nose and what teeth part from the head may stand alone; no more does.
        assert dust.sum() < 0.06 * tissue.sum()


def test_chin_and_jaw_move_with_the_lower_incisor_and_the_skull_stays() -> None:
    high, low = picture("i"), picture("o")
    chin = int(pixels(moment("M1", "neutral").lower[15:16])[0, 0])
    edges = [int(np.flatnonzero(shown[:, chin] > 0.3).max()) for shown in (high, low)]
    assert edges[1] - edges[0] >= 3
    assert np.array_equal(high[:80], low[:80])
    assert np.array_equal(high[:, 190:], low[:, 190:])


def test_two_speakers_look_different() -> None:
    assert np.abs(picture("a") - picture("a", "W")).mean() > 0.05
    twin = head_of(SPEAKERS["M2"], moment("M1", "neutral"))
    assert np.abs(draw(twin, moment("M1", "a")) - picture("a")).mean() > 0.01


def test_drawing_needs_no_engine_and_names_the_cure_without_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    draw(head(), moment("M1", "a"))
    assert ENGINE not in sys.modules
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtraError, match=r"seido\[phantom\]"):
        draw(head(), moment("M1", "a"))


@given(st.floats(-100, 100), st.floats(-100, 100))
def test_pixels_are_millimetres_and_the_face_looks_left(x: float, y: float) -> None:
    here, ahead, lower = pixels(np.array([[x, y], [x + 1, y], [x, y + 1]]))
    assert ahead - here == pytest.approx([-1, 0])
    assert lower - here == pytest.approx([0, 1])


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=3, max_size=12),
    st.floats(-180, 180),
)
def test_a_smoothed_line_keeps_its_ends_and_never_overshoots(points: list[tuple[float, float]], turn: float) -> None:
    corners = np.array(points)
    bent = smooth(corners)
    assert bent[0] == pytest.approx(corners[0])
    assert bent[-1] == pytest.approx(corners[-1])
    way = np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn))])
    for line in (bent, smooth(corners, closed=True)):
        assert (line @ way).max() <= (corners @ way).max() + 1e-9
    assert np.hypot(*ellipse((1, 2), (3, 3), turn).T[:, 0] - (1, 2)) == pytest.approx(3)


@given(st.floats(-20, 20), st.floats(-15, 15), st.floats(-15, 15))
def test_the_jaws_movement_is_found_again(degrees: float, x: float, y: float) -> None:
    shape, marks = moment("M1", "neutral"), head().landmarks
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    moved = shape.lower @ np.array([[cosine, sine], [-sine, cosine]]) + (x, y)
    jaw = outlines.jaw_of(Contours.of([*shape.parts[:5], moved, *shape.parts[6:]]), marks)
    assert jaw(shape.lower) == pytest.approx(moved, abs=1e-6)


@pytest.mark.skipif(importlib.util.find_spec(ENGINE) is None, reason="needs the phantom's engine")
@pytest.mark.parametrize("name", ["M2", "F2", "A1"])
def test_heads_of_other_speakers_fit_the_picture(name: str) -> None:
    shapes = shapes_of(SPEAKERS[name])
    nasal = shapes.tract["ll-labial-closure(a)"].copy()
    nasal[TRACT.index("VO")] = 0.5
    with Engine(SPEAKERS[name]) as engine:
        rest, rounded, hummed = engine.contours(np.stack([shapes.tract["@"], shapes.tract["u"], nasal]))
    own = head_of(SPEAKERS[name], rest)
    for shape in (rounded, hummed):
        shown = draw(own, shape)
        assert shown[:, :20].max() < 0.05  # the nose and rounded lips leave room
        assert shown[100:, :34].max() < 0.05  # nothing moves outside the part that is drawn anew
        assert 0.12 < shown.mean() < 0.3
