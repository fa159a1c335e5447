"""Keeps a case that does not come back from eating the budget.

Neither a compilation nor a call can be interrupted from within its process: some convolution
gradients run for ten minutes on a CPU where their like take a second. So the process replaces
itself: the case is journalled as over budget and pytest starts again with ``--reel-resume``, which
costs the seconds of a start and nothing that was measured.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def watched(seconds: float, expired: Callable[[], None]) -> Iterator[None]:
    """Call ``expired`` from another thread if the body takes longer than ``seconds``."""
    timer = threading.Timer(seconds, expired)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


_REPLACED = ("--reel-budget", "--reel-resume")


def resuming_arguments(arguments: Sequence[str], journal: str, budget_s: float) -> list[str]:
    """The arguments of pytest for going on with a journal within what is left of the budget."""
    kept: list[str] = []
    takes_value = False
    for argument in arguments:
        if takes_value and not argument.startswith("-"):
            takes_value = False
            continue
        takes_value = argument in _REPLACED
        if not takes_value and not argument.startswith(tuple(f"{name}=" for name in _REPLACED)):
            kept.append(argument)
    return [*kept, f"--reel-budget={max(budget_s, 1.0):.0f}s", f"--reel-resume={journal}"]


def start_again(arguments: Sequence[str]) -> None:
    """Replace this process by pytest with these arguments; does not return."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])
