"""Every implementation computes what the plain operation computes, forward and backward.

Implementations are found by the registry: one that is added is tested by being there.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from implementations.operations import KINDS, floating, operands
from reelbench.implementations import Limits, candidates, implementations, plain
from reelbench.implementations.geometry import padded
from reelbench.machine import libraries

# So little that even small operations fall into several blocks; and what a GPU would be given.
TINY = Limits(cache_bytes=2**10, libraries=("onednn",))
LARGE = Limits(libraries=("onednn",))
OF_GPU = Limits(backend="gpu")
MACHINES = {"blocks": TINY, "whole": LARGE, "gpu": OF_GPU}


def results(function, drawn, library=""):
    """Output, and gradients of its product with a fixed cotangent, exact in bfloat16 too."""

    def product(*given):
        outputs = function(*given)
        if isinstance(outputs, tuple):
            outputs = jnp.stack(outputs)
        # Rounded here: compilers leave out a rounding that is taken back at once.
        cosines = np.cos(np.arange(outputs.size, dtype=np.float32)).reshape(outputs.shape)
        cotangent = cosines.astype(jnp.bfloat16).astype(np.float32)
        return jnp.sum(outputs.astype(jnp.float32) * cotangent), outputs

    # Without the library that an implementation is for, the compiler does all of it itself.
    options = libraries.options(library) if library in libraries.available() else {}
    both = jax.jit(
        jax.value_and_grad(product, floating(drawn), has_aux=True), compiler_options=options
    )
    (_, outputs), gradients = both(*drawn)
    return outputs, *gradients


def expected_of(operation, drawn):
    """What the plain operation gives.

    A convolution's padding is laid on before it: where a convolution crops, as the gradient of one
    that is padded by more than its kernel reaches, XLA on a CPU may return memory it never wrote.
    """
    if operation.kind != "convolution":
        return results(plain(operation), drawn)
    still = ((0, 0),) * operation.details.rank
    bare = dataclasses.replace(
        operation, details=dataclasses.replace(operation.details, padding=still)
    )
    return results(lambda x, kernel: plain(bare)(padded(x, operation.details), kernel), drawn)


def assert_near(found, expected, tolerance):
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    one, other = (np.asarray(each, np.float64) for each in (found, expected))
    scale = max(float(np.max(np.abs(other), initial=0.0)), 1.0)
    assert np.max(np.abs(one - other), initial=0.0) <= tolerance * scale


def test_every_kind_of_implementation_has_operations_to_be_tested_on():
    assert {each.kind for each in implementations()} == set(KINDS)


def candidates_of(operation, implementation, limits):
    return [each for each in candidates(operation, limits) if each.implementation is implementation]


def operations_for(implementation, limits, dtype="float32"):
    """Operations that this implementation does, of those that it could be asked to."""
    return (
        KINDS[implementation.kind]
        .map(lambda operation: dataclasses.replace(operation, dtype=dtype))
        .filter(lambda operation: bool(candidates_of(operation, implementation, limits)))
    )


def skip_unless_computed(implementation, limits, dtype):
    if limits.backend not in (implementation.backends or (limits.backend,)):
        pytest.skip(f"is for {', '.join(implementation.backends)} alone")
    if dtype not in (implementation.dtypes or (dtype,)):
        pytest.skip(f"does not compute in {dtype}")
    if implementation.name == "cudnn" and jax.default_backend() != "gpu":
        pytest.skip("needs a GPU")


def tried(examples):
    return settings(
        max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.filter_too_much]
    )


each_implementation = pytest.mark.parametrize(
    "implementation", implementations(), ids=lambda each: f"{each.kind}-{each.name}"
)


each_machine = pytest.mark.parametrize("limits", MACHINES.values(), ids=list(MACHINES))


@each_implementation
@each_machine
def test_value_and_gradient_agree_in_float32(implementation, limits):
    skip_unless_computed(implementation, limits, "float32")

    @tried(4)
    @given(operations_for(implementation, limits))
    def agree(operation):
        drawn = operands(operation)
        expected = expected_of(operation, drawn)
        for candidate in candidates_of(operation, implementation, limits):
            found = results(candidate.function(operation), drawn, implementation.library)
            for one, other in zip(found, expected, strict=True):
                assert_near(one, other, 2e-5 * 10**implementation.digits_lost)

    agree()


@each_implementation
@pytest.mark.parametrize("limits", [TINY, OF_GPU], ids=["blocks", "gpu"])
def test_value_and_gradient_agree_in_bfloat16(implementation, limits):
    skip_unless_computed(implementation, limits, "bfloat16")

    @tried(2)
    @given(operations_for(implementation, limits, "bfloat16"))
    def agree(operation):
        exact = operands(operation)
        rounded = [
            each.astype(jnp.bfloat16) if each.dtype == jnp.float32 else each for each in exact
        ]
        again = [each.astype(jnp.float32) if each.dtype != bool else each for each in rounded]
        expected = expected_of(operation, again)
        for candidate in candidates_of(operation, implementation, limits):
            found = results(candidate.function(operation), rounded, implementation.library)
            for one, other in zip(found, expected, strict=True):
                # Sums of a few dozen products, rounded at the end and some once before.
                assert_near(one, other.astype(jnp.bfloat16), 0.05)

    agree()
