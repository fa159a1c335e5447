"""Gradients held against slopes along random directions, where the reference's take too long."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from reelbench.catalogue.models import find_model
from reelbench.catalogue.models.steps import parts_in_step
from reelbench.implementations import Limits
from reelbench.layers import passes
from reelbench.measure import build, choosing, compiling, protocol
from reelbench.measure.failure import CaseFailure
from reelbench.measure.remembered import Remembered
from reelbench.measure.verify import slopes
from reelbench.results.outcome import Outcome

X = jax.random.normal(jax.random.key(0), (2, 5, 8, 8, 3))


class Strided(nnx.Module):
    def __init__(self):
        self.conv = nnx.Conv(3, 8, (2, 3, 3), strides=(1, 2, 2), rngs=nnx.Rngs(0))
        self.norm = nnx.BatchNorm(8, rngs=nnx.Rngs(1))

    def __call__(self, x):
        return nnx.relu(self.norm(self.conv(x)))


def workload():
    return build.from_user(Strided(), (X,), name="strided", pass_="train", clips=2.0)


def checked(apply):
    """Prepare the layer computed by ``apply``, its own gradients never asked for."""
    made = workload()
    other = replace(made.rebuild(apply(made.apply), "other"), reference=None)
    return protocol.prepare(compiling.trace(other))


def test_the_same_function_passes():
    compiled, _ = checked(lambda apply: apply)
    assert compiled.traced.workload.identity.implementation == "other"


def scaled(of, factor):
    """An identity whose gradient is off by a factor."""

    @jax.custom_vjp
    def run(x):
        return x

    run.defvjp(lambda x: (x, None), lambda _, g: (factor * g,))
    return run(of)


@pytest.mark.parametrize("which", ["parameters", "inputs"])
def test_a_wrong_gradient_is_found(which):
    def wrong(apply):
        def run(parameters, others, inputs):
            if which == "inputs":
                inputs = tuple(scaled(x, 1.1) for x in inputs)
            else:
                parameters = jax.tree.map(lambda x: scaled(x, 1.1), parameters)
            return apply(parameters, others, inputs)

        return run

    with pytest.raises(CaseFailure) as caught:
        checked(wrong)
    assert caught.value.outcome is Outcome.DISAGREES_WITH_REFERENCE


def rolled(outputs, updated):
    return jnp.roll(outputs, 1, axis=2), updated


def restated(outputs, updated):
    return outputs, jax.tree.map(lambda x: x * 1.5, updated)


@pytest.mark.parametrize("change", [rolled, restated])
def test_wrong_values_and_wrong_statistics_are_found(change):
    with pytest.raises(CaseFailure) as caught:
        checked(lambda apply: lambda *given: change(*apply(*given)))
    assert caught.value.outcome is Outcome.DISAGREES_WITH_REFERENCE


def test_the_best_of_a_strided_convolution_is_checked_so(tmp_path):
    made = workload()
    choice = choosing.choose(made, Limits(2**14), Remembered("m", {}, tmp_path), 60.0)
    best = choosing.with_choice(made, choice)
    assert best.reference is None
    assert best.slope is not None
    protocol.prepare(compiling.trace(best))


def test_a_first_layer_whose_input_has_no_gradient_passes():
    stem = parts_in_step(find_model("r3d_18@4x16x16"))[0].preset
    assert stem.given == (True,)
    made = build.from_catalogue(stem, pass_="train", dtype="float32", batch=1)
    other = replace(made.rebuild(made.apply, "other"), reference=None)
    compiled, _ = protocol.prepare(compiling.trace(other))
    assert compiled.traced.workload.identity.implementation == "other"


def kinked(parameters, others, inputs):
    """A ReLU of every row of inputs."""
    return nnx.relu(inputs[0] @ parameters), others


def test_a_gradient_may_jump_where_the_slopes_themselves_jump():
    x, weights = jax.random.normal(jax.random.key(1), (2, 500, 16))
    weights = weights[0]
    # The first row is as good as at right angles to the weights.
    x = x.at[0].add(-weights * (x[0] @ weights) / (weights @ weights))
    arguments = weights, {}, (x,), jnp.ones(500)
    on = x @ weights > 0

    def got(on):
        gradients = (x * on[:, None]).sum(0), [weights * on[:, None]]
        return nnx.relu(x @ weights).sum(), gradients, {}

    slope = passes.slope(kinked)
    slopes(got(on), slope, arguments, "float32")
    slopes(got(on.at[0].set(~on[0])), slope, arguments, "float32")
    # Those that are nowhere near their kinks may not, nor may a gradient that is wrong everywhere.
    for wrong in (on.at[1:100].set(~on[1:100]), on * 1.3):
        with pytest.raises(CaseFailure, match="relative error"):
            slopes(got(wrong), slope, arguments, "float32")
