"""Finds the fastest implementation of every operation inside a layer, on this machine.

An operation is timed alone, in the pass that is wanted: as a layer holds few kinds of operations
and many layers hold the same, that is far less than timing every combination. What was found is
remembered, so that it is looked for once a machine and its software.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import jax

from reelbench.implementations import (
    REFERENCE,
    Candidate,
    Limits,
    Operation,
    all_parts,
    by_name,
    candidates,
    in_loops,
    plain,
    recognise,
    using,
)
from reelbench.machine import backend, libraries
from reelbench.measure.failure import CaseFailure
from reelbench.measure.remembered import Remembered
from reelbench.measure.trying import Way, time_in_turns
from reelbench.measure.workload import Workload
from reelbench.results.outcome import Outcome
from reelbench.results.schema import ChosenOperation, Fact

BEST = "best"
"""Name of a case whose implementations are still to be chosen."""

FASTEST = "fastest"
"""The same, of a case that is measured as it is written where that is fastest."""

# Another implementation must be so much faster to be worth its name; less may be noise.
_LEAST_GAIN = 0.05


class NoOtherWayError(Exception):
    """A layer that can only be computed as it is written."""


@dataclass(frozen=True)
class Choice:
    """What was chosen for the operations of a layer.

    Attributes:
        chosen: What computes each operation that is not computed plainly.
        operations: The same for the result file, with what was tried.
        cut_short: How many of them had ways that were not tried, as time was up.
    """

    chosen: Mapping[Operation, Candidate]
    operations: tuple[ChosenOperation, ...]
    cut_short: int = 0

    @property
    def name(self) -> str:
        """Names of the implementations in it, such as ``patches+shifts``."""
        names = set(self.implementations)
        if self.library:
            names.add(self.library)
        return "+".join(sorted(names)) or REFERENCE

    @property
    def implementations(self) -> tuple[str, ...]:
        """Names of the implementations in it, the least exact first."""
        found = {each.implementation.name: each.implementation for each in self.chosen.values()}
        return tuple(sorted(found, key=lambda name: (-found[name].digits_lost, name)))

    @property
    def library(self) -> str:
        """What XLA is to call in the program; empty for nothing."""
        asked = {each.library for each in self.chosen.values()} - {""}
        return next(iter(asked), "")


@dataclass(frozen=True)
class _Found:
    """An operation, what may compute it, how long that took, and the best of it if any."""

    operation: Operation
    ways: list[Candidate]
    times: Mapping[str, float]
    best: Candidate | None


def operations_of(workload: Workload) -> dict[Operation, bool]:
    """The operations of a layer that have other implementations, each once, as they come.

    Returns:
        For each operation whether it stands in a loop of the layer.
    """
    if workload.apply is None:
        return {}
    given = (workload.arguments[place] for place in workload.applied)
    program = jax.make_jaxpr(workload.apply)(*given)
    looped = {each.operation for each in map(recognise, in_loops(program)) if each is not None}
    found = (each.operation for each in map(recognise, all_parts(program)) if each is not None)
    return {operation: operation in looped for operation in found}


def limits_of(facts: Mapping[str, Fact]) -> Limits:
    """What decides on this machine how work is cut, and which libraries it has."""
    backend_ = str(facts.get("backend") or "cpu")
    cache_bytes, cores = facts.get("cpu_l2_bytes"), facts.get("cpus_usable")
    limits = Limits(backend=backend_, libraries=libraries.available())
    if backend_ != "cpu" or not isinstance(cache_bytes, int) or not isinstance(cores, int):
        return limits
    return replace(limits, cache_bytes=cache_bytes * cores)


def choose(
    workload: Workload,
    limits: Limits,
    remembered: Remembered,
    seconds: float,
    only: str | None = None,
    without: Collection[str] = (),
) -> Choice:
    """Choose what computes each operation of a layer.

    Args:
        workload: The layer, as it is written.
        limits: What of this machine decides how work is cut.
        remembered: What was found before; takes what is found now.
        seconds: Time after which nothing further is tried.
        only: Name of the implementation that is wanted wherever it can be had, faster or not.
        without: Names of implementations that are not to be chosen.
    """
    end = time.monotonic() + seconds
    found: list[_Found] = []
    cut_short = 0
    # A whole step differentiates its operations as a layer's train pass does.
    pass_ = "forward" if workload.identity.pass_ == "forward" else "train"
    for operation, in_loop in operations_of(workload).items():
        ways = [
            each
            for each in _candidates(operation, limits, pass_, only)
            if each.implementation.name not in without
        ]
        if not ways:
            continue
        sitting = _Sitting(operation, pass_, remembered, end, in_loop=in_loop)
        sitting.time(_ways(operation, ways, pass_, with_plain=only is None))
        times = sitting.times
        if only is None and pass_ == "train":
            again = _under_libraries(operation, ways, times, limits)
            sitting.time(_ways(operation, again, pass_, with_plain=False))
            ways += again[1:]
        cut_short += not sitting.finished
        plainly = None if only else times.get(REFERENCE)
        found.append(_Found(operation, ways, times, _fastest(times, ways, plainly)))
    found = _with_library(found)
    return Choice(
        chosen={each.operation: each.best for each in found if each.best is not None},
        operations=tuple(map(_told, found)),
        cut_short=cut_short,
    )


class _Sitting:
    """Times ways to compute an operation, and remembers them.

    Args:
        operation: What they compute.
        pass_: ``forward`` or ``train``.
        remembered: What was found before; takes what is found now.
        end: Of `time.monotonic`, after which nothing further is tried.
        in_loop: Whether a loop computes it.

    Attributes:
        times: Seconds by way.
        finished: Whether all that were to be timed are.
    """

    def __init__(
        self,
        operation: Operation,
        pass_: str,
        remembered: Remembered,
        end: float,
        *,
        in_loop: bool,
    ) -> None:
        self._operation, self._pass, self._in_loop = operation, pass_, in_loop
        self._remembered, self._end = remembered, end
        self._where = f"{pass_}-in-loop" if in_loop else pass_
        self.times = remembered.of(operation.key, self._where)
        self.finished = True

    def time(self, tried: Mapping[str, Way]) -> None:
        """Time these, unless all are known."""
        if any(name not in self.times for name in tried) and time.monotonic() < self._end:
            # What is known too: times of another day do not compare.
            self.times |= time_in_turns(
                tried, self._operation, self._pass, in_loop=self._in_loop, end=self._end
            )
            self._remembered.put(self._operation.key, self._where, self.times)
        self.finished &= all(name in self.times for name in tried)


def _candidates(
    operation: Operation, limits: Limits, pass_: str, only: str | None
) -> list[Candidate]:
    """What may be tried; of variants that are the same in this pass, the first."""
    found: list[Candidate] = []
    for each in candidates(operation, limits):
        own = each.implementation
        if only not in (None, own.name) or (pass_ == "forward" and own.backward_only):
            continue
        known = any(other.implementation is own for other in found)
        if not (pass_ == "forward" and own.variants_backward and known):
            found.append(each)
    return found


def _under_libraries(
    operation: Operation, ways: Sequence[Candidate], times: Mapping[str, float], limits: Limits
) -> list[Candidate]:
    """The fastest convolution that asks for no library, followed by itself with each.

    The products that it is made of are handed over too, where XLA's own library refuses them.
    """
    best = _fastest(times, [each for each in ways if not each.library], None)
    if best is None or operation.kind != "convolution" or not limits.libraries:
        return []
    return [best, *map(best.under, limits.libraries)]


def _with_library(found: list[_Found]) -> list[_Found]:
    """What is left as it is written in a program that calls a library, done by the library.

    A library is a matter of the whole program: it is handed what stays plain too, and how long that
    took without it says nothing.
    """
    asked = {each.best.library for each in found if each.best is not None} - {""}

    def again(each: _Found) -> _Found:
        if each.best is not None or not asked:
            return each
        own = [way for way in each.ways if way.library in asked]
        return replace(each, best=_fastest(each.times, own, None))

    return list(map(again, found))


def again(workload: Workload, operations: Sequence[ChosenOperation], limits: Limits) -> Workload:
    """The layer with what another process chose.

    Raises:
        CaseFailure: It is not known here.
    """
    by_key = {each.key: each.implementation for each in operations}
    chosen: dict[Operation, Candidate] = {}
    for operation in operations_of(workload):
        name = by_key.get(operation.key, REFERENCE)
        if name == REFERENCE:
            continue
        found = by_name(operation, name, limits)
        if found is None:
            raise CaseFailure(Outcome.UNSUPPORTED_HERE, f"{name[:80]} is not known here")
        chosen[operation] = found
    return with_choice(workload, Choice(chosen, tuple(operations)))


def with_choice(workload: Workload, choice: Choice) -> Workload:
    """The layer computed as chosen.

    Raises:
        NoOtherWayError: No operation in it has another implementation.
        CaseFailure: ``reference_is_best``: none of them is faster.
    """
    if workload.rebuild is None or workload.apply is None or not choice.operations:
        raise NoOtherWayError("no operation in it has another implementation")
    if not choice.chosen:
        count = len(choice.operations)
        found = " was found before time was up" if choice.cut_short else ""
        raise CaseFailure(
            Outcome.REFERENCE_IS_BEST, f"no faster way{found} for any of {count} operations"
        )
    made = workload.rebuild(using(workload.apply, choice.chosen), choice.name)
    made = replace(made, library=choice.library)
    # Its gradients are then checked along random directions.
    return replace(made, reference=None) if may_not_return(workload) else made


def may_not_return(workload: Workload) -> bool:
    """Whether a layer as it is written could take minutes to compile or to run."""
    pass_ = workload.identity.pass_
    return any(_may_not_return(each, pass_) for each in operations_of(workload))


def _ways(
    operation: Operation, ways: Sequence[Candidate], pass_: str, *, with_plain: bool
) -> dict[str, Way]:
    """The candidates, then the plain form where it can be tried."""
    found = {each.name: Way(each.function(operation), each.library) for each in ways}
    if with_plain and not _may_not_return(operation, pass_):
        found[REFERENCE] = Way(plain(operation))
    return found


def _may_not_return(operation: Operation, pass_: str) -> bool:
    """Whether the plain form could take minutes to compile or to run, and cannot be stopped.

    On a CPU, XLA's gradient of a strided convolution; its depthwise ones are slow, but return.
    """
    if operation.kind != "convolution" or pass_ == "forward" or backend.is_accelerator():
        return False
    return any(stride > 1 for stride in operation.details.strides)


def _fastest(
    times: Mapping[str, float], ways: Sequence[Candidate], plainly: float | None
) -> Candidate | None:
    """The fastest candidate, if it is faster than the plain form or that was not tried."""
    known = {each.name: each for each in ways if each.name in times}
    if not known:
        return None
    name = min(known, key=lambda each: times[each])
    if times[name] == float("inf"):
        return None
    if plainly is not None and times[name] > plainly * (1 - _LEAST_GAIN):
        return None
    return known[name]


def _told(found: _Found) -> ChosenOperation:
    operation, best = found.operation, found.best
    sizes = " by ".join("×".join(map(str, shape)) for shape in operation.shapes)
    return ChosenOperation(
        kind=operation.kind,
        key=operation.key,
        text=f"{sizes} {operation.dtype}",
        implementation=best.name if best else REFERENCE,
        seconds={name: each for name, each in sorted(found.times.items()) if each != float("inf")},
    )
