"""Whole experiments on a few small clips: trained, scored, written up, broken off and gone on with."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from seido.cli import main
from seido.clips.store import open_clips, write_manifest
from seido.errors import BadInputError
from seido.report.experiment import training as experiment_training
from seido.report.experiment.conduct import ExperimentOptions, conduct
from seido.report.experiment.file import read_experiment
from seido.report.experiment.plan import chosen_clips, runs_of, trained_on
from seido.report.experiment.scoring import ClipJob, read_scores, score_all
from seido.report.experiment.training import read_state
from seido.scores.conditions import CONDITIONS, SEEN, UNSEEN
from training_clips import write_clips

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = """
seeds = [0]
[defaults]
model = "tract"
width = "1/8"
tract.size = 32
window = 4
batch = 2
steps = 4
warm_up = 1
validate_every = 2
validation_frames = 4
device = "cpu"
threads = 1
pictures = false
"""
TWO_ARMS = f"""title = "Two arms"
about = ["Squares, not people."]
scales = [1, 2]
{SMALL}
[arms.ours]
title = "the one that matters"
seeds = [0, 1]
[arms.slow]
learning_rate = 1e-6
[targets."seen speaker"]
ssim = 0.99
"""
KINDS = (("A", "ja"), ("B", "ja"), ("W", "ja"), ("W", "zh"), ("A", "zh"))


class KilledError(Exception):
    """What ends a call without warning."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    """Eight clips of three speakers to train on, one each to validate, and a test clip for every condition."""
    root = write_clips(tmp_path_factory.mktemp("corpus") / "clips", train=11, validation=4, side=48, frames=20)
    store, random = open_clips(root), np.random.default_rng(0)
    entries = []
    for number, entry in enumerate(store.entries):
        if number < 11:
            speaker, language = "ABC"[number % 3], "ja"
            split = "train" if number < 8 else "validation"
        else:
            speaker, language = KINDS[(number - 11) % len(KINDS)]
            split = "test"
        entries.append(replace(entry, speaker=speaker, language=language, split=split))
        path = root / "recordings" / f"{entry.recording}.safetensors"
        arrays = load_file(path)
        noisy = arrays["frames"] + random.integers(0, 4, arrays["frames"].shape)
        arrays["frames"] = np.clip(noisy, 0, 255).astype(np.uint8)
        arrays["speech"] = random.normal(0, 0.1, len(arrays["speech"])).astype(np.float32)
        save_file(arrays, path)
    write_manifest(root, store.prepared, entries)
    return root


@pytest.fixture
def written(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "tried.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def whole(corpus, tmp_path_factory) -> Path:
    """An experiment of two arms that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "tried.toml").write_text(TWO_ARMS, encoding="utf-8")
    found = conduct(folder / "tried.toml", folder / "out", ExperimentOptions(clips=corpus))
    assert (found.runs, found.done, found.failed) == (3, 3, ())
    return folder / "out"


