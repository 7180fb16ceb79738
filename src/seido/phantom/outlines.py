"""Outlines of what moves, made whole: the engine's lines have steps, gaps and overlaps that no throat has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seido.phantom.articulators import resampled
from seido.phantom.canvas import line, smooth
from seido.phantom.contours import Contours, Outline
from seido.phantom.landmarks import BOTTOM, PALATE_FROM, Landmarks, Point

_LIP = 18
"""The first point of `Contours.upper` that is lip."""
_LOWER_LIP = 15
"""The first point of `Contours.lower` that is gum and lip before the incisor."""
_UNDERSIDE = 34
"""The first point of `Contours.tongue` under its tip; those after it are the square notch."""
_CLEFT = 4.0
"""mm below the lower gum beyond which the floor of the mouth is lifted, so that the cleft under the tip is small."""
_OPEN_PORT = 2.1
"""mm by which the engine draws the uvula forwards to open the port to the nose."""


@dataclass(frozen=True)
class Jaw:
    """How the lower jaw has moved from rest: a turn about the engine's origin, then a shift."""

    turn: NDArray[np.float64]
    shift: Point

    def __call__(self, points: Outline) -> Outline:
        """Move points (n, 2) with the jaw."""
        return points @ self.turn + self.shift


def jaw_of(contours: Contours, marks: Landmarks) -> Jaw:
    """Find the jaw's movement from the lower incisor: the nearest rigid one (Procrustes, 1966)."""
    now, rest = contours.lower[12:16], marks.jaw
    middle_now, middle_rest = now.mean(0), rest.mean(0)
    complex_now, complex_rest = ((part - part.mean(0)) @ (1, 1j) for part in (now, rest))
    spin = np.vdot(complex_rest, complex_now)
    spin /= max(abs(spin), 1e-9)
    turn = np.array([[spin.real, spin.imag], [-spin.imag, spin.real]])
    return Jaw(turn, middle_now - middle_rest @ turn)


def lips(contours: Contours) -> tuple[Outline, Outline]:
    """Give the rims of upper and lower lip, from the teeth outwards, (n, 2) each.

    Lips that meet share one border: where they would overlap each gives way by half, and both bulge forwards.
    """
    upper, lower = smooth(contours.upper[_LIP:]), smooth(contours.lower[_LOWER_LIP + 1 :])
    # The part of each rim that can touch the other runs forwards.
    over, under = upper[_running(upper)], lower[_running(lower)]
    above, below = upper.copy(), lower.copy()
    at_upper = np.interp(upper[:, 0], under[:, 0], under[:, 1], left=np.inf, right=np.inf)
    at_lower = np.interp(lower[:, 0], over[:, 0], over[:, 1], left=-np.inf, right=-np.inf)
    into, out_of = np.maximum(upper[:, 1] - at_upper, 0), np.maximum(at_lower - lower[:, 1], 0)
    above[:, 1] -= into / 2
    below[:, 1] += out_of / 2
    deepest = max(float(into.max()), float(out_of.max()))
    for rim in (above, below):
        along = np.linspace(0, 1, len(rim))
        rim[:, 0] += 0.45 * deepest * np.sin(np.pi * along) ** 2
    return above, below


def _running(rim: Outline) -> NDArray[np.bool_]:
    """Mark the points of a rim that lie further forward than all before them."""
    furthest = np.maximum.accumulate(rim[:, 0])
    first = np.concatenate([[True], furthest[1:] > furthest[:-1] + 1e-9])
    return np.asarray(first & (rim[:, 0] >= furthest))


def tongue_surface(contours: Contours) -> Outline:
    """Follow the tongue from its root over the tip, and under it through a small smooth cleft to the lower gum."""
    tongue, gum = contours.tongue, contours.lower[12]
    above, tip = tongue[: _UNDERSIDE + 1], tongue[_UNDERSIDE]
    width = gum[0] - tip[0]
    bottom = min(max(float(tongue[-1, 1]), gum[1]), gum[1] + _CLEFT)
    if width < 2 or bottom < tip[1] + 2:
        return smooth(np.concatenate([above, 0.5 * (tip + gum)[None], gum[None]]))
    # Under the blade the frenulum runs down and forwards, however far back the tip is drawn.
    fold = min(0.5 * width, 6.0)
    under = line(
        (tip[0] - 0.5, 0.6 * tip[1] + 0.4 * bottom),
        (min(max(tip[0] + 0.25 * width, gum[0] - 14), gum[0] - fold), 0.25 * tip[1] + 0.75 * bottom),
        (gum[0] - 0.6 * fold, bottom),
    )
    return smooth(np.concatenate([above, under, gum[None]]))


def port(contours: Contours, marks: Landmarks) -> float:
    """Tell how far the way to the nose is open, 0 … 1."""
    return float(np.clip((contours.uvula[0, 0] - marks.uvula) / (_OPEN_PORT * marks.size), 0, 1))


