"""Where the arithmetic of a program is, read from texts that XLA printed."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from reelbench.measure.repeat import repeat_inside
from reelbench.work.compiled import loop_work

X = jnp.ones((8, 32))
W = jnp.ones((32, 32))
PRODUCT = 2 * 8 * 32 * 32


def before_and_after(function, *arguments):
    lowered = jax.jit(function).lower(*arguments)
    return loop_work(lowered.as_text(dialect="hlo")), loop_work(lowered.compile().as_text())


def turns(body):
    return lambda x, w: lax.fori_loop(0, 9, lambda i, c: body(i, c, x, w), x)


def scanned(x, w):
    return lax.scan(lambda c, row: (jnp.tanh(c @ w + row), c[0]), x, jnp.stack([x] * 5))


GENUINE = {
    "known turns": turns(lambda i, c, x, w: jnp.tanh(c @ w)),
    "scan": scanned,
    "scan, gradient": jax.grad(lambda x, w: scanned(x, w)[0].sum()),
    "nested": turns(lambda i, c, x, w: lax.fori_loop(0, 3, lambda j, d: jnp.tanh(d @ w), c)),
    "until it is small": lambda x, w: lax.while_loop(
        lambda c: c.sum() > 1, lambda c: 0.1 * jnp.tanh(c @ w), x
    ),
    "in a branch": turns(
        lambda i, c, x, w: lax.cond(c.sum() > 0, lambda c: c @ w, lambda c: c @ w.T, c)
    ),
}


@pytest.mark.parametrize("name", GENUINE)
def test_work_that_changes_from_turn_to_turn_stays_in_its_loop(name):
    before, after = before_and_after(GENUINE[name], X, W)
    assert before.loops >= 1
    assert before.inside >= PRODUCT
    assert after.inside >= 0.9 * before.inside
    assert not after.opaque


@pytest.mark.parametrize(
    "body",
    [
        lambda i, c, x, w: c + x @ w,
        lambda i, c, x, w: c + (x + 0 * i) @ w,
        lambda i, c, x, w: c + (x + (i - i)) @ w,
    ],
)
def test_work_that_the_compiler_moves_out_of_a_loop_is_found_outside(body):
    before, after = before_and_after(turns(body), X, W)
    assert before.inside >= PRODUCT
    assert after.inside < 0.1 * PRODUCT
    assert after.outside >= PRODUCT


def test_work_that_the_compiler_drops_from_a_loop_is_nowhere():
    def body(i, c, x, w):
        return 0.5 * c + jnp.where(0 * i > 1, c @ w, 0)

    before, after = before_and_after(turns(body), X, W)
    assert before.inside >= PRODUCT
    assert after.inside + after.outside < 0.1 * PRODUCT


def test_a_loop_of_one_turn_is_unrolled_and_its_work_is_found_outside():
    _, after = before_and_after(lambda x, w: lax.fori_loop(0, 1, lambda i, c: c @ w, x), X, W)
    assert after.loops == 0
    assert after.outside == PRODUCT


def test_a_probe_keeps_its_work_in_its_loop():
    repeated = repeat_inside(lambda c: jnp.tanh(c @ jnp.eye(32)))
    before, after = before_and_after(repeated, X, jnp.int32(9))
    assert before.loops == after.loops == 1
    assert after.inside >= 0.9 * before.inside >= 0.9 * PRODUCT


@pytest.mark.parametrize("groups", [1, 4])
def test_a_convolution_counts_its_products_and_sums(groups):
    kernel = jnp.ones((3, 3, 8 // groups, 8))

    def convolve(x):
        return lax.conv_general_dilated(
            x,
            kernel,
            (1, 1),
            "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )

    text = jax.jit(convolve).lower(jnp.ones((2, 5, 6, 8))).as_text(dialect="hlo")
    assert loop_work(text).outside == 2 * (2 * 5 * 6 * 8) * (3 * 3 * 8 // groups)


# In the manner of what XLA prints where libraries are called.
GPU = """HloModule jit_f

