"""Small valid result files, to be changed by tests.

``document()`` is a whole file as dicts and lists; its parts have builders of their own, and every
builder takes changes to its top fields by name.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from reelbench.compare.digest import digest
from reelbench.compare.sides import Noise, Side, side_of
from reelbench.results.read import parse
from reelbench.results.schema import Results

Json = dict[str, Any]


def identity(**changes: Any) -> Json:
    base = {
        "layer": "Conv3D",
        "preset": "r3d-layer1",
        "family": "convolution",
        "batch": 1,
        "dtype": "float32",
        "pass": "forward",
        "implementation": "reference",
        "precision": "default",
        "mesh": None,
    }
    return base | changes


def timing(median_s: float = 0.010, half_width: float = 0.02, **changes: Any) -> Json:
    """Timing with an interval of ± ``half_width`` of the median."""
    replicate = {
        "process": "p0",
        "order": 0,
        "iterations": 1,
        "warmup_s": [median_s * 3, median_s * 1.1],
        "rounds_s": [median_s * 0.99, median_s, median_s * 1.01],
    }
    base = {
        "median_s": median_s,
        "low_s": median_s * (1 - half_width),
        "high_s": median_s * (1 + half_width),
        "confidence": 0.95,
        "method": "blocks of the rounds of one process",
        "drift": -0.001,
        "device_s": None,
        "floor_share": 0.002,
        "replicates": [replicate],
    }
    return base | changes


def rates(median_s: float = 0.010, **changes: Any) -> Json:
    base = {
        "clips_per_s": 1 / median_s,
        "flops_per_s": 22e9 / median_s / 100,
        "bytes_per_s": 26e6 / median_s,
        "roofline_s": 0.005,
        "roofline_share": 0.005 / median_s,
        "bound": "compute",
    }
    return base | changes


def compilation(**changes: Any) -> Json:
    base = {
        "trace_s": 0.05,
        "lower_s": 0.02,
        "compile_s": 0.5,
        "persistent_cache": False,
        "program_sha256": "ab" * 32,
    }
    return base | changes


def record(median_s: float = 0.010, **changes: Any) -> Json:
    """A case; changes are to its identity, except for the names of the record's own fields."""
    own = {
        "version": "v-0123",
        "outcome": "ok",
        "warnings": [],
        "work": {
            "clips": 1.0,
            "frames": 16.0,
            "tokens": 50176.0,
            "parameters": 110592,
            "model_flops": 22.2e9,
            "least_bytes": 26.1e6,
            "xla_flops": 22.0e9,
            "kept_bytes": 10e6,
            "xla_bytes": 30e6,
        },
        "compilation": compilation(),
        "memory": {
            "argument_bytes": 13_000_000,
            "output_bytes": 12_845_056,
            "temporary_bytes": 1_000,
            "needed_bytes": 25_846_056,
            "available_bytes": 8 * 2**30,
        },
        "timing": timing(median_s),
        "rates": rates(median_s),
    }
    changed = {key: value for key, value in changes.items() if key in own}
    rest = {key: value for key, value in changes.items() if key not in own}
    return {"identity": identity(**rest)} | own | changed


def benchmark(case: Json | None = None, name: str = "", **changes: Any) -> Json:
    """An entry of ``benchmarks``; without a case, one of plain pytest-benchmark."""
    median_s = case["timing"]["median_s"] if case else 0.010
    who = case["identity"] if case else {}
    name = name or "test_" + "-".join(str(value) for value in who.values())
    base = {
        "group": None,
        "name": name,
        "fullname": f"bench/bench_layers.py::{name}",
        "params": None,
        "extra_info": {"reelbench": case} if case else {},
        "options": {"timer": "perf_counter"},
        "stats": {
            "min": median_s * 0.99,
            "max": median_s * 1.01,
            "mean": median_s,
            "median": median_s,
            "stddev": 0.0,
            "rounds": 3,
            "iterations": 1,
            "outliers": "1;0",
        },
    }
    return base | changes


