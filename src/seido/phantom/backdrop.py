"""The still parts of a head but its bones: profile, nose, neck and the vault above the velum."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seido.phantom.bones import paint_skull, paint_spine
from seido.phantom.canvas import FINE, SIZE, Box, Canvas, Painting, ellipse, line, smooth
from seido.phantom.contours import Outline
from seido.phantom.landmarks import BOTTOM, Landmarks, Tissues


def paint_backdrop(tissues: Tissues, marks: Landmarks, random: np.random.Generator) -> Painting:
    """Paint what lies behind the moving parts, fine pixels of the whole picture."""
    canvas = Canvas(np.full((FINE * SIZE, FINE * SIZE), 2, np.uint8), Box())
    _flesh(canvas, tissues, marks, random)
    paint_skull(canvas, tissues, marks, random)
    _nose(canvas, tissues, marks, random)
    paint_spine(canvas, tissues, marks, random)
    _nasopharynx(canvas, tissues, marks)
    return canvas.painting


def profile(marks: Landmarks) -> Outline:
    """Outline the face from above the picture down to where the upper lip begins."""
    x, y = marks.gum
    s, own = marks.size, marks.shape
    tip_x, tip_y = x + (28 + 2.2 * own[1]) * s, y + (-31 + 2 * own[2]) * s
    return smooth(
        line(
            (x + 4 * s, y - 150),
            (x + (16 + 2 * own[3]) * s, y - 112 * s),
            (x + (20 + 1.5 * own[3]) * s, y - 88 * s),
            (x + (20 + own[4]) * s, y - 76 * s),
            (x + (14 + own[4]) * s, y - 66 * s),
            (x + (16 + own[4] + own[5]) * s, y - 57 * s),
            (x + (24 + 1.6 * own[5]) * s, y - 44 * s),
            (tip_x - 4 * s, tip_y - 9 * s),
            (tip_x + 0.4 * s, tip_y - 7.5 * s),
            (tip_x + 2.6 * s, tip_y - 3 * s),
            (tip_x + 2.4 * s, tip_y + 2.6 * s),
            (tip_x - 2 * s, tip_y + 6.5 * s),
            (x + 22 * s, y - 23.5 * s),
            (x + 14.5 * s, y - 20.5 * s),
            (x + 11.5 * s, y - 19 * s),
            tuple(subnasal(marks)),
        )
    )


def subnasal(marks: Landmarks) -> NDArray[np.float64]:
    """Find where the nose ends and the upper lip begins."""
    return marks.gum + np.array([10.5, -16.0]) * marks.size


def neck_back(marks: Landmarks) -> Outline:
    """Outline the back of head and neck, from above the picture downwards."""
    s, own = marks.size, marks.shape
    return smooth(
        line(
            (-150.0, -150.0),
            (-140.0 * s, -62.0),
            (marks.wall(-20)[0] - 104 * s, -20.0),
            (marks.wall(14)[0] - (88 + 3 * own[6]) * s, 14.0),
            (marks.wall(50)[0] - (80 + 3 * own[6]) * s, 50.0),
            (marks.wall(90)[0] - (84 + 4 * own[7]) * s, 90.0),
            (marks.wall(120)[0] - (96 + 4 * own[7]) * s, 120.0),
            (marks.wall(BOTTOM)[0] - 118 * s, BOTTOM),
        )
    )


def _flesh(canvas: Canvas, tissues: Tissues, marks: Landmarks, random: np.random.Generator) -> None:
    face, back = profile(marks), neck_back(marks)
    inside = line(
        (marks.gum[0], marks.gum[1] - 8), (20.0, -12.0), (-8.0, -6.0), marks.wall(10, -8), marks.wall(BOTTOM, -8)
    )
    canvas.fill(np.concatenate([face, inside, back[::-1]]), tissues.muscle)
    _neck(canvas, tissues, marks, random)
    canvas.stroke(back, tissues.fat, (16 + 3 * marks.shape[16]) * marks.size)
    canvas.stroke(back, tissues.skin * 0.55, 3)
    # Half of each stroke lies outside the head and is taken away again.
    canvas.stroke(face, tissues.fat * 0.92, 9 * marks.size)
    canvas.stroke(face, tissues.skin * 0.8, 2)
    canvas.fill(
        np.concatenate([face, line((marks.gum[0], marks.gum[1] - 8), (160.0, 0.0), (160.0, -160.0))]), tissues.air
    )
    canvas.fill(np.concatenate([back, line((-160.0, BOTTOM), (-160.0, -160.0))]), tissues.air)


def _nose(canvas: Canvas, tissues: Tissues, marks: Landmarks, random: np.random.Generator) -> None:
    """Paint the nasal cavity beside the septum: conchae, the passages between them, ethmoid cells, a nostril."""
    s, (gum_x, gum_y), floor = marks.size, marks.gum, marks.nasal_floor
    front = gum_x + 6 * s
    cavity = smooth(
        line(
            (2, floor),
            (gum_x - 18 * s, floor - 3 * s),
            (front, gum_y - 24 * s),
            (front + 11 * s, gum_y - 31 * s),
            (front + 6 * s, gum_y - 47 * s),
            (gum_x - 6 * s, -64 * s),
            (20, -60 * s),
            (8, -44 * s),
            (-2, -34 * s),
        ),
        closed=True,
    )
    canvas.fill(cavity, tissues.muscle * 0.62)
    for _ in range(26):
        x = random.uniform(14, gum_x - 4)
        cell = ellipse((x, random.uniform(-60, -47) * s), (random.uniform(1, 3.5), random.uniform(0.8, 2)), -20, 12)
        canvas.fill(cell, tissues.air if random.random() < 0.6 else tissues.mucosa * 0.7)
    lower_y, middle_y = floor - 9.5 * s, floor - 20.5 * s
    for y, height, left, right in ((lower_y, 6.0, 6.0, front - 4), (middle_y, 4.6, 9.0, front - 12 * s)):
        bumps = random.normal(0, 0.9, 12).reshape(6, 2)
        concha = line(
            (left, y + 2), (left + 8, y - height * s * 0.6), (right - 16, y - height * s), (right - 4, y - 2),
            (right - 10, y + height * s * 0.6), (left + 14, y + height * s * 0.9),
        )  # fmt: skip
        concha = smooth(concha + bumps, closed=True)
        canvas.stroke(np.concatenate([concha, concha[:1]]), tissues.air * 5, 1.8)
        canvas.fill(concha, tissues.mucosa * (0.78 + 0.06 * marks.shape[12]))
        middle = concha.mean(0)
        canvas.fill((concha - middle) * (0.62, 0.3) + middle + (2, 0.6), tissues.mucosa * 0.6)
    for _ in range(14):
        start = np.array([random.uniform(12, gum_x - 6), random.uniform(floor - 34 * s, floor - 6 * s)])
        streak = smooth(start + line((0, 0), (5, random.normal(0, 1)), (10, random.normal(-1, 1.5))))
        canvas.stroke(streak, tissues.muscle * random.choice([0.25, 0.5, 0.95]), 1.0)
    canvas.stroke(smooth(line((-1, floor - 2.2), (20, floor - 3), (front - 2, gum_y - 21 * s))), tissues.air, 1.4)
    nostril = smooth(
        line((front + 3 * s, gum_y - 24 * s), (front + 10 * s, gum_y - 28 * s), (front + 14 * s, gum_y - 33 * s),
             (front + 8 * s, gum_y - 33 * s), (front - 1 * s, gum_y - 28 * s)), closed=True,
    )  # fmt: skip
    canvas.fill(nostril, tissues.muscle * 0.2)
    skin = profile(marks)
    bridge = skin[(skin[:, 1] > gum_y - 66 * s) & (skin[:, 1] < gum_y - 47 * s)] - (5.2 * s, -1)
    canvas.stroke(bridge, tissues.bone * 1.5, 2.2)


def _neck(canvas: Canvas, tissues: Tissues, marks: Landmarks, random: np.random.Generator) -> None:
    """Paint the muscles behind the spine: long bundles with fat between them."""
    for bundle in range(8):
        out, top = 42 + 4.4 * bundle, -2 + 4 * bundle + 3 * random.standard_normal()
        path = line(
            *(
                marks.wall(y, (out + random.normal(0, 1.2) - 5 * math.sin(max(y - 20, 0) / 35)) * marks.size)
                for y in (top, 25 + top / 2, 58, 84, 112, BOTTOM)
            )
        )
        fatty = bundle % 3 == 1
        value = tissues.muscle * 1.4 if fatty else tissues.muscle * random.uniform(0.8, 1.15)
        canvas.stroke(smooth(path), value, 1.2 if fatty else 2.4)


def _nasopharynx(canvas: Canvas, tissues: Tissues, marks: Landmarks) -> None:
    """Paint the air above the velum and the adenoid's soft vault over it."""
    s, floor = marks.size, marks.nasal_floor
    vault = smooth(
        line(
            marks.wall(12),
            marks.wall(-6),
            tuple(np.add(marks.wall(-17 * s), (0.8, 0))),
            (marks.wall_top[0] + 5 * s, -30 * s),
            (-8 * s, -37 * s),
            (3, -36 * s),
        )
    )
    thick = np.concatenate(
        [
            line(marks.wall(BOTTOM)),
            vault,
            line(
                (3, -40 * s),
                tuple(np.add(marks.wall(-32 * s), (-2, 0))),
                marks.wall(0, 4),
                marks.wall(30, 2.5),
                marks.wall(BOTTOM, 2),
            ),
        ]
    )
    canvas.fill(thick, tissues.mucosa * 0.95)
    canvas.fill(
        np.concatenate([vault, line((7, -31 * s), (5, -24 * s), (9, floor), (0, floor + 4), (-4, 6))]), tissues.air
    )
