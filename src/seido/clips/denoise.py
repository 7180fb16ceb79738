"""Scanner noise under speech lowered: by its lines, by a gate in the spectrum, by a network, or by several in turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seido.clips.spectral_gate import spectral_gate
from seido.clips.spectral_lines import SHORTEST_SECONDS
from seido.clips.template_noise import subtract_template
from seido.errors import BadInputError
from seido.values import Speech

EXAMPLE = "template+frcrn-small"
"""Of several enhancers in turn."""
SHORTEST_GATE = 0.3
"""Seconds that are needed to tell noise from speech by what pauses and what does not."""
CLEAN_DB = 55.0
"""A recording whose quietest moments lie this far under its loudest has no noise to speak of."""
SCANNER_DB = 3.0
SCANNER_PART = 0.05
"""Lines are a scanner's when this part of the moments becomes this much quieter without them."""
_BLOCK_SECONDS = 0.02
_LOUD, _QUIET = 0.95, 0.03
_DIGITAL_SILENCE = 1e-10
_OFFSET = 1e-4
_AT_A_TIME = 4096


class Enhancer(Protocol):
    """What lowers noise: speech in, speech of the same length and rate out."""

    def __call__(self, speech: Speech) -> Speech:
        """Lower the noise."""
        ...


@dataclass(frozen=True)
class Denoised:
    """Speech with less noise, and the names of the enhancers that made it so, in turn; none when it was clean."""

    speech: Speech
    steps: tuple[str, ...]


def _unchanged(speech: Speech) -> Speech:
    return speech


ENHANCERS: dict[str, Enhancer] = {"template": subtract_template, "spectral": spectral_gate, "none": _unchanged}
"""By name; one entered here can be asked for like those of seido."""
_NEEDED = {"template": SHORTEST_SECONDS, "spectral": SHORTEST_GATE}


def denoise(speech: Speech, method: str = "auto", networks: Mapping[str, Enhancer] | None = None) -> Speech:
    """Lower scanner noise under speech; same rate, length and name.

    `method`: "template" subtracts the scanner's steady lines; "spectral" lowers what is left of any steady noise;
    "auto" does the first where a scanner is heard and the second where noise is left, and leaves clean speech as it
    is; "none" does nothing. `networks` are further enhancers by name. Several are done in turn when their names are
    put together, like "template+frcrn-small". A constant offset goes with the noise. Raises BadInputError for another
    method, and for sound too short for the one asked for.
    """
    return denoised(speech, method, networks).speech


def denoised(speech: Speech, method: str = "auto", networks: Mapping[str, Enhancer] | None = None) -> Denoised:
    """Lower scanner noise as denoise does, and tell what was done."""
    if method == "auto":
        return _automatic(speech)
    enhancers = {**ENHANCERS, **(networks or {})}
    steps = method.split("+")
    for step in steps:
        if step not in enhancers:
            names = ", ".join(["auto", *enhancers])
            raise BadInputError(f"{step!r} is no way to denoise: choose one of {names}, or several, like {EXAMPLE}")
        if speech.seconds < _NEEDED.get(step, 0):
            raise BadInputError(
                f"{speech.name}: {float(speech.seconds):.2f} s of sound are too short to tell noise from speech; "
                f"{step} needs {_NEEDED[step]:g} s"
            )
    steps = [step for step in steps if step != "none"]
    if not steps:
        return Denoised(speech, ())
    speech = _centred(speech)
    for step in steps:
        speech = enhancers[step](speech)
    return Denoised(speech, tuple(steps))


def _automatic(speech: Speech) -> Denoised:
    steps: list[str] = []
    if speech.seconds < SHORTEST_GATE:
        return Denoised(speech, ())
    original, speech = speech, _centred(speech)
    without = ENHANCERS["template"](speech)
    if _part_quieter(speech, without) >= SCANNER_PART:
        speech = without
        steps.append("template")
    quiet, loud = quiet_and_loud(speech)
    if loud - quiet <= CLEAN_DB:
        speech = ENHANCERS["spectral"](speech)
        steps.append("spectral")
    return Denoised(speech if steps else original, tuple(steps))


def _centred(speech: Speech) -> Speech:
    """Take away a constant offset: it would leak into the lowest frequencies."""
    mean = float(speech.samples.mean(dtype=np.float64))
    return speech if abs(mean) < _OFFSET else replace(speech, samples=speech.samples - np.float32(mean))


def _part_quieter(speech: Speech, without: Speech) -> float:
    """Tell which part of the moments became SCANNER_DB quieter, 0 … 1."""
    before, after = moments(speech), moments(without)
    return float(np.mean((before > _DIGITAL_SILENCE) & (after < before * 10 ** (-SCANNER_DB / 10))))


def quiet_and_loud(speech: Speech) -> tuple[float, float]:
    """Measure the level of a sound's quietest and of its loudest moments, in dB of full scale.

    Moments last 20 ms; a constant offset does not count, and neither does digital silence at the ends. Both are −100
    when there is nothing but silence, and neither is less.
    """
    return quiet_and_loud_of(moments(speech))


def quiet_and_loud_of(power: NDArray[np.float64]) -> tuple[float, float]:
    """Measure the same from the powers of moments."""
    sounding = np.flatnonzero(power > _DIGITAL_SILENCE)
    if not len(sounding):
        return -100.0, -100.0
    power = np.maximum(power[sounding[0] : sounding[-1] + 1], _DIGITAL_SILENCE)
    quiet, loud = 10 * np.log10(np.quantile(power, [_QUIET, _LOUD]))
    return float(quiet), float(loud)


def moments(speech: Speech) -> NDArray[np.float64]:
    """Measure the power of moments of 20 ms, a constant offset aside."""
    block = min(len(speech.samples), max(2, round(_BLOCK_SECONDS * speech.rate)))
    whole = speech.samples[: len(speech.samples) // block * block].reshape(-1, block)
    # Bit by bit: a copy of an hour in double precision would be the largest thing in memory.
    parts = [whole[at : at + _AT_A_TIME].var(axis=1, dtype=np.float64) for at in range(0, len(whole), _AT_A_TIME)]
    return np.concatenate(parts)
