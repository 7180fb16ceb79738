"""From outlines to articulators: each with a fixed number of points, so that they stack over time."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError
from seido.phantom.contours import Contours, Outline

VERTICES = {
    "back_wall": 9,
    "uvula": 8,
    "upper": 27,
    "larynx": 5,
    "epiglottis": 8,
    "lower": 25,
    "tongue": 37,
    "tongue_side": 37,
}
"""Vertices of each outline; the engine draws the same ones in every shape of every speaker, so they are landmarks."""
UVULA_TIP = 3
PALATE_REAR, PALATE_BONE, UPPER_GUM, UPPER_EDGE, UPPER_LABIAL_GUM = 4, 7, 14, 15, 17
"""Vertices of `upper`: where velum and palate meet, the rearmost that the velum never moves, the gum behind the
incisor, the incisor's rear lower edge, and the gum before it."""
UPPER_LIP, UPPER_LIP_RED, UPPER_END = 18, 21, 26
"""Further on: where the lip begins, where its lining turns into its red, and where it ends outside."""
FLOOR_REAR, LOWER_GUM, LOWER_EDGE, LOWER_LABIAL_GUM, LOWER_LIP, LOWER_LIP_RED, LOWER_END = 4, 12, 13, 15, 16, 19, 24
"""The same of `lower`; the floor of the mouth begins where the jaw does."""
APEX, UNDERSIDE_END = 31, 36
"""Ribs of the tongue: the foremost one of its tip, and the one where its underside meets the floor."""
GLOTTIS, LARYNX_TOP, EPIGLOTTIS_FOOT, VELUM_HEIGHT = 0, 2, 3, 8
"""Levels on `back_wall`: the vocal folds, the arytenoids' top at the rear wall, and the wall's highest vertex. On
`larynx` the vocal folds are first too, and the epiglottis' foot has its own vertex."""


@dataclass(frozen=True)
class _Piece:
    """Vertices `first` … `last` of an outline, cut into `steps` of equal length."""

    outline: str
    first: int
    last: int
    steps: int


_PIECES: dict[str, tuple[_Piece, ...]] = {
    "tongue": (_Piece("tongue", 0, APEX, 39),),
    "tongue_underside": (_Piece("tongue", APEX, UNDERSIDE_END, 9),),
    "upper_lip": (_Piece("upper", UPPER_LIP, UPPER_LIP_RED, 7), _Piece("upper", UPPER_LIP_RED, UPPER_END, 8)),
    "lower_lip": (_Piece("lower", LOWER_LIP, LOWER_LIP_RED, 7), _Piece("lower", LOWER_LIP_RED, LOWER_END, 8)),
    "velum": (
        _Piece("uvula", 0, UVULA_TIP, 4),
        _Piece("uvula", UVULA_TIP, 7, 4),
        _Piece("upper", 0, PALATE_REAR, 15),
    ),
    "hard_palate": (_Piece("upper", PALATE_REAR, PALATE_BONE, 7), _Piece("upper", PALATE_BONE, UPPER_GUM, 16)),
    "upper_incisor": (
        _Piece("upper", UPPER_GUM, UPPER_EDGE, 3),
        _Piece("upper", UPPER_EDGE, UPPER_EDGE + 1, 1),
        _Piece("upper", UPPER_EDGE + 1, UPPER_LABIAL_GUM, 3),
    ),
    "lower_incisor": (
        _Piece("lower", LOWER_GUM, LOWER_EDGE, 3),
        _Piece("lower", LOWER_EDGE, LOWER_EDGE + 1, 1),
        _Piece("lower", LOWER_EDGE + 1, LOWER_LABIAL_GUM, 3),
    ),
    "mouth_floor": (_Piece("lower", FLOOR_REAR, LOWER_GUM, 11),),
    "pharynx_wall": (_Piece("back_wall", LARYNX_TOP, VELUM_HEIGHT, 19),),
    "epiglottis": (_Piece("epiglottis", 0, 3, 6), _Piece("epiglottis", 4, 7, 5)),
    "arytenoids": (_Piece("back_wall", GLOTTIS, 1, 4), _Piece("back_wall", 1, LARYNX_TOP, 3)),
    "larynx": (_Piece("larynx", GLOTTIS, EPIGLOTTIS_FOOT, 7),),
}
ARTICULATORS: dict[str, int] = {name: sum(piece.steps for piece in pieces) + 1 for name, pieces in _PIECES.items()} | {
    "vocal_folds": 2
}
"""Points of each articulator, by name."""


def articulators(contours: Contours) -> dict[str, NDArray[np.float32]]:
    """Cut one moment's outlines into `ARTICULATORS`, each float32 (points, 2), mm as in the outlines.

    Between landmarks, which are vertices of the engine's, points lie at equal steps along the outline, so that a
    point is about the same flesh at all times:

    - tongue: its mid-line from the hyoid to the foremost point of the tip; tongue_underside: from there to the
      floor of the mouth, where the engine draws stand-ins rather than flesh
    - upper_lip, lower_lip: from the gum over the lining to the red, then to where the engine ends them outside
    - velum: down the uvula's rear face to its tip (point 4), up its front face (point 8), along the oral face to
      the hard palate; the nasal face above the uvula is not drawn by the engine
    - hard_palate: from the engine's origin to the gum; behind point 7 the velum still pulls at it by up to 4 mm
    - upper_incisor, lower_incisor: rear face, edge (points 3 and 4), front face
    - mouth_floor: from the jaw's rear end to the gum behind the incisor, moving with the jaw
    - pharynx_wall: from the arytenoids' top to the height at which the uvula hangs; both ends move along a straight
      wall that does not, so here points are places, not flesh
    - epiglottis: rear face from its foot to its tip (point 6), front face back
    - larynx: front from the vocal folds to the epiglottis' foot; arytenoids: rear from the vocal folds (top: point
      4) to the pharynx' wall; vocal_folds: rear and front end

    Raises BadInputError for outlines that this engine did not draw.
    """
    check_vertices(contours)
    out = {name: _joined(contours, pieces) for name, pieces in _PIECES.items()}
    out["vocal_folds"] = np.stack([contours.back_wall[GLOTTIS], contours.larynx[GLOTTIS]]).astype(np.float32)
    return out


def check_vertices(contours: Contours) -> None:
    """Check that outlines have the engine's vertices; raises BadInputError."""
    for field in fields(contours):
        if field.name in VERTICES:
            outline = getattr(contours, field.name)
            if outline.shape != (VERTICES[field.name], 2) or not np.isfinite(outline).all():
                raise BadInputError(
                    f"outline {field.name} should be ({VERTICES[field.name]}, 2) finite numbers, as this version of "
                    f"the phantom's engine draws it, got shape {outline.shape}"
                )


def resampled(outline: Outline, steps: int) -> Outline:
    """Give `steps` + 1 points (x, y) at equal distances along an outline, both ends included.

    >>> resampled(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 3.0]]), 2).tolist()
    [[0.0, 0.0], [1.0, 1.0], [1.0, 3.0]]
    """
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(outline, axis=0).T))])
    at = np.linspace(0.0, along[-1], steps + 1)
    return np.stack([np.interp(at, along, outline[:, 0]), np.interp(at, along, outline[:, 1])], axis=1)


def _joined(contours: Contours, pieces: tuple[_Piece, ...]) -> NDArray[np.float32]:
    parts = [resampled(getattr(contours, piece.outline)[piece.first : piece.last + 1], piece.steps) for piece in pieces]
    return np.concatenate([*(part[:-1] for part in parts), parts[-1][-1:]]).astype(np.float32)
