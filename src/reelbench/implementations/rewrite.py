"""Replaces operations inside a program: the same layer, computed in another way.

A layer is traced to its program; wherever a part of it (a convolution, an attention, the chain that
a norm ends in, …) has a replacement, that is computed instead. It happens before differentiation,
so the backward pass is that of the replacement. Nothing needs to be known of the layer: it works
for anybody's module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from reelbench.implementations.chains import Chain, parts

Function = Callable[..., Any]
Part = JaxprEqn | Chain
Rule = Callable[[Part], Function | None]
"""Gives what to compute instead of a part, of its operands, or None to leave it as it is."""

# Calls whose inner program takes the operands and gives the results one for one.
_CALLS = ("pjit", "jit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call")
_LOOPS = ("scan", "while")
_RECOMPUTED = ("remat", "remat2", "checkpoint")


def rewritten(function: Function, rule: Rule) -> Function:
    """The function with replacements; it can be traced, differentiated and compiled like any.

    Args:
        function: A function of pytrees of arrays.
        rule: What replaces what.
    """

    def run(*arguments: Any) -> Any:
        program, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
        outputs = _evaluate(program, rule, jax.tree.leaves(arguments))
        return jax.tree.unflatten(jax.tree.structure(shapes), outputs)

    return run


def all_parts(program: ClosedJaxpr | Jaxpr) -> Iterator[Part]:
    """The parts of a program and of the programs inside it, in the order of the text.

    Every equation is one, but those of a chain, which are one together.
    """
    jaxpr = program.jaxpr if isinstance(program, ClosedJaxpr) else program
    for part in parts(jaxpr):
        yield part
        for inner in _inner(part):
            yield from all_parts(inner)


def in_loops(program: ClosedJaxpr | Jaxpr) -> Iterator[Part]:
    """The parts that a loop of a program computes again and again."""
    for part in all_parts(program):
        if isinstance(part, JaxprEqn) and part.primitive.name in _LOOPS:
            for inner in _inner(part):
                yield from all_parts(inner)


def _inner(part: Part) -> Iterator[ClosedJaxpr | Jaxpr]:
    if isinstance(part, Chain):
        return
    for value in part.params.values():
        for item in value if isinstance(value, tuple | list) else (value,):
            if isinstance(item, ClosedJaxpr | Jaxpr):
                yield item


def _evaluate(program: ClosedJaxpr, rule: Rule, arguments: Sequence[Any]) -> list[Any]:
    jaxpr = program.jaxpr
    known = dict(zip(jaxpr.constvars, program.consts, strict=True))
    known |= zip(jaxpr.invars, arguments, strict=True)
    for part in parts(jaxpr):
        results = _part(part, rule, _read(part.invars, known))
        known |= zip(part.outvars, results, strict=True)
    return _read(jaxpr.outvars, known)


def _read(atoms: Sequence[Any], known: dict[Any, Any]) -> list[Any]:
    return [atom.val if isinstance(atom, Literal) else known[atom] for atom in atoms]


def _part(part: Part, rule: Rule, operands: list[Any]) -> Sequence[Any]:
    replacement = rule(part)
    if replacement is not None:
        return jax.tree.leaves(replacement(*operands))
    return _chain(part, operands) if isinstance(part, Chain) else _equation(part, rule, operands)


def _chain(chain: Chain, operands: list[Any]) -> Sequence[Any]:
    known = {
        atom: operand
        for atom, operand in zip(chain.invars, operands, strict=True)
        if not isinstance(atom, Literal)
    }
    for eqn in chain.eqns:
        known |= zip(eqn.outvars, _as_it_is(eqn, _read(eqn.invars, known)), strict=True)
    return _read(chain.outvars, known)


def _equation(eqn: JaxprEqn, rule: Rule, operands: list[Any]) -> Sequence[Any]:
    name = eqn.primitive.name
    if not any(rule(inner) for program in _inner(eqn) for inner in all_parts(program)):
        return _as_it_is(eqn, operands)
    if name in _CALLS:
        return _evaluate(_closed(eqn), rule, operands)
    if name in _RECOMPUTED:
        inner = _closed(eqn)
        again = jax.checkpoint(
            lambda *given: _evaluate(inner, rule, given),
            policy=eqn.params.get("policy"),
            prevent_cse=eqn.params.get("prevent_cse", True),
        )
        return list(again(*operands))
    if name == "scan":
        return _scan(eqn, rule, operands)
    if name == "cond":
        branches = [
            lambda *given, branch=branch: _evaluate(branch, rule, given)
            for branch in eqn.params["branches"]
        ]
        return list(lax.switch(operands[0], branches, *operands[1:]))
    return _as_it_is(eqn, operands)


def _as_it_is(eqn: JaxprEqn, operands: list[Any]) -> Sequence[Any]:
    bound = eqn.primitive.get_bind_params(eqn.params)
    # Versions differ in whether the functions inside stand apart.
    functions, params = bound if isinstance(bound, tuple) else ((), bound)
    made = eqn.primitive.bind(*functions, *operands, **params)
    return made if eqn.primitive.multiple_results else [made]


def _closed(eqn: JaxprEqn) -> ClosedJaxpr:
    (inner,) = _inner(eqn)
    return inner if isinstance(inner, ClosedJaxpr) else ClosedJaxpr(inner, ())


def _fixed_and_carried(params: dict[str, Any]) -> tuple[int, int]:
    """How many of a scan's operands are constants, and how many are carried from turn to turn."""
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    # From JAX 0.12 on, the operands fall into three trees: constants, carried, gone through.
    constants, carried, _ = (len(list(each)) for each in params["ft_in"].unpack())
    return constants, carried


def _scan(eqn: JaxprEqn, rule: Rule, operands: list[Any]) -> Sequence[Any]:
    params = eqn.params
    body = _closed(eqn)
    constants, carried = _fixed_and_carried(params)
    fixed, start = operands[:constants], operands[constants : constants + carried]

    def turn(state: list[Any], each: list[Any]) -> tuple[list[Any], list[Any]]:
        made = _evaluate(body, rule, [*fixed, *state, *each])
        return made[:carried], made[carried:]

    end, stacked = lax.scan(
        turn,
        start,
        operands[constants + carried :],
        length=params["length"],
        reverse=params["reverse"],
        unroll=params["unroll"],
    )
    return [*end, *stacked]
