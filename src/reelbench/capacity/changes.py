"""Paths into a scenario file: what it gives, what ``--set`` changes, where an error is."""

from __future__ import annotations

import difflib
import re
from typing import Any

import msgspec

from reelbench.capacity.errors import ScenarioError
from reelbench.capacity.figure import Figure, Quantity
from reelbench.capacity.scenario import Scenario
from reelbench.capacity.shapes import shapes
from reelbench.capacity.tables import Raw

_WORDS = frozenset(
    (
        *("kind", "format", "mode", "commitment", "boundary", "code", "mfu_of", "schedule"),
        *("catalogue", "title"),
    )
)

_SWITCHES = frozenset(("extrapolate", "sharded"))


def paths(raw: Raw, path: str = "") -> list[str]:
    """Paths of everything in the file, models by their names."""
    found: list[str] = []
    for key, value in raw.items():
        at = f"{path}.{key}" if path else key
        found.append(at)
        if isinstance(value, dict):
            found += paths(value, at)
        elif isinstance(value, list):
            tables = [each for each in value if isinstance(each, dict)]
            for each in tables:
                found += paths(each, at if len(value) == 1 else f"{at}.{each.get('name')}")
    return found


def change(raw: Raw, path: str, value: str, name: str) -> None:
    """Set one value of the tables, such as ``device.count`` or ``model.NAME.epochs``.

    What the planner chooses is set bare; any other figure becomes an assumption.

    Raises:
        ScenarioError: The path leads nowhere.
    """
    keys = path.split(".")
    table = raw
    while len(keys) > 1:
        below = table.setdefault(keys[0], {})
        if isinstance(below, list):
            below, keys = _chosen(below, keys, path, name)
        if not isinstance(below, dict):
            raise ScenarioError(name, f"field `{path}`: `{keys[0]}` is no table")
        table, keys = below, keys[1:]
    key, quantity = keys[0], _quantity_at(path)
    chosen = quantity is not None and quantity.choice and not isinstance(table.get(key), dict)
    if key in _SWITCHES:
        if value not in ("true", "false"):
            raise ScenarioError(name, f"field `{path}`: is true or false")
        table[key] = value == "true"
    elif key in _WORDS or chosen:
        table[key] = value
    else:
        table[key] = {"value": value, "kind": "assumed", "source": "set on the command line"}


def _chosen(tables: list[Any], keys: list[str], path: str, name: str) -> tuple[Any, list[str]]:
    """The table that a path means, and the path with the table's own name taken out."""
    for each in tables:
        if isinstance(each, dict) and len(keys) > 2 and each.get("name") == keys[1]:
            return each, keys[1:]
    if len(tables) != 1:
        known = ", ".join(str(each.get("name")) for each in tables[:6] if isinstance(each, dict))
        raise ScenarioError(
            name, f"field `{path}`: say which of {known}, as in {keys[0]}.NAME.FIELD"
        )
    return tables[0], keys


def _quantity_at(path: str) -> Quantity | None:
    """What the figure at a path must be, names of models left out."""
    kind: type = Scenario
    for key in path.split("."):
        shape = shapes(kind).get(key)
        if shape is not None and shape.quantity:
            return shape.quantity
        if shape is not None and shape.part:
            kind = shape.part
    return None


def located(message: str) -> str:
    """Msgspec's ``problem - at `$.a[0].b` `` as a field and a problem."""
    found = re.fullmatch(r"(.*?)(?: - at `(?:key in )?\$\.?(.*)`)?", message, re.DOTALL)
    problem, field = found.groups() if found else (message, None)
    unknown = re.search(r"unknown field `(.*)`", problem, re.DOTALL)
    if unknown:
        key = unknown[1]
        at = f"{field}.{key}" if field else key
        near = _nearest(key, field or "")
        return f"field `{at}`: there is no such field" + (f"; did you mean {near}?" if near else "")
    missing = re.search(r"missing required field `(.*)`", problem, re.DOTALL)
    if missing:
        at = f"{field}.{missing[1]}" if field else missing[1]
        return f"field `{at}`: is missing"
    return f"field `{field or '(top level)'}`: {problem}"


def _nearest(key: str, field: str) -> str:
    kind: type = Scenario
    for part in re.findall(r"[A-Za-z_]\w*", field):
        shape = shapes(kind).get(part)
        if shape is None:
            break
        if shape.quantity:
            kind = Figure
        elif shape.part:
            kind = shape.part
    names = [each.encode_name for each in msgspec.structs.fields(kind)]
    return next(iter(difflib.get_close_matches(key, names, 1)), "")
