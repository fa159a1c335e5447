"""What was measured of JAX and PyTorch side by side: the file that keeps it, and its table."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from reelbench.units import print_ratio, print_share, print_time

FORMAT = 1
REFERENCE, BEST = "reference", "best"
EAGER, LAST, GRAPH = "eager", "channels last", "CUDA graph"
# Rows, inner length and columns of a matrix product alone: an expanding projection of ViT-B over
# the tokens of a clip of VideoMAE.
PRODUCT = (1568, 768, 3072)


class Row(Struct, kw_only=True):
    """One pass of one layer.

    Attributes:
        batch: Clips of a call.
        chosen: Implementations in JAX's best; ``reference`` where nothing is faster.
        flops: Model FLOPs of a call.
        least_bytes: Inputs, parameters and outputs of a call, each once.
        rounds_s: Times of single calls by contender; those of a turn stand at the same place.
    """

    preset: str
    family: str
    layer: str
    pass_: str
    flops: float
    least_bytes: float
    chosen: str
    rounds_s: dict[str, list[float]]
    batch: int = 1

    def median_s(self, contender: str) -> float | None:
        """Median time of a contender, or None where it was not timed."""
        rounds = self.rounds_s.get(contender)
        return statistics.median(rounds) if rounds else None

    @property
    def jax(self) -> str:
        """The faster of JAX's contenders."""
        return self._faster(REFERENCE, BEST)

    @property
    def torch(self) -> str:
        """The faster of PyTorch's."""
        return self._faster(*(name for name in self.rounds_s if name not in (REFERENCE, BEST)))

    @property
    def ratio(self) -> float:
        """PyTorch's time over JAX's, each at its best: the median over the turns."""
        return ratio_in_turns(self.rounds_s[self.torch], self.rounds_s[self.jax])

    def _faster(self, *names: str) -> str:
        known = [name for name in names if name in self.rounds_s]
        return min(known, key=lambda name: statistics.median(self.rounds_s[name]))


class Sitting(Struct, kw_only=True):
    """Everything of one sitting.

    Attributes:
        machine: Id of the machine.
        versions: Of JAX, PyTorch and reelbench.
        threads: Of PyTorch, and processors that JAX may use.
        dtype: Of the computation.
        device: What computes, where that is not the processor.
        matmul_flops_per_s: What a matrix product in JAX reached in the same sitting.
        bytes_per_s: What a copy through memory reached.
        environment: Settings of the environment that change how programs run.
        product_s: Times of a matrix product of the sizes `PRODUCT`, as of a row.
        failed: What could not be measured, with its reason, by layer and pass.
    """

    machine: str
    versions: dict[str, str]
    threads: int
    matmul_flops_per_s: float
    bytes_per_s: float
    rows: list[Row]
    dtype: str = "float32"
    device: str = ""
    environment: str = ""
    product_s: dict[str, list[float]] = {}
    failed: dict[str, str] = {}
    format: int = FORMAT


def write(sitting: Sitting, path: Path) -> None:
    """Keep a sitting."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(sitting), indent=1) + b"\n")


def read(path: Path) -> Sitting:
    """Read a sitting."""
    return msgspec.json.decode(path.read_bytes(), type=Sitting)


def ratio_in_turns(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """Their times over ours, those of a turn together: the median over the turns."""
    return statistics.median(one / other for one, other in zip(theirs, ours, strict=True))


def geometric_mean(values: Sequence[float]) -> float:
    """The geometric mean."""
    return math.exp(statistics.fmean(map(math.log, values)))


def show(sitting: Sitting, console: Console) -> None:
    """Print JAX, PyTorch and the ceiling side by side, and the summary that the table is for."""
    versions = ", ".join(f"{name} {version}" for name, version in sitting.versions.items())
    where = sitting.device or f"{sitting.threads} threads each"
    clips = sitting.rows[0].batch if sitting.rows else 1
    work = f"{sitting.dtype}, {'a clip' if clips == 1 else f'{clips} clips'}"
    console.print(f"{sitting.machine}: {versions}; {work}, {where}")
    if sitting.environment:
        console.print(f"with {sitting.environment}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("layer", "pass"):
        table.add_column(name)
    for name in ("JAX\nreference", "JAX\nbest", "PyTorch", "PyTorch\n÷ best", "of\nceiling"):
        table.add_column(name, justify="right")
    table.add_column("computed by")
    for row in sitting.rows:
        ours, theirs = row.median_s(row.jax), row.median_s(row.torch)
        assert ours is not None
        assert theirs is not None
        reference = row.median_s(REFERENCE)
        ceiling = max(row.flops / sitting.matmul_flops_per_s, row.least_bytes / sitting.bytes_per_s)
        table.add_row(
            row.preset,
            row.pass_,
            print_time(reference) if reference else "–",
            print_time(ours),
            print_time(theirs),
            print_ratio(row.ratio),
            print_share(ceiling / ours),
            row.chosen if row.jax == BEST else REFERENCE,
        )
    console.print(table)
    for pass_ in ("forward", "train"):
        ratios = {row.preset: row.ratio for row in sitting.rows if row.pass_ == pass_}
        if ratios:
            worst = min(ratios, key=ratios.__getitem__)
            console.print(
                f"{pass_}: JAX's best is {print_ratio(geometric_mean(list(ratios.values())))} as "
                f"fast as PyTorch, geometric mean of {len(ratios)} layers; the least is "
                f"{print_ratio(ratios[worst])} in {worst}"
            )
    if sitting.product_s:
        own, other = (sitting.product_s[name] for name in (REFERENCE, EAGER))
        rows, inner, columns = PRODUCT
        rows *= clips
        console.print(
            f"a matrix product alone, {rows}×{inner}×{columns}: JAX "
            f"{print_time(statistics.median(own))}, PyTorch "
            f"{print_time(statistics.median(other))}, {print_ratio(ratio_in_turns(other, own))}"
        )
    for name, reason in sitting.failed.items():
        first, *_ = reason.splitlines() or [""]
        console.print(f"not measured: {name}: {first}")
