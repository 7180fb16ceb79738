"""From phones to movement: which target when, how the glottis and velum join in, and where the pitch goes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.phantom.phones import Breath, Closing, Open, articulation
from seido.phantom.shapes import GLOTTIS, TRACT, Shapes, Target, is_closure
from seido.phantom.tracks import GLOTTIS_TAU, LAG, ORDER, TRACT_TAU, Mark, Track, Tracks, approach, step_response
from seido.phantom.utterance import PAUSE, Phone, Utterance

RATE = 100
"""States per second."""
PRESSURE = 8000.0
"""dPa of breath under the glottis while speaking."""
VELUM_OPEN, VELUM_SHUT = 0.5, -0.1
"""cm² of the way to the nose, as the engine's parameter VO takes it."""
VELUM_LEAK = 0.02
"""cm² that voiced stops leave open, without which the pressure behind them stops the voice (Ohala, 1983)."""
_LIPS = ("LP", "LD")
_NEUTRAL = Open((("@", 1.0),))
_GLOTTIS_LAG = ORDER * GLOTTIS_TAU
_HELD = (0.15, 0.85)  # a closure lasts as long as its phone, nearly
_SLIT = (0.6,)  # an affricate's closure has time to open into its slit
_PLOSIVE = ("voiceless-plosive", "voiced-plosive")
_HOLD = 0.08  # seconds of a pause at its beginning and at its end that belong to the sounds beside it
_PITCH_STEP = 0.005
_H_OPEN, _ASPIRATION_DB = 0.1, -5.0  # cm and dB; the engine's own h lies 30 dB below its vowel, and is too bright
_REACH = 1.5  # spans of a parameter over all shapes that virtual targets may use
_STIFFNESS = 0.02  # how dear it is to aim beyond a target, against missing it


@dataclass(frozen=True)
class _Segment:
    """A stretch of time with one target; `anchors` are the shares of it at which the target should be reached."""

    seconds: float
    tract: Target
    glottis: str
    anchors: tuple[float, ...]
    weight: float
    breath: bool = True


def tracks(utterance: Utterance, shapes: Shapes, rate: int = RATE) -> Tracks:
    """Turn an utterance into the movement of one speaker's tract and glottis.

    Returns tract (n, 19) and glottis (n, 11), `rate` states per second. The movement trails its targets by
    `LAG`, so it lasts that much longer than the phones, and the marks are shifted by it: a mark's middle is
    where its phone is reached. Raises BadInputError for a phone that is not known.
    """
    phones = _spoken(utterance, shapes.anatomy.rate)
    wanted = [
        _NEUTRAL if phone.symbol == PAUSE else articulation(phone.symbol, utterance.language) for phone, _ in phones
    ]
    spoken = [
        [] if phone.symbol == PAUSE else _segments(phone, wanted[index], _neighbour(wanted, phones, index), shapes)
        for index, (phone, _) in enumerate(phones)
    ]
    segments: list[_Segment] = []
    for index, (phone, _) in enumerate(phones):
        before, after = spoken[index - 1] if index else [], spoken[index + 1] if index + 1 < len(spoken) else []
        segments += spoken[index] or _silence(phone.seconds, before[-1:], after[:1], shapes)
    ends = np.cumsum([segment.seconds for segment in segments])
    count = math.ceil(round((ends[-1] + LAG) * rate, 6))
    aims = _virtual_targets(segments, ends, _bounds(shapes))
    tract = approach(aims, ends, TRACT_TAU, rate, count)
    voice = np.stack([_voice(segment, shapes) for segment in segments])
    # The glottis is quicker than the tract; waiting keeps voice and tract together.
    wait = LAG - _GLOTTIS_LAG
    glottis = approach(voice, ends + wait, GLOTTIS_TAU, rate, count)
    pressure = GLOTTIS.index("PR")
    # Lungs are as slow as the tract.
    glottis[:, [pressure]] = approach(voice[:, [pressure]], ends, TRACT_TAU, rate, count)
    pitch = approach(*_pitch([phone for phone, _ in phones], wait), GLOTTIS_TAU, rate, count)
    glottis[:, GLOTTIS.index("F0")] = shapes.anatomy.f0 * 2 ** (pitch[:, 0] / 12)
    return Tracks(tract, glottis, rate, _marks(phones, count / rate))


