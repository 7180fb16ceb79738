"""The targets a speaker's gestures aim at: vowels and places of articulation, tuned until they close or hiss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.phantom.anatomy import Anatomy

Target = NDArray[np.float64]
"""One state: (19,) of the tract or (11,) of the glottis, in the engine's units."""
# fmt: off
TRACT = ("HX", "HY", "JX", "JA", "LP", "LD", "VS", "VO", "TCX", "TCY", "TTX", "TTY", "TBX", "TBY", "TRX", "TRY",
         "TS1", "TS2", "TS3")
# fmt: on
"""The tract's parameters in the engine's order (cm, degrees, cm²)."""
GLOTTIS = ("F0", "PR", "XB", "XT", "CA", "PL", "RA", "DP", "PS", "FL", "AS")
"""The glottis' parameters in the engine's order (Hz, dPa, cm …)."""
CONTEXTS: tuple[Literal["a", "i", "u"], ...] = ("a", "i", "u")
"""The vowels beside which each place of articulation has a shape of its own."""
CLOSED = 0.001
"""cm² of the narrowest section below which a closure is closed; the engine's own least area is 0.0001."""
HISS = (0.08, 0.25)
"""cm² of the narrowest section within which air hisses."""
_STEP, _STEPS = 0.05, 60
_PRESS = 0.1  # cm beyond first contact, so that a short closure still closes
_DERIVED: dict[str, tuple[str, dict[str, float]]] = {
    "ll-labial-fricative": ("ll-labial-closure", {"LD": 0.25}),
    "tt-retroflex-closure": ("tt-postalveolar-closure", {"TTX": -0.4, "TBX": -0.3, "TCX": -0.2}),
    "tt-retroflex-fricative": ("tt-postalveolar-fricative", {"TTX": -0.5, "TBX": -0.3, "TCX": -0.2}),
    "tt-palatalised-closure": ("tt-postalveolar-closure", {"TCX": 0.3, "TCY": 0.2}),
    "tt-palatalised-fricative": ("tt-postalveolar-fricative", {"TCX": 0.3, "TCY": 0.2}),
    "tb-velar-fricative": ("tb-velar-closure", {"TCY": -0.25}),
    "tb-uvular-closure": ("tb-velar-closure", {"TCX": -0.25}),
    "tb-palatal-closure": ("tb-palatal-fricative", {"TCY": 0.25}),
}
"""Places the engine's speaker lacks, as another place and what to add to it."""


@dataclass(frozen=True)
class Shapes:
    """A speaker's targets by name: `tract` such as a, tt-alveolar-closure(i); `glottis` such as modal, stop."""

    anatomy: Anatomy
    tract: Mapping[str, Target]
    glottis: Mapping[str, Target]

    def __post_init__(self) -> None:
        for shapes, names in ((self.tract, TRACT), (self.glottis, GLOTTIS)):
            for name, target in shapes.items():
                if target.shape != (len(names),):
                    raise BadInputError(f"shape {name} should have {len(names)} parameters, got {target.shape}")


def is_closure(name: str) -> bool:
    """Say whether the shape of that name shuts the tract."""
    return "-closure(" in name


def is_fricative(name: str) -> bool:
    """Say whether the shape of that name leaves a slit."""
    return "-fricative(" in name


def with_derived(shapes: Mapping[str, Target]) -> dict[str, Target]:
    """Add the places of articulation that the engine's speaker lacks, such as the retroflex."""
    out = dict(shapes)
    for name, (base, changes) in _DERIVED.items():
        for context in CONTEXTS:
            target = shapes[f"{base}({context})"].copy()
            for parameter, change in changes.items():
                target[TRACT.index(parameter)] += change
            out[f"{name}({context})"] = target
    return out


def tuned(name: str, target: Target, narrowest: Callable[[Target], float]) -> Target:
    """Move the articulator of a closure or fricative until `narrowest` (cm²) says that it closes or hisses.

    The lips come together by LD, the tongue's tip rises by TTY, its body by TCY. Other shapes stay as they are.
    """
    if not (is_closure(name) or is_fricative(name)):
        return target
    low, high = (0.0, CLOSED) if is_closure(name) else HISS
    parameter, narrower = {"ll": ("LD", -1.0), "tt": ("TTY", 1.0), "tb": ("TCY", 1.0)}[name[:2]]
    out = target.copy()
    index, step, last = TRACT.index(parameter), _STEP, 0.0
    for _ in range(_STEPS):
        area = narrowest(out)
        if low <= area <= high:
            break
        way = narrower if area > high else -narrower
        step = step / 2 if way == -last else step
        out[index] += way * step
        last = way
    if not is_closure(name):
        return out
    pressed = out.copy()
    pressed[index] += narrower * _PRESS
    return pressed if narrowest(pressed) <= CLOSED else out
