"""The truth beside a phantom's recording: what is written is read again, and damage is named."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from seido.corpus.textgrid import Interval, TextGrid, Tier
from seido.errors import BadInputError, OutputError
from seido.phantom.tracks import Mark
from seido.phantom.tract_variables import TRACT_VARIABLES
from seido.phantom.truth import CONTOURS, LABELS, SECTIONS, TRUTH, VARIABLES, Truth, label_grid, read_truth, write_truth

RATE = Fraction(2717, 100)
MARKS = (
    Mark("_", 0.0, 0.2, 0),
    Mark("k", 0.2, 0.3, 1),
    Mark("a", 0.3, 0.45, 1),
    Mark("n", 0.45, 0.5, 2),
    Mark("_", 0.5, 0.9, 3),
)


def truth(frames: int = 20, seed: int = 0) -> Truth:
    random = np.random.default_rng(seed)

    def numbers(*shape: int) -> np.ndarray:
        return random.normal(scale=100, size=(frames, *shape)).astype(np.float32)

    return Truth(
        rate=RATE,
        articulators={"tongue": numbers(40, 2), "vocal_folds": numbers(2, 2)},
        tract_variables=numbers(len(TRACT_VARIABLES)),
        areas=numbers(SECTIONS),
        lengths=numbers(SECTIONS),
        labels=label_grid(MARKS, ["", "か", "ん", ""], float(frames / RATE)),
        facts={"speaker": "W", "text": "かん。", "seed": 3, "anatomy": {"oral_length": 0.84}},
    )


def same(one: Truth, other: Truth) -> bool:
    names = ("tract_variables", "areas", "lengths")
    return (
        (one.rate, one.facts, one.labels.filled()) == (other.rate, other.facts, other.labels.filled())
        and list(one.articulators) == list(other.articulators)
        and all(np.array_equal(one.articulators[name], other.articulators[name]) for name in one.articulators)
        and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)
    )


def test_a_truth_comes_back_bit_by_bit_and_writes_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a/b", "c", "c"):
        write_truth(tmp_path / folder, truth())
    again = read_truth(tmp_path / "a/b")
    assert same(again, truth())
    assert not same(again, truth(seed=1))
    assert len(again) == 20
    write_truth(tmp_path / "d", again)
    for name in (CONTOURS, VARIABLES, LABELS, TRUTH):
        assert len({(tmp_path / folder / name).read_bytes() for folder in ("a/b", "c", "d")}) == 1, name
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == sorted((CONTOURS, VARIABLES, LABELS, TRUTH))


def test_the_files_can_be_read_by_hand(tmp_path: Path) -> None:
    write_truth(tmp_path, truth())
    rows = list(csv.DictReader((tmp_path / VARIABLES).read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 20
    assert list(rows[0])[:3] == ["time (s)", "LA (mm)", "LP (mm)"]
    assert "VEL (cm²)" in rows[0]
    assert float(rows[3]["time (s)"]) == pytest.approx(3.5 / 27.17, abs=1e-6)
    assert np.float32(rows[3]["TTCL (mm)"]) == truth().tract_variables[3, 3]
    described = json.loads((tmp_path / TRUTH).read_text(encoding="utf-8"))
    assert described["frame_rate"] == "2717/100"
    assert described["articulators"] == {"tongue": 40, "vocal_folds": 2}
    assert described["facts"]["text"] == "かん。"
    assert list(described["tract_variables"]) == list(TRACT_VARIABLES)
    assert "0.5" in described["coordinates"]
    arrays = load_file(tmp_path / CONTOURS)
    assert np.array_equal(arrays["tongue"], truth().articulators["tongue"])
    assert arrays["tube_areas"].shape == arrays["tube_lengths"].shape == (20, SECTIONS)


@pytest.mark.parametrize("name", [CONTOURS, VARIABLES, LABELS, TRUTH])
def test_a_file_that_is_missing_or_damaged_is_named(tmp_path: Path, name: str) -> None:
    write_truth(tmp_path, truth())
    path = tmp_path / name
    whole = path.read_bytes()
    for data in (whole[: len(whole) // 2], b"nonsense", b"", whole[:-200]):
        path.write_bytes(data)
        with pytest.raises(BadInputError, match=name):
            read_truth(tmp_path)
    path.unlink()
    with pytest.raises(BadInputError, match=rf"{name}: there is no such file"):
        read_truth(tmp_path)


@given(st.binary(max_size=20), st.integers(0, 3), st.floats(0, 1))
def test_any_damage_is_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, which: int, share: float
) -> None:
    folder = tmp_path_factory.mktemp("truth")
    write_truth(folder, truth(frames=3))
    path = folder / (CONTOURS, VARIABLES, LABELS, TRUTH)[which]
    data = path.read_bytes()
    at = int(share * len(data))
    path.write_bytes(data[:at] + noise + data[at + 1 :])
    refused_or_read(folder)


def refused_or_read(folder: Path) -> Truth | None:
    """Read a truth, or nothing when it is refused by a sentence; any other error passes through."""
    try:
        return read_truth(folder)
    except BadInputError:
        return None


def test_files_of_two_takes_are_told_apart(tmp_path: Path) -> None:
    write_truth(tmp_path / "a", truth())
    write_truth(tmp_path / "b", truth(frames=25))
    for name, message in ((VARIABLES, "25 of 20 frames"), (CONTOURS, "do not belong"), (LABELS, "do not belong")):
        before = (tmp_path / "a" / name).read_bytes()
        (tmp_path / "a" / name).write_bytes((tmp_path / "b" / name).read_bytes())
        with pytest.raises(BadInputError, match=message):
            read_truth(tmp_path / "a")
        (tmp_path / "a" / name).write_bytes(before)
    described = json.loads((tmp_path / "a" / TRUTH).read_text(encoding="utf-8"))
    for change, message in (
        ({"version": 99}, "version 99"),
        ({"articulators": {"tail": 3}}, "tail is missing"),
        ({"frame_rate": "0"}, "out of range"),
        ({"facts": 3}, "damaged"),
    ):
        (tmp_path / "a" / TRUTH).write_text(json.dumps(described | change), encoding="utf-8")
        with pytest.raises(BadInputError, match=message):
            read_truth(tmp_path / "a")


def test_a_take_that_is_half_written_does_not_look_whole(tmp_path: Path) -> None:
    write_truth(tmp_path, truth())
    (tmp_path / LABELS).unlink()
    (tmp_path / LABELS).mkdir()
    with pytest.raises(OutputError, match=LABELS):
        write_truth(tmp_path, truth())
    assert not (tmp_path / TRUTH).exists()
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="file"):
        write_truth(tmp_path / "file", truth())


def test_a_truth_that_cannot_be_is_refused() -> None:
    one = truth()
    for change, message in (
        ({"areas": one.areas[:, :-1]}, r"areas should be float32 of shape \(20, 40\)"),
        ({"lengths": one.lengths.astype(float)}, "float64"),
        ({"tract_variables": one.tract_variables * np.nan}, "NaN"),
        ({"tract_variables": one.tract_variables[:0]}, "at least one frame"),
        ({"articulators": {"tongue": one.tract_variables}}, "outline of tongue"),
        ({"articulators": {"tube_areas": one.articulators["tongue"]}}, "cannot be called"),
        ({"labels": TextGrid(2.0, ())}, "differ by more than a frame"),
        ({"facts": {"a": object()}}, "JSON"),
        ({"facts": {"a": float("nan")}}, "JSON"),
        ({"rate": Fraction(0)}, "out of range"),
    ):
        with pytest.raises(BadInputError, match=message):
            replace(one, **change)


def test_labels_have_words_and_phones_and_empty_silence() -> None:
    assert label_grid(MARKS, ["", "か", "ん", ""], 0.8) == TextGrid(
        0.8,
        (
            Tier(
                "words",
                (Interval(0, 0.2, ""), Interval(0.2, 0.45, "か"), Interval(0.45, 0.5, "ん"), Interval(0.5, 0.8, "")),
            ),
            Tier(
                "phones",
                (
                    Interval(0, 0.2, ""),
                    Interval(0.2, 0.3, "k"),
                    Interval(0.3, 0.45, "a"),
                    Interval(0.45, 0.5, "n"),
                    Interval(0.5, 0.8, ""),
                ),
            ),
        ),
    )
    cut = label_grid(MARKS, ["", "か", "ん", ""], 0.4)
    assert [tier.end for tier in cut.tiers] == [0.4, 0.4]
    assert label_grid((), (), 1.0).filled().tiers[0].end == 1.0
    with pytest.raises(BadInputError, match="3 words"):
        label_grid(MARKS, ["", "か", "ん"], 0.8)
