"""Speakers of the phantom: smooth deformations of the one vocal tract that the engine was measured for."""

from __future__ import annotations

import importlib.util
import math
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seido.errors import BadInputError, MissingExtraError

ENGINE = "vocaltractlab_cython"
"""The synthesiser's Python package: VocalTractLab (Birkholz, 2013), with its speaker JD3."""
_TOO_NEW = (3, 12)
SAFE_RANGES = {
    "oral_length": (0.84, 1.05),
    "pharynx_length": (0.78, 1.08),
    "width": (0.84, 1.05),
    "palate_dome": (0.8, 1.25),
    "pharynx_angle": (-6.0, 6.0),
    "f0": (60.0, 400.0),
    "rate": (0.5, 2.0),
}
"""Lowest and highest value of each property; beyond them the engine's geometry folds and it may stop."""


@dataclass(frozen=True)
class Anatomy:
    """One speaker: lengths relative to the engine's own (1), the pharynx's turn in degrees, voice and manner.

    `f0` is the mean of the voice in Hz, `rate` how fast the speaker talks (1 as written), `seed` what else
    makes a head of its own. Raises BadInputError outside `SAFE_RANGES`.
    """

    name: str
    label: str = "man"
    oral_length: float = 1.0
    pharynx_length: float = 1.0
    width: float = 1.0
    palate_dome: float = 1.0
    pharynx_angle: float = 0.0
    f0: float = 112.0
    rate: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.name:
            raise BadInputError("a speaker of the phantom needs a name")
        for field, (low, high) in SAFE_RANGES.items():
            value = getattr(self, field)
            if not (math.isfinite(value) and low <= value <= high):
                raise BadInputError(
                    f"speaker {self.name}: {field} {value} is outside what the phantom can bear, {low} to {high}"
                )
        if self.seed < 0:
            raise BadInputError(f"speaker {self.name}: the seed should not be negative, got {self.seed}")


SPEAKERS: dict[str, Anatomy] = {
    speaker.name: speaker
    for speaker in (
        Anatomy("M1", "man", 1.0, 1.0, 1.0, 1.0, 0.0, 112.0, 1.0, 11),
        Anatomy("M2", "man", 1.04, 1.05, 1.0, 0.9, -2.0, 100.0, 0.95, 12),
        Anatomy("M3", "man", 0.95, 1.02, 1.0, 1.1, 2.0, 128.0, 1.06, 13),
        Anatomy("F1", "woman", 0.93, 0.87, 0.95, 0.85, -2.0, 205.0, 1.0, 21),
        Anatomy("F2", "woman", 0.88, 0.82, 0.9, 1.1, 3.0, 228.0, 1.08, 22),
        Anatomy("F3", "woman", 0.96, 0.9, 0.95, 1.0, 1.0, 190.0, 0.94, 23),
        Anatomy("A1", "adolescent", 0.89, 0.8, 0.92, 0.95, -1.0, 240.0, 1.04, 31),
        Anatomy("A2", "adolescent", 0.92, 0.93, 0.96, 1.05, 2.0, 150.0, 0.97, 32),
        Anatomy("M4", "man", 0.98, 0.95, 0.97, 1.15, 4.0, 118.0, 1.02, 14),
        Anatomy("F4", "woman", 0.90, 0.92, 0.93, 1.18, -4.0, 198.0, 0.98, 24),
        Anatomy("A3", "adolescent", 0.86, 0.86, 0.90, 1.05, 2.0, 255.0, 1.05, 33),
        Anatomy("M5", "man", 1.02, 0.98, 1.02, 0.82, 3.0, 95.0, 0.93, 15),
        Anatomy("F5", "woman", 0.95, 0.84, 0.97, 1.2, 4.0, 215.0, 1.03, 25),
        Anatomy("M6", "man", 0.91, 1.04, 0.96, 1.2, -3.0, 122.0, 1.04, 16),
        Anatomy("F6", "woman", 0.87, 0.90, 0.90, 0.9, 0.0, 236.0, 1.0, 26),
        Anatomy("A4", "adolescent", 0.94, 0.80, 0.92, 0.88, -5.0, 262.0, 0.97, 34),
        Anatomy("W", "stranger", 0.84, 0.98, 0.92, 1.25, 5.0, 165.0, 1.0, 91),
    )
}
"""The speakers there are by name; W, short-mouthed, long-throated and high-palated, lies outside the others' hull."""


def speaker(name: str) -> Anatomy:
    """Look up one of `SPEAKERS`; raises BadInputError when there is none of that name."""
    try:
        return SPEAKERS[name]
    except KeyError:
        raise BadInputError(f"the phantom has no speaker {name!r}: choose from {', '.join(SPEAKERS)}") from None


