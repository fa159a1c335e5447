"""One sitting: processes of all harnesses one after the other, in blocks of shuffled order."""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from time import monotonic

from processes import Settings, run
from sitting import BENCHMARK, JAX_BENCH, LOOP, REELBENCH, REPLICATES, Sitting, SittingError, save

from reelbench.units import print_duration

_PACKAGES = ("reelbench", "pytest-benchmark", "pytest-jax-bench", "jax", "jaxlib", "numpy")


@dataclass(frozen=True)
class Plan:
    """What a sitting consists of.

    Attributes:
        blocks: Processes of each harness.
        loops: Processes of the plain loop in each block.
        seed: Of the order.
    """

    blocks: int
    loops: int
    seed: int
    settings: Settings

    @classmethod
    def read(cls, options: argparse.Namespace) -> Plan:
        """The plan that the options of the command describe."""
        seed = random.SystemRandom().randrange(2**31) if options.seed is None else options.seed
        settings = Settings(options.max_time, options.loop_time, options.runs, options.budget)
        return cls(options.processes, options.loops, seed, settings)

    def order(self) -> list[str]:
        """Names of the harnesses in the order in which their processes run."""
        block = [BENCHMARK, JAX_BENCH, REELBENCH, *[LOOP] * self.loops]
        if self.settings.runs:
            block.append(REPLICATES)
        rng = random.Random(self.seed)
        return [name for _ in range(self.blocks) for name in rng.sample(block, len(block))]


def measure(plan: Plan, path: Path) -> Sitting:
    """Measure; the file is written after every process, so that a kill costs one process.

    A process that fails is told on standard error and is missing from the tables, which say so.

    Raises:
        SittingError: A harness failed at its first process: it cannot run here.
    """
    settings = plan.settings
    sitting = Sitting(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine="",
        versions={name: metadata.version(name) for name in _PACKAGES},
        options={
            "processes": plan.blocks,
            "loops": plan.loops,
            "seed": plan.seed,
            "max_time_s": settings.max_time_s,
            "loop_s": settings.loop_s,
            "runs": settings.runs,
            "budget": settings.budget,
        },
    )
    order, begun = plan.order(), monotonic()
    for done, name in enumerate(order):
        left = (monotonic() - begun) / done * (len(order) - done) if done else 0.0
        eta = f", about {print_duration(left)} left" if done else ""
        print(f"[{done + 1}/{len(order)}{eta}] {name}", file=sys.stderr, flush=True)
        try:
            process, machine = run(name, settings)
        except SittingError as error:
            if not sitting.of(name):
                raise
            print(f"compare.py: {error}", file=sys.stderr, flush=True)
            continue
        sitting.processes.append(process)
        sitting.machine = sitting.machine or machine
        save(sitting, path)
    return sitting
