"""Counts the work of a traced program: FLOPs by the program text, loops by their trip counts.

FLOPs are 2 per multiply-accumulate of matrix products and convolutions; everything else counts
nothing, as in the published figures of video models. Two counts are made. *Model FLOPs* take the
program as written, padding included: they do not depend on backend or compiler. *Kept FLOPs* are
the least that an honest compiler must leave: no multiplication by padding, no work whose result is
unused, none that depends on constants alone, and what a loop repeats unchanged counted once. Where
the two part by more than padding explains, a benchmark would time work that is not done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

# Calls whose inner program takes the operands and gives the results one for one.
_CALLS = {
    "pjit", "jit", "closed_call", "core_call", "remat", "remat2", "checkpoint", "custom_jvp_call",
    "custom_vjp_call", "custom_vjp_call_jaxpr", "custom_lin",
}  # fmt: skip


@dataclass(frozen=True)
class Flops:
    """FLOPs of a traced program.

    Attributes:
        model: As written, padding counted.
        valid: As written, without multiplications by padding.
        kept: ``valid`` without dead, constant and loop-invariant work.
        loops: Whether the program has a loop, whose body XLA's own count takes once.
        unbounded: Whether a while loop of unknown trip count was counted once.
    """

    model: float
    valid: float
    kept: float
    loops: bool = False
    unbounded: bool = False


def count_flops(program: ClosedJaxpr) -> Flops:
    """Count the FLOPs of a traced program, such as ``jax.jit(f).trace(*args).jaxpr``."""
    tally = _Tally()
    jaxpr = program.jaxpr
    tally.walk(jaxpr, [True] * len(jaxpr.outvars), [True] * len(jaxpr.invars), 1.0)
    return Flops(tally.model, tally.valid, tally.kept, tally.loops, tally.unbounded)


def nbytes(tree: Any) -> int:
    """Bytes of all arrays (or shapes) in a pytree; key arrays count as their data."""
    return sum(_leaf_bytes(leaf) for leaf in jax.tree.leaves(tree))


def size(tree: Any) -> int:
    """Elements of all arrays (or shapes) in a pytree."""
    return sum(prod(leaf.shape) for leaf in jax.tree.leaves(tree))


def _leaf_bytes(leaf: Any) -> int:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return 8 * prod(leaf.shape)
    return int(prod(leaf.shape) * np.dtype(leaf.dtype).itemsize)


class _Tally:
    """Sums the three counts over a program and the programs inside it."""

    def __init__(self) -> None:
        self.model = self.valid = self.kept = 0.0
        self.loops = self.unbounded = False

    def walk(
        self, jaxpr: Jaxpr, used_out: Sequence[bool], varying_in: Sequence[bool], times: float
    ) -> list[bool]:
        """Count one program run ``times`` times; return which of its inputs are used.

        Args:
            jaxpr: The program.
            used_out: Which of its outputs somebody uses.
            varying_in: Which of its inputs depend on the arguments of the whole program (in a loop:
                change from turn to turn).
            times: How often it runs.
        """
        varying = {v for v, varies in zip(jaxpr.invars, varying_in, strict=True) if varies}
        for eqn in jaxpr.eqns:
            if any(not isinstance(v, Literal) and v in varying for v in eqn.invars):
                varying.update(eqn.outvars)
        used = {
            v
            for v, is_used in zip(jaxpr.outvars, used_out, strict=True)
            if is_used and not isinstance(v, Literal)
        }
        for eqn in reversed(jaxpr.eqns):
            results = [v in used for v in eqn.outvars]
            operands = [not isinstance(v, Literal) and v in varying for v in eqn.invars]
            wanted = self._equation(eqn, results, operands, times)
            used.update(
                v
                for v, want in zip(eqn.invars, wanted, strict=True)
                if want and not isinstance(v, Literal)
            )
        return [v in used for v in jaxpr.invars]

    def _equation(
        self, eqn: Any, used: Sequence[bool], varying: Sequence[bool], times: float
    ) -> Sequence[bool]:
        """Count one equation; return which of its operands are used."""
        name = eqn.primitive.name
        everything = [any(used) or bool(eqn.effects)] * len(eqn.invars)
        if name in ("dot_general", "conv_general_dilated"):
            model, valid = _dot(eqn) if name == "dot_general" else _convolution(eqn)
            self.model += times * model
            self.valid += times * valid
            if any(used) and any(varying):
                self.kept += times * valid
            return everything
        inner = list(_programs(eqn.params))
        if not inner:
            return everything
        if name in _CALLS and len(inner) == 1:
            return self.walk(inner[0], used, varying, times)
        if name == "scan":
            self._scan(eqn, inner[0], any(used), varying, times)
        elif name == "cond":
            self._widest(inner, used, varying[1:], times)
        else:
            # A while loop's turns are not known; a kernel's grid says how often it runs.
            self.loops |= name == "while"
            self.unbounded |= name == "while"
            grid = getattr(eqn.params.get("grid_mapping"), "grid", ())
            turns = prod(g for g in grid if isinstance(g, int))
            for program in inner:
                every = [any(varying)] * len(program.invars)
                self.walk(program, [any(used)] * len(program.outvars), every, times * turns)
        return everything

    def _scan(
        self, eqn: Any, body: Jaxpr, used: bool, varying: Sequence[bool], times: float
    ) -> None:
        turns, constants = eqn.params["length"], _scan_constants(eqn, body)
        self.loops = True
        outputs = [used] * len(body.outvars)
        each = _Tally()
        each.walk(body, outputs, [False] * constants + [True] * (len(body.invars) - constants), 1.0)
        once = _Tally()
        once.walk(body, outputs, [any(varying)] * len(body.invars), 1.0)
        self.model += times * turns * each.model
        self.valid += times * turns * each.valid
        if any(varying):
            invariant = max(once.kept - each.kept, 0.0)
            self.kept += times * (turns * each.kept + invariant)
        self.unbounded |= each.unbounded

    def _widest(
        self, branches: list[Jaxpr], used: Sequence[bool], varying: Sequence[bool], times: float
    ) -> None:
        tallies = []
        for branch in branches:
            tally = _Tally()
            tally.walk(branch, used, varying, times)
            tallies.append(tally)
        widest = max(tallies, key=lambda tally: tally.model)
        self.model += widest.model
        self.valid += widest.valid
        self.kept += min(tally.kept for tally in tallies)
        self.loops |= any(tally.loops for tally in tallies)
        self.unbounded |= any(tally.unbounded for tally in tallies)


def _scan_constants(eqn: Any, body: Jaxpr) -> int:
    """How many leading operands every turn of a scan sees unchanged.

    Read from the ranks, as the names of the parameters that say it differ between JAX versions:
    what a scan takes or gives turn by turn has one axis more outside the body than inside.
    """

    def whole(outside: Sequence[Any], inside: Sequence[Any]) -> int:
        pairs = zip(outside, inside, strict=True)
        return sum(len(o.aval.shape) == len(i.aval.shape) for o, i in pairs)

    return whole(eqn.invars, body.invars) - whole(eqn.outvars, body.outvars)


def _programs(params: dict[str, Any]) -> Iterable[Jaxpr]:
    """The programs among the parameters of an equation."""
    for value in params.values():
        for item in value if isinstance(value, tuple | list) else (value,):
            if isinstance(item, ClosedJaxpr):
                yield item.jaxpr
            elif isinstance(item, Jaxpr):
                yield item


def _dot(eqn: Any) -> tuple[float, float]:
    (contracted, _), _ = eqn.params["dimension_numbers"]
    lhs = eqn.invars[0].aval.shape
    flops = 2.0 * prod(eqn.outvars[0].aval.shape) * prod(lhs[axis] for axis in contracted)
    return flops, flops


def _convolution(eqn: Any) -> tuple[float, float]:
    """FLOPs with and without multiplications by padding.

    Zeros between the elements of a dilated input (the gradient of a strided convolution) are an
    artefact of how the operation is written and are counted in neither.
    """
    params = eqn.params
    numbers = params["dimension_numbers"]
    lhs, rhs = (v.aval.shape for v in eqn.invars)
    out = eqn.outvars[0].aval.shape
    outputs_a_tap = prod(rhs) / rhs[numbers.rhs_spec[0]]
    share = 1.0
    for axis, (low, _) in enumerate(params["padding"]):
        share *= _valid_share(
            lhs[numbers.lhs_spec[2 + axis]],
            rhs[numbers.rhs_spec[2 + axis]],
            out[numbers.out_spec[2 + axis]],
            low,
            params["window_strides"][axis],
            params["lhs_dilation"][axis],
            params["rhs_dilation"][axis],
        )
    flops = 2.0 * prod(out) * outputs_a_tap
    return flops / prod(params["lhs_dilation"]), flops * share


def _valid_share(
    length: int, taps: int, outputs: int, low: int, stride: int, spread: int, dilation: int
) -> float:
    """Share of (output, tap) pairs along one axis that meet an element of the input."""
    start = np.arange(outputs)[:, None] * stride - low
    position = start + np.arange(taps)[None, :] * dilation
    meets = (position >= 0) & (position <= (length - 1) * spread) & (position % spread == 0)
    return float(meets.mean())
