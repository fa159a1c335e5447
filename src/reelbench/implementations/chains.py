"""Finds sums and products of one large array with small ones, each of the one before.

A norm ends in such a chain: less the mean, times the deviation and the scale, plus the bias. Its
equations have no other implementations one by one; together they do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import jax.numpy as jnp
from jax.extend.core import Jaxpr, JaxprEqn, Literal

_STEPS = ("add", "sub", "mul", "div")
_SPREAD = "broadcast_in_dim"
# Elements from which on a pass over an array can take longer than to call it.
_LEAST = 2**16
# What is so many times smaller than the array costs little beside it.
_LEAST_SMALLER = 8


@dataclass(frozen=True, eq=False)
class Chain:
    """Equations of which each but the last is read by the next alone.

    Attributes:
        eqns: The steps, and what spreads an operand for one of them, in order.
        steps: What each step does: ``add``, ``sub``, ``mul``, ``div``, or ``rsub`` where the array
            is taken from the operand.
        invars: The array, then the operand of each step.
        operands: For each step, the shape of its operand with an axis for each of the array.
        outvars: The result alone.
        rows: The axes between the first and the last of these, over which no operand differs;
            before them stand axes of clips, after them axes of channels.
    """

    eqns: tuple[JaxprEqn, ...]
    steps: tuple[str, ...]
    invars: tuple[Any, ...]
    operands: tuple[tuple[int, ...], ...]
    outvars: tuple[Any, ...]
    rows: tuple[int, int]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Of the array as batch, rows and channels."""
        shape, (first, last) = self.outvars[0].aval.shape, self.rows
        return prod(shape[:first]), prod(shape[first : last + 1]), prod(shape[last + 1 :])


@dataclass(frozen=True)
class _Step:
    """One equation of a chain; the spreading of its operand is None where it does that itself."""

    eqn: JaxprEqn
    name: str
    array: Any
    operand: Any
    shape: tuple[int, ...]
    spreading: JaxprEqn | None


@lru_cache(maxsize=256)
def parts(program: Jaxpr) -> tuple[JaxprEqn | Chain, ...]:
    """The equations of a program in order, those of a chain together where its last one stands."""
    steps, readers = _steps(program)
    chains = list(_chains(program, steps, readers))
    within = {id(eqn) for chain in chains for eqn in chain.eqns}
    at = {id(chain.eqns[-1]): chain for chain in chains}
    return tuple(
        at.get(id(eqn), eqn) for eqn in program.eqns if id(eqn) not in within or id(eqn) in at
    )


def _steps(program: Jaxpr) -> tuple[dict[Any, _Step], Counter[Any]]:
    """What could be a step by what it makes, and how often each variable is read."""
    read = [each for eqn in program.eqns for each in eqn.invars] + list(program.outvars)
    readers: Counter[Any] = Counter(each for each in read if not isinstance(each, Literal))
    makers = {each: eqn for eqn in program.eqns for each in eqn.outvars}
    found = (_step(eqn, makers, readers) for eqn in program.eqns)
    return {each.eqn.outvars[0]: each for each in found if each is not None}, readers


def _chains(program: Jaxpr, steps: dict[Any, _Step], readers: Counter[Any]) -> Iterator[Chain]:
    following = {each.array: each for each in steps.values() if readers[each.array] == 1}
    for step in steps.values():
        if step.array in steps and following.get(step.array) is step:
            continue  # within the chain of the one before
        chain = [step]
        while (further := following.get(chain[-1].eqn.outvars[0])) is not None:
            chain.append(further)
        rows = _rows([each.shape for each in chain], chain[-1].eqn.outvars[0].aval)
        if rows is not None and sum(max(each.shape) > 1 for each in chain) > 1:
            yield _joined(chain, rows)


def _rows(operands: list[tuple[int, ...]], whole: Any) -> tuple[int, int] | None:
    """The first and the last axis over which no operand differs, if no other lies between.

    The last axis of the array must not be among them: channels fill vectors. Spread over all other
    axes, what the operands come to must still be small.
    """
    differs = [any(shape[axis] > 1 for shape in operands) for axis in range(whole.ndim)]
    free = [axis for axis in range(whole.ndim) if not differs[axis] and whole.shape[axis] > 1]
    if not free or free[-1] == whole.ndim - 1 or any(differs[free[0] : free[-1]]):
        return None
    few = prod(whole.shape[axis] for axis in free) < _LEAST_SMALLER
    return None if few else (free[0], free[-1])


def _joined(chain: list[_Step], rows: tuple[int, int]) -> Chain:
    eqns = []
    for each in chain:
        eqns += [each.eqn] if each.spreading is None else [each.spreading, each.eqn]
    return Chain(
        eqns=tuple(eqns),
        steps=tuple(each.name for each in chain),
        invars=(chain[0].array, *(each.operand for each in chain)),
        operands=tuple(each.shape for each in chain),
        outvars=tuple(chain[-1].eqn.outvars),
        rows=rows,
    )


def _step(eqn: JaxprEqn, makers: dict[Any, JaxprEqn], readers: Counter[Any]) -> _Step | None:
    name = eqn.primitive.name
    if name not in _STEPS:
        return None
    made: Any = eqn.outvars[0].aval
    if made.size < _LEAST or not jnp.issubdtype(made.dtype, jnp.floating):
        return None
    for place in (0, 1):
        array: Any = eqn.invars[place]
        operand: Any = eqn.invars[1 - place]
        if isinstance(array, Literal) or array.aval.shape != made.shape:
            continue
        small, shape, spreading = _source(operand, made.shape, makers, readers)
        if _LEAST_SMALLER * small.aval.size > made.size or (name == "div" and place == 1):
            continue
        return _Step(eqn, "rsub" if (name, place) == ("sub", 1) else name, array, small, shape,
                     spreading)  # fmt: skip
    return None


def _source(
    operand: Any, whole: tuple[int, ...], makers: dict[Any, JaxprEqn], readers: Counter[Any]
) -> tuple[Any, tuple[int, ...], JaxprEqn | None]:
    """An operand before it was spread for this step alone, and its shape beside the array."""
    maker = None if isinstance(operand, Literal) else makers.get(operand)
    shape = tuple(operand.aval.shape)
    if maker is None or maker.primitive.name != _SPREAD or readers[operand] > 1:
        return operand, shape or (1,) * len(whole), None
    source: Any
    (source, *dynamic) = maker.invars
    if dynamic:
        return operand, shape, None
    return source, beside(maker, source.aval), maker


def beside(eqn: Any, operand: Any) -> tuple[int, ...]:
    """The shape of an operand with an axis for every axis of the result."""
    shape = tuple(getattr(operand, "shape", ()))
    if eqn.primitive.name != _SPREAD:
        return shape
    full = [1] * eqn.outvars[0].aval.ndim
    for axis, length in zip(eqn.params["broadcast_dimensions"], shape, strict=True):
        full[axis] = length
    return tuple(full)
