"""Corpora: which one a folder is, and what each reader finds in it."""

from __future__ import annotations

import sqlite3
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from corpus_layouts import database, dicom, frames, movie_with_sound, recon, wav
from corpus_media import number_of, write_movie
from seido.corpus.formats import FORMATS, format_of, items_of, recordings_of
from seido.corpus.labels import labels_of
from seido.corpus.video import movie_frames, probe_movie
from seido.errors import BadInputError

SHARED = Path(__file__).resolve().parents[2] / "shared"
ROWS = [
    ("s1_4_mu1", 0.10, 0.15, "mu", "m", "s1", "4", 25, "ja"),
    ("s1_4_mu1", 0.15, 0.30, "mu", "u", "s1", "4", 25, "ja"),
    ("s2_4_mu1", 0.05, 0.25, "a", "a", "s2", "4", 14, "ja"),
]


def rtmridb(root, rows=ROWS):
    for name, rate in (("s1_4_mu1", 25), ("s2_4_mu1", 14)):
        movie_with_sound(root / "rtmridb_v1_mp4" / f"{name}.mp4", rate=rate)
    database(root / "rtMRIDB.sqlite3", rows)
    return root


def usc75(root, *, with_recon=True, **attributes):
    stem = "sub001_2drt_01_vcv1_r1"
    movie_with_sound(root / f"sub001/2drt/video/{stem}_video.mp4")
    wav(root / f"sub001/2drt/audio/{stem}_audio.wav")
    if with_recon:
        recon(root / f"sub001/2drt/recon/{stem}_recon.h5", frames(12), **attributes)
    return root


def usctimit(root):
    for stem in ("usctimit_mri_f1_001_005", "usctimit_mri_f1_006_010"):
        (root / "Data/F1/avi").mkdir(parents=True, exist_ok=True)
        write_movie(root / f"Data/F1/avi/{stem}.avi", frames(), Fraction(1159, 50), codec="mpeg4")
    wav(root / "Data/F1/wav/usctimit_mri_f1_001_005.wav")
    (root / "Data/F1/trans").mkdir()
    text = (
        "0.00,0.10,sil,sil,\n0.10,0.20,dh,this,This was easy\n0.20,0.30,ih,this,This was easy\n0.30,0.40,z,easy,x,1\n"
    )
    (root / "Data/F1/trans/usctimit_mri_f1_001_005.trans").write_text(text)
    return root


def artspeech(root):
    dicom(root / "P1/DCM_2D/S3", frames(20).astype(np.uint16) * 9)
    wav(root / "P1/OTHER/S3/DENOISED_SOUND_P1_S3.wav", 0.4)
    wav(root / "P1/OTHER/S3/SOUND_P1_S3.wav", 0.4)
    (root / "P1/OTHER/S3/TEXT_ALIGNMENT_P1_S3.trs").write_text("<Trans/>")
    wav(root / "P1/OTHER/S4/DENOISED_SOUND_P1_S4.wav", 0.4)
    return root


def scans(root):
    dicom(root / "anna/series1", frames().astype(np.uint16) * 9, FrameTime="40")
    wav(root / "anna/series1.wav")
    return root


def folder(root):
    movie_with_sound(root / "F1" / "a.mp4")
    return root


