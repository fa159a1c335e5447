"""Quantities with units as text: parsed here, printed here; inside, everything is in base units.

The bases are second, joule, byte, FLOP, dollar, clip, frame, token, metre, kilogram and kelvin.
Clips, frames and tokens are dimensions of their own, because mixing them up is the error that
planning for video invites; devices, nodes, vehicles, parameters and the like are plain numbers.
Energy is a base, as nothing here turns mass and velocity into it.

A parser of our own rather than pint: importing pint and making a registry takes a quarter of the
two seconds that a whole plan may take, none of its definitions has clips, tokens or dollars, and it
evaluates expressions, which a scenario from elsewhere should not be able to ask for.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass

from reelbench.capacity.errors import CapacityError

BASES = ("s", "J", "B", "FLOP", "$", "clip", "frame", "token", "m", "kg", "K")
_LONGEST = 200


class QuantityError(CapacityError):
    """A text that is no quantity, or one of another dimension than is needed."""


@dataclass(frozen=True)
class Dimension:
    """Powers of the bases; multiplied and divided like what they are dimensions of."""

    powers: tuple[float, ...] = (0,) * len(BASES)

    def __mul__(self, other: Dimension) -> Dimension:
        return _times(self, other)

    def __truediv__(self, other: Dimension) -> Dimension:
        return _times(self, other**-1)

    def __pow__(self, power: float) -> Dimension:
        return Dimension(tuple(each * power for each in self.powers))

    @property
    def is_number(self) -> bool:
        """Whether it is the dimension of a plain number."""
        return not any(self.powers)

    def __str__(self) -> str:
        over = [_power(base, p) for base, p in zip(BASES, self.powers, strict=True) if p > 0]
        under = [_power(base, -p) for base, p in zip(BASES, self.powers, strict=True) if p < 0]
        if not over and not under:
            return "a plain number"
        return "·".join(over or ["1"]) + "".join(f"/{each}" for each in under)


@functools.cache
def _times(one: Dimension, other: Dimension) -> Dimension:
    return Dimension(tuple(a + b for a, b in zip(one.powers, other.powers, strict=True)))


def _power(base: str, power: float) -> str:
    return base if power == 1 else f"{base}^{power:g}"


def _base(name: str) -> Dimension:
    return Dimension(tuple(float(name == base) for base in BASES))


NUMBER = Dimension()
_TIME, _ENERGY, _BYTE = _base("s"), _base("J"), _base("B")
_POWER = _ENERGY / _TIME

_PREFIXES = {
    "n": 1e-9, "µ": 1e-6, "μ": 1e-6, "u": 1e-6, "m": 1e-3, "c": 1e-2, "k": 1e3, "M": 1e6, "G": 1e9,
    "T": 1e12, "P": 1e15, "E": 1e18, "Z": 1e21, "Y": 1e24,
}  # fmt: skip
_BINARY = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50}

_DAY = 86400.0
_YEAR = 365.25 * _DAY

# Units that take a prefix, then those that do not. All names are case-sensitive.
_PREFIXED = {
    "s": (1.0, _TIME),
    "B": (1.0, _BYTE),
    "bit": (1 / 8, _BYTE),
    "b": (1 / 8, _BYTE),
    "bps": (1 / 8, _BYTE / _TIME),
    "FLOP": (1.0, _base("FLOP")),
    "FLOPs": (1.0, _base("FLOP")),
    "FLOPS": (1.0, _base("FLOP") / _TIME),
    "J": (1.0, _ENERGY),
    "W": (1.0, _POWER),
    "Wh": (3600.0, _ENERGY),
    "clip": (1.0, _base("clip")),
    "frame": (1.0, _base("frame")),
    "token": (1.0, _base("token")),
    "m": (1.0, _base("m")),
    "g": (1e-3, _base("kg")),
    "K": (1.0, _base("K")),
    "Hz": (1.0, _TIME**-1),
}
_PLAIN = {
    **dict.fromkeys(("sec", "second", "seconds"), (1.0, _TIME)),
    **dict.fromkeys(("min", "minute", "minutes"), (60.0, _TIME)),
    **dict.fromkeys(("h", "hr", "hour", "hours"), (3600.0, _TIME)),
    **dict.fromkeys(("d", "day", "days"), (_DAY, _TIME)),
    **dict.fromkeys(("week", "weeks"), (7 * _DAY, _TIME)),
    **dict.fromkeys(("month", "months"), (_YEAR / 12, _TIME)),
    **dict.fromkeys(("y", "yr", "year", "years"), (_YEAR, _TIME)),
    **dict.fromkeys(("byte", "bytes"), (1.0, _BYTE)),
    **dict.fromkeys(("bits",), (1 / 8, _BYTE)),
    **dict.fromkeys(("$", "USD", "dollar", "dollars"), (1.0, _base("$"))),
    **dict.fromkeys(("clips", "video", "videos", "sample", "samples"), (1.0, _base("clip"))),
    **dict.fromkeys(("frames", "image", "images"), (1.0, _base("frame"))),
    **dict.fromkeys(("tokens",), (1.0, _base("token"))),
    "fps": (1.0, _base("frame") / _TIME),
    "%": (0.01, NUMBER),
    "k": (1e3, NUMBER), "M": (1e6, NUMBER), "G": (1e9, NUMBER), "T": (1e12, NUMBER),
    "P": (1e15, NUMBER), "E": (1e18, NUMBER),
    "thousand": (1e3, NUMBER), "million": (1e6, NUMBER), "billion": (1e9, NUMBER),
    "trillion": (1e12, NUMBER),
}  # fmt: skip
_COUNTED = frozenset(
    (
        *("device", "GPU", "TPU", "CPU", "chip", "core", "node", "server", "rack", "worker"),
        *("vehicle", "car", "camera", "user", "subscriber", "parameter", "param", "layer"),
        *("epoch", "iteration", "step", "batch", "microbatch", "replica"),
        *("network", "model", "run", "training", "failure"),
    )
)
"""Words that count things: each is the number 1, with or without a plural s."""

_NUMBER = r"(?:\d[\d,_]*\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?"
_AMOUNT = re.compile(
    rf"(?P<sign>[+-])?(?P<dollar>\$)?\s*(?P<number>{_NUMBER})(?P<scale>[kMBT](?![A-Za-z]))?"
    r"\s*(?P<unit>.*)",
    re.DOTALL,
)
_WORD = re.compile(r"([A-Za-zµμ$%]+)(?:\^?([+-]?\d))?")


def parse_number(text: str) -> tuple[float, str]:
    """Split ``"1.5 PB"`` into 1.5 and ``PB``; ``"$2M/year"`` into 2e6 and ``$/year``.

    Raises:
        QuantityError: It does not begin with a finite number.
    """
    found = _AMOUNT.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if not found:
        raise QuantityError(f"{_short(text)} does not begin with a number")
    value = float(found["number"].replace(",", "").replace("_", ""))
    unit = found["unit"].strip()
    if found["scale"]:
        if found["dollar"]:
            value *= {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}[found["scale"]]
        else:
            unit = found["scale"] + unit
    if found["sign"] == "-":
        value = -value
    if not math.isfinite(value):
        raise QuantityError(f"{_short(text)} is not a finite number")
    return value, f"${unit}" if found["dollar"] else unit


@functools.cache
def parse_unit(text: str) -> tuple[float, Dimension]:
    """Factor to base units, and the dimension, of ``kWh``, ``GPU-hours`` or ``/1000 node-days``.

    Raises:
        QuantityError: It names a unit that is not known.
    """
    if len(text) > _LONGEST:
        raise QuantityError("the unit is too long")
    factor, dimension = 1.0, NUMBER
    for place, part in enumerate(re.split(r"/|\bper\b", re.sub(r"^1(?=/)", "", text))):
        sign = 1 if place == 0 else -1
        rest = part.strip()
        if number := re.match(r"\d[\d,]*(?:\.\d+)?(?:e\d{1,2})?(?![A-Za-z])", rest):
            divisor = float(number[0].replace(",", ""))
            if place == 0 or divisor == 0:
                raise QuantityError(f"{_short(text)} is no unit")
            factor /= divisor
            rest = rest[number.end() :]
        elif place > 0 and not rest:
            raise QuantityError(f"{_short(text)} is no unit")
        for word in filter(None, re.split(r"[\s·*-]+", rest)):
            scale, what = _word(word, text)
            factor *= scale**sign
            dimension = dimension * what**sign
    return factor, dimension


def _word(word: str, text: str) -> tuple[float, Dimension]:
    found = _WORD.fullmatch(word)
    if not found:
        raise QuantityError(f"{_short(text)} is no unit")
    name, power = found[1], int(found[2] or 1)
    if name.startswith("$") and name != "$":
        name = name[1:]
        scale, dimension = _PLAIN["$"]
        further, what = _unit(name, text)
        return scale * further**power, dimension * what**power
    scale, dimension = _unit(name, text)
    return scale**power, dimension**power


def _unit(name: str, text: str) -> tuple[float, Dimension]:
    if name in _COUNTED or (name.endswith("s") and name[:-1] in _COUNTED) or name == "batches":
        return 1.0, NUMBER
    if name in _PLAIN:
        return _PLAIN[name]
    if name in _PREFIXED:
        return _PREFIXED[name]
    for prefixes in (_BINARY, _PREFIXES):
        for prefix, scale in prefixes.items():
            rest = name.removeprefix(prefix)
            if rest != name:
                unit = _PREFIXED.get(rest) or _PREFIXED.get(rest.removesuffix("s"))
                if unit:
                    return scale * unit[0], unit[1]
    raise QuantityError(f"{_short(name)} in {_short(text)} is no unit that is known here")


def parse_quantity(text: str | float, of: Dimension | None = None) -> tuple[float, Dimension]:
    """A value in base units, and its dimension.

    Args:
        text: Such as ``"36 fps"``; a bare number has no unit.
        of: The dimension that it must have.

    Raises:
        QuantityError: It is none, is not finite, or has another dimension.
    """
    if isinstance(text, str):
        number, unit = parse_number(text)
    else:
        number, unit = float(text), ""
    if not math.isfinite(number):
        raise QuantityError("is not a finite number")
    factor, dimension = parse_unit(unit)
    if of is not None and dimension != of:
        raise QuantityError(f"{_short(str(text))} is in {dimension}, and {of} is needed")
    value = number * factor
    if not math.isfinite(value):
        raise QuantityError(f"{_short(str(text))} is too large")
    return value, dimension


def dimension_of(unit: str) -> Dimension:
    """The dimension of a unit that we wrote ourselves."""
    return parse_unit(unit)[1]


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")


# How quantities are printed: dimension → units from small to large.
_PRINTED: dict[Dimension, tuple[tuple[float, str], ...]] = {
    _TIME: (
        (1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h"),
        (_DAY, "days"), (_YEAR, "years"),
    ),
    _ENERGY: ((3600.0, "Wh"), (3.6e6, "kWh"), (3.6e9, "MWh"), (3.6e12, "GWh")),
    _POWER: ((1.0, "W"), (1e3, "kW"), (1e6, "MW"), (1e9, "GW")),
}  # fmt: skip
_MONEY = ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "B"), (1e12, "T"))
_SI = ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"), (1e15, "P"), (1e18, "E"))


def print_quantity(value: float, dimension: Dimension) -> str:
    """A value in base units as people write it, such as ``$1.28/h`` or ``1.50 PB``."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "?"
    if value == 0:
        return f"0 {_symbol(dimension)}".strip()
    if dimension in _PRINTED:
        units = _PRINTED[dimension]
        scale, unit = next(
            ((s, u) for s, u in reversed(units) if abs(value) >= s * 0.9995), units[0]
        )
        return f"{digits(value / scale)} {unit}"
    if dimension.is_number:
        return digits(value)
    if dimension == _base("$"):
        return f"${_scaled(value, prefixes=_MONEY)}"
    per = {
        _base("$") / _TIME: (3600.0, "$", "/h"),
        _base("$") / _ENERGY: (3.6e6, "$", "/kWh"),
        _base("$") / _POWER: (1e3, "$", "/kW"),
        _base("$") / _BYTE: (1e9, "$", "/GB"),
        _base("$") / _base("clip"): (1e6, "$", "/M clips"),
        _TIME**-1: (_DAY, "", " /day"),
    }.get(dimension)
    if per:
        return f"{per[1]}{digits(value * per[0])}{per[2]}"
    if dimension in _WORDS:
        return f"{_scaled(value, ' ')} {_WORDS[dimension]}".replace("  ", " ")
    return f"{_scaled(value, ' ')}{_symbol(dimension)}".strip()


_WORDS = {_base("clip"): "clips", _base("frame"): "frames", _base("token"): "tokens"}


def _scaled(value: float, gap: str = "", prefixes: tuple[tuple[float, str], ...] = _SI) -> str:
    scale, prefix = next(
        ((s, p) for s, p in reversed(prefixes) if abs(value) >= s * 0.9995), prefixes[0]
    )
    return f"{digits(value / scale)}{gap}{prefix}"


def _symbol(dimension: Dimension) -> str:
    return "" if dimension.is_number else str(dimension).replace("clip/s", "clips/s")


def digits(value: float) -> str:
    """Three significant digits, whole numbers below a million in full, commas between thousands."""
    if value == round(value) and abs(value) < 1e6:
        return f"{value:,.0f}"
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e9:
        return f"{value:.3g}"
    if abs(value) >= 999.5:
        return f"{float(f'{value:.3g}'):,.0f}"
    places = 2 - math.floor(math.log10(abs(value) * 1.0005))
    return f"{value:.{max(places, 0)}f}"
