"""The same layers in JAX and in PyTorch, in one sitting.

On a CPU in float32, a clip; on a GPU in bfloat16, sixteen clips; ``--reel-dtype`` and
``--reel-batch`` say otherwise.

PyTorch wants an environment of its own; its CPU build is the lighter one. Python 3.12 or newer
brings a JAX that calls oneDNN on x86, as PyTorch does::

    python3 -m venv .peers
    .peers/bin/pip install torch==2.13.0
    .peers/bin/pip install -c requirements.lock -e .
    .peers/bin/pytest --benchmark-only bench/test_peers.py

On a virtual machine ``--reel-awake`` keeps the CPUs from halting between calls, for both alike.
JAX is timed as the layer is written and at its best here, PyTorch eager with volumes channels first
and channels last, on a GPU also as one CUDA graph; calls take turns, so that a disturbance meets
all alike. PyTorch's results and gradients are held against JAX's before. The table ends the run and
the figures are kept in ``results/<machine>/peers``; ``python -m beside_pytorch FILE`` in the folder
``bench`` prints them again.
"""

import os
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from reelbench.catalogue import find

if find_spec("torch") is None:
    pytest.skip(
        "PyTorch is not installed; how to set it up stands on top of this file",
        allow_module_level=True,
    )
sys.path.insert(0, str(Path(__file__).parent))

LAYERS = (
    "r3d-layer1", "r3d-layer4", "r2plus1d-layer1", "x3d-m-res4", "csn-r101-res4",
    "x3d-m-res3-depthwise", "csn-r101-res2-depthwise", "wan-vae-causal-conv", "wan-vae-residual",
    "videomae-tubelet", "videomae-b-joint", "timesformer-divided", "swin3d-t-window",
    "swin3d-t-stage3", "wan2.1-1.3b-block-small", "convlstm", "hunyuan-vae-group-norm-small",
    "vit-b-layer-norm",
)  # fmt: skip
# Clips of a call: one is what a CPU is measured with; a GPU is idle for most of one.
CLIPS, CLIPS_ON_GPU = 1, 16
RESULTS = Path(__file__).parents[1] / "results"


def axes(config):
    """Dtype and clips of a call: as the options say, or what the device is for."""
    from reelbench.machine.backend import is_accelerator

    accelerated = is_accelerator()
    dtypes, batches = config.option.reel_dtype, config.option.reel_batch
    dtype = dtypes or ("bfloat16" if accelerated else "float32")
    batch = batches or str(CLIPS_ON_GPU if accelerated else CLIPS)
    if "," in dtype or not batch.isdecimal():
        line = "beside PyTorch: write one --reel-dtype, and one number as --reel-batch"
        pytest.exit(line, pytest.ExitCode.USAGE_ERROR)
    return dtype, int(batch)


def is_asked_for(config):
    """Whether the command names this file: it takes long, and no budget holds for it."""
    return any("test_peers" in word for word in (*config.args, config.option.keyword))


@pytest.fixture(scope="module")
def sitting(request):
    if not is_asked_for(request.config):
        pytest.skip(
            "beside PyTorch only when asked for: pytest --benchmark-only bench/test_peers.py"
        )
    import torch
    from beside_pytorch.contest import products
    from beside_pytorch.peer import device
    from beside_pytorch.sitting import Sitting, show, write
    from rich.console import Console

    from reelbench.machine import backend, ceilings, facts, identity

    known = facts.collect()
    known |= backend.facts(known)
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(threads)
    torch.set_default_device(device())
    if device().type != "cpu":
        # As JAX does: cuDNN's kernels are tried, and float32 products round to TF32.
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    dtype, batch = axes(request.config)
    made = Sitting(
        machine=identity.machine_id(known),
        versions={name: version(name) for name in ("jax", "torch", "reelbench")},
        threads=threads,
        dtype=dtype,
        device=str(known.get("accelerator") or "") if device().type != "cpu" else "",
        matmul_flops_per_s=ceilings.matmul(dtype).rate,
        bytes_per_s=ceilings.memory().rate,
        environment=str(known.get("environment") or ""),
        product_s=products(dtype, batch),
        rows=[],
    )
    path = RESULTS / made.machine / "peers" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    # A run that is cut short leaves what it measured.
    yield made, lambda: write(made, path)
    if made.rows:
        console = Console(file=sys.__stdout__, width=100)
        console.print()
        show(made, console)
        console.print(f"kept in {path}")


@pytest.mark.parametrize("pass_", ["forward", "train"])
@pytest.mark.parametrize("name", LAYERS)
def test_peers(benchmark, request, sitting, name, pass_):
    made, keep = sitting
    dtype, batch = axes(request.config)
    from beside_pytorch.contest import contest

    from reelbench.machine import backend, facts
    from reelbench.measure.failure import CaseFailure
    from reelbench.measure.remembered import Remembered
    from reelbench.plugin.timer import keep_rounds

    known = facts.collect()
    known |= backend.facts(known)
    try:
        remembered = Remembered(made.machine, known)
        row = contest(find(name), pass_, known, remembered, dtype=dtype, batch=batch)
    except (CaseFailure, RuntimeError) as failure:
        made.failed[f"{name} {pass_}"] = str(failure)
        if not isinstance(failure, CaseFailure):
            raise
        pytest.skip(str(failure))
    made.rows.append(row)
    keep()
    # pytest-benchmark's own table shows JAX's best, from the calls that took turns.
    benchmark.extra_info["pytorch_over_jax"] = row.ratio
    benchmark.pedantic(lambda: None)
    keep_rounds(benchmark, row.rounds_s[row.jax])
