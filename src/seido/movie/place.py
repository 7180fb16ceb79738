"""Which rectangle of the first frame moves, and how large it is inside the network."""

from __future__ import annotations

import numpy as np

from seido.errors import BadInputError
from seido.movie.find_tract import find_tract, square
from seido.plan import Plan
from seido.values import Frame, Region

_NEARLY_WHOLE = 0.6
"""Where the found region takes this share of the frame, the frame was cut to the tract already."""
_NEARLY_TRUE = 0.2
"""A region whose side differs from the network's by no more than this share is taken pixel for pixel."""


def place(asked: str | None, plan: Plan, picture: Frame, *, search: bool = False, flip: bool = False) -> Region:
    """Decide which rectangle moves, in the frame as the model sees it.

    Parameters
    ----------
    asked
        "X,Y,W,H" in the picture as it is, "face", or None for the model's own.
    plan
        Of the model.
    picture
        The first frame.
    search
        Whether a vocal tract is looked for where the plan does not say where it is.
    flip
        Whether the model sees the picture mirrored.

    Raises BadInputError where the region does not fit.

    """
    shown = mirrored(picture) if flip else picture
    if not flip or asked is None or asked == "face":
        return choose_region(asked, plan, shown, search=search)
    region = choose_region(asked, plan, picture)
    return Region(picture.shape[1] - region.x - region.width, region.y, region.width, region.height)


def choose_region(
    asked: str | None, plan: Plan, picture: Frame, *, what: str = "the first frame", search: bool = False
) -> Region:
    """Decide which rectangle moves: the one asked for, the plan's, one that is found, or the whole frame.

    The plan's where the frame has the size trained on; the whole where it has the region's own size, or where the plan
    knows no region and nothing is found.
    """
    height, width = picture.shape[:2]
    if asked == "face":
        from seido.movie.face import find_face

        return find_face(picture)
    if asked is not None:
        return Region.parse(asked).within(height, width, what)
    if plan.region is not None and (height, width) == plan.frame_size:
        return plan.region
    if plan.region is not None and (height, width) == (plan.region.height, plan.region.width):
        return Region.whole(picture)
    found = tract_region(picture, plan) if search else None
    if found is not None:
        return found
    if plan.region is None:
        return Region.whole(picture)
    trained = f"{plan.frame_size[1]} × {plan.frame_size[0]}" if plan.frame_size else "other"
    raise BadInputError(
        f"{what} is {width} × {height} pixels, but the model was trained on {plan.region} of {trained} frames; "
        "give --region X,Y,W,H for where the vocal tract is in yours"
    )


def tract_region(picture: Frame, plan: Plan) -> Region | None:
    """Find the vocal tract of a head that looks left; None where it is not sure.

    The whole picture where it is little more than the tract; a square of the network's own size where that is nearly
    the size found, so that pixels stay what they are.
    """
    found = find_tract(picture)
    if not found.sure:
        return None
    region, side = found.region, plan.network.size
    if region.width * region.height >= _NEARLY_WHOLE * picture.shape[0] * picture.shape[1]:
        return Region.whole(picture)
    if abs(region.width / side - 1) <= _NEARLY_TRUE:
        return square(region.x + region.width / 2, region.y + region.height / 2, side, picture)
    return region


def inner_size(crop: Frame, plan: Plan, asked: int | None, *, given: bool) -> tuple[int, int]:
    """Tell the height and width at which a tract generator works on a region.

    A square of the plan's size for a square, and for a region that was `given`, as in training. A whole frame that is
    no square keeps its proportions, with the longer side of that size; so does any region with a size `asked` for.
    """
    height, width = crop.shape[:2]
    side = asked or plan.network.size
    if asked is None and (given or plan.region is not None or height == width):
        return side, side
    longer = max(height, width)
    return max(1, round(side * height / longer)), max(1, round(side * width / longer))


def mirrored(picture: Frame) -> Frame:
    """Mirror a picture (H, W) or (H, W, 3): left becomes right."""
    return np.ascontiguousarray(picture[:, ::-1])
