"""Generators that move the first frame, by name: ours, and those of the trial that came before it."""

from __future__ import annotations

from seido.models import tract, trial
from seido.models.mover import Mover
from seido.models.trial_e import TrialE
from seido.models.trial_hb import TrialHb
from seido.plan import Plan

MOVERS = {
    "tract": tract.SIZE,
    "trial-e": trial.SIZE,
    "trial-hb": trial.SIZE,
}
"""What `seido train --model` calls them, and the plan of their checkpoints; and the pixels along each side of the
pictures that they are made for."""
TITLES = {
    "tract": "a tract generator",
    "trial-e": "the trial's warping generator, E",
    "trial-hb": "the trial's hybrid generator, Hb",
}


def new_mover(plan: Plan) -> Mover:
    """Make the generator that a plan describes; torch's random generator decides its first weights."""
    width = plan.network.width
    if plan.network.name == "trial-e":
        return TrialE(width, plan.front_end, plan.rate)
    if plan.network.name == "trial-hb":
        return TrialHb(width)
    return tract.new_tract(plan)
