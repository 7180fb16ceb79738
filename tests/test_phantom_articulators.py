"""Articulators and tract variables, on outlines that the engine drew of nine shapes of two speakers."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.phantom import anatomy as anatomies
from seido.phantom.anatomy import SPEAKERS
from seido.phantom.articulators import ARTICULATORS, articulators, resampled
from seido.phantom.contours import Contours
from seido.phantom.engine import Engine, shapes_of
from seido.phantom.gestures import tracks
from seido.phantom.shapes import CONTEXTS, TRACT
from seido.phantom.speak import utter
from seido.phantom.tract_variables import TRACT_VARIABLES, tract_variables

OUTLINES = Path(__file__).parent / "phantom_outlines.npz"
SPEAKERS_DRAWN = ("M1", "W")
CONTACT = 0.75
"""mm that the engine leaves between a tongue and the wall it presses on, at most."""
needs_engine = pytest.mark.skipif(
    importlib.util.find_spec(anatomies.ENGINE) is None, reason="needs the phantom's engine"
)


@cache
def drawn(speaker: str) -> tuple[list[str], NDArray[np.float64], list[Contours]]:
    with np.load(OUTLINES) as stored:
        cuts = np.cumsum(stored["lengths"])[:-1]
        moments = [Contours.of(np.split(points.astype(float), cuts)) for points in stored[f"{speaker}_points"]]
        return [str(name) for name in stored["shapes"]], stored[f"{speaker}_states"], moments


def measured(speaker: str) -> dict[str, dict[str, float]]:
    names, states, moments = drawn(speaker)
    rows = tract_variables(moments, states)
    return {
        name: dict(zip(TRACT_VARIABLES, map(float, row), strict=True)) for name, row in zip(names, rows, strict=True)
    }


def stacked(speaker: str) -> dict[str, NDArray[np.float64]]:
    parts = [articulators(moment) for moment in drawn(speaker)[2]]
    return {name: np.stack([part[name] for part in parts]).astype(float) for name in ARTICULATORS}


def length(points: NDArray[np.float64]) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


@pytest.mark.parametrize("speaker", SPEAKERS_DRAWN)
def test_every_articulator_has_its_points_in_every_shape(speaker: str) -> None:
    for name, points in stacked(speaker).items():
        assert points.shape == (9, ARTICULATORS[name], 2), name
        assert np.isfinite(points).all()
    for moment in drawn(speaker)[2]:
        assert all(part.dtype == np.float32 for part in articulators(moment).values())


@pytest.mark.parametrize("speaker", SPEAKERS_DRAWN)
def test_bone_does_not_bend_and_only_the_jaw_moves(speaker: str) -> None:
    parts = stacked(speaker)
    assert np.ptp(parts["upper_incisor"], axis=0).max() < 1e-4
    assert np.ptp(parts["hard_palate"][:, 7:], axis=0).max() < 1e-4  # the velum's pull ends there
    for name in ("lower_incisor", "mouth_floor"):
        shapes = parts[name] - parts[name].mean(1, keepdims=True)
        distances = np.hypot(*np.moveaxis(shapes[:, :, None] - shapes[:, None], 3, 0))
        assert np.ptp(distances, axis=0).max() < 0.3, name
        assert np.ptp(parts[name][:, -1, 1]) > 2, name


@pytest.mark.parametrize("speaker", SPEAKERS_DRAWN)
def test_neighbours_share_their_landmarks(speaker: str) -> None:
    parts = stacked(speaker)
    for one, other in (
        (parts["tongue"][:, -1], parts["tongue_underside"][:, 0]),
        (parts["velum"][:, -1], parts["hard_palate"][:, 0]),
        (parts["hard_palate"][:, -1], parts["upper_incisor"][:, 0]),
        (parts["mouth_floor"][:, -1], parts["lower_incisor"][:, 0]),
        (parts["arytenoids"][:, -1], parts["pharynx_wall"][:, 0]),
        (parts["vocal_folds"], np.stack([parts["arytenoids"][:, 0], parts["larynx"][:, 0]], axis=1)),
    ):
        assert np.abs(one - other).max() < 1e-4
    # The tips are where they are said to be: y grows downwards.
    assert (parts["velum"][:, :, 1].max(1) - parts["velum"][:, 4, 1]).max() < 1e-4
    assert (parts["epiglottis"][:, 6, 1] - parts["epiglottis"][:, :, 1].min(1)).max() < 1e-4
    assert (parts["tongue"][:, :, 0].max(1) - parts["tongue"][:, -1, 0]).max() < 0.1
    assert (parts["upper_incisor"][:, :, 1].argmax(1) == 3).all()
    assert (parts["pharynx_wall"][:, :-1, 1] > parts["pharynx_wall"][:, 1:, 1]).all()


@pytest.mark.parametrize("speaker", SPEAKERS_DRAWN)
def test_points_of_the_tongue_are_evenly_spaced_along_it(speaker: str) -> None:
    for moment, points in zip(drawn(speaker)[2], stacked(speaker)["tongue"], strict=True):
        steps = np.hypot(*np.diff(points, axis=0).T)
        assert steps.max() < 1.05 * np.median(steps)
        assert length(points) == pytest.approx(length(moment.tongue[:32]), rel=0.01)
        apart = np.hypot(*np.moveaxis(moment.tongue[:32, None] - points, 2, 0))
        assert apart.min(1).max() < np.median(steps)


@given(st.lists(st.tuples(*[st.floats(-50, 50)] * 2), min_size=2, max_size=6), st.integers(1, 20), st.floats(-3.2, 3.2))
def test_resampling_keeps_ends_and_turns_with_the_outline(
    corners: list[tuple[float, float]], steps: int, angle: float
) -> None:
    outline = np.array(corners)
    points = resampled(outline, steps)
    assert points.shape == (steps + 1, 2)
    assert np.allclose(points[[0, -1]], outline[[0, -1]])
    assert length(points) <= length(outline) + 1e-6
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert np.allclose(resampled(outline @ turn, steps), points @ turn, atol=1e-6)


def test_outlines_of_another_engine_are_refused() -> None:
    moment = drawn("M1")[2][0]
    for other in (replace(moment, tongue=moment.tongue[:-1]), replace(moment, tongue=moment.tongue * np.nan)):
        with pytest.raises(BadInputError, match=r"tongue should be \(37, 2\)"):
            articulators(other)
        with pytest.raises(BadInputError, match=r"tongue should be \(37, 2\)"):
            tract_variables([other], np.zeros((1, 19)))
    for moments, states in (([], np.zeros((0, 19))), ([moment], np.zeros((2, 19))), ([moment], np.zeros((1, 11)))):
        with pytest.raises(BadInputError, match="one state of 19"):
            tract_variables(moments, states)


@pytest.mark.parametrize("speaker", SPEAKERS_DRAWN)
def test_closures_close_where_they_should(speaker: str) -> None:
    of = measured(speaker)
    assert of["ll-labial-closure(a)"]["LA"] == 0
    assert of["tt-alveolar-closure(a)"]["TTCD"] < CONTACT
    assert of["tt-retroflex-closure(a)"]["TTCD"] < CONTACT
    assert of["tb-velar-closure(a)"]["TBCD"] < CONTACT
    for vowel in "aiu":
        assert min(of[vowel]["LA"], of[vowel]["TTCD"], of[vowel]["TBCD"]) > 1.5, vowel
    assert of["a"]["TTCD"] > 8
    assert of["a"]["LA"] > 8 > of["u"]["LA"]
    assert of["u"]["LP"] > of["a"]["LP"] + 5
    assert of["a"]["JAW"] > of["i"]["JAW"]
    assert of["u"]["LX"] < of["a"]["LX"] < -50
    assert all(one["VEL"] == 0 for one in of.values())


@pytest.mark.parametrize("speaker", SPEAKERS_DRAWN)
def test_places_follow_each_other_along_the_wall(speaker: str) -> None:
    of = measured(speaker)
    places = [
        of["tt-alveolar-closure(a)"]["TTCL"],
        of["tt-retroflex-closure(a)"]["TTCL"],
        of["i"]["TBCL"],
        of["tb-velar-closure(a)"]["TBCL"],
        of["tb-uvular-fricative(a)"]["TBCL"],
        of["a"]["TBCL"],
    ]
    assert all(back > front + 1 for front, back in pairwise(places))


@pytest.mark.parametrize("speaker", SPEAKERS_DRAWN)
def test_the_lips_and_jaw_are_measured_as_brute_force_measures_them(speaker: str) -> None:
    names, _, moments = drawn(speaker)
    of = measured(speaker)
    for name, moment in zip(names, moments, strict=True):
        upper, lower = resampled(moment.upper[18:27], 3000), resampled(moment.lower[16:25], 3000)
        across = np.abs(upper[:, None, 0] - lower[None, :, 0]) < 0.02
        down = (lower[None, :, 1] - upper[:, None, 1])[across].min()
        assert of[name]["LA"] == pytest.approx(max(0.0, down), abs=0.15)


@pytest.mark.parametrize("speaker", SPEAKERS_DRAWN)
def test_degrees_are_the_distances_of_brute_force(speaker: str) -> None:
    names, _, moments = drawn(speaker)
    of = measured(speaker)
    for name, moment in zip(names, moments, strict=True):
        pharynx = resampled(moment.back_wall[2:], 3000)
        walls = {
            "TTCD": (moment.tongue[28:33], resampled(moment.upper[4:16], 3000)),
            "TBCD": (
                moment.tongue[5:26],
                np.concatenate([resampled(moment.upper[:16], 3000), pharynx[pharynx[:, 1] > moment.upper[0, 1]]]),
            ),
        }
        for variable, (tongue, wall) in walls.items():
            points = resampled(tongue, 400)
            nearest = np.hypot(*np.moveaxis(points[:, None] - wall, 2, 0)).min()
            assert of[name][variable] == pytest.approx(nearest, abs=0.1), (name, variable)


def test_moving_everything_changes_only_the_larynx() -> None:
    _, states, moments = drawn("M1")
    moved = [Contours.of([part + np.array([3.0, -5.0]) for part in moment.parts]) for moment in moments]
    change = tract_variables(moved, states) - tract_variables(moments, states)
    larynx = list(TRACT_VARIABLES).index("LX")
    assert change[:, larynx] == pytest.approx(np.full(9, 5.0), abs=1e-3)
    assert np.abs(np.delete(change, larynx, axis=1)).max() < 1e-3


@needs_engine
@pytest.mark.parametrize("name", ["M1", "M2", "F1", "A1", "W"])
def test_closures_and_places_hold_in_other_anatomies(name: str) -> None:
    shapes = shapes_of(SPEAKERS[name]).tract
    tips = [f"tt-{place}" for place in ("dental-fricative", "alveolar-closure", "postalveolar-closure")]
    bodies = [f"tb-{place}" for place in ("palatal-closure", "velar-closure", "uvular-fricative")]
    wanted = [f"{place}({vowel})" for vowel in CONTEXTS for place in (*tips, "tt-retroflex-closure", *bodies)]
    wanted += [f"ll-labial-closure({vowel})" for vowel in CONTEXTS]
    states = np.stack([shapes[shape] for shape in wanted])
    with Engine(SPEAKERS[name]) as engine:
        rows = tract_variables(engine.contours(states), states)
    of = {shape: dict(zip(TRACT_VARIABLES, row, strict=True)) for shape, row in zip(wanted, rows, strict=True)}
    for vowel in CONTEXTS:
        assert of[f"ll-labial-closure({vowel})"]["LA"] == 0
        for shape in wanted:
            if shape.endswith(f"closure({vowel})") and shape[0] == "t":
                assert of[shape]["TTCD" if shape.startswith("tt") else "TBCD"] < CONTACT, shape
        front = [of[f"{place}({vowel})"]["TTCL"] for place in (*tips, "tt-retroflex-closure")]
        assert front == sorted(front)
        back = [of[f"{place}({vowel})"]["TBCL"] for place in bodies]
        # Before i, the engine's velar closure is a palatal one.
        assert back[0] < back[1] + 3, vowel
        assert back[1] + 5 < back[2], vowel


@needs_engine
def test_an_articulation_moves_smoothly_and_opens_the_velum_for_nasals() -> None:
    said = tracks(utter("ja", "たま"), shapes_of(SPEAKERS["M1"]))
    with Engine(SPEAKERS["M1"]) as engine:
        moments = engine.contours(said.tract)
    values = dict(zip(TRACT_VARIABLES, tract_variables(moments, said.tract).T, strict=True))
    times = (np.arange(len(said.tract)) + 0.5) / said.rate
    during = {mark.symbol: (times >= mark.start) & (times < mark.end) for mark in said.marks}
    assert values["VEL"][during["m"]].max() > 0.3 > 0.01 > values["VEL"][during["t"]].max()
    assert values["LA"][during["m"]].min() == 0 < values["LA"][during["t"]].min()
    assert values["TTCD"][during["t"]].min() < CONTACT < values["TTCD"][during["m"]].min()
    assert said.tract[:, TRACT.index("VO")].min() < 0 <= values["VEL"].min()
    for name in ARTICULATORS:
        points = np.stack([articulators(moment)[name] for moment in moments])
        # 0.5 m/s is about as fast as a tongue's tip moves; the engine's underside of it may jump.
        if name != "tongue_underside":
            assert np.hypot(*np.moveaxis(np.diff(points, axis=0), 2, 0)).max() < 6, name
