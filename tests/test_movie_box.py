"""What comes in the box: model, heads, and what is said of frames and speech that do not fit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from seido.clips.level import levelled, speech_level
from seido.errors import BadInputError, OutputError
from seido.models.catalogue import read_facts
from seido.models.checkpoint import load_checkpoint, save_checkpoint
from seido.models.half import as_notes, write_half
from seido.models.registry import DEFAULT, bundled_models, find_model
from seido.models.tract import new_tract
from seido.models.wav2lip import Wav2Lip
from seido.movie.find_tract import find_tract
from seido.movie.generate import GenerateOptions, at_level, generate
from seido.movie.heads import bundled_heads, find_head, read_head
from seido.movie.place import choose_region, inner_size, mirrored, place
from seido.movie.remarks import remarks
from seido.plan import FrontEnd, Network, Plan
from seido.values import Region, Speech

pytestmark = pytest.mark.usefixtures("one_thread")

PLAN = Plan(network=Network(name="tract", residual=True, size=128), recipe="tract", antialias=True)
KNOWS_LEFT = Plan(network=PLAN.network, recipe="tract", antialias=True, notes={"faces": "left"})


@pytest.fixture
def still(tmp_path) -> str:
    """A small tract generator that has learnt nothing: it shows the first frame."""
    plan = Plan(
        network=Network(name="tract", width=Fraction(1, 4), residual=True, size=32),
        front_end=FrontEnd(lead=Fraction(2, 25)),
        recipe="tract",
        antialias=True,
        notes={"faces": "left"},
    )
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "still.safetensors", new_tract(plan), plan)
    return str(tmp_path / "still.safetensors")


def test_the_bundled_model_is_small_and_says_what_it_is():
    assert DEFAULT in bundled_models()
    facts = read_facts(DEFAULT)
    assert facts.kind == "tract"
    assert facts.size < 12_000_000
    assert facts.plan.notes["faces"] == "left"
    assert "phantom" in facts.name
    assert "phantom" in facts.plan.notes["origin"]
    assert facts.licence
    card = find_model(DEFAULT).with_suffix(".md").read_text()
    assert facts.name in card
    assert all(
        weight.dtype != torch.float16 for weight in load_checkpoint(find_model(DEFAULT), "tract").weights.values()
    )


def test_the_bundled_model_makes_a_movie_of_a_bundled_head(voice):
    picture = read_head("woman")
    frames = np.stack(list(generate(Speech(voice(0.3), 16_000), "woman")))
    assert frames.shape == (8, *picture.shape)
    assert np.abs(frames[3].astype(int) - picture).mean() < 25


def test_half_the_bytes_keep_plan_card_and_nearly_the_weights(tmp_path):
    torch.manual_seed(1)
    network, path = Wav2Lip(Fraction(1, 16)), tmp_path / "run" / "best.safetensors"
    path.parent.mkdir()
    plan = Plan(network=Network(width=Fraction(1, 16)), notes={"step": "7"})
    save_checkpoint(path, network, plan)
    (path.parent / "README.md").write_text("# A generator\n\nUse `best.safetensors`.\n")
    out = tmp_path / "small-1.safetensors"
    made = write_half(path, out, {"faces": "left"})
    assert made.size < 0.55 * path.stat().st_size
    assert made.difference < 1e-3
    back = load_checkpoint(out)
    assert back.step == 7
    assert back.plan.notes["faces"] == "left"
    assert back.plan.network == plan.network
    for name, weight in network.state_dict().items():
        assert back.weights[name].dtype == weight.dtype
        torch.testing.assert_close(back.weights[name], weight, rtol=1e-3, atol=1e-6)
    assert made.card == tmp_path / "small-1.md"
    assert made.card.read_text() == (
        "# A generator\n\n`small-1`: the weights as 16-bit floats.\n\nUse `small-1.safetensors`.\n"
    )


def test_weights_that_do_not_fit_into_16_bits_are_not_written(tmp_path):
    network = Wav2Lip(Fraction(1, 16))
    with torch.no_grad():
        next(network.parameters()).fill_(1e6)
    save_checkpoint(tmp_path / "a.safetensors", network, Plan(network=Network(width=Fraction(1, 16))))
    with pytest.raises(OutputError, match="too large for 16 bits"):
        write_half(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    with pytest.raises(OutputError, match=r"name it b\.safetensors"):
        write_half(tmp_path / "a.safetensors", tmp_path / "b.onnx")
    assert not (tmp_path / "b.safetensors").exists()
    with pytest.raises(BadInputError, match="NAME=TEXT"):
        as_notes(("faces",))


def test_bundled_heads_and_files_before_them(tmp_path, monkeypatch):
    assert {"man", "woman", "adolescent"} < set(bundled_heads())
    for name in bundled_heads():
        assert read_head(name).shape == ((256, 256) if name.endswith("-whole") else (128, 128))
    with pytest.raises(BadInputError, match="womn.*adolescent"):
        find_head("womn")
    monkeypatch.chdir(tmp_path)
    Image.new("L", (9, 8)).save(tmp_path / "woman", format="PNG")
    assert read_head("woman").shape == (8, 9), "a file of that name counts more"


@pytest.mark.parametrize("name", bundled_heads())
def test_heads_are_told_from_their_mirror_images_at_any_size(name):
    picture = read_head(name)
    for side in (68, 84, 128, 300):
        shown = np.array(Image.fromarray(picture).resize((side, side), Image.Resampling.BILINEAR))
        assert find_tract(shown).sure
        turned = find_tract(mirrored(shown))
        assert turned.looks_right
        assert not turned.sure
    rgb = np.repeat(picture[..., None], 3, axis=2)
    assert find_tract(rgb).likeness == pytest.approx(find_tract(picture).likeness, abs=1e-4)
    # Darker, and less contrast.
    assert find_tract((picture // 3 + 20).astype(np.uint8)).sure


def test_what_is_no_head_is_told():
    rng = np.random.default_rng(0)
    for picture in (
        rng.integers(0, 256, (100, 90), np.uint8),
        np.zeros((64, 64), np.uint8),
        np.full((5, 400), 9, np.uint8),
        np.tile(np.arange(128, dtype=np.uint8), (128, 1)),
    ):
        found = find_tract(picture)
        assert not found.head
        assert not found.sure
        assert not found.looks_right


@pytest.mark.parametrize("name", ["man", "woman", "adolescent"])
def test_in_a_whole_head_the_tract_is_found(name):
    whole, tract = read_head(name + "-whole"), read_head(name)
    region = choose_region(None, PLAN, whole, search=True)
    assert (region.width, region.height) == (128, 128), "at 1 mm, pixels stay what they are"
    there = np.lib.stride_tricks.sliding_window_view(whole, (128, 128))[:, :, ::16, ::16]
    (y,), (x,) = ((there == tract[::16, ::16]).all(axis=(2, 3))).nonzero()
    assert abs(region.x - x) < 12
    assert abs(region.y - y) < 12
    assert choose_region(None, PLAN, tract, search=True) == Region.whole(tract)
    assert choose_region(None, PLAN, whole) == Region.whole(whole), "not looked for unless asked"
    turned = place(None, PLAN, mirrored(whole), search=True, flip=True)
    assert turned == region
    asked = place("3,4,50,60", PLAN, whole, flip=True)
    assert asked == Region(256 - 3 - 50, 4, 50, 60)


def test_where_the_plan_knows_another_frame_the_tract_is_looked_for():
    plan = Plan(network=PLAN.network, recipe="tract", region=Region(9, 9, 40, 40), frame_size=(90, 90))
    assert choose_region(None, plan, read_head("man-whole"), search=True).width == 128
    with pytest.raises(BadInputError, match="give --region"):
        choose_region(None, plan, np.zeros((50, 60), np.uint8), search=True)


def test_the_size_inside():
    tall = np.zeros((96, 128), np.uint8)
    assert inner_size(tall, PLAN, None, given=False) == (96, 128)
    assert inner_size(tall, PLAN, None, given=True) == (128, 128), "as training squeezes a region"
    assert inner_size(np.zeros((84, 84, 3), np.uint8), PLAN, None, given=False) == (128, 128)
    assert inner_size(tall, PLAN, 256, given=True) == (192, 256)


@pytest.mark.parametrize("shape", [(84, 84), (96, 128), (31, 90), (1, 1), (256, 256), (30, 40, 3)])
@pytest.mark.parametrize("options", [{}, {"size": 64}, {"flip": True}])
def test_a_movie_has_the_size_of_its_frame(still, voice, shape, options):
    picture = np.random.default_rng(1).integers(100, 140, shape, np.uint8)
    frames = np.stack(list(generate(Speech(voice(0.1), 16_000), picture, GenerateOptions(model=still, **options))))
    assert frames.shape == (3, *shape)
    assert abs(frames.mean() - picture.mean()) < 12


def test_flipping_is_undone_in_the_movie(still, voice):
    picture = np.random.default_rng(1).integers(0, 256, (32, 32), np.uint8)
    options = GenerateOptions(model=still, flip=True)
    for shown in generate(Speech(voice(0.1), 16_000), picture, options):
        np.testing.assert_array_equal(shown, picture)


def test_what_is_remarked(voice):
    speech, silence = Speech(voice(0.2), 16_000), Speech(np.zeros(3200, np.float32), 16_000, "nothing")
    head = read_head("woman")
    assert remarks(speech, head, KNOWS_LEFT) == ()
    assert remarks(speech, mirrored(head), KNOWS_LEFT, flip=True) == ()
    (said,) = remarks(speech, mirrored(head), KNOWS_LEFT)
    assert said.endswith("give --flip")
    assert remarks(speech, head, KNOWS_LEFT, flip=True)[0].endswith("leave out --flip")
    assert remarks(speech, mirrored(head), PLAN) == (), "the heads of a user's model may look anywhere"
    assert "no head" in remarks(speech, np.zeros((64, 64), np.uint8), KNOWS_LEFT)[0]
    assert "silence" in remarks(silence, head, PLAN)[0]


def test_in_silence_and_long_pauses_nothing_moves(voice):
    nothing = Speech(np.zeros(8000, np.float32), 16_000)
    made = generate(nothing, "man")
    assert made.remarks
    frames = np.stack(list(made)).astype(int)
    assert np.abs(frames - frames[0]).max() <= 1
    paused = voice(2.0)
    paused[8_000:24_000] = 0
    frames = np.stack(list(generate(Speech(paused, 16_000), "man"))).astype(int)
    # Half a second to a second and a half, but for what is heard from either side.
    assert np.abs(np.diff(frames[18:32], axis=0)).max() <= 1


def test_options_that_only_tract_generators_have(tmp_path, voice, tract):
    slim_model = tmp_path / "lips.safetensors"
    save_checkpoint(slim_model, Wav2Lip(Fraction(1, 16)), Plan(network=Network(width=Fraction(1, 16))))
    with pytest.raises(BadInputError, match="leave out --size"):
        generate(Speech(voice(0.1), 16_000), tract(1)[0], GenerateOptions(model=str(slim_model), size=64))
    with pytest.raises(BadInputError, match="16 to 1024"):
        GenerateOptions(size=4)


@settings(max_examples=25, deadline=None)
@given(st.floats(-35, 10))
def test_loudness_is_taken_out(gain):
    samples = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    speech = Speech(samples * np.float32(10 ** (gain / 20)), 16_000)
    level = speech_level(speech)
    assert level == pytest.approx(speech_level(Speech(samples, 16_000)) + gain, abs=0.01)
    if abs(-16 - level) < 30:
        assert speech_level(levelled(speech, -16)) == pytest.approx(-16, abs=0.01)


def test_levels_that_are_none_and_notes_that_are_no_number():
    silence = Speech(np.zeros(100, np.float32), 16_000)
    assert speech_level(silence) is None
    assert levelled(silence, -16) is silence
    assert at_level(silence, PLAN) is silence
    with pytest.raises(BadInputError, match="no number of dB"):
        at_level(silence, Plan(notes={"level": "loud"}))
    tone = np.sin(np.arange(16_000, dtype=np.float32) / 5)
    assert speech_level(Speech(tone, 16_000)) == pytest.approx(-3.0, abs=0.1)
