"""What the tables of a scenario hold, read from their types: a walk over all figures."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import Meta

from reelbench.capacity.errors import ScenarioError
from reelbench.capacity.figure import Part, Quantity


@dataclass(frozen=True)
class Shape:
    """What a field holds: figures (``quantity``) or tables (``part``), one, listed or by name."""

    quantity: Quantity | None = None
    part: type[Part[Any]] | None = None
    many: str = ""


@functools.cache
def shapes(kind: type) -> dict[str, Shape]:
    """The fields of a table that hold figures or tables."""
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {field.name for field in msgspec.structs.fields(kind)}
    found = {name: _shape(hint) for name, hint in hints.items() if name in fields}
    return {name: shape for name, shape in found.items() if shape is not None}


def _shape(hint: Any, many: str = "") -> Shape | None:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        for meta in arguments[1:]:
            if isinstance(meta, Meta) and meta.extra and "quantity" in meta.extra:
                return Shape(quantity=meta.extra["quantity"], many=many)
        return _shape(arguments[0], many)
    if origin in (typing.Union, types.UnionType):
        return next(filter(None, (_shape(each, many) for each in arguments)), None)
    if origin is list:
        return _shape(arguments[0], "list")
    if origin is dict:
        return _shape(arguments[1], "table")
    if isinstance(origin, type) and issubclass(origin, Part):
        return Shape(part=origin, many=many)
    return None


def normalised(raw: Any, kind: type, path: str, name: str) -> Any:
    """Bare values of figures that the planner chooses, written in full."""
    if not isinstance(raw, dict):
        return raw
    result = dict(raw)
    for key, shape in shapes(kind).items():
        if key not in raw:
            continue
        at = f"{path}.{key}" if path else key
        value = raw[key]
        if shape.quantity and shape.many == "table" and isinstance(value, dict):
            result[key] = {
                each: _figure(of, shape.quantity, f"{at}.{each}", name)
                for each, of in value.items()
            }
        elif shape.quantity and not shape.many:
            result[key] = _figure(value, shape.quantity, at, name)
        elif shape.part and shape.many == "list" and isinstance(value, list):
            result[key] = [
                normalised(each, shape.part, _place(at, value, place), name)
                for place, each in enumerate(value)
            ]
        elif shape.part and not shape.many:
            result[key] = normalised(value, shape.part, at, name)
    return result


def _place(at: str, tables: list[Any], place: int) -> str:
    """The path of one of several tables: its name, or its number where it has none."""
    if len(tables) == 1:
        return at
    one = tables[place]
    named = one.get("name") if isinstance(one, dict) else None
    return f"{at}.{named}" if isinstance(named, str) else f"{at}[{place}]"


def _figure(value: Any, quantity: Quantity, path: str, name: str) -> Any:
    if isinstance(value, dict) or not isinstance(value, str | int | float | list):
        return value
    if quantity.choice and not isinstance(value, bool):
        return {"value": value, "kind": "chosen"}
    raise ScenarioError(
        name,
        f'field `{path}`: a figure needs its kind and source; write {{ value = "…", kind = '
        '"measured", "published" or "assumed", source = "…" }',
    )


def transform(part: Part[Any], change: Callable[[str, Quantity, Any], Any], path: str = "") -> Any:
    """The same tables with every figure replaced by what ``change`` makes of it.

    Args:
        part: A scenario, or a table of one.
        change: Given a figure's path, what it must be, and the figure.
        path: Of the table.
    """
    changes: dict[str, Any] = {}
    for key, shape in shapes(type(part)).items():
        value = getattr(part, key)
        at = f"{path}.{key}" if path else key
        if value is None:
            continue
        if shape.quantity and shape.many == "table":
            changes[key] = {
                each: change(f"{at}.{each}", shape.quantity, of) for each, of in value.items()
            }
        elif shape.quantity:
            changes[key] = change(at, shape.quantity, value)
        elif shape.many == "list":
            changes[key] = [
                transform(each, change, at if len(value) == 1 else f"{at}.{each.name}")
                for each in value
            ]
        else:
            changes[key] = transform(value, change, at)
    return msgspec.structs.replace(part, **changes)
