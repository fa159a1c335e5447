"""Planning traces what nobody recorded: once for the same work, and no longer than it may."""

import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from reelbench import catalogue
from reelbench.catalogue.counted import Count
from reelbench.measure.build import from_catalogue
from reelbench.plugin.options import Options
from reelbench.plugin.session import Session
from reelbench.results.schema import Ceiling

KNOWN = (Count(10, 2e12, 10.0), "float32")


def planned(works, budget_s):
    options = Options(
        budget_s=budget_s,
        dtypes=None,
        passes=None,
        batches=None,
        doubles_batch=False,
        cases=(),
        folder=Path(),
        resume=None,
        max_time_s=1.0,
        min_rounds=6,
    )
    ceilings = [
        Ceiling(
            kind=kind,
            dtype="float32",
            precision="default",
            rate=1e12,
            unit=unit,
            shape="given",
            sweep={"1048576": 1e12},
        )
        for kind, unit in (("matmul", "FLOP/s"), ("memory", "B/s"))
    ]
    session = Session(options, SimpleNamespace(ceilings=ceilings), None, "0", time.monotonic())
    order = session.plan(works, core=set())
    return order, session.spending.estimates


@pytest.fixture
def made(monkeypatch):
    """How often the workload was built that the maker beside it makes."""
    built = []

    def trace(workload):
        built.append(workload)
        identity = SimpleNamespace(dtype="float32")
        return SimpleNamespace(
            model_flops=2e12, least_bytes=10.0, workload=SimpleNamespace(identity=identity)
        )

    monkeypatch.setattr("reelbench.measure.compiling.trace", trace)
    return built


def test_what_two_cases_share_is_traced_once(made):
    _, estimates = planned({"one": (make := object), "other": make}, 100.0)
    assert len(made) == 1
    assert estimates["one"].call_s == estimates["other"].call_s > 1.0


def test_a_traced_case_is_planned_like_one_whose_work_is_recorded(made):
    _, estimates = planned({"traced": object, "recorded": KNOWN}, 100.0)
    assert estimates["traced"].call_s == estimates["recorded"].call_s


def test_what_there_is_no_time_to_trace_is_planned_all_the_same(made):
    order, estimates = planned({"traced": object, "recorded": KNOWN}, 0.0)
    assert not made
    assert order == ["traced", "recorded"]
    assert estimates["traced"].call_s == 0.0


def test_a_workload_that_cannot_be_built_is_planned_and_told_at_its_turn():
    def broken():
        raise ValueError("no such layer")

    order, _ = planned({"broken": broken}, 100.0)
    assert order == ["broken"]


def test_a_real_workload_is_traced():
    build = partial(
        from_catalogue, catalogue.find("r3d-layer4"), pass_="forward", dtype="float32", batch=1
    )
    _, estimates = planned({"real": build}, 100.0)
    assert estimates["real"].call_s > 0.0