def _spoken(utterance: Utterance, rate: float) -> list[tuple[Phone, int]]:
    """List phones as this speaker times them, with the index of each one's word."""
    return [
        (replace(phone, seconds=phone.seconds / rate), index)
        for index, word in enumerate(utterance.words)
        for phone in word.phones
    ]


def _neighbour(wanted: Sequence[Open | Closing | Breath], phones: Sequence[tuple[Phone, int]], index: int) -> Open:
    """Find the vowel that a consonant leans on: the next one of its phrase, else the one before."""
    for way in (range(index + 1, len(wanted)), range(index - 1, -1, -1)):
        for other in way:
            candidate = wanted[other]
            if phones[other][0].symbol == PAUSE:
                break
            if isinstance(candidate, Open):
                return candidate
    return _NEUTRAL


def _segments(phone: Phone, sound: Open | Closing | Breath, vowel: Open, shapes: Shapes) -> list[_Segment]:
    seconds = phone.seconds
    if isinstance(sound, Open):
        return [_Segment(seconds, _open(sound, shapes), "modal", (0.5,), 0.3)]
    if isinstance(sound, Breath):
        return [_Segment(seconds, _open(vowel, shapes), sound.glottis, (0.5,), 0.1)]
    held = seconds * (1 - sound.aspiration)
    out = []
    for place, share in sound.places:
        context = "i" if phone.palatalised else vowel.context
        target = shapes.tract[f"{place}({context})"].copy()
        if not place.startswith("ll") and (vowel.own_lips or phone.palatalised):
            # Half of the way, for lips that are nearly shut on a raised jaw would meet.
            lips = [TRACT.index(lip) for lip in _LIPS]
            target[lips] = (target[lips] + _open(vowel, shapes)[lips]) / 2
        target[TRACT.index("VO")] = VELUM_OPEN if sound.nasal else VELUM_SHUT
        if sound.glottis == "voiced-plosive":
            target[TRACT.index("VO")] = _leak(held * share)
        anchors: tuple[float, ...] = (0.3, 0.7)
        if phone.symbol == "ɾ":
            anchors = (0.5,)
        elif is_closure(f"{place}("):
            anchors = _HELD
        elif share < 1:
            anchors = _SLIT
        out.append(_Segment(held * share, target, sound.glottis, anchors, 1.0))
    if sound.aspiration:
        out.append(_Segment(seconds - held, _open(vowel, shapes), "h", (1.0,), 0.1))
    return out


def _silence(
    seconds: float, before: Sequence[_Segment], after: Sequence[_Segment], shapes: Shapes
) -> Iterator[_Segment]:
    """Rest between phrases: the last sound is held until the voice has gone, the next one is ready before it comes.

    Stops are not held but released.
    """
    rest = _open(_NEUTRAL, shapes)
    hold = min(_HOLD, seconds / 3)
    voices = [segment.glottis for segment in (*before, *after)] or ["modal"]
    last = rest if not before or before[0].glottis in _PLOSIVE else before[0].tract
    first = after[0].tract if after else rest
    for length, tract, voice in (
        (hold, last, voices[0]),
        (seconds - 2 * hold, rest, voices[-1]),
        (hold, first, voices[-1]),
    ):
        yield _Segment(length, tract, voice, (0.5,), 0.1, breath=False)


def _open(sound: Open, shapes: Shapes) -> Target:
    out = np.zeros(len(TRACT))
    for name, share in sound.mixture:
        out += share * shapes.tract[name]
    if sound.lips:
        for lip in _LIPS:
            out[TRACT.index(lip)] = shapes.tract[sound.lips][TRACT.index(lip)]
    for parameter, change in sound.changes.items():
        out[TRACT.index(parameter)] += change
    out[TRACT.index("VO")] = VELUM_SHUT
    return out


