"""What is wrong with recordings in ways that no error tells: each check returns sentences that say the cure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from seido.corpus.sound import sound_blocks
from seido.corpus.stack import is_stack, open_stack
from seido.corpus.textgrid import TextGrid
from seido.corpus.video import movie_frames
from seido.values import MovieInfo, Recording

_APART = 0.1
"""Seconds by which sound and picture may differ in length: encoders fill up their last blocks."""
_SAME_RATE = Fraction(3, 200)
_OTHER_RATE = Fraction(2, 100)
_BRIGHTER = 0.15
"""Share by which the mean of frame 0 exceeds that of settled frames; speech moves it by up to a tenth."""
_SETTLED = 0.03
_LOOK = Fraction(2)
"""Seconds of a recording that are looked at."""
_HEARD = 8.0
_WINDOW = 0.05
_BURST = 8.0
"""Decibels by which the first moments exceed what is loud afterwards."""
_HELD = 0.15


def length_trap(
    recording: Recording, info: MovieInfo, sound_seconds: Fraction, rates: Iterable[Fraction]
) -> str | None:
    """Compare the lengths of picture and sound; `rates` are those of the corpus's other recordings.

    Where another rate that occurs would make them agree, the movie's header is wrong.
    """
    shown = info.frames / info.rate
    apart = float(abs(shown - sound_seconds))
    if apart <= max(_APART, float(2 / info.rate)) or sound_seconds <= 0:
        return None
    implied = info.frames / sound_seconds
    for rate in rates:
        if abs(implied / rate - 1) <= _SAME_RATE and abs(info.rate / rate - 1) > _OTHER_RATE:
            return (
                f"{recording.name}: its header says {plain(info.rate)} frames/s, but its pictures last as long as its "
                f"sound at {plain(rate)}, as others here do; write {recording.name} = "
                f'"{plain(rate)}" below [rate] in seido.toml'
            )
    longer, other = ("picture", "sound") if shown > sound_seconds else ("sound", "picture")
    return (
        f"{recording.name}: the {longer} is {apart:.2f} s longer than the {other} ({float(shown):.2f} s of pictures at "
        f"{plain(info.rate)} frames/s, {float(sound_seconds):.2f} s of sound); what has no partner is left out, but "
        f"check that both begin together"
    )


def unsettled_frames(means: NDArray[np.float64]) -> int:
    """Count the leading frames that are far brighter than the later ones, from frames' means (T,).

    Magnetisation reaches its steady state only after some excitations, so the first frames of a scan are bright.
    Returns 0 when frame 0 is as bright as those in the second half.
    """
    if len(means) < 8:
        return 0
    later = float(np.median(means[len(means) // 2 :]))
    if later <= 0 or means[0] < (1 + _BRIGHTER) * later or means[:3].min() < (1 + _BRIGHTER / 2) * later:
        return 0
    settled = np.flatnonzero(means < (1 + _SETTLED) * later)
    return int(settled[0]) if len(settled) else len(means)


def frames_trap(recording: Recording, info: MovieInfo) -> str | None:
    """Look at the first two seconds of pictures; raises BadInputError when they cannot be decoded."""
    count = min(info.frames, max(8, int(_LOOK * info.rate)))
    # A stack's own numbers will do: bringing it to 8 bit would need all of it.
    deep = is_stack(recording.movie)
    shown = open_stack(recording.movie).between(0, count) if deep else movie_frames(info.path, 0, count, colour=False)
    means = np.array([frame.mean() for frame in shown], np.float64)
    unsettled = unsettled_frames(means)
    if not unsettled:
        return None
    more = means[0] / np.median(means[len(means) // 2 :]) - 1
    return (
        f"{recording.name}: the first frames are not settled (frame 0 is {more:.0%} brighter than later ones): frame 0 "
        f"is a bad reference; begin at frame {unsettled}, {float(unsettled / info.rate):.2f} s"
    )


def burst_seconds(samples: NDArray[np.float32], rate: int) -> float:
    """Measure a burst at the beginning of a sound that is far louder than what is loud later; 0.0 without one."""
    size = max(1, round(_WINDOW * rate))
    count = len(samples) // size
    if count < 20:
        return 0.0
    power = np.square(samples[: count * size].reshape(count, size).astype(np.float64)).mean(axis=1)
    level = 10 * np.log10(power + 1e-12)
    loud_later = float(np.percentile(level[count // 2 :], 90))
    held = max(1, round(_HELD / _WINDOW))
    start = next((first for first in range(held) if (level[first : first + held] > loud_later + _BURST).all()), None)
    if start is None:
        return 0.0
    quiet = np.flatnonzero(level[start:] < loud_later + _BURST / 2)
    return float((start + quiet[0]) * size / rate) if len(quiet) else 0.0


def sound_trap(recording: Recording, rate: int) -> str | None:
    """Listen to the beginning of the speech; raises BadInputError when it cannot be decoded."""
    first = next(iter(sound_blocks(recording.speech, block_seconds=_HEARD)), None)
    if first is None or not len(first):
        return f"{recording.name}: there are no samples in its sound; leave it out"
    if not np.abs(first).max() > 1e-5:
        return f"{recording.name}: the first {len(first) / rate:.1f} s of its sound are silent; check the channel"
    burst = burst_seconds(first, rate)
    if not burst:
        return None
    return (
        f"{recording.name}: it begins with a burst of scanner noise of {burst:.2f} s, far louder than what follows; "
        f"cut clips after it, and take no level or noise profile from it"
    )


def labels_trap(recording: Recording, grid: TextGrid, seconds: Fraction) -> str | None:
    """Compare the labels' end with the recording's: labels of another session, or in another unit, reach beyond it."""
    ends = [one.end for tier in grid.tiers for one in getattr(tier, "intervals", ()) if one.text]
    end = max(ends, default=0.0)
    if end <= float(seconds) + 0.5:
        return None
    return (
        f"{recording.name}: its labels reach to {end:.2f} s, but it lasts {float(seconds):.2f} s: they belong to "
        f"another recording, or are no seconds; leave them out"
    )


def mixed(what: str, counts: dict[str, int], cure: str) -> str | None:
    """Say that a corpus holds several of something that should be one."""
    if len(counts) < 2:
        return None
    told = ", ".join(f"{value} ({count})" for value, count in sorted(counts.items(), key=lambda one: -one[1]))
    return f"there are {len(counts)} {what}: {told}; {cure}"


class _Spoken(Protocol):
    @property
    def recording(self) -> Recording: ...


_One = TypeVar("_One", bound=_Spoken)


def spread(found: Sequence[_One], most: int) -> list[_One]:
    """Choose up to `most` recordings, going round the speakers: what a scanner does wrong it does in all of them."""
    by_speaker: dict[str, list[_One]] = {}
    for one in found:
        by_speaker.setdefault(one.recording.speaker, []).append(one)
    rounds = (group[turn] for turn in range(most) for group in by_speaker.values() if turn < len(group))
    return list(islice(rounds, most))


def plain(rate: Fraction) -> str:
    """Write a rate as people do.

    >>> plain(Fraction(65040, 781)), plain(Fraction(25))
    ('83.28', '25')
    """
    return f"{float(rate):.2f}".rstrip("0").rstrip(".")
