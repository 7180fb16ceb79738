from __future__ import annotations

import csv
import io
import json
import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageFilter

from seido.errors import BadInputError, NotFiniteError
from seido.scores.lag import lag_ms
from seido.scores.rows import FIRST_FRAME, GENERATED, MEAN_FRAME, Row, Scores, mean_frame, rows, score_movie
from seido.scores.similarity import motion, nmse, skill, ssim
from seido.scores.table import differences, estimate, summaries, summarise, table_markdown, to_csv, to_json
from seido.values import Movie, Region

RATE = Fraction(25)
SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "samples"


def movie(frames: int = 20, seed: int = 0, height: int = 20, width: int = 24) -> Movie:
    generator = np.random.default_rng(seed)
    still = generator.integers(0, 200, (height, width))
    move = 40 * np.sin(np.arange(frames)[:, None, None] / 2 + np.arange(width) / 4)
    return Movie((still + 41 + np.rint(move)).clip(0, 255).astype(np.uint8), RATE)


def scores(value: float = 0.5, **changes: float | None) -> Scores:
    return Scores(**{"frames": 9, **dict.fromkeys(NAMES, value), **changes})


NAMES = ("ssim", "nmse", "motion_correlation", "motion_amplitude", "skill_over_mean", "skill_over_first", "lag_ms")


def test_frame_0_is_not_scored() -> None:
    true = movie()
    spoiled = Movie(np.concatenate([255 - true.frames[:1], true.frames[1:]]), RATE)
    perfect = score_movie(true, spoiled)
    assert (perfect.frames, perfect.ssim, perfect.nmse, perfect.skill_over_first) == (19, 1, 0, 1)
    assert perfect.motion_correlation == pytest.approx(1)
    with pytest.raises(BadInputError, match="one frame has nothing to score"):
        score_movie(movie(1), movie(1))


def test_a_region_is_cut_out_of_movies_and_mean_frame() -> None:
    true, predicted, region = movie(), movie(seed=1), Region(3, 2, 15, 12)
    mean = mean_frame([movie(seed=2)])
    found = score_movie(true, predicted, region, mean)
    x, y = (region.crop(one.frames[1:], axis=1) for one in (true, predicted))
    assert x.shape == (19, 12, 15)
    assert found == Scores(
        19,
        float(ssim(x, y).mean()),
        nmse(x, y),
        *motion(x, y),
        skill(x, y, region.crop(mean)),
        skill(x, y, region.crop(true.frames[0])),
        lag_ms(x, y, RATE),
    )
    with pytest.raises(BadInputError, match="reaches outside the movie"):
        score_movie(true, predicted, Region(20, 0, 15, 12))


def test_the_trivial_rows_earn_no_motion_and_no_skill() -> None:
    true, predicted = movie(), movie(seed=1)
    mean = mean_frame([movie(seed=2), movie(7, seed=3)])
    found = {row.predictor: row.scores for row in rows("a", true, predicted, mean_frame=mean)}
    assert list(found) == [GENERATED, FIRST_FRAME, MEAN_FRAME]
    assert found[GENERATED] == score_movie(true, predicted, None, mean)
    assert found[FIRST_FRAME].skill_over_first == 0
    assert found[MEAN_FRAME].skill_over_mean == 0
    for name in (FIRST_FRAME, MEAN_FRAME):
        assert (found[name].motion_correlation, found[name].motion_amplitude) == (0, 0)
    assert [row.predictor for row in rows("a", true, predicted)] == [GENERATED, FIRST_FRAME]
    assert rows("a", true, predicted)[0].scores.skill_over_mean is None


def test_a_mean_frame_averages_all_frames() -> None:
    movies = [movie(5), movie(40, seed=1)]
    expected = np.rint(np.concatenate([one.frames for one in movies]).mean(axis=0))
    assert np.array_equal(mean_frame(iter(movies)), expected)
    with pytest.raises(BadInputError, match="at least one movie, got none"):
        mean_frame([])
    with pytest.raises(BadInputError, match=r"one size, got \(20, 24\) and \(30, 24\)"):
        mean_frame([movie(), movie(height=30)])


