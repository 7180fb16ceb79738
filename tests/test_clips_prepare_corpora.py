"""Labels, regions, lags and noise on the way from a corpus to clips."""

import shutil
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from PIL import Image

from seido.clips.facts import read_facts
from seido.clips.prepare import PrepareOptions, prepare
from seido.clips.regions import read_regions
from seido.clips.spoken import labels_of_clip, part_of
from seido.clips.store import RECORDINGS
from seido.corpus.textgrid import Interval, Point, PointTier, TextGrid, Tier, read_textgrid, write_textgrid
from seido.corpus.video import read_movie
from seido.errors import BadInputError
from seido.movie.writer import Sound, write_movie
from seido.timebase import SAMPLE_RATE
from seido.values import Region

REAL = Path(__file__).resolve().parents[2] / "shared" / "real"
RATE = Fraction(25)


def labelled(folder: Path, movie_file, seconds: int = 6) -> list[tuple[float, float]]:
    """Write a recording with phones 0.3 s long, a pause after every third."""
    movie_file(f"{folder.name}/s1_a.mkv", frames=25 * seconds, lossless=True)
    phones, at = [], 0.05
    while at < seconds - 0.5:
        phones.append(Interval(at, at + 0.3, "a"))
        at += 0.3 if len(phones) % 3 else 0.45
    word = Interval(phones[0].start, phones[-1].end, "aaa")
    grid = TextGrid(float(seconds), (Tier("words", (word,)), Tier("phones", tuple(phones))))
    write_textgrid(folder / "s1_a.TextGrid", grid)
    return [(phone.start, phone.end) for phone in phones]


def test_cuts_spare_phones_and_labels_are_cut_along(tmp_path, movie_file):
    phones = labelled(tmp_path / "c", movie_file)
    options = PrepareOptions(seconds=1, split_by="time", split="60/20/20")
    clips = prepare(tmp_path / "c", tmp_path / "clips", options).clips
    assert len(clips) > 3
    found = []
    for entry in clips.entries:
        assert not any(start < entry.start < end for start, end in phones)
        grid = labels_of_clip(clips, entry)
        assert grid.seconds == pytest.approx(float(entry.frames / RATE))
        begins = float(entry.start)
        found += [(one.start + begins, one.end + begins) for one in grid.tier("phones").intervals if one.text]
    np.testing.assert_allclose(found, phones, atol=1e-9)
    assert read_textgrid(tmp_path / "clips" / "labels" / "s1_a.TextGrid").tier("words").intervals[1].text == "aaa"
    assert set(pl.read_parquet(tmp_path / "clips" / "manifest.parquet")["text"]) == {"aaa"}


def test_labels_that_begin_later_or_are_cut_through():
    tiers = (Tier("t", (Interval(1, 2, "a"), Interval(2, 3, "b"))), PointTier("p", (Point(0.5, "x"), Point(2.5, "y"))))
    grid = TextGrid(4, tiers)
    later = part_of(grid, -0.5, 4)
    assert (later.seconds, later.tier("t").intervals[0]) == (4.5, Interval(1.5, 2.5, "a"))
    part = part_of(grid, 1.5, 2.25)
    assert part.tier("t").intervals == (Interval(0, 0.5, "a"), Interval(0.5, 0.75, "b"))
    assert part.tier("p").points == ()
    with pytest.raises(BadInputError, match="cannot be cut"):
        part_of(grid, 2, 2)


def test_the_parquet_table_tells_where_each_clip_comes_from(tmp_path, movie_file):
    for rate in (25, 50):
        movie_file(f"c/s1/take_{rate}.mkv", frames=2 * rate, rate=rate, lossless=True)
    clips = prepare(tmp_path / "c", tmp_path / "clips", PrepareOptions(split="1/0/0")).clips
    table = pl.read_parquet(tmp_path / "clips" / "manifest.parquet")
    assert table["name"].to_list() == [entry.name for entry in clips.entries]
    assert set(table["source"]) == {"s1/take_25.mkv", "s1/take_50.mkv"}
    assert set(table["source_rate"]) == {25.0, 50.0}
    assert len(set(table["hash"])) == len(clips) == 2
    for entry, (start, end) in zip(clips.entries, table.select("start", "end").iter_rows(), strict=True):
        assert (start, end) == (float(entry.start), float(entry.start + entry.frames / clips.prepared.rate))


