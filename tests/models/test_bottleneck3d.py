"""C2D, I3D, Slow and R(2+1)D-50 at a tiny size, and how their figures were counted."""

from math import prod

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from models.classifiers import assert_classifies, draw, logits
from reelbench import layers, work
from reelbench.catalogue.models import Published, find_model
from reelbench.catalogue.models.bottleneck3d import C2D, I3D, R2PLUS1D, SLOW
from reelbench.layers import passes
from reelbench.models.bottleneck3d import BottleneckResNet3D


def tiny(**options):
    options = {key: value for key, value in options.items() if key != "source"}
    sizes = {"width": 4, "num_classes": 3, "depths": (1, 1)}
    return BottleneckResNet3D(**{**sizes, **options}, rngs=nnx.Rngs(0))


@pytest.mark.parametrize("options", [{**I3D, "depths": (1, 2)}, R2PLUS1D], ids=["i3d", "r2plus1d"])
def test_a_tiny_model_classifies(options):
    assert_classifies(tiny(**options), 3, *draw((4, 32, 32, 3)))


def test_only_longer_kernels_see_the_order_of_frames():
    (x,) = draw((4, 32, 32, 3))
    pair_swapped = x[:, jnp.array([1, 0, 2, 3])]
    blind, seeing = tiny(**C2D), tiny(temporal_kernels=SLOW[2:])
    np.testing.assert_allclose(logits(blind, x), logits(blind, pair_swapped), rtol=1e-4, atol=1e-5)
    assert np.abs(logits(seeing, x) - logits(seeing, pair_swapped)).max() > 1e-3


@pytest.mark.parametrize(
    ("name", "figure", "each"),
    [
        ("c2d_r50-8x256", "25.89 G", 5),
        ("i3d_r50-8x256", "37.53 G", 5),
        ("slow_r50-8x256", "54.52 G", 0),
        ("slow_r50-8x256", "54.75 G", 2),
        ("slow_r50-4x256", "27.55 G", 5),
        ("slow_r50-4x256", "27.38 G", 2),
        ("r2plus1d_r50-16x256", "76.45 G", 5),
        ("slowfast_r50-32x256", "65.71 G", 0),
        ("slowfast_r50-32x256", "66.1 G", 2),
        ("slowfast_4x16_r50-32x256", "36.69 G", 5),
        ("slowfast_4x16_r50-32x256", "36.3 G", 2),
        ("slowfast_r101-32x256", "127.20 G", 5),
        ("slowfast_16x8_r101_50_50-64x256", "215.61 G", 5),
        ("tsm-r50", "32.88 G", 2),
    ],
)
def test_a_figure_is_met_to_its_last_digit_with_its_count_of_batch_normalisation(
    monkeypatch, name, figure, each
):
    model = find_model(name)
    assert figure in {published.figure for published in model.published}
    total = work.of_parts(model).model_flops / 2
    for part in model.parts:
        total += each * part.count * normalised(monkeypatch, part.preset)
    assert Published("macs", figure, "").holds(total)


_normalised: dict[str, int] = {}


def normalised(monkeypatch, preset):
    """Numbers that batch normalisations read in one call of a layer."""
    if preset.sizes not in _normalised:
        sizes, original = [], nnx.BatchNorm.__call__

        def counting(self, x, **rest):
            sizes.append(prod(x.shape))
            return original(self, x, **rest)

        module = nnx.eval_shape(lambda: layers.create(preset, dtype=jnp.float32))
        apply, *state = passes.of_module(module, "forward")
        inputs = tuple(passes.shape_of(each, 1, "float32") for each in preset.inputs.values())
        with monkeypatch.context() as patch:
            patch.setattr(nnx.BatchNorm, "__call__", counting)
            jax.eval_shape(passes.forward(apply), *state, inputs)
        _normalised[preset.sizes] = sum(sizes)
    return _normalised[preset.sizes]
