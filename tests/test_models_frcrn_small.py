"""The small causal noise remover: it streams exactly, hears 40 ms ahead, and keeps the level."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from seido.errors import BadInputError
from seido.models.checkpoint import build, load_checkpoint, save_checkpoint
from seido.models.frcrn import HOP, WINDOW, spectrum
from seido.models.frcrn_layers import fixed_copy
from seido.models.frcrn_losses import each_si_snr, magnitude_loss, si_snr
from seido.models.frcrn_small import AHEAD, FrcrnSmall, SmallStream, sound, spectrum_of
from seido.models.frcrn_steady import follow, nothing_heard
from seido.models.half import write_half
from seido.plan import Network, Plan

pytestmark = pytest.mark.usefixtures("one_thread")

WIDTH = Fraction(1, 2)


def random_network(seed=0):
    """Weights large enough that everything takes part."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = FrcrnSmall(WIDTH)
        for name, value in network.state_dict().items():
            if name.endswith("running_mean"):
                value.normal_(0, 0.1)
            elif name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
        last = network.decoders[-1].conv
        for part in (last.tconv_re, last.tconv_im):
            part.weight.data.normal_(0, 0.3)
        return network.eval()


@pytest.fixture(scope="module")
def network():
    return random_network()


def speech(samples, batch=1, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 0.1, (batch, samples)).astype(np.float32))


@pytest.mark.parametrize("chunks", [(320,) * 12, (1, 5000, 0, 640, 639, 3), (2000, 2000), (100,)])
def test_what_is_fed_in_any_chunks_comes_out_as_the_whole(network, chunks):
    x = speech(sum(chunks), batch=2)
    with torch.inference_mode():
        whole = network(x)
    stream = SmallStream(network, batch=2)
    parts = [stream.feed(chunk) for chunk in torch.split(x, chunks, dim=1)]
    together = torch.cat([*parts, stream.flush()], dim=1)
    assert together.shape == whole.shape == x.shape
    assert (together - whole).abs().max() < 1e-5


def test_a_stream_gives_samples_after_40_ms(network):
    stream = SmallStream(network)
    assert AHEAD == Fraction(WINDOW, 16_000) == Fraction(40, 1000)
    assert stream.feed(speech(HOP - 1)).shape == (1, 0)
    given_until = sum(stream.feed(speech(1)).shape[1] for _ in range(WINDOW - HOP + 1))
    assert given_until == HOP  # the first half window once a whole one was heard


def test_no_sample_hears_more_than_40_ms_ahead(network):
    x = speech(16_000)
    for at in (5000, 5120, 5399):
        changed = x.clone()
        changed[:, at:] = speech(16_000 - at, seed=1)
        with torch.inference_mode():
            difference = (network(x) - network(changed))[0].abs()
        assert difference[: at - WINDOW + 1].max() == 0
        assert difference[at:].max() > 0


def test_long_sounds_are_worked_on_in_blocks_with_the_same_result(network, monkeypatch):
    x = speech(16_000)
    with torch.inference_mode():
        blocks = network(x)
        monkeypatch.setattr("seido.models.frcrn_small.BLOCK", 7)
        small = network(x)
    assert (blocks - small).abs().max() < 1e-5


def test_the_level_does_not_matter(network):
    x = speech(16_000)
    with torch.inference_mode():
        soft, loud = network(x), network(x * 30)
    assert (loud / 30 - soft).abs().max() < 0.03 * soft.abs().max()


@pytest.mark.parametrize("samples", [1, 319, 320, 321, 640, 799])
def test_short_sounds_keep_their_length_and_silence_stays_silent(network, samples):
    with torch.inference_mode():
        assert network(speech(samples)).shape == (1, samples)
        assert network(torch.zeros(1, samples)).abs().max() == 0


def test_a_new_network_lets_speech_pass():
    torch.manual_seed(0)
    x = speech(8000)
    y = sound(spectrum_of(x), 8000)
    assert (y - x).abs().max() < 1e-6
    with torch.inference_mode():
        passed = FrcrnSmall().eval()(x)
    assert each_si_snr(passed, x).item() > 3


def test_other_shapes_and_training_mode_are_refused(network):
    with pytest.raises(BadInputError, match="reshape it"):
        network(torch.zeros(5))
    with pytest.raises(BadInputError, match="reshape it"):
        SmallStream(network).feed(torch.zeros(2, 100))
    with pytest.raises(BadInputError, match="eval"):
        SmallStream(FrcrnSmall(WIDTH))


def test_a_steady_line_is_foretold_and_noise_is_not():
    t = torch.arange(32_000) / 16_000
    line = torch.sin(2 * torch.pi * 1234.5 * t)[None] * 0.1
    x = spectrum(line)
    x = torch.complex(x[:, 0], x[:, 1])
    foretold, features, _ = follow(x, nothing_heard(1, 321, x))
    late = slice(60, None)
    left = (x[..., late] - foretold[:, 0][..., late]).abs().square().sum() / x[..., late].abs().square().sum()
    assert left < 1e-4
    noise = spectrum(speech(32_000))
    noise = torch.complex(noise[:, 0], noise[:, 1])
    foretold, _, _ = follow(noise, nothing_heard(1, 321, noise))
    left = (noise - foretold[:, 1]).abs().square().sum() / noise.abs().square().sum()
    assert left > 0.7
    assert features.isfinite().all()


def test_kept_kernels_change_nothing(network):
    x = speech(4000)
    with torch.inference_mode():
        assert (fixed_copy(network)(x) - network(x)).abs().max() < 1e-6
    assert all(getattr(layer, "fixed", None) is None for layer in network.modules())


def test_a_checkpoint_gives_the_network_back_in_32_and_in_16_bits(network, tmp_path):
    path = tmp_path / "small.safetensors"
    save_checkpoint(path, network, Plan(network=Network(name="frcrn-small", width=WIDTH)))
    x = speech(8000)
    with torch.inference_mode():
        again = build(load_checkpoint(path, expect="frcrn-small"))(x)
        assert torch.equal(again, network(x))
        half = write_half(path, tmp_path / "half.safetensors").path
        assert (build(load_checkpoint(half, expect="frcrn-small"))(x) - again).abs().max() < 0.01
    assert half.stat().st_size < 0.6 * path.stat().st_size
    with pytest.raises(BadInputError, match="noise remover"):
        load_checkpoint(path)


def test_the_losses_know_each_example_and_quiet_sounds():
    clean, noise = speech(4000, 3), speech(4000, 3, seed=2)
    each = each_si_snr(clean + noise * torch.tensor([[1.0], [0.1], [0.01]]), clean)
    assert torch.allclose(each, torch.tensor([0.0, 20, 40]), atol=0.5)
    assert torch.allclose(si_snr(clean + noise, clean), each_si_snr(clean + noise, clean).mean())
    x = spectrum(clean)
    assert magnitude_loss(x, x) == 0
    assert magnitude_loss(x * 1.1, x) < magnitude_loss(x * 2, x)