LAYOUTS = {
    "rtmridb": rtmridb, "usc75": usc75, "usctimit": usctimit, "artspeech": artspeech, "dicom": scans, "folder": folder,
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_corpus_is_recognised_by_what_lies_in_it(tmp_path, name):
    root = LAYOUTS[name](tmp_path)
    assert format_of(root).name == name
    found, _ = recordings_of(root)
    assert found
    assert recordings_of(root, name)[0] == found
    for recording in found:
        info = probe_movie(recording.movie, recording.rate)
        shown = list(movie_frames(recording.movie, rate=recording.rate))
        assert len(shown) == info.frames
        assert shown[0].shape == (info.height, info.width)
        assert [number_of(frame) for frame in shown] == list(range(info.frames))


def test_formats_can_be_named_and_are_listed(tmp_path):
    assert {one.name for one in FORMATS} == set(LAYOUTS)
    with pytest.raises(BadInputError, match="choose auto, rtmridb"):
        format_of(tmp_path, "nifti")
    with pytest.raises(BadInputError, match="there is no such folder"):
        recordings_of(tmp_path / "none")
    movie = movie_with_sound(tmp_path / "a.mp4")
    assert format_of(movie).name == "folder"
    with pytest.raises(BadInputError, match="not laid out as usc75"):
        format_of(movie, "usc75")


def test_corpora_are_read_lazily(tmp_path):
    rtmridb(tmp_path)
    first = next(iter(items_of(tmp_path)))
    assert first.name == "s1_4_mu1"


def test_rtmridb_tells_speakers_sessions_languages_and_phones(tmp_path):
    (one, other), passed = recordings_of(rtmridb(tmp_path))
    assert (one.speaker, one.session, one.language, one.name) == ("s1", "4", "ja", "s1_4_mu1")
    assert passed == []
    grid = labels_of(one)
    assert [(i.start, i.end, i.text) for i in grid.tier("phones").intervals] == [(0.10, 0.15, "m"), (0.15, 0.30, "u")]
    assert [(i.start, i.end, i.text) for i in grid.tier("words").intervals] == [(0.10, 0.30, "mu")]
    assert probe_movie(other.movie).rate == 14


def test_the_table_may_name_movies_with_folder_and_ending(tmp_path):
    found, passed = recordings_of(rtmridb(tmp_path, [("D:\\mp4\\s1_4_mu1.MP4", *ROWS[0][1:7], "?", "Tokyo")]))
    assert passed == []
    assert (found[0].session, found[0].language) == ("4", "")
    assert labels_of(found[0]).seconds == 0.15


def test_rtmridb_without_movie_or_database(tmp_path):
    rtmridb(tmp_path, [*ROWS, ("s9_1_a", 0, 1, "", "a", "s9", "1", 14, None)])
    _, passed = recordings_of(tmp_path)
    assert "no movie of its s9_1_a" in passed[0]
    (tmp_path / "rtMRIDB.sqlite3").unlink()
    found, passed = recordings_of(tmp_path)
    assert [one.speaker for one in found] == ["s1", "s2"]
    assert "rtMRIDB.sqlite3 is not there" in passed[0]
    assert labels_of(found[0]) is None


@pytest.mark.parametrize("content", [b"SQLite format 3\0" + b"\xff" * 4096, b"no database at all" * 50, b""])
def test_a_damaged_database_gets_one_sentence_and_stops_nothing(tmp_path, content):
    rtmridb(tmp_path)
    (tmp_path / "rtMRIDB.sqlite3").write_bytes(content)
    found, passed = recordings_of(tmp_path)
    assert len(found) == 2
    assert len(passed) == 1
    assert "rtMRIDB.sqlite3" in passed[0]


def test_another_database_is_named_for_what_it_lacks(tmp_path):
    rtmridb(tmp_path)
    (tmp_path / "rtMRIDB.sqlite3").unlink()
    with sqlite3.connect(tmp_path / "rtMRIDB.sqlite3") as base:
        base.execute("CREATE TABLE rtmri (file, start)")
    base.close()
    assert "without the column 'end'" in recordings_of(tmp_path)[1][0]


def test_the_database_is_never_written(tmp_path):
    path = rtmridb(tmp_path) / "rtMRIDB.sqlite3"
    before = path.read_bytes()
    path.chmod(0o444)
    recordings_of(tmp_path)
    assert path.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["rtMRIDB.sqlite3", "rtmridb_v1_mp4"]


@pytest.mark.parametrize("first", [0, 1])
def test_times_in_frames_count_from_0_or_1(tmp_path, first):
    rows = [("s1_4_mu1", n + first, n + 1 + first, "w", str(n), "s1", "4", 25, "ja") for n in range(8)]
    grid = labels_of(recordings_of(rtmridb(tmp_path, rows))[0][0])
    starts = [interval.start for interval in grid.tier("phones").intervals]
    assert starts == pytest.approx([n / 25 for n in range(8)])


def test_usc75_prefers_the_reconstruction(tmp_path):
    (one,), passed = recordings_of(usc75(tmp_path))
    assert passed == []
    assert (one.name, one.speaker, one.language) == ("sub001_2drt_01_vcv1_r1", "sub001", "en")
    assert one.movie.name.endswith("_recon.h5")
    assert one.speech.name.endswith("_audio.wav")
    assert float(one.rate) == pytest.approx(83.28, abs=0.005)
    assert probe_movie(one.movie, one.rate).frames == 12
    assert recordings_of(tmp_path / "sub001")[0] == [one]


def test_usc75_takes_the_rate_a_reconstruction_states(tmp_path):
    (one,), _ = recordings_of(usc75(tmp_path, frame_rate="346/25"))
    assert one.rate is None
    assert probe_movie(one.movie).rate == Fraction(346, 25)


def test_usc75_falls_back_to_the_movie(tmp_path):
    path = usc75(tmp_path) / "sub001/2drt/recon/sub001_2drt_01_vcv1_r1_recon.h5"
    path.write_bytes(path.read_bytes()[:900])
    (one,), passed = recordings_of(tmp_path)
    assert one.movie.suffix == ".mp4"
    assert "damaged or cut off" in passed[0]
    assert "its movie is taken instead" in passed[0]


def test_usc75_without_its_wav_takes_the_movies_own_sound_and_names_extra_wavs(tmp_path):
    usc75(tmp_path, with_recon=False)
    audio = tmp_path / "sub001/2drt/audio/sub001_2drt_01_vcv1_r1_audio.wav"
    audio.rename(audio.with_name("sub001_2drt_09_other_r1_audio.wav"))
    (one,), passed = recordings_of(tmp_path)
    assert one.speech == one.movie
    assert len(passed) == 1
    assert "no movie of the same name" in passed[0]


def test_usctimit_passes_over_what_has_no_sound(tmp_path):
    (one,), passed = recordings_of(usctimit(tmp_path))
    assert (one.speaker, one.language, one.name) == ("F1", "en", "usctimit_mri_f1_001_005")
    assert probe_movie(one.movie).rate == Fraction(1159, 50)
    assert len(passed) == 1
    assert "usctimit_mri_f1_006_010" in passed[0]
    grid = labels_of(one)
    assert [i.text for i in grid.tier("words").intervals] == ["", "this", "easy"]
    assert [i.text for i in grid.tier("phones").intervals] == ["", "dh", "ih", "z"]


def test_avi_beside_wav_alone_may_be_anybodys(tmp_path):
    (tmp_path / "F1/avi").mkdir(parents=True)
    write_movie(tmp_path / "F1/avi/a.avi", frames(), 25, codec="mpeg4")
    wav(tmp_path / "F1/wav/a.wav")
    assert format_of(tmp_path).name == "folder"
    (one,), _ = recordings_of(tmp_path)
    assert (one.speaker, one.language) == ("F1", "")
    with pytest.raises(BadInputError, match="not laid out as usctimit"):
        recordings_of(tmp_path, "usctimit")


def test_artspeech_finds_the_rate_in_the_lengths(tmp_path):
    (one,), passed = recordings_of(artspeech(tmp_path))
    assert (one.name, one.speaker, one.session, one.language) == ("P1_S3", "P1", "S3", "fr")
    assert one.rate == 50
    assert one.speech.name.startswith("DENOISED")
    assert one.labels.suffix == ".trs"
    assert any("S4" in sentence and "no series" in sentence for sentence in passed)


def test_a_phantom_is_read_as_what_it_is_and_its_truth_left_alone(tmp_path):
    rtmridb(tmp_path)
    (tmp_path / "corpus.json").write_text('{"phantom": 1}')
    movie_with_sound(tmp_path / "truth" / "s1_4_mu1" / "pictures.mkv")
    wav(tmp_path / "truth" / "s1_4_mu1" / "speech.wav")
    assert format_of(tmp_path).name == "rtmridb"
    assert len(recordings_of(tmp_path)[0]) == 2
    found, _ = recordings_of(tmp_path, "folder")
    assert not [one for one in found if "truth" in one.movie.parts]


def test_stacks_and_labels_in_any_folder(tmp_path):
    np.savez(tmp_path / "take.npz", frames=frames().astype(np.uint16) * 9, rate="15.5")
    wav(tmp_path / "take.wav")
    (tmp_path / "take.TextGrid").write_text("")
    (one,), passed = recordings_of(tmp_path)
    assert passed == []
    assert one.labels == tmp_path / "take.TextGrid"
    assert probe_movie(one.movie).rate == Fraction(31, 2)


def test_a_users_corrections_count_more_than_headers(tmp_path):
    rtmridb(tmp_path)
    (tmp_path / "seido.toml").write_text('[rate]\n"s2_*" = "13.84"\n')
    one, other = recordings_of(tmp_path)[0]
    assert one.rate is None
    assert probe_movie(other.movie, other.rate).rate == Fraction(346, 25)
    (tmp_path / "seido.toml").write_text('[rate]\n"s2_*" = "fast"\n')
    with pytest.raises(BadInputError, match=r"seido\.toml: 'fast' is not a frame rate"):
        recordings_of(tmp_path)
    (tmp_path / "seido.toml").write_text("rate = 3")
    with pytest.raises(BadInputError, match="below \\[rate\\]"):
        recordings_of(tmp_path)


@pytest.mark.parametrize(
    ("place", "name", "count", "passed"),
    [
        ("usc75", "usc75", 1, 0),
        ("usctimit", "usctimit", 0, 4),
        ("usc_test", "folder", 0, 1),
        ("prisma", "folder", 0, 1),
    ],
)
def test_real_samples(place, name, count, passed):
    root = SHARED / "real" / place
    if not root.is_dir():
        pytest.skip("the samples are not here")
    found, sentences = recordings_of(root)
    assert (format_of(root).name, len(found), len(sentences)) == (name, count, passed)


def test_usc75_without_h5py_takes_the_movies_and_says_so_once(tmp_path, monkeypatch):
    usc75(tmp_path)
    movie_with_sound(tmp_path / "sub002/2drt/video/sub002_2drt_01_vcv1_r1_video.mp4")
    recon(tmp_path / "sub002/2drt/recon/sub002_2drt_01_vcv1_r1_recon.h5", frames(12))
    monkeypatch.setattr("seido.corpus.usc75.find_spec", lambda _: None)
    found, passed = recordings_of(tmp_path)
    assert [one.movie.suffix for one in found] == [".mp4", ".mp4"]
    assert len(passed) == 1
    assert "seido[corpora]" in passed[0]
