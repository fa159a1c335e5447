"""What taking memory anew costs a step beyond what it cost its layers alone.

A compiled program takes its temporary memory in one piece at every call. A small piece comes from
what the process has kept, a large one from the operating system, page by page, each of them cleared
when it is first written. A layer alone is often small and a step never is. The rate at which pages
come is measured with the ceilings; how much a step takes follows from its layers.
"""

from __future__ import annotations

from reelbench.predict.ceilings import Ceilings

# glibc never keeps larger pieces for later (malloc/malloc.c, DEFAULT_MMAP_THRESHOLD_MAX).
_KEPT_BYTES = 32 * 2**20


def paged(temporary_bytes: float) -> float:
    """The bytes that a program with so much temporary memory takes anew at every call."""
    return float(temporary_bytes) if temporary_bytes > _KEPT_BYTES else 0.0


def paging_s(step_bytes: float, alone_bytes: float, ceilings: Ceilings) -> float:
    """Time that a step takes for its pages beyond its layers; below zero where they took more.

    Args:
        step_bytes: Temporary memory of the step.
        alone_bytes: What its layers, measured alone, took anew together.
        ceilings: Of the machine; nothing is known without its rate of paging.
    """
    if ceilings.paging is None:
        return 0.0
    return (paged(step_bytes) - alone_bytes) / ceilings.paging
