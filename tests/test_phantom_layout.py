"""Phantom corpora lie on disk as real ones do."""

import sqlite3
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from seido.corpus.folder import find_recordings
from seido.corpus.formats import recordings_of
from seido.corpus.video import probe_movie
from seido.phantom.layout import COLUMNS, DATABASE, MOVIES, layout
from seido.phantom.script import PhantomOptions, script
from seido.values import Movie, Speech

LINES = script(PhantomOptions(speakers=2, utterances=2, languages="ja", seconds=2, unseen="none"))
SPEAKERS = ["M1", "F1"]


def _take() -> tuple[Movie, Speech]:
    random = np.random.default_rng(0)
    frames = random.integers(0, 255, (9, 64, 64), np.uint8)
    return Movie(frames, Fraction(2717, 100)), Speech(random.normal(0, 0.1, 15_901).astype(np.float32), 48_000)


def test_the_rtmridb_layout_has_movies_with_sound_and_a_table_of_phones(tmp_path: Path) -> None:
    parts, (movie, speech) = layout("rtmridb"), _take()
    for line in LINES:
        parts.write(tmp_path / parts.place(line, SPEAKERS), movie, speech)
    tokens = [("a", "あ", 0.31, 0.42), ("m", "め", 0.42, 0.5)]
    parts.finish(tmp_path, [(line, tokens) for line in LINES])
    found, problems = find_recordings(tmp_path / MOVIES)
    assert not problems
    assert [recording.speaker for recording in found] == ["F1", "F1", "M1", "M1"]
    assert {probe_movie(recording.movie).rate for recording in found} == {Fraction(2717, 100)}
    with sqlite3.connect(tmp_path / DATABASE) as base:
        names = [row[1] for row in base.execute("PRAGMA table_info(rtmri)")]
        rows = base.execute("SELECT file, phoneme, start, end, subject, fps, gender, id FROM rtmri").fetchall()
    base.close()
    assert tuple(names) == COLUMNS
    assert rows[0] == ("M1_ja_001", "a", 0.31, 0.42, "M1", 27.17, "male", 1)
    assert rows[-1] == ("F1_ja_002", "m", 0.42, 0.5, "F1", 13.84, "female", 8)


def test_the_database_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        layout("rtmridb").finish(tmp_path / name, [(LINES[0], [("a", "あ", 0.1, 0.2)])])
    assert (tmp_path / "a" / DATABASE).read_bytes() == (tmp_path / "b" / DATABASE).read_bytes()


def test_the_75_speaker_layout_has_sound_movie_and_reconstruction(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    parts, (movie, speech) = layout("75speaker"), _take()
    stem = parts.place(LINES[2], SPEAKERS)
    assert stem == Path("sub002/2drt/sub002_2drt_01_ja_r1")
    parts.write(tmp_path / stem, movie, speech)
    folder = tmp_path / "sub002" / "2drt"
    found, problems = recordings_of(tmp_path)
    assert not problems
    assert found[0].language == "ja"
    assert found[0].movie.suffix == ".h5"
    assert found[0].speaker == "sub002"
    assert (folder / "video" / "sub002_2drt_01_ja_r1_video.mp4").exists()
    assert found[0].speech == folder / "audio" / "sub002_2drt_01_ja_r1_audio.wav"
    assert soundfile.info(found[0].speech).samplerate == 48_000
    with h5py.File(folder / "recon" / "sub002_2drt_01_ja_r1_recon.h5") as file:
        np.testing.assert_array_equal(file["recon"][:], movie.frames)
