"""Pictures through Pillow: their arrays at full depth, with every failure turned into a sentence."""

from __future__ import annotations

import contextlib
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from seido.corpus.container import UnknownFormatError
from seido.corpus.picture import MAX_PIXELS, is_grey
from seido.errors import BadInputError
from seido.files import require_file

_FORMATS = ("PNG", "TIFF", "JPEG", "BMP", "GIF", "WEBP", "PPM")
_BROKEN = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, struct.error, zlib.error)
"""What Pillow raises for damaged files."""


@contextlib.contextmanager
def opened_image(path: Path) -> Iterator[Image.Image]:
    """Open a picture without decoding it; raises UnknownFormatError, or BadInputError when it is damaged or huge."""
    require_file(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd tags and of sizes; the size is checked below
        try:
            image = Image.open(path, formats=_FORMATS)
        except UnidentifiedImageError as error:
            raise UnknownFormatError(f"{path}: this is no picture; give PNG, TIFF, JPEG or BMP") from error
        except Image.DecompressionBombError as error:
            raise BadInputError(_huge(path)) from error
        except _BROKEN as error:
            raise BadInputError(_damaged(path)) from error
        with image:
            yield image


def page_array(path: Path, image: Image.Image, number: int = 0) -> NDArray[Any]:
    """Decode one page as shown: (H, W) of any depth, or RGB uint8 (H, W, 3); without alpha, palette or rotation."""
    pages = _count(path, image)
    if not 0 <= number < pages:
        raise BadInputError(f"{path}: it has {pages} pictures, numbered from 0; there is no number {number}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if image.tell() != number:
                image.seek(number)
            if image.width * image.height > MAX_PIXELS:
                raise BadInputError(_huge(path))
            image.load()
            return _plain(ImageOps.exif_transpose(image))
        except (*_BROKEN, MemoryError, Image.DecompressionBombError) as error:
            raise BadInputError(_damaged(path)) from error


def _count(path: Path, image: Image.Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except _BROKEN as error:
        raise BadInputError(_damaged(path)) from error


def _plain(image: Image.Image) -> NDArray[Any]:
    if image.mode in {"L", "F", "I"} or image.mode.startswith("I;16"):
        stored = np.array(image)
        # 16-bit files of either byte order; Pillow widens some of them to 32 bit.
        wide = stored.dtype.kind == "i" and stored.min() >= 0 and stored.max() < 1 << 16
        return stored.astype(np.uint16) if wide else stored.astype(stored.dtype.newbyteorder("="))
    if image.mode in {"1", "LA", "La"}:
        return np.array(image.convert("L"))
    # Straight to RGB, palette pictures with transparency would be blended; through RGBA they keep their colours.
    through = image.convert("RGBA") if image.mode in {"P", "PA", "RGBa"} else image
    rgb = np.array(through.convert("RGB"))
    return rgb[..., 1].copy() if is_grey(rgb) else rgb


@dataclass(frozen=True)
class TiffPages:
    """The pages of a TIFF file, read when asked for."""

    path: Path
    count: int

    @classmethod
    def of(cls, path: Path) -> TiffPages:
        """Count the pages of a file."""
        with opened_image(path) as image:
            return cls(path, _count(path, image))

    def __len__(self) -> int:
        return self.count

    def between(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        """Read pages start … stop − 1 at full depth."""
        with opened_image(self.path) as image:
            for number in range(start, stop):
                yield page_array(self.path, image, number)


def _huge(path: Path) -> str:
    return f"{path}: the picture has more than 100 megapixels; give a smaller one"


def _damaged(path: Path) -> str:
    return f"{path}: the picture is damaged or cut off; copy or export it again"
