"""Options from a TOML file and from `--set NAME=VALUE`, beneath those on the command line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from cyclopts import App, ArgumentCollection
from cyclopts.config import Dict

from seido.errors import BadInputError

_SHORT = {"lr": "learning_rate"}


def from_settings(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Fill in what the command line leaves open, first from --set, then from the file that --config names.

    Raises BadInputError for a setting without a value and a file that cannot be read, CycloptsError for names that
    are no options.
    """
    verb = commands[-1]
    settings: dict[str, Any] = {}
    for text in _given(arguments, "--set"):
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise BadInputError(f"--set {text}: write NAME=VALUE, like losses.structure=0.1")
        _put(settings, name.strip().removeprefix(f"{verb}.").split("."), value.strip())
    if settings:
        Dict(settings, source="--set", use_commands_as_keys=False)(app, commands, arguments)
    for path in _given(arguments, "--config"):
        Dict(_read(path), source=path, use_commands_as_keys=False)(app, commands, arguments)


def _read(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read ({error.strerror}); name a TOML file of options") from error
    except ValueError as error:
        raise BadInputError(f"{path}: this is no TOML ({error}); write lines like steps = 5000") from error


def _given(arguments: ArgumentCollection, name: str) -> list[str]:
    return [token.value for argument in arguments if argument.name == name for token in argument.tokens]


def _put(settings: dict[str, Any], names: list[str], value: str) -> None:
    *groups, last = (_SHORT.get(name, name) for name in names)
    for group in groups:
        settings = settings.setdefault(group, {})
    settings[last] = value
