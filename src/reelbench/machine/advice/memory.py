"""Advice on memory: how much is left, what is swapped out, and how it is paged."""

from __future__ import annotations

from collections.abc import Iterator

from reelbench.machine.advice.row import Advice, Seen, Severity
from reelbench.units import print_bytes

# The smallest core layers need about a gibibyte with their gradients.
_LITTLE_BYTES = 2 * 2**30
# Less is swapped out on machines that have never been short of memory.
_LITTLE_SWAP_BYTES = 256 * 2**20
# Settings of glibc's allocator: huge pages where the system leaves that to programs (since 2.35),
# one pool that every thread shares, and nothing given back to the system, however large.
# A terminal breaks it where a shell may: behind a semicolon.
_KEEP_MEMORY = (
    "export GLIBC_TUNABLES; m=glibc.malloc; "
    "GLIBC_TUNABLES=$m.hugetlb=1:$m.arena_max=1:$m.mmap_max=0:$m.trim_threshold=100000000000"
)
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
    if seen.settings.huge_pages == "madvise" and _asks_by_page(seen):
        yield Advice(
            Severity.NOTE,
            "large arrays come in small pages, asked for anew at every call",
            "a program that writes much new memory waits for each page, and walks through many",
            "keep memory, in huge pages, by the line below the table, for training too; pytest "
            "--benchmark-only --reel-case r3d-layer1 before and after shows what it gains",
            line=_KEEP_MEMORY,
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


def _asks_by_page(seen: Seen) -> bool:
    """Whether the C library's own allocator holds the arrays, and asks for small pages."""
    if seen.facts.get("backend") != "cpu" or seen.facts.get("allocator") != "default":
        return False
    return "glibc.malloc.hugetlb" not in str(seen.facts.get("environment"))
