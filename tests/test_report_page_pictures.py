"""What the report's page draws: plots, packed movies, spectrograms, waveforms, kymographs and stills."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from report_page_data import Reader, clip, data
from seido.report.kymograph import Line
from seido.report.page.build import page
from seido.report.page.data import LagCurve, Measure, Predictor, Value
from seido.report.page.markup import number
from seido.report.page.pictures import (
    DISPLAY,
    SHEET,
    envelope,
    pack,
    pack_movies,
    spectrogram,
    still_indices,
    stills,
    strips,
    unpack,
    wav,
)
from seido.report.page.plots import Axis, curves, dots, looks


def test_marks_stand_where_their_values_are():
    measure = Measure("m", "M", "higher")
    drawn = looks([Predictor("p")])
    rows = [(str(mean), {"p": Value(mean, mean - 0.1, mean + 0.2)}) for mean in (0.1, 0.5, 0.4, 0.9)]
    reader = Reader(dots("t", measure, rows, drawn))
    ticks = {float(one["x1"]) for one in reader.of("line") if "grid" in one["class"]}
    marks = [float(one["cx"]) for one in reader.of("circle")]
    intervals = [(float(one["x1"]), float(one["x2"])) for one in reader.of("line") if one["class"] == "interval"]
    scale = (marks[1] - marks[0]) / 0.4
    for mark, (low, high) in zip(marks, intervals, strict=True):
        assert mark - low == pytest.approx(0.1 * scale, abs=0.2)
        assert high - mark == pytest.approx(0.2 * scale, abs=0.2)
    assert marks[3] == pytest.approx(marks[0] + 0.8 * scale, abs=0.2)
    assert min(ticks) <= marks[0]


def test_undefined_values_are_not_drawn_and_empty_plots_do_not_fail():
    measure = Measure("m", "M", "one")
    drawn = looks([Predictor("p")])
    assert not Reader(dots("t", measure, [("a", {"p": Value(None)})], drawn)).of("circle")
    assert Reader(dots("t", measure, [("a", {"p": Value(0.5)})], drawn)).of("circle")
    assert not Reader(curves("t", [LagCurve("p", (0.0,), (None,))], drawn)).of("polyline")


def test_a_curve_is_cut_where_it_is_undefined():
    line = LagCurve("p", (-40.0, 0.0, 40.0, 80.0), (0.1, 0.5, None, 0.2))
    reader = Reader(curves("t", [line], looks([Predictor("p")])))
    assert [len(one["points"].split()) for one in reader.of("polyline")] == [2, 1]
    assert "highest 0.500 at 0 ms" in "".join(reader.texts)


def test_predictors_are_told_apart_without_colour():
    predictors = [Predictor(f"m{at}") for at in range(5)] + [Predictor(f"f{at}", "floor") for at in range(4)]
    drawn = looks([*predictors, Predictor("c", "ceiling")])
    assert len({(look.shape, look.filled) for look in drawn.values()}) == len(drawn)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8),
    st.floats(0, 200),
    st.floats(201, 600),
)
def test_an_axis_holds_all_values_and_its_ticks(values, start, end):
    axis = Axis.over(values, start, end)
    assert all(start - 1e-6 <= axis.at(value) <= end + 1e-6 for value in [*values, *axis.ticks])
    assert 2 <= len(axis.ticks) <= 12
    assert axis.at(axis.low) == pytest.approx(start)


@given(st.floats(-1e6, 1e6), st.integers(0, 6))
def test_a_printed_number_reads_back(value, digits):
    printed = number(value, digits)
    assert float(printed.replace("−", "-")) == pytest.approx(value, abs=0.5 * 10**-digits + 1e-9)
    assert not re.fullmatch(r"−0?\.?0*", printed)


def _movie(frames: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width), np.uint8)


@pytest.mark.parametrize("shape", [(1, 5, 7), (13, 16, 16), (30, 20, 33), (3, 2100, 2100)])
def test_packed_frames_come_back_exactly(shape):
    movie = _movie(*shape)
    sheets = pack(movie, None)
    assert (unpack(sheets, shape) == movie).all()
    assert len(sheets.pictures) == (3 if shape[1] > SHEET / 2 else 1)


def test_movies_over_the_budget_are_coarser_and_the_error_is_told():
    true, generated = _movie(20, 48, 48), _movie(20, 48, 48, 1)
    exact = pack_movies(true, generated, 10**9)
    assert exact.quality is None
    assert exact.error == 0
    budget = (exact.true.bytes + exact.generated.bytes) // 2
    coarse = pack_movies(true, generated, budget)
    assert coarse.quality is not None
    assert coarse.true.bytes + coarse.generated.bytes <= budget
    changes = [
        np.abs(unpack(sheets, true.shape).astype(float) - movie).mean()
        for sheets, movie in ((coarse.true, true), (coarse.generated, generated))
    ]
    assert coarse.error == pytest.approx(np.mean(changes))
    assert coarse.error > 0


def test_a_clip_stays_within_its_share_of_the_page(tract, voice):
    noise = np.random.default_rng(0).normal(0, 6, (50, 128, 128))
    noisy = np.clip(tract(50, 128, 128) + noise, 0, 255).astype(np.uint8)
    shown = replace(clip("c"), true=noisy, generated=tract(50, 128, 128), speech=voice(2.0), scores={})
    article = page(data(clips=(shown,))).partition("<article")[2].partition("</article>")[0]
    assert len(article) < 1_500_000 * 2 / 5


def test_speech_is_a_wav_that_others_read():
    speech = np.sin(np.arange(1600) / 9).astype(np.float32)
    samples, rate = soundfile.read(io.BytesIO(wav(speech)), dtype="float32")
    assert rate == 16_000
    assert np.abs(samples - speech).max() < 1e-4


def test_a_tone_stands_at_its_height_in_the_spectrogram():
    speech = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)).astype(np.float32)
    picture = spectrogram(speech)
    assert picture.shape == (DISPLAY.bands, 201)
    # Slaney: 1 kHz is mel 15, the bands run from 0.825 to 15 + 27 ln(7.6) / ln(6.4).
    top = 15 + 27 * np.log(7.6) / np.log(6.4)
    band = (15 - 0.825) / (top - 0.825) * (DISPLAY.bands + 1) - 1
    darkest = int(picture[:, 100].argmin())
    assert abs((DISPLAY.bands - 1 - darkest) - band) <= 1.5


def test_the_waveform_holds_every_sample():
    speech = np.random.default_rng(0).uniform(-1, 1, 5000).astype(np.float32)
    bounds = envelope(speech, 50)
    assert bounds.shape == (50, 2)
    assert bounds.min() == speech.min()
    assert bounds.max() == speech.max()
    assert envelope(speech[:10], 50).shape == (50, 2)


def test_both_kymographs_share_their_greys():
    true, generated = np.full((4, 9, 9), 100, np.uint8), np.full((4, 9, 9), 50, np.uint8)
    above, below = strips(true, generated, Line(4, 0, 4, 8))
    assert above.shape == (9, 4)
    assert (above == 255).all()
    assert (below == 0).all()


def test_stills_are_frames_of_the_movies():
    true, generated = _movie(12, 8, 8), _movie(12, 8, 8, 1)
    picture = stills(true, generated)
    assert (picture[:8, :8] == true[still_indices(12)[0]]).all()
    assert (picture[12:20, -8:] == generated[still_indices(12)[-1]]).all()