def test_movies_that_do_not_fit_are_refused_in_a_sentence() -> None:
    true = movie()
    with pytest.raises(BadInputError, match="25 frames/s and the predicted one 27"):
        score_movie(true, Movie(true.frames, Fraction(27)))
    with pytest.raises(BadInputError, match="is 24 × 20 pixels and the predicted one 24 × 30"):
        score_movie(true, movie(height=30))
    with pytest.raises(BadInputError, match="clip 7: the true movie has 20 frames and the predicted one 12"):
        rows("clip 7", true, movie(12))
    with pytest.raises(BadInputError, match="the mean frame is 24 × 30 pixels and the true movie 24 × 20"):
        score_movie(true, true, None, np.zeros((30, 24), np.uint8))


def test_trimming_scores_the_frames_both_have() -> None:
    true, predicted = movie(), movie(12, seed=1)
    short = Movie(true.frames[:12], RATE)
    expected = [row.scores for row in rows("a", short, predicted)]
    assert [row.scores for row in rows("a", true, predicted, trim=True)] == expected
    assert score_movie(true, predicted, trim=True) == score_movie(short, predicted)
    assert score_movie(predicted, true, trim=True).frames == 11


def test_scores_are_checked_when_made() -> None:
    with pytest.raises(NotFiniteError, match="nmse is nan"):
        scores(nmse=math.nan)
    with pytest.raises(BadInputError, match="at least one frame, got 0"):
        scores(frames=0)


def test_the_interval_is_the_percentile_bootstraps() -> None:
    values = np.random.default_rng(3).normal(0.8, 0.1, 50)
    found = estimate(list(values))
    assert found.mean == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(
        values.mean() + np.array([-1.96, 1.96]) * values.std() / np.sqrt(50), abs=0.005
    )
    assert found == estimate(list(values)) != estimate(list(values), seed=1)
    assert estimate(list(-values)).low == pytest.approx(-found.high)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    found = [estimate(list(generator.normal(0, 1, 30))) for _ in range(200)]
    assert 0.88 <= np.mean([one.low <= 0 <= one.high for one in found]) <= 0.99


def test_one_clip_has_a_mean_and_no_interval() -> None:
    found = summarise([scores(0.25, nmse=None)])
    assert (found["ssim"].mean, found["ssim"].low, found["ssim"].high, found["ssim"].clips) == (0.25, None, None, 1)
    assert (found["nmse"].mean, found["nmse"].clips) == (None, 0)


def table() -> list[Row]:
    return [
        Row("a", GENERATED, scores(0.5), "seen"),
        Row("b, with a comma", GENERATED, scores(0.7, nmse=None), "seen"),
        Row("a", FIRST_FRAME, scores(0.3), "seen"),
        Row("c", GENERATED, scores(0.9), "unseen"),
    ]


def test_summaries_group_by_condition_and_predictor() -> None:
    found = summaries(table())
    assert [(one.condition, one.predictor, one.clips) for one in found] == [
        ("seen", GENERATED, 2),
        ("seen", FIRST_FRAME, 1),
        ("unseen", GENERATED, 1),
    ]
    assert found[0].estimates["ssim"].mean == pytest.approx(0.6)
    assert (found[0].estimates["nmse"].mean, found[0].estimates["nmse"].clips) == (0.5, 1)


def test_json_and_csv_say_the_same_and_hold_no_nan() -> None:
    content = json.loads(to_json(table()))
    assert content["first_scored_frame"] == 1
    assert content["rows"][1]["scores"]["nmse"] is None
    assert content["summaries"][0]["estimates"]["ssim"]["clips"] == 2
    lines = list(csv.DictReader(io.StringIO(to_csv(table()))))
    assert len(lines) == 4
    assert (lines[1]["clip"], lines[1]["nmse"], lines[1]["frames"]) == ("b, with a comma", "", "9")
    for line, row in zip(lines, content["rows"], strict=True):
        assert float(line["ssim"]) == row["scores"]["ssim"]
    assert "nan" not in to_json(table()).lower() + to_csv(table()).lower()


