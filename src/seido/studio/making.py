"""The task `make`: speech and one frame become a movie, its frames, and the speech that goes with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seido.clips.denoise import denoised
from seido.corpus.sound import probe_sound, read_speech, sound_blocks
from seido.corpus.still import read_frame
from seido.errors import BadInputError
from seido.models.mover import Mover
from seido.movie.find_tract import find_tract
from seido.movie.generate import GenerateOptions, Generation, generate, load_generator
from seido.movie.place import place
from seido.movie.writer import Sound, write_movie, write_speech
from seido.studio.items import FRAMES, MOVIE, SPEECH
from seido.studio.looking import require_volume
from seido.studio.raw import kept
from seido.values import Frame

Tell = Callable[[str, int, int], None]
_QUIET = Path("quiet.wav")


def make(request: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Generate a movie into the current folder: movie.mp4, frames.raw, speech.wav.

    The request names the recording (`speech`), the first frame (`frame`: a picture's path, or the path, shape and
    number of a frame among raw ones), `model`, `region` or null, whether to `flip`, to `denoise` and to show
    `doubt`. Raises SeidoError.
    """
    tell("speech", 0, 1)
    speech = Path(request["speech"])
    steps: tuple[str, ...] = ()
    if request["denoise"]:
        done = denoised(read_speech(speech, probe_sound(speech).rate))
        steps = done.steps
        write_speech(_QUIET, done.speech)
        speech = _QUIET
    voice = read_speech(speech)
    write_speech(Path(SPEECH), voice)
    picture = first_frame(request["frame"])
    tell("model", 0, 1)
    options = GenerateOptions(
        model=request["model"], region=request["region"], flip=request["flip"], doubt=request["doubt"]
    )
    made = generate(voice, picture, options)
    channels = 1 if picture.ndim == 2 and not options.doubt else 3
    height, width = picture.shape[:2]
    require_volume(height, width, channels, made.total, request["limits"]["volume"])
    sound = Sound(sound_blocks(speech), probe_sound(speech).rate)
    with Path(FRAMES).open("wb") as file:
        write_movie(Path(MOVIE), kept(_told(made, tell), file), made.rate, sound)
    _QUIET.unlink(missing_ok=True)
    return {
        "pictures": {
            "frames": made.total,
            "height": height,
            "width": width,
            "channels": channels,
            "rate": str(made.rate),
        },
        "seconds": float(voice.seconds),
        "facts": {"denoised": list(steps), "remarks": list(made.remarks)},
    }


def suggest(request: dict[str, Any], _: Tell) -> dict[str, Any]:
    """Say which region of a first frame (`frame`, as in make) `model` would move, and what the frame looks like.

    `region` is null where the model needs one drawn.
    """
    picture = first_frame(request["frame"])
    model, plan = load_generator(request["model"])
    try:
        region = str(place(None, plan, picture, search=isinstance(model, Mover), flip=False))
    except BadInputError:
        region = None
    seen = find_tract(picture)
    return {"region": region, "head": seen.head, "looks_right": seen.looks_right}


def first_frame(told: dict[str, Any]) -> Frame:
    """Read the first frame: a picture file, or one of raw frames by its number."""
    if "number" not in told:
        return read_frame(Path(told["path"]))
    height, width, channels = told["height"], told["width"], told["channels"]
    size = height * width * channels
    frame = np.fromfile(told["path"], np.uint8, size, offset=told["number"] * size)
    return frame.reshape((height, width) if channels == 1 else (height, width, channels))


def _told(made: Generation, tell: Tell) -> Iterator[Frame]:
    for number, frame in enumerate(made, start=1):
        yield frame
        tell("frames", number, made.total)
