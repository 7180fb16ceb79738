"""FRCRN against every number of its fixture, and long recordings."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from frcrn_weights import filled
from seido.errors import BadInputError
from seido.models.frcrn import (
    FRCRN,
    HOP,
    LOOK_AHEAD,
    LOOK_BACK,
    SAMPLE_RATE,
    WINDOW,
    product,
    spectrum,
    waveform,
    window,
)
from seido.models.frcrn_levels import enhance_as_released, gain, padded_length
from seido.models.frcrn_long import enhance, spans
from seido.models.frcrn_losses import mask_loss, si_snr

pytestmark = pytest.mark.usefixtures("one_thread")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "parity"
BUNDLED = Path(__file__).parent / "parity" / "frcrn_parity.npz"
needs_shared = pytest.mark.skipif(not (SHARED / "frcrn_parity.npz").exists(), reason="the whole fixture is not here")
EDGE = HOP


def arrays(path):
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


@pytest.fixture(scope="module")
def bundled():
    return arrays(BUNDLED)


@pytest.fixture(scope="module")
def fixture():
    return arrays(SHARED / "frcrn_parity.npz")


@pytest.fixture(scope="module")
def network():
    return filled()


@pytest.fixture(scope="module")
def narrow():
    return filled(8)


def row(samples):
    return torch.from_numpy(np.ascontiguousarray(samples, np.float32))[None]


def close(found, expected, atol, rtol=0.0):
    found = found.detach().double().numpy() if isinstance(found, torch.Tensor) else found
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)


def close_waveform(found, expected, edge=1e-4):
    found = found.detach().numpy() if isinstance(found, torch.Tensor) else found
    assert found.shape == expected.shape
    np.testing.assert_allclose(found[..., EDGE:-EDGE], expected[..., EDGE:-EDGE], rtol=0, atol=5e-6)
    np.testing.assert_allclose(found, expected, rtol=0, atol=edge)


# The network


def test_weights_are_filled_as_the_fixture_says(bundled, network):
    weights = network.state_dict()
    digest = hashlib.sha256()
    for key in sorted(weights):
        digest.update(key.encode())
        digest.update(weights[key].contiguous().numpy().tobytes())
    assert digest.hexdigest() == str(bundled["weights_sha256"])


def test_output_and_what_every_module_gives(bundled, network):
    seen = {}

    def look(name):
        def hook(_module, _inputs, y):
            y = y.unflatten(1, (2, -1)).permute(0, 2, 3, 4, 1).double()
            seen[name] = (list(y.shape), y.mean(), y.std(correction=0), y.flatten()[0], y.flatten()[-1])

        return hook

    names = [str(name) for name in bundled["stat_names"]]
    hooks = [network.get_submodule(name).register_forward_hook(look(name)) for name in names]
    with torch.inference_mode():
        y = network(row(bundled["x_1p2"]))
    for hook in hooks:
        hook.remove()
    close_waveform(y[0], bundled["out_1p2"])
    # The gate of the last encoder is computed by the reference and used by nobody.
    used = [name for name in names if not name.endswith("se_layer_enc6")]
    assert list(seen) == used
    for name, shape, expected in zip(names, bundled["stat_shapes"], bundled["stats"], strict=True):
        if name in seen:
            assert "x".join(map(str, seen[name][0])) == shape
            np.testing.assert_allclose(seen[name][1:], expected, rtol=0, atol=1e-4 * expected[1], err_msg=name)


def test_lengths(bundled, narrow):
    with torch.inference_mode():
        lengths = [narrow(torch.zeros(1, int(count))).shape[1] for count in bundled["lengths_in"]]
    assert lengths == bundled["lengths_out"].tolist()


@needs_shared
def test_names_shapes_and_counts_are_the_released_ones(network):
    released = json.loads((SHARED / "frcrn_keys.json").read_text())
    rows = {key: [shape, kind] for key, shape, kind, own in released["keys"] if key == own and key.startswith("unet")}
    ours = {k: [list(t.shape), str(t.dtype).removeprefix("torch.")] for k, t in network.state_dict().items()}
    assert ours == rows
    assert sum(p.numel() for p in network.parameters()) == released["trainable_parameters"]


@needs_shared
def test_transforms(fixture):
    close(window(torch.zeros(1)), fixture["window"], 1e-7)
    # Rows of the reference's kernels: the forward one is the windowed DFT, the inverse one its pseudo-inverse.
    which = fixture["kernel_rows"]
    eye = torch.eye(WINDOW)
    forward = spectrum(eye)[..., 0].flatten(1).T[which]
    close(forward, fixture["stft_kernel_rows"], 1e-6)
    units = torch.eye(2 * (WINDOW // 2 + 1))[which].unflatten(1, (2, -1))
    back = torch.fft.irfft(torch.complex(units[:, 0], units[:, 1]), n=WINDOW) * window(eye)
    close(back, fixture["istft_kernel_rows"], 1e-6)


@needs_shared
def test_masks_losses_and_gradients_in_eval_mode(fixture, network):
    x, clean = row(fixture["x_1p2"]), row(fixture["clean_1p2"])
    spectra = spectrum(x)
    close(spectra[0].permute(1, 2, 0), fixture["spec_in"], 5e-5)
    first = []
    hook = network.unet.register_forward_hook(lambda _m, _i, y: first.append(torch.tanh(y)))
    values, gradients, _ = losses(network, x, clean, fixture["mask_sum"])
    hook.remove()
    close(first[0][0].permute(1, 2, 0), fixture["mask1"], 5e-5)
    close(values, fixture["loss_eval"], 0, rtol=1e-5)
    norms = [gradients[str(name)].norm().item() for name in fixture["grad_names"]]
    np.testing.assert_allclose(norms, fixture["grad_eval"], rtol=1e-3)
    total = sum(g.double().square().sum() for g in gradients.values()).sqrt()
    np.testing.assert_allclose(total, fixture["grad_total_eval"], rtol=1e-3)


def losses(network, x, clean, mask_sum=None):
    spectra = spectrum(x)
    mask = network.mask(spectra)
    if mask_sum is not None:
        close(mask[0].permute(1, 2, 0), mask_sum, 5e-5)
    y = waveform(product(spectra, mask))
    parts = mask_loss(mask, x, clean), -si_snr(y, clean)
    values = torch.stack((sum(parts), *parts))
    network.zero_grad()
    values[0].backward()
    gradients = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    return values, gradients, y


@needs_shared
def test_one_training_step(fixture):
    network = filled().train()
    x, clean = (torch.cat((row(fixture[n]), row(fixture[n][::-1]))) for n in ("x_1p2", "clean_1p2"))
    values, gradients, y = losses(network, x, clean)
    close(y[:, ::4], fixture["out_train"], 1e-4)
    close(values, fixture["loss_train"], 0, rtol=1e-5)
    norms = [gradients[str(name)].norm().item() for name in fixture["grad_names"]]
    np.testing.assert_allclose(norms, fixture["grad_train"], rtol=5e-3)
    norm = network.get_submodule(str(fixture["bn_name"]))
    close(norm.running_mean, fixture["bn_running_mean_after"], 1e-5)
    close(norm.running_var, fixture["bn_running_var_after"], 1e-5)
    assert norm.num_batches_tracked == 1

    parameters = dict(network.named_parameters())
    changed = [parameters[str(name)] for name in fixture["adam_names"]]
    before = [p.detach().clone() for p in changed]
    total = nn.utils.clip_grad_norm_(network.parameters(), 10)
    np.testing.assert_allclose(total, fixture["grad_total_train"], rtol=5e-3)
    weights = [p for name, p in parameters.items() if "bias" not in name]
    biases = [p for name, p in parameters.items() if "bias" in name]
    groups = [{"params": weights, "weight_decay": 1e-5}, {"params": biases}]
    torch.optim.Adam(groups, lr=1e-3).step()
    for i, (p, old) in enumerate(zip(changed, before, strict=True)):
        wrong = np.abs((p - old).detach().numpy() - fixture[f"adam_delta_{i}"]) > 1e-5
        # Adam's first step is the gradient's sign: where the gradient is near 0, rounding may turn it.
        assert wrong.sum() <= 4


@needs_shared
def test_longer_passage(fixture, network):
    with torch.inference_mode():
        close_waveform(network(row(fixture["x_3p0"]))[0], fixture["out_3p0"])


@needs_shared
def test_released_file_path(fixture, network):
    np.testing.assert_allclose(1 / (gain(fixture["x_3p0"]) + 1e-6), fixture["file_scalar_3p0"], rtol=1e-6)
    assert padded_length(48_000) == fixture["file_raw_len"] == fixture["seg_raw_len"]
    close_waveform(enhance_as_released(network, fixture["x_3p0"]), fixture["file_out_3p0"])


@needs_shared
def test_released_segmented_path(fixture, network):
    found = enhance_as_released(network, fixture["x_3p0"], one_pass=2.0)
    close_waveform(found, fixture["seg_out_3p0"])


def test_a_batch_is_its_rows(narrow):
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 4000)).astype(np.float32))
    with torch.inference_mode():
        close(narrow(x), torch.cat([narrow(x[:1]), narrow(x[1:])]).numpy(), 1e-3, 1e-4)


def test_too_short_and_misshapen():
    with pytest.raises(BadInputError, match="640 samples"):
        spectrum(torch.zeros(1, 639))
    with pytest.raises(BadInputError, match=r"\(batch, samples\)"):
        spectrum(torch.zeros(640))
    with pytest.raises(BadInputError, match="at least 8 channels"):
        FRCRN(4)


# Long recordings


def speech_like(count, seed=3):
    t = np.arange(count) / SAMPLE_RATE
    draw = np.random.default_rng(seed)
    tone = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 12)) * np.maximum(0, np.sin(2 * np.pi * 1.3 * t))
    return (0.1 * tone + 0.02 * draw.standard_normal(count)).astype(np.float32)


def decibel(error, of):
    return 10 * np.log10(np.mean(np.square(error)) / np.mean(np.square(of)))


@given(st.integers(1, 5000), st.integers(1, 500))
def test_spans_cover_every_frame_once_with_context(frames, length):
    found = spans(frames, length)
    assert [i for span in found for i in range(span.start, span.stop)] == list(range(frames))
    for span in found:
        assert span.first == max(0, span.start - LOOK_BACK)
        assert span.last == min(frames, span.stop + LOOK_AHEAD)


def test_segments_near_the_whole_with_every_pass(narrow):
    x = speech_like(40_123)
    whole = enhance(narrow, x, segment=10)
    assert whole.shape == x.shape
    assert whole.dtype == np.float32
    off = [decibel(enhance(narrow, x, segment=0.8, passes=n) - whole, whole) for n in (1, 2, 12)]
    assert off[1] < -60
    assert off[1] < off[0]
    # Eleven gates wait for one another; after as many passes only rounding is left.
    assert off[2] < -100


def test_context_is_what_a_frame_depends_on(narrow):
    held = {}
    x = spectrum(row(speech_like(60_000)))

    def first(gate, y):
        return held.setdefault(gate, y.mean(dim=(3, 4)))

    frames = x.shape[-1]
    with torch.inference_mode():
        before = narrow.mask(x, first)
        changed = x.clone()
        changed[..., 95] += 3.0
        moved = (narrow.mask(changed, first) - before).abs().amax(dim=(0, 1, 2)) > 0
    where = np.flatnonzero(moved.numpy())
    assert frames > 95 + LOOK_BACK
    assert where.min() >= 95 - LOOK_AHEAD
    assert where.max() <= 95 + LOOK_BACK


def test_whole_is_the_network_itself_away_from_the_ends(narrow):
    x = speech_like(16_000)
    around = np.concatenate([np.zeros(HOP, np.float32), x, np.zeros(HOP, np.float32)])
    with torch.inference_mode():
        plain = narrow(row(around))[0].numpy()[HOP:-HOP]
    close(enhance(narrow, x, normalise=False), plain, 2e-6)


def test_level_does_not_matter_when_normalised(narrow):
    x = speech_like(16_000)
    loud, soft = enhance(narrow, x), enhance(narrow, x / 50)
    assert decibel(loud - 50 * soft, loud) < -55


@pytest.mark.parametrize("count", [1, 319, 320, 641, 800])
def test_short_silent_and_steady(narrow, count):
    assert not enhance(narrow, np.zeros(count)).any()
    steady = enhance(narrow, np.full(count, 0.5))
    assert steady.shape == (count,)
    assert np.isfinite(steady).all()


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.array([0.0, np.nan]), "NaN"),
        (np.zeros((2, 100)), "one row"),
        (np.zeros(0), "one row"),
        (np.zeros(100, np.int16), "floating point"),
    ],
)
def test_bad_samples(narrow, samples, said):
    with pytest.raises(BadInputError, match=said):
        enhance(narrow, samples)


def test_bad_settings():
    with pytest.raises(BadInputError, match="training mode"):
        enhance(FRCRN(8), np.zeros(100))
    with pytest.raises(BadInputError, match="at least one pass"):
        enhance(FRCRN(8).eval(), np.zeros(100), passes=0)
    with pytest.raises(BadInputError, match="one row"):
        enhance_as_released(FRCRN(8).eval(), np.zeros(0))


def test_released_path_leaves_the_last_samples_where_pieces_fit(narrow):
    y = enhance_as_released(narrow, speech_like(40_000), one_pass=1.0)
    assert not y[-2000:].any()
    assert y[-2100:-2000].any()
