"""How well the lag between speech and picture is found: python bench/sync.py [CORPUS] [--real MOVIE].

CORPUS is a phantom corpus in the rtMRIDB layout (`seido phantom CORPUS`); without one a small one is made. Recordings
of one speaker are joined and cut into pieces of 5, 10 and 20 s; their speech, clean and in scanner noise, is shifted by
an exact number of samples.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle, islice, pairwise
from pathlib import Path

import numpy as np
import torch

from seido.clips.sync import Lag, lag_of
from seido.corpus.sound import read_speech
from seido.corpus.video import read_movie
from seido.phantom.produce import produce
from seido.phantom.script import PhantomOptions
from seido.timebase import SAMPLE_RATE, samples_of_frames
from seido.values import Movie, Samples, Speech

LAGS_MS = (-200, 150, -50, 100, 0, -100, 50, -150, 200)
PER_PIECE = 3
"""Lags planted in each piece, in turn from the list."""


@dataclass(frozen=True)
class Piece:
    """A few seconds of pictures with their speech, and where they are in longer speech, so that nothing runs out."""

    movie: Movie
    speech: Samples
    start: int

    def shifted(self, lag: float) -> Speech:
        """Cut the speech so that the picture comes `lag` seconds after it."""
        first = self.start + round(lag * SAMPLE_RATE)
        return Speech(self.speech[first : first + round(self.movie.seconds * SAMPLE_RATE)], SAMPLE_RATE)


def main() -> None:
    """Print errors, calibration and false matches for each length and sound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("--real", type=Path, help="a real movie with sound")
    parser.add_argument("--speakers", nargs="+", default=["M1", "F1"])
    parser.add_argument("--recordings", type=int, default=40, help="of each speaker")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        corpus = arguments.corpus or Path(folder) / "corpus"
        if not arguments.corpus:
            produce(corpus, PhantomOptions(speakers=2, utterances=12, languages="ja", unseen="none"))
        _phantom(corpus, arguments.speakers, arguments.recordings)
    if arguments.real:
        _real(arguments.real)


def _phantom(corpus: Path, speakers: list[str], recordings: int) -> None:
    print(
        "| speaker | sound | way | s | n | bias ms | rms ms | worst ms | in 1 σ % | in 2 σ % | doubtful % | wrong % |"
    )
    for speaker in speakers:
        for sound in ("clean", "noisy"):
            movie, speech = _joined(corpus, speaker, sound, recordings)
            name = f"{speaker}, {float(movie.rate):.2f}/s"
            for seconds in (5, 10, 20):
                pieces = list(_pieces(movie, speech, seconds))
                print(f"| {name} | {sound} | seido | {seconds} | {_row(pieces, seido_lag)} |", flush=True)
            print(f"| {name} | {sound} | plain | 20 | {_row(pieces, plain_lag)} |", flush=True)


def _joined(corpus: Path, speaker: str, sound: str, count: int) -> tuple[Movie, Samples]:
    """Join a speaker's recordings, each trimmed to the samples its frames last."""
    frames, samples, rate, total = [], [], Fraction(25), 0
    for path in sorted((corpus / "rtmridb_v1_mp4").glob(f"{speaker}_*.mp4"))[:count]:
        movie = read_movie(path, colour=False)
        speech = read_speech(path if sound == "noisy" else corpus / "truth" / path.stem / "speech.wav").samples
        rate, before = movie.rate, samples_of_frames(total, SAMPLE_RATE, movie.rate)
        total += len(movie)
        frames.append(movie.frames)
        samples.append(np.resize(speech, samples_of_frames(total, SAMPLE_RATE, rate) - before))
    return Movie(np.concatenate(frames), rate), np.concatenate(samples)


def _pieces(movie: Movie, speech: Samples, seconds: int) -> Iterator[Piece]:
    length, margin = round(seconds * movie.rate), round(0.25 * SAMPLE_RATE)
    for first in range(round(movie.rate / 4) + 1, len(movie) - length, length):
        start = samples_of_frames(first, SAMPLE_RATE, movie.rate)
        if start + round(length * SAMPLE_RATE / movie.rate) + margin < len(speech):
            yield Piece(Movie(movie.frames[first : first + length], movie.rate), speech, start)


