"""One speaker's head without its speech: the pictures painted once, and how tissue is uneven."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.phantom.anatomy import Anatomy
from seido.phantom.backdrop import paint_backdrop
from seido.phantom.bones import paint_palate
from seido.phantom.canvas import FINE, SIZE, WHITE, Painting, opencv, pixels, shrink, soften
from seido.phantom.contours import Contours
from seido.phantom.landmarks import MOVING, Landmarks, Tissues, landmarks_of


@dataclass(frozen=True)
class Head:
    """One speaker's head without its speech; made by `head_of`."""

    anatomy: Anatomy
    tissues: Tissues
    landmarks: Landmarks
    still: NDArray[np.float32]
    """The picture without its moving parts, (256, 256), white being 1."""
    behind: Painting
    """What lies behind the moving parts, fine pixels of MOVING."""
    palate: Painting
    """Hard palate and upper incisor, fine pixels of MOVING."""
    palate_mask: NDArray[np.bool_]
    texture: NDArray[np.float32]
    """Unevenness of tissue about 1, (256, 256)."""
    tongue_texture: NDArray[np.float32]
    """Unevenness of the tongue at rest about 1, (256, 256)."""

    def __post_init__(self) -> None:
        if self.texture.shape != (SIZE, SIZE) or self.tongue_texture.shape != (SIZE, SIZE):
            raise BadInputError(f"a head's textures should be {SIZE} × {SIZE}, got {self.texture.shape}")


def head_of(anatomy: Anatomy, rest: Contours) -> Head:
    """Draw from the anatomy's seed what does not move; `rest` are its outlines in the neutral vowel.

    Raises MissingExtraError when OpenCV is not installed.
    """
    random = np.random.default_rng(anatomy.seed)
    tissues = Tissues.drawn(random)
    landmarks = landmarks_of(anatomy, rest, np.clip(random.standard_normal(32), -1.5, 1.5))
    palate, palate_mask = paint_palate(tissues, landmarks)
    backdrop = paint_backdrop(tissues, landmarks, random)
    texture = 1 + 0.055 * _noise(random, ((0.5, 0.7), (0.6, 1.8), (0.6, 6.0)))
    return Head(
        anatomy,
        tissues,
        landmarks,
        shrink(soften(backdrop)) / np.float32(WHITE),
        np.ascontiguousarray(MOVING.of(backdrop, FINE)),
        palate,
        palate_mask,
        texture.astype(np.float32),
        _tongue_texture(landmarks, random),
    )


def _noise(random: np.random.Generator, scales: tuple[tuple[float, float], ...]) -> NDArray[np.float32]:
    """Make smooth noise of standard deviation 1 (256, 256) from (weight, mm) pairs."""
    cv2 = opencv()
    total = np.zeros((SIZE, SIZE), np.float32)
    for weight, width in scales:
        layer = cv2.GaussianBlur(random.standard_normal((SIZE, SIZE)).astype(np.float32), (0, 0), width)
        total += np.float32(weight / layer.std()) * layer
    return np.asarray(total / total.std(), np.float32)


def _tongue_texture(landmarks: Landmarks, random: np.random.Generator) -> NDArray[np.float32]:
    """Make flecks, and the genioglossus' fibres that fan out from the chin."""
    root = pixels((landmarks.chin + np.array([-9.0, 14.0]) * landmarks.size)[None])[0]
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    away = np.hypot(x - root[0], y - root[1])
    angle = np.arctan2(y - root[1], x - root[0])
    wobble = 0.4 * _noise(random, ((1.0, 5.0),))
    fan = np.sin(34 * angle + wobble + 2 * landmarks.shape[0]) * np.clip(away / 20, 0, 1)
    flecks = _noise(random, ((0.6, 0.8), (0.8, 1.7), (0.5, 6.0)))
    return np.asarray(1 + 0.09 * flecks + 0.05 * fan, np.float32)
