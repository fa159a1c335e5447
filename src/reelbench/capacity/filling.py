"""What a scenario leaves out is taken from the defaults and from the catalogue of devices."""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from typing import Any

from reelbench.capacity.figure import Named
from reelbench.capacity.quantities import NUMBER
from reelbench.capacity.spread import parse_spread
from reelbench.capacity.tables import Raw

_FILLED = ("parallel", "network", "reliability", "power", "money")


@functools.cache
def _table(file: str) -> Raw:
    return tomllib.loads((resources.files("reelbench.capacity") / file).read_text("utf-8"))


def defaults() -> Raw:
    """Figures that are taken where a scenario says nothing, by table."""
    return _table("defaults.toml")


def devices() -> Raw:
    """The catalogue of devices, by kind."""
    return _table("devices.toml")


def default(path: str) -> Named:
    """A plain number of the defaults, such as ``mfu.tuned``."""
    table, key = path.split(".")
    figure = defaults()[table][key]
    share = "positive share" if table == "mfu" else "positive"
    spread, dimension = parse_spread(figure["value"], (NUMBER,), share)  # type: ignore[arg-type]
    kind, source, text = figure["kind"], figure["source"], figure["value"]
    return Named(path, spread, dimension, kind, source, text, given=False)


def filled(raw: Raw) -> Raw:
    """The scenario with defaults, and the row of its device, under what it gives itself.

    Tables that are none stay as they are, for the schema to refuse.
    """
    whole = dict(raw)
    for table in _FILLED:
        whole[table] = _under(defaults()[table], raw.get(table, {}))
    if isinstance(whole["money"], dict):
        chosen = whole["money"].get("commitment")
        discount = defaults()["discount"].get(chosen) if isinstance(chosen, str) else None
        if discount is not None:
            whole["money"].setdefault("discount", discount)
    if isinstance(device := raw.get("device"), dict):
        whole["device"] = _device(device)
    if isinstance(models := raw.get("model"), list):
        whole["model"] = [_under(defaults()["model"], each) for each in models]
    return whole


def _device(given: Raw) -> Raw:
    kind = given.get("kind")
    row = dict(devices().get(kind, {})) if isinstance(kind, str) else {}
    row.pop("name", None)
    whole = {**defaults()["device"], **row, **given}
    if "peak" in row or "peak" in given:
        whole["peak"] = _under(row.get("peak", {}), given.get("peak", {}))
    return whole


def _under(usual: Raw, given: Any) -> Any:
    return {**usual, **given} if isinstance(given, dict) else given
