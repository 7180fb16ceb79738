"""Parts that do not leak: what stays together, what is held out, what the check finds."""

import shutil
from dataclasses import replace
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seido.clips.facts import read_facts
from seido.clips.leakage import check_leakage
from seido.clips.prepare import PrepareOptions, prepare
from seido.clips.splits import Splitter, parse_shares, sentence_key, split_by_position
from seido.clips.store import open_clips, write_manifest
from seido.corpus.video import read_movie
from seido.errors import BadInputError
from seido.movie.writer import Sound, write_movie

SENTENCES = [f"this is sentence number {word}" for word in ("one", "two", "three", "four", "five", "six")]
SPEAKERS = ("s1", "s2", "W")


def splitter(by="recording", shares="80/10/10", held_out=(), seed=0, held_out_languages=()) -> Splitter:
    return Splitter(parse_shares(shares), by, seed, held_out, held_out_languages)


@given(name=st.text(min_size=1), seed=st.integers(0, 9))
def test_a_part_depends_on_the_name_alone(name, seed):
    half = Fraction(1, 2)
    one, other = splitter(seed=seed), splitter(seed=seed)
    assert one.part(name, "s1", half) == other.part(name, "s2", half)
    assert splitter(shares="1/0/0", seed=seed).part(name, "s1", half) == "train"
    assert splitter(shares="0/0/1", seed=seed).part(name, "s1", half) == "test"
    assert splitter(held_out=("s1",), seed=seed).part(name, "s1", half) == "test"
    languages = splitter(shares="1/0/0", held_out_languages=("zh",), seed=seed)
    assert [languages.part(name, "s1", half, language) for language in ("zh", "en", "")] == ["test", "train", "train"]


def test_shares_come_out_about_as_asked():
    parts = [splitter().part(f"recording {i}", "s1", Fraction(0)) for i in range(2000)]
    assert parts.count("train") == pytest.approx(1600, abs=80)
    assert parts.count("test") == pytest.approx(200, abs=60)


def test_by_time_the_end_is_held_out():
    parts = [split_by_position(Fraction(2 * at + 1, 20), parse_shares("70/10/20")) for at in range(10)]
    assert parts == ["train"] * 7 + ["validation"] + ["test"] * 2


@pytest.mark.parametrize("wrong", ["", "80/20", "80/10/ten", "-1/1/1", "0/0/0", "1/0/0/0", "1/0"])
def test_shares_that_are_none(wrong):
    with pytest.raises(BadInputError, match="split"):
        parse_shares(wrong)


def test_what_stays_together():
    assert splitter("recording").key("r1", "s1", "Hello!") == "r1"
    assert splitter("speaker").key("r1", "s1", "Hello!") == "s1"
    assert splitter("sentence").key("r1", "s1", "Hello!") == splitter("sentence").key("r2", "s2", " hello ")
    assert splitter("sentence").key("r1", "s1", "") == "r1"
    assert sentence_key("北風と太陽。") == "北風と太陽"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, write_labelled):
    """Three speakers who say the same six sentences, each recording with labels and pictures of its own."""
    root = tmp_path_factory.mktemp("sentences")
    for speaker in range(3):
        for number, text in enumerate(SENTENCES):
            name = SPEAKERS[speaker]
            write_labelled(root / name / f"{name}_{number}", text.upper() if speaker else text, 10 * speaker + number)
    return root


def parts_of(outcome, name: str) -> dict[str, set[str]]:
    """Name the parts of every speaker, sentence or recording."""
    table = pl.read_parquet(outcome.clips.root / "manifest.parquet")
    return {str(key): set(rows) for key, rows in table.group_by(name).agg("split").iter_rows()}


def run(corpus, out, **options):
    return prepare(corpus, out, PrepareOptions(sync="off", split="50/20/30", **options), workers=1)


def test_by_sentence_the_same_text_goes_to_one_part_whoever_says_it(corpus, tmp_path):
    outcome = run(corpus, tmp_path / "clips", split_by="sentence")
    table = pl.read_parquet(tmp_path / "clips" / "manifest.parquet")
    parts: dict[str, set[str]] = {}
    for text, split in table.select("text", "split").iter_rows():
        parts.setdefault(sentence_key(text), set()).add(split)
    assert len(parts) == 6
    assert all(len(found) == 1 for found in parts.values())
    assert len(set().union(*parts.values())) > 1
    assert not any(one.leaks for one in outcome.leakage)
    assert "sentences" in {one.what for one in outcome.leakage}


