"""Estimates: values with their draws, their dimension, and the figures that they come from.

An estimate holds what a Sobol analysis needs at every step of the arithmetic (Saltelli et al.
2010, doi:10.1016/j.cpc.2009.09.018): its value on a first set of draws A of all inputs, on a second
set B, and, for each uncertain input that it depends on, on A with that input taken from B. An input
on which it does not depend needs no row, as that row would be A itself. So any intermediate value,
and not only the answer, can say which input its variance comes from.

Estimates work with NumPy's elementwise functions: the equations of this package are written for
arrays and take estimates as they are.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelbench.capacity.errors import CapacityError
from reelbench.capacity.quantities import NUMBER, Dimension, print_quantity
from reelbench.capacity.spread import Spread

Array = NDArray[np.float64]
DRAWS = 10_000


class DimensionError(CapacityError):
    """Two quantities that cannot be added or compared."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """A value with its draws.

    Attributes:
        rows: Draws A, draws B, and a row for each of ``inputs``; ``[2 + inputs, draws]``. Without
            uncertain inputs ``[1 or points, 1 or draws]``, which broadcasts.
        dimension: Of the value, which is in base units.
        inputs: Names of the uncertain inputs that have a row.
        figures: Names of all figures that it was computed from, certain ones too.
    """

    rows: Array
    dimension: Dimension = NUMBER
    inputs: tuple[str, ...] = ()
    figures: frozenset[str] = frozenset()

    @property
    def sample(self) -> Array:
        """Independent draws of the value, in one row."""
        return self.rows[:2].ravel() if self.inputs else self.rows.ravel()

    @property
    def median(self) -> float:
        """The middle draw, in base units."""
        return float(np.median(self.sample))

    @property
    def middle(self) -> Estimate:
        """The estimate without its uncertainty: the median of its draws, at each point."""
        rows = self.rows[:1] if self.inputs else self.rows
        return Estimate(np.median(rows, axis=-1, keepdims=True), self.dimension, (), self.figures)

    def interval(self, confidence: float = 0.9) -> tuple[float, float]:
        """Ends that leave out as many draws below as above, in base units."""
        tail = (1 - confidence) / 2
        low, high = np.quantile(self.sample, (tail, 1 - tail))
        return float(low), float(high)

    def __str__(self) -> str:
        low, high = self.interval()
        if low == high:
            return print_quantity(low, self.dimension)
        ends = (print_quantity(each, self.dimension) for each in (low, high))
        return f"{print_quantity(self.median, self.dimension)} ({' to '.join(ends)})"

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *operands: Any, **options: Any) -> Any:
        if method != "__call__" or options or ufunc not in _RULES:
            return NotImplemented
        return _apply(ufunc, [_estimate(each) for each in operands], operands)

    def __add__(self, other: Any) -> Estimate:
        return _call(np.add, self, other)

    def __radd__(self, other: Any) -> Estimate:
        return _call(np.add, other, self)

    def __sub__(self, other: Any) -> Estimate:
        return _call(np.subtract, self, other)

    def __rsub__(self, other: Any) -> Estimate:
        return _call(np.subtract, other, self)

    def __mul__(self, other: Any) -> Estimate:
        return _call(np.multiply, self, other)

    def __rmul__(self, other: Any) -> Estimate:
        return _call(np.multiply, other, self)

    def __truediv__(self, other: Any) -> Estimate:
        return _call(np.true_divide, self, other)

    def __rtruediv__(self, other: Any) -> Estimate:
        return _call(np.true_divide, other, self)

    def __pow__(self, other: Any) -> Estimate:
        return _call(np.power, self, other)

    def __rpow__(self, other: Any) -> Estimate:
        return _call(np.power, other, self)

    def __lt__(self, other: Any) -> Estimate:
        return _call(np.less, self, other)

    def __gt__(self, other: Any) -> Estimate:
        return _call(np.greater, self, other)

    def __neg__(self) -> Estimate:
        return _call(np.negative, self)


def _call(function: Any, *operands: Any) -> Estimate:
    """Call a NumPy function whose types do not know of estimates."""
    result: Estimate = function(*operands)
    return result


def constant(value: float | Array, dimension: Dimension = NUMBER) -> Estimate:
    """A value without uncertainty; an array of points gets an axis for draws."""
    rows = np.asarray(value, float)
    return Estimate(rows.reshape(-1, 1) if rows.ndim < 2 else rows, dimension)


def _estimate(value: Any) -> Estimate:
    return value if isinstance(value, Estimate) else constant(value)


def _aligned(operands: list[Estimate]) -> tuple[tuple[str, ...], list[Array]]:
    """The inputs of all operands together, and each operand with a row for each of them."""
    inputs = operands[0].inputs
    if any(each.inputs != inputs for each in operands[1:]):
        inputs = tuple(dict.fromkeys(name for each in operands for name in each.inputs))
    return inputs, [_with_rows(each, inputs) for each in operands]


def _with_rows(of: Estimate, inputs: tuple[str, ...]) -> Array:
    if not of.inputs or of.inputs == inputs:
        return of.rows
    place = {name: 2 + row for row, name in enumerate(of.inputs)}
    return of.rows[[0, 1, *(place.get(name, 0) for name in inputs)]]


def _apply(ufunc: np.ufunc, estimates: list[Estimate], operands: tuple[Any, ...]) -> Estimate:
    dimension = _RULES[ufunc](ufunc, estimates, operands)
    inputs, rows = _aligned(estimates)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        result = np.asarray(ufunc(*rows), float)
    figures = frozenset().union(*(each.figures for each in estimates))
    return Estimate(result, dimension, inputs, figures)


def _same(ufunc: np.ufunc, estimates: list[Estimate], _: Any) -> Dimension:
    first = estimates[0].dimension
    for each in estimates[1:]:
        if each.dimension != first:
            one, other = (_named(e) for e in (estimates[0], each))
            raise DimensionError(
                f"{one} is in {first} and {other} in {each.dimension}: no {ufunc.__name__} of them"
            )
    return first


def _named(estimate: Estimate) -> str:
    return " and ".join(sorted(estimate.figures)[:6]) or "a number"


def _compared(ufunc: np.ufunc, estimates: list[Estimate], operands: Any) -> Dimension:
    _same(ufunc, estimates, operands)
    return NUMBER


def _plain(ufunc: np.ufunc, estimates: list[Estimate], _: Any) -> Dimension:
    for each in estimates:
        if not each.dimension.is_number:
            raise DimensionError(
                f"{_named(each)} is in {each.dimension}: {ufunc.__name__} takes a plain number"
            )
    return NUMBER


def _powered(ufunc: np.ufunc, estimates: list[Estimate], operands: Any) -> Dimension:
    if isinstance(operands[1], int | float):
        return estimates[0].dimension ** operands[1]
    return _plain(ufunc, estimates, operands)


_Rule = Callable[[np.ufunc, list[Estimate], Any], Dimension]
_RULES: Mapping[np.ufunc, _Rule] = {
    **dict.fromkeys((np.add, np.subtract, np.maximum, np.minimum), _same),
    **dict.fromkeys((np.less, np.less_equal, np.greater, np.greater_equal), _compared),
    **dict.fromkeys((np.exp, np.expm1, np.log, np.log1p, np.log2), _plain),
    **dict.fromkeys((np.negative, np.absolute), lambda _, e, __: e[0].dimension),
    **dict.fromkeys((np.ceil, np.floor), _plain),
    np.multiply: lambda _, e, __: e[0].dimension * e[1].dimension,
    np.true_divide: lambda _, e, __: e[0].dimension / e[1].dimension,
    np.sqrt: lambda _, e, __: e[0].dimension ** 0.5,
    np.power: _powered,
}


def maximum(one: Any, other: Any) -> Any:
    """`numpy.maximum`, for estimates too; here because NumPy's types do not know of them."""
    return np.maximum(one, other)


