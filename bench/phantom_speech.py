"""Is the phantom's speech what its vocal tract must give? Formants, voicing and bursts, without a listener.

Formants three ways: from the tube by a chain of lossy cylinders (Sondhi, 1974) with a piston's radiation (Flanagan,
1972), written here without the engine; by Praat's Burg analysis of synthesised vowels (skipped with a sentence when
`praat-parselmouth` is not there); and scaled by length, as a tract that shrinks as a whole would have it. Voicing and
bursts come from sentences of the grammar in three languages, at the phantom's own marks.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seido.phantom.anatomy import SPEAKERS, Anatomy, speaker, speaker_xml
from seido.phantom.engine import SAMPLE_RATE, Engine, shapes_of
from seido.phantom.gestures import PRESSURE, tracks
from seido.phantom.grammar import sentence
from seido.phantom.shapes import CLOSED, GLOTTIS, Shapes
from seido.phantom.speak import INVENTORY, utter
from seido.phantom.utterance import LANGUAGES

Numbers = NDArray[np.float64]
VOWELS = ("a", "e", "i", "o", "u", "y", "E", "O", "I", "U", "@")
DENSITY, SOUND, VISCOSITY = 1.14e-3, 35_000.0, 1.86e-4
HEAT, HEAT_CAPACITY, HEAT_RATIO = 5.5e-5, 0.24, 1.4
WALL_RESISTANCE, WALL_MASS = 1600.0, 1.5
"""Air at body temperature and the yielding wall, in grams, centimetres, seconds."""
FOSSA_AT = 2.0
"""cm above the glottis at which the piriform fossae branch off."""
LOW_PITCH = (50.0, 80.0)
"""Hz, gliding and low: harmonics lie close, and no formant can hide between two of them or be taken for one."""
SECONDS = 12.0
VOICED = 0.5
BURST_DB, CLOSURE = 6.0, 0.03


@dataclass(frozen=True)
class Vowel:
    """One vowel of one speaker: length (cm), and formants in Hz."""

    length: float
    soft: float
    """The first formant of the tube, if its walls yield as those of people do."""
    tube: list[float]
    """With hard walls."""
    measured: list[float]


@dataclass
class Counts:
    """What one speaker did."""

    frames: dict[str, list[bool]] = field(default_factory=dict)
    bursts: dict[str, list[bool]] = field(default_factory=dict)
    closed: dict[str, list[float]] = field(default_factory=dict)
    levels: dict[str, list[float]] = field(default_factory=dict)


def fossa(anatomy: Anatomy) -> tuple[float, float]:
    """Give length (cm) and volume (cm³) of the piriform fossae, the dead ends beside the larynx."""
    found = ET.fromstring(speaker_xml(anatomy)).find(".//piriform_fossa")  # noqa: S314
    if found is None:
        return 1.0, 0.0
    return float(found.get("length", 1)), float(found.get("volume", 0))


def tube_formants(areas: Numbers, lengths: Numbers, dead_end: tuple[float, float], soft: bool) -> list[float]:
    """Find the resonances (Hz, below 5 kHz) of a tube from glottis to lips; areas in cm², lengths in cm."""
    frequencies = np.arange(100.0, 5000.0, 5.0)
    angular = 2 * np.pi * frequencies
    chain = np.broadcast_to(np.eye(2, dtype=complex), (len(angular), 2, 2))
    above = np.cumsum(lengths)
    for area, length, height in zip(np.maximum(areas, 1e-4), lengths, above, strict=True):
        around = 2 * np.sqrt(np.pi * area)
        friction = around / area**2 * np.sqrt(angular * DENSITY * VISCOSITY / 2)
        heat = around * (HEAT_RATIO - 1) / (DENSITY * SOUND**2)
        heat = heat * np.sqrt(HEAT * angular / (2 * HEAT_CAPACITY * DENSITY))
        wall = around / (WALL_RESISTANCE + 1j * angular * WALL_MASS)
        series = friction + 1j * angular * DENSITY / area
        parallel = heat + 1j * angular * area / (DENSITY * SOUND**2) + soft * wall
        way, resistance = np.sqrt(series * parallel) * length, np.sqrt(series / parallel)
        rows = [[np.cosh(way), resistance * np.sinh(way)], [np.sinh(way) / resistance, np.cosh(way)]]
        chain = chain @ np.moveaxis(np.array(rows), -1, 0)
        if height - length < FOSSA_AT <= height:
            deep, volume = dead_end
            branch = np.broadcast_to(np.eye(2, dtype=complex), chain.shape).copy()
            branch[:, 1, 0] = 1j * np.tan(angular * deep / SOUND) * volume / deep / (DENSITY * SOUND)
            chain = chain @ branch
    lips = max(float(areas[-1]), 1e-4)
    resistive = 128 * DENSITY * SOUND / (9 * np.pi**2 * lips)
    inertia = 1j * angular * 8 * DENSITY / (3 * np.pi * np.sqrt(np.pi * lips))
    load = inertia * resistive / (inertia + resistive)
    gain = -np.log(np.abs(chain[:, 1, 0] * load + chain[:, 1, 1]))
    peaks = np.flatnonzero((gain[1:-1] > gain[:-2]) & (gain[1:-1] >= gain[2:])) + 1
    before, at, after = gain[peaks - 1], gain[peaks], gain[peaks + 1]
    found: list[float] = (frequencies[peaks] + 2.5 * (before - after) / (before - 2 * at + after)).tolist()
    return found


def praat_formants(samples: NDArray[np.float32], ceiling: float) -> list[float]:
    """Measure the first three formants of a steady vowel: medians over its middle."""
    call = importlib.import_module("parselmouth.praat").call
    sound = importlib.import_module("parselmouth").Sound(samples.astype(np.float64), SAMPLE_RATE)
    burg = call(sound, "To Formant (burg)", 0.005, 5, ceiling, 0.04, 50)
    times = np.arange(0.15, len(samples) / SAMPLE_RATE - 0.1, 0.01)
    values = [
        [call(burg, "Get value at time", number, time, "hertz", "Linear") for number in (1, 2, 3)] for time in times
    ]
    return [float(value) for value in np.nanmedian(values, axis=0)]


def vowels(engine: Engine, shapes: Shapes) -> dict[str, Vowel]:
    """Give length of the tract, formants of the tube and formants measured, for each vowel."""
    voice = np.tile(shapes.glottis["modal"], (80, 1))
    voice[:, GLOTTIS.index("F0")], voice[:, GLOTTIS.index("PR")] = np.linspace(*LOW_PITCH, 80), PRESSURE
    dead_end = fossa(shapes.anatomy)
    out = {}
    for vowel in VOWELS:
        areas, lengths = engine.tube(shapes.tract[vowel])
        tube = tube_formants(areas, lengths, dead_end, soft=False)[:3]
        softened = tube_formants(areas, lengths, dead_end, soft=True)[0]
        measured: list[float] = []
        if importlib.util.find_spec("parselmouth"):
            steady = engine.synthesise(np.tile(shapes.tract[vowel], (80, 1)), voice, 100)
            # Five formants below a ceiling that grows as the tract gets shorter, as Praat's manual advises.
            measured = praat_formants(steady.samples, 5000 * 17 / float(lengths.sum()))
        out[vowel] = Vowel(float(lengths.sum()), softened, tube, measured)
    return out


def voiced_frames(samples: Numbers, times: Numbers, pitch: float) -> list[bool]:
    """Tell for each time whether 24 ms around it repeat within 0.6 to 1.8 times the speaker's mean pitch."""
    half, out = int(0.012 * SAMPLE_RATE), []
    shortest, longest = int(SAMPLE_RATE / (1.8 * pitch)), int(SAMPLE_RATE / (0.6 * pitch))
    floor = 6e-3 * float(np.abs(samples).max())
    for time in times:
        middle = int(time * SAMPLE_RATE)
        piece = samples[max(middle - half, 0) : middle + half]
        later = samples[max(middle - half, 0) : middle + half + longest]
        best = 0.0
        for lag in range(shortest, min(longest, len(later) - len(piece)) + 1, 4):
            other = later[lag : lag + len(piece)]
            scale = np.sqrt((piece @ piece) * (other @ other)) + 1e-20
            best = max(best, float(piece @ other / scale))
        out.append(best > VOICED and float(np.std(piece)) > floor)
    return out


