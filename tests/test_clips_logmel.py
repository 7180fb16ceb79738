from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seido.clips.logmel import LIMIT, log_mel, mel_filters
from seido.errors import BadInputError
from seido.plan import FrontEnd
from seido.timebase import exact_rate, mel_columns, window_start
from seido.values import Speech

FIXTURE = np.load(Path(__file__).parent / "parity" / "wav2lip_parity.npz")
TOLERANCE = 1e-5


def test_it_hears_what_the_published_weights_heard():
    mel = log_mel(Speech(FIXTURE["wav"], 16_000))
    assert np.abs(mel.T - FIXTURE["mel_reflect"]).max() < TOLERANCE
    # Zero padding, what newer versions of the published front-end's library do, is another thing at the ends.
    assert np.abs(mel.T - FIXTURE["mel_zero"]).max() > 1


@pytest.mark.parametrize(("key", "rate"), [("25", 25), ("30", 30), ("27", 27), ("13p84", "13.84")])
def test_windows_begin_where_the_published_inference_begins_them(key, rate):
    starts = FIXTURE[f"infer_starts_fps{key}"]
    ours = [window_start(i, 97, exact_rate(rate), Fraction(0)) for i in range(len(starts))]
    assert ours == starts.tolist()


def test_windows_of_the_published_training_begin_a_frame_earlier():
    starts = [window_start(2 + j, 97, Fraction(25), Fraction(1, 25)) for j in range(5)]
    assert starts == FIXTURE["indiv_starts"].tolist()


@given(samples=st.integers(1, 4000))
@settings(max_examples=30, deadline=None)
def test_any_length_gives_at_least_a_window(samples):
    mel = log_mel(Speech(np.random.default_rng(samples).normal(0, 0.1, samples).astype(np.float32), 16_000))
    assert mel.shape == (mel_columns(samples), 80)
    assert mel.dtype == np.float32
    assert np.abs(mel).max() <= LIMIT


def test_long_speech_is_the_same_in_blocks(voice):
    """Over a block's edge (4096 columns, 51 s) nothing is heard: a shift by whole hops shifts the columns."""
    samples = np.tile(voice(1.0), 60)
    whole, later = log_mel(Speech(samples, 16_000)), log_mel(Speech(samples[200 * 40 :], 16_000))
    np.testing.assert_allclose(whole[44:-4], later[4:-4], atol=1e-6)


def test_filters_have_unit_area():
    front_end = FrontEnd()
    areas = mel_filters(front_end).sum(dim=1) * (front_end.sample_rate / front_end.fft)
    assert areas[20:].numpy() == pytest.approx(np.ones(60), rel=0.2)


def test_other_sample_rates_are_refused():
    with pytest.raises(BadInputError, match="16000 Hz, got 8000 Hz"):
        log_mel(Speech(np.zeros(800, np.float32), 8000))
