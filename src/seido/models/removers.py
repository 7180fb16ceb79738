"""Networks that take noise out of speech, by name."""

from __future__ import annotations

from fractions import Fraction

from seido.models.frcrn import CHANNELS, FRCRN
from seido.models.frcrn_layers import REDUCTION
from seido.models.frcrn_small import FrcrnSmall
from seido.plan import Plan

TITLES = {"frcrn": "FRCRN, a noise remover", "frcrn-small": "a small causal noise remover after FRCRN"}
REMOVERS = tuple(TITLES)


def new_remover(plan: Plan) -> FRCRN | FrcrnSmall:
    """Make the network that a plan describes; torch's random generator decides its first weights."""
    if plan.network.name == "frcrn":
        return FRCRN(frcrn_channels(plan.network.width))
    return FrcrnSmall(plan.network.width)


def frcrn_channels(width: Fraction) -> int:
    """Tell how many channels FRCRN has at a width; no fewer than its gates need.

    >>> frcrn_channels(Fraction(1, 4))
    32
    """
    return max(REDUCTION, round(CHANNELS * width))
