"""Where networks run."""

from __future__ import annotations

import torch

from seido.errors import BadInputError


def choose_device(name: str) -> torch.device:
    """Turn auto (a GPU if there is one), cpu, cuda, cuda:1 or mps into a device.

    Raises BadInputError when it cannot be used on this computer.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise BadInputError(f"device: {name!r} cannot be used on this computer; choose cpu or auto") from None
    return device
