"""V-JEPA 2 at a tiny size: what is hidden has no influence, and no gradient reaches the teacher."""

import functools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from models.tiny import assert_runs_and_trains
from reelbench import work
from reelbench.catalogue.models import vjepa2
from reelbench.models.vjepa2 import Encoder, JointEmbedding, standardise

SIZES = {"num_heads": 1, "mlp_dim": 12, "grid": (2, 2, 3), "kernel_size": (2, 4, 4)}
ENCODER = functools.partial(Encoder, 3, 8, depth=2, **SIZES)
MODEL = functools.partial(
    JointEmbedding, 3, 8, depth=1, predictor_width=6, predictor_depth=1, predictor_heads=1,
    predictor_mlp_dim=8, num_mask_tokens=2, **SIZES,
)  # fmt: skip
CLIPS = np.random.default_rng(0).standard_normal((2, 4, 8, 12, 3), np.float32)
MASKS = [
    np.array(rows, np.int32)
    for rows in ([[0, 4, 11], [1, 2, 3]], [[1, 2], [0, 11]], [[5], [6]], [[0, 4, 11], [1, 2, 3]])
]


def test_a_tiny_encoder_runs_and_trains_and_clips_are_independent():
    features, by_clip = assert_runs_and_trains(ENCODER, CLIPS)
    assert features.shape == (2, 12, 8)
    np.testing.assert_array_equal(by_clip[1], 0)


def test_the_predictor_guesses_from_its_context_alone():
    (guessed, known), by_clip = assert_runs_and_trains(MODEL, CLIPS, *MASKS)
    assert [each.shape for each in guessed] == [each.shape for each in known]
    assert [each.shape for each in known] == [(2, 2, 8), (2, 3, 8)]
    tubelets = by_clip[0].reshape(2, 2, 2, 4, 3, 4, 3).transpose(0, 2, 4, 1, 3, 5, 6)
    seen = np.abs(tubelets.reshape(12, -1)).max(axis=-1) > 0
    np.testing.assert_array_equal(np.flatnonzero(seen), MASKS[0][0])


def test_the_teacher_sees_the_whole_clip_and_is_not_trained():
    graph, state = nnx.split(MODEL(rngs=nnx.Rngs(0)))

    @jax.jit
    def gradients(state, x):
        def loss(state):
            (guessed, _), (known, _) = nnx.merge(graph, state)(x, *MASKS)
            return jnp.mean(jnp.abs(guessed - known)), known

        return jax.grad(loss, has_aux=True)(state)

    by_parameter, known = gradients(state, CLIPS)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(by_parameter["teacher"]))
    assert all(np.any(leaf) for leaf in jax.tree.leaves(by_parameter["predictor"]["head"]))
    # The teacher starts as a copy of the encoder.
    features = nnx.merge(graph, state).encoder(CLIPS)
    wanted = standardise(features)[np.arange(2)[:, None], MASKS[1]]
    np.testing.assert_allclose(known, wanted, atol=1e-4)


def test_a_training_step_costs_its_parts_and_the_teacher_only_a_forward_pass(monkeypatch):
    monkeypatch.setitem(vjepa2.SIZES, "tiny", (12, 2, 2, 24))
    monkeypatch.setattr(vjepa2, "PREDICTOR", (6, 1, 1, 12))
    model = vjepa2.predicting(
        "tiny", "tiny", clip=(2, 32, 32), masks=((2, 1), (1, 2)), mask_tokens=2, teacher=True
    )
    model = replace(model, kind="vjepa2")
    whole, parts = work.of_assembled(model, "train"), work.of_parts(model, "train")
    assert whole.parameters == parts.parameters
    assert whole.model_flops == pytest.approx(parts.model_flops, rel=1e-3)
