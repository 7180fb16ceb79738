"""Frozen speech encoders, made on the spot: small, with random weights. Published weights were never at hand."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file

from seido.cli import main
from seido.clips.hear import hear_clips
from seido.clips.logmel import log_mel
from seido.clips.speech_encoder import features, open_encoder, stretches
from seido.clips.store import PREPARED, RECORDINGS, Prepared, map_arrays, open_clips
from seido.errors import BadInputError, MissingExtraError, OutputError
from seido.models.checkpoint import load_checkpoint
from seido.models.tract import TractGenerator
from seido.models.tract_speech import CONTEXT
from seido.models.wav2lip import Wav2Lip
from seido.movie.generate import GenerateOptions, load_generator, render
from seido.movie.live import begin
from seido.plan import Encoder, FrontEnd, Plan
from seido.timebase import HOP, SAMPLE_RATE, mel_columns
from seido.training.augment import AugmentOptions
from seido.training.loop import train
from seido.training.options import TractOptions, TrainOptions
from seido.values import Speech
from training_clips import write_clips

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.usefixtures("one_thread")

KINDS = ("hubert", "wav2vec2", "wavlm", "whisper")
WIDTH = 32
FEW = TrainOptions(
    model="tract",
    width=Fraction(1, 4),
    batch=2,
    window=4,
    steps=2,
    warm_up=1,
    validate_every=1,
    validation_frames=6,
    device="cpu",
    threads=1,
    pictures=False,
    tract=TractOptions(size=32, stride=1),
)


def make_encoder(folder: Path, kind: str, *, seed: int = 0, **changed: object) -> Path:
    """Write a small encoder of this kind with random weights, as transformers saves models."""
    small: dict[str, object] = {
        "hidden_size": WIDTH,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 48,
        "conv_dim": (16,) * 7,
        # Each frame normalised for itself, as in the large models: what happens stays where it happens.
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "num_conv_pos_embeddings": 3,
        "num_conv_pos_embedding_groups": 4,
    }
    if kind == "whisper":
        heads = {f"{part}_{what}": n for part in ("encoder", "decoder") for what, n in (("attention_heads", 2),)}
        special = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
        small = {"d_model": WIDTH, "encoder_layers": 3, "decoder_layers": 1, "encoder_ffn_dim": 48, **heads, **special}
        small |= {"decoder_ffn_dim": 48, "vocab_size": 40, "max_source_positions": 150, "max_target_positions": 8}
    name = {"hubert": "Hubert", "wav2vec2": "Wav2Vec2", "wavlm": "WavLM", "whisper": "Whisper"}[kind]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = getattr(transformers, f"{name}Model")(getattr(transformers, f"{name}Config")(**small | changed))
    network.save_pretrained(folder)
    return folder


def told(folder: Path, **settings: object) -> Path:
    """Write how sound is made ready for an encoder."""
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def noise(samples: int, seed: int = 0, level: float = 0.1) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


@pytest.fixture(scope="module")
def encoders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("encoders")
    return {kind: make_encoder(root / kind, kind) for kind in KINDS}


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    """Ten clips whose speech is noise, as loud as their pictures are bright."""
    root = write_clips(tmp_path_factory.mktemp("clips") / "clips", train=6, validation=3, side=32)
    for number, path in enumerate(sorted((root / RECORDINGS).iterdir())):
        arrays = load_file(path)
        level = arrays["frames"][:, 16, 16].astype(np.float32) / 255
        speech = noise(len(arrays["speech"]), number)
        speech *= np.interp(np.arange(len(speech)), np.linspace(0, len(speech), len(level)), level)
        save_file({**arrays, "speech": speech}, path)
    # As `seido prepare` leaves them: facts of recordings, and labels.
    for name in ("clip00", "clip03"):
        (root / RECORDINGS / f"{name}.json").write_text("{}")
    (root / "labels").mkdir()
    (root / "labels" / "clip00.TextGrid").write_text("told")
    return root


@pytest.fixture(scope="module")
def heard(clips, encoders, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("heard") / "clips"
    hear_clips(clips, encoders["hubert"], out)
    return out


@pytest.fixture(scope="module")
def trained(heard, tmp_path_factory) -> Path:
    return train(heard, tmp_path_factory.mktemp("run") / "run", FEW).best


@pytest.mark.parametrize("kind", KINDS)
def test_features_stand_column_for_column_where_the_log_mel_stands(encoders, kind):
    encoder = open_encoder(encoders[kind])
    assert encoder.facts.kind == kind
    assert (encoder.facts.layer, encoder.facts.width) == (2, WIDTH)
    for samples in (1, 399, 3200, 3201, 16_000, 60_000):
        speech = Speech(noise(samples), SAMPLE_RATE)
        found = features(encoder, speech)
        assert found.dtype == np.float32
        assert found.shape == (len(log_mel(speech)), WIDTH) == (mel_columns(samples), WIDTH)
        assert np.abs(found).max() <= 4
        np.testing.assert_allclose(np.median(found, axis=1), 0, atol=1e-6)
    np.testing.assert_array_equal(found, features(encoder, speech))


@pytest.mark.parametrize("kind", KINDS)
def test_what_happens_in_speech_moves_the_features_where_it_moves_the_log_mel(encoders, kind, tmp_path):
    folder = encoders[kind]
    if kind != "whisper":
        folder = told(make_encoder(tmp_path / kind, kind), do_normalize=False, sampling_rate=SAMPLE_RATE)
    encoder = open_encoder(folder, layer=1)
    for first in (4000, 9100, 14_321):
        one = noise(20_000, first)
        other = one.copy()
        other[first : first + 800] = noise(800, first + 1)

        def centre(of, one=one, other=other) -> float:
            change = np.abs(of(Speech(other, SAMPLE_RATE)) - of(Speech(one, SAMPLE_RATE))).mean(axis=1)
            change[change < 0.3 * change.max()] = 0  # attention sees it everywhere, a little
            return float((change * np.arange(len(change))).sum() / change.sum())

        middle = (first + 400) / HOP
        assert centre(log_mel) == pytest.approx(middle, abs=1)
        assert centre(lambda speech: features(encoder, speech)) == pytest.approx(middle, abs=1.5)


@pytest.mark.parametrize("kind", ["hubert", "wav2vec2", "wavlm"])
@pytest.mark.parametrize("layer", [1, 2])
def test_features_are_the_hidden_states_of_transformers(encoders, kind, layer):
    speech = noise(12_000, 3)
    network = getattr(transformers, type_of(kind)).from_pretrained(encoders[kind]).eval()
    normal = (speech - speech.mean(dtype=np.float64)) / np.sqrt(speech.var(dtype=np.float64) + 1e-7)
    # One frame's step of silence before, so that there is a frame on either side of the first column.
    padded = torch.from_numpy(np.pad(normal.astype(np.float32), (320, 521)))
    with torch.inference_mode():
        states = network(padded[None], output_hidden_states=True).hidden_states[layer][0].numpy()
    times = np.arange(len(states)) * 320 + 199.5 - 320
    wanted = np.stack([np.interp(np.arange(61) * 200, times, row) for row in states.T], axis=1)
    wanted -= np.median(wanted, axis=1, keepdims=True)
    wanted /= 1.4826 * np.median(np.abs(wanted), axis=1, keepdims=True)
    found = features(open_encoder(encoders[kind], layer), Speech(speech, SAMPLE_RATE))
    np.testing.assert_allclose(found, wanted.clip(-4, 4), atol=2e-3)


def test_whispers_features_are_the_hidden_states_of_transformers(encoders):
    speech = noise(20_000, 3)
    network = transformers.WhisperModel.from_pretrained(encoders["whisper"]).encoder.eval()
    mel = transformers.WhisperFeatureExtractor(chunk_length=3)(speech, sampling_rate=16_000, return_tensors="pt")
    with torch.inference_mode():
        states = network(mel.input_features, output_hidden_states=True).hidden_states[2][0].numpy()
    wanted = np.stack([np.interp(np.arange(101) * 200, np.arange(len(states)) * 320, row) for row in states.T], axis=1)
    wanted -= np.median(wanted, axis=1, keepdims=True)
    wanted /= 1.4826 * np.median(np.abs(wanted), axis=1, keepdims=True)
    found = features(open_encoder(encoders["whisper"]), Speech(speech, SAMPLE_RATE))
    np.testing.assert_allclose(found, wanted.clip(-4, 4), atol=2e-3)


def type_of(kind: str) -> str:
    return {"hubert": "HubertModel", "wav2vec2": "Wav2Vec2Model", "wavlm": "WavLMModel"}[kind]


@pytest.mark.parametrize("kind", ["hubert", "wav2vec2", "wavlm"])
def test_long_speech_is_heard_in_windows_that_give_nearly_what_the_whole_gives(encoders, kind):
    encoder, speech = open_encoder(encoders[kind]), Speech(noise(150_000), SAMPLE_RATE)
    whole, windowed = features(encoder, speech), features(replace(encoder, window=48_000), speech)
    assert len(list(stretches(150_000, encoder))) == 1
    assert np.corrcoef(whole.ravel(), windowed.ravel())[0, 1] > 0.999
    assert np.abs(whole - windowed).max() < 0.5


@pytest.mark.parametrize("samples", [1, 47_000, 47_500, 150_000, 160_000, 160_001])
def test_windows_hold_every_column_once_and_frames_at_the_same_moments(encoders, samples):
    for kind in ("hubert", "whisper"):
        encoder = replace(open_encoder(encoders[kind]), window=48_000)
        found = list(stretches(samples, encoder))
        columns = [column for one in found for column in range(one.first, one.last)]
        assert columns == list(range(1 + samples // HOP))
        for one in found:
            assert one.end - one.begin <= encoder.window
            assert one.begin % encoder.hop == 0
            frames = (one.end - one.begin - 2 * encoder.centre - 1) // encoder.hop
            assert one.begin + encoder.centre <= one.first * HOP
            assert one.begin + encoder.centre + frames * encoder.hop >= (one.last - 1) * HOP


def test_a_published_layout_with_a_head_and_old_names_is_read(tmp_path, encoders):
    """Weights as recognisers have them: under a prefix, with a head, weight normalisation by its old names."""
    folder = tmp_path / "old"
    folder.mkdir()
    weights = load_file(encoders["wav2vec2"] / "model.safetensors")
    names = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    old = {"lm_head.weight": np.zeros((5, WIDTH), np.float32)}
    for name, array in weights.items():
        for new, before in names.items():
            name = name.replace(new, before)
        old[f"wav2vec2.{name}"] = array
    del old["wav2vec2.masked_spec_embed"]  # only training needs it
    save_file(old, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_bytes((encoders["wav2vec2"] / "config.json").read_bytes())
    speech = Speech(noise(8000), SAMPLE_RATE)
    np.testing.assert_array_equal(
        features(open_encoder(folder), speech), features(open_encoder(encoders["wav2vec2"]), speech)
    )


def test_hearing_adds_features_and_copies_the_rest(clips, heard, encoders):
    store, before = open_clips(heard), open_clips(clips)
    encoder = open_encoder(encoders["hubert"])
    assert store.prepared == replace(before.prepared, encoder=encoder.facts)
    assert store.entries == before.entries
    assert (heard / "labels" / "clip00.TextGrid").read_text() == "told"
    for entry in store.entries:
        for name in ("frames", "mel", "speech"):
            np.testing.assert_array_equal(getattr(store, name)(entry), getattr(before, name)(entry))
        there = features(encoder, Speech(np.array(store.speech(entry)), SAMPLE_RATE))
        np.testing.assert_array_equal(store.features(entry), there)


def test_hearing_goes_on_where_it_stopped_and_ends_with_the_same_bytes(clips, heard, encoders, tmp_path):
    class StoppedError(Exception):
        """Ctrl-C, say."""

    def stop(_: str, done: int, total: int) -> None:
        if done == 4:
            raise StoppedError

    out = tmp_path / "out"
    with pytest.raises(StoppedError):
        hear_clips(clips, encoders["hubert"], out, progress=stop)
    with pytest.raises(BadInputError, match="no prepared clips"):
        open_clips(out)
    (out / RECORDINGS / "clip03.json").unlink()  # stopped just before: clip03 is heard again
    kept = {path: path.stat().st_mtime_ns for path in (out / RECORDINGS).iterdir() if path.stem != "clip03"}
    assert sorted(path.name for path in kept) == ["clip00.json", *(f"clip0{n}.safetensors" for n in range(3))]
    hear_clips(clips, encoders["hubert"], out)
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    names = sorted(path.relative_to(heard) for path in heard.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    assert all((heard / name).read_bytes() == (out / name).read_bytes() for name in names)
    with pytest.raises(OutputError, match="another encoder"):
        hear_clips(clips, encoders["hubert"], out, layer=1)
    with pytest.raises(OutputError, match="choose another folder"):
        hear_clips(clips, encoders["hubert"], clips / "within")


def test_from_hearing_to_a_movie_and_its_scores_on_the_command_line(clips, encoders, tmp_path, capsys):
    out, run, movie = tmp_path / "heard", tmp_path / "run", tmp_path / "movie.mp4"
    assert main(["hear", str(clips), str(encoders["whisper"]), "--out", str(out), "--layer", "1"]) == 0
    assert "10 clips, 32 numbers a column from whisper, layer 1" in capsys.readouterr().out
    sizes = ["--width", "1/4", "--tract.size", "32", "--batch", "2", "--window", "4", "--tract.stride", "1"]
    brief = [*sizes, "--steps", "3", "--validate-every", "3", "--warm-up", "1", "--threads", "1"]
    assert main(["train", str(out), str(run), "--model", "tract", *brief]) == 0
    model = run / "best.safetensors"
    capsys.readouterr()
    assert main(["models", "show", str(model)]) == 0
    assert "32 features of a frozen encoder, whisper, layer 1, weights with SHA-256" in capsys.readouterr().out

    soundfile.write(tmp_path / "speech.wav", noise(16_000), SAMPLE_RATE)
    Image.fromarray(np.full((32, 32), 90, np.uint8)).save(tmp_path / "frame.png")
    files = [str(tmp_path / "speech.wav"), str(tmp_path / "frame.png"), "--out", str(movie), "--model", str(model)]
    files += ["--region", "0,0,32,32"]
    assert main(["generate", *files]) == 2
    assert "this model hears through whisper, layer 1" in capsys.readouterr().err
    assert main(["generate", *files, "--speech-encoder", str(encoders["hubert"])]) == 2
    assert "hubert, layer 1" in capsys.readouterr().err
    assert main(["generate", *files, "--speech-encoder", str(encoders["whisper"])]) == 0
    assert "25 frames at 25 per second" in capsys.readouterr().out

    scores = tmp_path / "scores"
    evaluate = ["evaluate", str(model), str(out), "--out", str(scores), "--no-page", "--movies", "0", "--workers", "1"]
    assert main(evaluate) == 0
    assert "run" in (scores / "scores.md").read_text()
    assert main(["evaluate", str(model), str(clips), "--out", str(tmp_path / "no"), "--workers", "1"]) == 2
    assert "did not hear the clips" in capsys.readouterr().err


def test_a_movie_is_the_same_from_speech_and_from_the_features_of_the_clips(heard, trained, encoders):
    store, (model, plan) = open_clips(heard), load_generator(str(trained))
    assert plan.front_end.encoder == store.prepared.encoder
    assert plan.front_end.bands == WIDTH
    entry = store.split("test")[0]
    clip = store.clip(entry)
    options = GenerateOptions(region="0,0,32,32", speech_encoder=encoders["hubert"])
    ours = [
        np.stack(list(render(model, plan, clip.speech, clip.movie.frames[0], options, heard=known)))
        for known in (None, np.array(store.features(entry)))
    ]
    np.testing.assert_array_equal(*ours)


def test_the_network_hears_features_in_stretches_as_in_the_whole():
    facts = Encoder("hubert", "0" * 64, 1, WIDTH)
    network = TractGenerator(Fraction(1, 4), FrontEnd(bands=WIDTH, encoder=facts)).eval()
    assert network.context == CONTEXT
    mel = torch.randn(1, 100, WIDTH)
    with torch.inference_mode():
        whole = network.listen(mel, torch.tensor([[40.5]]))
        part = network.listen(mel[:, 20:60], torch.tensor([[20.5]]))
        narrow = network.listen(mel[:, 40 - CONTEXT : 42 + CONTEXT], torch.tensor([[CONTEXT + 0.5]]))
    torch.testing.assert_close(whole, part)
    torch.testing.assert_close(whole, narrow)


def test_training_goes_on_and_starts_again_from_a_checkpoint_with_the_same_ears_only(clips, heard, trained, tmp_path):
    train(heard, trained.parent, FEW, resume=True)
    with pytest.raises(BadInputError, match="resume it with the same clips"):
        train(clips, trained.parent, FEW, resume=True)
    again = replace(FEW, init=trained, width=None, tract=TractOptions(stride=1))
    assert load_checkpoint(train(heard, tmp_path / "again", again).best, "tract").plan.front_end.encoder
    with pytest.raises(BadInputError, match="hears hubert.* but would learn from log-mels"):
        train(clips, tmp_path / "other", again)
    plain = train(heard, tmp_path / "plain", replace(FEW, tract=replace(FEW.tract, hear="mel"))).best
    assert load_checkpoint(plain, "tract").plan.front_end.encoder is None
    with pytest.raises(BadInputError, match="hears log-mels, but would learn from hubert"):
        train(heard, tmp_path / "third", replace(again, init=plain))
    with pytest.raises(BadInputError, match="seido hear"):
        train(clips, tmp_path / "fourth", replace(FEW, tract=replace(FEW.tract, hear="features")))


def test_one_experiment_compares_features_with_the_log_mel(heard, tmp_path):
    lines = [f"clips = {str(heard)!r}", "seeds = [0]", "clips_per_condition = 1", "[defaults]", 'model = "tract"']
    lines += ['width = "1/4"', "batch = 2", "window = 4", "steps = 1", "warm_up = 0", "validate_every = 1"]
    lines += ["threads = 1", "pictures = false", "tract = {size = 32, stride = 1}"]
    lines += ["[arms.plain]", 'tract.hear = "mel"', "[arms.encoder]", 'tract.hear = "features"']
    (tmp_path / "experiment.toml").write_text("\n".join(lines))
    out = tmp_path / "out"
    assert main(["experiment", str(tmp_path / "experiment.toml"), "--out", str(out), "--workers", "1"]) == 0
    ears = [
        load_checkpoint(out / "runs" / arm / "seed-0" / "best.safetensors", "tract") for arm in ("plain", "encoder")
    ]
    assert [one.plan.front_end.encoder is None for one in ears] == [True, False]
    assert "encoder" in (out / "experiment.md").read_text()


def test_other_networks_learn_from_the_log_mels_of_such_clips(heard, tmp_path):
    options = TrainOptions(
        width=Fraction(1, 16), steps=1, validate_every=1, batch=2, validation_frames=4, device="cpu", threads=1,
        warm_up=0, pictures=False,
    )  # fmt: skip
    assert load_checkpoint(train(heard, tmp_path / "run", options).best).plan.front_end.encoder is None
    trial = replace(FEW, model="trial-e", steps=1, tract=TractOptions(hear="features"))
    with pytest.raises(BadInputError, match="trial-e hears log-mels alone"):
        train(heard, tmp_path / "trial", trial)


def test_changes_that_mean_bands_are_left_out_for_features():
    options = AugmentOptions()
    kept = options.of_features()
    assert (kept.mel_gain, kept.mel_tilt, kept.mel_warp) == (0, 0, 0)
    assert replace(kept, mel_gain=options.mel_gain, mel_tilt=options.mel_tilt, mel_warp=options.mel_warp) == options


def test_plans_and_clips_without_an_encoder_stay_what_they_were():
    plan = Plan()
    assert "encoder" not in plan.to_json()
    facts = Encoder("hubert", "0" * 64, 6, 768)
    with_one = replace(plan, front_end=FrontEnd(bands=768, encoder=facts))
    assert Plan.from_json(plan.to_json()) == plan
    assert Plan.from_json(with_one.to_json()) == with_one
    prepared = Prepared(Fraction(25), 8, 8, None, None, "s", 0)
    assert "encoder" not in prepared.to_json()
    assert Prepared.from_json(prepared.to_json()) == prepared
    assert Prepared.from_json(replace(prepared, encoder=facts).to_json()).encoder == facts


def test_a_model_with_an_encoder_cannot_follow_live_speech(trained):
    with pytest.raises(BadInputError, match="cannot follow it live"):
        begin(trained, np.zeros((32, 32), np.uint8))


@pytest.mark.parametrize("network", [TractGenerator(Fraction(1, 4)), Wav2Lip(Fraction(1, 16))])
def test_an_encoder_is_refused_for_a_model_that_hears_the_log_mel(encoders, network):
    model, plan = network.eval(), Plan(recipe="tract", front_end=FrontEnd(lead=Fraction(2, 25)))
    options = GenerateOptions(region="0,0,32,32", speech_encoder=encoders["hubert"])
    with pytest.raises(BadInputError, match="leave out --speech-encoder"):
        render(model, plan, Speech(noise(8000), SAMPLE_RATE), np.zeros((32, 32), np.uint8), options)


def test_without_the_extra_a_sentence_says_how_to_get_it(encoders, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'seido\[encoders\]'"):
        open_encoder(encoders["hubert"])


def spoilt(folder: Path, like: Path, name: str) -> Path:
    """Copy an encoder and spoil one thing of it."""
    folder.mkdir()
    for part in ("config.json", "model.safetensors"):
        (folder / part).write_bytes((like / part).read_bytes())
    weights = load_file(folder / "model.safetensors")
    match name:
        case "kind":
            (folder / "config.json").write_text('{"model_type": "bert", "auto_map": {"AutoModel": "evil.Evil"}}')
        case "json":
            (folder / "config.json").write_text("{")
        case "list":
            (folder / "config.json").write_text("[]")
        case "no config":
            (folder / "config.json").unlink()
        case "pickle":
            (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
        case "cut off":
            (folder / "model.safetensors").write_bytes((like / "model.safetensors").read_bytes()[:5000])
        case "missing":
            del weights["encoder.layers.0.attention.k_proj.weight"]
            save_file(weights, folder / "model.safetensors", {"format": "pt"})
        case "shape":
            weights["encoder.layers.0.attention.k_proj.weight"] = np.zeros((3, 3), np.float32)
            save_file(weights, folder / "model.safetensors", {"format": "pt"})
        case "nan":
            weights["encoder.layers.0.attention.k_proj.weight"][:] = np.nan
            save_file(weights, folder / "model.safetensors", {"format": "pt"})
        case "rate":
            told(folder, sampling_rate=8000)
    return folder


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("kind", "describes 'bert'; give a folder of hubert"),
        ("json", "this is no JSON"),
        ("list", "there are no settings"),
        ("no config", "there is no such file"),
        ("pickle", "no model.safetensors in it"),
        ("cut off", "cannot be loaded"),
        ("missing", "k_proj.weight missing"),
        ("shape", "cannot be loaded"),
        ("nan", "k_proj.weight holds NaN"),
        ("rate", "hears 8000 Hz"),
    ],
)
def test_a_folder_that_cannot_be_used_is_told_in_a_sentence(encoders, tmp_path, name, says):
    folder = spoilt(tmp_path / "encoder", encoders["hubert"], name)
    with pytest.raises(BadInputError, match=says) as raised:
        features(open_encoder(folder), Speech(noise(4000), SAMPLE_RATE))
    assert str(folder) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_other_things_that_cannot_be_heard(encoders, clips, heard, tmp_path):
    with pytest.raises(BadInputError, match="there is no such folder"):
        open_encoder(tmp_path / "none")
    for layer in (0, 4):
        with pytest.raises(BadInputError, match="has the layers 1 to 3"):
            open_encoder(encoders["hubert"], layer)
    with pytest.raises(BadInputError, match="hears 16000 Hz"):
        features(open_encoder(encoders["hubert"]), Speech(noise(4000), 8000))
    short = make_encoder(tmp_path / "short", "whisper", max_source_positions=10)
    with pytest.raises(BadInputError, match="samples at a time"):
        open_encoder(short)
    # A folder that was begun by `seido prepare` is no place for it.
    other = write_clips(tmp_path / "other", train=1, validation=1, side=32)
    with pytest.raises(OutputError, match="it holds other clips"):
        hear_clips(clips, encoders["hubert"], other)
    (other / PREPARED).unlink()
    with pytest.raises(OutputError, match="it holds other clips"):
        hear_clips(clips, encoders["hubert"], other)
    assert "features" in map_arrays(heard / RECORDINGS / "clip00.safetensors")
