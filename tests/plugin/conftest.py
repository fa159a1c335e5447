"""A project of its own for each test, in which a run costs a second.

Its ceilings are given, and so are the readings of check standards: of a machine that never changes.
"""

import textwrap

import pytest

# What every project's conftest does: the sweeps of the ceilings take seconds and are not at stake,
# nor is how steady the machine is.
CONFTEST = """
import pytest
from reelbench.machine import ceilings
from reelbench.plugin import steadiness
from reelbench.results.schema import Ceiling, Reading

def _ceiling(kind, dtype, rate, unit):
    return Ceiling(kind=kind, dtype=dtype, precision="default", rate=rate, unit=unit,
                   shape="given", sweep={"1048576": rate})

ceilings.matmul = lambda dtype: _ceiling("matmul", dtype, 1e12, "FLOP/s")
ceilings.paging = lambda: None
ceilings.convolution = lambda dtype: None
ceilings.memory = lambda: _ceiling("memory", "float32", 1e12, "B/s")

class Steady:
    def read(self, seconds):
        return {"matmul": Reading(median_s=1e-3, low_s=1e-3, high_s=1e-3)}

steadiness.Standards = Steady
"""

HEADER = """
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

X = np.random.default_rng(0).standard_normal((4, 32)).astype(np.float32)
W = np.random.default_rng(1).standard_normal((32, 32)).astype(np.float32)

class Block(nnx.Module):
    def __init__(self):
        self.linear = nnx.Linear(32, 32, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return jnp.tanh(self.linear(x))
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """Write test code into a project and run it; results go to ``results/`` there."""
    # What is found fastest in a test is no news to anybody.
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytester.path / "cache"))
    # Each layer once, as it is written; options of a test's own come after it.
    monkeypatch.setenv("PYTEST_ADDOPTS", "--reel-implementation=reference")
    return Project(pytester)


class Project:
    """A pytest project in a folder of its own."""

    def __init__(self, pytester):
        self.pytester = pytester
        self.path = pytester.path
        pytester.makeini("[pytest]\nfilterwarnings = error\n")
        pytester.makeconftest(CONFTEST)

    def configure(self, code: str) -> None:
        """Add to the project's conftest."""
        self.pytester.makeconftest(CONFTEST + code)

    def write(self, code: str, name: str = "test_mine") -> None:
        self.pytester.makepyfile(**{name: HEADER + textwrap.dedent(code)})

    def run(self, *options: str):
        """Run in a process of its own, as a user does."""
        quick = ("--benchmark-only", "--benchmark-max-time=0.05")
        return self.pytester.runpytest_subprocess(*quick, *options, timeout=120)

    def files(self, suffix: str = ".json") -> list:
        return sorted((self.path / "results").glob(f"*/*{suffix}"))
