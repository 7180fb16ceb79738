"""How fast movies and sounds are read, beside the plain way in the same run: python bench/reading.py."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from seido.corpus.sound import read_speech
from seido.corpus.video import movie_frames

FRAMES = 600
REPEATS = 3
SECONDS = 600


def main() -> None:
    """Print frames per second of three movies, and seconds of sound per second."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        movies = {
            "H.264 mp4, 256 × 256": _movie(root / "a.mp4", 256, "libx264", "yuv420p"),
            "FFV1 mkv, 256 × 256": _movie(root / "a.mkv", 256, "ffv1", "gray"),
            "raw avi, 68 × 68": _movie(root / "a.avi", 68, "rawvideo", "bgr24"),
        }
        for name, path in movies.items():
            seido, plain = FRAMES / _best(_spend, movie_frames, path), FRAMES / _best(_spend, _plain, path)
            print(f"{name}: {seido:,.0f} frames/s, plain PyAV loop {plain:,.0f}; × {seido / plain:.2f}")
        wave = np.random.default_rng(0).normal(0, 0.1, SECONDS * 48_000).astype(np.float32)
        soundfile.write(root / "a.wav", wave, 48_000)
        print(f"speech 48 → 16 kHz: {SECONDS / _best(read_speech, root / 'a.wav'):,.0f} seconds of sound/s")


def _movie(path: Path, size: int, codec: str, pix_fmt: str) -> Path:
    """Write a drifting grey texture with noise, which is what MRI looks like to a codec."""
    random = np.random.default_rng(0)
    texture = np.kron(random.integers(20, 200, (size // 4 + 8, size // 4 + 8)), np.ones((4, 4))).astype(np.uint8)
    with av.open(str(path), "w") as output:
        stream = cast("av.VideoStream", output.add_stream(codec, rate=25))
        stream.height = stream.width = size
        stream.pix_fmt = pix_fmt
        for index in range(FRAMES):
            shift = round(8 + 8 * np.sin(index / 9))
            picture = texture[shift : shift + size, shift : shift + size] + random.integers(
                0, 9, (size, size), np.uint8
            )
            frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format=pix_fmt)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def _plain(path: Path) -> Iterator[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)


def _spend(read: Callable[[Path], Iterator[NDArray[np.uint8]]], path: Path) -> int:
    path.touch()  # so that what is remembered of the movie is found anew
    return sum(1 for _ in read(path))


def _best(work: Callable[..., object], *args: object) -> float:
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        work(*args)
        times.append(time.perf_counter() - begun)
    return min(times)


if __name__ == "__main__":
    main()
