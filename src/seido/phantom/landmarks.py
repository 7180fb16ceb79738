"""How bright the tissues of a head are, and where its bones stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seido.phantom.anatomy import Anatomy
from seido.phantom.canvas import SIZE, Box
from seido.phantom.contours import Contours, Outline

MOVING = Box(left=34, top=88, right=178, bottom=SIZE)
"""The part of the picture that speech moves."""
BOTTOM = 150.0
"""A height below the lower edge of every picture, engine mm."""
PALATE_FROM = 6
"""The first point of `Contours.upper` that is hard palate; those before it are velum."""
Point = NDArray[np.float64]
"""(2,), engine millimetres."""


@dataclass(frozen=True)
class Tissues:
    """How bright each tissue is, 1 being white; what a gradient echo makes of fat, muscle, bone and air."""

    fat: float
    skin: float
    muscle: float
    tongue: float
    lip: float
    mucosa: float
    velum: float
    marrow: float
    disc: float
    brain: float
    cord: float
    fluid: float
    cartilage: float
    bone: float = 0.05
    air: float = 0.012

    @classmethod
    def drawn(cls, random: np.random.Generator) -> Tissues:
        """Draw a speaker's own tissues."""

        def about(middle: float, spread: float = 0.08) -> float:
            return float(middle * (1 + spread * random.uniform(-1, 1)))

        return cls(
            fat=about(0.9),
            skin=about(0.74),
            muscle=about(0.32, 0.1),
            tongue=about(0.5, 0.1),
            lip=about(0.56, 0.1),
            mucosa=about(0.48),
            velum=about(0.44),
            marrow=about(0.46, 0.15),
            disc=about(0.2, 0.2),
            brain=about(0.4),
            cord=about(0.4),
            fluid=about(0.12, 0.2),
            cartilage=about(0.26),
        )


@dataclass(frozen=True)
class Landmarks:
    """Where a speaker's head has its bones, engine millimetres; `size` is relative to the engine's own speaker."""

    size: float
    wall_top: Point
    """On the back wall of the pharynx, at the height of the palate."""
    wall_slope: float
    """How much further forward the wall lies for each mm further down."""
    palate: Outline
    """Hard palate and the back of the upper incisor, from behind forwards, (n, 2)."""
    incisor: Outline
    """Crown of the upper incisor (4, 2): gum behind, edge behind, edge before, gum before."""
    jaw: Outline
    """Crown of the lower incisor at rest (4, 2), in the same order."""
    tongue: Outline
    """Tongue at rest (n, 2)."""
    uvula: float
    """How far forward the uvula's rear stands at rest, which is where it shuts the nose off."""
    shape: NDArray[np.float64]
    """What else differs between heads: standard normal numbers within −1.5 … 1.5, (32,)."""

    def wall(self, y: float, behind: float = 0.0) -> tuple[float, float]:
        """Find the point of the pharynx' back wall at that height, or so far behind it."""
        return float(self.wall_top[0] + self.wall_slope * (y - self.wall_top[1]) - behind), y

    @property
    def gum(self) -> Point:
        """Where the upper incisor's front leaves the gum."""
        return np.asarray(self.incisor[3])

    @property
    def chin(self) -> Point:
        """Where the lower incisor's front leaves the gum at rest."""
        return np.asarray(self.jaw[3])

    @property
    def nasal_floor(self) -> float:
        """Height of the upper side of the hard palate."""
        return float(self.palate[:, 1].min() - 4.2 * self.size)


def landmarks_of(anatomy: Anatomy, rest: Contours, shape: NDArray[np.float64]) -> Landmarks:
    """Read a speaker's landmarks off the outlines of the neutral vowel."""
    low, high = rest.back_wall[3], rest.back_wall[-1]
    return Landmarks(
        size=(anatomy.oral_length + anatomy.pharynx_length) / 2,
        wall_top=np.asarray(high),
        wall_slope=float((low[0] - high[0]) / (low[1] - high[1])),
        palate=rest.upper[PALATE_FROM:16],
        incisor=rest.upper[14:18],
        jaw=rest.lower[12:16],
        tongue=rest.tongue,
        uvula=float(rest.uvula[0, 0]),
        shape=shape,
    )
