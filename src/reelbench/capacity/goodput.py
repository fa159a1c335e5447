"""How much of the time a job makes progress: failures, restarts, checkpoints.

Functions of arrays in SI base units; estimates are taken as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reelbench.capacity.estimate import choose


def failure_rate(nodes: Any, rate: Any, exponent: Any = 1.0) -> Any:
    """Failures a second of a job: ``rate · n^exponent``.

    With exponent 1 nodes fail one by one; with 0 the rate is that of a job of any size, above 1
    failures are correlated.
    """
    return rate * nodes**exponent


def mean_time_to_failure(rate: Any) -> Any:
    """Seconds between failures that come at ``rate`` a second."""
    return 1 / rate


def effective_share(failures: Any, restart: Any, interval: Any, checkpoint: Any) -> Any:
    """Share of wall time that is progress (effective training time ratio).

    A segment of ``Δt`` of work and its checkpoint is repeated until it passes without a failure:
    ``Δt·λ / ((1 + λ·u₀)(e^{λ(Δt+C)} − 1))`` (Daly 2006, doi:10.1016/j.future.2004.11.016, eq. 13).
    To first order it is ``1 − λ(u₀ + Δt/2) − C/Δt``, the form of Kokolis et al. 2024,
    arXiv:2410.21680; unlike that, it stays above zero where failures are frequent.

    Args:
        failures: λ, a second, for the whole job.
        restart: u₀, seconds from a failure to training again.
        interval: Δt, seconds of work between checkpoints.
        checkpoint: C, seconds for which training stands still.
    """
    expected = np.minimum(np.maximum(failures, 0 * failures) * (interval + checkpoint), 500.0)
    # expm1(x)/x, which is 1 at 0.
    some = np.maximum(expected, 1e-9)
    growth = choose(expected < 1e-9, 1 + expected / 2, np.expm1(some) / some)
    wasted = (1 + failures * restart) * growth * (interval + checkpoint) / interval
    return 1 / wasted


def first_order_share(failures: Any, restart: Any, interval: Any, checkpoint: Any = 0.0) -> Any:
    """The same to first order, ``1 − λ(u₀ + Δt/2) − C/Δt``; meaningless where it is far from 1."""
    return 1 - failures * (restart + interval / 2) - checkpoint / interval


def young_interval(checkpoint: Any, mttf: Any) -> Any:
    """Seconds of work between checkpoints: ``√(2·C·M)`` (Young 1974, doi:10.1145/361147.361115)."""
    return np.sqrt(2 * checkpoint * mttf)


def daly_interval(checkpoint: Any, mttf: Any) -> Any:
    """Seconds of work between checkpoints (Daly 2006, doi:10.1016/j.future.2004.11.016, eq. 37).

    ``√(2CM)·[1 + ⅓·√(C/2M) + C/18M] − C`` while C < 2M, else M.
    """
    ratio = checkpoint / (2 * mttf)
    series = 1 + np.sqrt(ratio) / 3 + ratio / 9
    better = np.sqrt(2 * checkpoint * mttf) * series - checkpoint
    return choose(ratio < 1, better, mttf)
