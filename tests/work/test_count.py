"""The work of layers by hand, and the record of it against tracing."""

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from reelbench import work
from reelbench.catalogue import counted, find
from reelbench.layers import passes
from reelbench.work.activations import kept_bytes

# The presets' record is checked in tests/catalogue. Tracing every part of every model takes
# minutes: the record is checked on those whose hash happens to be divisible by this.
ONE_IN = 10


def test_a_convolution_by_hand():
    forward, train = (work.of_preset(find("r3d-layer4"), pass_) for pass_ in ("forward", "train"))
    weights, activation = 27 * 512 * 512, 2 * 7 * 7 * 512
    assert forward.parameters == train.parameters == weights
    assert forward.model_flops == 2 * 2 * 7 * 7 * weights
    assert train.model_flops == 3 * forward.model_flops
    assert forward.least_bytes == 4 * (weights + 2 * activation)
    # What is multiplied is held anyway: the weights and the input.
    assert forward.kept_bytes == train.kept_bytes == 0


def test_bytes_follow_the_dtype_of_the_case_and_parameters_stay_in_float32():
    count = work.of_preset(find("r3d-layer4"), dtype="bfloat16")
    weights, activation = 27 * 512 * 512, 2 * 7 * 7 * 512
    assert count.least_bytes == 4 * weights + 2 * 2 * activation


def test_work_grows_with_the_batch_and_parameters_do_not():
    one, four = (work.of_preset(find("videomae-b-joint"), batch=batch) for batch in (1, 4))
    assert four.model_flops == 4 * one.model_flops
    assert four.parameters == one.parameters


def test_an_optimizers_parameters_are_its_inputs():
    count = work.of_preset(find("vit-b-adamw"))
    assert count.parameters == 86_227_200
    # Parameters, both moments and gradients are read; all but the gradients are written.
    assert count.least_bytes == 4 * 86_227_200 * 7


class TwoLayers(nnx.Module):
    """Linear, tanh, linear."""

    def __init__(self, rngs):
        self.first = nnx.Linear(8, 16, rngs=rngs)
        self.second = nnx.Linear(16, 4, rngs=rngs)

    def __call__(self, x):
        return self.second(jnp.tanh(self.first(x)))


def kept(module, x):
    apply, parameters, others = passes.of_module(module, "train")
    return kept_bytes(apply, parameters, others, (x,))


def test_the_activation_between_two_layers_is_kept():
    module = nnx.eval_shape(lambda: TwoLayers(nnx.Rngs(0)))
    got = kept(module, jax.ShapeDtypeStruct((5, 8), jnp.float32))
    # tanh's output serves the second layer's weights; its derivative 1 - tanh² is kept beside it.
    assert got == 4 * 5 * 16 * 2


def test_kept_bytes_grow_with_the_batch():
    module = nnx.eval_shape(lambda: TwoLayers(nnx.Rngs(0)))
    one, seven = (kept(module, jax.ShapeDtypeStruct((n, 8), jnp.float32)) for n in (1, 7))
    assert seven == 7 * one


def entries():
    presets = {row.sizes for row in counted.presets()}
    for name, row, pass_ in counted.everything():
        if row.sizes not in presets and int(row.sizes, 16) % ONE_IN == 0:
            yield pytest.param(row, pass_, id=f"{name}-{pass_}")


@pytest.mark.parametrize(("row", "pass_"), [*entries()])
def test_the_record_of_a_part_is_what_tracing_counts(row, pass_):
    recorded = counted.recorded(row, pass_)
    if recorded is None:
        pytest.skip("not recorded: counted whenever it is asked for (python -m reelbench.work)")
    assert recorded == work.of_preset(row, pass_)
