"""Workloads: the data they are timed on, the passes they are made of, what identifies them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from reelbench.catalogue import Input, Preset, find
from reelbench.layers import passes
from reelbench.measure import build, clock, compiling
from reelbench.measure.failure import CaseFailure
from reelbench.results.outcome import Outcome
from reelbench.work import nbytes

ROW = Preset(
    "R2Plus1DBlock",
    "small",
    clip=(2, 8, 8),
    inputs={"x": Input((2, 8, 8, 6))},
    options={"in_features": 6, "out_features": 6},
    source="test",
    family="factorised",
)
OPTIMIZER = Preset(
    "AdamWUpdate",
    "two-leaves",
    clip=(1, 1, 1),
    inputs={
        f"{kind}/{leaf}": Input((size,), values=values, batched=False)
        for kind, values in (("p", "parameter"), ("mu", "state"), ("nu", "unit"), ("g", "state"))
        for leaf, size in (("a", 40), ("b", 50))
    },
    options=find("vit-b-adamw").options,
    source="test",
    passes=("forward",),
    carry=6,
    family="optimizer",
)


def workload(pass_="train", row=ROW, **rest):
    return build.from_catalogue(row, pass_=pass_, dtype="float32", batch=2, **rest)


def test_no_argument_of_a_layer_is_constant_not_even_a_bias_or_a_scale():
    for leaf in jax.tree.leaves(workload().make()):
        if jnp.issubdtype(leaf.dtype, jnp.floating) and leaf.size > 1:
            assert len(np.unique(np.asarray(leaf))) > 1


def test_arguments_have_the_shapes_that_were_traced():
    made = workload()
    shapes = jax.tree.map(lambda x: (x.shape, x.dtype), made.make())
    assert shapes == jax.tree.map(lambda x: (x.shape, x.dtype), made.arguments)
    assert nbytes(made.make()) == nbytes(made.arguments)


def test_inputs_are_the_same_in_every_process():
    first, second = (jax.tree.leaves(workload().make()) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_train_gives_the_loss_and_the_gradients_of_parameters_and_inputs():
    class Scale(nnx.Module):
        def __init__(self):
            self.by = nnx.Param(jnp.array([2.0, 3.0]))

        def __call__(self, x):
            return self.by[...] * x**2

    apply, parameters, others = passes.of_module(Scale(), "train")
    x, cotangent = jnp.array([1.0, -2.0]), jnp.array([0.5, 4.0])
    loss, (of_parameters, (of_input,)), _ = passes.train(apply)(parameters, others, (x,), cotangent)
    assert loss == pytest.approx(0.5 * 2 * 1 + 4 * 3 * 4)
    assert np.allclose(jax.tree.leaves(of_parameters)[0], cotangent * x**2)
    assert np.allclose(of_input, cotangent * jnp.array([2.0, 3.0]) * 2 * x)


def test_training_updates_running_statistics_and_evaluation_uses_them():
    class Normed(nnx.Module):
        def __init__(self):
            self.norm = nnx.BatchNorm(3, rngs=nnx.Rngs(0))

        def __call__(self, x):
            return self.norm(x)

    x = jax.random.normal(jax.random.key(0), (8, 3)) + 5
    apply, parameters, others = passes.of_module(Normed(), "train")
    updated = passes.train(apply)(parameters, others, (x,), x)[2]
    moved = [float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(updated)]
    assert max(moved) > 0.4  # the mean moved a tenth of the way to 5
    apply, parameters, others = passes.of_module(Normed(), "forward")
    assert np.allclose(passes.forward(apply)(parameters, others, (x,)), x, rtol=1e-3)


def test_integer_inputs_have_no_gradient_and_break_nothing():
    def take(table, index):
        return table[index]

    table = np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32)
    made = build.from_user(take, (table, np.array([1, 5])), name="t", pass_="train", clips=1.0)
    _, (_, gradients), _ = made.function(*made.make())
    assert [g.shape for g in gradients] == [(9, 4)]


def test_an_update_carries_its_outputs_into_the_next_call():
    made = workload("forward", OPTIMIZER)
    assert made.parameters == 90
    compiled = compiling.compile_(compiling.trace(made))
    call = clock.Call(compiled.program, made.make(), made.carry)
    first = jax.tree.map(np.asarray, call())
    second = jax.tree.map(np.asarray, call())
    again = jax.tree.leaves(made.make()[0])
    steps = [np.abs(a - b).max() for a, b in zip(jax.tree.leaves(first), again, strict=True)]
    assert min(steps) > 0
    assert all(
        np.abs(a - b).max() > 0
        for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    )
    # Updated in place: what the program needs is its arguments, once.
    assert compiled.memory.needed_bytes < 1.3 * compiled.memory.argument_bytes + 4096


def test_the_version_changes_with_the_sizes_and_with_the_code_of_the_layer(monkeypatch):
    import inspect

    other = Preset(**{**vars(ROW), "options": {"in_features": 6, "out_features": 7}})
    before = workload().version
    assert before == workload().version
    assert workload(row=other).version != before
    real = inspect.getsource
    monkeypatch.setattr(inspect, "getsource", lambda thing: real(thing) + "# edited")
    assert workload().version != before


def test_rounds_fill_the_time_and_are_never_too_few():
    assert clock.rounds_for(0.1, 1.0, 6) == (10, 1)
    assert clock.rounds_for(2.0, 1.0, 6) == (6, 1)
    rounds, iterations = clock.rounds_for(1e-6, 0.1, 6)
    assert iterations == 200
    assert rounds == pytest.approx(500, rel=0.01)
    rounds, iterations = clock.rounds_for(1e-6, 10.0, 6)
    assert rounds * iterations == pytest.approx(10.0 / 1e-6, rel=0.01)
    assert rounds <= 1000


def test_a_collective_is_not_supported_on_one_device():
    row = find("r3d_18-all-reduce")
    with pytest.raises(CaseFailure, match="takes 2 devices, here is 1") as caught:
        build.from_catalogue(row, pass_="forward", dtype="float32", batch=1)
    assert caught.value.outcome is Outcome.UNSUPPORTED_HERE
