"""What a figure's text says of its value: a point, or a distribution, as a quantile function.

``"5 to 20 min"`` is a range that holds the value in 9 cases of 10: 5 and 20 are its 5th and 95th
percentiles. Unless a distribution is named, a range of a share (between 0 and 1) is logit-normal,
of a positive quantity whose ends differ by more than a quarter lognormal, any other normal.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from reelbench.capacity.quantities import (
    Dimension,
    QuantityError,
    parse_number,
    parse_quantity,
    parse_unit,
)

Kind = Literal[
    "normal", "lognormal", "logit-normal", "uniform", "loguniform", "triangular", "discrete"
]
Array = NDArray[np.float64]
Domain = Literal["positive", "nonnegative", "share", "positive share", "any"]

CONFIDENCE = 0.9
_Z = float(ndtri((1 + CONFIDENCE) / 2))
_WIDE = 1.25  # a lognormal and a normal through the same ends differ by less than this is worth
_RANGE = re.compile(r"(?P<low>.+?)\s+(?:to|…|–)\s+(?P<high>.+)", re.DOTALL)


@dataclass(frozen=True)
class Spread:
    """The distribution of a figure, in base units.

    Attributes:
        low: 5th percentile; least value of a uniform, triangular or discrete distribution.
        high: 95th percentile; the greatest value likewise.
        kind: None for a point.
        mode: Most likely value of a triangular distribution.
        values: Of a discrete distribution, all equally likely.
    """

    low: float
    high: float
    kind: Kind | None = None
    mode: float | None = None
    values: tuple[float, ...] = ()

    @property
    def is_point(self) -> bool:
        """Whether there is no uncertainty."""
        return self.kind is None

    def quantile(self, probability: Array) -> Array:
        """Values at probabilities strictly between 0 and 1."""
        return _QUANTILES[self.kind or "point"](self, probability)


def _normal(of: Spread, p: Array) -> Array:
    return (of.low + of.high) / 2 + (of.high - of.low) / (2 * _Z) * ndtri(p)


def _lognormal(of: Spread, p: Array) -> Array:
    low, high = math.log(of.low), math.log(of.high)
    return np.exp((low + high) / 2 + (high - low) / (2 * _Z) * ndtri(p))


def _logit_normal(of: Spread, p: Array) -> Array:
    low, high = float(logit(of.low)), float(logit(of.high))
    return np.asarray(expit((low + high) / 2 + (high - low) / (2 * _Z) * ndtri(p)))


def _triangular(of: Spread, p: Array) -> Array:
    width, mode = of.high - of.low, of.mode if of.mode is not None else (of.low + of.high) / 2
    turn = (mode - of.low) / width
    rising = of.low + np.sqrt(p * width * (mode - of.low))
    return np.where(p < turn, rising, of.high - np.sqrt((1 - p) * width * (of.high - mode)))


_QUANTILES: dict[str, Callable[[Spread, Array], Array]] = {
    "point": lambda of, p: np.full_like(p, of.low),
    "normal": _normal,
    "lognormal": _lognormal,
    "logit-normal": _logit_normal,
    "uniform": lambda of, p: of.low + (of.high - of.low) * p,
    "loguniform": lambda of, p: of.low * (of.high / of.low) ** p,
    "triangular": _triangular,
    "discrete": lambda of, p: np.asarray(of.values)[
        np.minimum((p * len(of.values)).astype(int), len(of.values) - 1)
    ],
}


def parse_spread(
    value: str | float | Sequence[str | float],
    dimensions: Sequence[Dimension],
    domain: Domain = "positive",
    kind: Kind | None = None,
    mode: str | float | None = None,
) -> tuple[Spread, Dimension]:
    """Read a figure's value.

    Args:
        value: A point, a range ``"a to b"``, or a list of equally likely values.
        dimensions: Those that it may have; the first is the usual one.
        domain: What values make sense.
        kind: Distribution of a range; chosen by the domain if None.
        mode: Most likely value of a triangular distribution.

    Returns:
        The distribution in base units, and the dimension.

    Raises:
        QuantityError: It is none of these, or makes no sense.
    """
    if isinstance(value, list | tuple):
        if not value or len(value) > 1000:
            raise QuantityError("a list holds 1 to 1000 values")
        read = [parse_quantity(each) for each in value]
        dimension = _one_of(read[0][1], dimensions, str(value[0]))
        if any(each[1] != dimension for each in read):
            raise QuantityError("the values of the list have several dimensions")
        values = tuple(each[0] for each in read)
        _check_domain(min(values), max(values), domain)
        return Spread(min(values), max(values), "discrete", values=values), dimension
    found = _RANGE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        point, dimension = parse_quantity(value)  # type: ignore[arg-type]
        _one_of(dimension, dimensions, str(value))
        if kind is not None:
            raise QuantityError(f"distribution {kind} needs a range, such as 5 to 20")
        _check_domain(point, point, domain)
        return Spread(point, point), dimension
    low, high, dimension = _ends(found["low"], found["high"])
    _one_of(dimension, dimensions, value)  # type: ignore[arg-type]
    if not low < high:
        raise QuantityError(f"{value!r} is an impossible range: the first end must be the smaller")
    _check_domain(low, high, domain)
    chosen = kind or _usual(low, high, domain)
    if chosen in ("lognormal", "loguniform") and low <= 0:
        raise QuantityError(f"distribution {chosen} needs a range above zero")
    if chosen == "logit-normal" and not 0 < low < high < 1:
        raise QuantityError("distribution logit-normal needs a range between 0 and 1")
    if chosen == "discrete":
        raise QuantityError("distribution discrete needs a list of values")
    peak = None
    if mode is not None:
        peak, own = parse_quantity(mode)
        if own != dimension or not low <= peak <= high:
            raise QuantityError("mode must lie in the range, in the same unit")
    return Spread(low, high, chosen, peak), dimension


def _ends(low: str, high: str) -> tuple[float, float, Dimension]:
    """Both ends in base units; an end without a unit has that of the other."""
    (first, own), (second, unit) = parse_number(low), parse_number(high)
    if own and not unit:
        unit = own
    if unit and (not own or own == "$"):
        own = unit
    (one, a), (other, b) = parse_unit(own), parse_unit(unit)
    if a != b:
        raise QuantityError(f"the ends of the range are in {a} and in {b}")
    values = first * one, second * other
    if not all(map(math.isfinite, values)):
        raise QuantityError("the range is not finite")
    return *values, b


def _usual(low: float, high: float, domain: Domain) -> Kind:
    if "share" in domain and low > 0 and high < 1:
        return "logit-normal"
    if "share" in domain:
        return "uniform"
    if low > 0 and (high > _WIDE * low or low / (high - low) < 3 * _Z):
        return "lognormal"
    return "normal" if domain == "any" or low > 0 else "uniform"


def _one_of(dimension: Dimension, allowed: Sequence[Dimension], text: str) -> Dimension:
    if dimension in allowed:
        return dimension
    needed = " or ".join(dict.fromkeys(map(str, allowed)))
    shown = text if len(text) <= 60 else text[:59] + "…"
    raise QuantityError(f"{shown!r} is in {dimension}, and {needed} is needed")


def _check_domain(low: float, high: float, domain: Domain) -> None:
    if domain == "positive" and low <= 0:
        raise QuantityError(f"{low:g} is not above zero")
    if domain == "nonnegative" and low < 0:
        raise QuantityError(f"{low:g} is below zero")
    if domain == "share" and not (low >= 0 and high <= 1):
        raise QuantityError("is a share, between 0 and 1 (or 0 % and 100 %)")
    if domain == "positive share" and not (low > 0 and high <= 1):
        raise QuantityError("is a share above 0 and at most 1 (100 %)")
