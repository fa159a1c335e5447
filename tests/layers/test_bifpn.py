"""The BiFPN against its nodes written out one by one, and its fusion."""

import functools

import jax.numpy as jnp
import numpy as np
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import parameter_count
from layers.numpy_convolutional import relu, silu, wide_statistics
from layers.numpy_images import batch_norm, conv2d, flat, flattened, same
from reelbench.layers.bifpn import BiFPNLayer, CoarserLevels, PyramidHead
from reelbench.layers.convnorm import resize_nearest


def separable(p, x):
    y = conv2d(x, p["depthwise"]["kernel"], groups=x.shape[-1])
    return conv2d(y, p["pointwise"]["kernel"]) + p["pointwise"]["bias"]


def projected(p, x):
    return batch_norm(p["norm"], conv2d(x, p["conv"]["kernel"]) + p["conv"]["bias"], epsilon=1e-3)


def pooled(x):
    """Largest of each 3×3 window, every second pixel, with borders that never win."""
    height, width = x.shape[-3:-1]
    pads = same(height, 3, 2), same(width, 3, 2)
    padded = np.pad(x, [(0, 0)] * (x.ndim - 3) + [*pads, (0, 0)], constant_values=-np.inf)
    out = np.zeros((*x.shape[:-3], -(-height // 2), -(-width // 2), x.shape[-1]))
    for i, j in np.ndindex(*out.shape[-3:-1]):
        out[..., i, j, :] = padded[..., 2 * i : 2 * i + 3, 2 * j : 2 * j + 3, :].max((-3, -2))
    return out


def enlarged(x, height, width):
    rows = [i * x.shape[-3] // height for i in range(height)]
    columns = [j * x.shape[-2] // width for j in range(width)]
    return x[..., rows, :, :][..., columns, :]


def node(p, *inputs):
    height, width = inputs[0].shape[-3:-1]
    total, weights = 0.0, relu(p["weights"])
    for place, (x, weight) in enumerate(zip(inputs, weights, strict=True)):
        if str(place) in p.get("projections", {}):
            x = projected(p["projections"][str(place)], x)
        if x.shape[-3] > height:
            x = pooled(x)
        if x.shape[-3] < height:
            x = enlarged(x, height, width)
        total = total + weight * x / (weights.sum() + 1e-4)
    return batch_norm(p["norm"], separable(p["conv"], silu(total)), epsilon=1e-3)


def layer_of_three(p, fine, middle, coarse):
    """Three levels: two nodes down, two up."""
    p = p["layer"]
    down, up = p["down"], p["up"]
    middle_down = node(down[1], middle, coarse)
    fine_out = node(down[0], fine, middle_down)
    middle_out = node(up[0], middle, middle_down, fine_out)
    return flattened([fine_out, middle_out, node(up[1], coarse, middle_out)])


def test_a_layer_agrees_with_its_nodes_written_out():
    make = wide_statistics(flat(functools.partial(BiFPNLayer, (2, 3, 4), 4)))
    inputs = normal(0, 1, 2, 6, 5, 2), normal(1, 1, 2, 3, 3, 3), normal(2, 1, 2, 2, 2, 4)
    assert_agrees(make, layer_of_three, *inputs)


def test_coarser_levels_are_pooled_from_one_projection():
    def oracle(p, x):
        first = pooled(projected(p["layer"]["projection"], x))
        return flattened([first, pooled(first)])

    make = wide_statistics(flat(functools.partial(CoarserLevels, 3, 4, 2)))
    assert_agrees(make, oracle, normal(3, 2, 1, 5, 4, 3))


def test_a_head_shares_its_kernels_but_not_its_norms_among_levels():
    def oracle(p, *levels):
        p, found = p["layer"], []
        for level, x in enumerate(levels):
            for i in range(2):
                y = separable(p["hidden"][i], x)
                x = silu(batch_norm(p["norms"][i][level], y, epsilon=1e-3))
            found.append(separable(p["out"], x))
        return flattened(found)

    make = functools.partial(PyramidHead, 3, 4, levels=2, repeats=2)
    inputs = normal(4, 1, 2, 4, 3, 3), normal(5, 1, 2, 2, 2, 3)
    assert_agrees(wide_statistics(flat(make)), oracle, *inputs)


def test_an_input_of_negative_weight_is_left_out():
    module = BiFPNLayer((3, 3), 3, rngs=nnx.Rngs(0))
    module.eval()
    fine, coarse = normal(0, 1, 1, 4, 4, 3), normal(1, 1, 1, 2, 2, 3)
    run = nnx.jit(lambda layer, *levels: layer(*levels))
    before = run(module, fine, coarse)[0]
    assert np.abs(run(module, fine, coarse + 1)[0] - before).max() > 1e-3
    module.down[0].weights[...] = jnp.asarray([1.0, -0.5])
    before = run(module, fine, coarse)[0]
    np.testing.assert_array_equal(run(module, fine, coarse + 1)[0], before)


def test_resizing_by_a_whole_factor_repeats_pixels():
    x = normal(0, 2, 2, 3, 1)
    np.testing.assert_allclose(
        resize_nearest(x, 4, 9), np.repeat(np.repeat(x, 2, 1), 3, 2), rtol=1e-6
    )


def test_parameters_of_the_published_layers():
    # A node: depthwise, pointwise with bias, norm; and as many weights as inputs.
    nodes = 8 * (9 * 64 + 64 * 64 + 64 + 2 * 64) + 4 * 2 + 3 * 3 + 2
    assert parameter_count("efficientdet-d0-bifpn") == nodes
    projections = [width * 64 + 64 + 2 * 64 for width in (40, 112, 112, 320, 320)]
    assert parameter_count("efficientdet-d0-bifpn-first") == nodes + sum(projections)
    hidden = 3 * (9 * 64 + 64 * 64 + 64 + 5 * 2 * 64)
    assert parameter_count("efficientdet-d0-classes") == hidden + 9 * 64 + 64 * 810 + 810
