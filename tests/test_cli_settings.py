import pytest

from seido.cli import main, verbs
from seido.training.options import TrainOptions


@pytest.fixture
def chosen(monkeypatch):
    """Collect the options that `seido train` would train with."""
    found: list[TrainOptions] = []

    def noted(clips, out, options, *, resume):
        found.append(options)
        raise KeyboardInterrupt

    monkeypatch.setattr(verbs, "run_training", noted)
    return found


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "slim.toml"
    path.write_text(
        """steps = 30
learning_rate = 0.002
width = "1/16"
[losses]
structure = 0.2
[augment]
noise = 0
[adapt]
freeze = ["audio_encoder", "face_encoder_blocks"]
"""
    )
    return path


def test_the_command_line_counts_more_than_set_and_set_more_than_the_file(chosen, settings):
    main(["train", "a", "b", "--config", str(settings), "--set", "train.lr=0.5", "--set", "steps=40", "--steps", "50"])
    (options,) = chosen
    assert (options.steps, options.learning_rate, str(options.width)) == (50, 0.5, "1/16")
    assert (options.losses.structure, options.augment.noise) == (0.2, 0)
    assert options.adapt.freeze == ("audio_encoder", "face_encoder_blocks")


def test_groups_are_reached_by_dots_everywhere(chosen):
    main(["train", "a", "b", "--set", "losses.motion=0.3", "--losses.structure", "0.1", "--augment.shift", "0"])
    (options,) = chosen
    assert (options.losses.motion, options.losses.structure, options.augment.shift) == (0.3, 0.1, 0)
    assert options.augment.intensity == TrainOptions().augment.intensity


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "nothing=3"], "nothing"),
        (["--set", "steps"], "write NAME=VALUE"),
        (["--set", "losses.motion=much"], "much"),
        (["--losses.motion", "2"], "losses.motion: give a number from 0 to 1"),
        (["--config", "none.toml"], "none.toml: cannot be read"),
    ],
)
def test_settings_that_cannot_be_used_are_named(chosen, capsys, arguments, words):
    assert main(["train", "a", "b", *arguments]) == 2
    said = capsys.readouterr()
    assert words in said.err + said.out
    assert "Traceback" not in said.err
    assert not chosen


def test_a_file_that_is_no_toml_is_named(chosen, capsys, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text("x = [")
    assert main(["train", "a", "b", "--config", str(path)]) == 2
    assert f"{path}: this is no TOML" in capsys.readouterr().err
