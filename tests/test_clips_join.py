import numpy as np
import polars as pl
import pytest

from seido.cli import main
from seido.clips.join import join_clips
from seido.clips.prepare import PrepareOptions, prepare
from seido.clips.store import MANIFEST, open_clips
from seido.errors import BadInputError

TEXTS = ("one two", "three four", "five six", "seven eight", "nine ten", "eleven twelve")


@pytest.fixture(scope="module")
def folders(write_labelled, tmp_path_factory):
    """Clips of two corpora in which different speakers say the same sentences, the first ones split otherwise."""
    root = tmp_path_factory.mktemp("joined")
    for number, speaker in enumerate(("s0", "s1")):
        for at, text in enumerate(TEXTS):
            write_labelled(root / f"corpus{number}" / speaker / f"{speaker}_{at}", text, 10 * number + at)
        options = PrepareOptions(sync="off", split="40/20/40", split_by="sentence", seed=number)
        prepare(root / f"corpus{number}", root / f"clips{number}", options, workers=1)
    return root


def test_clips_of_both_are_there_in_their_parts(folders, tmp_path):
    joined = join_clips([folders / "clips0", folders / "clips1"], tmp_path / "out")
    given = [open_clips(folders / f"clips{number}") for number in (0, 1)]
    assert {one.name for one in joined.clips.entries} | set(joined.left_out) == {
        entry.name for clips in given for entry in clips.entries
    }
    for clips in given:
        for entry in clips.entries:
            if entry.name not in joined.left_out:
                assert entry in joined.clips.entries
                np.testing.assert_array_equal(joined.clips.frames(entry), clips.frames(entry))
                np.testing.assert_array_equal(joined.clips.mel(entry), clips.mel(entry))
    table = pl.read_parquet(tmp_path / "out" / "manifest.parquet")
    assert table["name"].to_list() == [one.name for one in joined.clips.entries]


def test_what_one_tests_is_not_learnt_from_the_other(folders, tmp_path):
    joined = join_clips([folders / "clips0", folders / "clips1"], tmp_path / "out")
    assert joined.left_out
    table = pl.read_parquet(tmp_path / "out" / "manifest.parquet")
    tested = set(table.filter(pl.col("split") == "test")["text"])
    for name in joined.left_out:
        assert TEXTS[int(name.split("-")[0][-1])] in tested


def test_joining_is_the_same_again_and_refuses_what_is_there(folders, tmp_path):
    one, two = (join_clips([folders / "clips0", folders / "clips1"], tmp_path / name).clips for name in ("a", "b"))
    assert one.digest == two.digest
    with pytest.raises(BadInputError, match="clips already"):
        join_clips([folders / "clips0", folders / "clips1"], tmp_path / "a")


def test_what_does_not_fit_is_told_in_a_sentence(folders, tmp_path):
    with pytest.raises(BadInputError, match="is in .*clips0 too"):
        join_clips([folders / "clips0", folders / "clips0"], tmp_path / "out")
    with pytest.raises(BadInputError, match="two folders"):
        join_clips([folders / "clips0"], tmp_path / "out")
    prepare(folders / "corpus1", tmp_path / "small", PrepareOptions(sync="off", size="16"), workers=1)
    with pytest.raises(BadInputError, match="width is 16, but 32"):
        join_clips([folders / "clips0", tmp_path / "small"], tmp_path / "out")
    assert not (tmp_path / "out" / MANIFEST).exists()


def test_the_command(folders, tmp_path, capsys):
    assert main(["join", str(folders / "clips0"), str(folders / "clips1"), "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "2 speakers" in told
    assert "left out" in told
    assert main(["join", str(folders / "clips0"), str(tmp_path / "nothing"), "--out", str(tmp_path / "b")]) == 2
