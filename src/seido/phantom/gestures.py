"""From phones to movement: which target when, how the glottis and velum join in, and where the pitch goes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.phantom.phones import Breath, Closing, Open, articulation
from seido.phantom.shapes import GLOTTIS, TRACT, Shapes, Target
from seido.phantom.tracks import GLOTTIS_TAU, LAG, ORDER, TRACT_TAU, Mark, Track, Tracks, approach, step_response
from seido.phantom.utterance import PAUSE, Phone, Utterance

RATE = 100
"""States per second."""
PRESSURE = 8000.0
"""dPa of breath under the glottis while speaking."""
VELUM_OPEN, VELUM_SHUT = 0.5, -0.1
"""cm² of the way to the nose, as the engine's parameter VO takes it."""
_LIPS = ("LP", "LD")
_NEUTRAL = Open((("@", 1.0),))
_GLOTTIS_LAG = ORDER * GLOTTIS_TAU
_PITCH_STEP = 0.005
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
    segments: list[_Segment] = []
    for index, (phone, _) in enumerate(phones):
        segments += _segments(phone, wanted[index], _neighbour(wanted, phones, index), shapes)
    ends = np.cumsum([segment.seconds for segment in segments])
    count = math.ceil(round((ends[-1] + LAG) * rate, 6))
    aims = _virtual_targets(segments, ends, _bounds(shapes))
    tract = approach(aims, ends, TRACT_TAU, rate, count)
    voice = np.stack([_voice(segment.glottis, shapes) for segment in segments])
    # The glottis is quicker than the tract; waiting keeps voice and tract together.
    wait = LAG - _GLOTTIS_LAG
    glottis = approach(voice, ends + wait, GLOTTIS_TAU, rate, count)
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
    if phone.symbol == PAUSE:
        return [_Segment(seconds, _open(_NEUTRAL, shapes), PAUSE, (0.5,), 0.1)]
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
        anchors = (0.5,) if phone.symbol == "ɾ" else (0.3, 0.7)
        out.append(_Segment(held * share, target, sound.glottis, anchors, 1.0))
    if sound.aspiration:
        out.append(_Segment(seconds - held, _open(vowel, shapes), "h", (1.0,), 0.1))
    return out


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


def _voice(name: str, shapes: Shapes) -> Target:
    out = shapes.glottis["h" if name == PAUSE else name].copy()
    out[GLOTTIS.index("PR")] = 0.0 if name == PAUSE else PRESSURE
    return out


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
