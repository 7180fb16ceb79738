"""One bundled second of the phantom: its truth lies where its pictures and its sound show it."""

from pathlib import Path

import numpy as np
import pytest

from seido.clips.prepare import PrepareOptions, prepare
from seido.corpus.sound import read_speech
from seido.corpus.video import read_movie
from seido.phantom.articulators import ARTICULATORS
from seido.phantom.produce import PICTURES, SPEECH, tokens
from seido.phantom.statistics import picture_statistics
from seido.phantom.tract_variables import TRACT_VARIABLES
from seido.phantom.truth import Truth, read_truth

SECOND = Path(__file__).parent / "phantom_second"
FOLDER = SECOND / "truth" / "F1_ja_001"
MOVIE = SECOND / "rtmridb_v1_mp4" / "F1_ja_001.mp4"


@pytest.fixture(scope="module")
def truth() -> Truth:
    return read_truth(FOLDER)


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    frames = read_movie(FOLDER / PICTURES).frames
    return (frames if frames.ndim == 3 else frames[..., 1]).astype(float) / 255


def _at(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    columns, rows = np.floor(points).astype(int).T
    return picture[rows, columns]


def test_everything_is_of_one_length(truth: Truth, drawn: np.ndarray) -> None:
    movie = read_movie(MOVIE)
    assert len(movie) == len(truth) == len(drawn)
    assert movie.rate == truth.rate
    assert abs(truth.labels.seconds - float(movie.seconds)) < 1e-5
    assert abs(float(read_speech(FOLDER / SPEECH).seconds - movie.seconds)) < 1e-4


def test_the_tongue_is_bright_inside_its_outline_and_dark_outside(truth: Truth, drawn: np.ndarray) -> None:
    # Between root and tip the tongue lies below and in front of its outline, air above and behind it.
    for picture, tongue, palate in zip(
        drawn, truth.articulators["tongue"], truth.articulators["hard_palate"], strict=True
    ):
        back = tongue[8:30]
        along = np.gradient(back, axis=0)
        outwards = np.stack([along[:, 1], -along[:, 0]], 1) / np.hypot(*along.T)[:, None]
        if (back + 3 * outwards - palate.mean(0))[:, 1].mean() > (back - 3 * outwards - palate.mean(0))[:, 1].mean():
            outwards = -outwards
        assert _at(picture, back - 3 * outwards).mean() > 0.3
        free = np.array([np.hypot(*(palate - point).T).min() > 6 for point in back])
        assert np.median(_at(picture, (back + 2.5 * outwards)[free])) < 0.2


def test_lips_meet_in_m_and_part_in_a(truth: Truth) -> None:
    aperture = truth.tract_variables[:, list(TRACT_VARIABLES).index("LA")]
    rate = float(truth.rate)
    spans = [(phone, start, end) for phone, _, start, end in tokens(truth.labels)]
    assert [phone for phone, _, _ in spans] == ["m", "a", "m", "a"]
    middles = {phone: [] for phone, _, _ in spans}
    for phone, start, end in spans:
        middles[phone].append(aperture[int((start + end) / 2 * rate)])
    assert max(middles["m"]) < 3
    assert min(middles["a"]) > max(middles["m"])


def test_speech_sounds_where_the_labels_say(truth: Truth) -> None:
    speech = read_speech(FOLDER / SPEECH)
    first, last = tokens(truth.labels)[0][2], tokens(truth.labels)[-1][3]
    inside = speech.samples[int(first * speech.rate) : int(last * speech.rate)]
    before = speech.samples[: int((first - 0.1) * speech.rate)]
    assert np.std(inside) > 30 * np.std(before)


def test_shapes_of_the_truth(truth: Truth) -> None:
    assert {name: points.shape[1] for name, points in truth.articulators.items()} == {
        **ARTICULATORS,
        "epiglottis": 12,
        "velum_body": 40,
    }
    assert truth.areas.shape == truth.lengths.shape == (len(truth), 40)
    assert 130 < 10 * truth.lengths.sum(1).mean() < 180
    for points in truth.articulators.values():
        assert points.min() > 0
        assert points.max() < 256


def test_the_acquired_movie_looks_like_mri_and_can_be_prepared(tmp_path: Path) -> None:
    found = picture_statistics(
        read_movie(MOVIE).frames[..., 1] if read_movie(MOVIE).frames.ndim == 4 else read_movie(MOVIE).frames
    )
    assert 0.1 < found.mean < 0.25
    assert 0.03 < found.background_mean < 0.07
    options = PrepareOptions(region="48,84,128,128", size="64", seconds=0.5, split="50/0/50", split_by="time")
    outcome = prepare(MOVIE.parent, tmp_path / "clips", options)
    assert not outcome.problems
    assert {entry.speaker for entry in outcome.clips.entries} == {"F1"}
