import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from seido.clips.store import open_clips, write_manifest
from seido.errors import BadInputError, OutputError
from seido.models.checkpoint import save_checkpoint
from seido.models.wav2lip import Wav2Lip
from seido.plan import FrontEnd, Network, Plan
from seido.report.evaluate import EvaluateOptions, evaluate
from seido.scores.conditions import SEEN, SEEN_UNSEEN_LANGUAGE, UNSEEN, UNSEEN_LANGUAGE, conditions
from training_clips import write_clips

QUICK = EvaluateOptions(movies=1, device="cpu")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    """Twelve clips: eight to train on, and one test clip for each condition."""
    root = write_clips(tmp_path_factory.mktemp("corpus") / "clips", train=8, validation=3, side=48)
    store, random = open_clips(root), np.random.default_rng(0)
    kinds = [("s1", "ja"), ("W", "ja"), ("W", "zh"), ("s1", "zh")]
    entries = []
    for number, entry in enumerate(store.entries):
        speaker, language = kinds[number - 8] if number >= 8 else ("s1" if number % 2 else "s2", "ja")
        split = "train" if number < 8 else "test"
        entries.append(replace(entry, speaker=speaker, language=language, split=split))
        path = root / "recordings" / f"{entry.recording}.safetensors"
        arrays = load_file(path)
        arrays["frames"] = np.clip(arrays["frames"] + random.integers(0, 4, arrays["frames"].shape), 0, 255)
        arrays["frames"] = arrays["frames"].astype(np.uint8)
        arrays["speech"] = random.normal(0, 0.1, len(arrays["speech"])).astype(np.float32)
        save_file(arrays, path)
    write_manifest(root, store.prepared, entries)
    return root


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("run") / "best.safetensors"
    width = Fraction(1, 16)
    torch.manual_seed(0)
    network = Wav2Lip(width, residual=True)
    plan = Plan(network=Network(width=width, residual=True), recipe="tract", front_end=FrontEnd(lead=Fraction(2, 25)))
    save_checkpoint(path, network, plan)
    return path


def test_conditions_are_told_by_what_was_trained_on(corpus):
    store = open_clips(corpus)
    found = conditions(store, store.split("test"))
    assert sorted(found.values()) == sorted([SEEN, UNSEEN, UNSEEN_LANGUAGE, SEEN_UNSEEN_LANGUAGE])


def test_every_condition_has_every_row(corpus, model, tmp_path):
    result = evaluate([f"ours={model}", f"twin={model}"], open_clips(corpus), tmp_path / "out", QUICK)
    predictors = [
        "ours", "twin", "first frame", "mean frame", "nearest training frame", "ours, wrong speech",
        "twin, wrong speech", "noise ceiling",
    ]  # fmt: skip
    by_clip: dict[str, list[str]] = {}
    for row in result.table:
        by_clip.setdefault(row.clip, []).append(row.predictor)
    assert list(by_clip.values()) == [predictors] * 4
    scores = {row.predictor: row.scores for row in result.table if row.condition == SEEN}
    # An untrained residual network shows the first frame.
    assert scores["ours"].ssim == pytest.approx(scores["first frame"].ssim, abs=0.05)
    assert scores["ours"] == scores["twin"]
    assert scores["noise ceiling"].ssim > scores["first frame"].ssim
    assert scores["noise ceiling"].nmse < 0.1
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"scores.md", "scores.csv", "scores.json", "report.html", "report.json"} <= written
    assert len([name for name in written if name.endswith(".mp4")]) == 2
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in predictors)
    assert len(json.loads((tmp_path / "out" / "scores.json").read_text())["rows"]) == 32


def test_processes_score_what_one_does_and_a_broken_off_run_goes_on(corpus, model, tmp_path):
    store, lean = open_clips(corpus), replace(QUICK, movies=0, page=False)
    one = evaluate(str(model), store, tmp_path / "one", lean)
    two = evaluate(str(model), store, tmp_path / "two", lean, workers=2)
    assert one.table == two.table
    files = sorted((tmp_path / "one" / "clips").iterdir())
    files[0].unlink()
    kept = {path: path.stat().st_mtime_ns for path in files[1:]}
    done = []
    again = evaluate(str(model), store, tmp_path / "one", lean, lambda name, *_: done.append(name))
    assert again.table == one.table
    assert all(path.stat().st_mtime_ns == kept[path] for path in kept)
    assert len(done) == 4


def test_a_folder_with_other_scores_is_left_alone(corpus, model, tmp_path):
    store, lean = open_clips(corpus), replace(QUICK, movies=0, page=False, extras=False)
    evaluate(str(model), store, tmp_path / "out", lean)
    with pytest.raises(OutputError, match="it holds scores of other models, clips or options"):
        evaluate(str(model), store, tmp_path / "out", replace(lean, region="0,0,24,24"))


def test_models_are_named_apart(corpus, model, tmp_path):
    with pytest.raises(BadInputError, match="two models are called"):
        evaluate([str(model), str(model)], open_clips(corpus), tmp_path / "out", QUICK)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("change", [{"clips": 0}, {"movies": -1}, {"spacing": 0.0}, {"region": "1,2,3"}])
def test_options_that_cannot_be_used_are_refused(change):
    with pytest.raises(BadInputError):
        EvaluateOptions(**change)
