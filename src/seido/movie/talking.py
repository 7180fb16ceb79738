"""Wav2Lip's own job on a moving face: every frame of a movie gets the mouth of the speech."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from seido.corpus.sound import read_speech
from seido.corpus.video import movie_frames, probe_movie
from seido.errors import BadInputError
from seido.models.device import choose_device
from seido.models.inputs import face_input
from seido.models.wav2lip import Wav2Lip
from seido.movie.face import find_face
from seido.movie.generate import GenerateOptions, Generation, load_generator, mel_batches, require_use_of_encoder
from seido.movie.paste import shrunk, to_pixels
from seido.movie.place import choose_region
from seido.values import Frame, Region, Speech

SMOOTHING = 5
"""Frames over which a found face's box is averaged, so that it does not tremble."""


@dataclass(frozen=True)
class _Placed:
    picture: Frame
    region: Region


def dub(speech: Speech | Path | str, movie: Path | str, options: GenerateOptions | None = None) -> Generation:
    """Give every frame of a movie the mouth of the speech, as Wav2Lip's published inference does with a video.

    The movie is repeated from its beginning while there is speech; frames come at its own rate. With region
    "face" the face is found in every frame and its box averaged over five; otherwise the box stays. Raises
    BadInputError for input that cannot be used.
    """
    options = options or GenerateOptions()
    if options.fps is not None:
        raise BadInputError("a moving face keeps the frame rate of its movie; leave out --fps")
    model, plan = load_generator(options.model)
    if not isinstance(model, Wav2Lip):
        raise BadInputError(f"{options.model}: a {plan.network.name} sees no face; give a Wav2Lip generator")
    require_use_of_encoder(plan, options)
    voice = speech if isinstance(speech, Speech) else read_speech(Path(speech))
    info = probe_movie(Path(movie))
    device = choose_device(options.device)
    model = model.to(device)
    total = voice.frames(info.rate)
    first = next(movie_frames(info.path, 0, 1))
    fixed = None if options.region == "face" else choose_region(options.region, plan, first, what=str(movie))

    def frames() -> Iterator[Frame]:
        placed = _placed(_repeated(info.path), fixed)
        for audio in mel_batches(voice, range(total), info.rate, plan, options):
            batch = list(islice(placed, len(audio)))
            faces = torch.cat([shrunk(one.region.crop(one.picture)[None], plan) for one in batch])
            with torch.inference_mode():
                images = model(audio.to(device), face_input(faces, faces).to(device)).cpu()
            for one, image in zip(batch, images, strict=True):
                shown = one.picture.copy()
                crop = one.region.crop(shown)
                crop[:] = to_pixels(image[None], crop, plan)[0]
                yield shown

    return Generation(frames(), info.rate, total, plan)


def _repeated(path: Path) -> Iterator[Frame]:
    while True:
        yield from movie_frames(path)


def _placed(pictures: Iterator[Frame], fixed: Region | None) -> Iterator[_Placed]:
    if fixed is not None:
        for picture in pictures:
            yield _Placed(picture, fixed)
        return
    found: deque[tuple[int, int, int, int]] = deque(maxlen=SMOOTHING)
    for picture in pictures:
        try:
            face = find_face(picture)
        except BadInputError:
            # A face turned away for a moment stays where it was; without any before, there is nothing to show.
            if not found:
                raise
        else:
            found.append((face.x, face.y, face.width, face.height))
        x, y, width, height = (int(side) for side in np.mean(found, axis=0).round())
        yield _Placed(picture, Region(x, y, min(width, picture.shape[1] - x), min(height, picture.shape[0] - y)))
