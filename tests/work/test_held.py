"""What train passes hold, read from what XLA's CPU compiler printed for them."""

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from reelbench.layers import passes
from reelbench.work.held import held

F32 = 4


def of(layer, parameters, x):
    """What the compiled train pass of a layer holds."""

    def apply(parameters, others, inputs):
        return layer(parameters, *inputs), others

    y = jax.eval_shape(layer, parameters, x)
    train = jax.jit(passes.train(apply, (False,)))
    return held(train.lower(parameters, {}, (x,), y).compile().as_text())


def array(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def test_a_product_keeps_only_what_it_was_given():
    found = of(lambda w, x: x @ w["kernel"], {"kernel": array(32, 64)}, array(16, 32))
    assert found.kept_bytes == F32 * 16 * 32
    assert found.prepared_bytes == found.prepared_forward_bytes == 0
    assert found.largest_parameter_bytes == F32 * 32 * 64


@settings(deadline=None, max_examples=10)
@given(st.integers(2, 40), st.integers(1, 5))
def test_each_layer_of_a_chain_keeps_what_it_hands_on(rows, depth):
    def chain(kernels, x):
        for kernel in kernels:
            x = jnp.tanh(x @ kernel)
        return x

    found = of(chain, [array(8, 8)] * depth, array(rows, 8))
    # The input, and each layer's output, of which its derivative is made.
    assert found.kept_bytes == F32 * 8 * rows * (1 + depth)


def test_what_depends_on_parameters_alone_is_told_from_what_depends_on_the_clip():
    def layer(w, x):
        return jnp.sin(x) @ lax.cumsum(w["kernel"])

    found = of(layer, {"kernel": array(32, 32)}, array(8, 32))
    assert found.prepared_bytes >= F32 * 32 * 32
    assert found.kept_bytes <= 2 * F32 * 8 * 32


def test_a_convolution_that_turns_its_kernel_around_prepares_that():
    def layer(w, x):
        windows = ((1, 1),) * 3
        return lax.conv_general_dilated(
            x, w["kernel"], (1, 1, 1), windows, dimension_numbers=("NDHWC", "DHWIO", "NDHWC")
        )

    kernel, x = array(3, 3, 3, 16, 16), array(1, 4, 8, 8, 16)
    found = of(layer, {"kernel": kernel}, x)
    nbytes = F32 * 27 * 16 * 16
    assert found.largest_parameter_bytes == nbytes
    assert found.prepared_bytes in (0, nbytes)  # whether it does is the compiler's to choose
    assert found.kept_bytes == pytest.approx(F32 * 4 * 8 * 8 * 16, rel=0.1)


def test_a_program_without_a_cotangent_holds_nothing_for_a_backward_pass():
    def run(parameters, inputs):
        return inputs @ parameters

    text = jax.jit(run).lower(array(8, 8), array(8, 8)).compile().as_text()
    assert held(text) is None


TEXT = """\
HloModule jit_train, is_scheduled=true

ENTRY %main (parameters.1: f32[3,5], inputs.1: bf16[7,3], cotangent.1: f32[7,5]) -> f32[] {
  %parameters.1 = f32[3,5]{1,0} parameter(0), metadata={op_name="parameters"}
  %inputs.1 = bf16[7,3]{1,0} parameter(1)
  %cotangent.1 = f32[7,5]{1,0} parameter(2)
  %turned = f32[5,3]{1,0} fusion(%parameters.1), kind=kLoop, calls=%turn
  %used = f32[3,5]{1,0} copy(%parameters.1)
  %wide = f32[7,3]{1,0} convert(%inputs.1)
  %seen = f32[3,7]{0,1} bitcast(%wide)
  %pair = (f32[7,5]{1,0}, s8[100]{0}) custom-call(%wide, %used), custom_call_target="dot"
  %out = f32[7,5]{1,0} get-tuple-element(%pair), index=0
  %spent = f32[7,5]{1,0} negate(%out)
  %back = f32[7,3]{1,0} dot(f32[7,5]{1,0} %cotangent.1, f32[5,3]{1,0} %turned)
  %slope = f32[3,5]{1,0} dot(%seen, %cotangent.1), lhs_contracting_dims={1}
  %zero = f32[] constant(0)
  %zeros = f32[2,3]{1,0} broadcast(%zero), dimensions={}
  %sum = f32[2,3]{1,0} custom-call(%back, %zeros), custom_call_target="sum"
  %loss = f32[] dot(%spent, %cotangent.1)
  ROOT %all = (f32[], f32[7,3]{1,0}, f32[3,5]{1,0}, f32[2,3]{1,0}) tuple(%loss, %back, %slope, %sum)
}
"""


def test_views_tuples_and_types_of_the_printed_text_are_understood():
    found = held(TEXT)
    assert found.kept_bytes == F32 * 7 * 3  # the value that the backward pass sees turned
    assert found.prepared_bytes == F32 * (5 * 3 + 2 * 3)
    assert found.constant_bytes == F32 * 2 * 3  # zeros, of which a sum is begun
    assert found.prepared_forward_bytes == F32 * 3 * 5
    assert found.largest_parameter_bytes == F32 * 3 * 5
