"""The articulatory synthesiser, in a process of its own: it keeps one speaker in global state and may abort."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import lru_cache
from types import TracebackType
from typing import IO, Any, BinaryIO, Self, cast

import numpy as np

from seido.errors import BadInputError, SeidoError
from seido.phantom.anatomy import Anatomy, speaker_xml
from seido.phantom.contours import Contours
from seido.phantom.shapes import GLOTTIS, TRACT, Shapes, Target
from seido.phantom.wire import Numbers, receive, send
from seido.values import Speech

SAMPLE_RATE = 44_100
"""Samples per second of the engine's sound."""
SECTIONS = 40
"""Sections of the tube that stands for the tract, from glottis to lips."""
_PATIENCE = 60.0


class Engine:
    """The synthesiser set to one speaker; use it as a context manager.

    Raises MissingExtraError when it is not installed, BadInputError for states that cannot be, and SeidoError
    naming the speaker when its process ends or does not answer. Same input, same bytes.
    """

    def __init__(self, anatomy: Anatomy) -> None:
        self.anatomy = anatomy
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        xml = speaker_xml(self.anatomy)
        # Only this interpreter and a module of this package are run.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "seido.phantom.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._exchange({"xml": xml}, (), _PATIENCE)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            _close(stream)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def synthesise(self, tract: Numbers, glottis: Numbers, rate: int) -> Speech:
        """Speak states of the tract (n, 19) and glottis (n, 11), `rate` per second: n/rate seconds at 44.1 kHz."""
        tract, glottis = _states(tract, TRACT), _states(glottis, GLOTTIS)
        if len(tract) != len(glottis):
            raise BadInputError(f"tract and glottis should have as many states, got {len(tract)} and {len(glottis)}")
        if rate < 1 or SAMPLE_RATE % rate:
            raise BadInputError(f"{rate} states/s do not divide {SAMPLE_RATE} samples/s: use 50 or 100")
        hop = SAMPLE_RATE // rate
        # Speech of a minute takes about a minute, so patience grows with it.
        _, (sound,) = self._ask("synthesise", [tract, glottis], _PATIENCE + 0.5 * len(tract), hop=hop)
        return Speech(sound.astype(np.float32), SAMPLE_RATE, self.anatomy.name)

    def contours(self, states: Numbers) -> list[Contours]:
        """Draw the mid-sagittal outlines of each state (n, 19): mm, x forwards, y down."""
        states = _states(states, TRACT)
        words, (points,) = self._ask("contours", [states], _PATIENCE + len(states))
        out, start = [], 0
        for lengths in words["lengths"]:
            ends = np.cumsum(lengths) + start
            out.append(Contours.of(np.split(points[start : ends[-1]], ends[:-1] - start)))
            start = int(ends[-1])
        return out

    def tube(self, state: Target) -> tuple[Numbers, Numbers]:
        """Measure the tube of one state (19,): areas in cm² and lengths in cm, 40 each, from glottis to lips."""
        _, (areas, lengths) = self._ask("tube", [_states(state[None], TRACT)[0]])
        return areas, lengths

    def shape(self, name: str) -> Target:
        """Give the speaker's tract shape of that name, (19,), not tuned; raises SeidoError for unknown names."""
        return self._ask("shape", [], name=name, of="tract")[1][0]

    def measure_shapes(self) -> Shapes:
        """Tune all of the speaker's shapes; `shapes_of` remembers them."""
        words, (tract, glottis) = self._ask("shapes", [], 5 * _PATIENCE)
        return Shapes(
            self.anatomy,
            dict(zip(words["tract"], tract, strict=True)),
            dict(zip(words["glottis"], glottis, strict=True)),
        )

    def _ask(
        self, call: str, arrays: Sequence[Numbers], patience: float = _PATIENCE, **words: str | int
    ) -> tuple[dict[str, Any], list[Numbers]]:
        answer, numbers = self._exchange({"call": call, **words}, arrays, patience)
        if "error" in answer:
            raise SeidoError(f"speaker {self.anatomy.name}: the phantom's engine refused to {call}: {answer['error']}")
        return answer, numbers

    def _exchange(
        self, words: dict[str, Any], arrays: Sequence[Numbers], patience: float
    ) -> tuple[dict[str, Any], list[Numbers]]:
        process = self._process
        if process is None:
            raise SeidoError(f"speaker {self.anatomy.name}: the phantom's engine is not running; use it inside 'with'")
        # Killing a process that hangs ends the read below, whatever the platform.
        alarm = threading.Timer(patience, process.kill)
        alarm.start()
        try:
            send(cast("BinaryIO", process.stdin), words, arrays)
            return receive(cast("BinaryIO", process.stdout))
        except (EOFError, OSError):
            process.kill()
            raise SeidoError(
                f"speaker {self.anatomy.name}: the phantom's engine stopped in the middle of its work; "
                "choose an anatomy nearer to the average, or try again"
            ) from None
        finally:
            alarm.cancel()


@lru_cache(maxsize=32)
def shapes_of(anatomy: Anatomy) -> Shapes:
    """Tune a speaker's shapes in a process of its own, once per anatomy; raises as `Engine` does."""
    with Engine(anatomy) as engine:
        return engine.measure_shapes()


def _states(states: Numbers, names: Sequence[str]) -> Numbers:
    if states.ndim != 2 or states.shape[1] != len(names) or not len(states):
        raise BadInputError(f"states should have shape (n, {len(names)}), got {states.shape}")
    if not np.isfinite(states).all():
        raise BadInputError("states hold NaN or infinite numbers; every parameter should be finite")
    return np.ascontiguousarray(states, dtype=np.float64)


def _close(stream: IO[bytes] | None) -> None:
    if stream is not None:
        try:
            stream.close()
        except OSError:  # the process is gone already, and what was unsent with it
            return
