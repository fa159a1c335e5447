"""Diffusion transformer blocks against loops over tokens, with complex numbers for the rotation."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from reelbench import catalogue
from reelbench.layers.dit import WanBlock, wan_angles
from reelbench.layers.rotary import rotate

WIDTH, HEADS, MLP = 20, 2, 12  # heads of ten: three pairs turn with time, one each with the others


def standardise(x: np.ndarray) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)


def affine(parameters, x: np.ndarray) -> np.ndarray:
    return x @ parameters["kernel"] + parameters["bias"]


def gelu_tanh(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def turn(head: np.ndarray, position: tuple[int, int, int]) -> np.ndarray:
    """One token's features of one head as complex numbers, turned by its position."""
    pairs = len(head) // 2
    counts = (pairs - 2 * (pairs // 3), pairs // 3, pairs // 3)
    angles = [
        place * 10_000 ** (-2 * i / (2 * count))
        for place, count in zip(position, counts, strict=True)
        for i in range(count)
    ]
    return (head[0::2] + 1j * head[1::2]) * np.exp(1j * np.array(angles))


def attention(parameters, x, source, grid=None, image=None) -> np.ndarray:
    """Attention of one clip's tokens, a head and a token at a time; of an image, what is added."""

    def norm(scale, y):
        return y / np.sqrt((y**2).mean(-1, keepdims=True) + 1e-6) * scale

    q = norm(parameters["query_norm"]["scale"], affine(parameters["query"], x))
    sources = [("", source)] if image is None else [("", source), ("image_", image)]
    size = WIDTH // HEADS
    mixed = np.zeros_like(x)
    for (kind, tokens), head in itertools.product(sources, range(HEADS)):
        k = affine(parameters[f"{kind}key"], tokens)
        k = norm(parameters[f"{kind}key_norm"]["scale"], k)
        v = affine(parameters[f"{kind}value"], tokens)
        cut = slice(head * size, (head + 1) * size)
        queries, keys = q[:, cut], k[:, cut]
        if grid is not None:
            places = list(np.ndindex(*grid))
            queries = np.array([turn(y, p) for y, p in zip(queries, places, strict=True)])
            keys = np.array([turn(y, p) for y, p in zip(keys, places, strict=True)])
        for i, query in enumerate(queries):
            logits = np.array([np.vdot(key, query).real for key in keys]) / math.sqrt(size)
            weights = np.exp(logits - logits.max())
            mixed[i, cut] += weights @ v[:, cut] / weights.sum()
    return affine(parameters["out"], mixed)


def block(parameters, x, text, modulation, images=(None, None), *, grid) -> np.ndarray:
    clips = []
    for clip, words, step, image in zip(x, text, modulation, images, strict=True):
        shift1, scale1, gate1, shift2, scale2, gate2 = step + parameters["scale_shift_table"]
        h = standardise(clip) * (1 + scale1) + shift1
        y = clip + gate1 * attention(parameters["self_attention"], h, h, grid)
        h = standardise(y) * parameters["norm3"]["scale"] + parameters["norm3"]["bias"]
        y = y + attention(parameters["cross_attention"], h, words, image=image)
        h = standardise(y) * (1 + scale2) + shift2
        h = affine(parameters["contract"], gelu_tanh(affine(parameters["expand"], h)))
        clips.append(y + gate2 * h)
    return np.array(clips)


@pytest.mark.parametrize(("grid", "image"), [((3, 2, 3), False), ((1, 5, 1), True)])
def test_wan_block_agrees_with_loops_over_heads_and_tokens(grid, image):
    make = functools.partial(WanBlock, WIDTH, HEADS, MLP, grid, image=image)
    shapes = [(2, math.prod(grid), WIDTH), (2, 7, WIDTH), (2, 6, WIDTH), (2, 3, WIDTH)]
    inputs = [normal(i, *shape) for i, shape in enumerate(shapes)]
    assert_agrees(make, functools.partial(block, grid=grid), *inputs[: 4 if image else 3])


def small_block() -> tuple[WanBlock, list[jax.Array]]:
    """A block and its inputs, in float32."""
    shapes = (12, WIDTH), (7, WIDTH), (6, WIDTH)
    module = WanBlock(WIDTH, HEADS, MLP, (2, 3, 2), rngs=nnx.Rngs(0))
    return module, [jnp.asarray(normal(i, 1, *s), jnp.float32) for i, s in enumerate(shapes)]


def test_text_has_no_order_and_changes_the_output():
    module, (x, text, step) = small_block()
    compute = nnx.jit(module)
    out = compute(x, text, step)
    np.testing.assert_allclose(compute(x, text[:, ::-1], step), out, atol=1e-5)
    assert np.abs(compute(x, text + 1, step) - out).max() > 1e-3


def test_with_closed_gates_every_token_stands_alone():
    module, (x, text, opened) = small_block()
    closed = opened.at[:, jnp.array([2, 5])].set(-module.scale_shift_table[...][jnp.array([2, 5])])
    compute = nnx.jit(module)

    def reached(step: jax.Array) -> list[int]:
        change = compute(x.at[:, 4, 0].add(1), text, step) - compute(x, text, step)
        return np.flatnonzero(np.any(change[0] != 0, -1)).tolist()

    assert reached(closed) == [4]
    assert reached(opened) == list(range(12))


def test_rotated_products_depend_on_the_distance_alone():
    grid = (4, 3, 5)
    with jax.enable_x64(True):
        angles = wan_angles(grid, 10, 10_000.0, jnp.float64)
        tokens = math.prod(grid)
        q, k = (np.broadcast_to(normal(i, 10), (1, tokens, 1, 10)) for i in (0, 1))
        q, k = rotate(jnp.asarray(q), angles), rotate(jnp.asarray(k), angles)
        products = np.asarray(q[0, :, 0] @ k[0, :, 0].T).reshape(*grid, *grid)
    np.testing.assert_allclose(products[0, 0, 1, 2, 1, 2], products[1, 1, 3, 3, 2, 4], rtol=1e-10)
    assert abs(products[0, 0, 0, 1, 0, 0] - products[0, 0, 0, 0, 1, 0]) > 1e-6


def parameters_in(preset: str) -> int:
    row = catalogue.find(preset)
    module = nnx.eval_shape(lambda: WanBlock(**row.options, rngs=nnx.Rngs(0)))
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(nnx.state(module, nnx.Param)))


def test_thirty_blocks_and_the_embeddings_have_the_parameters_of_wan_1_3b():
    width = 1536
    attention = 4 * (width * width + width) + 2 * width
    mlp = width * 8960 + 8960 + 8960 * width + width
    assert parameters_in("wan2.1-1.3b-block") == 2 * attention + 2 * width + mlp + 6 * width
    assert parameters_in("wan2.1-1.3b-block-small") == parameters_in("wan2.1-1.3b-block")
    patches = (16 * 1 * 2 * 2 + 1) * width
    text = (4096 + 1) * width + (width + 1) * width
    time = (256 + 1) * width + (width + 1) * width + (width + 1) * 6 * width
    head = (width + 1) * 16 * 1 * 2 * 2 + 2 * width
    whole = 30 * parameters_in("wan2.1-1.3b-block") + patches + text + time + head
    assert whole == 1_418_996_800


def test_parameters_of_the_14b_block():
    width = 5120
    attention = 4 * (width * width + width) + 2 * width
    mlp = width * 13824 + 13824 + 13824 * width + width
    assert parameters_in("wan2.1-14b-block") == 2 * attention + 2 * width + mlp + 6 * width


@pytest.mark.parametrize(
    ("name", "tokens"), [("wan2.1-1.3b-block", 32_760), ("wan2.1-14b-block", 75_600)]
)
def test_published_clips_have_the_published_number_of_tokens(name, tokens):
    assert catalogue.find(name).tokens == tokens
