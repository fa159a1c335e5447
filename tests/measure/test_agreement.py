"""What counts as the same answer, where an output is made of roundings alone."""

import jax
import jax.numpy as jnp
import pytest

from reelbench.measure.failure import CaseFailure
from reelbench.measure.verify import agree, nudged

X, BIAS = jax.random.normal(jax.random.key(0), (2, 64, 32)), jnp.zeros(32)


def loss(bias, x, query):
    """Attention's logits with a bias of the keys, which softmax takes no notice of."""
    weights = jax.nn.softmax(query @ (x + bias).swapaxes(-1, -2))
    return jnp.sum(jnp.cos(weights @ x)), weights


def gradients(bias, x, query):
    return jax.grad(lambda *given: loss(*given)[0], (0, 1))(bias, x, query)


def test_a_gradient_of_roundings_may_differ_by_as_much_as_roundings_move_it():
    expected = gradients(BIAS, X, X)
    nearby = gradients(*nudged((BIAS, X, X)))
    scale = float(jnp.linalg.norm(expected[1])) / expected[1].size ** 0.5
    # Large enough to be noticed, small enough to be noise.
    other = expected[0] + 3 * (nearby[0] - expected[0]), expected[1]
    agree(other, expected, "float32", within=1e-9 * scale, nearby=nearby)
    with pytest.raises(CaseFailure, match="relative error"):
        agree(other, expected, "float32", within=1e-9 * scale)


@pytest.mark.parametrize("place", [0, 1])
def test_what_is_wrong_is_found_all_the_same(place):
    expected = gradients(BIAS, X, X)
    nearby = gradients(*nudged((BIAS, X, X)))
    wrong = list(expected)
    wrong[place] = wrong[place] + 0.02 * jnp.linalg.norm(expected[1]) / expected[1].size ** 0.5
    with pytest.raises(CaseFailure, match="relative error"):
        agree(tuple(wrong), expected, "float32", nearby=nearby)


def kinked(x, weights, on):
    """Gradient of a ReLU's sum by its weights; ``on`` says where its input counts as positive."""
    return (x * on[:, None]).sum(0), jnp.where(on, x @ weights, 0.0)


def at_a_kink():
    """Inputs of which the first is as good as at right angles to the weights, and its side."""
    x, weights = jax.random.normal(jax.random.key(1), (2, 200, 16))
    weights = weights[0]
    sides = x @ weights
    x = x.at[0].add(-weights * (sides[0] / (weights @ weights)))
    return x, weights, x @ weights > 0


def test_a_gradient_may_jump_where_the_reference_itself_jumps():
    x, weights, on = at_a_kink()
    expected, other = kinked(x, weights, on), kinked(x, weights, on.at[0].set(~on[0]))
    far = []
    for seed in range(4):
        moved = nudged((x, weights), 64, seed)
        far.append(kinked(*moved, moved[0] @ moved[1] > 0))
    agree(other, expected, "float32", far=far)
    with pytest.raises(CaseFailure, match="relative error"):
        agree(other, expected, "float32")
    # One that is nowhere near its kink may not.
    wrong = kinked(x, weights, on.at[:3].set(~on[:3]))
    with pytest.raises(CaseFailure, match="relative error"):
        agree(wrong, expected, "float32", far=far)


def test_so_many_roundings_are_so_many_times_one():
    moved = nudged(X, 64)
    assert float(jnp.max(jnp.abs(moved / X - 1))) <= 64 * 2**-23
    assert float(jnp.min(jnp.abs(moved / X - 1))) >= 63 * 2**-25


def test_every_real_number_is_moved_and_nothing_else():
    given = {"x": X, "n": jnp.arange(3), "half": X.astype(jnp.bfloat16)}
    moved = nudged(given)
    for name in ("x", "half"):
        assert bool(jnp.all(moved[name] != given[name]))
        assert float(jnp.max(jnp.abs(moved[name] / given[name] - 1))) <= 2**-7
    assert bool(jnp.all(moved["n"] == given["n"]))
