from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seido.corpus.textgrid import Interval, read_textgrid
from seido.errors import BadInputError, NotFiniteError, OutputError
from seido.scores.articulation_files import read_regions, write_closures, write_regions, write_series
from seido.scores.articulators import ArticulatorRegions, region_agreement, region_series, suggest_regions
from seido.scores.closures import Closure, closure_timing, closures
from seido.scores.phones import (
    CLASSES,
    Segment,
    frame_errors,
    phone_inventory,
    phone_rows,
    phone_segments,
    sound_of,
)
from seido.scores.series import agreement, correlation
from seido.values import Region

PHANTOM_PHONES = (
    "a b d dʑ dʒ e f g h i j k kʰ l m n o p pʰ s t ts tsʰ tɕ tɕʰ tʂ tʂʰ tʃ tʰ u v w x y z æ ç ð ŋ ɑ ɔ ɕ ə ɚ ɛ ɤ ɥ ɪ "
    "ɯ ɴ ɸ ɹ ɻ ɾ ɿ ʂ ʃ ʅ ʊ ʌ ʒ ʔ θ"
)


def waving(frames: int = 60, side: int = 48) -> NDArray[np.uint8]:
    """Make a bright disc that moves up and down in the dark."""
    y, x = np.mgrid[:side, :side]
    centre = side / 2 + side / 6 * np.sin(np.arange(frames) / 4)
    inside = np.hypot(y[None] - centre[:, None, None], x[None] - side / 2) < side / 4
    return np.where(inside, 200, 10).astype(np.uint8)


# series


def test_correlation_is_numpys() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 50))
    assert correlation(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-12)


@pytest.mark.parametrize("shift", [-4, -1, 0, 2, 5])
def test_the_lag_of_a_shifted_series_is_found(shift: int) -> None:
    smooth = np.convolve(np.random.default_rng(1).normal(size=140), np.hanning(9), "same")
    found = agreement(smooth[10:110], smooth[10 - shift : 110 - shift], 25).lag_ms
    assert found == pytest.approx(shift * 40, abs=4)


def test_a_constant_series_has_no_nan() -> None:
    moving, still = np.sin(np.arange(30.0)), np.ones(30)
    assert agreement(moving, still, 25)[2:] == (0.0, None)
    assert agreement(still, moving, 25)[2:] == (None, None)


def test_series_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadInputError, match="one length"):
        agreement(np.zeros(3), np.zeros(4), 25)
    with pytest.raises(NotFiniteError, match="NaN"):
        agreement(np.array([0.0, np.nan]), np.zeros(2), 25)


# regions


def test_regions_lie_in_the_frame_and_a_movie_agrees_with_itself() -> None:
    movie = waving()
    regions = suggest_regions(movie)
    assert {"lips", "tongue_tip", "tongue_body", "velum", "pharynx"} <= set(regions.names)
    for region in regions.regions.values():
        region.within(48, 48)
    for name, found in region_agreement(movie, movie, 25).items():
        assert found.rmse == 0, name
        assert found.correlation is None or found.correlation == pytest.approx(1)
    late = region_agreement(movie, np.concatenate([movie[:2], movie[:-2]]), 25, regions)
    assert late["tongue_body"].lag_ms == pytest.approx(80, abs=10)


def test_region_series_is_the_mean_brightness() -> None:
    movie = np.random.default_rng(0).random((3, 8, 10))
    series = region_series(movie, ArticulatorRegions({"a": Region(1, 2, 3, 4), "b": Region(0, 0, 10, 8)}))
    assert np.allclose(series[:, 0], movie[:, 2:6, 1:4].mean((1, 2)))
    assert np.allclose(series[:, 1], movie.mean((1, 2)))
    assert series.dtype == np.float64


