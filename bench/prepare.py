"""How fast recordings become clips, beside the plain FFmpeg-and-Python way in the same run: python bench/prepare.py.

The plain way is what the published preprocessing does (Prajwal et al. 2020): every frame decoded by FFmpeg, resized,
and written as a JPEG picture; the log-mel of the whole sound computed by an FFT in numpy and saved.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from PIL import Image

from seido.clips.logmel import mel_filters
from seido.clips.prepare import PrepareOptions, prepare
from seido.clips.store import open_clips
from seido.movie.writer import write_movie
from seido.plan import FrontEnd
from seido.workers import cores

RATE = Fraction(27)
SIZE = 256
SOUND = 48_000
OPTIONS = PrepareOptions(split_by="time", sync="off")


def _peak() -> int:
    """Read this process's own peak in kB: getrusage would give that of the process it was forked from."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=32)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--hour", type=int, default=3600, help="seconds of the long recording")
    parser.add_argument("--only", nargs="*", default=["speed", "cluster", "hour", "read"])
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        prepare(arguments.measure, arguments.measure.parent / "hour-clips", OPTIONS, workers=1)
        print(f"{_peak() / 1e3:.0f}")
        return
    load = os.getloadavg()[0]
    print(f"{cores()} cores; before this run {load:.1f} processes wanted them")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        if "speed" in arguments.only or "read" in arguments.only:
            many = corpus(root / "many", arguments.recordings, arguments.seconds)
            speed(root, many, arguments.recordings * arguments.seconds)
        if "read" in arguments.only:
            reading(root, many)
        if "cluster" in arguments.only:
            on_a_cluster(root, corpus(root / "hundred", 100, 5))
        if "hour" in arguments.only:
            for seconds in (arguments.hour // 60, arguments.hour):
                hour(root, seconds)


def corpus(folder: Path, recordings: int, seconds: int) -> Path:
    """Write movies of a drifting noisy texture, which is what MRI looks like to a codec, and 48 kHz sound beside."""
    folder.mkdir()
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        short, movie, wav = (Path(name) / part for part in ("short.mp4", "long.mp4", "long.wav"))
        write_movie(short, texture(min(seconds, 20), random), RATE)
        longer(short, movie, max(1, round(seconds / 20)))
        with soundfile.SoundFile(wav, "w", SOUND, 1, "PCM_16") as stream:
            for _ in range(seconds):
                stream.write(random.normal(0, 0.1, SOUND))
        for number in range(recordings):
            path = folder / f"s{number % 4}_{number:03d}.mp4"
            # Different bytes, the same work.
            path.write_bytes(movie.read_bytes() + b"\0\0\0\x0cfree" + number.to_bytes(4, "big"))
            shutil.copy(wav, path.with_suffix(".wav"))
    return folder


def texture(seconds: int, random: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    coarse = np.kron(random.integers(20, 200, (SIZE // 4 + 8,) * 2), np.ones((4, 4))).astype(np.uint8)
    for index in range(int(seconds * RATE)):
        shift = round(8 + 8 * np.sin(index / 9))
        yield coarse[shift : shift + SIZE, shift : shift + SIZE] + random.integers(0, 9, (SIZE, SIZE), np.uint8)


def longer(source: Path, target: Path, times: int) -> None:
    """Repeat a movie's packets so often."""
    with av.open(str(source)) as given, av.open(str(target), "w") as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        for turn in range(times):
            given.seek(0)
            packets = [packet for packet in given.demux(video=0) if packet.dts is not None]
            length = sum(packet.duration or 0 for packet in packets)
            for packet in packets:
                packet.dts, packet.pts = (packet.dts or 0) + turn * length, (packet.pts or 0) + turn * length
                packet.stream = stream
                out.mux(packet)


@contextmanager
def timed() -> Iterator[Callable[[], float]]:
    began = time.perf_counter()
    yield lambda: time.perf_counter() - began


def processor() -> Callable[[], float]:
    """Measure processor time, of ended processes too, since it was asked for last; a busy machine changes it little."""
    last = 0.0

    def spent() -> float:
        nonlocal last
        both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        now = sum(usage.ru_utime + usage.ru_stime for usage in both)
        last, before = now, last
        return now - before

    spent()
    return spent


def speed(root: Path, source: Path, seconds: int) -> None:
    rates: dict[str, float] = {}
    cpu = processor()
    for workers in (1, 2):
        with timed() as spent:
            prepare(source, root / f"clips{workers}", OPTIONS, workers=workers)
        rates[f"seido, {workers} worker{'s' * (workers > 1)}"] = seconds / spent()
        print(f"seido, {workers}: {1000 * cpu() / seconds:.1f} ms of processor per second of recording")
    movies = sorted(source.glob("*.mp4"))
    with timed() as spent, ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(plain, movies, [root / "plain" / movie.stem for movie in movies]))
    rates["plain way, 2 processes"] = seconds / spent()
    print(f"plain way: {1000 * cpu() / seconds:.1f} ms of processor per second of recording")
    for name, rate in rates.items():
        print(f"{name}: {rate:.0f} seconds of recording prepared per second")
    both, one = rates["seido, 2 workers"], rates["seido, 1 worker"]
    print(f"two workers × {both / one:.2f} of one; × {both / rates['plain way, 2 processes']:.2f} of the plain way")
    with timed() as spent:
        prepare(source, root / "lags", PrepareOptions(split_by="time"), workers=2)
    print(f"with lags estimated, 2 workers: {seconds / spent():.0f} seconds of recording per second")


def plain(movie: Path, folder: Path) -> None:
    """Decode, resize, a JPEG a frame, and one log-mel."""
    folder.mkdir(parents=True)
    with av.open(str(movie)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
            picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR).save(folder / f"{number}.jpg")
    heard, rate = soundfile.read(movie.with_suffix(".wav"), dtype="float32")
    samples = soxr.resample(heard, rate, 16_000)
    soundfile.write(folder / "audio.wav", samples, 16_000)
    np.save(folder / "mel.npy", plain_mel(samples))


def plain_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the log-mel of 16 kHz speech by numpy's FFT: float32 (columns, bands), −4 … 4."""
    settings = FrontEnd()
    samples = np.append(samples[0], samples[1:] - settings.preemphasis * samples[:-1])
    padded = np.pad(samples, settings.fft // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, settings.fft)[:: settings.hop]
    spectrum = np.abs(np.fft.rfft(windows * np.hanning(settings.fft), axis=1))
    mel = 20 * np.log10(np.maximum(spectrum @ mel_filters(settings).numpy().T, 1e-5))
    columns: NDArray[np.float32] = np.clip(0.08 * mel + 2.4, -4, 4).astype(np.float32)
    return columns


def reading(root: Path, source: Path) -> None:
    """Read frames and mel windows as training does, from the page cache, at 96 × 96."""
    clips = prepare(source, root / "small", PrepareOptions(split_by="time", sync="off", size="96"), workers=2).clips
    for entry in clips.entries:
        clips.frames(entry).sum()
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    clips, count, cpu = open_clips(clips.root), 0, processor()
    with timed() as spent:
        while spent() < 3:
            entry = clips.entries[random.integers(len(clips))]
            first = int(random.integers(entry.frames - 5))
            frames = torch.from_numpy(np.array(clips.frames(entry)[first : first + 5])).float().div_(255)
            mel = torch.from_numpy(np.array(clips.mel(entry)[:16]))
            count += len(frames) + 0 * len(mel)
        rate = count / spent()
    print(
        f"five frames and their mel at random, 96 × 96, one core, as float32: {rate:,.0f} frames/s, "
        f"{count / cpu():,.0f} per second of processor"
    )
    with timed() as spent:
        count = sum(len(np.array(clips.frames(entry))) for entry in clips.entries)
        rate = count / spent()
    print(f"whole clips in order, one core: {rate:,.0f} frames/s")


def on_a_cluster(root: Path, source: Path) -> None:
    from distributed import LocalCluster

    spans: dict[str, float] = {}
    local: Any = LocalCluster
    for turn in range(2):
        with local(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, timed() as spent:
            prepare(source, root / f"dask{turn}", OPTIONS, address=cluster.scheduler_address)
            spans["dask"] = min(spent(), spans.get("dask", 1e9))
        with timed() as spent:
            prepare(source, root / f"pool{turn}", OPTIONS, workers=2)
            spans["pool"] = min(spent(), spans.get("pool", 1e9))
    print(
        f"100 recordings of 5 s: process pool {spans['pool']:.1f} s, Dask with two local workers "
        f"{spans['dask']:.1f} s: × {spans['dask'] / spans['pool']:.2f}"
    )


def hour(root: Path, seconds: int) -> None:
    source = corpus(root / f"hour{seconds}", 1, seconds)
    with timed() as spent:
        done = subprocess.run(
            [sys.executable, __file__, "--measure", str(source)], check=True, capture_output=True, text=True
        )
    print(f"{seconds} s in one recording: {spent():.0f} s, peak {done.stdout.strip().splitlines()[-1]} MB")
    for path in (root / "hour-clips").rglob("*.*"):
        path.unlink()


if __name__ == "__main__":
    main()
