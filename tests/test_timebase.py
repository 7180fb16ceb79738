from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seido.errors import BadInputError
from seido.timebase import (
    MEL_RATE,
    WINDOW,
    exact_rate,
    frames_to_cover,
    mel_columns,
    samples_of_frames,
    source_frame,
    taken_at,
    window_start,
)

RATES = st.sampled_from([Fraction(14), Fraction(27), Fraction(25), Fraction(1159, 50), Fraction(2082, 25)])


def test_a_float_is_the_decimal_that_was_written():
    assert exact_rate(83.28) == Fraction(8328, 100)
    assert exact_rate("23.18") == Fraction(1159, 50)


@pytest.mark.parametrize("wrong", ["", "fast", "1/0", "nan", "inf", 0, -25, 10_000])
def test_an_impossible_rate_is_refused(wrong):
    with pytest.raises(BadInputError, match=r"rate|range"):
        exact_rate(wrong)


@given(samples=st.integers(1, 10**9), rate=RATES)
def test_frames_cover_speech_and_outlast_it_by_less_than_one(samples, rate):
    frames = frames_to_cover(samples, 16_000, rate)
    assert (frames - 1) / rate < Fraction(samples, 16_000) <= frames / rate


@given(frames=st.integers(0, 10**7), rate=RATES)
def test_frames_to_samples_and_back(frames, rate):
    samples = samples_of_frames(frames, 48_000, rate)
    assert abs(Fraction(samples, 48_000) - frames / rate) <= Fraction(1, 96_000)


@given(index=st.integers(0, 90_000), rate=RATES, source=RATES)
def test_retiming_never_drifts_over_half_a_source_frame(index, rate, source):
    shown = source_frame(index, rate, source)
    middle, wanted = (shown + Fraction(1, 2)) / source, (index + Fraction(1, 2)) / rate
    assert abs(middle - wanted) <= 1 / (2 * source)


@given(
    index=st.integers(0, 100_000),
    columns=st.integers(WINDOW, 400_000),
    rate=RATES,
    lead=st.fractions(-1, 1, max_denominator=1000),
)
def test_windows_stay_inside_the_spectrogram(index, columns, rate, lead):
    start = window_start(index, columns, rate, lead)
    assert 0 <= start <= columns - WINDOW
    exact = MEL_RATE * (index / rate - lead)
    if 0 <= exact <= columns - WINDOW:
        assert 0 <= exact - start < 1


@given(samples=st.integers(1, 10**8))
def test_columns_of_speech(samples):
    assert mel_columns(samples) == max(16, 1 + samples // 200)


@given(
    st.integers(0, 10_000),
    st.integers(0, 500),
    st.sampled_from(["25", "27", "1159/50"]),
    st.sampled_from(["25", "14", "346/25", "83.28"]),
)
def test_a_picture_was_taken_within_half_a_source_frame_of_when_it_is_shown(index, first, rate, source):
    rate, source = exact_rate(rate), exact_rate(source)
    taken = taken_at(index, rate, source, first)
    assert abs(taken - index) <= rate / source / 2
    # It is the middle of a source frame.
    assert ((taken + first + Fraction(1, 2)) / rate * source - Fraction(1, 2)).denominator == 1
    assert taken_at(index, rate, rate, first) == index
