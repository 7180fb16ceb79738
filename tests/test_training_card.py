"""The model card says what the run was, the same each time, and nothing that is not so."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from seido.models.checkpoint import PUBLISHED
from seido.plan import Network, Plan
from seido.training.card import model_card
from seido.training.options import LossOptions, TrainOptions
from seido.values import Region

PLAN = Plan(
    network=Network(width=Fraction(1, 8), residual=True),
    rate=Fraction(1159, 50),
    region=Region(48, 84, 128, 120),
    frame_size=(250, 256),
    recipe="tract",
    corpus="ab12cd",
    notes={"clips": "9", "seconds": "27.0", "step": "500", "validation_loss": "0.021"},
)
DEFAULTS = TrainOptions().record()
ENDED = "Stopped at step 1000: 10 validations brought no gain."


def row(step: int, loss: float, speed: float | None = 51.25, **parts: float) -> dict[str, Any]:
    return {
        "step": step,
        "train_loss": None if step == 0 else 0.0173,
        "validation_loss": loss,
        "trivial_loss": 0.04,
        "learning_rate": 1e-3,
        "frames_per_second": speed,
        "parts": {f"validation/{name}": value for name, value in parts.items()},
    }


ROWS = [row(0, 0.04, None), row(250, 0.03), row(500, 0.021, ssim=0.912), row(750, 0.022), row(1000, 0.021)]


def test_data_recipe_and_reason_are_told():
    card = model_card(PLAN, DEFAULTS, ROWS, ENDED)
    for said in (
        "with 1/8 of the published network's channels; it adds what changes to the reference picture",
        "Training clips: 9, 27.0 s in all.",
        "`ab12cd`",
        "23.18 frames/s (1159/50)",
        "48,84,128,120 of frames of 256 × 250 pixels",
        "Recipe `tract`",
        ENDED,
        "All other options are the defaults.",
        "It is no measurement",
        "--model best.safetensors",
        "random weights (seed 0)",
    ):
        assert said in card, said
    assert card.startswith("# ")
    assert card.endswith("\n")
    assert "\n\n\n" not in card
    assert "None" not in card


def test_the_same_run_gives_the_same_card_whatever_time_it_took():
    slower = [{**each, "frames_per_second": 3.5} for each in ROWS]
    card = model_card(PLAN, DEFAULTS, ROWS, ENDED)
    assert model_card(PLAN, json.loads(json.dumps(DEFAULTS)), slower, ENDED) == card
    assert "51.25" not in card


def test_the_best_step_stands_beside_the_trivial_answer():
    card = model_card(PLAN, DEFAULTS, ROWS, ENDED)
    assert "that of step 500, with the lowest loss of 5 validations" in card
    assert "48 % below that of the clip's first frame held still" in card
    assert "| 0 | – | 0.04 | 0.04 |" in card
    assert "| 500 (best) | 0.0173 | 0.021 | 0.04 |" in card
    assert "| 1000 | 0.0173 | 0.021 | 0.04 |" in card
    assert "| 750 |" not in card
    assert "- validation/ssim: 0.912" in card


def test_a_model_that_has_learnt_nothing_is_called_so():
    card = model_card(PLAN, DEFAULTS, [row(0, 0.04), row(100, 0.05)], "")
    assert "no better than the clip's first frame held still" in card
    assert "% below" not in card
    assert "Scores\n\nNone" in model_card(PLAN, DEFAULTS, [], "Interrupted.")


def test_only_options_that_differ_are_listed():
    options = TrainOptions(steps=1000, learning_rate=3e-4, losses=LossOptions(structure=0.1), width=Fraction(1, 2))
    card = model_card(PLAN, options.record(), ROWS, ENDED)
    table = [line for line in card.splitlines() if line.startswith("| `")]
    assert table == [
        "| `learning_rate` | 0.0003 | 0.001 |",
        "| `steps` | 1000 | 20000 |",
        "| `losses.structure` | 0.1 | 0 |",
    ]
    odd = model_card(PLAN, {**DEFAULTS, "compile": True, "new": ["a|b", "c"], "losses": {}}, ROWS, ENDED)
    assert "| `compile` | yes | no |" in odd
    assert r"| `new` | a\|b, c | – |" in odd


def test_the_learning_rate_of_fine_tuning_is_no_choice():
    card = model_card(PLAN, {**DEFAULTS, "init": "77aa", "learning_rate": 1e-4}, ROWS, ENDED)
    assert "All other options are the defaults." in card
    assert "`77aa`" in card
    assert "licence is not noted" in card


def test_published_weights_bring_their_name_and_licence():
    digest = next(digest for digest, name in PUBLISHED.items() if name == "wav2lip_gan.pth")
    notes = {**PLAN.notes, "published": "wav2lip_gan.pth", "licence": "for research", "init_sha256": digest}
    card = model_card(replace(PLAN, notes=notes), {**DEFAULTS, "init": digest}, ROWS, ENDED)
    assert f"`{digest}`, wav2lip_gan.pth as published with Wav2Lip." in card
    assert "Licence of the weights: for research." in card
    assert card.count("wav2lip_gan.pth") == 1
    further = replace(PLAN, notes={**notes, "init_sha256": "77aa"})
    assert "Further back stands wav2lip_gan.pth" in model_card(further, {**DEFAULTS, "init": "77aa"}, ROWS, ENDED)


def test_the_critic_is_named():
    record = {**DEFAULTS, "losses": {**DEFAULTS["losses"], "sync": 0.03, "expert": "cafe"}}
    card = model_card(PLAN, record, ROWS, ENDED)
    assert "Critic: the sync expert with SHA-256 `cafe`." in card
    assert "| `losses.sync` | 0.03 | 0 |" in card
    assert "| `losses.expert`" not in card


@pytest.mark.parametrize("plan", [replace(PLAN, network=Network("syncnet")), Plan(network=Network("syncnet"))])
def test_the_card_of_a_sync_expert(plan):
    card = model_card(plan, {**DEFAULTS, "model": "syncnet"}, [row(0, 0.7), row(50, 0.01)], ENDED)
    assert "A SyncNet" in card
    assert "that of a guess" in card
    assert "--losses.expert best.safetensors" in card
    assert "Recipe" not in card
    assert "first frame" not in card


def test_a_published_recipe_and_a_region_not_known():
    card = model_card(replace(PLAN, recipe="talk", region=None, rate=Fraction(25)), DEFAULTS, ROWS, ENDED)
    assert "Recipe `talk`" in card
    assert "Region: not noted." in card
    assert "25 frames/s.\n" in card
