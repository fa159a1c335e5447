"""A case that cannot be timed: an outcome with its reason and numbers, as an exception."""

from __future__ import annotations

from reelbench.results.outcome import Outcome


class CaseFailure(Exception):  # noqa: N818 - an outcome, which need not be an error
    """Ends the measurement of a case.

    Args:
        outcome: What became of the case.
        reason: What happened, with its numbers, in one sentence.
        numbers: The numbers by name, units in the names.
    """

    def __init__(self, outcome: Outcome, reason: str, **numbers: float) -> None:
        super().__init__(f"{outcome}: {reason}")
        self.outcome = outcome
        self.reason = reason
        self.numbers = numbers


def from_runtime(error: Exception, stage: str) -> CaseFailure:
    """The failure that an exception of the compiler or runtime stands for."""
    first = " ".join(str(error).split())[:300]
    if "RESOURCE_EXHAUSTED" in first or "out of memory" in first.lower():
        return CaseFailure(Outcome.OUT_OF_MEMORY, f"{stage} ran out of memory: {first}")
    if "UNIMPLEMENTED" in first:
        return CaseFailure(Outcome.UNSUPPORTED_HERE, f"{stage} is not implemented: {first}")
    return CaseFailure(Outcome.COMPILE_FAILED, f"{stage} failed: {first}")
