"""Reading an experiment's TOML file: every mistake is told in one sentence that names the file and the key."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from seido.errors import BadInputError
from seido.report.experiment.options import Table, check_options, flat, make_options, merged
from seido.report.experiment.plan import EACH, Arm, Experiment
from seido.scores.conditions import CONDITIONS
from seido.scores.rows import MEASURES

_OWN = ("title", "like", "seeds", "leave_out", "speakers", "share")
"""Keys of an arm that are no options of `seido train`."""
_INSTEAD = {"seed": "seeds", "speaker": "speakers", "without": "leave_out"}
"""Options of `seido train` that an experiment sets, and the key that asks for them."""
_TOP = {"defaults", "seeds", *(field.name for field in fields(Experiment))} - {"path"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def read_experiment(path: Path) -> Experiment:
    """Read an experiment's file; raises BadInputError naming the file and the key at fault."""
    raw = _toml(path)
    _only(raw, _TOP, f"{path}")
    seeds = _seeds(raw["seeds"], f"{path}: seeds") if "seeds" in raw else ()
    defaults = _table(raw, "defaults", path)
    _options_only(defaults, f"{path}: defaults")
    arms = _table(raw, "arms", path)
    if not arms:
        raise BadInputError(f"{path}: there are no arms; write [arms.NAME] for each thing to try")
    tables: dict[str, dict[str, Any]] = {}
    for name, table in arms.items():
        where = f"{path}: arms.{name}"
        if not _NAME.fullmatch(name):
            raise BadInputError(f"{where}: name arms with letters, digits, dots, - and _")
        if not isinstance(table, Mapping):
            raise BadInputError(f"{where}: write a table, [arms.{name}]")
        _options_only({key: value for key, value in table.items() if key not in _OWN}, where)
        tables[name] = dict(table)
    found = tuple(_arm(name, _inherited(name, tables, path), defaults, seeds, path) for name in tables)
    compare_with = _text(raw, "compare_with", path)
    scored = [arm.name for arm in found if arm.generates and not arm.leave_out]
    if compare_with and compare_with not in scored:
        raise BadInputError(
            f"{path}: compare_with: {compare_with!r} is no arm that is scored on all conditions; "
            f"choose from {', '.join(scored) or 'none'}"
        )
    clips = _text(raw, "clips", path)
    return Experiment(
        path=path,
        arms=found,
        title=_text(raw, "title", path),
        about=_texts(raw.get("about", []), f"{path}: about"),
        clips=Path(clips) if clips else None,
        clips_per_condition=_whole(raw, "clips_per_condition", path),
        spacing=_number(raw, "spacing", f"{path}"),
        scales=_scales(raw.get("scales", [1]), path),
        compare_with=compare_with,
        targets=_targets(_table(raw, "targets", path), path),
    )


def _arm(name: str, table: Table, defaults: Table, seeds: tuple[int, ...], path: Path) -> Arm:
    where = f"{path}: arms.{name}"
    told = {key: value for key, value in table.items() if key not in _OWN}
    options = make_options(merged(defaults, told), where)
    own = _seeds(table["seeds"], f"{where}.seeds") if "seeds" in table else seeds
    if not own:
        raise BadInputError(f"{where}: there are no seeds; write seeds = [0, 1, 2] at the top of the file or here")
    share = _number(table, "share", where)
    if share is not None and share > 1:
        raise BadInputError(f"{where}.share: give a share of the training clips, above 0 to 1, got {share:g}")
    if share is not None and options.clips is not None:
        raise BadInputError(f"{where}.share: it cannot be combined with clips; give one of them")
    speakers = table.get("speakers")
    if isinstance(speakers, list):
        speakers = _texts(speakers, f"{where}.speakers")
        if not speakers:
            raise BadInputError(f"{where}.speakers: the list is empty; name speakers or leave it out")
    elif speakers is not None and (not isinstance(speakers, int) or isinstance(speakers, bool) or speakers < 1):
        raise BadInputError(f"{where}.speakers: give a number of speakers, or a list of their names, got {speakers!r}")
    left = table.get("leave_out", [])
    leave_out = (EACH,) if left == EACH else _texts(left, f"{where}.leave_out", f'"{EACH}" or ')
    if leave_out and speakers is not None:
        raise BadInputError(f"{where}.leave_out: it cannot be combined with speakers; make two arms")
    title = _text(table, "title", where)
    return Arm(name, options, own, title, leave_out, speakers, share, dict(flat(told)))


