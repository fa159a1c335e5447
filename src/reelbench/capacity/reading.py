"""Reads scenario files, which come from elsewhere and are not trusted.

Only regular files of a limited size are read; every key is checked against the schema; an error is
one line that names the file, the field and what to do. Defaults and the catalogue of devices fill
in what a scenario leaves out, and are listed with the assumptions of every answer they enter.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from reelbench.capacity.changes import change, located, paths
from reelbench.capacity.errors import ScenarioError
from reelbench.capacity.figure import Figure, Named, Quantity
from reelbench.capacity.filling import filled
from reelbench.capacity.quantities import QuantityError, digits, dimension_of
from reelbench.capacity.scenario import Scenario
from reelbench.capacity.shapes import normalised, transform
from reelbench.capacity.spread import parse_spread
from reelbench.capacity.tables import Raw, decode, read_bytes

_NEEDED = {
    "assumed": "an assumed figure says why",
    "published": "a published figure says where",
    "measured": "a measured figure says of what and when",
}


def load(path: str | Path, changes: Mapping[str, str] | None = None) -> Scenario[Named]:
    """Read a scenario file.

    Args:
        path: A TOML file.
        changes: Values that replace the file's, by path, such as ``{"device.count": "512"}``.

    Raises:
        ScenarioError: It cannot be read, or a field of it makes no sense.
    """
    return parse(read_bytes(Path(path), str(path)), str(path), changes)


def parse(data: bytes, name: str, changes: Mapping[str, str] | None = None) -> Scenario[Named]:
    """Check the bytes of a scenario file; ``name`` is what errors call it."""
    return parse_tables(decode(data, name), name, changes)


def parse_tables(raw: Raw, name: str, changes: Mapping[str, str] | None = None) -> Scenario[Named]:
    """Check the tables of a scenario file."""
    for path, value in (changes or {}).items():
        change(raw, path, value, name)
    given = set(paths(raw))
    plain = normalised(filled(raw), Scenario, "", name)
    try:
        scenario = msgspec.convert(plain, Scenario[Figure])
    except msgspec.ValidationError as error:
        raise ScenarioError(name, located(str(error))) from None
    _check_names(scenario, name)
    return resolve(scenario, name, given)


def resolve(scenario: Scenario[Figure], name: str, given: set[str]) -> Scenario[Named]:
    """Read every figure's text.

    Raises:
        ScenarioError: A figure is in the wrong unit, makes no sense, or lacks its source.
    """

    def read(path: str, quantity: Quantity, figure: Figure) -> Named:
        if figure.kind == "chosen" and not quantity.choice:
            raise ScenarioError(
                name,
                f"field `{path}`: is nothing to choose; say whether it is measured, published "
                "or assumed",
            )
        if figure.kind != "chosen" and not figure.source.strip():
            what = _NEEDED[figure.kind]
            raise ScenarioError(name, f"field `{path}`: source is missing; {what}")
        units = tuple(map(dimension_of, quantity.units))
        try:
            spread, dimension = parse_spread(
                figure.value, units, quantity.domain, figure.distribution, figure.mode
            )
        except QuantityError as error:
            needed = quantity.units[0] or "plain number"
            raise ScenarioError(name, f"field `{path}`: {error} (a {needed} is expected)") from None
        source = figure.source or "the planner's choice"
        return Named(
            path, spread, dimension, figure.kind, source, _as_written(figure.value), path in given
        )

    return transform(scenario, read)


def _as_written(value: str | float | list[str | float]) -> str:
    if isinstance(value, list):
        shown = ", ".join(map(str, value[:4]))
        return f"one of {shown}{', …' if len(value) > 4 else ''}"
    return digits(value) if isinstance(value, int | float) else value


def _check_names(scenario: Scenario[Figure], name: str) -> None:
    seen = set()
    for model in scenario.model:
        if model.name in seen:
            raise ScenarioError(name, f"field `model`: two are called {model.name!r}")
        seen.add(model.name)


def figures(scenario: Scenario[Named]) -> dict[str, Named]:
    """Every figure of a scenario by its name and its path, which differ for usual MFUs only."""
    found: dict[str, Named] = {}

    def keep(path: str, _: Quantity, figure: Named) -> Named:
        found[figure.name] = found[path] = figure
        return figure

    transform(scenario, keep)
    return found
