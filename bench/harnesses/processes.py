"""Starts the harnesses in fresh processes and reads what each of them wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from sitting import (
    BENCHMARK,
    JAX_BENCH,
    LOOP,
    REELBENCH,
    REPLICATES,
    Process,
    Reading,
    SittingError,
)

from reelbench.results.read import load
from reelbench.results.schema import Results

_HERE = Path(__file__).parent
_LONGEST_S = 3600


@dataclass(frozen=True)
class Settings:
    """How the harnesses are started.

    Attributes:
        max_time_s: ``--benchmark-max-time``: 1 s is the default of pytest-benchmark and reelbench.
        loop_s: Time of the rounds of a function in a process of the plain loop.
        runs: ``--reel-runs``.
        budget: ``--reel-budget``.
    """

    max_time_s: float
    loop_s: float
    runs: int
    budget: str


def run(harness: str, settings: Settings) -> tuple[Process, str]:
    """Run one fresh process of a harness over all functions.

    Returns:
        What it measured, and the id of the machine where the harness writes one, else nothing.

    Raises:
        SittingError: It failed; the message ends in its own last words.
    """
    with TemporaryDirectory() as folder:
        place = Path(folder)
        command, read = _HARNESSES[harness](place, settings)
        begun = monotonic()
        _call(harness, command, place)
        wall_s = monotonic() - begun
        try:
            readings, machine = read()
        except (OSError, ValueError, KeyError, StopIteration) as error:
            raise SittingError(f"{harness}: cannot read what it wrote: {error!r}") from None
    return Process(harness=harness, wall_s=wall_s, readings=readings), machine


Read = Callable[[], tuple[list[Reading], str]]


def _loop(place: Path, settings: Settings) -> tuple[list[str], Read]:
    file = place / "loop.json"

    def read() -> tuple[list[Reading], str]:
        found = json.loads(file.read_bytes())
        return [Reading(function=name, figures=each) for name, each in found.items()], ""

    return [str(_HERE / "plain_loop.py"), str(settings.loop_s), str(file)], read


def _benchmark(place: Path, settings: Settings) -> tuple[list[str], Read]:
    file = place / "benchmark.json"

    def read() -> tuple[list[Reading], str]:
        return [_of_benchmark(each) for each in json.loads(file.read_bytes())["benchmarks"]], ""

    words = ["-p", "no:reelbench", "-p", "no:pytest_jax_bench", f"--benchmark-json={file}"]
    return _pytest("with_pytest_benchmark.py", *words, *_max_time(settings)), read


def _of_benchmark(entry: dict[str, Any]) -> Reading:
    own = entry["stats"]
    figures = {f"{name}_s": own[name] for name in ("min", "mean", "median", "stddev", "iqr")}
    return Reading(
        function=entry["params"]["name"],
        figures={**figures, "rounds": own["rounds"], "iterations": own["iterations"]},
        rounds_ns=sorted(round(1e9 * each) for each in own["data"]),
    )


def _jax_bench(place: Path, _: Settings) -> tuple[list[str], Read]:
    folder = place / "csv"

    def read() -> tuple[list[Reading], str]:
        return [_of_csv(each.read_text()) for each in sorted(folder.glob("*/*.csv"))], ""

    words = ["-p", "no:reelbench", "-p", "no:benchmark", f"--ptjb-output-dir={folder}"]
    return _pytest("with_pytest_jax_bench.py", *words), read


def _of_csv(text: str) -> Reading:
    """The last row of a file whose comments number the columns: ``#  (6) jit_mean_ms``."""
    comments = [line[1:].split() for line in text.splitlines() if line.startswith("#")]
    names = [words[1] for words in comments if len(words) == 2 and words[0].startswith("(")]
    # The line that only numbers the columns has more words, but for a file of two columns.
    *_, last = (line for line in text.splitlines() if line.strip() and line[0] != "#")
    row = dict(zip(names, last.split(), strict=True))
    return Reading(
        function=row["parameters"].removeprefix("name-"),
        figures={
            "mean_s": float(row["jit_mean_ms"]) / 1e3,
            "stddev_s": float(row["jit_std_ms"]) / 1e3,
            "rounds": float(row["jit_rounds"]),
        },
    )


def _reelbench(place: Path, settings: Settings, *words: str) -> tuple[list[str], Read]:
    folder = place / "results"

    def read() -> tuple[list[Reading], str]:
        run = load(next(folder.glob("*/*.json")))
        return list(_of_reelbench(run)), run.machine_info.reelbench.id

    words = (
        *("-p", "no:pytest_jax_bench", "--benchmark-only", "--reel-pass=forward"),
        # The functions as they are written: the others know no other way.
        "--reel-implementation=reference",
        *(f"--reel-budget={settings.budget}", f"--reel-results={folder}", *words),
    )
    return _pytest("with_reelbench.py", *words, *_max_time(settings)), read


def _of_reelbench(run: Results) -> Iterator[Reading]:
    for record in run.records:
        timing = record.timing
        names = ("median_s", "low_s", "high_s", "confidence")
        figures = {name: float(getattr(timing, name)) for name in names}
        figures["rounds"] = float(
            sum(len(rounds) for each in timing.replicates for rounds in each.visits_s)
        )
        figures["processes"] = float(len(timing.replicates))
        yield Reading(function=record.identity.layer, figures=figures)


def _replicates(place: Path, settings: Settings) -> tuple[list[str], Read]:
    return _reelbench(place, settings, f"--reel-runs={settings.runs}")


_HARNESSES = {
    LOOP: _loop,
    BENCHMARK: _benchmark,
    JAX_BENCH: _jax_bench,
    REELBENCH: _reelbench,
    REPLICATES: _replicates,
}


def _pytest(module: str, *words: str) -> list[str]:
    return ["-m", "pytest", "-q", "-p", "no:cacheprovider", *words, str(_HERE / module)]


def _max_time(settings: Settings) -> list[str]:
    return [f"--benchmark-max-time={settings.max_time_s}"] if settings.max_time_s != 1.0 else []


def _call(harness: str, command: list[str], place: Path) -> None:
    # Options that a user set for pytest are for no harness here.
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    try:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SittingError(f"{harness}: did not end within {_LONGEST_S} s") from None
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-6:]
        raise SittingError(f"{harness}: ended with {done.returncode}: {' | '.join(said)[-600:]}")
