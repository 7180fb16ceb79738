"""Reading one frame: from a picture, an array, or out of a movie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.corpus.container import UnknownFormatError
from seido.corpus.depth import PERCENTILE, scaled, window
from seido.corpus.image import opened_image, page_array
from seido.corpus.picture import MAX_PIXELS, is_grey
from seido.corpus.stack import load_array
from seido.corpus.video import movie_frames
from seido.errors import BadInputError, SeidoError
from seido.files import require_file
from seido.values import Frame, check_frame

_ARRAYS = {".npy", ".npz"}


def read_frame(path: Path | str, index: int = 0) -> Frame:
    """Read one frame: uint8 (H, W) grey or (H, W, 3) RGB.

    Parameters
    ----------
    path
        PNG, TIFF, JPEG or BMP; `.npy` or `.npz`; or a movie. RGB whose channels agree becomes grey, alpha is
        dropped, palettes are resolved, EXIF orientation is applied. Deeper than 8 bit, black is 0 and white the
        99.7th percentile of this frame.
    index
        The page of a TIFF, the frame of a stack or movie, from 0.

    Raises
    ------
    BadInputError
        When the file is missing, empty, cut off, no picture, over 100 megapixels, or has no such frame.

    """
    path = require_file(Path(path))
    if path.suffix.lower() in _ARRAYS:
        return _eight_bit(path, _frame_of(path, load_array(path), index))
    try:
        with opened_image(path) as image:
            return _eight_bit(path, page_array(path, image, index))
    except UnknownFormatError:
        pass
    try:
        return next(iter(movie_frames(path, index, index + 1)))
    except UnknownFormatError:
        raise BadInputError(
            f"{path}: this is neither a picture nor a movie; give PNG, TIFF, JPEG, BMP or mp4"
        ) from None


def _frame_of(path: Path, array: NDArray[Any], index: int) -> NDArray[Any]:
    colour = array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8
    single = array.ndim == 2 or colour
    count = 1 if single else len(array) if array.ndim else 0
    if array.ndim not in {2, 3, 4} or (array.ndim == 4 and (array.shape[3] != 3 or array.dtype != np.uint8)):
        raise BadInputError(f"{path}: a frame should be (H, W), a stack (T, H, W), got {array.dtype} {array.shape}")
    if not 0 <= index < count:
        raise BadInputError(f"{path}: it has {count} frames, numbered from 0; there is no number {index}")
    frame = np.array(array if single else array[index])
    if not 0 < frame.shape[0] * frame.shape[1] <= MAX_PIXELS:
        raise BadInputError(f"{path}: its shape is {array.shape}; give a frame with pixels, under 100 megapixels")
    return frame


def _eight_bit(path: Path, frame: NDArray[Any]) -> Frame:
    if frame.ndim == 3 and is_grey(frame):
        frame = frame[..., 1].copy()
    if frame.dtype != np.uint8:
        try:
            frame = scaled(frame, *window(iter([frame]), 1, PERCENTILE))
        except SeidoError as error:
            raise type(error)(f"{path}: {error}") from None
    return check_frame(frame, str(path))
