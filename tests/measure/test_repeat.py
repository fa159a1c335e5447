"""Repeated work: one program for any number of turns, none of which can be left out."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.measure.repeat import repeat_inside

X = np.linspace(-1.0, 2.0, 16, dtype=np.float32).reshape(4, 4)
WEIGHTS = np.random.default_rng(7).normal(size=(4, 4)).astype(np.float32)

STEPS = {
    "the same": lambda x: x,
    "ever larger": lambda x: 1e6 * x,
    "ever smaller": lambda x: 1e-6 * x,
    "turned round": lambda x: -x,
    "a matmul": lambda x: x @ WEIGHTS.astype(x.dtype),
    "not linear": jnp.tanh,
    "nothing": jnp.zeros_like,
}


def size(x):
    return float(np.sqrt(np.mean(np.square(np.asarray(x, np.float64)))))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_what_is_carried_stays_an_ordinary_number_for_many_turns(step, dtype):
    if dtype == jnp.float16 and step is STEPS["ever larger"]:
        pytest.skip("a single turn is beyond float16, whatever follows it")
    out = jax.jit(repeat_inside(step))(X.astype(dtype), 2_000)
    assert out.dtype == dtype
    assert bool(jnp.isfinite(out).all())
    assert size(out) == pytest.approx(0.0 if step is STEPS["nothing"] else 1.0, abs=0.02)


@given(st.floats(-4, 4), st.floats(-9, 9), st.integers(0, 200))
def test_it_stays_so_whatever_the_gain_and_wherever_it_starts(gain, start, turns):
    out = REPEATED(10.0**start * X, turns, np.float32(10.0**gain))
    assert bool(jnp.isfinite(out).all())
    # Scaled by whatever turn, and not at all without one.
    assert size(out) == pytest.approx(1.0 if turns else 10.0**start * size(X), rel=1e-4)


REPEATED = jax.jit(repeat_inside(lambda x, gain: gain * x))


def test_no_turn_leaves_the_input_as_it_is():
    np.testing.assert_array_equal(REPEATED(X, 0, 3.0), X)


def test_another_number_of_turns_is_the_same_program():
    traced = []

    def step(x):
        traced.append(x)
        return x @ WEIGHTS

    repeated = jax.jit(repeat_inside(step))
    repeated(X, 1)
    before = len(traced)
    for turns in (0, 2, 100, 102):
        repeated(X, turns)
    assert len(traced) == before
    assert repeated._cache_size() == 1


def test_a_compiled_program_takes_any_number_of_turns():
    compiled = jax.jit(repeat_inside(lambda x: x @ WEIGHTS)).lower(X, np.int32(1)).compile()
    one = np.asarray(compiled(X, np.int32(1)))
    three = np.asarray(compiled(X, np.int32(3)))
    assert not np.allclose(one, three)
    np.testing.assert_allclose(three, again(X, 3), rtol=1e-4, atol=1e-5)


def again(x, turns):
    """The same turn by turn, in NumPy."""
    for _ in range(turns):
        x = x @ WEIGHTS
        x = x / np.sqrt(np.mean(np.square(x)))
    return x


@given(st.integers(0, 25))
def test_it_is_the_step_so_many_times(turns):
    np.testing.assert_allclose(MATMULS(X, turns), again(X, turns), rtol=1e-2, atol=1e-3)


MATMULS = jax.jit(repeat_inside(lambda x: x @ WEIGHTS))


@given(st.integers(0, 15), st.integers(0, 15))
def test_turns_follow_one_another(first, second):
    # Were some turn's work independent of the turns before it, the parts would not make the whole.
    np.testing.assert_allclose(
        MATMULS(MATMULS(X, first), second), MATMULS(X, first + second), rtol=1e-5, atol=1e-6
    )


def test_every_turn_is_made():
    # A step that counts in its first element against the rest, so that no turn is like another.
    def step(x):
        return x.at[0].add(x[1])

    repeated = jax.jit(repeat_inside(step))
    start = np.ones(2, np.float32)
    counted = [float(x[0] / x[1]) for x in (repeated(start, n) for n in range(12))]
    np.testing.assert_allclose(counted, np.arange(1, 13), rtol=1e-5)


def test_each_turn_reaches_the_end():
    # The output changes with the input through every turn: none of them can be left out.
    repeated = repeat_inside(lambda x: jnp.tanh(x) @ WEIGHTS)
    for turns in (1, 5, 20):
        _, change = jax.jvp(lambda x, n=turns: repeated(x, n), (X,), (np.eye(4, dtype=X.dtype),))
        assert size(change) > 0


def test_the_work_stands_inside_the_loop_of_the_compiled_program():
    compiled = jax.jit(repeat_inside(lambda x: x @ WEIGHTS)).lower(X, np.int32(1)).compile()
    text = compiled.as_text()
    assert "while(" in text
    # The count is an argument: no turn is known when compiling, so that none is unrolled.
    assert "known_trip_count" not in text
    entry = text[text.index("ENTRY ") :]
    assert " dot(" not in entry


def test_parameters_are_arguments_of_the_program():
    repeated = jax.jit(repeat_inside(lambda x, weights: x @ weights))
    one, other = repeated(X, 3, WEIGHTS), repeated(X, 3, WEIGHTS.T)
    assert not np.allclose(one, other)
    assert repeated._cache_size() == 1


def test_whole_numbers_cannot_be_scaled_and_are_refused():
    with pytest.raises(TypeError, match="cannot be int32"):
        repeat_inside(lambda x: x)(jnp.ones(3, jnp.int32), 2)


@pytest.mark.parametrize(
    ("step", "made"),
    [
        (lambda x: x[:2], r"float32\[2, 4\]"),
        (lambda x: x.astype(jnp.bfloat16), r"bfloat16\[4, 4\]"),
    ],
)
def test_a_step_whose_output_is_not_like_its_input_is_refused(step, made):
    with pytest.raises(TypeError, match=rf"{made} of float32\[4, 4\]"):
        repeat_inside(step)(jnp.asarray(X), 2)
