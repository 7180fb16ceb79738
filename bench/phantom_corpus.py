"""What a phantom corpus costs, whether its pictures have the statistics of real ones, whether its speech carries them.

Usage: python bench/phantom_corpus.py [CORPUS]. Without a corpus a small one is made, and its cost measured.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seido.clips.logmel import log_mel
from seido.corpus.sound import read_speech
from seido.corpus.video import read_movie
from seido.phantom.produce import PICTURES, SPEECH, TRUTH_FOLDER, produce
from seido.phantom.script import PhantomOptions
from seido.phantom.statistics import PictureStatistics, picture_statistics
from seido.phantom.truth import TRUTH
from seido.timebase import MEL_RATE
from seido.workers import cores

REAL = Path(__file__).resolve().parents[2] / "shared" / "real"
COMPONENTS = 10
REGION = (slice(60, 188), slice(44, 172))
RIDGE = 300.0
CONTEXT = 8  # mel columns on each side: 0.1 s


def main() -> None:
    if len(sys.argv) > 1:
        corpus = Path(sys.argv[1])
        statistics(corpus)
        regression(corpus)
        return
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        price(corpus)
        statistics(corpus)
        regression(corpus)


def price(corpus: Path) -> None:
    """Make a small corpus and say what it took."""
    options = PhantomOptions(speakers=2, utterances=12, languages="ja", unseen="none")
    began, used = time.monotonic(), _cpu()
    made = produce(corpus, options)
    wall, spent = time.monotonic() - began, _cpu() - used
    size = sum(path.stat().st_size for path in corpus.rglob("*") if path.is_file())
    print(
        f"{len(made.lines)} recordings, {made.seconds:.0f} s of speech, half at 27.17, half at 13.84 frames/s: "
        f"{wall:.0f} s on {cores()} cores, {spent / made.seconds:.2f} CPU-s per second of speech, "
        f"{size / made.seconds / 1e6:.2f} MB per second"
    )


def _cpu() -> float:
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def statistics(corpus: Path) -> None:
    """Print the statistics of phantom and real pictures side by side."""
    print(f"\n{'pictures':24} {'mean':>6} {'median':>6} {'backgr':>6} {'sd':>6} {'change':>6} {'moving':>6}")
    for speaker, takes in sorted(_takes(corpus).items()):
        shown = [read_movie(movie).frames for movie, _, _ in takes[:2]]
        _row(f"{speaker} 256 mm", [picture_statistics(_grey(frames)) for frames in shown])
        crop = (slice(None), slice(28, 228), slice(20, 220))
        _row(f"{speaker} 200 mm", [picture_statistics(_grey(frames)[crop]) for frames in shown])
    for path in sorted(REAL.rglob("*.avi")) + sorted(REAL.rglob("*.mp4")):
        _row(path.stem[:24], [picture_statistics(_grey(read_movie(path).frames[20:1000]))])


def _row(name: str, found: list[PictureStatistics]) -> None:
    fields = ("mean", "median", "background_mean", "background_sd", "frame_difference", "moving")
    means = [float(np.mean([getattr(one, field) for one in found])) for field in fields]
    print(f"{name:24} " + " ".join(f"{value:6.3f}" for value in means))


def _grey(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return frames if frames.ndim == 3 else frames[..., 1]


def regression(corpus: Path) -> None:
    """Predict picture components from clean speech by ridge regression, on sentences that were not trained on."""
    print(
        f"\nmel, ±0.1 s, to {COMPONENTS} picture components, a third of the sentences held out; wrong speech beside it"
    )
    for speaker, takes in sorted(_takes(corpus).items()):
        if len(takes) < 3:
            continue
        parts = [_paired(movie, speech, rate) for movie, speech, rate in takes]
        held = [index % 3 == 2 for index in range(len(parts))]
        sounds = [sound for sound, _ in parts]
        train = [part for part, out in zip(parts, held, strict=True) if not out]
        centre = np.concatenate([pictures for _, pictures in train]).mean(0)
        stacked = np.concatenate([pictures for _, pictures in train]) - centre
        axes = np.linalg.svd(stacked, full_matrices=False)[2][:COMPONENTS]
        weights, mean, spread = _ridge(np.concatenate([sound for sound, _ in train]), stacked @ axes.T)
        tests = [index for index, out in enumerate(held) if out]
        truth = np.concatenate([(parts[index][1] - centre) @ axes.T for index in tests])
        right = np.concatenate([_guess(sounds[index], weights, mean, spread) for index in tests])
        wrong = np.concatenate(
            [_guess(_fit(sounds[index - 1], len(sounds[index])), weights, mean, spread) for index in tests]
        )
        own, others = _r(truth, right), _r(truth, wrong)
        print(f"{speaker:4} R² {_r2(truth, right):5.2f}, r {own:5.2f}; wrong speech r {others:5.2f}")


def _paired(movie: Path, speech: Path, rate: Fraction) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    frames = read_movie(movie).frames[(slice(None), *REGION)].astype(np.float64)
    small = frames.reshape(len(frames), 32, 4, 32, 4).mean((2, 4)).reshape(len(frames), -1)
    mel = log_mel(read_speech(speech))
    padded = np.pad(mel, ((CONTEXT, CONTEXT), (0, 0)), mode="edge")
    at = [min(int((index + Fraction(1, 2)) / rate * MEL_RATE), len(mel) - 1) for index in range(len(frames))]
    sound = np.stack([padded[column : column + 2 * CONTEXT + 1].ravel() for column in at])
    return sound.astype(np.float64), small


def _ridge(sound: NDArray[np.float64], wanted: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    mean, spread = sound.mean(0), sound.std(0) + 1e-6
    given = np.concatenate([(sound - mean) / spread, np.ones((len(sound), 1))], 1)
    return np.linalg.solve(given.T @ given + RIDGE * np.eye(given.shape[1]), given.T @ wanted), mean, spread


def _guess(
    sound: NDArray[np.float64], weights: NDArray[np.float64], mean: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.concatenate([(sound - mean) / spread, np.ones((len(sound), 1))], 1) @ weights


def _fit(sound: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    return np.resize(sound, (length, sound.shape[1]))


def _r2(truth: NDArray[np.float64], guess: NDArray[np.float64]) -> float:
    return float(1 - ((truth - guess) ** 2).sum() / ((truth - truth.mean(0)) ** 2).sum())


def _r(truth: NDArray[np.float64], guess: NDArray[np.float64]) -> float:
    """Correlate component by component; the mean, weighted by variance."""
    each = [np.corrcoef(a, b)[0, 1] for a, b in zip(truth.T, guess.T, strict=True)]
    return float(np.average(each, weights=truth.var(0)))


def _takes(corpus: Path) -> dict[str, list[tuple[Path, Path, Fraction]]]:
    """List movie, clean speech and frame rate of each speaker's recordings, in order."""
    found: dict[str, list[tuple[Path, Path, Fraction]]] = defaultdict(list)
    for path in sorted((corpus / TRUTH_FOLDER).glob(f"*/{TRUTH}")):
        facts = json.loads(path.read_text(encoding="utf-8"))
        movie = read_movie(path.parent / PICTURES)
        recorded = corpus / f"{facts['facts']['recording']}.mp4"
        found[facts["facts"]["speaker"]].append((recorded, path.parent / SPEECH, movie.rate))
    return found


if __name__ == "__main__":
    main()