def engine_speaker_file() -> Path:
    """Find the engine's own speaker file; raises MissingExtraError when the engine is not installed."""
    spec = importlib.util.find_spec(ENGINE)
    if spec is None or spec.origin is None:
        if sys.version_info >= _TOO_NEW:
            raise MissingExtraError("the phantom", "phantom", "its engine is built for Python 3.11 only")
        raise MissingExtraError("the phantom", "phantom")
    return Path(spec.origin).parent / "resources" / "JD3.speaker"


def parameter_factors(anatomy: Anatomy) -> dict[str, float]:
    """Give the factor by which each positional tract parameter's range grows; those not named keep theirs.

    >>> parameter_factors(Anatomy("X", oral_length=0.9))["TTX"]
    0.9
    """
    along = dict.fromkeys(("JX", "TCX", "TTX", "TBX", "TRX", "LP"), anatomy.oral_length)
    down = dict.fromkeys(("HY", "LD", "TCY", "TTY", "TBY", "TRY"), anatomy.pharynx_length)
    across = dict.fromkeys(("TS1", "TS2", "TS3"), anatomy.width)
    return along | down | across


def speaker_xml(anatomy: Anatomy) -> str:
    """Deform the engine's own speaker and return it as the XML it reads.

    Lengths along the mouth, down the throat and across are scaled; each parameter's range is scaled with
    them, and every tract shape is mapped linearly from the old range to the new. Raises MissingExtraError
    when the engine is not installed.
    """
    # The file comes with the installed engine, so it is as trustworthy as the engine's code.
    root = ET.fromstring(engine_speaker_file().read_text(encoding="utf-8"))  # noqa: S314
    body = _child(root, "vocal_tract_model/anatomy")
    _deform(body, anatomy)
    factors = parameter_factors(anatomy)
    for parameter in body.iter("param"):
        _scale(parameter, factors.get(parameter.get("name", ""), 1.0), "min", "max", "neutral")
    for value in _child(root, "vocal_tract_model/shapes").iter("param"):
        _scale(value, factors.get(value.get("name", ""), 1.0), "value")
    return ET.tostring(root, encoding="unicode")


def _deform(body: ET.Element, anatomy: Anatomy) -> None:
    x, y, z = anatomy.oral_length, anatomy.pharynx_length, anatomy.width
    for row in (*_child(body, "palate"), *_child(body, "jaw")):
        _scale(row, x, "x")
        _scale(row, y, "teeth_height", "jaw_height")
        _scale(row, y * anatomy.palate_dome, "palate_height")
        _scale(row, z, "z", "top_teeth_width", "bottom_teeth_width")
    for path, factor, *names in (
        ("jaw", x, "fulcrum_x", "rest_pos_x"),
        ("jaw", y, "fulcrum_y", "rest_pos_y", "tooth_root_length"),
        ("lips", y, "width"),
        ("tongue/tip", math.sqrt(x * y), "radius"),
        ("tongue/body", x, "radius_x"),
        ("tongue/body", y, "radius_y"),
        ("tongue/root", x, "trx_intercept"),
        ("tongue/root", y, "try_intercept"),
        ("velum", x, "uvula_depth"),
        ("velum", y, "uvula_height"),
        ("velum", z, "uvula_width"),
        ("velum", x * z, "max_nasal_port_area"),
        ("pharynx", x, "fulcrum_x"),
        ("pharynx", y, "fulcrum_y", "top_rib_y"),
        ("pharynx", z, "upper_depth", "lower_depth", "back_side_width"),
        ("larynx", x, "epiglottis_width"),
        ("larynx", y, "epiglottis_height"),
        ("larynx", z, "upper_depth", "lower_depth", "epiglottis_depth"),
        ("nasal_cavity", (x + y) / 2, "length"),
        ("piriform_fossa", y, "length"),
        ("piriform_fossa", x * y * z, "volume"),
    ):
        _scale(_child(body, str(path)), float(factor), *map(str, names))
    for outline in (*_child(body, "velum"), *_child(body, "larynx")):
        outline.set("points", " ".join(f"{value:.5g}" for value in _scaled_points(outline, x, y)))
    pharynx = _child(body, "pharynx")
    pharynx.set("rotation_angle_deg", f"{float(pharynx.get('rotation_angle_deg', 0)) + anatomy.pharynx_angle:.4f}")


def _scaled_points(outline: ET.Element, x: float, y: float) -> Iterator[float]:
    for index, value in enumerate(outline.get("points", "").split()):
        yield float(value) * (y if index % 2 else x)


def _scale(element: ET.Element, factor: float, *names: str) -> None:
    for name in names:
        if name in element.attrib:
            element.set(name, f"{float(element.attrib[name]) * factor:.4f}")


def _child(parent: ET.Element, path: str) -> ET.Element:
    found = parent.find(path)
    if found is None:
        raise BadInputError(f"{engine_speaker_file()}: there is no {path} in it; install the engine again")
    return found
