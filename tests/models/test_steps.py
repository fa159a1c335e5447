"""Models at small sizes: the whole against its parts, and with rematerialisation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from models.stepping import build
from reelbench import models, work
from reelbench.catalogue.models import find_model
from reelbench.catalogue.models.steps import small
from reelbench.layers import passes
from reelbench.models.rematerialised import rematerialise

# One of each sort; the rest differ from published models, which are all counted, in sizes alone.
SMALL = [
    pytest.param(model, id=model.name)
    for model in small()
    if model.kind not in ("x3d", "efficientdet", "videomamba", "mvit", "s3d", "cosmos_tokenizer")
]


@pytest.mark.parametrize("model", SMALL)
def test_a_model_at_another_size_is_the_sum_of_its_layers(model):
    whole, parts = work.of_assembled(model), work.of_parts(model)
    assert parts.parameters == whole.parameters
    assert parts.model_flops == whole.model_flops


def _losses(model, *, again):
    def create():
        return models.create(model, dtype=jnp.float32)

    module = build(create)
    if again:
        rematerialise(module, model.parts)
    apply, parameters, others = passes.of_module(module, "train")
    x = np.random.default_rng(0).standard_normal((1, *model.inputs["x"].shape), np.float32)

    def loss(parameters, others):
        fresh = jax.tree.map(lambda leaf: leaf, others)
        outputs, updated = apply(parameters, fresh, (x,))
        return jnp.sum(jnp.square(outputs)), updated

    graded = jax.jit(jax.value_and_grad(loss, has_aux=True))
    text = str(jax.make_jaxpr(graded)(parameters, others))
    return graded(parameters, others), text


@pytest.mark.parametrize("name", ["videomae-s@2x32x32,depth=2", "r3d_18@2x16x16,depths=1x1x1x1"])
def test_rematerialisation_computes_the_same_and_keeps_less(name):
    model = find_model(name)
    (plain, _), (again, text) = _losses(model, again=False), _losses(model, again=True)
    assert "remat" in text or "checkpoint" in text
    for ours, theirs in zip(jax.tree.leaves(again), jax.tree.leaves(plain), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-3)


def test_rematerialisation_leaves_the_class_of_other_models_alone():
    model = find_model("videomae-s@2x32x32,depth=2")

    def create():
        module = models.create(model, dtype=jnp.float32)
        rematerialise(module, model.parts)
        return module

    changed = nnx.eval_shape(create)
    plain = nnx.eval_shape(lambda: models.create(model, dtype=jnp.float32))
    kinds = [{type(each) for _, each in nnx.iter_modules(module)} for module in (changed, plain)]
    assert kinds[0] != kinds[1]