def test_by_speaker_nobody_is_in_two_parts(corpus, tmp_path):
    seed = next(
        s
        for s in range(99)
        if len({splitter("speaker", "50/20/30", seed=s).part(n, n, Fraction(0)) for n in SPEAKERS} & {"train", "test"})
        == 2
    )
    outcome = run(corpus, tmp_path / "clips", split_by="speaker", seed=seed)
    assert all(len(found) == 1 for found in parts_of(outcome, "speaker").values())
    assert not any(one.leaks for one in outcome.leakage)


@pytest.mark.parametrize("by", ["recording", "sentence", "time"])
def test_held_out_speakers_are_tested_only(corpus, tmp_path, by):
    outcome = run(corpus, tmp_path / "clips", split_by=by, held_out=("W",), seconds=0.4)
    parts = parts_of(outcome, "speaker")
    assert parts["W"] == {"test"}
    assert "train" in parts["s1"] | parts["s2"]
    told = {one.what: one for one in outcome.leakage}
    assert not told["held-out speakers"].leaks
    assert not any(one.leaks for one in outcome.leakage)
    # What W says others say in training too, and that is told.
    assert told["sentences of held-out speakers"].shared > 0


def test_a_speaker_who_is_not_there_cannot_be_held_out(corpus, tmp_path):
    with pytest.raises(BadInputError, match="no speaker X to hold out; there are W, s1, s2"):
        run(corpus, tmp_path / "clips", held_out=("X",))


def test_recordings_keep_their_part_when_others_are_added(corpus, tmp_path):
    few = tmp_path / "few"
    shutil.copytree(corpus / "s1", few / "s1")
    before = parts_of(run(few, tmp_path / "clips"), "recording")
    shutil.copytree(corpus / "s2", few / "s2")
    after = parts_of(run(few, tmp_path / "clips"), "recording")
    assert len(after) == 2 * len(before)
    assert {name: after[name] for name in before} == before


def test_the_check_finds_what_was_put_in_two_parts(corpus, tmp_path):
    options = PrepareOptions(sync="off", split="50/20/30", split_by="sentence", seconds=0.5)
    clips = prepare(corpus, tmp_path / "clips", options, workers=1).clips
    spoilt = [replace(entry, split="test" if entry.name.endswith("0") else "train") for entry in clips.entries]
    write_manifest(clips.root, clips.prepared, spoilt)
    facts = {entry.recording: read_facts(clips.root, entry.recording) for entry in spoilt}
    told = {one.what: one for one in check_leakage(open_clips(clips.root), facts, options.splitter)}
    assert {what for what, one in told.items() if one.leaks} == {"recordings", "source files by hash", "sentences"}
    assert told["recordings"].shared == 18
    assert "18 in two parts (" in told["recordings"].sentence()


def test_equal_frames_in_two_parts_are_found(corpus, tmp_path):
    """A movie that was cut out of another is another file, but its frames are not other frames."""
    clips = run(corpus, tmp_path / "clips").clips
    train, test = clips.split("train")[0], clips.split("test")[0]
    found = {}
    for entry in (train, test):
        found[entry.name] = read_movie(corpus / entry.speaker / f"{entry.recording.split('_', 1)[1]}.mkv").frames
    mixed = np.concatenate([found[test.name], found[train.name][:7]])
    shutil.copytree(corpus, tmp_path / "other")
    voice = np.random.default_rng(0).normal(0, 0.1, 640 * len(mixed)).astype(np.float32)
    path = tmp_path / "other" / test.speaker / f"{test.recording.split('_', 1)[1]}.mkv"
    write_movie(path, mixed, Fraction(25), Sound([voice], 16_000), lossless=True)
    leak = {one.what: one for one in run(tmp_path / "other", tmp_path / "again").leakage}["different frames"]
    assert leak.leaks
    assert leak.shared == 7
    assert {train.name, test.name} & set(leak.examples)


def test_the_same_movie_twice_is_taken_once(corpus, tmp_path):
    shutil.copytree(corpus / "s1", tmp_path / "c" / "s1")
    shutil.copy(tmp_path / "c" / "s1" / "s1_0.mkv", tmp_path / "c" / "s1" / "s1_copy.mkv")
    outcome = run(tmp_path / "c", tmp_path / "clips")
    assert len({entry.recording for entry in outcome.clips.entries}) == 6
    assert outcome.problems == ("s1/s1_copy.mkv: the same movie as s1/s1_0.mkv, byte for byte; left out",)
