"""How frames are retimed: which source frame is shown when, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from seido.timebase import source_frame
from seido.values import Frame


def repeats(frames: Iterator[Frame], source_rate: Fraction, rate: Fraction, count: int) -> Iterator[tuple[Frame, int]]:
    """Yield every source frame with how often it is shown when `count` frames are shown at `rate`.

    Frame *i* shows the source frame on screen at its middle. Times are exact fractions, so an hour drifts no more than
    a second does: never over half a source frame. The last frame is held when the source is too short.
    """
    shown, held = 0, None
    wanted = source_frame(0, rate, source_rate)
    for index, frame in enumerate(frames):
        if held is not None:
            yield held
        times = 0
        while shown < count and wanted == index:
            shown, times = shown + 1, times + 1
            wanted = source_frame(shown, rate, source_rate)
        held = frame, times
        if shown == count:
            break
    if held is not None:
        yield held[0], held[1] + count - shown


def retimed(frames: Iterator[Frame], source_rate: Fraction, rate: Fraction, count: int) -> Iterator[Frame]:
    """Show `count` frames at `rate`; see repeats."""
    for frame, times in repeats(frames, source_rate, rate, count):
        for _ in range(times):
            yield frame
