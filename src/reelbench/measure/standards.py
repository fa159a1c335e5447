"""Check standards: small programs that are timed beside the cases, to see what the machine does.

A shared machine is faster for a while and slower for a while, and the rounds of one case, all made
within a second or so, cannot show it. What is always the same and timed again before every case
can: metrology calls it a check standard (NIST/SEMATECH e-Handbook of Statistical Methods, section
2.1.2). There is one that waits for arithmetic and one that waits for a cache, as neighbours slow
the two differently.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from reelbench.machine import backend
from reelbench.measure.clock import Call, rounds_within
from reelbench.results.schema import Reading
from reelbench.stats.interval import median_interval

READ_S = 0.2
"""Time of one reading of all of them, where the budget is not short; warming up comes before."""

_SEED = 20_261_128
# Time of all together before a reading, however short that is: after compiling, which one thread
# does, a virtual machine may have both its CPUs on one core for a tenth of a second (see
# `machine.awake`).
_WARM_S = 0.1
# Side of the squares that are multiplied, and elements that are read and written, such that a call
# takes some tenths of a millisecond.
_SIDE, _SIDE_ON_ACCELERATOR = 512, 4096
_ELEMENTS, _ELEMENTS_ON_ACCELERATOR = 2**20, 2**24


class Standards:
    """The standards of a process, compiled at the first reading."""

    @cached_property
    def _calls(self) -> dict[str, Call]:
        large = backend.is_accelerator()
        side = _SIDE_ON_ACCELERATOR if large else _SIDE
        count = _ELEMENTS_ON_ACCELERATOR if large else _ELEMENTS
        rng = np.random.default_rng(_SEED)
        square = jnp.asarray(rng.standard_normal((side, side), np.float32))
        row = jnp.asarray(rng.standard_normal(count, np.float32))
        return {
            "matmul": _compiled(lambda x: x @ x, square),
            "memory": _compiled(lambda x: x * 1.5 + 1, row),
        }

    def read(self, seconds: float = READ_S) -> dict[str, Reading]:
        """Time each of them; none where a large case has left them no room.

        Args:
            seconds: Time for all together, warming up not counted.
        """
        try:
            calls = self._calls
            for call in calls.values():
                rounds_within(call, _WARM_S / len(calls))
            return {name: _reading(call, seconds / len(calls)) for name, call in calls.items()}
        except jax.errors.JaxRuntimeError:
            return {}


def _compiled(function: Callable[[jax.Array], jax.Array], x: jax.Array) -> Call:
    return Call(jax.jit(function).lower(x).compile(), (x,))


def _reading(call: Call, seconds: float) -> Reading:
    found = median_interval(rounds_within(call, seconds))
    return Reading(median_s=found.median, low_s=found.low, high_s=found.high)
