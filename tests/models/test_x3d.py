"""X3D runs, and PyTorchVideo's figures of it are ours and the normalisations'."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from reelbench import models, work
from reelbench.catalogue.models import find_model
from reelbench.models.x3d import X3D


def test_a_tiny_model_has_finite_scores_and_gradients():
    model = X3D(depths=(1, 2), widths=(4, 8), head_features=16, num_classes=5, rngs=nnx.Rngs(0))
    clips = jnp.asarray(np.random.default_rng(0).standard_normal((2, 3, 12, 10, 3)), jnp.float32)

    @nnx.jit
    def step(model, clips):
        def loss(model):
            scores = model(clips)
            return jnp.sum(scores**2), scores

        return nnx.value_and_grad(loss, has_aux=True)(model)

    (_, scores), gradients = step(model, clips)
    assert scores.shape == (2, 5)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((scores, gradients)))

    model.eval()
    score = nnx.jit(lambda m, clips: m(clips))
    np.testing.assert_allclose(
        score(model, clips)[:1], score(model, clips.at[1].add(1.0))[:1], rtol=1e-5
    )


@pytest.mark.parametrize(
    ("name", "figure"),
    [("x3d-m-16x256", 6.72e9), ("csn-r101-32x256", 75.62e9)],
)
def test_a_counter_of_normalisations_gives_the_figures_of_the_test_crop(monkeypatch, name, figure):
    # fvcore before 2021-06: multiply-accumulates, and 5 for each value that is normalised.
    row, values = find_model(name), []
    products = work.of_parts(row).model_flops / 2
    call = nnx.BatchNorm.__call__

    def counting(self, x, *rest, **options):
        values.append(x.size)
        return call(self, x, *rest, **options)

    monkeypatch.setattr(nnx.BatchNorm, "__call__", counting)

    def run(clip):
        model = models.create(row, dtype=jnp.float32)
        model.eval()
        return model(clip)

    jax.eval_shape(run, jax.ShapeDtypeStruct((1, *row.clip, 3), jnp.float32))
    assert products + 5 * sum(values) == pytest.approx(figure, rel=1e-4)
