"""The same layers in JAX and in PyTorch, in one sitting; float32, a clip.

PyTorch wants an environment of its own; its CPU build is the lighter one. Python 3.12 or newer
brings a JAX that calls oneDNN on x86, as PyTorch does::

    python3 -m venv .peers
    .peers/bin/pip install torch==2.13.0
    .peers/bin/pip install -c requirements.lock -e .
    .peers/bin/pytest --benchmark-only bench/test_peers.py

On a virtual machine ``--reel-awake`` keeps the CPUs from halting between calls, for both alike.
JAX is timed as the layer is written and at its best here, PyTorch eager with volumes channels first
and channels last; calls take turns, so that a disturbance meets all alike. PyTorch's results and
gradients are held against JAX's before. The table ends the run and the figures are kept in
``results/<machine>/peers``; ``python -m beside_pytorch FILE`` in the folder ``bench`` prints them
again.
"""

import os
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from reelbench.catalogue import find

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed; how to set it up stands on top of this file"
)
sys.path.insert(0, str(Path(__file__).parent))

LAYERS = (
    "r3d-layer1", "r3d-layer4", "r2plus1d-layer1", "x3d-m-res4", "csn-r101-res4",
    "x3d-m-res3-depthwise", "csn-r101-res2-depthwise", "wan-vae-causal-conv", "wan-vae-residual",
    "videomae-tubelet", "videomae-b-joint", "timesformer-divided", "swin3d-t-window",
    "swin3d-t-stage3", "wan2.1-1.3b-block-small", "convlstm", "hunyuan-vae-group-norm-small",
    "vit-b-layer-norm",
)  # fmt: skip
RESULTS = Path(__file__).parents[1] / "results"


@pytest.fixture(scope="module")
def sitting():
    from beside_pytorch.contest import products
    from beside_pytorch.sitting import Sitting, show, write
    from rich.console import Console

    from reelbench.machine import ceilings, facts, identity

    known = facts.collect()
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(threads)
    made = Sitting(
        machine=identity.machine_id(known),
        versions={name: version(name) for name in ("jax", "torch", "reelbench")},
        threads=threads,
        matmul_flops_per_s=ceilings.matmul("float32").rate,
        bytes_per_s=ceilings.memory().rate,
        environment=str(known.get("environment") or ""),
        product_s=products(),
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
def test_peers(benchmark, sitting, name, pass_):
    made, keep = sitting
    from beside_pytorch.contest import contest

    from reelbench.machine import facts
    from reelbench.measure.failure import CaseFailure
    from reelbench.measure.remembered import Remembered
    from reelbench.plugin.timer import keep_rounds

    known = facts.collect()
    try:
        row = contest(find(name), pass_, known, Remembered(made.machine, known))
    except CaseFailure as failure:
        made.failed[f"{name} {pass_}"] = str(failure)
        pytest.skip(str(failure))
    made.rows.append(row)
    keep()
    # pytest-benchmark's own table shows JAX's best, from the calls that took turns.
    benchmark.extra_info["pytorch_over_jax"] = row.ratio
    benchmark.pedantic(lambda: None)
    keep_rounds(benchmark, row.rounds_s[row.jax])