def highs(samples: Numbers) -> Numbers:
    """Give the level (dB) between 2 and 8 kHz every millisecond, in windows of 6 ms."""
    window, hop = int(0.006 * SAMPLE_RATE), SAMPLE_RATE // 1000
    pieces = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop] * np.hanning(window)
    power = np.abs(np.fft.rfft(pieces)) ** 2
    low, high = int(2000 * window / SAMPLE_RATE), int(8000 * window / SAMPLE_RATE)
    level: Numbers = 10 * np.log10(power[:, low:high].sum(1) + 1e-12)
    return level


def kind(symbol: str) -> str:
    sound = INVENTORY[symbol]
    if sound.manner in ("vowel", "nasal", "approximant", "lateral"):
        return "vowels" if sound.manner == "vowel" else "nasals" if sound.manner == "nasal" else "glides, l"
    if sound.manner in ("pause", "tap"):
        return ""
    voice = "voiced" if sound.voiced else "aspirated" if sound.aspirated else "voiceless"
    return f"{voice} {sound.manner}s"


def sentences(engine: Engine, shapes: Shapes, seed: int) -> Counts:
    """Speak a sentence of each language and count at its marks."""
    counts = Counts()
    for language in LANGUAGES:
        said = utter(language, sentence(language, np.random.default_rng(seed), SECONDS))
        moved = tracks(said, shapes)
        samples = engine.synthesise(moved.tract, moved.glottis, moved.rate).samples.astype(np.float64)
        high = highs(samples)
        for mark, after in pairwise(moved.marks):
            group = kind(mark.symbol)
            if not group:
                continue
            third = (mark.end - mark.start) / 3
            times = np.arange(mark.start + third, mark.end - third + 1e-6, 0.01)
            counts.frames.setdefault(group, []).extend(voiced_frames(samples, times, shapes.anatomy.f0))
            middle = samples[int((mark.start + third) * SAMPLE_RATE) : int((mark.end - third) * SAMPLE_RATE)]
            counts.levels.setdefault(group, []).append(20 * float(np.log10(np.std(middle) + 1e-9)))
            if not group.endswith(("stops", "affricates")) or mark.symbol == "ʔ":
                continue
            states = moved.states_at(np.arange(mark.start, mark.end, 1 / moved.rate))
            shut = [float(engine.tube(state)[0][20:].min()) <= CLOSED for state in states]
            counts.closed.setdefault(group, []).append(sum(shut) / moved.rate)
            # A stop in front of another closure need not be heard to open.
            if INVENTORY[after.symbol].manner in ("stop", "affricate", "nasal") or not any(shut):
                continue
            release = mark.start + (max(np.flatnonzero(shut)) + 1) / moved.rate
            quiet = high[int(1000 * (release - CLOSURE)) - 3 : int(1000 * release) - 8]
            burst = high[int(1000 * (release - CLOSURE)) - 3 : int(1000 * (release + CLOSURE)) - 3]
            counts.bursts.setdefault(group, []).append(bool(len(quiet) and burst.max() - quiet.min() > BURST_DB))
    return counts


