"""The phantom's engine: anatomies, its process, closures, formants and outlines."""

from __future__ import annotations

import importlib.util
import io
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seido.errors import BadInputError, MissingExtraError, SeidoError
from seido.phantom import anatomy as anatomies
from seido.phantom.anatomy import SPEAKERS, Anatomy, parameter_factors, speaker, speaker_xml
from seido.phantom.contours import Contours, parse_drawing
from seido.phantom.engine import SECTIONS, Engine, shapes_of
from seido.phantom.shapes import CLOSED, GLOTTIS, HISS, TRACT, Shapes, is_closure, is_fricative, tuned, with_derived
from seido.phantom.wire import receive, send

needs_engine = pytest.mark.skipif(
    importlib.util.find_spec(anatomies.ENGINE) is None, reason="needs the phantom's engine"
)


def narrowest(engine: Engine, target: NDArray[np.float64]) -> float:
    areas, lengths = engine.tube(target)
    ends = np.cumsum(lengths)
    return float(areas[ends > 0.45 * ends[-1]].min())


def spoken(engine: Engine, shapes: Shapes, vowel: str) -> NDArray[np.float32]:
    """Half a second of a vowel at 60 Hz, where harmonics lie close enough to show the formants."""
    voice = shapes.glottis["modal"].copy()
    voice[GLOTTIS.index("F0")] = 60
    return engine.synthesise(np.tile(shapes.tract[vowel], (50, 1)), np.tile(voice, (50, 1)), 100).samples


def formants(samples: NDArray[np.float32]) -> list[float]:
    """The lowest two resonances under 5 kHz by linear prediction of the middle (autocorrelation, order 12)."""
    sound = samples.astype(float)[8820:17640]
    low = np.fft.rfft(sound * np.hanning(len(sound)))
    power = np.abs(low[: int(5000 * len(sound) / 44100)]) ** 2
    power *= 1 + (np.arange(len(power)) * 5000 / len(power) / 200) ** 2  # lift the voice's fall of 6 dB/octave
    correlation = np.fft.irfft(power)[:13]
    matrix = correlation[np.abs(np.subtract.outer(range(12), range(12)))]
    roots = np.roots(np.concatenate([[1.0], -np.linalg.solve(matrix, correlation[1:])]))
    roots = roots[(roots.imag > 0) & (np.abs(roots) > 0.9)]
    return sorted(np.angle(roots) * 5000 / np.pi)[:2]


def test_there_are_sixteen_speakers_and_a_stranger_outside_their_hull() -> None:
    labels = [SPEAKERS[name].label for name in SPEAKERS]
    assert [labels.count(label) for label in ("man", "woman", "adolescent", "stranger")] == [6, 6, 4, 1]
    others = [one for name, one in SPEAKERS.items() if name != "W"]
    assert SPEAKERS["W"].oral_length < min(one.oral_length for one in others)
    assert SPEAKERS["W"].palate_dome > max(one.palate_dome for one in others)
    assert len({one.seed for one in SPEAKERS.values()}) == 17


@pytest.mark.parametrize(
    "wrong", [{"oral_length": 0.7}, {"palate_dome": 1.3}, {"f0": float("nan")}, {"pharynx_length": 1.1}, {"seed": -1}]
)
def test_an_anatomy_beyond_the_safe_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInputError, match="speaker X"):
        Anatomy("X", **wrong)  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="M1, M2"):
        speaker("nobody")


@needs_engine
def test_the_average_anatomy_leaves_the_engines_speaker_as_it_is() -> None:
    import xml.etree.ElementTree as ET

    ours = ET.fromstring(speaker_xml(Anatomy("X")))  # noqa: S314
    theirs = ET.fromstring(anatomies.engine_speaker_file().read_text())  # noqa: S314
    for mine, original in zip(ours.iter(), theirs.iter(), strict=True):
        assert mine.tag == original.tag
        for name, value in original.attrib.items():
            if mine.attrib[name] != value:
                same = [float(part) for part in mine.attrib[name].split()]
                assert same == pytest.approx([float(part) for part in value.split()], abs=1e-4)


