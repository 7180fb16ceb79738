"""Models by name: those that come with seido, or files of the user's."""

from __future__ import annotations

from pathlib import Path

from seido.errors import BadInputError

WEIGHTS = Path(__file__).parent / "weights"
"""Where the bundled models lie, one safetensors file each."""
DEFAULT = "tract-phantom-1"
"""The model that is used unless another is named."""


def bundled_models() -> tuple[str, ...]:
    """List the models that come with seido, by name."""
    return tuple(sorted(path.stem for path in WEIGHTS.glob("*.safetensors")))


def find_model(name_or_path: str | Path) -> Path:
    """Find a checkpoint: a path as it is, else a bundled model's name; raises BadInputError listing those."""
    path = Path(name_or_path)
    if path.exists():
        return path
    names = bundled_models()
    if str(name_or_path) in names:
        return WEIGHTS / f"{name_or_path}.safetensors"
    if not names:
        cure = "none comes with this seido: train one (`seido demo --train` shows how) and name its file with --model"
    else:
        cure = f"choose one of {', '.join(names)}, or name a file of weights"
    raise BadInputError(f"{name_or_path}: there is no such model; {cure}")