def outcome(kind: str = "over_budget", reason: str = "40 s of 12 s left", **changes: Any) -> Json:
    """What became of a case that was not measured; changes are to its identity."""
    who = identity(**changes)
    name = "bench/bench_layers.py::test_" + "-".join(str(value) for value in who.values())
    return {"name": name, "identity": who, "outcome": kind, "reason": reason, "numbers": {}}


def machine(name: str = "xeon-2c-8g-12ab34cd", **facts: Any) -> Json:
    """A machine; changes are to its facts."""
    base = {
        "architecture": "x86_64",
        "cpu_model": "Intel Xeon",
        "cpu_threads": 2,
        "memory_bytes": 8 * 2**30,
        "cpus_usable": 2,
        "python": "3.11.7",
        "jaxlib": "0.10.2",
        "backend": "cpu",
        "xla_flags": "",
        "load_1m": 0.1,
    }
    ceiling = {
        "kind": "matmul",
        "dtype": "float32",
        "precision": "default",
        "rate": 1.2e11,
        "unit": "FLOP/s",
        "shape": "2048×2048×2048",
        "sweep": {"1024×1024×1024": 1.1e11, "2048×2048×2048": 1.2e11},
    }
    return {"id": name, "facts": base | facts, "ceilings": [ceiling], "floor_s": 8e-6}


def run(**changes: Any) -> Json:
    base = {
        "schema": 1,
        "protocol": 1,
        "version": "0.1.0",
        "run_id": "20260101T000000-0123456",
        "created": "2026-01-01T00:00:00Z",
        "duration_s": 123.0,
        "complete": True,
        "options": {"budget_s": 300.0, "dtype": None},
        "processes": [{"id": "p0", "started": "2026-01-01T00:00:00Z"}],
        "outcomes": [],
    }
    return base | changes


def document(
    *records: Json,
    on: Json | None = None,
    block: Json | None = None,
    **changes: Any,
) -> Json:
    """A whole file of these records, one by default; ``on`` is the machine, ``block`` the run."""
    records = records or (record(), record(0.030, **{"pass": "train"}))
    base = {
        "machine_info": {"node": "somewhere", "cpu": {"count": 2}, "reelbench": on or machine()},
        "commit_info": {"id": "0123456789abcdef", "dirty": False, "branch": "main"},
        "benchmarks": [benchmark(case) for case in records],
        "datetime": "2026-01-01T00:00:00+00:00",
        "version": "5.3.1",
        "reelbench": block or run(),
    }
    return base | changes


def plain_document() -> Json:
    """What pytest-benchmark writes by itself."""
    whole = document(benchmarks=[benchmark(None, "test_sort")])
    del whole["reelbench"], whole["machine_info"]["reelbench"]
    return whole


def processes(*medians_s: float, **changes: Any) -> Json:
    """A record of several processes, of three rounds each."""
    middle = math.exp(sum(map(math.log, medians_s)) / len(medians_s))
    replicates = [
        timing(median)["replicates"][0] | {"process": f"p{place}"}
        for place, median in enumerate(medians_s)
    ]
    return record(middle, timing=timing(middle, replicates=replicates), **changes)


def side(*runs: Results, label: str = "base", noise: Noise | None = None) -> Side:
    """A side of a comparison, of one run or several; runs are as old as they are listed."""
    named = [digest(each, f"{label}-{place}.json") for place, each in enumerate(runs)]
    return side_of(label, named, noise)


def encoded(whole: Json) -> bytes:
    return json.dumps(whole).encode()


def read(whole: Json, name: str = "made.json") -> Results:
    """A document as the reader gives it."""
    return parse(encoded(whole), name)


def results(*records: Json, **parts: Any) -> Results:
    """`document` as the reader gives it."""
    return read(document(*records, **parts))


def write(folder: Path, whole: Json, name: str = "run.json") -> Path:
    path = folder / name
    path.write_bytes(encoded(whole))
    return path
