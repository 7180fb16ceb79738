import warnings

import pytest
import torch

from seido.errors import BadInputError
from seido.models.first_frame import FirstFrameOnce
from seido.models.wav2lip import Wav2Lip


def trained(width, residual):
    """A network with weights drawn so that the speech shows in its frames and they stay within 0 … 1 or so."""
    torch.manual_seed(7)
    model = Wav2Lip(width, residual)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(std=0.1)
            elif isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
                module.weight.normal_(std=module.weight[0].numel() ** -0.5)
                module.bias.normal_(std=0.1)
        if residual:
            model.output_block[1].weight.mul_(0.1)
    return model.eval()


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("width", [0.01, 0.125, 0.3])
@pytest.mark.parametrize("batch", [1, 3, 16])
def test_equals_the_plain_network(width, residual, batch):
    model = trained(width, residual)
    fast = FirstFrameOnce(model)
    held = fast.hold(face := torch.rand(1, 6, 96, 96))
    audio = torch.randn(batch, 1, 80, 16)
    with torch.inference_mode():
        expected = model(audio, face.expand(batch, -1, -1, -1))
    assert batch == 1 or (expected[0] - expected[1]).abs().max() > 1e-4  # the speech matters
    torch.testing.assert_close(fast.frames(audio, held), expected, rtol=0, atol=1e-5)
    # Nothing that is held was changed on the way.
    torch.testing.assert_close(fast.frames(audio, held), expected, rtol=0, atol=1e-5)


def test_equals_the_plain_network_at_full_width():
    model = trained(1, residual=False)
    fast = FirstFrameOnce(model)
    face, audio = torch.rand(1, 6, 96, 96), torch.randn(2, 1, 80, 16)
    with torch.inference_mode():
        expected = model(audio, face.expand(2, -1, -1, -1))
    torch.testing.assert_close(fast.frames(audio, fast.hold(face)), expected, rtol=0, atol=1e-5)


def test_two_clips_at_once_and_the_model_unchanged():
    model = trained(0.1, residual=False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fast = FirstFrameOnce(model)
    faces = torch.rand(2, 6, 96, 96)
    held = [fast.hold(face[None]) for face in faces]
    audio = torch.randn(1, 1, 80, 16)
    for face, each in zip(faces, held, strict=True):
        expected = model(audio, face[None]).detach()
        torch.testing.assert_close(fast.frames(audio, each), expected, rtol=0, atol=1e-5)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.parametrize("residual", [False, True])
def test_the_module_of_a_clip_can_be_exported(residual):
    model = trained(0.1, residual)
    fast = FirstFrameOnce(model)
    held = fast.hold(torch.rand(1, 6, 96, 96))
    module = fast.as_module(held)
    assert not module.training
    assert not list(module.parameters())
    program = fast.export(held)
    for batch in (1, 5):
        audio = torch.randn(batch, 1, 80, 16)
        torch.testing.assert_close(program.module()(audio), fast.frames(audio, held), rtol=0, atol=1e-5)


def test_openvino_gives_the_same():
    openvino = pytest.importorskip("openvino")
    fast = FirstFrameOnce(trained(0.1, residual=True))
    held = fast.hold(torch.rand(1, 6, 96, 96))
    audio = torch.randn(3, 1, 80, 16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch and OpenVINO warn of each other's old habits
        network = openvino.convert_model(fast.export(held))
    compiled = openvino.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for batch in (1, 3):
        frames = torch.from_numpy(compiled(audio[:batch].numpy())[0])
        torch.testing.assert_close(frames, fast.frames(audio[:batch], held), rtol=0, atol=1e-5)


def test_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"eval\(\)"):
        FirstFrameOnce(Wav2Lip(0.01))
    fast = FirstFrameOnce(Wav2Lip(0.01).eval())
    with pytest.raises(BadInputError, match=r"face should have shape \(1, 6, 96, 96\), got \(2, 6, 96, 96\)"):
        fast.hold(torch.rand(2, 6, 96, 96))
    held = fast.hold(torch.rand(1, 6, 96, 96))
    with pytest.raises(BadInputError, match=r"audio should have shape \(B, 1, 80, 16\), got \(1, 80, 16\)"):
        fast.frames(torch.rand(1, 80, 16), held)
