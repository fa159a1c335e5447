"""Probes: small layers repeated inside one program, whose amount of work is known and can be set.

A hundred turns against a hundred and two is a slowdown of 2 % that is real work of the compiled
layer, in the very same program: what `reelbench selftest` must find.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from reelbench.layers import passes, randomise_constants
from reelbench.layers.multihead import MLP
from reelbench.layers.residual import BasicBlock
from reelbench.layers.spacetime import STBlock
from reelbench.machine import backend
from reelbench.measure.repeat import repeat_inside
from reelbench.measure.workload import Workload
from reelbench.results.schema import Identity

_SEED = 20_260_102

# Shapes such that a hundred turns take some 5 to 30 ms on two processor cores.
_PROBES: dict[str, tuple[tuple[int, ...], Callable[[nnx.Rngs], nnx.Module]]] = {
    "residual": ((1, 2, 10, 10, 8), lambda rngs: BasicBlock(8, 8, rngs=rngs)),
    "spacetime": ((1, 4, 16, 64), lambda rngs: STBlock(64, 4, 128, rngs=rngs)),
    "feedforward": ((1, 128, 96), lambda rngs: MLP(96, 384, rngs=rngs)),
}


def probe(name: str, turns: int) -> Workload:
    """The forward pass of a small float32 layer, ``turns`` times in one program.

    ``turns`` is an argument: programs of different turns are the same.

    Raises:
        KeyError: There is no probe of that name.
    """
    shape, create = _PROBES[name]

    def created() -> nnx.Module:
        module = create(nnx.Rngs(_SEED))
        randomise_constants(module, seed=_SEED)
        return module

    apply, parameters, others = passes.of_module(nnx.eval_shape(created), "forward")
    repeated = repeat_inside(lambda x, p, o: apply(p, o, (x,))[0])

    def function(parameters: Any, others: Any, x: jax.Array, turns: jax.Array) -> jax.Array:
        return repeated(x, turns, parameters, others)

    def make() -> tuple[Any, ...]:
        variables = jax.jit(lambda: passes.of_module(created(), "forward")[1:])()
        x = np.random.default_rng(_SEED).standard_normal(shape, np.float32)
        return jax.block_until_ready((*variables, jnp.asarray(x), jnp.asarray(turns, jnp.int32)))

    return Workload(
        identity=Identity(
            layer=f"probe of {turns} turns",
            preset=name,
            family="probe",
            batch=1,
            dtype="float32",
            pass_="forward",
            implementation="reference",
            precision=backend.matmul_precision(),
        ),
        version=hashlib.sha256(inspect.getsource(create).encode()).hexdigest()[:16],
        function=function,
        arguments=(
            *jax.tree.map(lambda v: jax.ShapeDtypeStruct(v.shape, v.dtype), (parameters, others)),
            jax.ShapeDtypeStruct(shape, jnp.float32),
            jax.ShapeDtypeStruct((), jnp.int32),
        ),
        make=make,
        inputs=(2,),
        tokens=float(prod(shape[:-1])),
    )
