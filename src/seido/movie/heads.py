"""Reference frames that come with seido: heads of the phantom, nobody's data."""

from __future__ import annotations

from pathlib import Path

from seido.corpus.still import read_frame
from seido.errors import BadInputError
from seido.values import Frame

HEADS = Path(__file__).parent.parent / "heads"
"""Where they lie, a PNG each."""
NAMES = ("man", "woman", "adolescent")
"""What they are called: 128 × 128 pixels round the vocal tract, and as NAME-whole the head, 256 × 256; 1 mm each."""
WHOLE = "-whole"


def bundled_heads() -> tuple[str, ...]:
    """List the heads that come with seido, by name: each as its vocal tract, then as the whole head."""
    return (*NAMES, *(name + WHOLE for name in NAMES))


def find_head(name_or_path: str | Path) -> Path:
    """Find a first frame: a file as it is, else a bundled head's name; raises BadInputError listing those."""
    path = Path(name_or_path)
    if path.exists():
        return path
    if str(name_or_path) in bundled_heads():
        return HEADS / f"{name_or_path}.png"
    raise BadInputError(
        f"{name_or_path}: there is no such file, nor a bundled head of that name; check the name, or give one of "
        f"{', '.join(bundled_heads())}"
    )


def read_head(name_or_path: str | Path) -> Frame:
    """Read the first frame from a file, or a bundled head by its name; raises BadInputError as read_frame does."""
    return read_frame(find_head(name_or_path))
