"""Frames written per second, against the plain PyAV loop: RGB frames, converted and encoded one by one."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from statistics import median

import av
import numpy as np
from numpy.typing import NDArray

from seido.corpus.video import movie_frames
from seido.movie.writer import write_movie

RATE = Fraction(25)
FRAMES = 500
ROUNDS = 5
SAMPLE = Path(__file__).parent.parent / "src" / "seido" / "samples" / "F1_zh_001.mp4"


def plain(path: Path, frames: NDArray[np.uint8], codec: str, pixels: str) -> None:
    """Write as PyAV's own examples do."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, options={"crf": "16", "preset": "veryfast"})
        stream.height, stream.width = frames.shape[1:3]  # type: ignore[union-attr]
        stream.pix_fmt = pixels  # type: ignore[union-attr]
        for frame in frames:
            colour = av.VideoFrame.from_ndarray(np.repeat(frame[..., None], 3, axis=-1), format="rgb24")
            container.mux(stream.encode(colour))  # type: ignore[union-attr, arg-type]
        container.mux(stream.encode(None))  # type: ignore[union-attr]


def frames_per_second(write: Callable[[], object]) -> float:
    """Time one writing of FRAMES frames."""
    began = time.perf_counter()
    write()
    return FRAMES / (time.perf_counter() - began)


def main() -> None:
    shown = np.stack(list(movie_frames(SAMPLE, colour=False)))
    frames = np.concatenate([shown] * -(-FRAMES // len(shown)))[:FRAMES]
    kinds = (("H.264 mp4", "a.mp4", "libx264", "yuv420p", False), ("FFV1 mkv", "a.mkv", "ffv1", "gray", True))
    with tempfile.TemporaryDirectory() as name:
        for title, file, codec, pixels, lossless in kinds:
            ours, theirs = [], []
            for _ in range(ROUNDS):
                mine, other = Path(name) / file, Path(name) / f"plain-{file}"
                ours.append(frames_per_second(lambda: write_movie(mine, frames, RATE, lossless=lossless)))  # noqa: B023
                theirs.append(frames_per_second(lambda: plain(other, frames, codec, pixels)))  # noqa: B023
            ratio = median(ours) / median(theirs)
            print(f"{title}, 256 × 256: {median(ours):,.0f} frames/s, plain loop {median(theirs):,.0f}; × {ratio:.2f}")


if __name__ == "__main__":
    main()
