"""What a machine can do at most, and the least time of a piece of work on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from reelbench.predict.errors import CeilingsError
from reelbench.results.schema import Machine

Bound = Literal["compute", "memory"]


# Of a ceiling that was not swept.
_EVERY_SIZE = 2**62
# The jaxlib whose XLA for CPUs was seen to compute values again when they are needed; 0.10 did so
# at once. Versions between were not tried.
_RECOMPUTES_LATE = (0, 12)


def recomputes_late(backend: str, jaxlib: str) -> bool:
    """Whether a backend computes values again when they are needed, and not at once."""
    return backend != "cpu" or _version(jaxlib) >= _RECOMPUTES_LATE


@dataclass(frozen=True)
class Ceilings:
    """The ceilings of one machine.

    Attributes:
        source: Name of the file that holds them.
        machine: Id of the machine.
        matmul: Matrix-multiply FLOP/s by dtype.
        memory: Bytes/s by bytes of the working set.
        backend: ``cpu``, ``gpu`` or the like.
        paging: Bytes/s at which memory taken anew becomes usable; None where it was not measured or
            costs nothing.
        jaxlib: Version of what compiled the programs; empty where it is not known.
        recomputes_late: Whether what is computed again in the backward pass is computed when it is
            needed, so that memory is saved: on accelerators, and by XLA for CPUs of jaxlib 0.12.
        maker: Of the processor, as it names itself; empty where it is not known.
    """

    source: str
    machine: str
    matmul: Mapping[str, float]
    memory: Mapping[int, float]
    backend: str = "cpu"
    paging: float | None = None
    recomputes_late: bool = False
    jaxlib: str = ""
    maker: str = ""

    @classmethod
    def of(cls, machine: Machine, source: str) -> Ceilings:
        """Those of a run.

        Raises:
            CeilingsError: It has none.
        """
        matmul = {each.dtype: each.rate for each in machine.ceilings if each.kind == "matmul"}
        memory: dict[int, float] = {}
        for each in machine.ceilings:
            if each.kind == "memory":
                memory = {
                    int(size): rate
                    for size, rate in each.sweep.items()
                    if size.isdecimal() and rate > 0
                } or {_EVERY_SIZE: each.rate}
        if not matmul or not memory:
            raise CeilingsError(
                f"{source}: holds no ceilings of the machine; measure them there in a minute with "
                "pytest --benchmark-only bench/test_ceilings.py"
            )
        paging = next((each.rate for each in machine.ceilings if each.kind == "paging"), None)
        backend = str(machine.facts.get("backend") or "cpu")
        jaxlib = str(machine.facts.get("jaxlib") or "")
        late = recomputes_late(backend, jaxlib)
        maker = str(machine.facts.get("cpu_signature") or "").split("/")[0]
        return cls(source, machine.id, matmul, memory, backend, paging, late, jaxlib, maker)

    def compute_rate(self, dtype: str) -> float:
        """Matrix-multiply FLOP/s.

        Raises:
            CeilingsError: That dtype was not measured.
        """
        if dtype not in self.matmul:
            known = ", ".join(self.matmul)
            raise CeilingsError(
                f"{self.source}: has no {dtype} ceiling, only {known}; measure with "
                f"--reel-dtype {dtype}, or predict {known}"
            )
        return self.matmul[dtype]

    def memory_rate(self, working_set: float) -> float:
        """Bytes/s for a working set: the best rate of any up to the next larger size measured."""
        as_large = [rate for size, rate in self.memory.items() if 4 * size > working_set]
        return max(as_large, default=self.memory[max(self.memory)])

    def least(self, flops: float, least_bytes: float, dtype: str) -> tuple[float, Bound]:
        """The least time of a piece of work, and which ceiling binds it."""
        by_compute = flops / self.compute_rate(dtype) if flops else 0.0
        by_memory = least_bytes / self.memory_rate(least_bytes)
        return (by_compute, "compute") if by_compute >= by_memory else (by_memory, "memory")


def _version(text: str) -> tuple[int, ...]:
    """The first two numbers of a version; none of what is no version."""
    parts = text.split(".")[:2]
    return tuple(int(part) for part in parts) if all(map(str.isdecimal, parts)) else ()
