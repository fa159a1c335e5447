"""What oneDNN tells of its kernels is read, and only of the timed calls."""

from beside_pytorch.kernels import CALLS, _call_s, _kernels

CONVOLUTION = (
    "onednn_verbose,v1,primitive,exec,cpu,convolution,brdgmm_dw:avx512_core,forward_inference,"
    "src:f32::blocked:acdeb::f0,,alg:convolution_direct,g216mb1_ic216oc216,{}"
)
REORDER = (
    "onednn_verbose,v1,primitive,exec,cpu,reorder,jit:uni,undef,src:f32::blocked:a::f0,,,216x1,{}"
)
BEFORE = "onednn_verbose,v1,primitive,exec,cpu,gemm_api,,undef,src:f32::blocked:ab::f0,,,904x27,1"


def said(times):
    calls = [line for each in times for line in (REORDER.format(0.001), CONVOLUTION.format(each))]
    head = ["onednn_verbose,v1,info,oneDNN v3.9", BEFORE, *([CONVOLUTION.format(9)] * 5), BEFORE]
    return "\n".join([*head, *calls])


def test_only_the_kernels_of_the_timed_calls_count():
    found = _kernels(said([0.2] * CALLS))
    names = {name.split()[0]: times for name, times in found.items()}
    assert set(names) == {"convolution", "reorder"}
    assert names["convolution"] == [2e-4] * CALLS
    assert len(names["reorder"]) in (CALLS - 1, CALLS)


def test_the_time_of_a_call_may_stand_within_a_line_of_the_library():
    assert _call_s("onednn_verbose,v1,prireelbench-call-s 0.00025\nmitive,exec\n") == 2.5e-4