@needs_engine
def test_every_shape_keeps_its_place_in_the_range_of_each_parameter() -> None:
    import xml.etree.ElementTree as ET

    def places(xml: str) -> dict[tuple[str, str], float]:
        root = ET.fromstring(xml)  # noqa: S314
        spans = {
            p.get("name"): (float(p.get("min", 0)), float(p.get("max", 0)))
            for p in root.iterfind("vocal_tract_model/anatomy/param")
        }
        out = {}
        for shape in root.iterfind("vocal_tract_model/shapes/shape"):
            for p in shape.iterfind("param"):
                low, high = spans[p.get("name")]
                out[shape.get("name", ""), p.get("name", "")] = (float(p.get("value", 0)) - low) / (high - low)
        return out

    assert set(parameter_factors(SPEAKERS["W"])) <= set(TRACT)
    old, new = places(speaker_xml(Anatomy("X"))), places(speaker_xml(SPEAKERS["W"]))
    assert old.keys() == new.keys()
    assert max(abs(old[key] - new[key]) for key in old) < 2e-3


@given(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=3),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=3),
)
def test_messages_arrive_as_they_were_sent(words: dict[str, int | str], shapes: list[tuple[int, int]]) -> None:
    arrays = [np.arange(rows * columns, dtype=float).reshape(rows, columns) for rows, columns in shapes]
    stream = io.BytesIO()
    send(stream, words, arrays)
    data = stream.getvalue()
    got, numbers = receive(io.BytesIO(data))
    assert got == words
    assert all(np.array_equal(a, b) and a.shape == b.shape for a, b in zip(arrays, numbers, strict=True))
    with pytest.raises(EOFError):
        receive(io.BytesIO(data[:-1]))


def test_tuning_closes_and_opens_until_the_area_is_right() -> None:
    tip, lips = TRACT.index("TTY"), TRACT.index("LD")

    def area(target: NDArray[np.float64]) -> float:
        return float(max(0.0001, min(1.5 - target[tip], 0.3 + target[lips])))

    start = np.zeros(len(TRACT))
    assert area(tuned("tt-alveolar-closure(a)", start, area)) <= CLOSED
    assert area(tuned("ll-labial-closure(a)", start, area)) <= CLOSED
    for height in (-1.0, 0.0, 3.0):
        start[tip], start[lips] = height, 3.0
        assert HISS[0] <= area(tuned("tt-alveolar-fricative(i)", start, area)) <= HISS[1]
    assert tuned("a", start, area) is start


def test_a_drawing_with_too_few_outlines_is_refused() -> None:
    with pytest.raises(BadInputError, match="8 outlines"):
        Contours.of(parse_drawing('<polyline points="1 2 3 4"/>'))


@needs_engine
@pytest.mark.parametrize("name", ["M1", "W"])
def test_closures_close_and_fricatives_hiss(name: str) -> None:
    shapes = shapes_of(SPEAKERS[name])
    assert set(with_derived(shapes.tract)) == set(shapes.tract)
    assert shapes_of(SPEAKERS[name]) is shapes
    with Engine(SPEAKERS[name]) as engine:
        for shape, target in shapes.tract.items():
            if is_closure(shape):
                assert narrowest(engine, target) <= CLOSED, shape
            if is_fricative(shape):
                assert HISS[0] - 0.01 <= narrowest(engine, target) <= HISS[1] + 0.01, shape


