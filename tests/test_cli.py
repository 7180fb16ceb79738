"""Every verb is really run, as a user would, and everything that can be wrong with its input is tried."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from seido.cli import main
from seido.cli.verbs import app
from seido.corpus.video import probe_movie
from seido.models.registry import DEFAULT
from seido.movie.heads import read_head

ROOT = Path(__file__).resolve().parents[1]
VERBS = sorted(name for name in app if not name.startswith("-") and name != "models")  # has verbs of its own


def seido(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "seido.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_verbs_are_those_we_know():
    assert VERBS == [
        "compare", "demo", "denoise", "evaluate", "experiment", "generate", "hear", "inspect", "join", "phantom",
        "prepare",
        "studio", "train",
    ]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_for_every_argument_and_stands_in_the_docs(verb, capsys):
    assert main([verb, "--help"]) == 0
    text = capsys.readouterr().out
    rows = re.findall(r"│ +(?:\* +)?(?:[A-Z]+ )?--\S+", text)
    assert rows
    assert not re.findall(r"│ +(?:\* +)?(?:[A-Z]+ )?--[a-z-]+(?: [A-Z]+)? *│", text), "an argument has no help"
    pages = "".join(path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    assert f"seido {verb}" in pages


def test_help_and_version(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in VERBS)
    assert main(["--version"]) == 0


@pytest.mark.parametrize(
    "arguments", [["genrate"], ["generate"], ["generate", "a", "b", "--ot", "c"], ["train", "--width", "x"]]
)
def test_commands_that_make_no_sense(arguments, capsys):
    assert main(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_generate_prepare_train_evaluate(tmp_path, slim_model, speech_file, movie_file):
    """The whole way, each verb in a process of its own."""
    out = tmp_path / "out.mp4"
    run = seido("generate", speech_file(1.0), movie_file(), "--out", out, "--model", slim_model)
    assert run.returncode == 0, run.stderr
    assert "25 frames at 25 per second" in run.stdout
    assert probe_movie(out).sound

    for name, frames in (("a", 60), ("b", 61)):
        movie_file(f"corpus/s1/s1_{name}.mp4", frames=frames)
    run = seido(
        "prepare",
        tmp_path / "corpus",
        tmp_path / "clips",
        "--seconds",
        0.5,
        "--split-by",
        "time",
        "--split",
        "60/20/20",
    )
    assert run.returncode == 0, run.stderr
    assert "10 clips (6 train, 2 validation, 2 test)" in run.stdout

    run = seido(
        "train",
        tmp_path / "clips",
        tmp_path / "run",
        "--width",
        "1/16",
        "--steps",
        6,
        "--validate-every",
        3,
        "--batch",
        4,
    )
    assert run.returncode == 0, run.stderr
    assert "step 6: training loss" in run.stdout
    run = seido(
        "train",
        tmp_path / "clips",
        tmp_path / "run",
        "--width",
        "1/16",
        "--steps",
        6,
        "--validate-every",
        3,
        "--batch",
        4,
    )
    assert run.returncode == 2
    assert "--resume" in run.stderr

    model = tmp_path / "run" / "best.safetensors"
    run = seido("evaluate", model, tmp_path / "clips", "--out", tmp_path / "scores")
    assert run.returncode == 0, run.stderr
    for row in ("run", "first frame", "mean frame", "bootstrap"):
        assert row in run.stdout
    suffixes = {path.suffix for path in (tmp_path / "scores").iterdir() if path.is_file()}
    assert suffixes == {".md", ".csv", ".json", ".html", ".mp4", ".png", ".TextGrid"}


def shown_by_a_demo(said: str, folder: Path) -> None:
    assert "phantom" in said
    assert "| generated" in said
    for row in ("first frame", "mean frame", "report.html"):
        assert row in said
    assert probe_movie(folder / "demo" / "generated.mp4").sound
    for word in said.split():
        if word.startswith(str(folder)):
            assert Path(word.rstrip(",")).exists()


def test_demo(tmp_path):
    run = seido("demo", tmp_path / "demo")
    assert run.returncode == 0, run.stderr
    assert not (tmp_path / "demo" / "model").exists(), "the bundled model needs no training"
    shown_by_a_demo(run.stdout, tmp_path)
    assert DEFAULT in run.stdout
    run = seido("demo", tmp_path / "demo", "--train", "--steps", 2)
    assert run.returncode == 0, "a demo replaces an earlier one"
    assert (tmp_path / "demo" / "model" / "best.safetensors").exists()
    shown_by_a_demo(run.stdout, tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not lose this")
    run = seido("demo", tmp_path / "mine")
    assert run.returncode == 2
    assert (tmp_path / "mine" / "thesis.txt").exists()


class Generate:
    """`seido generate` with one thing wrong at a time."""

    def __init__(self, folder: Path, speech: Path, frame: Path, model: Path) -> None:
        self.folder, self.parts = folder, {"speech": speech, "frame": frame, "model": model, "out": folder / "out.mp4"}

    def __call__(self, capsys, *options: object, **wrong: Path) -> tuple[int, str]:
        parts = {**self.parts, **wrong}
        before = set(self.folder.rglob("*"))
        named = ["--out", str(parts["out"]), "--model", str(parts["model"])]
        code = main(["generate", str(parts["speech"]), str(parts["frame"]), *named, *map(str, options)])
        said = capsys.readouterr()
        if code:
            assert set(self.folder.rglob("*")) == before, "something half-written was left"
            assert said.err.startswith("seido: "), said.err
            assert said.err.count("\n") == 1, f"not one sentence: {said.err}"
            assert "Traceback" not in said.err
        return code, said.err


@pytest.fixture
def generate(tmp_path, speech_file, tract, slim_model) -> Generate:
    frame = tmp_path / "frame.png"
    Image.fromarray(tract(1)[0]).save(frame)
    return Generate(tmp_path, speech_file(0.4), frame, slim_model)


def write_wav(path: Path, samples: np.ndarray, rate: int = 16_000, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


@pytest.mark.parametrize(
    ("rate", "channels", "subtype", "seconds"),
    [
        (16_000, 1, "PCM_U8", 0.5),
        (8_000, 1, "PCM_16", 0.5),
        (96_000, 1, "PCM_24", 0.5),
        (48_000, 6, "FLOAT", 0.5),
        (16_000, 1, "PCM_16", 0.1),
    ],
)
def test_unusual_speech_works(generate, capsys, voice, tmp_path, rate, channels, subtype, seconds):
    samples = np.repeat(voice(seconds, rate)[:, None], channels, axis=1)
    path = write_wav(tmp_path / "unusual.wav", samples, rate, subtype)
    code, said = generate(capsys, speech=path)
    assert code == 0, said
    assert probe_movie(tmp_path / "out.mp4").frames == int(np.ceil(seconds * 25))


def bad_speech(kind: str, folder: Path, voice) -> Path:
    path = folder / "bad.wav"
    match kind:
        case "missing":
            return folder / "none.wav"
        case "empty":
            path.touch()
        case "folder":
            path.mkdir()
        case "no samples":
            write_wav(path, np.zeros(0, np.float32))
        case "NaN":
            write_wav(path, np.full(16_000, np.nan, np.float32), subtype="FLOAT")
        case "text":
            path.write_text("this is no sound\n" * 50)
        case "cut off":
            write_wav(path, voice(2.0))
            path.write_bytes(path.read_bytes()[:20_000])
        case "picture":
            Image.new("L", (9, 9)).save(folder / "bad.png")
            return folder / "bad.png"
    return path


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing", "no such file"),
        ("empty", "empty"),
        ("folder", "folder"),
        ("no samples", "no samples"),
        ("NaN", "NaN"),
        ("text", "not"),
        ("cut off", "cut off"),
        ("picture", "sound"),
    ],
)
def test_speech_that_cannot_be_used(generate, capsys, voice, tmp_path, kind, said):
    path = bad_speech(kind, tmp_path, voice)
    code, error = generate(capsys, speech=path)
    assert code == 2
    assert path.name in error
    assert said in error


def test_silence_works_and_is_told(generate, capsys, tmp_path):
    code, said = generate(capsys, speech=write_wav(tmp_path / "mute.wav", np.zeros(16_000, np.float32)))
    assert code == 0
    assert "mute: nothing but silence" in said
    assert probe_movie(tmp_path / "out.mp4").frames == 25


def test_a_bundled_head_and_the_bundled_model(capsys, tmp_path, speech_file):
    out = tmp_path / "out.mp4"
    assert main(["generate", str(speech_file(0.4)), "woman", "--out", str(out)]) == 0
    assert capsys.readouterr().err == ""
    assert probe_movie(out).width == 128
    assert main(["generate", str(speech_file(0.4)), "womn", "--out", str(tmp_path / "no.mp4")]) == 2
    assert "adolescent" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["mirrored", "16-bit", "RGB", "another size", "no head"])
def test_first_frames_of_all_kinds_work(capsys, tmp_path, speech_file, kind):
    head = read_head("woman")
    shown, said = {
        "mirrored": (head[:, ::-1], "give --flip"),
        "16-bit": (head.astype(np.uint16) * 200, ""),
        "RGB": (np.stack([head, head, head // 2], axis=2), ""),
        "another size": (np.array(Image.fromarray(head).resize((84, 84))), ""),
        "no head": (np.zeros((64, 64), np.uint8), "no head"),
    }[kind]
    Image.fromarray(np.ascontiguousarray(shown)).save(tmp_path / "frame.png")
    code = main(["generate", str(speech_file(0.2)), str(tmp_path / "frame.png"), "--out", str(tmp_path / "out.mp4")])
    told = capsys.readouterr().err
    assert code == 0
    assert said in told
    assert told.count("\n") == bool(said)
    assert probe_movie(tmp_path / "out.mp4").height == shown.shape[0]


def bad_frame(kind: str, folder: Path) -> Path:
    path = folder / "bad.png"
    match kind:
        case "missing":
            return folder / "none.png"
        case "empty":
            path.touch()
        case "text":
            path.write_text("this is no picture\n" * 50)
        case "cut off":
            Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200), dtype=np.uint8)).save(path)
            path.write_bytes(path.read_bytes()[:9_000])
        case "sound":
            return write_wav(folder / "bad.wav", np.full(1600, 0.1, np.float32))
        case "shape":
            np.save(folder / "bad.npy", np.zeros(7, np.uint8))
            return folder / "bad.npy"
        case "NaN":
            np.save(folder / "bad.npy", np.full((20, 20), np.nan, np.float32))
            return folder / "bad.npy"
        case "objects":
            np.save(folder / "bad.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
            return folder / "bad.npy"
    return path


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "cut off", "sound", "shape", "NaN", "objects"])
def test_a_first_frame_that_is_none(generate, capsys, tmp_path, kind):
    path = bad_frame(kind, tmp_path)
    code, error = generate(capsys, frame=path)
    assert code == 2
    assert path.name in error


def test_a_silent_movie_has_no_speech(generate, capsys, movie_file):
    code, error = generate(capsys, speech=movie_file("mute.mp4", sound=False))
    assert code == 2
    assert "mute.mp4" in error
    assert "sound" in error


@pytest.mark.parametrize("region", ["40,40,20,20", "0,0,0,10", "5,5", "face"])
def test_regions_that_do_not_fit(generate, capsys, region):
    code, error = generate(capsys, "--region", region)
    assert code == 2
    assert "region" in error


def test_models_that_are_none(generate, capsys, tmp_path):
    page = tmp_path / "model.pth"
    page.write_text("<!DOCTYPE html><html><body>Sign in</body></html>")
    assert "HTML" in generate(capsys, model=page)[1] or "web page" in generate(capsys, model=page)[1]
    for model in (tmp_path / "none.pth", Path("no-such-model"), generate.parts["frame"], generate.parts["speech"]):
        code, error = generate(capsys, model=model)
        assert code == 2
        assert model.name in error


def test_places_that_cannot_be_written(generate, capsys, tmp_path):
    assert "does not exist" in generate(capsys, out=tmp_path / "no" / "out.mp4")[1]
    assert "folder" in generate(capsys, out=tmp_path)[1]
    assert ".mkv" in generate(capsys, "--lossless")[1]
    assert ".mp4" in generate(capsys, out=tmp_path / "out.doc")[1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(generate, capsys, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    assert "not allowed" in generate(capsys, out=closed / "out.mp4")[1]


def test_an_existing_movie_survives_a_failure(generate, capsys, tmp_path):
    out = tmp_path / "out.mp4"
    out.write_bytes(b"precious")
    assert generate(capsys, "--region", "40,40,20,20")[0] == 2
    assert out.read_bytes() == b"precious"


def bad_movie(kind: str, folder: Path, movie_file) -> Path:
    good = movie_file("good.mkv", frames=60, lossless=True)
    path = folder / "bad" / "s_bad.mkv"
    path.parent.mkdir()
    if kind == "cut off":
        path.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    elif kind == "no frames":
        shutil.copy(good, path)
        path.write_bytes(good.read_bytes()[:700])
    return path.parent


@pytest.mark.parametrize("kind", ["cut off", "no frames"])
def test_movies_that_cannot_be_prepared(capsys, tmp_path, movie_file, kind):
    folder = bad_movie(kind, tmp_path, movie_file)
    assert main(["prepare", str(folder), str(tmp_path / "clips")]) == 2
    error = capsys.readouterr().err
    assert "s_bad" in error
    assert error.count("\n") == 1
    assert not list((tmp_path / "clips").rglob("*.safetensors"))


def test_ctrl_c_leaves_no_half_movie(tmp_path, slim_model, speech_file, movie_file):
    out = tmp_path / "films"
    out.mkdir()
    command = [sys.executable, "-m", "seido.cli", "generate", str(speech_file(600.0)), str(movie_file())]
    command += ["--out", str(out / "long.mp4"), "--model", str(slim_model), "--engine", "torch"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(out.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(out.iterdir()), "writing began"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped" in error
    assert "Traceback" not in error
    assert not list(out.iterdir())
