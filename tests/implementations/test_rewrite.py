import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax

from reelbench.implementations import Limits, all_parts, candidates, recognise, using
from reelbench.layers.multihead import attend

X = jax.random.normal(jax.random.key(0), (2, 4, 6, 6, 3))


def operations(function, *arguments):
    program = jax.make_jaxpr(function)(*arguments)
    found = (recognise(eqn) for eqn in all_parts(program))
    return {each.operation for each in found if each is not None}


def replaced(function, *arguments):
    """The function with the first candidate of each of its operations, and how many there are."""
    every = operations(function, *arguments)
    chosen = {operation: candidates(operation, Limits(2**12))[0] for operation in every}
    made = using(function, chosen)
    left = operations(made, *arguments)
    assert not left & set(every)
    return made, len(every)


def convolve(x, kernel):
    return lax.conv_general_dilated(
        x, kernel, (1, 1, 1), "SAME", dimension_numbers=("NDHWC", "DHWIO", "NDHWC")
    )


KERNEL = jax.random.normal(jax.random.key(1), (3, 3, 3, 3, 3))


def in_scan(x, kernel):
    return lax.scan(lambda state, _: (jnp.tanh(convolve(state, kernel)), state.sum()), x, None, 3)


def in_branch(x, kernel):
    return lax.cond(x.sum() > 0, convolve, lambda x, kernel: x * kernel.sum(), x, kernel)


FUNCTIONS = {
    "alone": convolve,
    "in jit": jax.jit(convolve),
    "in remat": jax.checkpoint(lambda x, k: jnp.sin(convolve(jnp.sin(x), k))),
    "in scan": in_scan,
    "in cond": in_branch,
    "after relu": lambda x, k: convolve(jax.nn.relu(x), k),
    "twice": lambda x, k: convolve(convolve(x, k), k),
    "vmapped": lambda x, k: jax.vmap(lambda each: convolve(each[None], k)[0])(x),
    "outputs of a tree": lambda x, k: {"a": convolve(x, k), "b": (x, k)},
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_operation_is_replaced_wherever_it_stands(name):
    function = FUNCTIONS[name]
    made, count = replaced(function, X, KERNEL)
    assert count == 1

    def loss(function):
        def total(x, kernel):
            return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(function(x, kernel)))

        return total

    here, there = made(X, KERNEL), function(X, KERNEL)
    assert jax.tree.structure(here) == jax.tree.structure(there)
    for one, other in zip(jax.tree.leaves(here), jax.tree.leaves(there), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    for one, other in zip(
        jax.grad(loss(made), (0, 1))(X, KERNEL), jax.grad(loss(function), (0, 1))(X, KERNEL),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-2)


def test_any_layout_of_a_convolution_is_found():
    def first(x, kernel):
        return lax.conv_general_dilated(
            x, kernel, (1, 2), [(1, 1), (0, 2)], dimension_numbers=("NCHW", "OIHW", "NCHW")
        )

    x = jax.random.normal(jax.random.key(2), (2, 3, 8, 9))
    kernel = jax.random.normal(jax.random.key(3), (5, 3, 3, 3))
    made, _ = replaced(first, x, kernel)
    np.testing.assert_allclose(made(x, kernel), first(x, kernel), rtol=1e-4, atol=1e-4)


def test_a_users_module_is_rewritten_without_knowing_of_it():
    module = nnx.Sequential(
        nnx.Conv(3, 8, (3, 3, 3), rngs=nnx.Rngs(0)),
        nnx.relu,
        nnx.Conv(8, 2, (1, 3, 3), rngs=nnx.Rngs(1)),
    )
    graph, state = nnx.split(module)

    def apply(state, x):
        return nnx.merge(graph, state)(x)

    made, count = replaced(apply, state, X)
    assert count == 2
    np.testing.assert_allclose(made(state, X), apply(state, X), rtol=1e-4, atol=1e-5)


VECTORS = {
    "scale and bias": lambda x, a, b: jnp.tanh(x * a) + b,
    "less": lambda x, a, b: jnp.sin(x - a / 2) - b,
    "over": lambda x, a, b: jnp.sin(x / (2 + a**2)) + b,
    "outer": lambda x, a, b: x * (jnp.abs(x).mean(-1, keepdims=True) * a) + b,
    "spread out": lambda x, a, b: jnp.sin(jnp.broadcast_to(a, x.shape) + x) * b,
    "columns": lambda x, a, b: (x - x.mean(-1, keepdims=True)) * a + b,
    "a column spread out": lambda x, a, b: x * jnp.broadcast_to((x @ a)[..., None], x.shape) + b,
}


@pytest.mark.parametrize("name", VECTORS)
def test_vectors_beside_rows_and_columns_are_found_and_their_gradients_are_the_same(name):
    function = VECTORS[name]
    x = jax.random.normal(jax.random.key(5), (2, 600, 64))
    a, b = jax.random.normal(jax.random.key(6), (2, 64))
    (operation,) = operations(function, x, a, b)
    assert (operation.kind, operation.shapes) == ("broadcast", ((1200,), (64,)))
    (ones,) = candidates(operation, Limits())
    made = using(function, {operation: ones})

    def loss(function):
        return lambda *given: jnp.sum(jnp.cos(function(*given)))

    products = [
        str(jax.make_jaxpr(jax.grad(loss(each), (0, 1, 2)))(x, a, b)).count("dot_general")
        for each in (function, made)
    ]
    assert products[0] < products[1]
    for one, other in zip(
        jax.grad(loss(made), (0, 1, 2))(x, a, b),
        jax.grad(loss(function), (0, 1, 2))(x, a, b),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("shape", "vector"),
    [((8, 64), (64,)), ((2, 1024, 64), (1024, 1)), ((2, 1024, 64), (1024, 64)), ((2048, 64), ())],
)
def test_small_arrays_other_sides_and_scalars_stay_as_they_are(shape, vector):
    assert not operations(lambda x, a: x * a, jnp.ones(shape), jnp.ones(vector))


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.2}])
def test_attention_is_found_with_its_details(options):
    q = jax.random.normal(jax.random.key(4), (2, 5, 3, 4))

    def function(q):
        return attend(q, q + 1, q * 2, **options)

    (operation,) = operations(function, q)
    assert operation.details.is_causal == options.get("is_causal", False)
    assert operation.details.scale == options.get("scale", 0.5)
    made, _ = replaced(function, q)
    np.testing.assert_allclose(made(q), function(q), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"lhs_dilation": (2, 2, 2)},
        {"batch_group_count": 2},
        {"window_strides": (2, 1, 1), "rhs_dilation": (2, 1, 1)},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_none_can_compute_stays_as_it_is(options):
    def function(x, kernel):
        given = {"window_strides": (1, 1, 1), **options}
        return lax.conv_general_dilated(
            x, kernel, padding=[(2, 2)] * 3, dimension_numbers=("NDHWC", "DHWIO", "NDHWC"), **given
        )

    kernel = KERNEL if "batch_group_count" not in options else KERNEL[..., :2]
    every = operations(function, X, kernel)
    assert not [each for each in every if candidates(each, Limits())]


