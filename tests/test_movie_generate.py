from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch

from seido.clips.logmel import log_mel
from seido.corpus.sound import read_speech
from seido.corpus.video import probe_movie, read_movie
from seido.errors import BadInputError, OutputError
from seido.models.checkpoint import build, load_checkpoint, save_checkpoint
from seido.models.wav2lip import Wav2Lip
from seido.movie.generate import GenerateOptions, generate
from seido.movie.make import generate_movie
from seido.movie.talking import dub
from seido.plan import FrontEnd, Network, Plan
from seido.values import Region, Speech


def published_inference(model, speech: Speech, frame: np.ndarray, box: Region, fps: float) -> list[np.ndarray]:
    """The published static inference, written plainly from its description: BGR, OpenCV, floats, the tail dropped."""
    mel = log_mel(speech).T
    windows, i = [], 0
    while True:
        start = int(i * (80.0 / fps))
        if start + 16 > mel.shape[1]:
            windows.append(mel[:, -16:])
            break
        windows.append(mel[:, start : start + 16])
        i += 1
    bgr = frame[..., ::-1].copy()
    face = cv2.resize(bgr[box.y : box.y + box.height, box.x : box.x + box.width], (96, 96))
    shown = []
    for window in windows:
        masked = face.copy()
        masked[48:] = 0
        picture = np.concatenate([masked, face], axis=2).transpose(2, 0, 1)[None] / 255.0
        with torch.no_grad():
            out = model(torch.from_numpy(window[None, None]).float(), torch.from_numpy(picture).float())
        pixels = (out[0].numpy().transpose(1, 2, 0) * 255.0).astype(np.uint8)
        whole = bgr.copy()
        whole[box.y : box.y + box.height, box.x : box.x + box.width] = cv2.resize(pixels, (box.width, box.height))
        shown.append(whole[..., ::-1])
    return shown


@pytest.fixture
def photograph():
    return np.random.default_rng(3).integers(0, 256, (120, 140, 3), dtype=np.uint8)


@pytest.mark.parametrize("fps", ["25", "30", "1159/50"])
@pytest.mark.parametrize("engine", ["torch", "openvino"])
@pytest.mark.parametrize("box", [Region(10, 5, 96, 96), Region(10, 5, 110, 100)])
def test_a_published_checkpoint_gives_the_published_inference(slim_model, voice, photograph, fps, engine, box):
    if engine == "openvino":
        pytest.importorskip("openvino")
    speech = Speech(voice(1.2), 16_000)
    options = GenerateOptions(model=str(slim_model), region=str(box), fps=fps, engine=engine)
    ours = list(generate(speech, photograph, options))
    theirs = published_inference(build(load_checkpoint(slim_model)), speech, photograph, box, float(Fraction(fps)))
    # They stop up to 0.15 s early; we go on to the end of the speech.
    assert len(ours) == int(np.ceil(1.2 * float(Fraction(fps))))
    assert len(theirs) < len(ours)
    assert np.stack(theirs).std(axis=0).max() > 3, "the test needs a movie that moves"
    difference = np.abs(np.stack(ours[: len(theirs)]).astype(int) - np.stack(theirs).astype(int))
    if (box.width, box.height) == (96, 96):
        # Nothing is resized: only float rounding before the truncation to 8 bits is left.
        assert difference.max() <= 1
        assert difference.mean() < 1e-3
    else:
        # OpenCV's and our resizing round to 8 bits a level apart in places, which the network then amplifies.
        assert difference.mean() < 0.3


def test_only_the_region_changes_and_grey_stays_grey(slim_model, voice, tract):
    frame, box = tract(1, 60, 64)[0], Region(8, 10, 40, 30)
    made = generate(Speech(voice(0.5), 16_000), frame, GenerateOptions(model=str(slim_model), region=str(box)))
    assert len(made) == 13
    assert made.rate == 25
    for shown in made:
        assert shown.shape == frame.shape
        outside = np.ones(frame.shape, bool)
        box.crop(outside)[:] = False
        np.testing.assert_array_equal(shown[outside], frame[outside])


def test_later_by_the_offset(slim_model, voice, tract):
    def shown(offset: float) -> np.ndarray:
        options = GenerateOptions(model=str(slim_model), offset=offset)
        return np.stack(list(generate(Speech(voice(1.0), 16_000), tract(1)[0], options)))

    on_time, later = shown(0), shown(40)
    np.testing.assert_array_equal(later[1:20], on_time[:19])
    assert np.abs(later[5].astype(int) - on_time[5]).max() > 0


def test_batches_make_no_difference(slim_model, voice, tract):
    def shown(batch: int) -> np.ndarray:
        options = GenerateOptions(model=str(slim_model), batch=batch)
        return np.stack(list(generate(Speech(voice(0.7), 16_000), tract(1)[0], options))).astype(int)

    assert np.abs(shown(1) - shown(16)).max() <= 1


