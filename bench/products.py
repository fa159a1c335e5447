"""What bare matrix products reach, to see what limits a layer that is made of them.

    python bench/products.py 98x4608x512 2*49x4608x512

Each is rows x depth x columns, behind how many of them follow each other with operands of their
own. The products of `r3d-layer4`, forward, are those above: one for each of its kernel's taps in
time, of the frames that the tap reads. A product of few rows reads its right operand for little
arithmetic, so the bytes a second at which it does so stand beside the FLOP/s.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
from collections.abc import Callable

import jax
import jax.numpy as jnp
from rich.console import Console
from rich.table import Table

from reelbench.machine import ceilings
from reelbench.measure.clock import Call, rounds_within
from reelbench.units import print_rate, print_share, print_time

SECOND_S = 1.0
_SIZES = re.compile(r"(?:(\d+)\*)?(\d+)x(\d+)x(\d+)")


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("products", nargs="+", metavar="[N*]ROWSxDEPTHxCOLUMNS")
    sizes = [_sizes(text) for text in parser.parse_args().products]
    ceiling = ceilings.matmul("float32").rate
    calls = {f"{n}*{m}x{k}x{o}": _call(n, m, k, o) for n, m, k, o in sizes}
    rounds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(5):  # in turns, as a machine's speed changes meanwhile
        for name, call in calls.items():
            rounds_within(call, SECOND_S / 10)
            rounds[name] += rounds_within(call, SECOND_S)
    table = Table("product", box=None, caption_justify="left")
    for column in ("time", "rate", "of ceiling", "right operand"):
        table.add_column(column, justify="right")
    total_s = total_flops = 0.0
    for name, (n, m, k, o) in zip(calls, sizes, strict=True):
        seconds, flops = statistics.median(rounds[name]), 2.0 * n * m * k * o
        total_s, total_flops = total_s + seconds, total_flops + flops
        reads = print_rate(4 * n * k * o / seconds, "B/s")
        table.add_row(name, print_time(seconds), *_rate(flops / seconds, ceiling), reads)
    table.add_row("all", print_time(total_s), *_rate(total_flops / total_s, ceiling), "")
    table.caption = f"ceiling: {print_rate(ceiling, 'FLOP/s')}, the best product of this sitting"
    Console(width=100).print(table)


def _sizes(text: str) -> tuple[int, int, int, int]:
    found = _SIZES.fullmatch(text)
    numbers = tuple(int(each or 1) for each in found.groups()) if found else ()
    if len(numbers) != 4 or 0 in numbers:
        sys.exit(f"{text}: write sizes as ROWSxDEPTHxCOLUMNS, or N*ROWSxDEPTHxCOLUMNS")
    return numbers


def _call(n: int, m: int, k: int, o: int) -> Call:
    left, right = jax.random.split(jax.random.key(0))
    x = jax.random.normal(left, (m, k))
    each = [jax.random.normal(key, (k, o)) for key in jax.random.split(right, n)]

    def products(x: jax.Array, *kernels: jax.Array) -> list[jax.Array]:
        return [jnp.matmul(x, kernel) for kernel in kernels]

    made: Callable[..., object] = jax.jit(products).lower(x, *each).compile()
    return Call(made, (x, *each))


def _rate(rate: float, ceiling: float) -> tuple[str, str]:
    return print_rate(rate, "FLOP/s"), print_share(rate / ceiling)


if __name__ == "__main__":
    main()