def _inherited(name: str, tables: Mapping[str, Table], path: Path) -> Table:
    """Lay an arm over the one it is like, and that over the one that is like."""
    chain, at = [tables[name]], name
    seen = {name}
    while "like" in tables[at]:
        where = f"{path}: arms.{at}.like"
        following = tables[at]["like"]
        if not isinstance(following, str) or following not in tables:
            raise BadInputError(f"{where}: there is no arm {following!r}; name one of this file")
        if following in seen:
            raise BadInputError(f"{where}: {following} is like {name} in turn; leave one of them out")
        at = following
        seen.add(at)
        # What an arm is trained on and called is its own.
        chain.insert(0, {key: value for key, value in tables[at].items() if key not in _OWN or key == "seeds"})
    return merged(*chain)


def _options_only(table: Table, where: str) -> None:
    for key, instead in _INSTEAD.items():
        if key in table:
            raise BadInputError(f"{where}.{key}: an experiment chooses this itself; write {instead} instead")
    check_options(table, where)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read ({error.strerror}); name an experiment's TOML file") from error
    except ValueError as error:
        raise BadInputError(f"{path}: this is no TOML ({error}); docs/experiment.md shows a file") from error


def _only(table: Table, known: set[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise BadInputError(f"{where}: {key}: there is no such key; choose from {', '.join(sorted(known))}")


def _table(raw: Table, key: str, path: Path) -> Table:
    value = raw.get(key, {})
    if not isinstance(value, Mapping):
        raise BadInputError(f"{path}: {key}: write a table, [{key}], got {value!r}")
    return value


def _text(raw: Table, key: str, where: Path | str) -> str:
    value = raw.get(key, "")
    if not isinstance(value, str):
        raise BadInputError(f"{where}: {key}: give text in quotation marks, got {value!r}")
    return value


def _texts(value: object, where: str, more: str = "") -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(one, str) and one for one in value):
        return tuple(value)
    raise BadInputError(f"{where}: give {more}a list of texts in quotation marks, got {value!r}")


def _whole(raw: Table, key: str, where: Path | str) -> int | None:
    value = raw.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise BadInputError(f"{where}: {key}: give a whole number from 1 on, got {value!r}")


def _number(raw: Table, key: str, where: str) -> float | None:
    value = raw.get(key)
    if value is None:
        return None
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
    if not known:
        raise BadInputError(f"{where}: {key}: give a number above 0, got {value!r}")
    return float(value)


def _seeds(value: object, where: str) -> tuple[int, ...]:
    whole = isinstance(value, list) and all(isinstance(one, int) and not isinstance(one, bool) for one in value)
    if not isinstance(value, list) or not whole or not value or min(value) < 0 or len(set(value)) < len(value):
        raise BadInputError(f"{where}: give a list of different whole numbers from 0 on, like [0, 1, 2], got {value!r}")
    return tuple(value)


def _scales(value: object, path: Path) -> tuple[int, ...]:
    whole = isinstance(value, list) and all(isinstance(one, int) and not isinstance(one, bool) for one in value)
    if not isinstance(value, list) or not whole or not value or min(value) < 1 or len(set(value)) < len(value):
        raise BadInputError(f"{path}: scales: give a list of different whole numbers from 1 on, got {value!r}")
    return tuple(value)


def _targets(table: Table, path: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    names = [measure.name for measure in MEASURES]
    for condition, values in table.items():
        where = f"{path}: targets.{condition}"
        if condition not in CONDITIONS:
            raise BadInputError(f"{where}: there is no such condition; choose from {'; '.join(CONDITIONS)}")
        if not isinstance(values, Mapping):
            raise BadInputError(f"{where}: write a table of measures and numbers, got {values!r}")
        found[condition] = {}
        for name, value in values.items():
            if name not in names:
                raise BadInputError(f"{where}.{name}: there is no such measure; choose from {', '.join(names)}")
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise BadInputError(f"{where}.{name}: give a number, got {value!r}")
            found[condition][name] = float(value)
    return found
