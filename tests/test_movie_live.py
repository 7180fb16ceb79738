"""The streaming form gives what the whole sound gives, as early as it says, in flat memory."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seido.clips.logmel import log_mel
from seido.clips.logmel_live import Heard, end, hear
from seido.errors import BadInputError, NotFiniteError
from seido.models.checkpoint import save_checkpoint
from seido.models.tract import TractGenerator
from seido.models.wav2lip import Wav2Lip
from seido.movie.generate import GenerateOptions, generate, load_generator, tract_batches
from seido.movie.live import Live, begin
from seido.plan import FrontEnd, Network, Plan
from seido.timebase import exact_rate
from seido.values import Speech

pytestmark = pytest.mark.usefixtures("one_thread")

SLIM = Fraction(1, 4)
PLAN = Plan(
    network=Network(name="tract", width=SLIM, residual=True, size=32),
    front_end=FrontEnd(lead=Fraction(2, 25)),
    recipe="tract",
    antialias=True,
)
PICTURE = np.random.default_rng(3).integers(0, 256, (32, 32), np.uint8)


def sound(samples: int, seed: int = 0) -> np.ndarray:
    """Noise that swells and fades four times a second."""
    swell = np.sin(np.arange(samples) * (4 * np.pi / 16_000)) ** 6
    return (np.random.default_rng(seed).normal(0, 0.1, samples) * (swell + 1e-3)).astype(np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    """A generator that hears and moves: its last layers are drawn, not zero."""
    torch.manual_seed(4)
    network = TractGenerator(SLIM)
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.abs().max() > 0:
                parameter.normal_(std=0.05)
    path = tmp_path_factory.mktemp("live") / "tract.safetensors"
    save_checkpoint(path, network, PLAN)
    return str(path)


def pieces(samples: np.ndarray, lengths: list[int]) -> Iterator[np.ndarray]:
    """Cut sound into chunks of these lengths, over and over."""
    first, turn = 0, 0
    while first < len(samples):
        length = lengths[turn % len(lengths)]
        yield samples[first : first + length]
        first, turn = first + length, turn + 1


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9000), st.lists(st.integers(1, 3000), min_size=1, max_size=5))
def test_columns_come_one_by_one_as_they_come_together(samples, lengths):
    ears, heard, columns = FrontEnd(), Heard(), []
    whole = sound(samples)
    for chunk in pieces(whole, [length + 100 for length in lengths] if samples > 3000 else lengths):
        heard, some = hear(heard, chunk, ears)
        columns.append(some)
        assert len(heard.samples) <= 2 * ears.fft + ears.hop + len(chunk)
    columns.append(end(heard, ears))
    np.testing.assert_allclose(np.concatenate(columns), log_mel(Speech(whole, 16_000)), atol=1e-5)


def test_nothing_heard_gives_no_column():
    assert end(Heard(), FrontEnd()).shape == (0, 80)


@pytest.mark.parametrize("fps", ["25", "1159/50", "100"])
@pytest.mark.parametrize("lengths", [[160], [977, 3, 4000], [10**6]])
def test_what_comes_live_is_what_comes_at_once(model, fps, lengths):
    options = GenerateOptions(fps=fps, region="0,0,32,32")
    speech = Speech(sound(14_321), 16_000)
    network, plan = load_generator(model)
    rate = exact_rate(fps)
    wanted = range(speech.frames(rate))
    whole = torch.cat(list(tract_batches(network, plan, speech, PICTURE, rate, options, wanted)))
    assert whole.diff(dim=0).abs().max() > 4e-3, "the test needs a movie that moves"
    live = begin(model, PICTURE, options)
    made = [live.images(chunk) for chunk in pieces(speech.samples, lengths)]
    made = torch.cat([some for some in [*made, live.last_images()] if len(some)])
    torch.testing.assert_close(made, whole, atol=1e-5, rtol=0)


def test_frames_are_those_of_generate_and_flip_and_region_count(model):
    picture = np.random.default_rng(5).integers(0, 256, (40, 60, 3), np.uint8)
    options = GenerateOptions(model=model, region="4,5,30,30", flip=True, offset=-40)
    speech = Speech(sound(6_000), 16_000)
    whole = np.stack(list(generate(speech, picture, options)))
    live = begin(model, picture, options)
    frames = [frame for chunk in pieces(speech.samples, [700]) for frame in live.feed(chunk)]
    frames = np.stack([*frames, *live.finish()])
    assert frames.shape == whole.shape
    assert np.abs(frames.astype(int) - whole).max() <= 1


def test_a_frame_comes_as_soon_as_it_says_and_memory_is_flat(model):
    live = begin(model, PICTURE)
    assert live.look_ahead == Fraction(1, 5)
    frames = 0
    for number in range(1, 301):
        frames += len(live.feed(sound(160, number)))
        now = Fraction(160 * number, 16_000)
        # All frames whose middle lies the look-ahead back are there.
        assert frames >= int((now - live.look_ahead) * live.rate + Fraction(1, 2))
        assert live.spoken.mel is None or len(live.spoken.mel) < 64
        assert len(live.spoken.heard.samples) < 2000


def test_the_state_is_a_value_and_reset_begins_anew(model):
    live = begin(model, PICTURE)
    first = [*live.feed(sound(5_000))]
    kept = live.spoken
    one = [*live.feed(sound(3_000, 1)), *live.finish()]
    live.spoken = kept
    other = [*live.feed(sound(3_000, 1)), *live.finish()]
    np.testing.assert_array_equal(np.stack(one), np.stack(other))
    live.reset()
    again = live.feed(sound(5_000))
    np.testing.assert_array_equal(np.stack(first), np.stack(again))


def test_silence_rests(model):
    live = begin(model, PICTURE)
    frames = [*live.feed(np.zeros(8_000, np.float32)), *live.finish()]
    assert len(frames) == 13
    assert all((frame == frames[0]).all() for frame in frames)
    assert begin(model, PICTURE).finish() == []


def test_sound_that_cannot_be_used(model, tmp_path):
    live: Live = begin(model, PICTURE)
    with pytest.raises(BadInputError, match="float32"):
        live.feed(np.zeros(10))
    with pytest.raises(NotFiniteError, match="NaN"):
        live.feed(np.full(10, np.nan, np.float32))
    assert live.feed(np.zeros(0, np.float32)) == []
    live.finish()
    for late in (lambda: live.feed(sound(10)), live.finish):
        with pytest.raises(BadInputError, match="reset"):
            late()
    path = Path(tmp_path) / "lips.safetensors"
    save_checkpoint(path, Wav2Lip(Fraction(1, 16)), Plan(network=Network(width=Fraction(1, 16))))
    with pytest.raises(BadInputError, match="cannot follow live speech"):
        begin(path, PICTURE)