def _voice(segment: _Segment, shapes: Shapes) -> Target:
    out = shapes.glottis[segment.glottis].copy()
    out[GLOTTIS.index("PR")] = PRESSURE if segment.breath else 0.0
    if segment.glottis == "h":
        out[[GLOTTIS.index(edge) for edge in ("XB", "XT")]] = _H_OPEN
        out[GLOTTIS.index("AS")] = _ASPIRATION_DB
    return out


def _leak(seconds: float) -> float:
    """Give the target from which the velum is `VELUM_LEAK` open in the middle of a stop, however short."""
    before, after = step_response(np.array([LAG - seconds / 2, LAG + seconds / 2]) / TRACT_TAU)
    return VELUM_SHUT + (VELUM_LEAK - VELUM_SHUT) / float(after - before)


def _bounds(shapes: Shapes) -> tuple[Target, Target]:
    every = np.stack(list(shapes.tract.values()))
    low, high = every.min(0), every.max(0)
    spare = (high - low) * (_REACH - 1) / 2
    return low - spare, high + spare


def _virtual_targets(segments: Sequence[_Segment], ends: NDArray[np.float64], bounds: tuple[Target, Target]) -> Track:
    """Aim beyond targets that there is no time to reach, so that they are reached where they are anchored.

    Speakers aim a short closure past the palate (Löfqvist and Gracco, 1997). The lag is linear, so the least
    squares of what is missed and of how far the aim moves give all aims at once.
    """
    targets = np.stack([segment.tract for segment in segments])
    starts = ends - [segment.seconds for segment in segments]
    anchors = np.array(
        [
            (start + share * segment.seconds, row, segment.weight)
            for row, (segment, start) in enumerate(zip(segments, starts, strict=True))
            for share in segment.anchors
        ]
    )
    at, rows, weights = anchors[:, 0] + LAG, anchors[:, 1].astype(int), anchors[:, 2]
    # What was there before the first segment and after the last is held.
    edges = np.concatenate([[-np.inf], ends[:-1], [np.inf]])
    passed = step_response((at[:, None] - edges[None]) / TRACT_TAU)
    shares = (passed[:, :-1] - passed[:, 1:]) * weights[:, None]
    missed = weights[:, None] * targets[rows] - shares @ targets
    normal = shares.T @ shares + _STIFFNESS * np.eye(len(segments))
    low, high = bounds
    aims = targets + np.linalg.solve(normal, shares.T @ missed)
    aims = np.minimum(np.maximum(aims, low), high)
    velum = TRACT.index("VO")
    aims[:, velum] = targets[:, velum]  # the velum is slow: vowels beside nasals are nasal too
    return aims


def _pitch(phones: Sequence[Phone], wait: float) -> tuple[Track, NDArray[np.float64]]:
    """Sample the phones' pitch: semitones (m, 1) and the ends of their steps in seconds, `wait` later.

    Pauses glide from one phrase to the next.
    """
    knots: list[tuple[float, float]] = []
    start = 0.0
    for phone in phones:
        if phone.symbol != PAUSE:
            knots += [
                (start + share * phone.seconds, value)
                for share, value in zip((0.0, 0.5, 1.0), phone.pitch, strict=True)
            ]
        start += phone.seconds
    if not knots:
        raise BadInputError("the utterance holds nothing but pauses; give it a word")
    at, values = np.array(knots).T
    middles = np.arange(0.5 * _PITCH_STEP, start, _PITCH_STEP)
    return np.interp(middles, at, values)[:, None], middles + 0.5 * _PITCH_STEP + wait


def _marks(phones: Sequence[tuple[Phone, int]], seconds: float) -> tuple[Mark, ...]:
    ends = np.cumsum([phone.seconds for phone, _ in phones]) + LAG
    ends[-1] = seconds
    starts = np.concatenate([[0.0], ends[:-1]])
    return tuple(
        Mark(phone.symbol, float(start), float(end), word)
        for (phone, word), start, end in zip(phones, starts, ends, strict=True)
    )
