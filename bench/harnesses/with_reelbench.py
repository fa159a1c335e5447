"""reelbench, its defaults: ``pytest --benchmark-only bench/harnesses/with_reelbench.py``."""

import pytest
from functions import FUNCTIONS, inputs_of


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(measure, name):
    measure(FUNCTIONS[name], *inputs_of(name), passes=("forward",))
