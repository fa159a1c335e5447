"""Coverage of the intervals on simulated rounds: ``python -m reelbench.selftest.simulated``."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from reelbench.report.tables import Cell, Column, Table, plain, render
from reelbench.stats.interval import median_interval
from reelbench.units import print_share

Draw = Callable[[np.random.Generator, int], np.ndarray]
_SIZE = 0.02


def autoregressive(phi: float) -> Draw:
    """Logarithms whose neighbours correlate with ``phi``; their median is 0."""

    def draw(rng: np.random.Generator, count: int) -> np.ndarray:
        noise = rng.standard_normal(count) * _SIZE * np.sqrt(1 - phi**2)
        values = np.empty(count)
        value = rng.standard_normal() * _SIZE
        for place in range(count):
            values[place] = value
            value = phi * value + noise[place]
        return values

    return draw


def heavy_tailed(rng: np.random.Generator, count: int) -> np.ndarray:
    """Student's t with two degrees of freedom; its median is 0."""
    return _SIZE * rng.standard_t(2, count)


def bursts(rng: np.random.Generator, count: int) -> np.ndarray:
    """Slow stretches of eight rounds on average, in all one round of seven."""
    values = _SIZE * rng.standard_normal(count)
    slow = rng.random() < 1 / 7
    for place in range(count):
        slow = rng.random() > 1 / 8 if slow else rng.random() < 1 / 48
        if slow:
            values[place] += 0.5 * rng.exponential()
    return values


def drifting(size: float, phi: float) -> Draw:
    """A steady rise by ``size`` over the run; its median is 0."""
    noise = autoregressive(phi)
    return lambda rng, count: noise(rng, count) + size * np.linspace(-0.5, 0.5, count)


KINDS: dict[str, Draw] = {
    "independent": autoregressive(0.0),
    "heavy tails": heavy_tailed,
    "AR(1) 0.3": autoregressive(0.3),
    "AR(1) 0.5": autoregressive(0.5),
    "AR(1) 0.7": autoregressive(0.7),
    "AR(1) 0.9": autoregressive(0.9),
    "bursts": bursts,
    "drift 5 %": drifting(0.05, 0.0),
    "drift 5 %, AR(1) 0.5": drifting(0.05, 0.5),
    "drift 20 %": drifting(0.2, 0.0),
}


def coverage(draw: Draw, count: int, trials: int, truth: float, seed: int) -> tuple[float, float]:
    """How often the 95 % interval holds the true median, and the median of its half-widths."""
    rng = np.random.default_rng(seed)
    held, widths = 0, []
    for _ in range(trials):
        found = median_interval(np.exp(draw(rng, count)).tolist())
        held += found.low <= np.exp(truth) <= found.high
        widths.append(found.relative_half_width)
    return held / trials, float(np.median(widths))


def median_of(kind: str) -> float:
    """The true median of a kind's logarithms; for bursts, of a long series."""
    if kind != "bursts":
        return 0.0
    return float(np.median(bursts(np.random.default_rng(1), 400_000)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--rounds", type=int, nargs="+", default=[30, 100, 300])
    parser.add_argument("--seed", type=int, default=20_261_124)
    given = parser.parse_args()
    columns = [Column("kind", "rounds are")]
    for count in given.rounds:
        columns += [
            Column(f"covered_{count}", f"{count} rounds", align="right"),
            Column(f"half_width_{count}", "±", align="right"),
        ]
    rows = []
    for kind, draw in KINDS.items():
        cells: list[Cell] = [plain(kind)]
        for count in given.rounds:
            held, width = coverage(draw, count, given.trials, median_of(kind), given.seed)
            cells += [Cell(held, f"{100 * held:.1f} %"), Cell(width, print_share(width))]
        rows.append(tuple(cells))
    title = f"Coverage of 95 % intervals of one process's median, {given.trials} trials each"
    print(render([Table(title, tuple(columns), tuple(rows))], "table", main=0), end="")


if __name__ == "__main__":
    main()
