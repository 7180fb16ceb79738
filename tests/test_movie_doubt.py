"""Where the model guesses: doubt is 0 where every hearing agrees, and orange where they do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seido.clips.logmel import log_mel, stretched
from seido.errors import BadInputError
from seido.movie.doubt import AROUND, COVER, LEAST, MOST, TINT, doubt_of, tinted
from seido.movie.generate import GenerateOptions, generate
from seido.values import Speech

pytestmark = pytest.mark.usefixtures("one_thread")


def test_doubt_is_the_mean_distance_of_other_hearings():
    made = torch.rand(3, 1, 24, 20)
    assert not doubt_of(made, [made, made]).any()
    others = [made + 0.3, made - 0.4]
    torch.testing.assert_close(doubt_of(made, others), torch.full_like(made, np.sqrt((0.09 + 0.16) / 2)))
    # One pixel's doubt is spread over its neighbours, and no more of it is lost than falls off the edge.
    other = made.clone()
    other[0, 0, 10, 10] += 1
    near = doubt_of(made, [other])[0, 0]
    assert float(near.sum()) == pytest.approx(1, abs=1e-5)
    assert int((near > 1e-6).sum()) == AROUND**2


def test_the_tint_begins_and_is_full_where_it_says():
    made = torch.full((2, 1, 16, 16), 0.5)
    for distance, share in ((LEAST / 2, 0.0), ((LEAST + MOST) / 2, COVER / 2), (2 * MOST, COVER)):
        (shown,) = tinted([made], [[made + distance]])
        wanted = 0.5 * (1 - share) + torch.tensor(TINT) * share
        torch.testing.assert_close(shown, wanted[:, None, None].expand(2, 3, 16, 16), atol=1e-5, rtol=0)


def test_stretching_bands_moves_a_formant_and_back():
    mel = np.full((80, 3), -4, np.float32)
    mel[40] = 4
    assert stretched(mel, 1.25).argmax(0).tolist() == [32] * 3
    np.testing.assert_array_equal(stretched(mel, 1.0), mel)
    assert stretched(log_mel(Speech(np.zeros(16_000, np.float32), 16_000)).T, 0.9).shape == (80, 81)


def test_a_movie_is_coloured_only_where_there_is_doubt(voice):
    speech = Speech(voice(1.2), 16_000)
    plain = np.stack(list(generate(speech, "man-whole")))
    shown = np.stack(list(generate(speech, "man-whole", GenerateOptions(doubt=True))))
    assert shown.shape == (*plain.shape, 3)
    coloured = np.ptp(shown.astype(int), axis=3) > 2
    assert 0 < coloured.mean() < 0.2
    np.testing.assert_allclose(shown[~coloured].mean(-1), plain[~coloured], atol=4)
    # Orange, above all: more red than green than blue.
    red, green, blue = shown[coloured].astype(int).mean(0)
    assert red > green > blue
    silence = Speech(np.zeros(16_000, np.float32), 16_000)
    still = np.stack(list(generate(silence, "man-whole", GenerateOptions(doubt=True))))
    assert (np.ptp(still.astype(int), axis=3) > 2).mean() < coloured.mean()


def test_other_models_cannot_tell(slim_model, tract, voice):
    with pytest.raises(BadInputError, match="leave out --doubt"):
        generate(Speech(voice(0.5), 16_000), tract(1)[0], GenerateOptions(model=str(slim_model), doubt=True))
