"""Masked video modelling against loops over tokens, and that what is hidden has no influence."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import layer_norm, linear, parameter_count
from layers.numpy_tokens import block, sinusoid, tokens_of
from reelbench import catalogue
from reelbench.layers.masked import (
    AverageUpdate,
    MaskTokens,
    PixelHead,
    Predictor,
    VisibleBlock,
    VisibleEmbedding,
)

WIDTH, HEADS, HIDDEN = 24, 2, 20
VISIBLE = np.array([[3, 0, 7], [1, 5, 2]], np.int32)
HIDDEN_TOKENS = np.array([[1, 2, 4, 5, 6], [0, 3, 4, 6, 7]], np.int32)


def picked(x, index):
    return np.stack([[clip[i] for i in row] for clip, row in zip(x, index, strict=True)])


def test_visible_tubelets_are_embedded_with_their_positions():
    kernel = (2, 3, 3)
    make = functools.partial(VisibleEmbedding, 3, 5, tokens=8, kernel_size=kernel)

    def oracle(p, x, visible):
        tokens = tokens_of(p["embed"]["tubelets"], x, kernel, kernel, ((0, 0),) * 3)
        return picked(tokens + sinusoid(8, 5), visible)

    assert_agrees(make, oracle, normal(0, 2, 4, 6, 6, 3), VISIBLE)


def test_a_block_over_the_visible_tokens_does_not_see_the_others():
    make = functools.partial(VisibleBlock, WIDTH, HEADS, HIDDEN)
    x = normal(0, 2, 8, WIDTH)
    assert_agrees(make, lambda p, x, kept: block(p["block"], picked(x, kept), HEADS), x, VISIBLE)
    layer, other = make(rngs=nnx.Rngs(0)), x.copy()
    for clip, row in zip(other, HIDDEN_TOKENS, strict=True):
        clip[row] += 1
    np.testing.assert_array_equal(layer(jnp.array(x), VISIBLE), layer(jnp.array(other), VISIBLE))


def test_mask_tokens_follow_the_visible_ones():
    make = functools.partial(MaskTokens, 6, 5, tokens=8)

    def oracle(p, x, visible, hidden):
        seen = linear(p["proj"], layer_norm(p["norm"], x, 1e-6))
        table = sinusoid(8, 5)
        return np.stack(
            [
                np.vstack([seen[n] + table[visible[n]], p["mask"] + table[hidden[n]]])
                for n in range(len(x))
            ]
        )

    assert_agrees(make, oracle, normal(0, 2, 3, 6), VISIBLE, HIDDEN_TOKENS)


def test_only_hidden_tubelets_are_guessed():
    make = functools.partial(PixelHead, 6, 9, hidden=5)

    def oracle(p, x):
        return linear(p["proj"], layer_norm(p["norm"], x[:, 3:], 1e-6))

    assert_agrees(make, oracle, normal(0, 2, 8, 6))


GRID = (2, 2, 2)
PREDICTOR = functools.partial(
    Predictor, 7, WIDTH, depth=2, num_heads=HEADS, mlp_dim=HIDDEN, grid=GRID, num_mask_tokens=2
)


def test_the_predictor_fills_in_the_features_of_its_targets():
    def oracle(p, x, context, targets):
        tokens = np.stack(
            [
                np.vstack([linear(p["tokens"]["proj"], clip)] + [p["tokens"]["mask"][0]] * 5)
                for clip in x
            ]
        )
        places = np.concatenate([context, targets], axis=1)
        for number in range(2):
            tokens = block(p["blocks"][number], tokens, HEADS, grid=GRID, positions=places)
        return linear(p["head"]["proj"], layer_norm(p["head"]["norm"], tokens[:, 3:], 1e-6))

    assert_agrees(PREDICTOR, oracle, normal(0, 2, 3, 7), VISIBLE, HIDDEN_TOKENS)


def test_the_order_of_targets_and_context_does_not_matter():
    with jax.enable_x64(True):
        layer = PREDICTOR(dtype=jnp.float64, param_dtype=jnp.float64, rngs=nnx.Rngs(0))
        x, order = normal(0, 2, 3, 7), np.array([4, 1, 0, 3, 2])
        plain = layer(x, VISIBLE, HIDDEN_TOKENS)
        turned = layer(x[:, ::-1], VISIBLE[:, ::-1], HIDDEN_TOKENS[:, order])
        np.testing.assert_allclose(turned, plain[:, order], atol=1e-12)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_the_average_moves_a_little_towards_the_parameters(dtype):
    shapes = [(3, 4), (5,)]
    leaves = [jnp.asarray(normal(i, *s), dtype) for i, s in enumerate([*shapes, *shapes])]
    got = AverageUpdate(0.9)(*leaves)
    assert len(got) == 2
    for average, parameter, new in zip(leaves[:2], leaves[2:], got, strict=True):
        assert new.dtype == dtype
        wide = [np.asarray(leaf, np.float64) for leaf in (average, parameter)]
        np.testing.assert_allclose(
            np.asarray(new, np.float64), 0.9 * wide[0] + 0.1 * wide[1], rtol=1e-2, atol=1e-6
        )
    with pytest.raises(TypeError, match="two trees"):
        AverageUpdate(0.9)(*leaves[:-1])


def test_the_average_of_vjepa2_l_has_the_parameters_of_its_encoder():
    row = catalogue.find("vjepa2-l-average")
    block_size = 2 * 2 * 1024 + 4 * (1024**2 + 1024) + 2 * 1024 * 4096 + 4096 + 1024
    expected = 2 * 16 * 16 * 3 * 1024 + 1024 + 24 * block_size + 2 * 1024
    for tree in ("average", "p"):
        shapes = [v.shape for k, v in row.inputs.items() if k.startswith(f"{tree}/")]
        assert sum(map(math.prod, shapes)) == expected == 303_885_312
        assert len(shapes) == row.carry


def test_parameters_of_the_decoder_of_videomae_b_and_the_predictor_of_vjepa2_l():
    block_size = 2 * 2 * 384 + 4 * 384 * 384 + 384 + 2 * 384 * 1536 + 1536 + 384
    assert parameter_count("videomae-b-decoder") == block_size + 2 * 384
    assert parameter_count("videomae-b-mask-tokens") == 2 * 768 + 768 * 384 + 384
    assert parameter_count("videomae-b-pixels") == 2 * 384 + 384 * 1536 + 1536
    ends = 1024 * 384 + 384 + 384 * 1024 + 1024 + 2 * 384 + 6 * 384
    expected = 12 * (block_size + 3 * 384) + ends
    assert parameter_count("vjepa2-predictor-8-blocks") == expected
