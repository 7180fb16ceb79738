"""Writing so that a result is there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from seido.errors import BadInputError, OutputError

_TEMPORARY = ".seido-"
"""What temporary names begin with, so that only they are swept."""
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def describe_os_error(path: Path, error: OSError) -> str:
    """Say in one sentence why `path` could not be written and what to do."""
    if error.errno in _NO_ROOM:
        return f"{path}: no room left to write it; free some space or choose another place"
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"{path}: writing there is not allowed; choose another place or change its permissions"
    return f"{path}: cannot be written ({error.strerror or error}); choose another place"


def require_file(path: Path) -> Path:
    """Check that `path` is a file with something in it; raises BadInputError otherwise."""
    try:
        size = path.stat().st_size
    except OSError:
        raise BadInputError(f"{path}: there is no such file; check the name") from None
    if path.is_dir():
        raise BadInputError(f"{path}: this is a folder; name a file in it")
    if size == 0:
        raise BadInputError(f"{path}: the file is empty; give one with something in it")
    if not os.access(path, os.R_OK):
        raise BadInputError(f"{path}: reading it is not allowed; change its permissions")
    return path


def require_parent(path: Path) -> Path:
    """Check that the folder `path` will be written to is there and can be written; raises OutputError."""
    parent = path.absolute().parent
    if not parent.is_dir():
        raise OutputError(f"{path}: its folder {parent} does not exist; create it or choose another place")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: writing to the folder {parent} is not allowed; choose another place")
    if path.is_dir():
        raise OutputError(f"{path}: this is a folder; name the file to write")
    return path


def make_folder(folder: Path) -> None:
    """Make a folder, and those it is in, where they are missing; raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(describe_os_error(folder, error)) from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`, and rename it to `path` if all went well.

    The temporary name keeps the suffix, so that writers who go by it still work. On any exception, Ctrl-C
    included, the temporary file is removed and `path` stays as it was. Raises OutputError when the folder is
    missing or cannot be written, or the disk is full.
    """
    require_parent(path)
    try:
        handle, name = tempfile.mkstemp(
            dir=path.absolute().parent, prefix=f"{_TEMPORARY}{path.stem}-", suffix=path.suffix
        )
    except OSError as error:
        raise OutputError(describe_os_error(path, error)) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        raise OutputError(describe_os_error(path, error)) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def swept(folder: Path) -> Iterator[None]:
    """Remove what killed writers left half-written under a folder, before and after; other hidden files stay."""
    _sweep(folder)
    try:
        yield
    finally:
        _sweep(folder)


def _sweep(folder: Path) -> None:
    for left in folder.rglob(f"{_TEMPORARY}*"):
        if left.is_file():
            left.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def linked(path: Path, link: Path) -> Path:
    """Give a file a second name, so that it lasts as long as whoever needs it; a copy where links cannot be had."""
    try:
        os.link(path, link)
    except OSError:
        shutil.copyfile(path, link)
    return link


def sha256(path: Path) -> str:
    """Hash a file's bytes; hexadecimal SHA-256."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
