"""Advice on memory: how much is left, what is swapped out, and how it is paged."""

from __future__ import annotations

from collections.abc import Iterator

from reelbench.machine.advice.row import Advice, Seen, Severity
from reelbench.units import print_bytes

# The smallest core layers need about a gibibyte with their gradients.
_LITTLE_BYTES = 2 * 2**30
# Less is swapped out on machines that have never been short of memory.
_LITTLE_SWAP_BYTES = 256 * 2**20
_HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"


def advice(seen: Seen) -> Iterator[Advice]:
    """See `reelbench.machine.advice`."""
    known = (seen.number("memory_available_bytes"), seen.settings.memory_left_bytes)
    left = min((each for each in known if each is not None), default=None)
    if left is not None and left < _LITTLE_BYTES:
        yield Advice(
            Severity.DISTURBS,
            f"only {print_bytes(left)} of memory is free",
            "most layers will not fit, and what fits may be swapped out",
            "end what holds memory; top -o %MEM shows it",
        )
    swapped = seen.settings.swap_used_bytes
    if swapped is not None and swapped > _LITTLE_SWAP_BYTES:
        yield Advice(
            Severity.NOTE,
            f"{print_bytes(swapped)} of memory is swapped out",
            "programs wait for the disk when they touch it again",
            "free some, then sudo swapoff -a && sudo swapon -a",
        )
    why = {
        "always": "arrays get huge pages only where memory is in one piece: runs differ by it",
        "never": "large arrays lie in small pages, which takes longer to walk through",
    }.get(seen.settings.huge_pages or "")
    if why:
        yield Advice(
            Severity.NOTE,
            f"transparent huge pages are set to {seen.settings.huge_pages}",
            why,
            f"echo madvise | sudo tee {_HUGE_PAGES}, or keep it the same in all runs",
        )
