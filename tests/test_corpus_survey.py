"""`seido inspect`: what a corpus holds, and the traps that no error tells of."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from corpus_layouts import database, dicom, frames, movie_with_sound, wav
from corpus_media import write_movie, write_palettised
from seido.cli import main
from seido.corpus.survey import survey
from seido.corpus.traps import burst_seconds, unsettled_frames
from seido.values import MovieInfo, Recording

SHARED = Path(__file__).resolve().parents[2] / "shared"


def problem(root, words, **how):
    told = [one for one in survey(root, **how).problems if words in one]
    assert len(told) == 1, survey(root, **how).problems
    return told[0]


def clean(root, count=2, rate=25):
    for number in range(count):
        movie_with_sound(root / f"s{number}" / "a.mp4", count=20, rate=rate)
    return root


def test_a_clean_corpus_has_no_problems(tmp_path):
    found = survey(clean(tmp_path))
    assert found.problems == ()
    assert found.notes == ()
    assert [(row.speaker, row.frames, row.rate, row.sound_rate, row.channels) for row in found.rows] == [
        ("s0", 20, "25", 48_000, 1), ("s1", 20, "25", 48_000, 1),
    ]  # fmt: skip


def test_mixed_rates_are_noted_and_mixed_sizes_are_a_problem(tmp_path):
    clean(tmp_path)
    movie_with_sound(tmp_path / "s9" / "b.mp4", count=20, rate=Fraction(346, 25))
    found = survey(tmp_path)
    assert any("2 frame rates: 25 (2), 13.84 (1)" in note for note in found.notes)
    assert found.problems == ()
    movie_with_sound(tmp_path / "s9" / "c.mp4", pictures=frames(20, 64, 80))
    assert "72 × 48 (3), 80 × 64 (1)" in problem(tmp_path, "picture sizes")


def test_sound_and_picture_of_different_length(tmp_path):
    clean(tmp_path)
    wav(tmp_path / "s0" / "a.wav", 1.3)
    assert "the sound is 0.50 s longer than the picture" in problem(tmp_path, "longer")
    wav(tmp_path / "s0" / "a.wav", 0.5)
    assert "the picture is 0.30 s longer than the sound" in problem(tmp_path, "longer")


def test_a_wrong_header_rate_is_told_and_mended(tmp_path):
    clean(tmp_path, rate=Fraction(1359, 50))
    write_movie(tmp_path / "s1" / "wrong.avi", frames(40), 25, codec="mpeg4")
    wav(tmp_path / "s1" / "wrong.wav", 40 / 27.18)
    told = problem(tmp_path, "its header says 25 frames/s")
    assert 'write s1_wrong = "27.18" below [rate] in seido.toml' in told
    (tmp_path / "seido.toml").write_text('[rate]\ns1_wrong = "27.18"\n')
    assert survey(tmp_path).problems == ()


def test_the_databases_rate_tells_a_wrong_header(tmp_path):
    movie_with_sound(tmp_path / "rtmridb_v1_mp4/s1_1_a.mp4", count=60, rate=25, seconds=60 / 14)
    database(tmp_path / "rtMRIDB.sqlite3", [("s1_1_a", 0.1, 0.3, "a", "a", "s1", "1", 14, None)])
    assert 's1_1_a = "14"' in problem(tmp_path, "its header says 25 frames/s")


def test_frames_that_are_not_settled(tmp_path):
    bright = 1 + np.exp(-np.arange(60) / 4)
    pictures = np.clip(frames(60)[[5] * 60] * bright[:, None, None] * 0.45, 0, 255).astype(np.uint8)
    movie_with_sound(tmp_path / "a.mp4", pictures=pictures)
    told = problem(tmp_path, "not settled")
    assert "frame 0 is a bad reference" in told
    begin = int(told.rpartition("begin at frame ")[2].partition(",")[0])
    assert 8 <= begin <= 18


def test_speech_alone_unsettles_nothing():
    means = 100 + 5 * np.sin(np.arange(50))
    assert unsettled_frames(means) == 0
    means[0] = 130
    assert unsettled_frames(means) == 0, "one bright frame is no decay"
    means[:9] = 130
    assert unsettled_frames(means) >= 9
    assert unsettled_frames(np.full(3, 9.0)) == 0


def burst(seconds, rate=16_000, gain=1.0):
    rng = np.random.default_rng(0)
    samples = 0.02 * rng.standard_normal(6 * rate)
    for begin in range(rate, 6 * rate, rate):
        samples[begin : begin + rate // 2] += 0.1 * np.sin(np.arange(rate // 2) / 9)
    samples[: round(seconds * rate)] += gain * rng.uniform(-0.9, 0.9, round(seconds * rate))
    return samples.astype(np.float32)


@pytest.mark.parametrize("seconds", [0.3, 0.7, 1.0])
def test_a_leading_burst_of_scanner_noise(tmp_path, seconds):
    assert burst_seconds(burst(seconds), 16_000) == pytest.approx(seconds, abs=0.06)
    movie_with_sound(tmp_path / "a.mp4", count=150)
    wav(tmp_path / "a.wav", samples=burst(seconds))
    assert "burst of scanner noise" in problem(tmp_path, "burst")


def test_noise_that_goes_on_and_speech_at_once_are_no_bursts():
    assert burst_seconds(burst(6.0), 16_000) == 0
    assert burst_seconds(burst(0.5, gain=0.05), 16_000) == 0
    assert burst_seconds(burst(0.1)[:1000], 16_000) == 0


def test_missing_and_extra_wav_silent_sound_and_damaged_movies(tmp_path):
    clean(tmp_path)
    write_movie(tmp_path / "s0" / "mute.avi", frames(), codec="mpeg4")
    wav(tmp_path / "s1" / "alone.wav")
    movie_with_sound(tmp_path / "s1" / "quiet.mp4", count=20)
    wav(tmp_path / "s1" / "quiet.wav", samples=np.zeros(12_800, np.float32))
    cut = movie_with_sound(tmp_path / "s1" / "cut.mp4", count=20)
    cut.write_bytes(cut.read_bytes()[:900])
    found = survey(tmp_path)
    told = "\n".join(found.problems)
    for words in ("mute.avi: it has no sound", "alone.wav: there is no movie", "quiet: the first 0.8 s", "cut.mp4: "):
        assert words in told
    assert [row.usable for row in found.rows] == [True, False, True, True]


def test_labels_of_another_recording(tmp_path):
    clean(tmp_path, 1)
    (tmp_path / "s0" / "a.trans").write_text("0,0.2,a,a\n700,701,b,b\n")
    assert "its labels reach to 701.00 s, but it lasts 0.80 s" in problem(tmp_path, "labels")
    (tmp_path / "s0" / "a.trans").write_text("0,0.2,a,a\nso,what\n")
    assert "line 2" in problem(tmp_path, "a.trans")


def test_deep_pictures_and_palettised_avi(tmp_path):
    dicom(tmp_path / "d" / "s", frames().astype(np.uint16) * 99, FrameTime="40")
    wav(tmp_path / "d" / "s.wav")
    found = survey(tmp_path / "d")
    assert found.rows[0].depth == "uint16"
    assert any("99.7th percentile" in note for note in found.notes)
    (tmp_path / "p").mkdir()
    write_palettised(tmp_path / "p" / "a.avi", frames(), scale=1, rate=25)
    wav(tmp_path / "p" / "a.wav")
    assert [(row.width, row.height, row.frames) for row in survey(tmp_path / "p").rows] == [(72, 48, 10)]


def test_looks_go_round_the_speakers(tmp_path):
    from seido.corpus.survey import Probed
    from seido.corpus.traps import spread

    movie = tmp_path / "a.mp4"
    info = MovieInfo(movie, 1, 1, Fraction(25), 1, colour=False, sound=True)
    every = [Probed(Recording(f"{s}{n}", movie, movie, s), info, None) for s in "AB" for n in range(3)]
    assert [one.recording.name for one in spread(every, 3)] == ["A0", "B0", "A1"]
    assert len(spread(every, 99)) == 6


def test_inspect_prints_and_writes_json(tmp_path, capsys):
    clean(tmp_path)
    wav(tmp_path / "s1" / "alone.wav")
    assert main(["inspect", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for words in ("format folder, 2 recordings", "72 × 48 pixels", "frames/s: 25", "48000 Hz, mono", "alone.wav"):
        assert words in printed
    assert main(["inspect", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["format"], len(told["recordings"]), len(told["problems"])) == ("folder", 2, 1)
    assert told["recordings"][0]["rate"] == "25"
    assert main(["inspect", str(tmp_path / "none")]) == 2
    assert "there is no such folder" in capsys.readouterr().err


def test_inspect_shows_some_problems_and_all_when_asked(tmp_path, capsys):
    for number in range(30):
        wav(tmp_path / f"{number}.wav")
    main(["inspect", str(tmp_path)])
    assert "… and 10 more; --all shows them" in capsys.readouterr().out
    main(["inspect", str(tmp_path), "--all"])
    assert capsys.readouterr().out.count("there is no movie") == 30


def test_real_samples():
    real = SHARED / "real"
    if not real.is_dir():
        pytest.skip("the samples are not here")
    assert "frame 0 is a bad reference" in problem(real / "usc75", "not settled")
    timit = survey(real / "usctimit")
    assert [(row.rate, row.contours, row.usable) for row in timit.rows] == [("1159/50", True, False)] * 4
    assert len(timit.problems) == 4
    assert survey(real / "prisma").rows[0].depth == "uint16"
    assert survey(real / "usc_test").rows[0].frames == 562
    assert survey(real / "scanner_noise").rows == ()
