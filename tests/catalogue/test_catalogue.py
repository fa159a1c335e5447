"""The catalogue: every row can be traced at its published size, and names itself and its source."""

import subprocess
import sys

import jax
import pytest

from reelbench import catalogue
from reelbench.catalogue import Input, UnknownNameError
from reelbench.catalogue.counted import Count, recorded
from reelbench.measure import build, compiling

ROWS = catalogue.presets()
ON_ONE_DEVICE = [row for row in ROWS if row.devices == 1]
FAMILIES_OF_THE_FIRST_LAYERS = {
    "convolution", "factorised", "depthwise", "vae", "embedding", "attention", "divided",
    "windowed", "pooled", "spacetime", "dit", "driving", "recurrent", "optimizer",
}  # fmt: skip


def test_names_are_unique_and_every_row_has_a_source():
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert all(len(row.source) > 10 for row in ROWS)
    assert set(catalogue.families()) >= FAMILIES_OF_THE_FIRST_LAYERS


def test_every_family_has_its_benchmark_file(pytestconfig):
    benchmarks = {path.stem for path in (pytestconfig.rootpath / "bench").glob("test_*.py")}
    assert benchmarks >= {f"test_{family}" for family in catalogue.families()}


@pytest.mark.parametrize("row", ON_ONE_DEVICE, ids=lambda row: row.name)
def test_a_row_traces_at_its_published_size_without_memory(row):
    for pass_ in row.passes:
        workload = build.from_catalogue(row, pass_=pass_, dtype="bfloat16", batch=2)
        traced = compiling.trace(workload)
        flops = traced.flops
        assert flops.kept > 0.3 * flops.model or flops.model == 0
        assert traced.least_bytes > 0
        assert not flops.unbounded
        assert workload.clips == 2
        if pass_ == "forward" and not row.carry:
            floating = [x for x in jax.tree.leaves(traced.stage.out_info) if x.ndim]
            assert {str(x.dtype) for x in floating} == {"bfloat16"}


@pytest.mark.parametrize("row", ON_ONE_DEVICE, ids=lambda row: row.name)
def test_a_row_costs_what_is_recorded_and_training_about_three_forward_passes(row):
    traced = {
        pass_: compiling.trace(build.from_catalogue(row, pass_=pass_, dtype="float32", batch=1))
        for pass_ in row.passes
    }
    for pass_, each in traced.items():
        # What nobody recorded is counted when it is asked for: see python -m reelbench.work.
        if known := recorded(row, pass_):
            assert known == Count(
                each.workload.parameters, each.flops.model, each.least_bytes, each.kept_bytes
            )
    # Gradients with respect to parameters and inputs cost a forward pass each, where both operands
    # of every product need one; norms, softmax and sampling count nothing.
    if len(traced) == 2:
        forward, train = (traced[pass_].flops.valid for pass_ in ("forward", "train"))
        assert train == pytest.approx(3 * forward, rel=0.07)


def test_an_unknown_name_says_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown preset 'r3d-layr1'; did you mean 'r3d-l"):
        catalogue.find("r3d-layr1")
    with pytest.raises(UnknownNameError, match="unknown family 'atention'; did you mean 'attenti"):
        catalogue.presets("atention")
    with pytest.raises(UnknownNameError, match="unknown preset '…'; known: "):
        catalogue.find("…")


def test_an_index_input_needs_a_bound():
    with pytest.raises(ValueError, match="needs a bound"):
        Input((3,), values="index")
    with pytest.raises(ValueError, match="needs a bound"):
        Input((3,), below=4)


def test_the_catalogue_loads_no_jax():
    code = "import sys; from reelbench import catalogue; catalogue.presets(); sys.exit('jax' in "
    subprocess.run([sys.executable, "-c", code + "sys.modules)"], check=True)
