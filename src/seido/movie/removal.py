"""Networks that take noise out of speech, as enhancers that `seido.clips.denoise` can use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import torch

from seido.clips.narrow import through_16k
from seido.errors import BadInputError
from seido.models.checkpoint import build, load_checkpoint
from seido.models.frcrn_fast import PreparedFrcrn
from seido.models.frcrn_files import load_frcrn
from seido.models.frcrn_long import enhance
from seido.models.frcrn_small import FrcrnSmall, SmallStream
from seido.models.registry import find_model
from seido.values import Samples, Speech

Kind = Literal["frcrn-small", "frcrn"]
SMALL = "frcrn-small-phantom-1"
"""The bundled weights of the small network."""
_BLOCK = 160_000
"""Samples that are fed to the small network at a time: 10 s."""


@dataclass(frozen=True)
class Remover:
    """A network as an enhancer; it is read when it is first needed, in every process anew."""

    kind: Kind
    model: Path

    def __call__(self, speech: Speech) -> Speech:
        """Lower the noise; same rate and length. Raises BadInputError when the weights cannot be used."""
        network = _network(self.kind, self.model)
        if isinstance(network, PreparedFrcrn):
            return through_16k(speech, lambda samples: enhance(network, samples))
        return through_16k(speech, lambda samples: enhance_small(network, samples))


def removers(methods: str, model: str | Path | None = None) -> Mapping[str, Remover]:
    """Find the networks that a method, such as "template+frcrn-small", makes use of.

    `model` names the weights, a file or what is bundled; the small network's are bundled and need none. Raises
    BadInputError when weights are needed and not named, or named and not needed, or of another network.
    """
    wanted = [step for step in methods.split("+") if step in get_args(Kind)]
    found: dict[str, Remover] = {}
    if "frcrn" in wanted and model is None:
        raise BadInputError(
            "frcrn: its weights do not come with seido; name the released folder, or a file that "
            "`seido train --model frcrn` made, with --model"
        )
    if model is not None and (len(wanted) != 1):
        raise BadInputError("model: it is for the methods frcrn and frcrn-small; leave it out, or choose one of them")
    for kind in get_args(Kind):
        if kind in wanted and model is not None:
            found[kind] = Remover(kind, Path(model) if kind == "frcrn" else find_model(model))
            _network(kind, found[kind].model)
    if "frcrn-small" in wanted and model is None:
        found["frcrn-small"] = Remover("frcrn-small", find_model(SMALL))
    return found


def enhance_small(network: FrcrnSmall, samples: Samples) -> Samples:
    """Take the noise out of a recording at 16 kHz, float32 (samples,), bit by bit: as many samples."""
    stream = SmallStream(network)
    parts = [stream.feed(torch.from_numpy(samples[at : at + _BLOCK])[None]) for at in range(0, len(samples), _BLOCK)]
    return torch.cat([*parts, stream.flush()], dim=1)[0].numpy()


@lru_cache(maxsize=2)
def _network(kind: Kind, model: Path) -> PreparedFrcrn | FrcrnSmall:
    if kind == "frcrn":
        return PreparedFrcrn(load_frcrn(model))
    network = build(load_checkpoint(model, expect="frcrn-small"))
    assert isinstance(network, FrcrnSmall)  # noqa: S101  (load_checkpoint was told what to expect)
    return network
