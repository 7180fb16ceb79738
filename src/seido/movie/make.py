"""`seido generate`: a recording and a first frame on disk become a movie on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from seido.corpus.sound import probe_sound, sound_blocks
from seido.files import require_parent
from seido.movie.generate import GenerateOptions, Generation, generate
from seido.movie.talking import dub
from seido.movie.writer import Sound, movie_kind, write_movie
from seido.values import Frame

Progress = Callable[[int, int], None]
"""Called with the frames done and the frames in all."""


def generate_movie(
    speech: Path,
    frame: Path | str,
    out: Path,
    options: GenerateOptions | None = None,
    *,
    moving: bool = False,
    lossless: bool = False,
    progress: Progress = lambda *_: None,
) -> Generation:
    """Generate a movie with its sound and write it to `out`, whole or not at all.

    Memory does not grow with the length but for the speech itself (64 kB a second) and its spectrogram (26 kB).

    Parameters
    ----------
    speech
        The recording; its sound goes into the movie as it is, mixed to mono.
    frame
        The first frame, or a bundled head's name, or with `moving` the movie whose every frame is to speak.
    out
        .mp4, or .mkv.
    options
        See GenerateOptions.
    moving
        Whether every frame of the movie `frame` gets its own mouth, instead of the first frame alone.
    lossless
        FFV1 and FLAC in .mkv.
    progress
        Called after every frame.

    Returns
    -------
    The Generation that was written: its rate and total. Raises BadInputError and OutputError.

    """
    require_parent(out)
    movie_kind(out, lossless=lossless)
    made = (dub if moving else generate)(speech, frame, options)
    sound = Sound(sound_blocks(speech), probe_sound(speech).rate)

    def counted() -> Iterator[Frame]:
        for number, picture in enumerate(made, start=1):
            yield picture
            progress(number, made.total)

    write_movie(out, counted(), made.rate, sound, lossless=lossless)
    return made
