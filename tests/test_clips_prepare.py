import json
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from seido.clips.logmel import log_mel
from seido.clips.prepare import PrepareOptions, prepare
from seido.clips.store import MANIFEST, RECORDINGS, open_clips
from seido.corpus.video import read_movie
from seido.errors import BadInputError, OutputError
from seido.timebase import source_frame
from seido.values import Region, Speech


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture
def corpus(tmp_path, movie_file):
    folder = tmp_path / "corpus"
    for speaker, rate in (("s1", 25), ("s2", Fraction(1159, 50)), ("s3", 50)):
        movie_file(f"corpus/{speaker}/{speaker}_a.mkv", frames=round(2 * rate), rate=rate, lossless=True)
    return folder


def test_clips_hold_what_the_recordings_show_and_say(corpus, tmp_path):
    options = PrepareOptions(region="8,4,32,40", seconds=1, split="60/20/20", split_by="time")
    clips = prepare(corpus, tmp_path / "clips", options).clips
    assert clips.prepared.rate == 25
    assert {entry.speaker for entry in clips.entries} == {"s1", "s2", "s3"}
    for recording, rate in (("s1_s1_a", Fraction(25)), ("s2_s2_a", Fraction(1159, 50)), ("s3_s3_a", Fraction(50))):
        entries = [entry for entry in clips.entries if entry.recording == recording]
        source = read_movie(corpus / recording[:2] / f"{recording[3:]}.mkv").frames
        shown = np.concatenate([clips.frames(entry) for entry in entries])
        wanted = [source[source_frame(index, Fraction(25), rate)] for index in range(len(shown))]
        np.testing.assert_array_equal(shown, Region(8, 4, 32, 40).crop(np.stack(wanted), axis=1))
        for entry in entries:
            clip = clips.clip(entry)
            assert clip.movie.seconds == clip.speech.seconds
            np.testing.assert_array_equal(clips.mel(entry), log_mel(Speech(clip.speech.samples, 16_000)))


def test_native_size_and_rate_are_options(corpus, tmp_path):
    clips = prepare(corpus / "s2", tmp_path / "clips", PrepareOptions(size="96x64", fps="1159/50", split="1/0/0")).clips
    assert clips.frames(clips.entries[0]).shape == (46, 64, 96)
    assert clips.prepared.rate == Fraction(1159, 50)


def test_stopped_between_recordings_it_ends_with_the_same_bytes(corpus, tmp_path):
    options = PrepareOptions(seconds=1, split_by="time")
    prepare(corpus, tmp_path / "whole", options)

    class StoppedError(Exception):
        pass

    def stop(name: str, done: int, total: int) -> None:
        assert (name, done, total) == ("s1_s1_a", 1, 3)
        raise StoppedError

    with pytest.raises(StoppedError):
        prepare(corpus, tmp_path / "parts", options, stop)
    assert not (tmp_path / "parts" / MANIFEST).exists()
    assert sorted(path.name for path in (tmp_path / "parts" / RECORDINGS).iterdir()) == [
        "s1_s1_a.json",
        "s1_s1_a.safetensors",
    ]
    # As after a kill: arrays without their facts, a file half-written.
    (tmp_path / "parts" / RECORDINGS / "s2_s2_a.safetensors").write_bytes(b"half")
    (tmp_path / "parts" / RECORDINGS / ".seido-s3_s3_a-x1y2.safetensors").write_bytes(b"half")
    prepare(corpus, tmp_path / "parts", options)
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


def test_one_bad_recording_does_not_stop_the_others(corpus, tmp_path):
    (corpus / "s1" / "s1_bad.mkv").write_bytes((corpus / "s1" / "s1_a.mkv").read_bytes()[:300])
    outcome = prepare(corpus, tmp_path / "clips", PrepareOptions(seconds=1, split_by="time"))
    assert {entry.recording for entry in outcome.clips.entries} == {"s1_s1_a", "s2_s2_a", "s3_s3_a"}
    assert len(outcome.problems) == 1
    assert "s1_bad.mkv" in outcome.problems[0]
    report = json.loads((tmp_path / "clips" / "report.json").read_text())
    assert report["left_out"] == list(outcome.problems)
    assert [row["recording"] for row in report["recordings"]] == ["s1_s1_a", "s2_s2_a", "s3_s3_a"]
    assert outcome.problems[0] in (tmp_path / "clips" / "report.md").read_text()


def test_other_clips_are_never_mixed_in(corpus, tmp_path):
    prepare(corpus, tmp_path / "clips", PrepareOptions(split_by="time"))
    before = contents(tmp_path / "clips")
    with pytest.raises(OutputError, match="other recordings or settings"):
        prepare(corpus, tmp_path / "clips", PrepareOptions(split_by="time", size="32"))
    assert contents(tmp_path / "clips") == before


def test_wrong_input_is_told_in_a_sentence(corpus, tmp_path, movie_file):
    out = tmp_path / "clips"
    with pytest.raises(BadInputError, match=r"outside .*s1_a\.mkv"):
        prepare(corpus, out, PrepareOptions(region="0,0,500,500"))
    with pytest.raises(BadInputError, match="no such|not exist|no movies"):
        prepare(tmp_path / "nowhere", out, PrepareOptions())
    with pytest.raises(BadInputError, match="no clip to train on"):
        prepare(corpus, out, PrepareOptions(split="0/50/50"))
    with pytest.raises(BadInputError, match="sound"):
        prepare(movie_file("silent/s_a.mp4", sound=False), tmp_path / "other", PrepareOptions())
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(OutputError, match="cannot be made"):
        prepare(corpus, blocked / "clips", PrepareOptions(split_by="time"))
    for wrong in ({"region": "0,0,0,5"}, {"fps": "x"}, {"seconds": 0}, {"split": "5"}, {"size": "big"}):
        with pytest.raises(BadInputError):
            PrepareOptions(**wrong)


def test_damaged_clips_are_told(corpus, tmp_path):
    prepare(corpus, tmp_path / "clips", PrepareOptions(split_by="time"))
    shutil.copytree(tmp_path / "clips", tmp_path / "broken")
    (tmp_path / "broken" / MANIFEST).write_text("{}\n")
    with pytest.raises(BadInputError, match="manifest cannot be read"):
        open_clips(tmp_path / "broken")
    with pytest.raises(BadInputError, match="no prepared clips"):
        open_clips(tmp_path)
    clips = open_clips(tmp_path / "clips")
    (tmp_path / "clips" / RECORDINGS / f"{clips.entries[0].recording}.safetensors").write_bytes(b"12345678")
    with pytest.raises(BadInputError, match="missing or damaged"):
        clips.frames(clips.entries[0])


def test_a_movie_with_a_separate_wav(tmp_path, movie_file, voice):
    movie_file("c/s1_a.mp4", sound=False)
    soundfile.write(tmp_path / "c" / "s1_a.wav", voice(1.5, 48_000), 48_000)
    clips = prepare(tmp_path / "c", tmp_path / "clips", PrepareOptions(split="1/0/0")).clips
    assert sum(entry.frames for entry in clips.entries) in {37, 38}
