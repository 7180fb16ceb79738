"""The bones that do not move: skull and brain, spine, hard palate and upper incisor."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seido.phantom.canvas import FINE, Canvas, Painting, ellipse, line, smooth
from seido.phantom.landmarks import BOTTOM, MOVING, Landmarks, Tissues


def paint_skull(canvas: Canvas, tissues: Tissues, marks: Landmarks, random: np.random.Generator) -> None:
    """Paint the skull with brain, clivus and air cells."""
    s = marks.size
    gum = marks.gum[0]
    inner = smooth(
        line(
            (gum - 2 * s, -150),
            (gum - 1 * s, -100 * s),
            (gum - 8 * s, -80 * s),
            (gum - 22 * s, -68 * s),
            (12.0, -64 * s),
            (-6.0, -60 * s),
            (-14.0, -64 * s),
            (-24.0, -46 * s),
            (-37.0, -26 * s),
            (-46.0, -8 * s),
            (-62.0 * s, -8 * s),
            (-74.0 * s, -20 * s),
            (-100.0 * s, -32 * s),
            (-120.0 * s, -62 * s),
            (-132.0 * s, -150),
        )
    )
    canvas.stroke(inner, tissues.bone * 1.2, 7)
    canvas.stroke(inner[: len(inner) // 4], tissues.marrow * 0.7, 2)
    canvas.fill(np.concatenate([inner, line((-132.0 * s, -170.0), (60.0, -170.0))]), tissues.brain)
    stem = smooth(
        line(
            (-22, -62 * s),
            (-28, -46 * s),
            (-41, -24 * s),
            marks.wall(-8, 24),
            marks.wall(2, 24),
            marks.wall(2, 33),
            (-58, -24 * s),
            (-52, -60 * s),
        ),
        closed=True,
    )
    canvas.stroke(np.concatenate([stem, stem[:1]]), tissues.fluid, 2.5)
    canvas.fill(stem, tissues.brain * 1.08)
    ventricle = smooth(
        line((-50, -30 * s), (-58, -42 * s), (-54, -52 * s), (-62, -40 * s), (-56, -28 * s)), closed=True
    )
    canvas.fill(ventricle, tissues.fluid)
    for _ in range(16):
        start = np.array([random.uniform(-104, -62) * s, random.uniform(-54, -32) * s])
        leaf = smooth(start + line((0, 0), (-3, 2 * random.standard_normal()), (-8, 3 * random.standard_normal())))
        canvas.stroke(leaf, tissues.brain * 0.78, 0.8)
    tent = line((-50, -62 * s), (-80, -68 * s), (-116 * s, -58 * s))
    canvas.stroke(smooth(tent), tissues.fluid * 1.6, 1.5)
    for _ in range(26):
        start = np.array([random.uniform(-105 * s, marks.gum[0] - 14), random.uniform(-118, -82 * s)])
        steps = np.cumsum(random.normal(0, 2.6, (4, 2)) + random.normal(0, 2.5, 2), axis=0)
        canvas.stroke(smooth(start + steps), tissues.brain * random.uniform(0.8, 0.93), 1.2)
    canvas.stroke(inner, tissues.bone * 1.2, 4)  # furrows end at the bone
    # Clivus and sphenoid: marrow inside dark bone, an air cell in front.
    clivus = smooth(
        line((-4, -56 * s), (-15, -60 * s), (-24, -43 * s), (-37, -23 * s), (-33, -20 * s), (-18, -36 * s)), True
    )
    canvas.fill(clivus, tissues.bone)
    canvas.fill(0.72 * clivus + 0.28 * clivus.mean(0), tissues.marrow * 1.1)
    sinus = ellipse((4 + 2 * marks.shape[9], -50 * s), (11 + marks.shape[10], 8 * s), -12)
    canvas.stroke(np.concatenate([sinus, sinus[:1]]), tissues.mucosa * 0.8, 1.4)
    canvas.fill(sinus, tissues.air)
    canvas.fill(
        ellipse(
            (gum + 5 * s, (-84 + 3 * marks.shape[18]) * s), (3 + 0.6 * marks.shape[17], 7 + 2.5 * marks.shape[11]), 8
        ),
        tissues.air,
    )


def paint_spine(canvas: Canvas, tissues: Tissues, marks: Landmarks, random: np.random.Generator) -> None:
    """Paint cord and vertebrae: none is as large, as bright or as level as the next."""
    s = marks.size

    def behind(y: float) -> float:
        """Lordosis: the column curves forwards in the middle of the neck, and away from the throat below it."""
        return 5.2 - 1.4 * math.exp(-(((y - 45 * s) / 30) ** 2)) + 5.0 * max(0.0, (y - 85) / 60) ** 2

    heights = np.arange(-14, BOTTOM, 6.0)
    canal = [line(*(marks.wall(y, behind(y) + depth * s) for y in heights)) for depth in (17.0, 24.5)]
    canvas.stroke(smooth(line(*(marks.wall(y, behind(y) * 0.5) for y in heights))), tissues.muscle * 0.85, 4.5)
    canvas.stroke(smooth(0.5 * (canal[0] + canal[1])), tissues.fluid, 13 * s)
    canvas.stroke(smooth(0.5 * (canal[0] + canal[1])), tissues.cord, 7 * s)
    canvas.stroke(smooth(line(*(marks.wall(y, behind(y) + 16.5 * s) for y in heights[1:]))), tissues.bone * 2, 1.2)
    # The first vertebra is a ring, the second carries a tooth that reaches into it.
    canvas.fill(ellipse(marks.wall(-15 * s, 4.2), (3.2, 4.6 * s), 8), tissues.bone)
    canvas.fill(ellipse(marks.wall(-15 * s, 4.2), (2.1, 3.4 * s), 8), tissues.marrow)
    y = 12.0 * s
    for index in range(9):
        height = (13.0 + 0.35 * index + 0.8 * random.standard_normal()) * s
        depth = (14.2 + 0.4 * index + 0.5 * random.standard_normal()) * s
        tilt = math.radians(4 - 2.2 * index + 2.2 * random.standard_normal())
        brightness = tissues.marrow * (0.92 + 0.1 * random.standard_normal())
        front, _ = marks.wall(y, behind(y))
        if index == 0:
            dens = smooth(
                line((front - 2, y + 6), (front - 2.6, y - 14 * s), (front - 3.5, y - 30 * s), (front - 9, y - 33 * s),
                     (front - 12.5, y - 14 * s), (front - 14, y + 6)), closed=True,
            )  # fmt: skip
            canvas.stroke(np.concatenate([dens, dens[:1]]), tissues.bone * 1.5, 1.0)
            canvas.fill(dens, brightness * 0.9)
            height *= 1.15
        half = 0.5 * np.array([depth, height])
        box = line(
            (-1, -0.86),
            (-0.5, -0.93),
            (0.55, -1),
            (1, -0.94),
            (0.88, 0),
            (1.02, 0.94),
            (0.5, 0.98),
            (-0.4, 1),
            (-1, 0.92),
            (-0.92, 0),
        )
        turned = (box * half) @ np.array([[math.cos(tilt), math.sin(tilt)], [-math.sin(tilt), math.cos(tilt)]])
        body = smooth(np.add(turned, (front - half[0], y)), closed=True)
        gap = (3.6 + 0.7 * random.standard_normal()) * s
        disc = ellipse((front - half[0], y + half[1] + gap / 2), (half[0] * 0.94, 0.5 * gap), math.degrees(tilt))
        canvas.fill(disc, tissues.disc)
        canvas.stroke(np.concatenate([body, body[:1]]), tissues.bone * 1.3, 1.1)
        canvas.fill(body, brightness)
        canvas.fill(
            ellipse((front - half[0] * 1.5, y), (half[0] * 0.3, half[1] * 0.16), math.degrees(tilt), 12),
            brightness * 0.8,
        )
        spinous = (33 + (4 if index in (0, 5, 6) else 0) + 1.5 * random.standard_normal()) * s
        process = smooth(
            line(
                (front - 27 * s, y + 1),
                (front - spinous, y + 5),
                (front - spinous - 3, y + 9.5),
                (front - 27 * s, y + 6.5),
            ),
            closed=True,
        )
        canvas.stroke(np.concatenate([process, process[:1]]), tissues.bone * 1.5, 1.0)
        canvas.fill(process, brightness * 0.95)
        y += height + gap


def paint_palate(tissues: Tissues, marks: Landmarks) -> tuple[Painting, NDArray[np.bool_]]:
    """Paint hard palate and upper incisor over whatever touches them: the painting of MOVING, and where it counts."""
    s, (x, y), floor = marks.size, marks.gum, marks.nasal_floor
    shape = (FINE * (MOVING.bottom - MOVING.top), FINE * (MOVING.right - MOVING.left))
    canvas, where = (Canvas(np.zeros(shape, np.uint8), MOVING) for _ in range(2))
    under = np.concatenate([smooth(marks.palate[:8]), marks.palate[8:9]])
    spine = (x - 1 * s, floor + 1.5)
    body = np.concatenate([under, line((x, y), spine, (x - 18 * s, floor - 1.5 * s), (under[0, 0] + 1, floor))])
    canvas.fill(body, tissues.mucosa)
    back = under[under[:, 0] < x - 11 * s]
    upwards = back[::-1] - (0, 5.2 * s)
    bone = np.concatenate([
        np.add(back, (0, -1.8)),
        line((x - 9 * s, y - 4 * s), (x - 3.5 * s, y - 4 * s), (x - 2 * s, floor + 3), (x - 6 * s, floor + 2)),
        upwards,
    ])  # fmt: skip
    canvas.fill(bone, tissues.bone * 1.6)
    marrow = line(
        (x - 15 * s, y - 10 * s), (x - 10 * s, y - 7.5 * s), (x - 11 * s, y - 14 * s), (x - 18 * s, y - 15 * s)
    )
    canvas.fill(smooth(marrow, closed=True), tissues.marrow * 0.75)
    crown = marks.incisor
    root = np.concatenate([
        np.add(crown[:1], (0.9, -0.5)),
        crown[1:],
        line((x - 1.2, y - 3), (x - 5.5 * s, y - 12 * s), (x - 7.5 * s, y - 12 * s)),
    ])  # fmt: skip
    canvas.fill(smooth(root, closed=True), tissues.bone * 0.5)
    canvas.fill(crown, tissues.bone * 0.5)
    for outline in (body, crown):
        where.fill(outline, 1.0)
    return canvas.painting, where.painting > 0
