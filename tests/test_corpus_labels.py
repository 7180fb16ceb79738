"""Words and phones from TextGrid, .trans and .trs, and contours from .mat and .pts."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_layouts import database
from seido.corpus.contours import contour_path, contours_of, read_points, read_track
from seido.corpus.formats import items_of
from seido.corpus.items import PassedOver
from seido.corpus.labels import labels_of, named_tiers, read_trans, read_trs
from seido.corpus.textgrid import Interval, TextGrid, Tier, write_textgrid
from seido.corpus.video import probe_movie
from seido.errors import BadInputError
from seido.values import Recording

SHARED = Path(__file__).resolve().parents[2] / "shared"
TRS = """<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE Trans SYSTEM "trans-14.dtd">
<Trans><Episode><Section type="report" startTime="0" endTime="4">
<Turn startTime="0" endTime="3"><Sync time="0"/>
<Sync time="0.5"/>
le chat \xe9tait <Event desc="b"/> l\xe0
<Sync time="2.5"/>

</Turn><Turn startTime="3" endTime="4"><Sync time="3"/> oui </Turn>
</Section></Episode></Trans>
"""


def texts(grid, name):
    return [(one.start, one.end, one.text) for one in grid.tier(name).intervals]


def take(path):
    return Recording("take", path.with_name("take.avi"), path.with_name("take.wav"), "F1", labels=path)


def tier(name, *words):
    return Tier(name, tuple(Interval(i, i + 1, text) for i, text in enumerate(words)))


@pytest.mark.parametrize(
    "names", [("words", "phones"), ("jane - words", "jane - phones"), ("ORT-MAU", "MAU"), ("MOTS", "PHONEMES")]
)
def test_tiers_are_known_by_their_names(tmp_path, names):
    grid = TextGrid(
        4, (tier("notes", "a", "b", "c", "d"), tier(names[0], "sil", "to"), tier(names[1], "<p:>", "t", "o"))
    )
    write_textgrid(tmp_path / "a.TextGrid", grid)
    found = labels_of(take(tmp_path / "a.TextGrid"))
    assert [one.text for one in found.tier("words").intervals] == ["", "to", ""]
    assert [one.text for one in found.tier("phones").intervals] == ["", "t", "o", ""]
    assert [one.text for one in found.tier("notes").intervals] == ["a", "b", "c", "d"]


def test_tiers_without_such_names_are_known_by_what_is_in_them():
    found = named_tiers(TextGrid(6, (tier("one", "hello", "there"), tier("two", "h", "e", "l", "o", "dh", "e"))))
    assert [one.name for one in found.tiers] == ["words", "phones"]
    assert [one.name for one in named_tiers(TextGrid(6, (tier("x", "h", "e", "l"),))).tiers] == ["phones"]
    assert [one.name for one in named_tiers(TextGrid(6, (tier("x", "hello", "there"),))).tiers] == ["x"]


def test_trans_of_usc_timit(tmp_path):
    (tmp_path / "a.trans").write_bytes(
        b"start,end,phone,word,sentence,idx\n0,0.1,sil,sil,,\r\n0.1,0.2,w,was,Was \xe9t\xe9,1\n\n"
        b"0.2,0.3,aa,was,Was,1\n0.3,0.35,z,was,Was,1\n0.5,0.6,w,was,Was,2\n"
    )
    grid = read_trans(tmp_path / "a.trans")
    assert texts(grid, "phones")[:3] == [(0, 0.1, ""), (0.1, 0.2, "w"), (0.2, 0.3, "aa")]
    assert texts(grid, "words") == [(0, 0.1, ""), (0.1, 0.35, "was"), (0.5, 0.6, "was")]
    assert grid.seconds == 0.6


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("0,1,a\nx,2,b\n", "line 2: it should be start,end,phone,word"),
        ("0,1,a\n5,2,b\n", "line 2: a phone cannot last from 5.0 s to 2.0 s"),
        ("0,1,a\n1,inf,b\n", "line 2: a phone cannot last"),
        ("start,end,phone\n", "nothing in it that was said"),
    ],
)
def test_damaged_trans(tmp_path, content, reason):
    (tmp_path / "a.trans").write_text(content)
    with pytest.raises(BadInputError, match=reason):
        labels_of(take(tmp_path / "a.trans"))


def test_trs_of_transcriber(tmp_path):
    (tmp_path / "a.trs").write_bytes(TRS.encode("latin-1"))
    assert texts(read_trs(tmp_path / "a.trs"), "sentences") == [
        (0, 0.5, ""), (0.5, 2.5, "le chat était là"), (2.5, 3, ""), (3, 4, "oui"),
    ]  # fmt: skip


@pytest.mark.parametrize("content", ["<Trans>", "no xml", "<Trans><Turn startTime='x' endTime='2'/></Trans>"])
def test_damaged_trs(tmp_path, content):
    (tmp_path / "a.trs").write_text(content)
    with pytest.raises(BadInputError, match="no Transcriber file, or a damaged one"):
        read_trs(tmp_path / "a.trs")


def test_labels_of_an_unknown_kind(tmp_path):
    (tmp_path / "a.eaf").write_text("x")
    with pytest.raises(BadInputError, match="labels of this kind are not known"):
        labels_of(take(tmp_path / "a.eaf"))
    assert labels_of(replace(take(tmp_path / "a"), labels=None)) is None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0.01, 3), st.sampled_from("abc")), min_size=1, max_size=30))
def test_rows_that_overlap_become_a_tier_in_order(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("base")
    tokens = [("take", start, start + length, "w", phone, "F1", "1", None, "ja") for start, length, phone in rows]
    path = database(folder / "a.sqlite3", tokens)
    grid = labels_of(take(path))
    intervals = grid.tier("phones").intervals
    assert all(one.end <= other.start for one, other in pairwise(intervals))
    assert grid.seconds <= max(start + length for start, length, _ in rows)
    begins = {start for start, _, _ in rows}
    assert {one.start for one in intervals} <= begins


def write_track(path, frames=5):
    savemat = pytest.importorskip("scipy.io").savemat

    line = np.arange(8.0).reshape(4, 2)
    segments = np.array([{"v": line + number, "i": 1.0} for number in range(2)], object)
    data = np.array([{"contours": {"segment": segments}, "frameNo": number} for number in range(frames)], object)
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"trackdata": data})
    return path


def test_contours_of_usc_tracks(tmp_path):
    (tmp_path / "avi").mkdir()
    recording = Recording("a", tmp_path / "avi/a.avi", tmp_path / "wav/a.wav", "F1")
    assert contour_path(recording) is None
    assert contours_of(recording) is None
    write_track(tmp_path / "tracks/A_track.mat")
    found = contours_of(recording, frames=5)
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert list(found[0]) == ["contours.segment1.v", "contours.segment2.v"]
    assert np.array_equal(found[3]["contours.segment2.v"], np.arange(8.0).reshape(4, 2) + 1)
    with pytest.raises(BadInputError, match="it has 5 frames, the movie 4"):
        contours_of(recording, frames=4)


def test_damaged_tracks(tmp_path):
    path = write_track(tmp_path / "a.mat")
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(BadInputError, match="no MATLAB file, or a damaged one"):
        read_track(path)
    path.write_bytes(b"MATLAB 5.0" * 40)
    with pytest.raises(BadInputError, match="no MATLAB file, or a damaged one"):
        read_track(path)


@pytest.mark.parametrize(("ids", "frames", "first"), [((0, 3), 4, 0), ((1, 4), 4, 1), ((2, 3), 4, 1)])
def test_landmarks_count_frames_from_0_or_1(tmp_path, ids, frames, first):
    folder = tmp_path / "pts/001_005"
    folder.mkdir(parents=True)
    for number in ids:
        (folder / f"{number:03d}.pts").write_text(f"version: 1\nn_points: 2\n{{\n1.5 2\n{number} 4e1\n}}\n")
    recording = Recording("a", tmp_path / "001_005.avi", tmp_path / "001_005.wav", "F1")
    found = contours_of(recording, frames)
    assert sorted(found) == [number - first for number in ids]
    assert found[ids[1] - first]["points"].tolist() == [[1.5, 2], [ids[1], 40]]


def test_points_that_are_cut_off(tmp_path):
    (tmp_path / "1.pts").write_text("n_points: 3\n{\n1 2\n")
    with pytest.raises(BadInputError, match="promises 3 points and holds 1"):
        read_points(tmp_path / "1.pts")
    (tmp_path / "1.pts").write_text("hello")
    with pytest.raises(BadInputError, match="no points in it"):
        read_points(tmp_path / "1.pts")


def test_real_contours():
    root = SHARED / "real" / "usctimit"
    if not root.is_dir():
        pytest.skip("the samples are not here")
    pytest.importorskip("scipy")
    silent = [item.silent for item in items_of(root) if isinstance(item, PassedOver)]
    for recording in silent:
        frames = probe_movie(recording.movie).frames
        found = contours_of(recording, frames)
        assert len(found) == frames
        assert {"contour1", "contour2", "contour3"} <= set(found[0])