def measure(name: str, spoken: bool) -> tuple[dict[str, Vowel], Counts]:
    shapes = shapes_of(speaker(name))
    with Engine(speaker(name)) as engine:
        found = vowels(engine, shapes)
        return found, sentences(engine, shapes, list(SPEAKERS).index(name)) if spoken else Counts()


def report_formants(found: dict[str, dict[str, Vowel]]) -> None:
    print("| speaker | vowel | tract cm | F1, soft walls | F1 F2 F3 of tube | F1 F2 F3 measured | measured / tube |")
    print("|---|---|---|---|---|---|---|")
    shares = []
    for name, shapes in found.items():
        for vowel, one in shapes.items():
            share = np.array(one.measured) / np.array(one.tube) if one.measured else np.array([])
            shares += [share] if one.measured else []
            columns = [" ".join(f"{value:.0f}" for value in values) for values in (one.tube, one.measured)]
            columns += [" ".join(f"{ratio:.2f}" for ratio in share)]
            print(f"| {name} | {vowel} | {one.length:.1f} | {one.soft:.0f} | {' | '.join(columns)} |")
    if shares:
        off = np.abs(np.array(shares) - 1)
        print("Median deviation of F1, F2, F3, %:", *(f"{100 * value:.1f}" for value in np.median(off, 0)))
        print("90th percentile, %:", *(f"{100 * value:.1f}" for value in np.percentile(off, 90, axis=0)))
    else:
        print("praat-parselmouth is not installed, so no formants were measured in sound")
    if len(found) > 2:
        report_scaling(found)


