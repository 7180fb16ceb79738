"""TrainOptions from the tables of a TOML file, checked name by name and type by type before anything is trained."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from seido.errors import BadInputError
from seido.training.options import TrainOptions

Table = Mapping[str, Any]
_TOLD: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text in quotation marks",
    Path: "a file's name in quotation marks",
    Fraction: 'a number, or a fraction like "1/4"',
    tuple: "a list of texts",
}


def check_options(table: Table, where: str, kind: type = TrainOptions) -> None:
    """Check that a table holds only options there are, each of its type; raises BadInputError naming the key."""
    hints = get_type_hints(kind)
    for name, value in table.items():
        if name not in hints:
            near = get_close_matches(name, hints, 1)
            cure = f"did you mean {near[0]}?" if near else "`seido train --help` lists those there are"
            raise BadInputError(f"{where}.{name}: there is no such option; {cure}")
        hint = hints[name]
        if is_dataclass(hint):
            if not isinstance(value, Mapping):
                raise BadInputError(f"{where}.{name}: give a table of options, like [{name}], got {value!r}")
            check_options(value, f"{where}.{name}", hint if isinstance(hint, type) else type(hint))
        elif not any(_fits(value, one) for one in _choices(hint)):
            raise BadInputError(f"{where}.{name}: give {_wanted(hint)}, got {value!r}")


def make_options(table: Table, where: str) -> TrainOptions:
    """Make the options of a table that has been checked; raises BadInputError naming `where` and key."""
    made: TrainOptions = _made(TrainOptions, table, where, "")
    return made


def merged(*tables: Table) -> dict[str, Any]:
    """Lay tables over each other, groups too; what comes later counts more.

    >>> merged({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 4}})
    {'a': 1, 'b': {'c': 4, 'd': 3}}
    """
    found: dict[str, Any] = {}
    for table in tables:
        for name, value in table.items():
            below = found.get(name)
            if isinstance(below, Mapping) and isinstance(value, Mapping):
                found[name] = merged(below, value)
            else:
                found[name] = value
    return found


def flat(table: Table, head: str = "") -> Iterator[tuple[str, Any]]:
    """List options with those of a group under its name and a dot.

    >>> dict(flat({"a": 1, "b": {"c": 2}}))
    {'a': 1, 'b.c': 2}
    """
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{head}{name}.")
        else:
            yield head + name, value


def _made(kind: Any, table: Table, where: str, group: str) -> Any:  # noqa: ANN401
    hints = get_type_hints(kind)
    values = {
        field.name: _made(hints[field.name], table[field.name], where, f"{group}{field.name}.")
        if is_dataclass(hints[field.name])
        else _plain(table[field.name])
        for field in fields(kind)
        if field.name in table
    }
    try:
        return kind(**values)
    except BadInputError as error:
        # Some groups name themselves in what they say.
        told = str(error)
        raise BadInputError(f"{where}.{told}" if told.startswith(group) else f"{where}.{group}{told}") from None


def _plain(value: Any) -> Any:  # noqa: ANN401
    return tuple(value) if isinstance(value, list) else value


def _choices(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """List the types that a value may have; None cannot be written in TOML."""
    several = get_args(hint) if get_origin(hint) in {Union, types.UnionType} else (hint,)
    return tuple(one for one in several if one is not type(None))


def _fits(value: object, hint: Any) -> bool:  # noqa: ANN401
    origin = get_origin(hint)
    if origin is Literal:
        return value in get_args(hint)
    if origin is tuple:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    if hint is bool:
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if hint is float:
        return isinstance(value, int | float)
    if hint is Fraction:
        return isinstance(value, int | float | str)
    return isinstance(value, str if hint is Path else hint)


def _wanted(hint: Any) -> str:  # noqa: ANN401
    told = []
    for one in _choices(hint):
        if get_origin(one) is Literal:
            told.append(" or ".join(str(choice) for choice in get_args(one)))
        else:
            told.append(_TOLD.get(get_origin(one) or one, str(one)))
    return " or ".join(told)
