"""The reference: a bare loop with no harness; ``python plain_loop.py SECONDS FILE``.

Many processes of it tell what a function takes in the long run. Each writes the medians and means
of its rounds, as rounds of one process are not independent of each other.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from pathlib import Path

import jax
from functions import FUNCTIONS, inputs_of

_WARMUP_S = 0.2


def main() -> None:
    """Time every function for so many seconds, in shuffled order, and write the file."""
    seconds, path = float(sys.argv[1]), Path(sys.argv[2])
    names = random.SystemRandom().sample(list(FUNCTIONS), len(FUNCTIONS))
    path.write_text(json.dumps({name: _time(name, seconds) for name in names}))


def _time(name: str, seconds: float) -> dict[str, float]:
    function, inputs = jax.jit(FUNCTIONS[name]), inputs_of(name)
    jax.block_until_ready(function(*inputs))
    _loop(function, inputs, _WARMUP_S)
    rounds = _loop(function, inputs, seconds)
    return {
        "median_s": statistics.median(rounds),
        "mean_s": statistics.fmean(rounds),
        "rounds": len(rounds),
    }


def _loop(function, inputs, seconds: float) -> list[float]:
    rounds: list[float] = []
    end = time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        jax.block_until_ready(function(*inputs))
        stop = time.perf_counter()
        rounds.append(stop - start)
        if stop >= end:
            return rounds


if __name__ == "__main__":
    main()
