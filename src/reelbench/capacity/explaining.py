"""Where an answer's uncertainty comes from, and what would be worth measuring next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reelbench.capacity.estimate import Estimate
from reelbench.capacity.figure import KINDS, Kind, Named
from reelbench.capacity.sobol import Index, indices

# What a measurement can settle, and how; a price or a goal it cannot.
_MEASURABLE = {
    "measured.": "measure in several processes (--reel-runs 5), on the device that will train",
    "mfu.": "measure a training step of this model on that device (pytest --benchmark-only) and "
    "plan with --rates",
    "model.": "measure this model's training step on that device (pytest --benchmark-only) and "
    "plan with --rates",
    "feed.": "decode and read a thousand of your own clips on the machine that will do it",
    "network.": "time an all-reduce of the gradients between the nodes",
    "parallel.": "time a step with and without the split",
    "reliability.": "count failures, and time a restart and a checkpoint, on a job of that size",
    "power.": "read the power of a device, and of its server, while it trains",
    "device.server_power": "read the power of a server at its plug while it trains",
    "curation.": "curate a sample of the clips",
    "fleet.": "log a sample of the fleet for a week",
    "corpus.": "take stock of a sample of the corpus",
}


@dataclass(frozen=True)
class Cause:
    """One input's part in the variance of an answer's logarithm.

    Attributes:
        first: Share that would go if it were known exactly.
        total: Share that it takes part in.
    """

    figure: Named
    first: float
    total: float


def causes(estimate: Estimate, known: Mapping[str, Named]) -> list[Cause]:
    """The inputs of an answer's uncertainty, the largest first."""
    return [_cause(index, known) for index in indices(estimate)]


def _cause(index: Index, known: Mapping[str, Named]) -> Cause:
    return Cause(known[index.input], index.first, index.total)


def by_kind(found: list[Cause]) -> dict[Kind, float]:
    """Share of the variance that each kind of figure brings; the shares add up to 1.

    Total indices, scaled to their sum: where inputs act together they share what they do.
    """
    whole = sum(each.total for each in found)
    if whole <= 0:
        return {}
    return {
        kind: sum(each.total for each in found if each.figure.kind == kind) / whole
        for kind in KINDS
    }


def worth_measuring(found: list[Cause]) -> tuple[Cause, str] | None:
    """The input whose measurement would remove most of the variance, and how to measure it."""
    for each in sorted(found, key=lambda cause: -cause.first):
        if each.figure.kind in ("measured", "chosen"):
            continue
        for prefix, advice in _MEASURABLE.items():
            if each.figure.name.startswith(prefix) and each.first > 0.01:
                return each, advice
    return None