def velum(contours: Contours, marks: Landmarks) -> Outline:
    """Outline the velum: 8 to 10 mm thick, thinner towards the uvula; shut, its knee leans on the back wall."""
    s, opening = marks.size, port(contours, marks)
    under = contours.upper[PALATE_FROM + 1 :: -1]  # from the hard palate backwards
    tip, front = contours.uvula[3], contours.uvula[7]
    height = under[-3:, 1].mean()
    floor = marks.nasal_floor

    def wall(y: float, before: float) -> tuple[float, float]:
        """Stand before the back wall: leaning on it, or as far off as the port is open."""
        x = marks.wall(y)[0] + before + opening * (5.4 * s - min(before, 0))
        return (min(x, tip[0] - 1.4 * s) if before > 0 else x), y

    over = line(
        (tip[0] + 0.8 * s, tip[1] - 0.2 * s),
        wall(tip[1] - 1.5 * s, 3.2 * s),
        wall(tip[1] - 6.0 * s, 2.2 * s),
        wall(height - (0.5 - 3 * opening) * s, -0.8),
        wall(height - (5.2 - 4.5 * opening) * s, -0.8),
        (under[-1, 0] + (1 + 2 * opening) * s, height - (8.6 - 3.6 * opening) * s),
        (-7.0 * s, (floor + 0.4 * height) / 1.4 - (2.5 - 3.5 * opening) * s),
        (0.0, floor + 1.2 * opening),
        (6.0, floor),
    )
    down = np.concatenate([under, line((front[0] - 0.2 * s, front[1] + 3), (tip[0] + 2.4 * s, tip[1] - 0.8 * s)), over])
    return np.concatenate([smooth(down), line((12.0, floor), tuple(under[0]))])


def epiglottis(contours: Contours, marks: Landmarks) -> Outline:
    """Outline the epiglottis as a leaf 3 to 4 mm thick that rises from the root of the tongue."""
    s = marks.size
    foot = (contours.epiglottis[0] + contours.epiglottis[7]) / 2 + (0.8 * s, 1.5 * s)
    tip = foot + 1.32 * (contours.epiglottis[3] - foot)
    along = np.linspace(0, 1, 7)[:, None]
    across = np.array([-(tip - foot)[1], (tip - foot)[0]])
    across = across / max(float(np.hypot(*across)), 1e-6)
    middle = foot + along * (tip - foot) + 1.6 * s * across * np.sin(np.pi * along) * np.sign(across[0] or 1.0)
    half = s * np.array([2.9, 2.4, 2.1, 2.1, 2.1, 1.9, 1.3])[:, None]
    # It bends before it touches the wall.
    free = np.array([marks.wall(y)[0] for y in middle[:, 1]]) + 2.2 * s + half[:, 0]
    middle[:, 0] = np.maximum(middle[:, 0], free)
    return smooth(np.concatenate([middle - half * across, (middle + half * across)[::-1]]), closed=True)


def as_drawn(contours: Contours, marks: Landmarks) -> dict[str, NDArray[np.float32]]:
    """Give the articulators that are drawn otherwise than the engine outlines them, each float32 (n, 2), mm.

    - epiglottis (12 points): rear face from its foot to its tip, front face back
    - velum_body (40 points): all around, from the hard palate's rear end over the oral face, the uvula and the nasal
      face
    """
    leaf, body = epiglottis(contours, marks), velum(contours, marks)
    drawn = {"epiglottis": resampled(leaf, 11), "velum_body": resampled(body, 39)}
    return {name: points.astype(np.float32) for name, points in drawn.items()}


def airway(contours: Contours, marks: Landmarks, rims: tuple[Outline, Outline]) -> Outline:
    """Outline the air from windpipe to lips, with a wall behind it that runs on without a step."""
    above, below = rims
    back, larynx, lower = contours.back_wall, contours.larynx, contours.lower
    down = np.array([8.0, 80.0])
    end = back[2, 1]
    wall = line(marks.wall(end + 13, -0.2), marks.wall(end + 4, 0.4), *(marks.wall(y) for y in (end, 20.0, 0.0)))
    mouth = np.concatenate([contours.upper[:_LIP], above, below[::-1], lower[_LOWER_LIP::-1]])
    front = smooth(np.concatenate([larynx[::-1], larynx[:1] - down * (1, -1)]))
    behind = np.concatenate([back[:1] - down * (1, -1), back[:2], back[1:3].mean(0)[None]])
    return np.concatenate([wall, contours.uvula, mouth, front, behind])


def arytenoid(contours: Contours, marks: Landmarks) -> Outline:
    """Outline what lies between voice box and back wall: arytenoid above, cricoid and gullet below."""
    s, back = marks.size, contours.back_wall
    crest = back[1:3].mean(0)
    end = back[2, 1]
    down = np.array([-8.0, 80.0])
    return smooth(
        np.concatenate(
            [
                back[:1] + down,
                back[:1],
                0.5 * (back[:1] + back[1:2]),
                np.add(back[1:2], (0, 2 * s)),
                crest[None] + ((1.5 * s, -1.2), (-2.0 * s, -0.4)),
                line(
                    marks.wall(end + 3, -3.2 * s), marks.wall(end + 9, -1.5), marks.wall(end + 14), marks.wall(BOTTOM)
                ),
            ]
        )
    )
