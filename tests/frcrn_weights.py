"""FRCRN with weights drawn per name, as the fixture's were."""

import zlib

import numpy as np
import torch

from seido.models.frcrn import FRCRN


def drawn(key, shape):
    draw = np.random.default_rng(zlib.crc32(f"FRCRN/{key}".encode()))
    last = key.rsplit(".", 1)[1]
    if last == "num_batches_tracked":
        return torch.zeros((), dtype=torch.int64)
    if last == "weight" and len(shape) == 4 and ".tconv_" in key:
        value = draw.standard_normal(shape) / np.sqrt(shape[0] * shape[2] * shape[3] / 2)
    elif last == "weight" and len(shape) > 1:
        value = draw.standard_normal(shape) * 0.7 / np.sqrt(np.prod(shape[1:]))
    elif last in {"weight", "running_var"}:
        value = 0.5 + draw.random(shape)
    else:
        value = 0.1 * draw.standard_normal(shape)
    return torch.from_numpy(np.asarray(value, np.float32))


def filled(channels=128):
    with torch.device("meta"):
        network = FRCRN(channels)
    weights = {key: drawn(key, tuple(old.shape)) for key, old in network.state_dict().items()}
    network.load_state_dict(weights, assign=True)
    return network.requires_grad_().eval()
