"""FLOPs of traced programs against hand counts, and dead, constant and repeated work found."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from reelbench.work import count_flops, nbytes, size

X = jax.ShapeDtypeStruct((8, 16), jnp.float32)
W = jax.ShapeDtypeStruct((16, 16), jnp.float32)
PRODUCT = 2 * 8 * 16 * 16


def count(function, *arguments):
    return count_flops(jax.jit(function).trace(*arguments).jaxpr)


def test_a_matrix_product_is_two_flops_a_multiply_accumulate():
    assert count(lambda x, w: x @ w, X, W).model == PRODUCT


def test_a_batched_contraction():
    a = jax.ShapeDtypeStruct((3, 4, 5), jnp.float32)
    b = jax.ShapeDtypeStruct((3, 5, 7), jnp.float32)
    assert count(lambda a, b: jnp.einsum("bij,bjk->bik", a, b), a, b).model == 2 * 3 * 4 * 5 * 7


def convolution(stride, groups=1):
    def function(x, k):
        return lax.conv_general_dilated(
            x,
            k,
            (stride,) * 2,
            [(1, 1), (1, 1)],
            feature_group_count=groups,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )

    return function


def test_a_convolution_counts_padding_and_its_valid_count_does_not():
    x, k = jnp.ones((2, 6, 6, 4)), jnp.ones((3, 3, 4, 8))
    flops = count(convolution(1), x, k)
    assert flops.model == 2 * 2 * 36 * 9 * 4 * 8
    assert flops.valid == pytest.approx(2 * 2 * (6 * 3 - 2) ** 2 * 4 * 8)


@pytest.mark.parametrize(("stride", "groups"), [(1, 1), (2, 1), (1, 4), (2, 2)])
def test_the_gradients_of_a_convolution_cost_as_much_as_itself_each(stride, groups):
    x, k = jnp.ones((2, 8, 8, 4)), jnp.ones((3, 3, 4 // groups, 8))
    function = convolution(stride, groups)
    forward = count(function, x, k)
    train = count(
        jax.value_and_grad(lambda x, k: jnp.sum(function(x, k) ** 2), argnums=(0, 1)), x, k
    )
    # Equal in multiplications that meet data; padding differs, so the model count is near.
    assert train.valid == pytest.approx(3 * forward.valid)
    assert train.model == pytest.approx(3 * forward.model, rel=0.35)


def test_a_scan_counts_every_turn():
    assert count(lambda x, w: lax.scan(lambda c, _: (c @ w, None), x, None, 7), X, W).model == (
        7 * PRODUCT
    )


def test_gradient_under_rematerialisation_counts_the_second_forward():
    def loss(x, w):
        return jnp.sum(jnp.sin(jax.checkpoint(lambda x: jnp.sin(x @ w) @ w)(x)))

    assert count(jax.grad(loss, argnums=(0, 1)), X, W).model >= 7 * PRODUCT


def test_a_branch_counts_as_the_dearest():
    def function(p, x, w):
        return lax.cond(p, lambda: x @ w @ w, lambda: x)

    assert count(function, True, X, W).model == 2 * PRODUCT


def test_an_unused_product_is_not_kept():
    def function(x, w):
        dead = x @ w
        del dead
        return x

    # JAX itself may drop dead code while tracing; inside a call it stays.
    flops = count(lambda x, w: jax.jit(lambda x, w: (x @ w, x))(x, w)[1], X, W)
    assert flops.kept == 0
    assert count(function, X, W).kept == 0


def test_a_product_of_constants_is_not_kept():
    constant = jnp.ones((64, 64))
    flops = count(lambda x: x + (constant @ constant)[:8, :16], X)
    assert flops.model == 2 * 64**3
    assert flops.kept == 0


def test_work_that_a_loop_repeats_unchanged_is_kept_once():
    flops = count(lambda x, w: lax.fori_loop(0, 10, lambda i, c: x @ w, x), X, W)
    assert flops.model == 10 * PRODUCT
    assert flops.kept == PRODUCT


def test_honest_programs_keep_everything():
    def loss(x, w):
        return jnp.sum(lax.scan(lambda c, _: (jnp.sin(c @ w), None), x, None, 5)[0])

    flops = count(jax.value_and_grad(loss, argnums=(0, 1)), X, W)
    assert flops.kept == flops.valid == flops.model == 15 * PRODUCT


def test_bytes_and_elements_of_a_tree():
    tree = {"a": jnp.ones((2, 3), jnp.bfloat16), "b": jax.ShapeDtypeStruct((5,), jnp.float32)}
    assert nbytes(tree) == 12 + 20
    assert size(tree) == 11
