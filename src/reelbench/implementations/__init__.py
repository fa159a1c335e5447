"""Other ways to compute the operations inside a layer, and layers that use them.

An implementation replaces an operation (a convolution, an attention, a sum) wherever it stands in
a layer's program, so that every layer has it, and every user's own module. To add one: a function
of the operands in the canonical layout, and a row where the others of its kind are registered. The
test of agreement finds it by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from reelbench.implementations import (
    affine,
    attention,
    broadcasts,
    convolutions,
    cudnn,
    pools,
    products,
    sums,
)
from reelbench.implementations.operation import Found, Function, Operation, recognise
from reelbench.implementations.plain import plain
from reelbench.implementations.registry import (
    REFERENCE,
    Candidate,
    Implementation,
    Limits,
    by_name,
    candidates,
    implementations,
)
from reelbench.implementations.rewrite import all_parts, in_loops, rewritten

__all__ = [
    "REFERENCE",
    "Candidate",
    "Found",
    "Implementation",
    "Limits",
    "Operation",
    "affine",
    "all_parts",
    "attention",
    "broadcasts",
    "by_name",
    "candidates",
    "convolutions",
    "cudnn",
    "implementations",
    "in_loops",
    "plain",
    "pools",
    "products",
    "recognise",
    "sums",
    "using",
]


def using(function: Function, chosen: Mapping[Operation, Candidate]) -> Function:
    """The function with the chosen implementation of every operation that has one.

    Args:
        function: A function of pytrees of arrays, not differentiated yet.
        chosen: For operations by their value; others stay as they are.
    """

    def replace(eqn: object) -> Function | None:
        found = recognise(eqn)
        if found is None or found.operation not in chosen:
            return None
        return found.canonical(chosen[found.operation].function(found.operation))

    return rewritten(function, replace)