body {{
  p = (s32[], f32[8,32]{{1,0}}) parameter(0)
  a = {a} get-tuple-element(p), index=1
  b = {b} constant({{...}})
  call = ({result}, s8[4194304]{{0}}) custom-call(a, b), {call}
  out = {result} get-tuple-element(call), index=0
  ROOT t = (s32[], {result}) tuple(p, out)
}}

condition {{
  q = (s32[], f32[8,32]{{1,0}}) parameter(0)
  ROOT c = pred[] constant(true)
}}

ENTRY main {{
  x = (s32[], f32[8,32]{{1,0}}) parameter(0)
  ROOT w = (s32[], f32[8,32]{{1,0}}) while(x), condition=condition, body=body
}}
"""
IMAGE, KERNEL = "bf16[4,16,16,8]{3,2,1,0}", "bf16[32,3,3,8]{3,2,1,0}"
RESULT = "bf16[4,16,16,32]{3,2,1,0}"
CONVOLVED = 2 * (4 * 16 * 16 * 32) * (3 * 3 * 8)
LABELS = "window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_o01i->b01f, custom_call_target="
LIBRARIES = {
    "matrix product": (
        "f32[8,32]{1,0}",
        "f32[32,64]{1,0}",
        "f32[8,64]{1,0}",
        'custom_call_target="__cublas$lt$matmul", backend_config={"gemm_backend_config":{"beta":0,'
        '"dot_dimension_numbers":{"lhs_batch_dimensions":[],"lhs_contracting_dimensions":["1"],'
        '"rhs_batch_dimensions":[],"rhs_contracting_dimensions":["0"]}}}',
        2 * 8 * 32 * 64,
    ),
    "convolution": (IMAGE, KERNEL, RESULT, f'{LABELS}"__cudnn$convForward"', CONVOLVED),
    "to the input": (RESULT, KERNEL, IMAGE, f'{LABELS}"__cudnn$convBackwardInput"', CONVOLVED),
    "to the kernel": (IMAGE, RESULT, KERNEL, f'{LABELS}"__cudnn$convBackwardFilter"', CONVOLVED),
    "oneDNN's matrix product": (
        "f32[32,8]{1,0}",
        "f32[32,64]{1,0}",
        "f32[8,64]{1,0}",
        'custom_call_target="__onednn$matmul", backend_config={"onednn_matmul_config":'
        '{"optimization_config":{"bias_broadcast":false},"transpose_a":true,"transpose_b":false}}',
        2 * 8 * 32 * 64,
    ),
    "oneDNN's convolution": (
        IMAGE,
        KERNEL,
        RESULT,
        'custom_call_target="__onednn$convolution", backend_config={"onednn_conv_config":{'
        '"dims":"4","feature_groups":"1","input":{"data":{"batch_dim":"0","feature_dim":"3",'
        '"spatial_dims":["1","2"]}},"kernel":{"filter":{"input_feature_dim":"3",'
        '"output_feature_dim":"0","shape":["32","3","3","8"],"spatial_dims":["1","2"]}}}}',
        CONVOLVED,
    ),
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_what_libraries_do_is_counted(name):
    a, b, result, call, operations = LIBRARIES[name]
    found = loop_work(GPU.format(a=a, b=b, result=result, call=call))
    assert (found.inside, found.outside, found.loops) == (operations, 0, 1)
    assert not found.opaque


def test_a_kernel_of_unknown_work_in_a_loop_is_said():
    call = 'custom_call_target="__cudnn$fmhaSoftmax"'
    text = GPU.format(a=IMAGE, b=IMAGE, result=IMAGE, call=call)
    assert loop_work(text).opaque


@pytest.mark.parametrize("text", ["", "nothing", "{", "}", "ENTRY main {\n  x = f32[", "a = b c("])
def test_any_text_is_read(text):
    found = loop_work(text)
    assert (found.inside, found.outside, found.loops) == (0, 0, 0)
