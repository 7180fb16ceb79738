"""One speaker in the scanner: a line becomes speech, pictures and the truth about both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from seido.phantom.anatomy import Anatomy
from seido.phantom.articulators import articulators
from seido.phantom.canvas import pixels
from seido.phantom.contours import Contours
from seido.phantom.drawing import draw
from seido.phantom.engine import Engine, shapes_of
from seido.phantom.gestures import tracks
from seido.phantom.gradient_noise import Sequence, at_snr, gradient_noise
from seido.phantom.head import Head, head_of
from seido.phantom.outlines import as_drawn
from seido.phantom.scanner import CORPUS_SCANNER, OTHER_SCANNER, Coil, Scanner, acquire, average_states, drift, shift
from seido.phantom.script import Line, chance
from seido.phantom.shapes import Shapes
from seido.phantom.speak import utter
from seido.phantom.tracks import Tracks
from seido.phantom.tract_variables import tract_variables
from seido.phantom.truth import Truth, label_grid
from seido.timebase import samples_of_frames
from seido.values import Movie, Samples, Speech

SOUND_RATE = 48_000
"""Samples per second of the corpus' sound."""
GAIN = 5.0
"""What the engine's sound is multiplied by, the same for all: loud syllables come to about two thirds of full scale."""
_CEILING = 0.98
_FULL = 255


@dataclass(frozen=True)
class Booth:
    """A speaker ready to be recorded."""

    anatomy: Anatomy
    shapes: Shapes
    head: Head
    engine: Engine


@dataclass(frozen=True)
class Take:
    """What a recording gives: the movie as acquired, the sound in the scanner, and what both came from."""

    movie: Movie
    noiseless: Movie
    """The same frames without coil, blur, truncation and noise."""
    clean: Speech
    """Speech as at the lips, 48 kHz."""
    noisy: Speech
    """The same in the scanner's noise."""
    truth: Truth


@contextmanager
def booth(anatomy: Anatomy) -> Iterator[Booth]:
    """Make a speaker ready: starts the engine, tunes the shapes, draws the head; raises what `Engine` raises."""
    shapes = shapes_of(anatomy)
    with Engine(anatomy) as engine:
        rest = engine.contours(shapes.tract["@"][None])[0]
        yield Booth(anatomy, shapes, head_of(anatomy, rest), engine)


def record(booth: Booth, line: Line, snr: float) -> Take:
    """Let the speaker say a line, `snr` dB above the scanner's noise; the same line gives the same take.

    A frame averages two or three states, as many as take about 20 ms each, and so does its truth.
    """
    utterance = utter(line.language, line.text)
    said = tracks(utterance, booth.shapes)
    rate = line.frame_rate
    count = int(Fraction(len(said.tract), said.rate) * rate)
    per_frame = 3 if rate < 20 else 2
    states = said.states_at(np.asarray((np.arange(count * per_frame) + 0.5) / float(rate * per_frame), np.float64))
    outlines = booth.engine.contours(states)
    moved = drift(count, rate, line.random("drift"))
    pictures = _pictures(booth.head, outlines, per_frame, moved)
    scanner = scanner_of(line)
    clean, noisy = _sound(booth.engine, said, samples_of_frames(count, SOUND_RATE, rate), line, snr)
    words = [word.text for word in utterance.words]
    tubes = [booth.engine.tube(state) for state in _means(states, per_frame)]
    truth = Truth(
        rate=rate,
        articulators=_flesh(booth.head, outlines, per_frame, moved),
        tract_variables=_means(tract_variables(outlines, states), per_frame),
        areas=np.stack([areas for areas, _ in tubes]).astype(np.float32),
        lengths=np.stack([lengths for _, lengths in tubes]).astype(np.float32),
        labels=label_grid(said.marks, words, float(count / rate)),
        facts=_facts(line),
    )
    movie = Movie(acquire(pictures, scanner, line.random("scanner")), rate)
    noiseless = Movie(np.rint(pictures * _FULL).astype(np.uint8), rate)
    return Take(movie, noiseless, clean, noisy, truth)


def _facts(line: Line) -> dict[str, object]:
    return {
        "speaker": line.speaker,
        "language": line.language,
        "text": line.text,
        "number": line.number,
        "unseen": line.unseen,
        "seed": line.seed,
        "anatomy": asdict(line.anatomy),
    }


def scanner_of(line: Line) -> Scanner:
    """Give the scanner that a line is recorded in: W's is another one; coils sit a little differently on each head."""
    scanner = OTHER_SCANNER if line.unseen else CORPUS_SCANNER
    random = chance(line.anatomy.seed, "coil")
    centres = tuple(
        (x + float(random.normal(0, 0.015)), y + float(random.normal(0, 0.015))) for x, y in scanner.coil.centres
    )
    coil = Coil(centres, scanner.coil.fall_off, scanner.coil.floor)
    return replace(
        scanner, frame_rate=line.frame_rate, coil=coil, noise=scanner.noise * float(random.uniform(0.85, 1.15))
    )


def _pictures(head: Head, outlines: list[Contours], per_frame: int, moved: NDArray[np.float32]) -> NDArray[np.float32]:
    """Draw frames (T, H, W), each the mean of its states, where the head is by then."""
    frames = []
    for index, (dx, dy) in enumerate(moved):
        states = np.stack([draw(head, moment) for moment in outlines[index * per_frame :][:per_frame]])
        frames.append(shift(average_states(states, per_frame)[0], float(dx), float(dy)))
    return np.stack(frames)


def _flesh(
    head: Head, outlines: list[Contours], per_frame: int, moved: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """Give each articulator's points (T, n, 2), in picture mm."""
    moments = [articulators(moment) | as_drawn(moment, head.landmarks) for moment in outlines]
    return {
        name: _means(pixels(np.stack([moment[name] for moment in moments])), per_frame) + moved[:, None]
        for name in moments[0]
    }


def _means(values: NDArray[np.floating[Any]], per_frame: int) -> NDArray[np.float32]:
    return np.asarray(values.reshape(-1, per_frame, *values.shape[1:]).mean(1), np.float32)


def _sound(engine: Engine, said: Tracks, samples: int, line: Line, snr: float) -> tuple[Speech, Speech]:
    """Speak, clean and in the scanner's noise, `samples` long at SOUND_RATE."""
    spoken = engine.synthesise(said.tract, said.glottis, said.rate)
    full = soxr.resample(spoken.samples, spoken.rate, SOUND_RATE)
    clean = np.zeros(samples, np.float32)
    clean[: len(full)] = full[:samples]
    clean *= GAIN
    noise = gradient_noise(samples, SOUND_RATE, Sequence.at(line.frame_rate), line.random("noise"))
    noisy = at_snr(clean, noise, snr)
    return _speech(clean, line), _speech(noisy, line)


def _speech(samples: Samples, line: Line) -> Speech:
    """Turn down what would be cut off."""
    peak = float(np.abs(samples).max())
    return Speech(samples if peak <= _CEILING else samples * np.float32(_CEILING / peak), SOUND_RATE, line.name)
