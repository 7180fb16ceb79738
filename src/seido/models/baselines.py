"""The field's baselines by name: networks that turn speech into pictures without seeing the speaker."""

from __future__ import annotations

from seido.models.aligned import AlignedNetwork
from seido.models.csapo_cnn import CsapoCNN
from seido.models.csapo_dnn import CsapoDNN
from seido.models.recurrent import CsapoLSTM, OuraBLSTM
from seido.plan import Plan

BASELINES: dict[str, type[CsapoDNN | CsapoCNN | CsapoLSTM]] = {
    "csapo-dnn": CsapoDNN,
    "csapo-cnn": CsapoCNN,
    "csapo-lstm": CsapoLSTM,
    "oura-blstm": OuraBLSTM,
}
"""What `seido train --model` calls them, and the plan of their checkpoints."""
TITLES = {
    "csapo-dnn": "a fully connected network (Csapó 2020)",
    "csapo-cnn": "a convolutional network (Csapó 2020)",
    "csapo-lstm": "an LSTM network (Csapó 2020)",
    "oura-blstm": "a bidirectional LSTM network (Oura et al. 2024)",
}
RECURRENT = frozenset({"csapo-lstm", "oura-blstm"})
"""Those that need frames in a row to learn from."""


def new_baseline(plan: Plan) -> AlignedNetwork:
    """Make the baseline that a plan describes; torch's random generator decides its first weights.

    It hears the middle `front_end.window` of each frame's 16 mel columns. Raises KeyError for other networks.
    """
    features = plan.front_end.bands * plan.front_end.window
    return BASELINES[plan.network.name](features, plan.network.width, plan.network.size)
