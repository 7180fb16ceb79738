from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seido.cli.compare import compare_verb
from seido.corpus.video import probe_movie
from seido.errors import BadInputError, OutputError, SeidoError
from seido.movie.writer import Sound, write_movie
from seido.report.compare import CompareOptions, compare_movies
from seido.scores.compare import as_json, compare
from seido.values import Movie

RATE = Fraction(25)
SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "samples"
MEASURES = {
    "frames", "ssim", "nmse", "motion_correlation", "motion_amplitude", "lag_ms", "skill_over_mean", "skill_over_first",
}  # fmt: skip


def frames(count: int = 40, size: int = 48, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    centre = size / 2 + 6 * np.sin(np.arange(count) / 4) + 4 * np.sin(np.arange(count) / 2.3)
    disc = (y - centre[:, None, None]) ** 2 + (x - 20) ** 2 < 80
    return (generator.integers(20, 60, (size, size)) + 150 * disc).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    true = frames()
    written = {
        "true": (true, RATE),
        "late": (np.concatenate([true[:1], true[:-1]]), RATE),
        "fast": (true.repeat(2, axis=0), Fraction(50)),
        "short": (true[:25], RATE),
        "small": (true[:, ::2, ::2], RATE),
        "even": (np.full_like(true, 90), RATE),
        "one": (true[:1], RATE),
        "thirty": (true, Fraction(30)),
    }
    for name, (movie, rate) in written.items():
        sound = Sound([np.zeros(16_000, np.float32)], 16_000) if name == "late" else None
        write_movie(tmp_path / f"{name}.mkv", list(movie), rate, sound, lossless=True)
    return tmp_path


def test_files_score_as_their_frames_do(folder: Path) -> None:
    found = compare_movies(folder / "true.mkv", folder / "late.mkv")
    true = frames()
    late = np.concatenate([true[:1], true[:-1]])
    assert found.table == compare(Movie(true, RATE), Movie(late, RATE), name="late.mkv")
    assert found.table[0].scores.lag_ms == pytest.approx(40, abs=3)
    assert (found.notes, found.files, str(found.region)) == ((), (), "0,0,48,48")
    assert not list(folder.glob("*.raw"))


def test_json_is_one_object_and_nothing_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compare_verb(folder / "true.mkv", folder / "late.mkv", json=True)
    found = json.loads(capsys.readouterr().out)
    for scores in (found, found["first_frame"], found["mean_frame"]):
        assert scores.keys() >= MEASURES
    assert found["lag_curve"]["0"] == pytest.approx(found["motion_correlation"], abs=1e-6)
    assert max(found["lag_curve"], key=found["lag_curve"].__getitem__) == "1"
    assert found["first_frame"]["lag_ms"] is None
    compare_verb(folder / "even.mkv", folder / "late.mkv", json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["nmse"] is found["motion_correlation"] is found["lag_ms"] is found["lag_curve"] is None
    assert found["notes"][0].endswith("even.mkv is one even grey: NMSE, which divides by its variance, is undefined")
    compare_verb(folder / "true.mkv", folder / "late.mkv")
    assert "| mean frame" in capsys.readouterr().out


def test_movies_are_made_to_fit_and_it_is_said(folder: Path) -> None:
    same = compare_movies(folder / "true.mkv", folder / "fast.mkv")
    assert same.table[0].scores.ssim == 1
    assert "50 frames/s and was retimed to the 25 of" in same.notes[0]
    short = compare_movies(folder / "true.mkv", folder / "short.mkv", CompareOptions(trim=True))
    assert (short.table[0].scores.frames, short.table[0].scores.ssim) == (24, 1)
    assert "only the first 25 frames were compared" in short.notes[0]
    resized = compare_movies(folder / "true.mkv", folder / "small.mkv", CompareOptions(size="24x24"))
    assert resized.picture == (24, 24)
    assert 0.6 < resized.table[0].scores.ssim < 1
    assert resized.notes == ("both movies were resized to 24 × 24 pixels",)
    part = compare_movies(folder / "true.mkv", folder / "late.mkv", CompareOptions(region="4,6,30,28"))
    true = frames()[:, 6:34, 4:34]
    late = np.concatenate([true[:1], true[:-1]])
    assert as_json(part.table) == as_json(compare(Movie(true, RATE), Movie(late, RATE)))


def test_a_movie_of_the_same_seconds_at_another_rate_needs_no_trimming(tmp_path: Path) -> None:
    true = frames()
    write_movie(tmp_path / "a.mkv", list(true), RATE, lossless=True)
    write_movie(tmp_path / "b.mkv", list(true[:37]), Fraction(1159, 50), lossless=True)
    found = compare_movies(tmp_path / "a.mkv", tmp_path / "b.mkv")
    assert found.table[0].scores.frames in {38, 39}


def test_the_talks_protocol_scores_its_box_of_the_enlarged_picture(folder: Path) -> None:
    found = compare_movies(folder / "true.mkv", folder / "late.mkv", CompareOptions(protocol="talk"))
    plain = compare_movies(folder / "true.mkv", folder / "late.mkv")
    assert (found.region.width, found.region.height, found.picture) == (400, 420, (1080, 1920))
    # Enlarged pictures are smooth: SSIM is higher than that of the pixels they came from.
    box = CompareOptions(region="11,14,18,19")
    assert (
        found.table[0].scores.ssim > compare_movies(folder / "true.mkv", folder / "late.mkv", box).table[0].scores.ssim
    )
    assert found.table[0].scores.lag_ms == pytest.approx(plain.table[0].scores.lag_ms, abs=2)
    chosen = CompareOptions(protocol="talk", region="700,300,200,100")
    assert str(compare_movies(folder / "true.mkv", folder / "late.mkv", chosen).region) == "700,300,200,100"


def test_out_holds_scores_movie_and_pictures(folder: Path) -> None:
    out = folder / "out"
    found = compare_movies(folder / "true.mkv", folder / "late.mkv", None, out)
    assert [path.name for path in found.files] == [
        "scores.json", "scores.csv", "scores.md", "side_by_side.mp4", "moments.png", "kymograph.png",
    ]  # fmt: skip
    assert {path.name for path in out.iterdir()} == {path.name for path in found.files}
    assert json.loads(found.files[0].read_text()) == json.loads(found.as_json())
    info = probe_movie(found.files[3])
    assert (info.frames, info.rate, info.sound) == (40, RATE, True)
    assert all(np.array(Image.open(path)).ndim == 2 for path in found.files[4:])


@pytest.mark.parametrize(
    ("generated", "options", "said"),
    [
        ("short", {}, r"true.mkv has 40 frames and \S+short.mkv 25; give --trim"),
        ("thirty", {}, r"true.mkv has 40 frames and \S+thirty.mkv 33 at 25 frames/s; give --trim"),
        ("small", {}, r"48 × 48 pixels and \S+small.mkv 24 × 24; give --size 48x48 to resize both"),
        ("late", {"region": "40,0,20,20"}, "region 40,0,20,20 reaches outside the movies' frame, which is 48 × 48"),
        ("late", {"protocol": "talk", "region": "0,0,400,420"}, "leaves the movie, which fills 420,0,1080,1080"),
        ("late", {"region": "0,0,8,8"}, "SSIM's window is 11 pixels wide"),
        ("one", {"trim": True}, "one.mkv: a movie of one frame has nothing to score"),
        ("missing", {}, "missing.mkv: there is no such file"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    folder: Path, generated: str, options: dict[str, object], said: str
) -> None:
    with pytest.raises(SeidoError, match=said) as refused:
        compare_movies(folder / "true.mkv", folder / f"{generated}.mkv", CompareOptions(**options))
    assert "\n" not in str(refused.value)


def test_bad_options_are_refused(folder: Path) -> None:
    for options in ({"region": "1,2"}, {"size": "big"}, {"protocol": "other"}):
        with pytest.raises(BadInputError):
            CompareOptions(**options)
    with pytest.raises(OutputError, match="this is a file; name a folder"):
        compare_movies(folder / "true.mkv", folder / "late.mkv", None, folder / "true.mkv")
    (folder / "text.mp4").write_text("no movie")
    with pytest.raises(BadInputError, match=r"text\.mp4"):
        compare_movies(folder / "true.mkv", folder / "text.mp4")


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample movies are not here")
def test_sample_movies_compare() -> None:
    true, other = SAMPLES / "M1_JD3_ja.mp4", SAMPLES / "F2_warpJD3_en.mp4"
    same = compare_movies(true, true).table[0].scores
    assert (same.ssim, same.nmse, same.skill_over_mean) == (1, 0, 1)
    wrong = compare_movies(true, other, CompareOptions(trim=True))
    scores = {row.predictor: row.scores for row in wrong.table}
    assert scores["generated"].ssim < scores["mean frame"].ssim
    assert abs(scores["generated"].motion_correlation) < 0.2