def group_statistics(x):
    return jnp.square(x).reshape(*x.shape[:3], 32, 4).sum((1, 2, 4))


def test_a_sum_over_positions_and_groups_is_found_and_made_rows_first():
    x = jax.random.normal(jax.random.key(7), (2, 32, 64, 128))
    (operation,) = operations(group_statistics, x)
    assert (operation.kind, operation.shapes) == ("sum", ((2, 2048, 32, 4),))
    (rows,) = candidates(operation, Limits())
    made = using(group_statistics, {operation: rows})
    for one, other in zip(
        (made(x), *jax.vjp(made, x)[1](made(x))),
        (group_statistics(x), *jax.vjp(group_statistics, x)[1](made(x))),
        strict=True,
    ):
        assert float(jnp.linalg.norm(one - other)) <= 1e-5 * float(jnp.linalg.norm(other))


@pytest.mark.parametrize(
    "axes", [(0,), (0, 1), (2,), (1, 2), (3,), (0, 3), (0, 1, 3), (0, 1, 2, 3)]
)
def test_sums_in_any_order_stay_the_same(axes):
    x = jax.random.normal(jax.random.key(8), (8, 32, 16, 64))
    function = functools.partial(jnp.sum, axis=axes)
    chosen = {each: candidates(each, Limits())[0] for each in operations(function, x)}
    assert bool(chosen) == (axes in ((0, 3), (0, 1, 3)))
    np.testing.assert_allclose(using(function, chosen)(x), function(x), rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(
    ("equation", "kernel", "found"),
    [
        ("btc,cd->btd", (256, 192), True),
        ("btc,chd->bthd", (256, 3, 64), True),
        ("bthc,hcd->btd", (4, 64, 192), True),
        # Another order of axes, a kernel for every clip, and too little work.
        ("btc,dc->btd", (192, 256), False),
        ("btc,bcd->btd", (2, 256, 192), False),
        ("btc,cd->btd", (256, 2), False),
    ],
)
def test_a_product_over_positions_is_found_and_stays_the_same(equation, kernel, found):
    x = jax.random.normal(jax.random.key(9), (2, 256, 256))
    if "hc" in equation:
        x = x.reshape(2, 256, 4, 64)
    w = jax.random.normal(jax.random.key(10), kernel)
    function = functools.partial(jnp.einsum, equation)
    every = operations(function, x, w)
    assert [each.kind for each in every] == ["product"] * found
    made = using(function, {each: candidates(each, Limits())[0] for each in every})
    y, pull = jax.vjp(function, x, w)
    for one, other in zip((made(x, w), *jax.vjp(made, x, w)[1](y)), (y, *pull(y)), strict=True):
        assert float(jnp.linalg.norm(one - other)) <= 1e-5 * float(jnp.linalg.norm(other))


@pytest.mark.parametrize("how", [{"precision": "highest"}, {"preferred_element_type": "float32"}])
def test_a_product_that_asks_for_digits_keeps_them(how):
    x, w = jnp.ones((512, 256), "bfloat16"), jnp.ones((256, 256), "bfloat16")
    assert not operations(lambda x, w: jnp.matmul(x, w, **how), x, w)
    assert operations(jnp.matmul, x, w)


def a_norm(x, scale, bias):
    wide = x.reshape(*x.shape[:3], 8, 8)
    mean, square = wide.mean((1, 2, 4)), jnp.square(wide).mean((1, 2, 4))
    deviation = jnp.repeat(lax.rsqrt(square - jnp.square(mean) + 1e-5), 8, -1)
    made = (x - jnp.repeat(mean, 8, -1)[:, None, None]) * deviation[:, None, None]
    return made * scale + bias


CHAINS = {
    "a norm of groups": (a_norm, ("sub", "mul", "mul", "add"), 3),
    "of a batch": (
        lambda x, a, b: (x - x.mean((0, 1, 2))) / (1 + a**2) + b,
        ("sub", "div", "add"),
        1,
    ),
    "the other way about": (lambda x, a, b: a - (b + x), ("add", "rsub"), 1),
    "with a number": (
        lambda x, a, b: (jnp.sin(x) * a * 2 - 1) * b,
        ("mul", "mul", "sub", "mul"),
        1,
    ),
    "spread out": (lambda x, a, b: x * jnp.broadcast_to(a, x.shape) + b, ("mul", "add"), 1),
    "of each clip": (lambda x, a, b: x * x.sum((1, 2), keepdims=True) + b, ("mul", "add"), 3),
    "in jit": (jax.jit(lambda x, a, b: jnp.cos(x * a + b)), ("mul", "add"), 1),
}  # fmt: skip


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_is_found_multiplied_out_and_has_the_same_gradients(name):
    function, steps, batch = CHAINS[name]
    x = jax.random.normal(jax.random.key(9), (3, 32, 16, 64))
    a, b = jax.random.normal(jax.random.key(10), (2, 64))
    (chain,) = [each for each in operations(function, x, a, b) if each.kind == "chain"]
    rows = x.size // (batch * 64)
    assert (chain.details, chain.shapes[0]) == (steps, (batch, rows, 64))
    expected = jax.vjp(function, x, a, b)
    for affine in candidates(chain, Limits()):
        made = jax.vjp(using(function, {chain: affine}), x, a, b)
        cotangent = jnp.cos(expected[0])
        for one, other in zip(
            (made[0], *made[1](cotangent)), (expected[0], *expected[1](cotangent)), strict=True
        ):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, a: x * a + x,
        lambda x, a: (lambda y: jnp.sum(y) + (y + a))(x * a),
        lambda x, a: (x - x.mean(-1, keepdims=True)) * x.std(-1, keepdims=True),
        lambda x, a: 2 * x + 1,
        lambda x, a: (x[0, 0, 0] + a) * a,
        lambda x, a: (x - x.mean((0, 2), keepdims=True)) * a,
        lambda x, a: (lambda y: y * y[:, :1, :1] + y[:1, :, :1, :1])(x.reshape(3, -1, 4, 64)),
    ],
    ids=[
        "read again",
        "one step",
        "columns",
        "numbers alone",
        "small",
        "not one after another",
        "few rows",
    ],
)
def test_what_is_no_chain_stays_as_it_is(function):
    x, a = jax.random.normal(jax.random.key(11), (3, 32, 16, 64)), jnp.ones(64)
    assert not [each for each in operations(function, x, a) if each.kind == "chain"]
