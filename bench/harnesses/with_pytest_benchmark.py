"""Plain pytest-benchmark, its defaults: ``pytest bench/harnesses/with_pytest_benchmark.py``.

Two things that a user of JAX must do, and that its documentation cannot know: wait for the outputs
within what is timed, and compile before. Were the first call to compile, calibration would take
its time for the function's and settle for the fewest rounds, five.
"""

import jax
import pytest
from functions import FUNCTIONS, inputs_of


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(benchmark, name):
    function, inputs = jax.jit(FUNCTIONS[name]), inputs_of(name)

    def call():
        return jax.block_until_ready(function(*inputs))

    call()
    benchmark(call)
