"""Mid-sagittal pictures such as a scanner would take without noise, drawn from the engine's outlines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seido.phantom import outlines
from seido.phantom.backdrop import subnasal
from seido.phantom.canvas import WHITE, Canvas, ellipse, line, opencv, pixels, shrink, smooth, soften
from seido.phantom.contours import Contours, Outline
from seido.phantom.head import Head
from seido.phantom.landmarks import BOTTOM, MOVING, Landmarks


def draw(head: Head, contours: Contours) -> NDArray[np.float32]:
    """Draw one moment: float32 (256, 256), 0 … 1, pixels of 1 mm, the face looking left, no noise.

    Raises MissingExtraError when OpenCV is not installed.
    """
    marks = head.landmarks
    canvas = Canvas(head.behind.copy(), MOVING)
    jaw = outlines.jaw_of(contours, marks)
    rims = outlines.lips(contours)
    _jaw_and_neck(canvas, head, contours, jaw, rims)
    canvas.fill(outlines.airway(contours, marks, rims), head.tissues.air)
    tongue = _tongue(canvas, head, contours, jaw)
    _mandible(canvas, head, contours, jaw)
    _larynx(canvas, head, contours)
    _lips(canvas, head, contours, jaw, rims)
    velum = outlines.velum(contours, marks)
    canvas.fill(velum, head.tissues.velum)
    np.copyto(canvas.painting, head.palate, where=head.palate_mask)
    picture = head.still.copy()
    # The outermost pixels of the part were blurred without their neighbours.
    moving = shrink(soften(canvas.painting)) / np.float32(WHITE)
    MOVING.of(picture)[2:, 2:-2] = moving[2:, 2:-2]
    texture = head.texture.copy()
    inside = canvas.mask(tongue)
    part = MOVING.of(texture)
    part += inside * (_moved(head, contours) - part)
    picture *= texture
    return np.minimum(picture, np.float32(1), out=picture)


def _jaw_and_neck(
    canvas: Canvas, head: Head, contours: Contours, jaw: outlines.Jaw, rims: tuple[Outline, Outline]
) -> None:
    tissues, marks = head.tissues, head.landmarks
    skin = _skin(contours, marks, jaw, rims[1])
    inside = line(marks.wall(BOTTOM, -3), marks.wall(10, -3), (10.0, 5.0), tuple(contours.lower[13]))
    canvas.fill(np.concatenate([contours.lower[15:16], rims[1], skin, inside]), tissues.fat * 0.95)
    canvas.stroke(skin, tissues.skin * 0.7, 1.4)
    along = np.gradient(skin, axis=0)
    inwards = np.stack([along[:, 1], -along[:, 0]], 1) / np.hypot(along[:, 0], along[:, 1])[:, None]
    # Under the skin lies fat, thickest at the chin.
    depth = (
        np.interp(np.arange(len(skin)), (0, 16, 30, 44), (5.6, 7.0, 4.6, 2.8))
        * marks.size
        * (1 + 0.2 * marks.shape[16])
    )
    deep = (skin - depth[:, None] * inwards)[8:]
    canvas.fill(np.concatenate([deep, line(marks.wall(BOTTOM, -2), marks.wall(15, -2))]), tissues.muscle)
    pad = smooth(
        np.concatenate([deep[:24], jaw(marks.chin + marks.size * line((-7, 31), (4, 28), (3, 10)))]), closed=True
    )
    canvas.fill(pad, tissues.lip)


def _skin(contours: Contours, marks: Landmarks, jaw: outlines.Jaw, rim: Outline) -> Outline:
    """Outline chin, throat and neck from the lower lip downwards."""
    s, own, chin = marks.size, marks.shape, marks.chin
    lower = jaw(
        chin
        + s
        * line(
            (11, 12),
            (10, 16.5),
            (14 + 1.2 * own[13], 23),
            (16.5 + 1.5 * own[13], 31),
            (13 + own[13], 39),
            (3, 43 + own[14]),
        )
    )
    rest = chin + s * line((-13, 43 + 1.5 * own[14]), (-27, 45.5 + 2 * own[14]))
    between = rest + (jaw(rest) - rest) * ((0.75,), (0.35,))
    # The voice box bulges under the skin where it stands.
    hyoid, foot = _hyoid(contours, marks), contours.lower[0]
    between[1, 1] = max(between[1, 1], hyoid[1] + 8 * s)
    apple = max(float(foot[1]) + 24 * s, float(between[1, 1]) + 13 * s)
    width = 44 + own[15]
    neck = line(
        (max(marks.wall(apple, -width * s)[0], float(foot[0]) + 18 * s), apple),
        *(marks.wall(y, -width * s) for y in (apple + 16, BOTTOM)),
    )
    return smooth(np.concatenate([rim[-1:], lower, between, neck]))


def _hyoid(contours: Contours, marks: Landmarks) -> NDArray[np.float64]:
    return np.asarray(contours.lower[0] + np.array([13.0, 2.5]) * marks.size)


def _tongue(canvas: Canvas, head: Head, contours: Contours, jaw: outlines.Jaw) -> Outline:
    """Paint tongue and floor of the mouth, and return their outline."""
    tissues, marks = head.tissues, head.landmarks
    s, chin = marks.size, marks.chin
    surface = outlines.tongue_surface(contours)
    bone = jaw(chin + s * line((-7, 8), (-8, 18), (-7, 26)))
    hyoid = _hyoid(contours, marks)
    floor = smooth(np.concatenate([bone[-1:], 0.5 * (bone[-1:] + hyoid[None]) + (0, 2.5), hyoid[None] + (0, 1)]))
    body = np.concatenate([surface, bone, floor, contours.lower[:1]])
    canvas.fill(body, tissues.tongue)
    canvas.stroke(surface[:-20], tissues.tongue * 1.14, 1.0)
    canvas.stroke(floor, tissues.fat * 0.7, 1.5)
    canvas.stroke(np.add(floor, (0, 4.5 * s)), tissues.fat * 0.62, 1.2)
    return body


def _mandible(canvas: Canvas, head: Head, contours: Contours, jaw: outlines.Jaw) -> None:
    tissues, marks = head.tissues, head.landmarks
    s, chin = marks.size, marks.chin
    outline = smooth(
        jaw(
            chin
            + s * line((-0.5, 2), (-8, 1.5), (-8.2, 10), (-8.8, 20), (-7, 28.5), (-1, 31), (5, 28), (5.5, 21), (2, 12))
        ),
        closed=True,
    )
    canvas.fill(outline, tissues.bone)
    middle = jaw((chin + s * np.array([-2.0, 20.5]))[None])
    marrow = jaw(
        chin + s * line((-3, 7), (-5.5, 13), (-6, 21), (-4.5, 26.5), (-0.5, 28), (2.8, 25), (2.6, 20), (-0.5, 12))
    )
    canvas.fill(smooth(marrow, closed=True), tissues.marrow * 1.15)
    canvas.fill(0.35 * (marrow - marrow.mean(0)) + middle, tissues.marrow * 1.0)
    crown = contours.lower[12:16]
    root = np.concatenate([crown, jaw(chin + s * line((-3.2, 12), (-5.2, 12)))])
    canvas.fill(root, tissues.bone * 0.6)


def _larynx(canvas: Canvas, head: Head, contours: Contours) -> None:
    tissues, marks = head.tissues, head.landmarks
    s, foot, front = marks.size, contours.lower[0], contours.larynx
    hyoid = _hyoid(contours, marks)
    down = np.array([-8.0, 80.0])
    # Fat before the epiglottis, then thyroid and cricoid cartilage, then the windpipe's rings.
    fat = smooth(
        np.concatenate(
            [np.add(contours.larynx[3:4], (4, 1.5)), foot[None] + ((5, 0.5), (10 * s, 6), (5 * s, 15 * s), (0, 13 * s))]
        ),
        closed=True,
    )
    canvas.fill(fat, tissues.fat * 0.62)
    thyroid = smooth(
        np.concatenate(
            [
                foot[None] + ((13 * s, 8 * s), (15 * s, 10 * s)),
                np.add(front[:1], ((15 * s, -6), (11 * s, 0), (10 * s, -2))),
                foot[None] + ((9 * s, 16 * s),),
            ]
        ),
        closed=True,
    )
    canvas.fill(thyroid, tissues.bone * 2)
    canvas.fill(0.7 * thyroid + 0.3 * thyroid.mean(0), tissues.cartilage)
    ring = ellipse((float(front[0, 0]) + 4.2, float(front[0, 1]) + 3), (2.4, 4.2 * s), -8)
    canvas.fill(ring, tissues.cartilage)
    for index in range(6):
        centre = front[0] + (4.0 - 0.22 * index, 11 + 5.2 * index)
        canvas.fill(ellipse((float(centre[0]), float(centre[1])), (1.4, 1.8), 0, 10), tissues.muscle * 0.8)
    canvas.fill(outlines.arytenoid(contours, marks), tissues.mucosa * 0.8)
    plate = contours.back_wall[:1] + line((-3.2, 3), (-3.0, -9), (-5.5, -12), (-8, -6), (-8, 4))
    canvas.fill(smooth(plate, closed=True), tissues.cartilage * 0.8)
    canvas.stroke(
        line(*(marks.wall(y, -1.6) for y in (contours.back_wall[2, 1] + 16, BOTTOM))), tissues.muscle * 1.2, 3.2
    )
    canvas.stroke(np.concatenate([front[:1], front[:1] + down]), tissues.mucosa * 0.8, 1)
    canvas.fill(ellipse((float(hyoid[0]), float(hyoid[1])), (5.2 * s, 3.5 * s), -28), tissues.bone * 1.5)
    canvas.fill(ellipse((float(hyoid[0]), float(hyoid[1])), (4.0 * s, 2.4 * s), -28), tissues.marrow * 0.9)
    leaf = outlines.epiglottis(contours, marks)
    canvas.stroke(leaf[len(leaf) // 2 - 3 :], tissues.air * 8, 1.4)
    canvas.fill(leaf, tissues.mucosa * 0.9)


def _lips(canvas: Canvas, head: Head, contours: Contours, jaw: outlines.Jaw, rims: tuple[Outline, Outline]) -> None:
    tissues, marks = head.tissues, head.landmarks
    above, below = rims
    s, nose, chin = marks.size, subnasal(marks), marks.chin
    philtrum = smooth(np.concatenate([above[-1:], 0.6 * above[-1:] + 0.4 * nose + (-1.6 * s, -0.5), nose[None]]))
    upper = np.concatenate([above, philtrum, marks.gum + s * line((2, -15), (-1, -12)), marks.gum[None]])
    canvas.fill(upper, tissues.lip)
    canvas.stroke(
        np.concatenate([above[-8:], philtrum, nose[None] + s * line((0.5, -2), (4, -5))]) - (0.8, 0),
        tissues.fat * 0.9,
        1.8,
    )
    lower = np.concatenate([contours.lower[15:16], below, jaw(chin + s * line((10.5, 12), (5, 16), (1.5, 10)))])
    canvas.fill(lower, tissues.lip)
    canvas.stroke(np.concatenate([below[-8:], jaw(chin + s * line((11, 12)))]) - (0.8, 0), tissues.fat * 0.9, 1.8)


def _moved(head: Head, contours: Contours) -> NDArray[np.float32]:
    """Carry the tongue's texture along with the tongue: the affine map that best fits its surface and its foot."""
    marks = head.landmarks
    rest = pixels(np.concatenate([marks.tongue, np.repeat(marks.jaw, 4, axis=0)])) - 0.5
    now = pixels(np.concatenate([contours.tongue, np.repeat(contours.lower[12:16], 4, axis=0)])) - 0.5
    ones = np.ones((len(now), 1))
    # From the picture back to the texture; the ridge keeps the map near a plain shift.
    design = np.concatenate([now - now.mean(0), ones], 1)
    weight = design.T @ design + np.diag([2500.0, 2500.0, 0.0])
    target = design.T @ (rest - now)
    fitted = np.linalg.solve(weight, target)
    matrix = np.concatenate([(np.eye(2) + fitted[:2]).T, np.zeros((2, 1))], 1)
    corner = np.array([MOVING.left, MOVING.top], float)
    matrix[:, 2] = fitted[2] - now.mean(0) @ fitted[:2] + corner @ (np.eye(2) + fitted[:2])
    cv2 = opencv()
    size = (MOVING.right - MOVING.left, MOVING.bottom - MOVING.top)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(head.tongue_texture, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT))
