from fractions import Fraction

import pytest
import torch

from seido.errors import BadInputError
from seido.models.blocks import scaled
from seido.models.wav2lip import QualityDiscriminator, SyncNet, Wav2Lip

SLIM = Fraction(1, 16)


@pytest.fixture
def picture():
    torch.manual_seed(1)
    return torch.rand(2, 6, 96, 96)


def test_untrained_residual_network_returns_the_reference(picture):
    audio = torch.randn(2, 1, 80, 16)
    for model in (Wav2Lip(SLIM, residual=True), Wav2Lip(SLIM, residual=True).eval()):
        assert torch.equal(model(audio, picture), picture[:, 3:])


def test_residual_network_is_neither_clamped_nor_named_otherwise(picture):
    model = Wav2Lip(SLIM, residual=True)
    assert list(model.state_dict()) == list(Wav2Lip(SLIM).state_dict())
    torch.nn.init.constant_(model.output_block[1].bias, 1.5)
    assert torch.equal(model(torch.randn(2, 1, 80, 16), picture), picture[:, 3:] + 1.5)


def test_residual_network_learns_from_its_first_step(picture):
    model = Wav2Lip(SLIM, residual=True)
    model(torch.randn(2, 1, 80, 16), picture).square().mean().backward()
    assert model.output_block[1].weight.grad.abs().max() > 0


@pytest.mark.parametrize("residual", [False, True])
def test_a_window_is_its_frames_one_by_one(residual):
    torch.manual_seed(2)
    model = Wav2Lip(SLIM, residual).eval()
    if residual:
        torch.nn.init.normal_(model.output_block[1].weight)
    audio, face = torch.randn(2, 3, 1, 80, 16), torch.rand(2, 6, 3, 96, 96)
    with torch.inference_mode():
        window = model(audio, face)
        assert window.shape == (2, 3, 3, 96, 96)
        for t in range(3):
            torch.testing.assert_close(window[:, :, t], model(audio[:, t], face[:, :, t]), rtol=0, atol=1e-6)


def test_discriminator_sees_the_lower_half_only_and_frames_time_major():
    torch.manual_seed(3)
    judge = QualityDiscriminator(SLIM).eval()
    frames = torch.rand(2, 3, 4, 96, 96)
    with torch.inference_mode():
        judged = judge(frames)
        assert judged.shape == (8, 1)
        each = torch.cat([judge(frames[:, :, t]) for t in range(4)])
        torch.testing.assert_close(judged, each, rtol=0, atol=1e-6)
        upper = frames.clone()
        upper[..., :48, :] = 0
        assert torch.equal(judge(upper), judged)


def test_embeddings_have_length_one_and_are_not_negative():
    expert = SyncNet(SLIM).eval()
    with torch.inference_mode():
        for embedding in expert(torch.randn(3, 1, 80, 16), torch.rand(3, 15, 48, 96)):
            assert embedding.shape == (3, 32)
            assert embedding.min() >= 0
            torch.testing.assert_close(embedding.norm(dim=1), torch.ones(3))


@pytest.mark.parametrize("width", [Fraction(1, 1000), 0.03, 0.1, 0.33, Fraction(2, 7)])
def test_any_width_fits_together(width, picture):
    with torch.inference_mode():
        assert Wav2Lip(width).eval()(torch.randn(2, 1, 80, 16), picture).shape == (2, 3, 96, 96)
    assert scaled(512, Fraction(1, 1000)) == 4


@pytest.mark.parametrize("width", [0, -1, 9, float("nan"), float("inf")])
def test_impossible_widths(width):
    with pytest.raises(BadInputError, match="out of range"):
        Wav2Lip(width)


@pytest.mark.parametrize(
    ("audio", "face", "sentence"),
    [
        ((1, 1, 80, 15), (1, 6, 96, 96), r"audio should have shape \(B, 1, 80, 16\) or .*, got \(1, 1, 80, 15\)"),
        ((1, 80, 16), (1, 6, 96, 96), r"audio should have shape .* got \(1, 80, 16\)"),
        ((1, 1, 80, 16), (1, 6, 128, 128), r"face should have shape \(B, 6, 96, 96\) or .*, got \(1, 6, 128, 128\)"),
        ((1, 1, 80, 16), (1, 3, 96, 96), r"face should have shape .* got \(1, 3, 96, 96\)"),
        ((2, 1, 80, 16), (1, 6, 96, 96), "same B, got 2 and 1"),
        ((1, 1, 80, 16), (1, 6, 1, 96, 96), "same number of dimensions, got 4 and 5"),
        ((1, 5, 1, 80, 16), (1, 6, 4, 96, 96), "same T, got 5 and 4"),
        ((1, 5, 1, 80, 16), (2, 6, 5, 96, 96), "same B, got 1 and 2"),
    ],
)
def test_wrong_shapes_are_named(audio, face, sentence):
    with pytest.raises(BadInputError, match=sentence):
        Wav2Lip(SLIM)(torch.zeros(audio), torch.zeros(face))


def test_wrong_shapes_for_the_critics():
    with pytest.raises(BadInputError, match=r"face should have shape \(B, 15, 48, 96\), got \(1, 15, 96, 96\)"):
        SyncNet(SLIM)(torch.zeros(1, 1, 80, 16), torch.zeros(1, 15, 96, 96))
    with pytest.raises(BadInputError, match=r"frames should have shape .* got \(1, 3, 48, 96\)"):
        QualityDiscriminator(SLIM)(torch.zeros(1, 3, 48, 96))
