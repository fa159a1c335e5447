"""A sitting with PyTorch is kept, read and printed without PyTorch."""

import io

import msgspec
import pytest
from beside_pytorch.sitting import (
    BEST,
    EAGER,
    GRAPH,
    LAST,
    REFERENCE,
    Row,
    Sitting,
    read,
    show,
    write,
)
from rich.console import Console


def row(preset, pass_, **rounds):
    return Row(
        preset=preset,
        family="convolution",
        layer="Conv3D",
        pass_=pass_,
        flops=1e9,
        least_bytes=1e6,
        chosen="patches",
        rounds_s=rounds,
    )


FAST = row(
    "r3d-layer1",
    "forward",
    **{REFERENCE: [0.04, 0.04], BEST: [0.02, 0.02], EAGER: [0.03, 0.03], LAST: [0.01, 0.02]},
)
PLAIN = row("r3d-layer4", "forward", **{REFERENCE: [0.02, 0.02], EAGER: [0.04, 0.04]})
SITTING = Sitting(
    machine="m-1",
    versions={"jax": "1", "torch": "2"},
    threads=2,
    matmul_flops_per_s=1e11,
    bytes_per_s=1e10,
    rows=[FAST, PLAIN],
    product_s={REFERENCE: [0.05, 0.04], EAGER: [0.04, 0.02]},
    failed={"convlstm train": "over_budget: too slow"},
)


def test_each_framework_is_taken_at_its_best_and_the_ratio_is_of_turns():
    assert (FAST.jax, FAST.torch) == (BEST, LAST)
    assert FAST.ratio == pytest.approx(0.75)
    assert (PLAIN.jax, PLAIN.torch, PLAIN.ratio) == (REFERENCE, EAGER, 2.0)


def test_the_table_says_all_four_and_sums_up(tmp_path):
    write(SITTING, tmp_path / "kept" / "one.json")
    stream = io.StringIO()
    show(read(tmp_path / "kept" / "one.json"), Console(file=stream, width=100))
    text = stream.getvalue()
    (line,) = [line for line in text.splitlines() if line.startswith("r3d-layer1  ")]
    assert line.split() == [
        *("r3d-layer1", "forward", "40.0", "ms", "20.0", "ms", "15.0", "ms"),
        *("0.750×", "50", "%", "patches"),
    ]
    assert "forward: JAX's best is 1.225× as fast as PyTorch, geometric mean of 2 layers" in text
    assert "the least is 0.750× in" in text.replace("\n", " ")
    product = "a matrix product alone, 1568×768×3072: JAX 45.0 ms, PyTorch 30.0 ms, 0.650×"
    assert product in text
    assert "not measured: convlstm train: over_budget: too slow" in text


def test_on_a_gpu_the_heading_says_what_computed_and_graphs_count_as_pytorchs():
    graphed = row(
        "r3d-layer1",
        "train",
        **{REFERENCE: [0.04, 0.04], EAGER: [0.05, 0.05], f"{EAGER}, {GRAPH}": [0.02, 0.02]},
    )
    graphed.batch = 16
    sitting = msgspec.structs.replace(SITTING, rows=[graphed], dtype="bfloat16", device="A GPU")
    stream = io.StringIO()
    show(sitting, Console(file=stream, width=100))
    text = stream.getvalue()
    assert text.startswith("m-1: jax 1, torch 2; bfloat16, 16 clips, A GPU\n")
    assert (graphed.torch, graphed.ratio) == (f"{EAGER}, {GRAPH}", 0.5)
    assert "a matrix product alone, 25088×768×3072" in text


def test_a_sitting_of_before_reads_as_one_clip_in_float32(tmp_path):
    kept = msgspec.to_builtins(SITTING)
    del kept["dtype"], kept["device"]
    for each in kept["rows"]:
        del each["batch"]
    path = tmp_path / "old.json"
    path.write_bytes(msgspec.json.encode(kept))
    assert read(path) == SITTING
