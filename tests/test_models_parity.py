"""Every number of the fixture made with the published networks; parity/wav2lip_parity.npz says how it was made."""

import hashlib
import json
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from seido.clips.logmel import log_mel
from seido.models.wav2lip import QualityDiscriminator, SyncNet, Wav2Lip
from seido.timebase import window_start
from seido.values import Speech

PARITY = Path(__file__).parent / "parity"
NETWORKS = {"Wav2Lip": Wav2Lip, "SyncNet_color": SyncNet, "Wav2Lip_disc_qual": QualityDiscriminator}
KEYS = json.loads((PARITY / "wav2lip_keys.json").read_text())


@pytest.fixture(scope="module")
def fixture():
    with np.load(PARITY / "wav2lip_parity.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


def filled(name):
    """The published network of that name, in eval mode, with weights drawn per key."""
    network = NETWORKS[name]().eval()
    gain = 2**0.5 if name == "Wav2Lip_disc_qual" else 1.0
    weights = {}
    for key, old in network.state_dict().items():
        draw = np.random.default_rng(zlib.crc32(f"{name}/{key}".encode()))
        shape, last = tuple(old.shape), key.rsplit(".", 1)[1]
        if last == "num_batches_tracked":
            weights[key] = torch.zeros((), dtype=torch.int64)
            continue
        if last == "weight" and len(shape) == 4:
            value = draw.standard_normal(shape) * gain / np.sqrt(np.prod(shape[1:]))
        elif last in {"weight", "running_var"}:
            value = 0.5 + draw.random(shape)
        else:
            value = 0.1 * draw.standard_normal(shape)
        weights[key] = torch.from_numpy(value.astype(np.float32))
    network.load_state_dict(weights)
    return network


@pytest.fixture(scope="module")
def generator():
    return filled("Wav2Lip")


@pytest.fixture(scope="module")
def expert():
    return filled("SyncNet_color").requires_grad_(False)


@pytest.fixture(scope="module")
def judge():
    return filled("Wav2Lip_disc_qual").requires_grad_(False)


def windows(fixture, starts):
    mel = fixture["mel_reflect"]
    return torch.from_numpy(np.stack([mel[:, s : s + 16] for s in starts]))[:, None]


def faces(fixture, frames):
    """Masked frame and reference, (T, 6, 96, 96)."""
    target, reference = fixture["frames_u8"][frames].copy(), fixture["refs_u8"][frames]
    target[:, 48:] = 0
    stack = np.concatenate((target, reference), axis=-1).astype(np.float32) / 255
    return torch.from_numpy(stack).permute(0, 3, 1, 2).contiguous()


def five_frames(fixture):
    """The training window: audio (1, 5, 1, 80, 16), face (1, 6, 5, 96, 96), ground truth (1, 3, 5, 96, 96)."""
    truth = torch.from_numpy(fixture["frames_u8"][2:7].astype(np.float32) / 255).permute(3, 0, 1, 2)[None]
    face = faces(fixture, slice(2, 7)).transpose(0, 1)[None]
    return windows(fixture, fixture["indiv_starts"])[None], face, truth


def lower_halves(movie):
    """(B, 3, 5, 96, 96) → (B, 15, 48, 96), frame by frame."""
    return movie[:, :, :, 48:].transpose(1, 2).flatten(1, 2)


def losses(fixture, frames, expert, judge):
    _, _, truth = five_frames(fixture)
    l1 = functional.l1_loss(frames, truth)
    voice, face = expert(windows(fixture, [int(fixture["mel_start"])]), lower_halves(frames))
    together = functional.cosine_similarity(voice, face)[:, None]
    sync = functional.binary_cross_entropy(together, torch.ones_like(together))
    judged = judge(frames)
    perceptual = functional.binary_cross_entropy(judged, torch.ones_like(judged))
    return torch.stack((l1, sync, perceptual, 0.03 * sync + 0.07 * perceptual + 0.9 * l1))


def close(tensor, expected, atol, rtol=0.0):
    np.testing.assert_allclose(tensor.detach().double().numpy(), expected, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_are_filled_as_the_fixture_says(fixture, name):
    weights = filled(name).state_dict()
    digest = hashlib.sha256()
    for key in sorted(weights):
        digest.update(key.encode())
        digest.update(weights[key].contiguous().numpy().tobytes())
    assert digest.hexdigest() == json.loads(str(fixture["weights_sha256"]))[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_keys_shapes_types_and_counts_are_the_published_ones(name):
    with torch.device("meta"):
        network = NETWORKS[name](Fraction(1))
    rows = [[key, list(t.shape), str(t.dtype).removeprefix("torch.")] for key, t in network.state_dict().items()]
    assert rows == KEYS[name]["keys"]
    assert sum(p.numel() for p in network.parameters()) == KEYS[name]["parameters"]
    assert sum(b.numel() for b in network.buffers()) == KEYS[name]["buffers"]


def test_single_frames(fixture, generator):
    starts = [window_start(i, 97, Fraction(25), Fraction(0)) for i in (0, 7)]
    assert starts == fixture["infer_starts"].tolist()
    stages = [generator.audio_encoder, *generator.face_encoder_blocks, *generator.face_decoder_blocks]
    seen = {}
    hooks = [stage.register_forward_hook(lambda m, _, out: seen.update({m: out.clone()})) for stage in stages]
    with torch.inference_mode():
        frames = generator(windows(fixture, starts), faces(fixture, slice(0, 2)))
    for hook in hooks:
        hook.remove()

    order = dict(
        zip(["audio_embedding", *(f"enc{i}" for i in range(7)), *(f"dec{i}" for i in range(7))], stages, strict=True)
    )
    for name, expected in zip(fixture["gen_stat_names"], fixture["gen_stats"], strict=True):
        x = seen[order[str(name)]].flatten().double()
        stats = torch.stack((x.mean(), x.std(correction=0), x[0], x[-1]))
        np.testing.assert_allclose(stats.numpy(), expected, rtol=0, atol=1e-5, err_msg=str(name))
    close(seen[generator.audio_encoder].flatten(1), fixture["audio_embedding"], 1e-5)
    close(frames, fixture["gen_out"], 1e-5)


def test_our_own_mel_gives_the_published_frames(fixture, generator):
    mel = log_mel(Speech(fixture["wav"], 16_000)).T
    audio = torch.from_numpy(np.stack([mel[:, s : s + 16] for s in fixture["infer_starts"]]))[:, None]
    with torch.inference_mode():
        close(generator(audio, faces(fixture, slice(0, 2))), fixture["gen_out"], 1e-5)


def test_five_frames_sync_and_quality(fixture, generator, expert, judge):
    audio, face, truth = five_frames(fixture)
    frames = generator(audio, face)
    close(frames, fixture["gen_out_window"], 1e-5)
    heard = windows(fixture, [int(fixture["mel_start"])])
    for movie, embedding, judged in ((truth, "sync_face_gt", "disc_gt"), (frames, "sync_face_gen", "disc_gen")):
        voice, mouth = expert(heard, lower_halves(movie))
        close(voice, fixture["sync_audio"], 1e-5)
        close(mouth, fixture[embedding], 1e-5)
        close(judge(movie), fixture[judged], 1e-5)

    values = losses(fixture, frames, expert, judge)
    close(values, fixture["loss_eval"], 0, rtol=1e-5)
    parameters = dict(generator.named_parameters())
    gradients = torch.autograd.grad(values[-1], [parameters[str(name)] for name in fixture["grad_names"]])
    close(torch.stack([g.norm() for g in gradients]), fixture["grad_eval"], 0, rtol=1e-3)


def test_one_training_step(fixture, expert, judge):
    generator = filled("Wav2Lip").train()
    audio, face, _ = five_frames(fixture)
    frames = generator(audio, face)
    close(frames, fixture["gen_out_window_train"], 1e-5)
    norm = generator.get_submodule(str(fixture["bn_name"]))
    close(norm.running_mean, fixture["bn_running_mean_after"], 1e-6)
    close(norm.running_var, fixture["bn_running_var_after"], 1e-6)
    assert norm.num_batches_tracked == 1

    values = losses(fixture, frames, expert, judge)
    close(values, fixture["loss_train"], 0, rtol=1e-5)
    before = generator.output_block[1].weight.detach().clone()
    optimizer = torch.optim.Adam(generator.parameters(), lr=1e-4, betas=(0.5, 0.999))
    values[-1].backward()
    parameters = dict(generator.named_parameters())
    norms = torch.stack([parameters[str(name)].grad.norm() for name in fixture["grad_names"]])
    close(norms, fixture["grad_train"], 0, rtol=5e-3)
    optimizer.step()
    close(generator.output_block[1].weight - before, fixture["adam_delta_output_1_weight"], 1e-6)
