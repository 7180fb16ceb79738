"""A small corpus is made in full: bytes, truth, resuming, and what cannot be done."""

import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from seido.cli import main
from seido.corpus.sound import read_speech
from seido.corpus.textgrid import read_textgrid
from seido.corpus.video import read_movie
from seido.errors import BadInputError, OutputError
from seido.phantom import produce as produce_module
from seido.phantom.anatomy import ENGINE
from seido.phantom.produce import CORPUS, PICTURES, SPEECH, TRUTH_FOLDER, cost, produce
from seido.phantom.script import PhantomOptions
from seido.phantom.truth import LABELS, TRUTH, read_truth

needs_engine = pytest.mark.skipif(find_spec(ENGINE) is None, reason="the extra phantom is not installed")
OPTIONS = PhantomOptions(speakers=2, utterances=1, languages="zh", seconds=1, unseen="none", seed=5)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("phantom") / "corpus"
    produce(root, OPTIONS, workers=2)
    return root


def _bytes(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@needs_engine
def test_movie_sound_and_truth_are_of_one_length_and_belong_together(made: Path) -> None:
    for name, rate in (("M1_zh_001", 27.17), ("F1_zh_001", 13.84)):
        movie = read_movie(made / "rtmridb_v1_mp4" / f"{name}.mp4")
        assert float(movie.rate) == rate
        assert movie.size == (256, 256)
        folder = made / TRUTH_FOLDER / name
        noiseless, truth = read_movie(folder / PICTURES), read_truth(folder)
        assert len(noiseless) == len(movie) == len(truth.tract_variables) == len(truth.areas)
        speech = read_speech(folder / SPEECH)
        assert abs(float(speech.seconds - movie.seconds)) < 0.001
        assert abs(read_textgrid(folder / LABELS).seconds - float(movie.seconds)) < 0.001
        assert truth.facts["speaker"] == name[:2]
        # Noise aside it is the same picture: where tissue shines in the one it shines in the other.
        shown, drawn = (np.asarray(one.frames, float).mean(0) for one in (movie, noiseless))
        shown = shown if shown.ndim == 2 else shown[..., 1]
        assert np.corrcoef(shown.ravel(), drawn.ravel())[0, 1] > 0.6


@needs_engine
def test_speech_is_loud_enough_and_noise_is_in_the_movie_only(made: Path) -> None:
    clean = read_speech(made / TRUTH_FOLDER / "M1_zh_001" / SPEECH).samples
    noisy = read_speech(made / "rtmridb_v1_mp4" / "M1_zh_001.mp4").samples
    assert 0.2 < np.abs(clean).max() <= 1
    quiet = slice(0, 2000)  # silence before the first word
    assert np.std(noisy[quiet]) > 20 * np.std(clean[quiet])


@needs_engine
def test_one_worker_makes_the_same_bytes_as_two_and_goes_on_where_it_was_killed(made: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(made, again)
    # As after a kill: one take without its truth, one file half-written, nothing at the end.
    (again / TRUTH_FOLDER / "F1_zh_001" / TRUTH).unlink()
    (again / "rtmridb_v1_mp4" / ".seido-F1_zh_001-x1y2.mp4").write_bytes(b"half")
    (again / "rtMRIDB.sqlite3").unlink()
    (again / "README.md").unlink()
    result = produce(again, OPTIONS, workers=1)
    assert result.found == 1
    assert _bytes(again) == _bytes(made)


@needs_engine
def test_a_folder_with_something_else_in_it_is_left_alone(made: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="other files"):
        produce(tmp_path, OPTIONS)
    with pytest.raises(OutputError, match="other options"):
        produce(made, replace(OPTIONS, seed=6))
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@needs_engine
def test_want_of_room_is_told_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(produce_module, "BYTES", 10**15)
    with pytest.raises(OutputError, match="are needed and"):
        produce(tmp_path / "corpus", OPTIONS)
    assert [path.name for path in (tmp_path / "corpus").iterdir()] == [CORPUS]


def test_no_workers_are_refused() -> None:
    with pytest.raises(BadInputError, match="workers"):
        cost(OPTIONS, 0)


def test_cost_is_foretold() -> None:
    foretold = cost(PhantomOptions(), 2)
    assert foretold.lines == 8 * 40 + 22
    assert 20 < foretold.minutes < 40


def test_the_verb_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phantom", str(tmp_path / "x"), "--languages", "ja,tlh"]) == 2
    assert "'tlh'" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@needs_engine
def test_the_verb_finds_a_finished_corpus_done(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--speakers=2", "--utterances=1", "--languages=zh", "--seconds=1", "--unseen=none", "--seed=5"]
    before = _bytes(made)
    assert main(["phantom", str(made), *words]) == 0
    assert "2 were there already" in capsys.readouterr().out
    assert _bytes(made) == before
