"""In step? How much later the picture is than the sound, from one pass over a recording, in flat memory.

The spectrum of speech is made by the shape that the tract has at that instant, so both tell most about each other
when they are in step. Canonical correlation measures how much, for every lag within ±0.4 s: the mutual information
of two Gaussian vectors, −½ Σ log(1 − ρ²) nats (Hotelling 1936; Kullback 1959, §9.6), one the picture's main ways of
moving, the other the speech's band levels. Nothing is learnt beforehand. It needs only second moments, which add up
over frames. How it does: docs/sync.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from seido.clips.logmel import triangles
from seido.clips.region import looks, looks_together
from seido.errors import BadInputError
from seido.timebase import exact_rate
from seido.values import Frame, Samples, Speech

Array = NDArray[np.float64]

REACH = 0.4
"""Lags up to this many seconds either way are found."""
STEP = 0.01
"""Seconds between the lags that are tried; the peak is interpolated."""
_THUMB = 16
"""Pictures are averaged down to this many cells a side: noise goes, movement stays."""
_MODES = 6
"""Ways of moving that are kept (principal components)."""
_BANDS = 12
_LOWEST, _HIGHEST = 100.0, 6000.0
_MEMORY = 0.3
"""Seconds over which the running mean is taken that is subtracted from both: head drift, level and posture go."""
_RIDGE = 0.02
_GROUPS = 8
"""The jackknife leaves out one of so many groups of stretches at a time."""
_STRETCH = 0.6
"""Seconds that stay together in a group."""
_CHANCE = 48
"""Lags far outside ±REACH that show what chance gives."""
_FLOOR = 0.004
"""Seconds: the error that is left in long clean recordings of the phantom."""
_CLEAR = 6.0
"""The peak must stand so many standard deviations above chance."""
_VAGUE = 0.05
"""Seconds: with a larger uncertainty the lag is doubtful."""
_LEAST = 2.0
"""Seconds of speech and picture together that are needed to say anything."""


@dataclass(frozen=True)
class Lag:
    """How much later the picture is than the sound.

    `seconds` is positive when the picture is late; `uncertainty` is one standard deviation, in seconds; `clarity` is
    how far the peak stands above chance, in standard deviations of chance. A doubtful lag should not be believed,
    and `note` says why.
    """

    seconds: float
    uncertainty: float
    doubtful: bool
    clarity: float = 0.0
    note: str = ""

    def __post_init__(self) -> None:
        if not np.isfinite([self.seconds, self.uncertainty, self.clarity]).all() or self.uncertainty < 0:
            raise BadInputError(f"{self} is not a lag: numbers must be finite, the uncertainty not negative")
        if self.doubtful and not self.note:
            raise BadInputError("a doubtful lag needs a note that says why")

    def __str__(self) -> str:
        doubt = f", doubtful: {self.note}" if self.doubtful else ""
        return f"{1000 * self.seconds:+.0f} ± {1000 * self.uncertainty:.0f} ms{doubt}"


def lag_of(speech: Speech, frames: Iterable[Frame], rate: Fraction) -> Lag:
    """Estimate how much later the picture is than the sound, with its uncertainty.

    Parameters
    ----------
    speech
        The recording's speech, clean or in noise; at least 8 kHz.
    frames
        Its pictures one by one, uint8 (H, W) or (H, W, 3); frame k is shown from k/rate to (k + 1)/rate. Read once.
    rate
        Frames per second.

    Returns
    -------
    The lag. Where nothing can be said (silence, a still picture, under 2 s) it is 0 and doubtful, and its uncertainty
    is that of any lag within ±0.4 s. Raises BadInputError for pictures of different sizes, or none.

    """
    rate = exact_rate(rate)
    together = looks_together(rate)
    per_second = float(rate / together)
    heard = _Heard.of(speech)
    fine = np.linspace(-REACH, REACH, round(2 * REACH / STEP) + 1)
    chance = np.linspace(2 * REACH, max(heard.seconds - 2 * REACH, 2 * REACH), _CHANCE)
    moments = _Moments(fine, chance)
    moments.add_all(_thumbs(frames, together), heard, per_second)
    if moments.count.sum() < _LEAST * per_second:
        return _nothing(f"under {_LEAST:g} s of speech and picture together")
    basis = _basis(moments)
    if basis is None:
        return _nothing("the picture stands still")
    if not moments.spoken():
        return _nothing("there is nothing to be heard")
    return _judge(fine, moments, basis)


def _nothing(note: str) -> Lag:
    return Lag(0.0, REACH / np.sqrt(3), doubtful=True, note=note)


def _judge(fine: Array, moments: _Moments, basis: Array) -> Lag:
    """Find the peak, its spread when groups are left out, and how it compares with chance."""
    whole = moments.information(basis, np.ones(_GROUPS))
    near, far = whole[: len(fine)], whole[len(fine) :]
    seconds = _peak(fine, near)
    used = np.flatnonzero(moments.count)
    left_out = [_peak(fine, moments.information(basis, 1.0 * (np.arange(_GROUPS) != g))[: len(fine)]) for g in used]
    spread = np.sqrt((len(used) - 1) * np.var(left_out)) if len(used) > 1 else REACH
    uncertainty = float(min(np.hypot(spread, _FLOOR), REACH / np.sqrt(3)))
    clarity = float((near.max() - far.mean()) / max(far.std(), 1e-9))
    if clarity < _CLEAR:
        note = "no lag stands out from chance: this may not be the speech of these pictures"
    elif uncertainty > _VAGUE:
        note = "parts of the recording disagree"
    elif abs(seconds) > REACH - 2 * STEP:
        note = f"the lag may be larger than {REACH:g} s"
    else:
        note = ""
    return Lag(seconds, uncertainty, doubtful=bool(note), clarity=clarity, note=note)


def _peak(lags: Array, curve: Array) -> float:
    """Find where a curve is highest, by the parabola through the highest value and its neighbours."""
    best = int(curve.argmax())
    if not 0 < best < len(curve) - 1:
        return float(lags[best])
    before, top, after = curve[best - 1 : best + 2]
    return float(lags[best] + STEP * (before - after) / (2 * (before - 2 * top + after)))


class _Moments:
    """Second moments of pictures with pictures, speech with speech, and both, per group and lag; they only add up."""

    def __init__(self, fine: Array, chance: Array) -> None:
        self.fine, self.lags = fine, np.concatenate([fine, chance])
        cells, bands, lags = _THUMB * _THUMB, _BANDS, len(self.lags)
        self.count = np.zeros(_GROUPS)
        self.seen = np.zeros((_GROUPS, cells))
        self.heard = np.zeros((_GROUPS, lags, bands))
        self.seen_seen = np.zeros((_GROUPS, cells, cells))
        self.heard_heard = np.zeros((_GROUPS, lags, bands, bands))
        self.seen_heard = np.zeros((_GROUPS, cells, lags, bands))

    def add_all(self, thumbs: Iterator[Array], heard: _Heard, per_second: float) -> None:
        """Take in a recording, a stretch at a time, for as long as there is speech at every near lag."""
        length = max(1, round(_STRETCH * per_second))
        fade = np.exp(-1 / (_MEMORY * per_second))
        mean_seen = mean_heard = None
        number = stretch = 0
        while True:
            seen = np.array([thumb for _, thumb in zip(range(length), thumbs, strict=False)])
            if not len(seen):
                return
            times = (number + np.arange(len(seen))) / per_second
            number += len(seen)
            sound = heard.at(times, self.lags, 1 / per_second)
            seen, mean_seen = _without_mean(seen.reshape(len(seen), -1), mean_seen, fade)
            sound, mean_heard = _without_mean(sound, mean_heard, fade)
            whole = (times >= REACH) & (times + 1 / per_second <= heard.seconds - REACH)
            if whole.any():
                self._add(stretch % _GROUPS, seen[whole], sound[whole])
                stretch += 1

    def _add(self, group: int, seen: Array, sound: Array) -> None:
        self.count[group] += len(seen)
        self.seen[group] += seen.sum(0)
        self.heard[group] += sound.sum(0)
        self.seen_seen[group] += seen.T @ seen
        by_lag = sound.transpose(1, 0, 2)
        self.heard_heard[group] += by_lag.transpose(0, 2, 1) @ by_lag
        self.seen_heard[group] += (seen.T @ sound.reshape(len(sound), -1)).reshape(self.seen_heard.shape[1:])

    def spoken(self) -> bool:
        """Tell whether the band levels change at all."""
        return bool(np.trace(self.heard_heard.sum(0)[len(self.fine) // 2]) > 1e-6 * self.count.sum())

    def information(self, basis: Array, weights: Array) -> Array:
        """Compute what speech and picture say of each other at each lag, in nats; (lags,)."""
        total = weights @ self.count
        seen = np.tensordot(weights, self.seen, 1) / total @ basis
        heard = np.tensordot(weights, self.heard, 1) / total
        seen_seen = basis.T @ (np.tensordot(weights, self.seen_seen, 1) / total) @ basis - np.outer(seen, seen)
        heard_heard = np.tensordot(weights, self.heard_heard, 1) / total - heard[:, :, None] * heard[:, None, :]
        both = np.tensordot(basis.T, np.tensordot(weights, self.seen_heard, 1) / total, 1).transpose(1, 0, 2)
        both = both - seen[None, :, None] * heard[:, None, :]
        left, right = np.linalg.cholesky(_ridged(seen_seen)), np.linalg.cholesky(_ridged(heard_heard))
        white = np.linalg.solve(right, np.linalg.solve(left, both).transpose(0, 2, 1))
        correlations = np.linalg.svd(white, compute_uv=False)
        return np.asarray(-0.5 * np.log1p(-np.minimum(correlations**2, 0.9999)).sum(-1))


def _ridged(matrices: Array) -> Array:
    size = matrices.shape[-1]
    level = np.trace(matrices, axis1=-2, axis2=-1)[..., None, None] / size
    return np.asarray(matrices + (_RIDGE * level + 1e-12) * np.eye(size))


def _without_mean(values: Array, mean: Array | None, fade: float) -> tuple[Array, Array]:
    """Subtract a running mean that fades exponentially; the same for pictures and speech, so it shifts neither."""
    running = values[0].copy() if mean is None else mean
    out = np.empty_like(values)
    for index, value in enumerate(values):
        running = fade * running + (1 - fade) * value
        out[index] = value - running
    return out, running


def _basis(moments: _Moments) -> Array | None:
    """Find the main ways of moving, each scaled to unit variance: (cells, modes); None when nothing moves."""
    total = moments.count.sum()
    mean = moments.seen.sum(0) / total
    powers, ways = np.linalg.eigh(moments.seen_seen.sum(0) / total - np.outer(mean, mean))
    powers, ways = powers[::-1][:_MODES], ways[:, ::-1][:, :_MODES]
    if powers[0] < 1e-6:
        return None
    return np.asarray(ways / np.sqrt(np.maximum(powers, 1e-6 * powers[0])))


def _thumbs(frames: Iterable[Frame], together: int) -> Iterator[Array]:
    """Shrink frames to thumbnails; the root of the grey level, which evens out the coil."""
    down = across = np.zeros((0, 0), np.float32)
    for picture in looks(frames, together):
        if not down.size:
            down, across = _averaging(picture.shape[0]), _averaging(picture.shape[1]).T
        yield np.sqrt(down @ picture @ across)
    if not down.size:
        raise BadInputError("there are no frames to compare with the speech; give a movie that has some")


def _averaging(length: int) -> NDArray[np.float32]:
    """Make the matrix that averages `length` pixels into cells of equal width: (cells, length), rows add up to 1."""
    edges = np.linspace(0, length, _THUMB + 1)
    pixels = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.maximum(overlap, 0) * _THUMB / length, np.float32)


@dataclass(frozen=True)
class _Heard:
    """Log band levels of speech, summed up from its start, so that their mean over any time is a difference."""

    sums: Array
    """(columns + 1, bands); column c covers half a hop before c · hop to half a hop after it."""
    hop: float
    seconds: float

    @classmethod
    def of(cls, speech: Speech) -> _Heard:
        """Analyse speech every 5 ms in 12 mel bands."""
        if speech.rate < 8000:
            raise BadInputError(f"{speech.name}: {speech.rate} Hz is too low to compare with pictures; 8 kHz at least")
        hop = round(speech.rate / 200)
        levels = _levels(speech.samples, speech.rate, hop)
        sums = np.concatenate([np.zeros((1, _BANDS)), np.cumsum(levels - levels.mean(0), axis=0)])
        return cls(sums, hop / speech.rate, float(speech.seconds))

    def at(self, times: Array, lags: Array, length: float) -> Array:
        """Average the levels over times − lag … + length: (times, lags, bands); beyond the end it starts again."""
        begin = times[:, None] - lags
        begin = np.where(np.abs(lags) > REACH, begin % self.seconds, begin)
        return np.asarray((self._until(begin + length) - self._until(begin)) / (length / self.hop))

    def _until(self, times: Array) -> Array:
        place = np.clip(times / self.hop + 0.5, 0, len(self.sums) - 1)
        index = np.minimum(place.astype(np.int64), len(self.sums) - 2)
        part = (place - index)[..., None]
        return np.asarray((1 - part) * self.sums[index] + part * self.sums[index + 1])


def _levels(samples: Samples, rate: int, hop: int) -> Array:
    """Compute log band powers (columns, bands); each band's own background is its floor."""
    size = 1 << round(np.log2(0.032 * rate))
    padded = np.pad(samples.astype(np.float32), size // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    window = np.hanning(size).astype(np.float32)
    powers = np.empty((len(windows), _BANDS))
    filters = _filters(size, rate)
    for first in range(0, len(windows), 1024):
        powers[first : first + 1024] = np.abs(np.fft.rfft(windows[first : first + 1024] * window)) ** 2 @ filters.T
    background, loud = np.quantile(powers, [0.1, 0.95], axis=0)
    return np.asarray(np.log(powers + np.maximum(background, 1e-3 * loud) + 1e-12))


def _filters(size: int, rate: int) -> Array:
    """Make triangles of equal width on the mel scale, 100 Hz to 6 kHz (or nearly half the rate): (bands, bins)."""
    top = min(_HIGHEST, 0.45 * rate)
    mels = np.linspace(1127 * np.log1p(_LOWEST / 700), 1127 * np.log1p(top / 700), _BANDS + 2)
    edges = 700 * np.expm1(mels / 1127)
    hertz = np.arange(size // 2 + 1) * (rate / size)
    return triangles(edges, hertz)
