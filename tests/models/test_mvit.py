"""MViT at tiny sizes, both versions: it runs and trains, and clips do not see each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from reelbench.catalogue.models.mvit import mvit
from reelbench.models.mvit import MViT


@pytest.mark.parametrize("version", [1, 2])
def test_a_tiny_model_runs_and_trains_and_clips_are_independent(version):
    row = mvit("tiny", version, (1, 1), clip=(4, 16, 24), width=4, heads=1, classes=5)
    model = MViT(**row.options, rngs=nnx.Rngs(0))
    graph, state = nnx.split(model)

    @jax.jit
    def both(state, x):
        def loss(state, x):
            logits = nnx.merge(graph, state)(x)
            return jnp.sum(logits[0] ** 2), logits

        (_, logits), gradients = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(state, x)
        return logits, gradients

    x = np.random.default_rng(0).standard_normal((2, 4, 16, 24, 3), np.float32)
    logits, (by_parameter, by_clip) = both(state, x)
    assert logits.shape == (2, 5)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves((logits, by_parameter)))
    # The loss is of the first clip's logits.
    assert (np.asarray(by_clip)[0] != 0).any()
    np.testing.assert_array_equal(by_clip[1], 0)


def test_the_second_version_widens_in_the_attention_and_the_first_before_it():
    widths = {}
    for version in (1, 2):
        row = mvit("b", version, (1, 2, 11, 2))
        blocks = row.options["blocks"]
        widths[version] = [block["in_features"] for block in blocks]
        assert [n for n, b in enumerate(blocks) if "stride_q" in b] == [1, 3, 14]
        assert [b["stride_kv"][1] for b in blocks] == [8] + 2 * [4] + 11 * [2] + 2 * [1]
    assert widths[1] == [96] + 2 * [192] + 11 * [384] + 2 * [768]
    assert widths[2] == 2 * [96] + 2 * [192] + 11 * [384] + [768]