def test_with_three_speakers_intervals_are_over_speakers_too() -> None:
    rows_ = [
        Row(f"{name}{at}", GENERATED, scores(0.1 * speaker + 0.01 * at), "seen", name)
        for speaker, name in enumerate("abcd")
        for at in range(6)
    ]
    (found,) = summaries(rows_)
    (flat,) = summaries([Row(row.clip, row.predictor, row.scores, row.condition) for row in rows_])
    assert (found.over, flat.over) == ("speakers and clips", "clips")
    assert found.estimates["ssim"].low < flat.estimates["ssim"].low
    assert "resamples of the speakers and clips" in table_markdown(rows_)
    assert {line["speaker"] for line in csv.DictReader(io.StringIO(to_csv(rows_)))} == set("abcd")


def test_predictors_are_compared_on_the_same_clips() -> None:
    found = differences([*table(), Row("c", FIRST_FRAME, scores(0.8, lag_ms=None), "unseen")], GENERATED, FIRST_FRAME)
    assert (found["ssim"].clips, found["lag_ms"].clips) == (2, 1)
    assert found["ssim"].mean == pytest.approx(0.15)
    only = differences(table(), GENERATED, FIRST_FRAME, "seen")
    assert (only["ssim"].mean, only["ssim"].low) == (pytest.approx(0.2), None)
    with pytest.raises(BadInputError, match="no clip was scored under both 'generated' and 'wrong speech'"):
        differences(table(), GENERATED, "wrong speech")


def test_tract_error_is_shown_where_it_was_measured() -> None:
    assert "tract error" not in table_markdown(table())
    assert "tract error, mm" in table_markdown([*table(), Row("d", GENERATED, scores(tract_error_mm=1.25))])


def test_markdown_lines_up_and_explains_itself() -> None:
    text = table_markdown(table())
    lines = text.splitlines()
    grid = [line for line in lines if line.startswith("|")]
    assert len(grid) == 5
    assert len({len(line) for line in grid}) == 1
    assert "0.6000 [0.5000, 0.7000]" in grid[2]
    assert "0.5000 (1)" in grid[2]
    assert "One clip alone has no interval." in lines[-1]
    assert "– is undefined" in lines[-1]
    plain = table_markdown([Row("a", GENERATED, scores()), Row("b", GENERATED, scores())])
    assert "One clip" not in plain
    assert "undefined" not in plain


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample movies are not here")
def test_degraded_movies_rank_as_they_should() -> None:
    with av.open(str(SAMPLES / "M1_JD3_ja.mp4")) as container:
        frames = [picture.to_ndarray(format="gray") for picture in container.decode(video=0)]
    true = Movie(np.stack(frames[10:50]), RATE)
    blurred = np.stack([np.array(Image.fromarray(one).filter(ImageFilter.GaussianBlur(2))) for one in true.frames])
    lagged = true.frames[np.maximum(np.arange(40) - 3, 0)]
    region = Region(60, 90, 100, 90)
    blur, lag = (score_movie(true, Movie(one, RATE), region) for one in (blurred, lagged))
    held = rows("ja", true, true, region=region)[1].scores
    assert None not in {blur.motion_correlation, lag.motion_correlation, blur.motion_amplitude}
    assert blur.motion_correlation > 0.9 > 0.5 > lag.motion_correlation
    assert blur.motion_amplitude < lag.motion_amplitude == pytest.approx(1, abs=0.1)
    assert blur.skill_over_first > 0.5 > lag.skill_over_first
    assert held.ssim > lag.ssim - 0.05, "by SSIM alone a still picture keeps up with the true movie 0.12 s late"