@pytest.mark.parametrize("seconds", [0.01, 0.1])
def test_very_short_speech_works(slim_model, voice, tract, seconds):
    made = generate(Speech(voice(seconds), 16_000), tract(1)[0], GenerateOptions(model=str(slim_model)))
    assert len(list(made)) == int(np.ceil(seconds * 25))


def test_an_untrained_residual_network_shows_the_first_frame(tmp_path, voice, tract):
    width = Fraction(1, 16)
    plan = Plan(network=Network(width=width, residual=True), recipe="tract", front_end=FrontEnd())
    save_checkpoint(tmp_path / "m.safetensors", Wav2Lip(width, residual=True), plan)
    frame = tract(1, 96, 96)[0]
    for shown in generate(Speech(voice(0.3), 16_000), frame, GenerateOptions(model=str(tmp_path / "m.safetensors"))):
        np.testing.assert_array_equal(shown, frame)


def test_the_plan_says_where_the_tract_is(tmp_path, voice, tract):
    width = Fraction(1, 16)
    plan = Plan(network=Network(width=width), region=Region(8, 8, 32, 32), frame_size=(64, 64))
    path = tmp_path / "m.safetensors"
    save_checkpoint(path, Wav2Lip(width), plan)
    speech, options = Speech(voice(0.2), 16_000), GenerateOptions(model=str(path))
    whole = next(iter(generate(speech, tract(1, 64, 64)[0], options)))
    assert (whole[:8] == tract(1, 64, 64)[0][:8]).all()
    assert next(iter(generate(speech, tract(1, 32, 32)[0], options))).shape == (32, 32)
    with pytest.raises(BadInputError, match="give --region"):
        generate(speech, tract(1, 50, 50)[0], options)


def test_a_moving_face_is_repeated_for_as_long_as_there_is_speech(slim_model, voice, movie_file):
    source = read_movie(movie_file("face.mkv", frames=10, rate=20, lossless=True)).frames
    options = GenerateOptions(model=str(slim_model), region="8,8,32,32")
    made = dub(Speech(voice(1.0), 16_000), movie_file("face.mkv", frames=10, rate=20, lossless=True), options)
    assert made.rate == 20
    shown = np.stack(list(made))
    assert len(shown) == 20
    np.testing.assert_array_equal(shown[:, :8], np.concatenate([source, source])[:, :8])
    with pytest.raises(BadInputError, match="leave out --fps"):
        dub(Speech(voice(1.0), 16_000), "face.mkv", GenerateOptions(model=str(slim_model), fps="25"))


def test_the_movie_file_has_the_speech_and_covers_it(slim_model, speech_file, movie_file, tmp_path):
    calls = []
    speech = speech_file(1.03, 48_000)
    made = generate_movie(
        speech,
        movie_file(),
        tmp_path / "out.mp4",
        GenerateOptions(model=str(slim_model)),
        progress=lambda done, total: calls.append((done, total)),
    )
    info = probe_movie(tmp_path / "out.mp4")
    assert info.sound
    assert info.frames == made.total == 26
    assert calls == [(i, 26) for i in range(1, 27)]
    heard, said = read_speech(tmp_path / "out.mp4"), read_speech(speech)
    assert abs(heard.seconds - said.seconds) <= Fraction(1, 25) + Fraction(1024, 48_000)
    together = min(len(heard.samples), len(said.samples))
    assert np.corrcoef(heard.samples[:together], said.samples[:together])[0, 1] > 0.98


def test_where_it_cannot_be_written_nothing_is_computed(slim_model, speech_file, movie_file, tmp_path):
    options = GenerateOptions(model=str(slim_model))
    with pytest.raises(OutputError, match="does not exist"):
        generate_movie(speech_file(), movie_file(), tmp_path / "no" / "out.mp4", options)
    with pytest.raises(OutputError, match="name it out.mkv"):
        generate_movie(speech_file(), movie_file(), tmp_path / "out.mp4", options, lossless=True)


@pytest.mark.parametrize(
    "wrong", [{"fps": "0"}, {"offset": float("nan")}, {"offset": 5000}, {"batch": 0}, {"device": "abacus"}]
)
def test_options_that_make_no_sense(slim_model, voice, tract, wrong):
    with pytest.raises(BadInputError):
        generate(Speech(voice(0.2), 16_000), tract(1)[0], GenerateOptions(**{"model": str(slim_model), **wrong}))


def test_a_face_is_found_in_a_photograph():
    pytest.importorskip("cv2")
    from skimage.data import astronaut

    from seido.movie.face import find_face

    face = find_face(astronaut())
    assert face.x < 200 < 240 < face.x + face.width
    assert face.y < 100 < 160 < face.y + face.height
    with pytest.raises(BadInputError, match="no face was found"):
        find_face(np.zeros((200, 200, 3), np.uint8))