def _row(pieces: list[Piece], estimate: Callable[[Speech, Movie, Fraction], Lag]) -> str:
    """Plant lags, and pair pictures with the speech of other pieces."""
    lags = cycle(LAGS_MS)
    found = [
        (planted, _estimate(estimate, piece, piece.shifted(planted / 1000)))
        for piece in pieces
        for planted in islice(lags, PER_PIECE)
    ]
    others = pieces[1:] + pieces[:1]
    wrong = [_estimate(estimate, piece, other.shifted(0)) for piece, other in zip(pieces, others, strict=True)]
    sure = [(planted, lag) for planted, lag in found if not lag.doubtful]
    if not sure:
        return f"{len(found)} | all doubtful"
    errors = np.array([1000 * lag.seconds - planted for planted, lag in sure])
    sigmas = np.abs(errors) / np.array([1000 * lag.uncertainty for _, lag in sure])
    shares = [100 * np.mean(sigmas <= 1), 100 * np.mean(sigmas <= 2), 100 * (1 - len(sure) / len(found))]
    figures = [errors.mean(), np.sqrt(np.mean(errors**2)), np.abs(errors).max()]
    doubted = 100 * np.mean([lag.doubtful for lag in wrong])
    return f"{len(found)} | {' | '.join(f'{value:.1f}' for value in figures)} | " + " | ".join(
        f"{value:.0f}" for value in [*shares, doubted]
    )


def _estimate(estimate: Callable[[Speech, Movie, Fraction], Lag], piece: Piece, speech: Speech) -> Lag:
    return estimate(speech, piece.movie, piece.movie.rate)


def seido_lag(speech: Speech, movie: Movie, rate: Fraction) -> Lag:
    return lag_of(speech, movie.frames, rate)


def plain_lag(speech: Speech, movie: Movie, rate: Fraction) -> Lag:
    """Find where the mean absolute difference of frames follows the speech's envelope and its change best."""
    frames = movie.frames.astype(np.int16)
    motion = np.array([np.abs(after - before).mean() for before, after in pairwise(frames)])
    hop = SAMPLE_RATE // 200
    powers = (speech.samples[: len(speech.samples) // hop * hop].reshape(-1, hop) ** 2).mean(1)
    loudness = np.convolve(10 * np.log10(powers + 1e-6), np.ones(8) / 8, "same")
    change = np.abs(np.gradient(loudness))
    times = np.arange(1, len(frames)) / float(rate)
    inside = (times > 0.4) & (times < times[-1] - 0.4)
    lags = np.arange(-0.4, 0.401, 0.01)
    fits = []
    for lag in lags:
        at = (times[inside] - lag) * 200
        known = np.stack([np.interp(at, np.arange(len(loudness)), track) for track in (loudness, change)])
        known = np.concatenate([known, np.ones((1, known.shape[1]))])
        rest = motion[inside] - np.linalg.lstsq(known.T, motion[inside], rcond=None)[0] @ known
        fits.append(-float(rest.var()))
    return Lag(float(lags[int(np.argmax(fits))]), 0.02, doubtful=False)


def _real(path: Path) -> None:
    """Print the lag of a real movie and its pieces as they are, and the errors of planted lags against that."""
    movie, speech = read_movie(path, colour=False), read_speech(path)
    whole = lag_of(speech, movie.frames, movie.rate)
    print(f"{path.name}: {whole}, clarity {whole.clarity:.0f}; plain {plain_lag(speech, movie, movie.rate)}")
    for seconds in (5, 20):
        pieces = list(_pieces(movie, speech.samples, seconds))
        for piece in pieces:
            as_it_is = lag_of(piece.shifted(0), piece.movie.frames, movie.rate)
            moved = [lag_of(piece.shifted(ms / 1000), piece.movie.frames, movie.rate) for ms in (-200, -100, 100, 200)]
            print(f"{seconds} s from {piece.start / SAMPLE_RATE:.1f} s: {as_it_is}; planted:", *map(str, moved))


if __name__ == "__main__":
    main()
