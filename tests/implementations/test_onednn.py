"""XLA hands the library every convolution of a pass, where a build of it can."""

import jax
import jax.numpy as jnp
import pytest

from reelbench.implementations import Limits, Operation, candidates
from reelbench.implementations.geometry import Geometry
from reelbench.machine import libraries

SHAPES = {
    "dense": ((2, 4, 10, 10, 16), (3, 3, 3, 16, 32), (1, 1, 1), 1),
    "strided": ((2, 4, 10, 10, 16), (3, 3, 3, 16, 32), (2, 2, 2), 1),
    "stem": ((1, 4, 14, 14, 3), (3, 7, 7, 3, 16), (1, 2, 2), 1),
    "plane": ((2, 12, 12, 16), (3, 3, 16, 16), (1, 1), 1),
    "depthwise": ((2, 4, 10, 10, 16), (3, 3, 3, 1, 16), (1, 1, 1), 16),
    "strided depthwise": ((2, 4, 10, 10, 16), (3, 3, 3, 1, 16), (1, 2, 2), 16),
}


def operation(name):
    x, kernel, strides, groups = SHAPES[name]
    padding = tuple((taps // 2, taps // 2) for taps in kernel[:-2])
    geometry = Geometry(strides, padding, (1,) * len(strides), groups)
    return Operation("convolution", (x, kernel), "float32", geometry)


def train(function):
    def run(x, kernel):
        outputs, pull = jax.vjp(function, x, kernel)
        return outputs, pull(outputs)

    return run


@pytest.mark.skipif(
    "onednn" not in libraries.available(), reason="this build of XLA does not call oneDNN"
)
@pytest.mark.parametrize("name", SHAPES)
def test_no_convolution_of_a_train_pass_is_left_to_the_compiler(name):
    found = operation(name)
    named = [
        each
        for each in candidates(found, Limits(libraries=("onednn",)))
        if each.implementation.library
    ]
    assert named
    for candidate in named:
        operands = [jnp.ones(shape) for shape in found.shapes]
        run = jax.jit(
            train(candidate.function(found)), compiler_options=libraries.options("onednn")
        )
        text = run.lower(*operands).compile().as_text()
        assert "__onednn$convolution" in text
        assert " convolution(" not in text, candidate.name


def test_what_needs_a_library_is_no_candidate_without_it():
    found = operation("dense")
    assert not [each for each in candidates(found, Limits()) if each.implementation.library]