@needs_engine
def test_formants_are_jd3s_and_rise_as_the_tract_shortens() -> None:
    found = {}
    for name in ("M1", "F2"):
        shapes = shapes_of(SPEAKERS[name])
        with Engine(SPEAKERS[name]) as engine:
            for vowel in "ai":
                length = engine.tube(shapes.tract[vowel])[1].sum()
                found[name, vowel] = formants(spoken(engine, shapes, vowel)), length
    # JD3's published formants hold for a closed glottis; the open phases of a real voice raise those of /a/.
    assert found["M1", "a"][0] == pytest.approx([711, 1146], rel=0.18)
    assert found["M1", "i"][0][0] == pytest.approx(223, abs=80)
    assert found["M1", "i"][0][1] == pytest.approx(2192, rel=0.05)
    for vowel, which in (("a", 0), ("i", 1)):
        (low, long), (high, short) = found["M1", vowel], found["F2", vowel]
        assert short < 0.9 * long
        assert high[which] / low[which] == pytest.approx(long / short, rel=0.1)


@needs_engine
def test_outlines_are_named_and_lie_where_they_should() -> None:
    shapes = shapes_of(SPEAKERS["M1"])
    with Engine(SPEAKERS["M1"]) as engine:
        wide, shut = engine.contours(np.stack([shapes.tract["a"], shapes.tract["ll-labial-closure(a)"]]))
        areas, lengths = engine.tube(shapes.tract["a"])
        assert areas.shape == lengths.shape == (SECTIONS,)
        assert engine.shape("a") == pytest.approx(shapes.tract["a"])
        with pytest.raises(SeidoError, match="refused"):
            engine.shape("no such shape")
        assert 15 < engine.tube(shapes.tract["a"])[1].sum() < 17  # it still answers
    assert len(wide.parts) == 14
    assert wide.back_wall[:, 0].max() < wide.tongue[:, 0].max() < wide.upper[:, 0].max()  # face right
    assert wide.lower[-1, 1] - wide.upper[-1, 1] > shut.lower[-1, 1] - shut.upper[-1, 1]  # y down
    assert wide.larynx[:, 1].max() > 40


@needs_engine
def test_the_same_states_give_the_same_bytes_in_another_process() -> None:
    shapes = shapes_of(SPEAKERS["M1"])
    runs = []
    for _ in range(2):
        with Engine(SPEAKERS["M1"]) as engine:
            runs.append((spoken(engine, shapes, "a").tobytes(), engine.contours(shapes.tract["i"][None])[0]))
    assert runs[0][0] == runs[1][0]
    assert all(np.array_equal(a, b) for a, b in zip(runs[0][1].parts, runs[1][1].parts, strict=True))


@needs_engine
def test_a_killed_engine_says_so_and_does_not_hang() -> None:
    with Engine(SPEAKERS["F1"]) as engine:
        assert engine._process is not None
        engine._process.kill()
        begun = time.monotonic()
        with pytest.raises(SeidoError, match="speaker F1.*stopped"):
            engine.shape("a")
        assert time.monotonic() - begun < 20
    with pytest.raises(SeidoError, match="'with'"):
        engine.shape("a")


@needs_engine
def test_states_that_cannot_be_are_refused() -> None:
    with Engine(SPEAKERS["M1"]) as engine:
        good, voice = np.zeros((3, 19)), np.zeros((3, 11))
        with pytest.raises(BadInputError, match=r"\(n, 19\)"):
            engine.synthesise(voice, voice, 100)
        with pytest.raises(BadInputError, match="as many"):
            engine.synthesise(good, voice[:2], 100)
        with pytest.raises(BadInputError, match="divide"):
            engine.synthesise(good, voice, 99)
        with pytest.raises(BadInputError, match="finite"):
            engine.contours(good * np.nan)


def test_without_the_engine_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anatomies, "ENGINE", "an_engine_that_is_not_installed")
    with pytest.raises(MissingExtraError, match=r"seido\[phantom\]"), Engine(SPEAKERS["M1"]):
        pass


def test_speakers_differ() -> None:
    for one, other in pairwise(SPEAKERS.values()):
        assert (one.oral_length, one.pharynx_length, one.f0) != (other.oral_length, other.pharynx_length, other.f0)
