"""Live speech, in a process of its own: sound comes in as it is spoken, the newest frame goes out.

The process reads one line of JSON, then blocks of sound: four bytes with their length in bytes, little-endian, and
16 kHz mono 16-bit samples. It writes messages: four bytes with their length, and either `J` and JSON (once what it
makes, at the end perhaps a problem) or `F`, the header `HEAD` and a frame's pixels.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from queue import SimpleQueue
from typing import Any, BinaryIO

import numpy as np

from seido.errors import SeidoError
from seido.movie.generate import GenerateOptions
from seido.movie.live import Live, begin
from seido.studio.child import limit, named
from seido.studio.making import first_frame
from seido.studio.problems import ProblemError
from seido.studio.speaking_wire import HEAD, LENGTH
from seido.timebase import SAMPLE_RATE
from seido.values import Samples

LATE = 0.5
"""Seconds of sound that may wait; more than that would be shown too late, and is skipped."""
KEPT = 0.24
"""Seconds of the newest sound that are heard after skipping."""


def main() -> int:
    """Follow one speaker until the sound ends."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    request = json.loads(sys.stdin.buffer.readline())
    limit(request["limits"]["memory_bytes"], request["limits"]["cpu_seconds"], request["limits"]["disk_bytes"])
    try:
        options = GenerateOptions(region=request["region"], flip=request["flip"])
        picture = first_frame(request["frame"])
        live = begin(request["model"], picture, options)
        channels = 1 if picture.ndim == 2 else 3
        size = {"height": picture.shape[0], "width": picture.shape[1], "channels": channels}
        made = {"rate": str(live.rate), "look_ahead": float(live.look_ahead), **size}
        write(answers, b"J" + json.dumps(made).encode())
        follow(live, sys.stdin.buffer, answers)
    except ProblemError as problem:
        write(answers, b"J" + json.dumps({"problem": problem.as_json()}).encode())
    except SeidoError as error:
        told = ProblemError("unreadable", named(str(error), request.get("names", {}))).as_json()
        write(answers, b"J" + json.dumps({"problem": told}).encode())
    except BrokenPipeError:
        pass
    return 0


def write(stream: BinaryIO, message: bytes) -> None:
    """Write one message after its length."""
    stream.write(LENGTH.pack(len(message)) + message)


def follow(live: Live, sound: BinaryIO, answers: BinaryIO) -> None:
    """Hear sound as it comes and write the newest frame; what waits too long is skipped: nothing lags behind."""
    waiting: SimpleQueue[Samples | None] = SimpleQueue()
    threading.Thread(target=_listen, args=(sound, waiting), daemon=True).start()
    began = left_out = 0
    while (samples := _heard(waiting)) is not None:
        if len(samples) > LATE * SAMPLE_RATE:
            kept = round(KEPT * SAMPLE_RATE)
            began += live.spoken.heard.total + len(samples) - kept
            left_out += int((len(samples) - kept) * live.rate / SAMPLE_RATE)
            live.reset()
            samples = samples[-kept:]
        clock = time.perf_counter()
        frames = live.feed(samples)
        if not frames:
            continue
        left_out += len(frames) - 1
        middle = began / SAMPLE_RATE + float((2 * live.spoken.shown - 1) / (2 * live.rate))
        head = HEAD.pack(middle, 1000 * (time.perf_counter() - clock), left_out)
        write(answers, b"F" + head + np.ascontiguousarray(frames[-1]).tobytes())


def _listen(sound: BinaryIO, waiting: SimpleQueue[Samples | None]) -> None:
    while len(head := sound.read(LENGTH.size)) == LENGTH.size:
        data = sound.read(LENGTH.unpack(head)[0])
        waiting.put(np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / np.float32(32768))
    waiting.put(None)


def _heard(waiting: SimpleQueue[Samples | None]) -> Samples | None:
    """Wait for sound and take all there is; None when it has ended."""
    blocks = [waiting.get()]
    while not waiting.empty():
        blocks.append(waiting.get())
    there: list[Any] = [block for block in blocks if block is not None]
    return np.concatenate(there) if len(there) == len(blocks) else None


if __name__ == "__main__":
    raise SystemExit(main())
