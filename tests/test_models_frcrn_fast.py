"""The prepared FRCRN gives what the network gives."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from frcrn_weights import filled
from seido.errors import BadInputError
from seido.models.frcrn import FRCRN, HOP, SAMPLE_RATE, WINDOW, spectrum
from seido.models.frcrn_fast import PreparedFrcrn, _pieces
from seido.models.frcrn_long import enhance

HERE = Path(__file__).parent
BUNDLED = HERE / "parity" / "frcrn_parity.npz"
WHOLE = HERE.parents[1] / "shared" / "parity" / "frcrn_parity.npz"
NARROW = (8, 12)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def narrow():
    return {channels: (network := filled(channels), PreparedFrcrn(network)) for channels in NARROW}


@pytest.fixture(scope="module")
def released():
    return PreparedFrcrn(filled())


def noise(batch, count, seed=0):
    return torch.from_numpy(0.1 * np.random.default_rng(seed).standard_normal((batch, count))).float()


def equals_the_network(found, network, *values):
    """Compare with the network itself."""
    with torch.inference_mode():
        plain = network(*values)
    scale = plain.abs().max()
    assert found.shape == plain.shape
    assert (found - plain).abs().max() <= 1e-5 * scale


@pytest.mark.parametrize(
    ("path", "seconds"),
    [(BUNDLED, "1p2"), pytest.param(WHOLE, "3p0", marks=pytest.mark.skipif(not WHOLE.exists(), reason="not here"))],
)
def test_released_width_gives_the_reference_numbers(released, path, seconds):
    with np.load(path) as stored:
        x, expected = stored[f"x_{seconds}"], stored[f"out_{seconds}"]
    found = released(torch.from_numpy(np.asarray(x, np.float32))[None])[0].numpy()
    inside = slice(HOP, -HOP)
    np.testing.assert_allclose(found[inside], expected[inside], rtol=0, atol=5e-6)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(NARROW), st.integers(1, 2), st.integers(WINDOW, 12_000), st.integers(0, 99))
def test_masks_of_any_length_are_equal(narrow, channels, batch, count, seed):
    network, prepared = narrow[channels]
    x = spectrum(noise(batch, count, seed))
    equals_the_network(prepared.mask(x), network.mask, x)


def test_long_enough_for_many_pieces(narrow):
    network, prepared = narrow[8]
    x = noise(1, 6 * SAMPLE_RATE)
    equals_the_network(prepared(x), network, x)


def test_gates_are_asked_for_the_same_averages(narrow):
    network, prepared = narrow[8]
    x = spectrum(noise(1, 8000))

    def masked(mask):
        asked = []

        def pool(_gate, y):
            asked.append(y[..., 3:-2].mean(dim=(3, 4)))
            return asked[-1]

        return mask(x, pool), asked

    with torch.inference_mode():
        (found, ours), (expected, theirs) = masked(prepared.mask), masked(network.mask)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)


def test_recordings_are_enhanced_alike_by_both(narrow):
    network, prepared = narrow[8]
    samples = noise(1, 30_000)[0].numpy()
    np.testing.assert_array_equal(enhance(prepared, samples, segment=0.8), enhance(network, samples, segment=0.8))


def test_it_keeps_its_own_weights_and_leaves_the_network_alone():
    network = filled(8)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    prepared, x = PreparedFrcrn(network), noise(1, 3000)
    first = prepared(x)
    assert not first.requires_grad
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    with torch.no_grad():
        for value in network.parameters():
            value.zero_()
    assert torch.equal(prepared(x), first)


def test_networks_in_training_are_refused():
    with pytest.raises(BadInputError, match="training mode"):
        PreparedFrcrn(FRCRN(8))


@given(st.integers(1, 3000), st.integers(1, 400))
def test_pieces_cover_all_frames(frames, frequencies):
    found = list(_pieces(frames, frequencies))
    assert [i for start, stop in found for i in range(start, stop)] == list(range(frames))
    assert all(start < stop for start, stop in found)