def test_bad_regions_are_refused() -> None:
    with pytest.raises(BadInputError, match="region lips"):
        region_series(waving(), ArticulatorRegions({"lips": Region(40, 40, 20, 20)}))
    with pytest.raises(BadInputError, match="at least one"):
        ArticulatorRegions({})
    with pytest.raises(BadInputError, match="rename"):
        ArticulatorRegions({"upper lip": Region(0, 0, 1, 1)})
    with pytest.raises(BadInputError, match="nothing moves"):
        suggest_regions(np.zeros((9, 32, 32), np.uint8))
    with pytest.raises(BadInputError, match="one size and length"):
        region_agreement(waving(20), waving(21), 25)


# closures


def test_closures_with_hysteresis() -> None:
    aperture = np.array([3.0, 0.5, 1.5, 0.5, 3.0, 3.0, 1.2, 3.0])
    (found,) = closures(aperture, 10, 1, 2)
    assert (found.closes, found.opens) == pytest.approx((0.05 + 0.1 * 0.8, 0.35 + 0.1 * 0.6))


def test_closures_over_the_edges_have_no_time_there() -> None:
    assert closures(np.array([0.0, 3.0, 0.0]), 10, 1, 2)[0].closes is None
    assert closures(np.array([0.0, 3.0, 0.0]), 10, 1, 2)[1].opens is None
    assert closures(np.zeros(4), 10, 1, 2) == (Closure(None, None),)
    assert closures(np.full(4, 9.0), 10, 1, 2) == ()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 5), min_size=1, max_size=40))
def test_closures_are_in_order_and_match_themselves(values: list[float]) -> None:
    found = closures(np.array(values), 25, 1.0, 2.0)
    times = [time for one in found for time in (one.closes, one.opens) if time is not None]
    assert times == sorted(times)
    timing = closure_timing(found, found)
    assert not timing.missed
    assert not timing.false
    assert all(error == 0 for error in timing.errors_ms)


def test_missed_and_false_closures() -> None:
    timing = closure_timing([Closure(1, 1.1), Closure(3, 3.1)], [Closure(1.02, 1.14), Closure(5, 5.1)])
    assert timing.errors_ms == pytest.approx((20, 40))
    assert timing.median_error_ms == pytest.approx(30)
    assert (timing.missed, timing.false) == ((Closure(3, 3.1),), (Closure(5, 5.1),))
    assert closure_timing([], []).median_error_ms is None
    assert closure_timing([Closure(None, 0.4)], [Closure(0.1, None)]).matched


def test_bad_closures_are_refused() -> None:
    with pytest.raises(BadInputError, match="thresholds"):
        closures(np.zeros(3), 25, 2, 1)
    with pytest.raises(NotFiniteError, match="aperture"):
        closures(np.array([np.nan]), 25, 1, 2)
    with pytest.raises(BadInputError, match="cannot last"):
        Closure(2, 1)


# phones


def test_the_table_knows_every_phone_of_the_phantom() -> None:
    phones = PHANTOM_PHONES.split()
    assert len(phones) == 63
    assert not [phone for phone in phones if sound_of(phone).manner == "unknown"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("t`", "ʈ"), ("S", "ʃ"), ("ts\\", "tɕ"), ("t_h", "tʰ"), ("g", "ɡ"), ("A:", "ɑː"), ("s_j", "sʲ"), ("N\\", "ɴ")],
)
def test_xsampa_and_ipa_mean_the_same(one: str, other: str) -> None:
    assert sound_of(one) == sound_of(other) != ("unknown", "unknown")


def test_diacritics_and_diphthongs() -> None:
    assert sound_of("ɹ̩") == ("vowel", "apical")
    assert sound_of("ã") == CLASSES["a"]
    assert sound_of("aɪ") == ("vowel", "diphthong")
    assert sound_of("ǂ") == ("unknown", "unknown")


