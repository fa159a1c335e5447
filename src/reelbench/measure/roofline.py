"""The least time of a case by the ceilings of this session, and which ceiling binds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from reelbench.results.schema import Ceiling

# Ceilings of arithmetic; a convolution may be faster than any matrix product.
_PRODUCTS = ("matmul", "convolution")


@dataclass(frozen=True)
class Roofline:
    """The least time and what binds it."""

    seconds: float
    bound: Literal["compute", "memory"]


def roofline(
    flops: float, least_bytes: float, dtype: str, ceilings: Sequence[Ceiling]
) -> Roofline | None:
    """The larger of FLOPs over the dtype's ceiling and bytes over the memory ceiling.

    None when the dtype's ceiling, or the memory ceiling, was not measured. The memory ceiling is
    the best rate seen for working sets up to the next larger size, so that data that stay in a
    cache are not held against the rate of the memory behind it.
    """
    products = [c.rate for c in ceilings if c.kind in _PRODUCTS and c.dtype == dtype]
    compute = max(products, default=None)
    memory = next((c for c in ceilings if c.kind == "memory"), None)
    if compute is None or memory is None:
        return None
    sizes = {int(size): rate for size, rate in memory.sweep.items()}
    as_large = [rate for size, rate in sizes.items() if 4 * size > least_bytes]
    rate = max(as_large, default=memory.rate)
    by_compute, by_memory = flops / compute, least_bytes / rate
    if by_compute >= by_memory:
        return Roofline(by_compute, "compute")
    return Roofline(by_memory, "memory")
