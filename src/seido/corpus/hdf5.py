"""Reconstructions in HDF5: the one stack of pictures in a file, read block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seido.errors import BadInputError, MissingExtraError
from seido.files import require_file
from seido.timebase import exact_rate

if TYPE_CHECKING:
    import h5py

SUFFIXES = {".h5", ".hdf5"}
_RATES = ("frame_rate", "fps", "rate")
_BROKEN = (OSError, RuntimeError, KeyError, ValueError, TypeError)
"""What h5py raises for damaged files."""
_BLOCK = 8 << 20
"""Bytes read at a time, about."""


@dataclass(frozen=True)
class Hdf5Pages:
    """The pictures of an HDF5 file, read when asked for."""

    path: Path
    dataset: str
    count: int
    rate: Fraction | None
    last: bool
    """Whether time is the last axis, (H, W, T), instead of the first."""
    turned: bool
    """Whether rows and columns are exchanged, as MATLAB leaves them for other programs."""

    @classmethod
    def of(cls, path: Path) -> Hdf5Pages:
        """Find the one three-dimensional dataset; raises BadInputError, MissingExtraError without h5py."""
        require_file(path)
        if find_spec("h5py") is None:
            raise MissingExtraError(f"{path}: reading HDF5", "corpora")
        import h5py

        try:
            with h5py.File(path, "r") as file:
                found = _stacks(file)
                if len(found) != 1:
                    held = f"{len(found)} stacks of pictures ({', '.join(found)})" if found else "no stack of pictures"
                    raise BadInputError(
                        f"{path}: it holds {held}; give a file with one dataset (frames, height, width)"
                    )
                dataset = file[found[0]]
                height, width, depth = dataset.shape
                last = height == width != depth
                rates = [dataset.attrs.get(name, file.attrs.get(name)) for name in _RATES]
                rate = next((exact_rate(_text(one)) for one in rates if one is not None), None)
                # The 75-speaker corpus was written by MATLAB, with its reconstruction's settings beside the pictures.
                turned = not last and "lambda_t" in file
                return cls(path, found[0], dataset.shape[2 if last else 0], rate, last, turned)
        except _BROKEN as error:
            raise _damaged(path) from error

    def __len__(self) -> int:
        return self.count

    def between(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        """Read pages start … stop − 1 at full depth; complex ones by their magnitude."""
        import h5py

        try:
            with h5py.File(self.path, "r") as file:
                dataset = file[self.dataset]
                step = max(1, _BLOCK // max(1, dataset.nbytes // self.count))
                for begin in range(start, stop, step):
                    end = min(begin + step, stop)
                    block = dataset[:, :, begin:end] if self.last else dataset[begin:end]
                    block = _magnitude(np.moveaxis(block, 2, 0) if self.last else block)
                    yield from block.swapaxes(1, 2) if self.turned else block
        except _BROKEN as error:
            raise _damaged(self.path) from error


def _stacks(file: h5py.File) -> list[str]:
    import h5py

    found: list[str] = []

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and len(item.shape) == 3 and min(item.shape) > 0 and _is_picture(item.dtype):
            found.append(name)

    file.visititems(visit)
    return found


def _is_picture(kind: np.dtype[Any]) -> bool:
    return kind.kind in "iufcb" or set(kind.names or ()) == {"real", "imag"}


def _magnitude(block: NDArray[Any]) -> NDArray[Any]:
    if block.dtype.names:
        return np.asarray(np.hypot(block["real"], block["imag"]))
    return np.asarray(np.abs(block)) if block.dtype.kind == "c" else block


def _text(value: Any) -> str:  # noqa: ANN401 - attributes are numbers, arrays of one, text or bytes
    single = np.asarray(value).ravel()[0]
    return single.decode() if isinstance(single, bytes) else str(single)


def _damaged(path: Path) -> BadInputError:
    return BadInputError(f"{path}: this HDF5 file is damaged or cut off; copy it again")
