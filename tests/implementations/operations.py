"""Operations of random and odd sizes; a kind of operation a row."""

import jax
import jax.numpy as jnp
from hypothesis import strategies as st

from reelbench.implementations import Operation
from reelbench.implementations.geometry import Geometry
from reelbench.implementations.operation import Attention, Pooling

_LENGTHS = st.integers(1, 7)


@st.composite
def convolutions(draw):
    rank = draw(st.sampled_from([3, 3, 2, 1]))
    per_axis = st.tuples(*[_LENGTHS] * rank)
    kernel = tuple(min(each, 3 if rank == 3 else 5) for each in draw(per_axis))
    strides, dilation = (1,) * rank, (1,) * rank
    if draw(st.booleans()):
        # What most layers have, and some implementations need.
        usual = [draw(st.sampled_from([3, 3, 5])) for _ in kernel[-2:]]
        kernel = (*kernel[: rank - len(usual)], *usual)
    else:
        strides = draw(st.tuples(*[st.sampled_from([1, 1, 2, 3])] * rank))
        dilation = tuple(1 if each > 1 else draw(st.sampled_from([1, 2])) for each in strides)
        if draw(st.booleans()):
            # Tubelets: no two outputs see the same input.
            strides, dilation = kernel, (1,) * rank
    padding = tuple((draw(st.integers(0, taps)), draw(st.integers(0, taps))) for taps in kernel)
    # Long enough that there is an output.
    sizes = tuple(
        draw(_LENGTHS) + max((taps - 1) * spread - low - high, 0)
        for taps, spread, (low, high) in zip(kernel, dilation, padding, strict=True)
    )
    features = draw(st.integers(1, 5))
    # Dense, each channel alone, or in groups of some.
    inner, groups = draw(st.sampled_from([(features, 1), (features, 1), (1, features), (2, 3)]))
    features = inner * groups
    out = features if inner == 1 else groups * draw(st.integers(1, 6))
    geometry = Geometry(strides, padding, dilation, groups)
    shapes = (draw(st.integers(1, 2)), *sizes, features), (*kernel, inner, out)
    return Operation("convolution", shapes, "float32", geometry)


@st.composite
def attentions(draw):
    batch, heads = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    # Odd ones, and what libraries take.
    width = draw(st.one_of(st.integers(1, 5), st.sampled_from([8, 16])))
    queries, keys = draw(st.tuples(st.integers(1, 70), st.integers(1, 9)))
    planes = st.sampled_from([None, (1, 1), (batch, 1), (1, heads), (batch, heads)])
    bias, mask = draw(planes), draw(planes)
    shapes = [(batch, queries, heads, width), *[(batch, keys, heads, width)] * 2]
    shapes += [(*each, queries, keys) for each in (bias, mask) if each]
    scale = draw(st.sampled_from([width**-0.5, 0.3]))
    causal = draw(st.booleans())
    details = Attention(
        scale=scale, is_causal=causal, has_bias=bias is not None, has_mask=mask is not None
    )
    return Operation("attention", tuple(shapes), "float32", details)


@st.composite
def broadcasts(draw):
    features, rows = draw(st.tuples(st.integers(2, 70), st.integers(2, 300)))
    return Operation("broadcast", ((rows,), (features,)), "float32", None)


@st.composite
def sums(draw):
    shape = draw(st.tuples(*[st.integers(1, most) for most in (3, 300, 9, 20)]))
    return Operation("sum", (shape,), "float32", None)


@st.composite
def products(draw):
    rows, inner, columns = draw(st.tuples(*[st.integers(1, most) for most in (300, 70, 40)]))
    return Operation("product", ((rows, inner), (inner, columns)), "float32", None)


@st.composite
def chains(draw):
    batch, rows, channels = draw(
        st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 20))
    )
    names = st.sampled_from(["add", "sub", "rsub", "mul", "div"])
    steps = tuple(draw(st.lists(names, min_size=2, max_size=5)))
    vectors = ((batch, channels),) * len(steps)
    return Operation("chain", ((batch, rows, channels), *vectors), "float32", steps)


@st.composite
def pools(draw):
    rank = draw(st.integers(1, 5))
    window = draw(st.tuples(*[st.sampled_from([1, 2, 3, 3])] * rank))
    strides = draw(st.tuples(*[st.sampled_from([1, 2, 3])] * rank))
    padding = tuple(
        (draw(st.integers(0, length - 1)), draw(st.integers(0, length - 1))) for length in window
    )
    shape = tuple(length - 1 + draw(_LENGTHS) for length in window)
    return Operation("pool", (shape,), "float32", Pooling(window, strides, padding))


# Of every kind: what draws operations of it.
KINDS = {
    "convolution": convolutions(),
    "attention": attentions(),
    "broadcast": broadcasts(),
    "chain": chains(),
    "pool": pools(),
    "product": products(),
    "sum": sums(),
}


def operands(operation, seed=0):
    """Normal operands; a last one of an attention with a mask is boolean, no row of it empty."""
    keys = jax.random.split(jax.random.key(seed), len(operation.shapes))
    drawn = [
        jax.random.normal(key, shape, operation.dtype)
        for key, shape in zip(keys, operation.shapes, strict=True)
    ]
    if operation.kind == "attention" and operation.details.has_mask:
        drawn[-1] = (drawn[-1] > 0).at[..., 0].set(True)
    return tuple(drawn)


def floating(drawn):
    """Places of the operands that have a gradient."""
    return tuple(n for n, each in enumerate(drawn) if jnp.issubdtype(each.dtype, jnp.floating))