def test_rows_by_phone_manner_place_and_training() -> None:
    intervals = [Interval(0, 0.08, ""), Interval(0.08, 0.2, "p"), Interval(0.2, 0.28, "a"), Interval(0.28, 0.4, "p")]
    values = {"error": np.arange(10.0)}
    segments = phone_segments(values, intervals, 25)
    assert [(one.phone, one.frames, one.values["error"]) for one in segments] == [
        ("p", 3, 3.0),
        ("a", 2, 5.5),
        ("p", 3, 8.0),
    ]
    rows = {(row.grouping, row.group): row for row in phone_rows(segments, {"a"})}
    assert rows["phone", "p"].values == {"error": 5.5}
    assert rows["manner", "plosive"].phones == 2
    assert rows["place", "bilabial"].frames == 6
    assert rows["training", "absent"].values == {"error": 5.5}
    assert rows["training", "heard"].values == {"error": 5.5}
    assert not [row for row in phone_rows(segments) if row.grouping == "training"]
    assert phone_rows([]) == ()


def test_frame_0_is_not_scored_and_bad_values_are_refused() -> None:
    assert phone_segments({"e": np.ones(3)}, [Interval(0, 0.03, "a")], 25) == ()
    with pytest.raises(BadInputError, match="one length"):
        phone_segments({"e": np.ones(3), "f": np.ones(4)}, [], 25)
    with pytest.raises(NotFiniteError, match="NaN"):
        phone_segments({"e": np.array([np.nan])}, [], 25)
    with pytest.raises(BadInputError, match="one length and size"):
        frame_errors(waving(3), waving(4))


def test_frame_errors_are_means_over_pixels() -> None:
    x, y = np.random.default_rng(0).random((2, 5, 6, 7))
    found = frame_errors(x, y)
    assert np.allclose(found["squared_error"], np.square(x - y).mean((1, 2)))
    assert np.allclose(found["motion_error"][1:], np.square(np.diff(x, axis=0) - np.diff(y, axis=0)).mean((1, 2)))


def test_an_inventory_has_no_silence() -> None:
    tier = [Interval(0, 1, "sil"), Interval(1, 2, "k"), Interval(2, 3, "")]
    assert phone_inventory([tier]) == {"k"}
    assert isinstance(phone_rows([Segment("k", 1, {"e": 1.0})], phone_inventory([tier])), tuple)


# files


def test_regions_survive_a_file(tmp_path: Path) -> None:
    regions = suggest_regions(waving())
    path = tmp_path / "regions.toml"
    write_regions(path, regions)
    assert dict(read_regions(path).regions) == dict(regions.regions)
    for text in ("[other]\n", "not toml", "[regions]\nlips = 3\n", '[regions]\nlips = "1,2,3"\n'):
        path.write_text(text)
        with pytest.raises(BadInputError, match=str(path)):
            read_regions(path)


def test_a_csv_for_r_and_pandas(tmp_path: Path) -> None:
    import polars as pl

    path = tmp_path / "tract.csv"
    write_series(path, ["LA", "VEL"], np.array([[1.5, np.nan], [2.25, 3.0]]), Fraction(25))
    assert path.read_text() == "time_s,LA,VEL\n0.020000,1.5,\n0.060000,2.25,3\n"
    table = pl.read_csv(path)
    assert table["LA"].to_list() == [1.5, 2.25]
    assert table["VEL"].to_list() == [None, 3.0]
    assert len(list(csv.reader(path.read_text().splitlines()))) == 3
    with pytest.raises(BadInputError, match="columns"):
        write_series(path, ["LA"], np.zeros((2, 2)), 25)
    with pytest.raises(OutputError):
        write_series(tmp_path / "no" / "x.csv", ["LA"], np.zeros((2, 1)), 25)


def test_a_textgrid_for_praat(tmp_path: Path) -> None:
    from praatio import textgrid

    path = tmp_path / "closures.TextGrid"
    write_closures(path, {"LA true": [Closure(None, 0.5), Closure(1.0, None)], "LA generated": []}, 2.0)
    found = read_textgrid(path).tier("LA true")
    assert [(one.start, one.end) for one in found.intervals if one.text == "closed"] == [(0, 0.5), (1, 2)]  # type: ignore[union-attr]
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    assert grid.tierNames == ("LA true", "LA generated")
    assert [tuple(one) for one in grid.getTier("LA true").entries] == [(0, 0.5, "closed"), (1, 2, "closed")]
