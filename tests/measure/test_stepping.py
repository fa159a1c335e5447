"""Whole training steps as workloads."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from reelbench import work
from reelbench.catalogue.models import find_model
from reelbench.catalogue.models.steps import Step
from reelbench.layers.loss import loss, targets_of
from reelbench.measure import compiling
from reelbench.measure.stepping import of_step

TINY = "videomae-s@2x32x32,depth=2"


def step_of(name, pass_="step"):
    return of_step(Step(find_model(name)), pass_=pass_, dtype="float32", batch=2)


@pytest.fixture(scope="module")
def taken():
    """The arguments of a tiny step, and what it returned."""
    workload = step_of(TINY)
    arguments = workload.make()
    return workload, arguments, jax.jit(workload.function)(*arguments)


def test_a_step_replaces_what_it_is_given(taken):
    workload, arguments, outputs = taken
    for place in range(workload.carry):
        before, after = (jax.tree.leaves(each[place]) for each in (arguments, outputs))
        assert [x.shape for x in before] == [x.shape for x in after]
        assert [x.dtype for x in before] == [x.dtype for x in after]


def test_a_step_moves_every_parameter_and_the_loss_is_finite(taken):
    _, arguments, outputs = taken
    moved = [
        np.abs(np.asarray(a) - np.asarray(b)).max()
        for a, b in zip(*(jax.tree.leaves(each[2]) for each in (arguments, outputs)), strict=True)
    ]
    assert min(moved) > 0  # the moments, which no small rate hides
    assert np.isfinite(float(outputs[3]))


def test_steps_with_and_without_rematerialisation_agree(taken):
    _, arguments, outputs = taken
    again = jax.jit(step_of(TINY, "step-remat").function)(*arguments)
    for ours, theirs in zip(jax.tree.leaves(again), jax.tree.leaves(outputs), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_recomputation_is_not_counted_as_work():
    plain, again = (compiling.trace(step_of(TINY, p)) for p in ("step", "step-remat"))
    assert again.model_flops == plain.model_flops
    assert again.flops.model > 1.1 * plain.flops.model
    assert again.kept_bytes < 0.5 * plain.kept_bytes


def test_a_step_does_the_work_of_its_layers():
    model = find_model(TINY)
    counted = compiling.trace(step_of(TINY)).model_flops
    layers = work.of_parts(model, "train", batch=2).model_flops
    # The pixels have no gradient.
    assert 0.9 * layers < counted < layers


def test_a_classifier_learns_classes_and_others_learn_values():
    scores = jnp.asarray(np.random.default_rng(0).standard_normal((3, 5)), jnp.float32)
    targets = jnp.array([1, 4, 0])
    assert targets_of(scores).shape == (3,)
    expected = optax.softmax_cross_entropy_with_integer_labels(scores, targets).mean()
    np.testing.assert_allclose(loss(scores, targets), expected)
    video = jnp.ones((2, 3, 4))
    np.testing.assert_allclose(loss((video, video), [3 * video, video]), 4.0)


def barriers(workload):
    jaxpr = jax.make_jaxpr(workload.function)(*workload.arguments).jaxpr
    return sum(eqn.primitive.name == "optimization_barrier" for eqn in jaxpr.eqns)


@pytest.mark.parametrize(("name", "apart"), [("r3d_18@4x32x32", True), (TINY, False)])
def test_updates_of_sgd_stay_apart_where_a_step_is_computed_in_another_way(name, apart):
    workload = step_of(name)
    assert barriers(workload) == 0
    # A gradient each: none waits for another.
    parameters = len(jax.tree.leaves(workload.arguments[0]))
    assert barriers(workload.rebuild(workload.apply, "other")) == (parameters if apart else 0)