def minimum(one: Any, other: Any) -> Any:
    """`numpy.minimum`, for estimates too."""
    return np.minimum(one, other)


def choose(condition: Any, one: Any, other: Any) -> Any:
    """``one`` where the condition holds, else ``other``: `numpy.where`, for estimates too."""
    if not any(isinstance(each, Estimate) for each in (condition, one, other)):
        return np.where(condition, one, other)
    estimates = [_estimate(each) for each in (condition, one, other)]
    dimension = _same(np.maximum, estimates[1:], None)
    inputs, rows = _aligned(estimates)
    figures = frozenset().union(*(each.figures for each in estimates))
    return Estimate(np.where(rows[0] != 0, rows[1], rows[2]), dimension, inputs, figures)


@dataclass(frozen=True)
class Draws:
    """Makes estimates of figures.

    Attributes:
        count: Draws of each set.
        seed: The same seed and name give the same draws, whatever other inputs there are.
        by_input: Whether estimates carry what tells variance by input; without, they hold one set
            of draws, which broadcasts against a column of points.
    """

    count: int = DRAWS
    seed: int = 0
    by_input: bool = True

    def of(self, name: str, spread: Spread, dimension: Dimension) -> Estimate:
        """The estimate of a figure."""
        named = frozenset((name,))
        if spread.is_point:
            return Estimate(np.full((1, 1), spread.low), dimension, (), named)
        random = np.random.default_rng((self.seed, zlib.crc32(name.encode())))
        if not self.by_input:
            return Estimate(self._drawn(random, spread)[np.newaxis], dimension, (), named)
        first, second = self._drawn(random, spread), self._drawn(random, spread)
        return Estimate(np.stack([first, second, second]), dimension, (name,), named)

    def _drawn(self, random: np.random.Generator, spread: Spread) -> Array:
        """One draw from each of as many strata, shuffled: less noise in medians and means."""
        strata = random.permutation(self.count) + random.random(self.count)
        return spread.quantile(np.clip(strata / self.count, 1e-12, 1 - 1e-12))
