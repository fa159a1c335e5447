"""What bare matrix products reach, to see what limits a layer that is made of them.

    python bench/products.py 3*98x4608x512

Each is rows x depth x columns, behind how many of them follow each other with right operands of
their own: as many arrays, or slices of one, as the taps of a kernel are, which XLA on a CPU copies
before it multiplies them. Those above are about the products of `r3d-layer4`, forward: one for each
of its kernel's taps in time. A product of few rows reads its right operand for little arithmetic,
so the bytes a second at which it does so stand beside the FLOP/s.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys

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
    calls = {}
    for size in sizes:
        name = "{}*{}x{}x{}".format(*size)
        calls[name] = _call(*size), size
        if size[0] > 1:
            calls[f"{name}, of one array"] = _call(*size, together=True), size
    rounds: dict[str, list[float]] = {name: [] for name in calls}
    for _turn in range(5):  # in turns, as a machine's speed changes meanwhile
        for name, (call, _) in calls.items():
            rounds_within(call, SECOND_S / 10)
            rounds[name] += rounds_within(call, SECOND_S)
    table = Table("product", box=None, caption_justify="left")
    for column in ("time", "rate", "of ceiling", "right operand"):
        table.add_column(column, justify="right")
    for name, (_, (n, m, k, o)) in calls.items():
        seconds = statistics.median(rounds[name])
        rate, reads = 2.0 * n * m * k * o / seconds, 4.0 * n * k * o / seconds
        shown = print_rate(rate, "FLOP/s"), print_share(rate / ceiling), print_rate(reads, "B/s")
        table.add_row(name, print_time(seconds), *shown)
    table.caption = f"ceiling: {print_rate(ceiling, 'FLOP/s')}, the best product of this sitting"
    Console(width=100).print(table)


def _sizes(text: str) -> tuple[int, int, int, int]:
    found = _SIZES.fullmatch(text)
    numbers = tuple(int(each or 1) for each in found.groups()) if found else ()
    if len(numbers) != 4 or 0 in numbers:
        sys.exit(f"{text}: write sizes as ROWSxDEPTHxCOLUMNS, or N*ROWSxDEPTHxCOLUMNS")
    return numbers


def _call(n: int, m: int, k: int, o: int, *, together: bool = False) -> Call:
    left, right = jax.random.split(jax.random.key(0))
    x, kernels = jax.random.normal(left, (m, k)), jax.random.normal(right, (n, k, o))

    def products(x: jax.Array, kernels: jax.Array | list[jax.Array]) -> list[jax.Array]:
        return [jnp.matmul(x, kernels[place]) for place in range(n)]

    operands = x, (kernels if together else list(kernels))
    return Call(jax.jit(products).lower(*operands).compile(), operands)


if __name__ == "__main__":
    main()