def test_speakers_have_regions_of_their_own(tmp_path, movie_file):
    for speaker in ("s1", "s2"):
        movie_file(f"c/{speaker}/{speaker}_a.mkv", frames=40 + int(speaker[1]), lossless=True)
    table = tmp_path / "boxes.toml"
    table.write_text('everyone = "0,0,24,24"\n[speakers]\ns2 = "10,8,24,24"\n')
    options = PrepareOptions(region=str(table), split="1/0/0")
    clips = prepare(tmp_path / "c", tmp_path / "clips", options).clips
    for entry, region in zip(clips.entries, (Region(0, 0, 24, 24), Region(10, 8, 24, 24)), strict=True):
        source = read_movie(tmp_path / "c" / entry.speaker / f"{entry.speaker}_a.mkv").frames
        np.testing.assert_array_equal(clips.frames(entry), region.crop(source, axis=1))
        assert read_facts(clips.root, entry.recording).region == str(region)
    assert clips.prepared.region is None

    table.write_text('[speakers]\ns1 = "0,0,24,24"\n')
    with pytest.raises(BadInputError, match=r'no region for speaker s2; add `s2 = "X,Y,W,H"`'):
        prepare(tmp_path / "c", tmp_path / "other", options)
    table.write_text('[speakers]\ns1 = "0,0,24,24"\ns2 = "0,0,20,24"\n')
    with pytest.raises(BadInputError, match="several sizes; give --size"):
        prepare(tmp_path / "c", tmp_path / "other", options)
    for wrong in ("speakers = 3", "[speakers", '[speakers]\ns1 = "1,2"', "[speakers]\ns1 = 7"):
        table.write_text(wrong)
        with pytest.raises(BadInputError, match=r"boxes\.toml"):
            read_regions(table)


def test_a_region_is_suggested_drawn_and_can_be_given_back(tmp_path, movie_file):
    for speaker in ("s1", "s2"):
        movie_file(f"c/{speaker}/{speaker}_a.mkv", 40 + int(speaker[1]), size=(64, 64), lossless=True)
    clips = prepare(tmp_path / "c", tmp_path / "clips", PrepareOptions(region="auto", split="1/0/0")).clips
    with Image.open(tmp_path / "clips" / "region.png") as picture:
        assert picture.mode == "RGB"
    suggested = read_regions(tmp_path / "clips" / "regions.toml").speakers
    assert set(suggested) == {"s1", "s2"}
    assert clips.prepared.region == suggested["s1"] == suggested["s2"]
    assert (clips.prepared.height, clips.prepared.width) == (suggested["s1"].height, suggested["s1"].width)
    shutil.copy(tmp_path / "clips" / "regions.toml", tmp_path / "mine.toml")
    given = PrepareOptions(region=str(tmp_path / "mine.toml"), split="1/0/0")
    again = prepare(tmp_path / "c", tmp_path / "again", given).clips
    assert again.digest == clips.digest


def moving_in_step(path: Path, late: float, seconds: int = 20) -> np.ndarray:
    """Write a movie whose brightness follows its sound, the picture `late` seconds later; returns the sound."""
    random = np.random.default_rng(3)
    steps = np.convolve(random.exponential(1, seconds * 12 + 8), np.ones(2) / 2, "valid")
    time = np.arange(seconds * SAMPLE_RATE) / SAMPLE_RATE
    level = np.interp(time, np.arange(len(steps)) / 12, steps)
    sound = (0.03 * level * random.normal(0, 1, len(time))).astype(np.float32)
    shown = np.interp((np.arange(25 * seconds) + 0.5) / 25 - late, time, level)
    shape = random.uniform(0, 30, (24, 24))
    frames = np.clip(60 + shown[:, None, None] * shape + random.normal(0, 2, (25 * seconds, 24, 24)), 0, 255)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_movie(path, frames.astype(np.uint8), RATE, Sound([sound], SAMPLE_RATE), lossless=True)
    return sound


