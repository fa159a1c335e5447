"""What can become of a case, each outcome with advice: a failure is a value, not a crash."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a case. Only ``OK`` carries a timing."""

    OK = "ok"
    OVER_BUDGET = "over_budget"
    WOULD_NOT_FIT = "would_not_fit"
    OUT_OF_MEMORY = "out_of_memory"
    COMPILE_FAILED = "compile_failed"
    NOT_FINITE = "not_finite"
    DISAGREES_WITH_REFERENCE = "disagrees_with_reference"
    WORK_REMOVED = "work_removed"
    CONSTANT_INPUT = "constant_input"
    NOT_WAITED_FOR = "not_waited_for"
    UNSUPPORTED_HERE = "unsupported_here"
    SATURATED = "saturated"
    CRASHED = "crashed"
    DISTURBED = "disturbed"
    REFERENCE_IS_BEST = "reference_is_best"

    @property
    def advice(self) -> str:
        """What to do about it, in one sentence."""
        return _ADVICE[self]

    @property
    def is_mistake(self) -> bool:
        """Whether the measured code is at fault, so that the test that measured it fails."""
        return self in _MISTAKES


_ADVICE = {
    Outcome.OK: "",
    Outcome.OVER_BUDGET: "Give a larger --reel-budget, or choose the case alone with -k.",
    Outcome.WOULD_NOT_FIT: "Choose a smaller --reel-batch or preset, or a device with more memory.",
    Outcome.OUT_OF_MEMORY: "Free memory, or choose a smaller --reel-batch or preset.",
    Outcome.COMPILE_FAILED: "Run the case alone with -k and read the compiler's message; try "
    "another jaxlib.",
    Outcome.NOT_FINITE: "Look for an overflow or a division by zero; try --reel-dtype float32.",
    Outcome.DISAGREES_WITH_REFERENCE: "Compare the implementation with its reference on small "
    "inputs.",
    Outcome.WORK_REMOVED: "Make the output depend on the work, and pass arrays as inputs or "
    "parameters instead of closing over them.",
    Outcome.CONSTANT_INPUT: "Pass random values: constants can be folded and run faster than data.",
    Outcome.NOT_WAITED_FOR: "Return every array that the call computes.",
    Outcome.UNSUPPORTED_HERE: "Choose another dtype, pass, implementation or machine.",
    Outcome.SATURATED: "Name the batch with --reel-batch to measure it all the same.",
    Outcome.CRASHED: "Run the case alone with -k and watch its memory.",
    Outcome.DISTURBED: "Measure again on a quiet machine.",
    Outcome.REFERENCE_IS_BEST: "Nothing to do: none was faster when the layer was timed in turns "
    "with its plain form; where another row of it is, measure again.",
}

_MISTAKES = frozenset(
    {
        Outcome.COMPILE_FAILED,
        Outcome.NOT_FINITE,
        Outcome.DISAGREES_WITH_REFERENCE,
        Outcome.WORK_REMOVED,
        Outcome.CONSTANT_INPUT,
        Outcome.NOT_WAITED_FOR,
    }
)
