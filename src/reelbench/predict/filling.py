"""What a layer takes that was not measured at its shape: from the efficiency of others like it.

The efficiency of a case is its least time by the ceilings over its measured time. It changes little
between shapes of one layer and much between kinds of work, so the nearest kind that was measured
decides: the same layer at other batch sizes, clip lengths and resolutions, between which the
logarithm of the efficiency is interpolated in the logarithm of the work; else that layer with other
widths, or any layer of its family, the nearer in FLOPs and bytes the more it counts; else the
typical efficiency of what the same ceiling binds; else the ceilings alone. How wrong each of these
is, is found by filling every measured case from the others.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Literal

import numpy as np

from reelbench.catalogue.counted import Count
from reelbench.predict.rates import Measured, Rates

Way = Literal["measured", "other shapes", "other widths", "its family", "other layers", "ceilings"]
_WAYS: tuple[Way, ...] = ("other shapes", "other widths", "its family", "other layers")
# Without any case that tells: a plain JAX layer reaches about a quarter of its roofline on a CPU,
# and is as often within a factor of three of that as not.
_TYPICAL_EFFICIENCY, _TYPICAL_SPREAD = 0.25, 1.1
# Fewer cases than this cannot tell how wrong a way is.
_FEWEST = 4
# What a way is believed to be wrong by where too few cases tell, and at least everywhere.
_USUAL = {"other shapes": 0.20, "other widths": 0.35, "its family": 0.45, "other layers": 0.7}
_LEAST = {"other shapes": 0.05, "other widths": 0.1, "its family": 0.15, "other layers": 0.3}
# Squared distance, in natural logarithms, below which cases count the same.
_NEAR = 0.1


@dataclass(frozen=True)
class Filled:
    """The time of a layer.

    Attributes:
        seconds: Of one call.
        spread: Standard deviation of its logarithm.
        way: Where it comes from.
        nearest: The measured case that was nearest, if one was used.
        efficiency: Least time over that time.
    """

    seconds: float
    spread: float
    way: Way
    nearest: str = ""
    efficiency: float = 1.0


@dataclass(frozen=True)
class _Wanted:
    layer: str
    pass_: str
    dtype: str
    parameters: int
    flops: float
    least_bytes: float
    least_s: float
    bound: str

    @property
    def family(self) -> str:
        return self.layer.partition(".")[0]

    def is_another_shape_of(self, other: _Wanted) -> bool:
        """Whether only the clips differ: widths decide the parameters, clips do not.

        The clips of an optimizer are its parameters.
        """
        same = self.parameters == other.parameters or self.family == "optimizer"
        return self.layer == other.layer and same


def fill(
    layer: str, pass_: str, dtype: str, work: Count, rates: Rates, *, way: str = "best"
) -> Filled:
    """The time of a layer from other cases of a run.

    Args:
        layer: ``family.Class``.
        pass_: The pass.
        dtype: Dtype of the computation.
        work: Of one call.
        rates: The run.
        way: ``best``, or ``reference`` for layers as they are written.
    """
    least_s, bound = rates.ceilings.least(work.model_flops, work.least_bytes, dtype)
    amounts = (work.parameters, work.model_flops, float(work.least_bytes))
    wanted = _Wanted(layer, pass_, dtype, *amounts, least_s, bound)
    cases = _usable(rates, way)
    for kind in _WAYS:
        found = _guess(kind, wanted, cases)
        if found is not None:
            efficiency, nearest = found
            spread = spreads(rates, way)[kind]
            return Filled(least_s / efficiency, spread, kind, nearest, efficiency)
    return Filled(
        least_s / _TYPICAL_EFFICIENCY, _TYPICAL_SPREAD, "ceilings", "", _TYPICAL_EFFICIENCY
    )


@dataclass(frozen=True)
class _Case:
    wanted: _Wanted
    efficiency: float
    name: str


@functools.lru_cache(maxsize=512)
def _usable(rates: Rates, way: str) -> tuple[_Case, ...]:
    """The cases of layers, of several implementations the fastest that is wanted."""
    best: dict[tuple[str, str, str, int], Measured] = {}
    for case in rates.cases:
        if way != "best" and case.implementation != way:
            continue
        key = (case.key, case.pass_, case.dtype, case.batch)
        if key not in best or case.median_s < best[key].median_s:
            best[key] = case
    made = []
    for case in best.values():
        if case.dtype not in rates.ceilings.matmul or not (case.flops or case.least_bytes):
            continue
        least_s, bound = rates.ceilings.least(case.flops, case.least_bytes, case.dtype)
        amounts = (case.parameters, case.flops, case.least_bytes)
        wanted = _Wanted(case.layer, case.pass_, case.dtype, *amounts, least_s, bound)
        made.append(_Case(wanted, least_s / case.median_s, f"{case.name} {case.pass_}"))
    return tuple(made)


def _guess(kind: Way, wanted: _Wanted, cases: Iterable[_Case]) -> tuple[float, str] | None:
    """The efficiency by one of the ways, and the nearest case."""
    alike = [
        case
        for case in cases
        if (case.wanted.dtype, case.wanted.pass_) == (wanted.dtype, wanted.pass_)
    ]
    if kind == "other shapes":
        shapes = [case for case in alike if case.wanted.is_another_shape_of(wanted)]
        return _interpolated(wanted, shapes)
    if kind == "other widths":
        return _weighted(wanted, [case for case in alike if case.wanted.layer == wanted.layer])
    if kind == "its family":
        return _weighted(wanted, [case for case in alike if case.wanted.family == wanted.family])
    bound = [case for case in alike if case.wanted.bound == wanted.bound]
    if not bound:
        return None
    return float(np.exp(np.median([log(case.efficiency) for case in bound]))), ""


def _interpolated(wanted: _Wanted, cases: Sequence[_Case]) -> tuple[float, str] | None:
    """Between the nearest smaller and the nearest larger piece of work; beyond them the nearest.

    Work is compared by its least time, so that memory-bound layers, which have no FLOPs, have an
    order too.
    """
    if not cases:
        return None
    place = log(wanted.least_s)
    at = sorted((log(case.wanted.least_s), log(case.efficiency)) for case in cases)
    efficiency = exp(float(np.interp(place, [x for x, _ in at], [y for _, y in at])))
    nearest = min(cases, key=lambda case: abs(log(case.wanted.least_s) - place))
    return efficiency, nearest.name


def _weighted(wanted: _Wanted, cases: Sequence[_Case]) -> tuple[float, str] | None:
    """The mean of the logarithms of efficiencies, weighted by nearness in FLOPs and bytes."""
    if not cases:
        return None
    distances = [_distance(wanted, case.wanted) for case in cases]
    weights = [1 / (each + _NEAR) for each in distances]
    logs = [log(case.efficiency) for case in cases]
    nearest = cases[distances.index(min(distances))]
    return exp(float(np.average(logs, weights=weights))), nearest.name


def _distance(one: _Wanted, other: _Wanted) -> float:
    pairs = ((one.flops, other.flops), (one.least_bytes, other.least_bytes))
    return sum(log((1 + a) / (1 + b)) ** 2 for a, b in pairs)


@functools.lru_cache(maxsize=512)
def left_out(rates: Rates, way: str = "best") -> dict[Way, tuple[float, ...]]:
    """Every measured case filled from the others, as logarithms of filled over measured, by way."""
    cases = _usable(rates, way)
    found: dict[Way, tuple[float, ...]] = {}
    for kind in _WAYS:
        errors = []
        for case in cases:
            guess = _guess(kind, case.wanted, [other for other in cases if other is not case])
            if guess is not None:
                errors.append(log(case.efficiency / guess[0]))
        found[kind] = tuple(errors)
    return found


@functools.lru_cache(maxsize=512)
def spreads(rates: Rates, way: str = "best") -> dict[Way, float]:
    """How wrong each way of filling is: root mean square of logarithms, cases left out."""
    found: dict[Way, float] = {}
    for kind, errors in left_out(rates, way).items():
        if len(errors) < _FEWEST:
            found[kind] = _USUAL[kind]
        else:
            found[kind] = max(float(np.sqrt(np.mean(np.square(errors)))), _LEAST[kind])
    return found
