"""Finds the end of the start-up transient in a series of times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_WINDOW = 3
_SLOWEST_GAIN = 0.02


def settled(times: Sequence[float]) -> bool:
    """Whether the last three times are no faster than the three before by more than 2 %.

    A transient (paging in, caches, clocks ramping up) makes the times fall; noise alone does not
    make the fastest of three fall again and again. Six times are the fewest that can settle.
    """
    if len(times) < 2 * _WINDOW:
        return False
    last = float(np.min(times[-_WINDOW:]))
    before = float(np.min(times[-2 * _WINDOW : -_WINDOW]))
    return last >= before * (1 - _SLOWEST_GAIN)