def report_scaling(found: dict[str, dict[str, Vowel]]) -> None:
    """Fit log formant = constant + slope × log(1 / length) over speakers: 1 when a tract shrinks as a whole."""
    inverse = [-np.log(np.mean([one.length for one in shapes.values()])) for shapes in found.values()]
    for label in ("tube", "measured"):
        values = [[getattr(one, label) for one in shapes.values()] for shapes in found.values()]
        if not all(values[0]):
            continue
        each = np.log(np.array(values)).mean(1)
        for number, formant in [
            ("F1", each[:, 0]),
            ("F2", each[:, 1]),
            ("F3", each[:, 2]),
            ("mean of all", each.mean(1)),
        ]:
            slope = np.polyfit(inverse, formant, 1)[0]
            print(f"{label}, {number}: slope {slope:.2f}, correlation {np.corrcoef(inverse, formant)[0, 1]:.3f}")


def report_counts(every: Sequence[Counts]) -> None:
    groups = sorted({group for counts in every for group in counts.frames})
    loud = np.median([level for counts in every for level in counts.levels["vowels"]])
    print("\n| sounds | how many | frames voiced % | level against vowels dB | closed ms (median) | with burst % |")
    print("|---|---|---|---|---|---|")
    for group in groups:
        frames = [one for counts in every for one in counts.frames.get(group, [])]
        levels = [one for counts in every for one in counts.levels.get(group, [])]
        closed = [one for counts in every for one in counts.closed.get(group, [])]
        bursts = [one for counts in every for one in counts.bursts.get(group, [])]
        shut = f"{1000 * np.median(closed):.0f} (never: {sum(one == 0 for one in closed)})" if closed else "–"
        burst = f"{100 * np.mean(bursts):.0f} of {len(bursts)}" if bursts else "–"
        voiced, level = 100 * np.mean(frames), np.median(levels) - loud
        print(f"| {group} | {len(levels)} | {voiced:.0f} | {level:.0f} | {shut} | {burst} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speakers", nargs="*", default=list(SPEAKERS))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--vowels-only", action="store_true", help="leave the sentences out")
    arguments = parser.parse_args()
    names = arguments.speakers
    with ProcessPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(measure, names, [not arguments.vowels_only] * len(names)))
    report_formants(dict(zip(names, (found for found, _ in results), strict=True)))
    if not arguments.vowels_only:
        report_counts([counts for _, counts in results])


if __name__ == "__main__":
    main()