def test_the_page_has_every_part(whole):
    text = (whole / "experiment.md").read_text(encoding="utf-8")
    assert text.startswith("# Two arms\n")
    for words in (
        "Squares, not people.", "3 of 3 runs are done", "## Results at 48 × 48 pixels", "## Results at 24 × 24 pixels",
        "ours − slow", "## Gates", "## Cost", "## Targets at 48 × 48 pixels", "## Pictures", "## Limits", "first frame",
        "mean frame", "ours, wrong speech", "noise ceiling", "One seed only", "the one that matters",
        *CONDITIONS,
    ):  # fmt: skip
        assert words in text
    page = (whole / "experiment.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "Two arms" in page
    pictures = {path.name.rsplit("-", 1)[0] for path in (whole / "pictures").iterdir()}
    assert {"arms-seen-speaker", "worst-seen-speaker", "worst-of-slow"} <= pictures
    for name in (path.name for path in (whole / "pictures").glob("*.png")):
        assert f"](pictures/{name})" in text


def test_every_clip_is_scored_at_every_scale_under_every_predictor(whole, corpus):
    with (whole / "experiment.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    test = open_clips(corpus).split("test")
    for scale in ("1", "2"):
        for arm, seeds in (("ours", "01"), ("slow", "0")):
            for predictor in ("generated", "wrong speech"):
                own = [row for row in rows if (row["arm"], row["predictor"], row["scale"]) == (arm, predictor, scale)]
                assert sorted((row["clip"], row["seed"]) for row in own) == sorted(
                    (entry.name, seed) for entry in test for seed in seeds
                )
        for predictor in ("first frame", "mean frame", "noise ceiling"):
            own = [row for row in rows if (row["arm"], row["predictor"], row["scale"]) == ("", predictor, scale)]
            assert len(own) == len(test)
    assert {row["condition"] for row in rows} == set(CONDITIONS)
    tables = json.loads((whole / "experiment.json").read_text(encoding="utf-8"))
    assert tables["runs"]["ours/seed-1"]["frames_per_step"] == 8
    assert tables["runs"]["ours/seed-1"]["parameters"] > 1000


def test_the_tract_error_is_measured_at_the_clips_own_size(corpus, tmp_path):
    entry = open_clips(corpus).split("test")[0]
    job = ClipJob(corpus, entry.name, "", tmp_path / "still.json", "still", spacing=1.0, scales=(1, 2))
    assert read_scores(job) is None
    assert list(score_all([job], 1)) == [job]
    found = read_scores(job)
    assert found is not None
    errors = {(name, scale): scores.tract_error_mm for name, scale, scores in found.rows}
    assert set(errors) == {(name, scale) for name in ("first frame", "mean frame", "noise ceiling") for scale in (1, 2)}
    assert {scale for (_, scale), error in errors.items() if error is not None} <= {1}
    assert read_scores(replace(job, key="another")) is None


def test_what_is_done_is_not_done_again(whole, corpus, monkeypatch):
    before = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    monkeypatch.setattr(experiment_training, "train", None)
    path = whole.parent / "tried.toml"
    found = conduct(path, whole, ExperimentOptions(clips=corpus))
    assert found.done == 3
    assert {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()} == before
    # The page is made again from the scores alone, without the models.
    away = whole / "runs" / "slow" / "seed-0" / "best.safetensors"
    model = away.read_bytes()
    away.unlink()
    conduct(path, whole, ExperimentOptions(clips=corpus, page=True))
    for name in ("experiment.csv", "experiment.md", "experiment.json"):
        assert (whole / name).read_bytes() == before[whole / name]
    away.write_bytes(model)


def test_a_killed_experiment_goes_on_to_the_same_end(whole, corpus, written, tmp_path):
    path, out = written(TWO_ARMS), tmp_path / "out"
    seen = []

    def killed(what: str, done: int, total: int) -> None:
        seen.append((what, done))
        if what.startswith("slow/seed-0") and done == 3:
            raise KilledError

    with pytest.raises(KilledError):
        conduct(path, out, ExperimentOptions(clips=corpus), report=killed)
    assert not (out / "experiment.md").exists()
    state = read_state(out / "runs" / "slow" / "seed-0")
    assert state is not None
    assert (state.step, state.whole) == (2, False)
    later = conduct(path, out, ExperimentOptions(clips=corpus, page=True))
    assert (later.runs, later.done) == (3, 1)
    assert "Not done yet: slow/seed-0, ours/seed-1" in (out / "experiment.md").read_text(encoding="utf-8")
    told = []
    found = conduct(path, out, ExperimentOptions(clips=corpus), say=told.append)
    assert told[0] == "3 runs of 2 arms, 1 done before"
    assert (found.done, found.interrupted, found.late) == (3, False, False)
    for name in ("ours/seed-0", "slow/seed-0", "ours/seed-1"):
        ends = [(folder / "runs" / name / "best.safetensors").read_bytes() for folder in (whole, out)]
        assert ends[0] == ends[1]
    # Only what was measured with a clock differs.
    ends = [(folder / "experiment.csv").read_text(encoding="utf-8") for folder in (whole, out)]
    assert ends[0] == ends[1]


def test_ctrl_c_saves_and_says_what_to_do(corpus, written, tmp_path, monkeypatch, capsys):
    path = written(TWO_ARMS)

    def interrupted(what: str, done: int, _total: int) -> None:
        if what.startswith("ours/seed-0") and done == 1:
            raise KeyboardInterrupt

    found = conduct(path, tmp_path / "out", ExperimentOptions(clips=corpus), report=interrupted)
    assert (found.interrupted, found.done) == (True, 0)
    assert "0 of 3 runs are done" in (tmp_path / "out" / "experiment.md").read_text(encoding="utf-8")
    state = read_state(tmp_path / "out" / "runs" / "ours" / "seed-0")
    assert state is not None
    assert (state.step, state.stopped) == (1, "")
    late = conduct(path, tmp_path / "out", ExperimentOptions(clips=corpus, minutes=1e-6))
    assert (late.late, late.interrupted) == (True, False)


def test_speakers_are_left_out_and_fewer_are_trained_on(corpus, written, tmp_path):
    text = f"""{SMALL}
[arms.all]
[arms.out]
like = "all"
leave_out = ["A", "B"]
[arms.few]
speakers = 2
seeds = [1]
[arms.half]
share = 0.5
"""
    path, store = written(text), open_clips(corpus)
    experiment = read_experiment(path)
    runs = {run.place: run for run in runs_of(experiment, store, tmp_path / "out")}
    assert list(runs) == ["all/seed-0", "few/seed-1", "half/seed-0", "out/seed-0/without-A", "out/seed-0/without-B"]
    without = runs["out/seed-0/without-A"]
    assert {entry.speaker for entry in trained_on(without, store)} == {"B", "C"}
    own = chosen_clips(experiment, without, store)
    assert {one.entry.speaker for one in own} == {"A"}
    assert {one.condition for one in own} == {UNSEEN, "unseen speaker, unseen language"}
    few = runs["few/seed-1"]
    known = {entry.speaker for entry in trained_on(few, store)}
    assert len(known) == 2
    scored = chosen_clips(experiment, few, store)
    assert {one.entry.speaker for one in scored if one.condition == SEEN} <= known
    everybody = {one.entry.name: one.condition for one in chosen_clips(experiment, None, store)}
    assert all(everybody[one.entry.name] == one.condition for one in scored)
    assert len(trained_on(runs["half/seed-0"], store)) == len(store.split("train")) // 2

    found = conduct(path, tmp_path / "out", ExperimentOptions(clips=corpus))
    assert found.done == 5
    page = (tmp_path / "out" / "experiment.md").read_text(encoding="utf-8")
    for words in ("## One speaker left out: out", "without A", "all of them", "## Growth with speakers: all",
                  "## Growth with minutes: all"):  # fmt: skip
        assert words in page
    assert "](pictures/growth-0-ssim.svg)" in page
    state = read_state(tmp_path / "out" / "runs" / "out" / "seed-0" / "without-A")
    assert state is not None
    assert state.speakers == ("B", "C")


def test_an_arm_can_take_what_another_has_trained(corpus, written, tmp_path):
    text = f"""{SMALL}
[arms.after]
init = "arm:before"
[arms.before]
"""
    # The size and width are those of what is gone on from.
    text = text.replace('width = "1/8"\ntract.size = 32\n', "").replace(
        "[arms.before]", '[arms.before]\nwidth = "1/8"\ntract.size = 32'
    )
    path = written(text)
    runs = runs_of(read_experiment(path), open_clips(corpus), tmp_path / "out")
    assert [run.place for run in runs] == ["before/seed-0", "after/seed-0"]
    with pytest.raises(BadInputError, match="--arms after: it needs before/seed-0"):
        conduct(path, tmp_path / "out", ExperimentOptions(clips=corpus, arms=("after",)))
    assert conduct(path, tmp_path / "out", ExperimentOptions(clips=corpus, arms=("before",))).done == 1
    assert conduct(path, tmp_path / "out", ExperimentOptions(clips=corpus)).done == 2
    for wrong, words in (('"arm:nobody"', "there is no arm 'nobody'"), ('"arm:after"', "it waits for an arm")):
        with pytest.raises(BadInputError, match=words):
            runs_of(read_experiment(written(text.replace('"arm:before"', wrong))), open_clips(corpus), tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[arms.slow]", '[arms.slow]\nrecipe = "talk"', "arms.slow: recipe: the tract generator cannot be trained"),
        ("[arms.slow]", "[arms.slow]\nspeakers = 9", "arms.slow.speakers: "),
        ("[arms.slow]", '[arms.slow]\nspeakers = ["Q"]', "arms.slow.speakers: "),
        ("[arms.slow]", '[arms.slow]\nleave_out = ["Q"]', "arms.slow.leave_out: "),
        ("[arms.slow]", "[arms.slow]\nclips = 99", "arms.slow.clips: with seed 0 there are 8 training clips, not 99"),
        ("seeds", 'clips = "none"\nseeds', "clips: none: there are no prepared clips here"),
        ("seeds", "seeds", 'clips: name the folder of prepared clips, clips = "FOLDER"'),
    ],
)
def test_what_does_not_fit_the_clips_is_told_before_anything_is_trained(
    corpus, written, tmp_path, capsys, old, new, words
):
    path, out = written(TWO_ARMS.replace(old, new, 1)), tmp_path / "out"
    given = [] if new.endswith("seeds") else ["--clips", str(corpus)]
    assert main(["experiment", str(path), "--out", str(out), *given]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert said.startswith(f"seido: {path}: ")
    assert words in said
    assert not (out / "runs").exists()


def test_other_options_than_a_run_was_trained_with_are_refused(whole, corpus, capsys):
    other = whole.parent / "other.toml"
    other.write_text(TWO_ARMS.replace("steps = 4", "steps = 6"), encoding="utf-8")
    with pytest.raises(BadInputError, match="was trained with steps 4, not 6; choose another --out"):
        conduct(other, whole, ExperimentOptions(clips=corpus))
    assert main(["experiment", str(other), "--clips", str(corpus), "--arms", "nobody"]) == 2
    assert "--arms nobody: there is no such arm" in capsys.readouterr().err
    with pytest.raises(BadInputError, match="--minutes 0"):
        ExperimentOptions(minutes=0)


def test_a_run_that_diverges_is_told_and_the_others_go_on(corpus, written, tmp_path, monkeypatch):
    from seido.errors import NotFiniteError
    from seido.training.loop import train

    def diverging(clips, out, options, **others):
        trained = train(clips, out, options, **others)
        if "slow" in str(out):
            raise NotFiniteError("the loss was no longer a finite number")
        return trained

    monkeypatch.setattr(experiment_training, "train", diverging)
    out = tmp_path / "out"
    found = conduct(written(TWO_ARMS), out, ExperimentOptions(clips=corpus))
    assert (found.failed, found.done) == (("slow/seed-0",), 2)
    assert "slow/seed-0 came to nothing" in (out / "experiment.md").read_text(encoding="utf-8")


def test_the_command_line_does_it_all(corpus, written, tmp_path, capsys):
    path = written(f"{SMALL}\n[arms.only]\nsteps = 2\n")
    out = tmp_path / "out"
    assert main(["experiment", str(path), "--out", str(out), "--clips", str(corpus), "--workers", "1"]) == 0
    said = capsys.readouterr().out
    assert "1 runs of 1 arms, 0 done before" in said
    assert "only/seed-0 (1 of 1): done, validation loss" in said
    assert str(out / "experiment.html") in said
    assert (out / "experiment.toml").read_bytes() == path.read_bytes()
