"""What an experiment's file may say, and that every mistake is told with the file and the key."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seido.errors import BadInputError
from seido.report.experiment.file import read_experiment
from seido.report.experiment.options import check_options, flat, make_options, merged
from seido.training.options import TrainOptions

ROOT = Path(__file__).resolve().parents[1]
GOOD = """
title = "A title"
clips = "folder"
clips_per_condition = 3
spacing = 1
scales = [1, 2]
seeds = [0, 1]
compare_with = "two"
[defaults]
steps = 30
[defaults.losses]
structure = 0.2
[arms.one]
width = "1/16"
losses.motion = 0.3
[arms.two]
like = "one"
seeds = [4]
losses.structure = 0
adapt.freeze = ["audio_encoder"]
[arms.out]
like = "two"
leave_out = "each"
[arms.few]
speakers = 2
share = 0.5
[targets."seen speaker"]
ssim = 0.9
"""


@pytest.fixture
def written(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "tried.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_arms_lie_over_those_they_are_like_and_those_over_the_defaults(written):
    found = read_experiment(written(GOOD))
    one, two, out, few = found.arms
    assert (one.options.steps, one.options.width, one.options.losses.motion) == (30, Fraction(1, 16), 0.3)
    assert one.options.losses.structure == 0.2
    assert (two.options.losses.structure, two.options.losses.motion) == (0, 0.3)
    assert two.options.adapt.freeze == ("audio_encoder",)
    assert (one.seeds, two.seeds, out.seeds, few.seeds) == ((0, 1), (4,), (4,), (0, 1))
    assert (two.leave_out, out.leave_out) == ((), ("each",))
    assert out.options == two.options
    assert (few.speakers, few.share) == (2, 0.5)
    assert (found.scales, found.spacing, found.clips_per_condition) == ((1, 2), 1.0, 3)
    assert found.base.name == "two"
    assert found.targets == {"seen speaker": {"ssim": 0.9}}
    assert dict(one.told) == {"width": "1/16", "losses.motion": 0.3}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("steps = 30", "stepps = 30", "defaults.stepps: there is no such option; did you mean steps?"),
        ("steps = 30", 'steps = "many"', "defaults.steps: give a whole number, got 'many'"),
        ("steps = 30", "steps = true", "defaults.steps: give a whole number, got True"),
        ("steps = 30", "steps = 0", "arms.one.steps: give a whole number, at least 1"),
        ("steps = 30", 'model = "vae"', "defaults.model: give wav2lip or"),
        ("steps = 30", "seed = 3", "defaults.seed: an experiment chooses this itself; write seeds instead"),
        ("losses.motion = 0.3", "losses.motion = 2", "arms.one.losses.motion: give a number from 0 to 1"),
        ("losses.motion = 0.3", "losses = 3", "arms.one.losses: give a table of options"),
        ("losses.motion = 0.3", "losses.sync = 0.03", "arms.one.losses.sync: it needs a sync expert"),
        ("losses.motion = 0.3", 'speaker = "A"', "arms.one.speaker: an experiment chooses this itself"),
        ('freeze = ["audio_encoder"]', "freeze = [1]", "arms.two.adapt.freeze: give a list of texts"),
        ('width = "1/16"', 'width = "wide"', "arms.one.width: 'wide' is not a number"),
        ("seeds = [0, 1]", "", "arms.one: there are no seeds; write seeds = [0, 1, 2]"),
        ("seeds = [0, 1]", "seeds = []", "seeds: give a list of different whole numbers"),
        ("seeds = [0, 1]", "seeds = [1, 1]", "seeds: give a list of different whole numbers"),
        ("seeds = [4]", "seeds = 4", "arms.two.seeds: give a list of different whole numbers"),
        ("scales = [1, 2]", "scales = [0]", "scales: give a list of different whole numbers from 1 on"),
        ("spacing = 1", "spacing = 0", "spacing: give a number above 0, got 0"),
        ("clips_per_condition = 3", "clips_per_condition = 0.5", "clips_per_condition: give a whole number from 1 on"),
        ('clips = "folder"', "clips = 3", "clips: give text in quotation marks, got 3"),
        ('title = "A title"', "titel = 1", "titel: there is no such key; choose from about, arms"),
        ('compare_with = "two"', 'compare_with = "out"', "compare_with: 'out' is no arm that is scored"),
        ('like = "one"', 'like = "none"', "arms.two.like: there is no arm 'none'"),
        ('like = "one"', 'like = "out"', "like: "),
        ("share = 0.5", "share = 1.5", "arms.few.share: give a share of the training clips"),
        ("share = 0.5", "share = 0.5\nclips = 3", "arms.few.share: it cannot be combined with clips"),
        ("speakers = 2", "speakers = 0", "arms.few.speakers: give a number of speakers"),
        ("speakers = 2", "speakers = []", "arms.few.speakers: the list is empty"),
        ("speakers = 2", 'speakers = 2\nleave_out = "each"', "arms.few.leave_out: it cannot be combined"),
        ('leave_out = "each"', 'leave_out = "A"', 'arms.out.leave_out: give "each" or a list of texts'),
        ("[arms.few]", '[arms."a/b"]', "arms.a/b: name arms with letters"),
        ('targets."seen speaker"', 'targets."somebody"', "targets.somebody: there is no such condition"),
        ("ssim = 0.9", "beauty = 0.9", "targets.seen speaker.beauty: there is no such measure"),
        ("ssim = 0.9", 'ssim = "high"', "targets.seen speaker.ssim: give a number"),
        ("seeds = [4]", "seeds = [4", "this is no TOML"),
    ],
)
def test_every_mistake_is_told_in_one_sentence_with_file_and_key(written, old, new, words):
    assert GOOD.count(old) == 1 or old.startswith(("seeds", "like"))
    path = written(GOOD.replace(old, new, 1))
    with pytest.raises(BadInputError) as told:
        read_experiment(path)
    assert str(told.value).startswith(f"{path}: ")
    assert words in str(told.value)
    assert "\n" not in str(told.value)


def test_a_file_without_arms_and_a_missing_one_are_told(written, tmp_path):
    with pytest.raises(BadInputError, match=r"tried.toml: there are no arms; write \[arms.NAME\]"):
        read_experiment(written("seeds = [0]"))
    with pytest.raises(BadInputError, match="none.toml: cannot be read"):
        read_experiment(tmp_path / "none.toml")


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("*.toml")), ids=lambda path: path.stem)
def test_the_experiments_that_come_along_can_be_read(path):
    found = read_experiment(path)
    assert found.base in found.arms
    assert found.title


def test_all_options_of_training_can_be_written(tmp_path):
    """What TOML can say of every option comes back as it was said."""
    table = {
        "model": "tract", "width": "1/8", "window": 12, "batch": 4, "learning_rate": 1, "minutes": 2.5,
        "compile": False, "init": "old.safetensors", "losses": {"motion": 0.5, "expert": "expert.safetensors"},
        "aligned": {"columns": 3, "loss": "l1"}, "tract": {"size": 64}, "sync": {"view": "whole"},
    }  # fmt: skip
    check_options(table, "here")
    made = make_options(table, "here")
    assert made.init == Path("old.safetensors")
    assert made.losses.expert == Path("expert.safetensors")
    assert (made.width, made.aligned.loss, made.tract.size) == (Fraction(1, 8), "l1", 64)
    assert make_options({}, "here") == TrainOptions()


tables = st.recursive(
    st.dictionaries(st.sampled_from("abc"), st.integers(), max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), st.integers() | inner, max_size=3),
    max_leaves=6,
)


@given(tables, tables)
def test_what_is_laid_over_counts_and_the_rest_stays(below, above):
    found = merged(below, above)
    assert merged(found, above) == found
    assert merged({}, below) == below == merged(below, {})
    assert set(found) == set(below) | set(above)
    for name, value in flat(above):
        assert dict(flat(found))[name] == value
