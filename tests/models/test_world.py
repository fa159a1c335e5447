"""World models at tiny sizes: they run and train, and nothing sees what comes after it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from reelbench.catalogue.models.world import driving, masked
from reelbench.models.world import DrivingWorld, STMaskGIT


@functools.cache
def masked_model():
    row = masked(
        "tiny", 8, 2, 2, source="", clip=(4, 2, 3), places=6, vocabulary=3, digits=2, actions=3
    )
    model = STMaskGIT(**row.options, rngs=nnx.Rngs(0))
    rng = np.random.default_rng(0)
    inputs = tuple(rng.integers(0, i.below, (2, *i.shape)) for i in row.inputs.values())
    return (*compiled(model), inputs)


@functools.cache
def driving_model():
    row = driving(
        "tiny", 8, 2, 2, source="", clip=(3, 1, 4), image_tokens=4, vocabulary=5, text=(2, 6)
    )
    model = DrivingWorld(**row.options, rngs=nnx.Rngs(0))
    rng = np.random.default_rng(0)
    text = rng.standard_normal((2, 3, 2, 6), np.float32)
    image = rng.integers(0, 5, (2, 3, 4))
    actions = rng.standard_normal((2, 3, 2), np.float32)
    return (*compiled(model), (text, image, actions))


def compiled(model):
    """Logits, and gradients of the mean square of the first clip's."""
    graph, state = nnx.split(model)

    @jax.jit
    def both(state, *inputs):
        def loss(state):
            logits = nnx.merge(graph, state)(*inputs)
            return jnp.mean(logits[0] ** 2), logits

        (_, logits), gradients = jax.value_and_grad(loss, has_aux=True)(state)
        return logits, gradients

    return both, state


def moved(model, place, change):
    """Which logits a changed input changes: the largest change over the vocabulary."""
    both, state, inputs = model
    altered = [np.array(each) for each in inputs]
    altered[place[0]][place[1:]] = change(altered[place[0]][place[1:]])
    before, after = both(state, *inputs)[0], both(state, *altered)[0]
    return np.abs(before - after).max(axis=-1)


def test_tiny_models_run_and_train():
    for model, shape in ((masked_model(), (2, 4, 6, 2, 3)), (driving_model(), (2, 3, 4, 5))):
        both, state, inputs = model
        logits, gradients = both(state, *inputs)
        assert logits.shape == shape
        assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves((logits, gradients)))
        assert all((leaf != 0).any() for leaf in jax.tree.leaves(gradients))


def test_a_masked_model_sees_its_own_frame_and_those_before():
    for place in ((0, 0, 2, 1), (1, 0, 2)):  # a token, and the action, of the third frame
        change = moved(masked_model(), place, lambda number: (number + 1) % 3)
        assert (change[0, :2] == 0).all()
        assert (change[0, 2:] > 0).all()
        assert (change[1] == 0).all()


def test_a_driving_model_predicts_a_token_from_all_before_it():
    change = moved(driving_model(), (1, 0, 1, 2), lambda number: (number + 1) % 5)
    flat = change[0].reshape(-1)
    assert (flat[: 4 + 3] == 0).all()  # up to the token itself
    assert (flat[4 + 3 :] > 0).all()
    assert (change[1] == 0).all()
    change = moved(driving_model(), (2, 0, 1, 0), lambda speed: speed + 1)
    assert (change[0, :2] == 0).all()
    assert (change[0, 2] > 0).all()