@pytest.mark.parametrize("late", [0.12, -0.12])
def test_a_lag_is_told_and_taken_out_when_asked(tmp_path, late):
    sound = moving_in_step(tmp_path / "c" / "s1_a.mkv", late)
    prepare(tmp_path / "c", tmp_path / "told", PrepareOptions(split="1/0/0"))
    told = read_facts(tmp_path / "told", "s1_a")
    assert told.lag_seconds == pytest.approx(late, abs=0.02)
    assert not told.lag_doubtful
    assert told.corrected_seconds == 0
    clips = prepare(tmp_path / "c", tmp_path / "corrected", PrepareOptions(split="1/0/0", sync="correct")).clips
    facts = read_facts(clips.root, "s1_a")
    assert facts.corrected_seconds == facts.lag_seconds == pytest.approx(late, abs=0.02)
    heard = np.concatenate([clips.speech(entry) for entry in clips.entries])
    shift = round(facts.corrected_seconds * SAMPLE_RATE)
    wanted = np.concatenate([np.zeros(max(0, shift), np.float32), sound[max(0, -shift) :]])
    count = min(len(heard), len(wanted))
    np.testing.assert_allclose(heard[:count], wanted[:count], atol=2e-4)
    assert prepare(tmp_path / "c", tmp_path / "off", PrepareOptions(split="1/0/0", sync="off"))
    assert read_facts(tmp_path / "off", "s1_a").lag_seconds is None


def test_scanner_noise_is_taken_out(tmp_path, movie_file, voice):
    movie_file("c/s1_a.mkv", frames=150, sound=False, lossless=True)
    clean = voice(6.0) * np.repeat(np.arange(12) % 3 > 0, 8000)
    noise = np.random.default_rng(0).normal(0, 0.02, len(clean))
    soundfile.write(tmp_path / "c" / "s1_a.wav", clean + noise, SAMPLE_RATE, subtype="FLOAT")
    levels = {}
    for method in ("none", "spectral"):
        prepare(tmp_path / "c", tmp_path / method, PrepareOptions(denoise=method, split="1/0/0", sync="off"))
        levels[method] = read_facts(tmp_path / method, "s1_a").snr_db
    assert levels["spectral"] > levels["none"] + 6


def test_memory_does_not_grow_with_the_length(tmp_path, movie_file):
    peaks = []
    for seconds in (15, 60):
        movie_file(f"c{seconds}/s1_a.mkv", frames=25 * seconds, lossless=True)
        tracemalloc.start()
        options = PrepareOptions(split="1/0/0", sync="off")  # lags are estimated from the first 5 minutes
        prepare(tmp_path / f"c{seconds}", tmp_path / f"out{seconds}", options, workers=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 45 s more of frames and sound alone would be 2.6 + 2.9 MB.
    assert peaks[1] - peaks[0] < 1_000_000


@pytest.mark.skipif(not (REAL / "usc75").exists(), reason="the outside samples are not here")
def test_a_real_recording(tmp_path):
    options = PrepareOptions(region="auto", split_by="time", split="70/7/23", seconds=2)
    outcome = prepare(REAL / "usc75", tmp_path / "clips", options)
    assert not outcome.problems
    assert not any(one.leaks for one in outcome.leakage)
    assert sum(entry.frames for entry in outcome.clips.entries) / 25 == pytest.approx(26, abs=0.5)
    assert len(list((tmp_path / "clips" / RECORDINGS).glob("*.safetensors"))) == 1
