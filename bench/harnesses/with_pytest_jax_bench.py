"""pytest-jax-bench as in its README: ``pytest bench/harnesses/with_pytest_jax_bench.py``.

Rounds and warm-up are those of the README's first example; by default it would time nothing. It
waits for the outputs by itself. Calls without ``jax.jit``, which the example times too, are left
out, as no other harness here times them.
"""

import jax
import pytest
from functions import FUNCTIONS, inputs_of


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(jax_bench, name):
    bench = jax_bench(jit_rounds=20, jit_loops=1, jit_warmup=1)
    bench.measure(None, jax.jit(FUNCTIONS[name]), *inputs_of(name))
