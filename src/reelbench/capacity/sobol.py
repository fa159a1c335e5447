"""Which inputs an estimate's uncertainty comes from: Sobol indices of its logarithm.

Of the logarithm, because nearly everything in a plan is a product of positive inputs: then the
indices add up, and a long tail of one input does not hide the others. First-order and total indices
by Jansen's estimators (Jansen 1999, doi:10.1016/S0010-4655(98)00154-4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reelbench.capacity.estimate import Estimate


@dataclass(frozen=True)
class Index:
    """What one input contributes.

    Attributes:
        first: Share of the variance that would go if the input were known exactly.
        total: Share of the variance that is left if everything else were known exactly.
    """

    input: str
    first: float
    total: float


def indices(estimate: Estimate) -> list[Index]:
    """The indices of each uncertain input, the largest first; none for a certain value."""
    if not estimate.inputs:
        return []
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.abs(estimate.rows))
    good = np.isfinite(logs).all(axis=0)
    if good.sum() < 2:
        return []
    logs = logs[:, good]
    a, b = logs[0], logs[1]
    variance = np.var(np.concatenate([a, b]))
    if not variance > 1e-24:
        return []
    found = []
    for row, name in enumerate(estimate.inputs):
        mixed = logs[2 + row]
        first = 1 - np.mean((b - mixed) ** 2) / (2 * variance)
        total = np.mean((a - mixed) ** 2) / (2 * variance)
        whole = float(np.clip(total, 0, 1))
        # First-order is the noisier of the two, and never more than total.
        found.append(Index(name, float(np.clip(first, 0, whole)), whole))
    return sorted(found, key=lambda index: -index.total)
