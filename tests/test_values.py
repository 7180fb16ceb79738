from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seido.errors import BadInputError, NotFiniteError
from seido.plan import FrontEnd, Network, Plan
from seido.values import Clip, Movie, MovieInfo, Recording, Region, Speech


def grey(frames=3, height=4, width=5):
    return np.zeros((frames, height, width), np.uint8)


def tone(samples=1600):
    return np.full(samples, 0.1, np.float32)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1.5,2,3,4", "0,0,0,5", "0,0,5,-1", "-1,0,5,5"])
def test_regions_that_cannot_be(text):
    with pytest.raises(BadInputError, match="region"):
        Region.parse(text)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(1, 9), st.integers(1, 9))
def test_a_region_is_written_as_it_is_read_and_crops_what_it_says(x, y, width, height):
    region = Region.parse(f" {x}, {y},{width},{height}")
    assert Region.parse(str(region)) == region
    frames = np.arange(2 * 20 * 20).reshape(2, 20, 20)
    crop = region.within(20, 20).crop(frames, axis=1)
    assert crop.shape == (2, height, width)
    assert crop[1, 0, 0] == frames[1, y, x]
    with pytest.raises(BadInputError, match="reaches outside"):
        region.within(y + height - 1, 40)


def test_speech_is_checked():
    assert Speech(tone(), 16_000).frames(Fraction(25)) == 3
    with pytest.raises(BadInputError, match="no samples"):
        Speech(tone(0), 16_000)
    with pytest.raises(BadInputError, match="float32"):
        Speech(tone().astype(float), 16_000)
    with pytest.raises(BadInputError, match="impossible"):
        Speech(tone(), 0)
    with pytest.raises(NotFiniteError, match="NaN"):
        Speech(np.array([0.1, np.nan], np.float32), 16_000)


def test_movies_are_checked():
    movie = Movie(grey(), 23.18)  # a rate as users write it becomes exact
    assert movie.rate == Fraction(1159, 50)
    assert movie.seconds == Fraction(150, 1159)
    assert movie.size == (4, 5)
    assert Movie(np.zeros((2, 4, 5, 3), np.uint8), Fraction(25)).size == (4, 5)
    for frames in (grey(0), grey().astype(float), grey()[0], np.zeros((2, 4, 5, 4), np.uint8), grey(2, 0, 5)):
        with pytest.raises(BadInputError):
            Movie(frames, Fraction(25))


def test_a_clip_keeps_speech_and_picture_together():
    movie = Movie(grey(5), Fraction(25))
    clip = Clip("a", movie, Speech(tone(3200), 16_000), "s1", "r1", Fraction(0), "train")
    assert clip.movie.seconds == clip.speech.seconds
    with pytest.raises(BadInputError, match="more than a frame"):
        Clip("a", movie, Speech(tone(1600), 16_000), "s1", "r1", Fraction(0), "train")
    with pytest.raises(BadInputError, match="split"):
        Clip("a", movie, Speech(tone(3200), 16_000), "s1", "r1", Fraction(0), "dev")


def test_recordings_and_infos_are_checked():
    with pytest.raises(BadInputError, match="speaker"):
        Recording("a", Path("a.mp4"), Path("a.mp4"), "")
    with pytest.raises(BadInputError, match="no pictures"):
        MovieInfo(Path("a.mp4"), 4, 4, Fraction(25), 0, colour=False, sound=False)
    with pytest.raises(BadInputError, match="frame rate"):
        MovieInfo(Path("a.mp4"), 4, 4, Fraction(90_000), 3, colour=False, sound=False)


def test_a_plan_comes_back_as_it_went():
    plan = Plan(
        network=Network(width=Fraction(3, 8), residual=True),
        front_end=FrontEnd(lead=Fraction(2, 25)),
        rate=Fraction(1159, 50),
        region=Region(1, 2, 3, 4),
        frame_size=(68, 70),
        recipe="tract",
        notes={"clips": "12"},
    )
    assert Plan.from_json(plan.to_json()) == plan
    assert Plan.from_json(Plan().to_json()) == Plan()
    with pytest.raises(BadInputError, match="cannot be read"):
        Plan.from_json("{}", "x.safetensors")
    with pytest.raises(BadInputError, match="newer seido"):
        Plan.from_json('{"version": 99}', "x.safetensors")


def test_a_centred_window_stays_centred_at_other_rates():
    plan = Plan(front_end=FrontEnd(lead=Fraction(2, 25)), recipe="tract")
    assert plan.lead_at(plan.rate) == Fraction(2, 25)
    for rate in (Fraction(14), Fraction(50), Fraction(1159, 50)):
        assert Fraction(1, 10) - plan.lead_at(rate) == 1 / (2 * rate)
    assert Plan().lead_at(Fraction(50)) == 0
