"""One side of a comparison: the runs of one machine under one set of software, pooled.

Runs of a side stand for one thing only if they are alike. The newest decides: runs on another
machine, with other limits or software, or under another protocol, are set apart and named.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reelbench.compare.digest import Digest, Reading
from reelbench.machine.fields import FIELDS
from reelbench.results.outcome import Outcome
from reelbench.results.schema import Fact, Identity

_STABLE = tuple(name for name, field in FIELDS.items() if field.kind != "volatile")


@dataclass(frozen=True)
class Noise:
    """What self-tests found of a machine, as standard deviations of logarithms of medians.

    Attributes:
        process: From process to process.
        session: From one self-test to the next, of the same probe; None of one self-test alone.
        sessions: How many self-tests there were.
    """

    process: float
    session: float | None = None
    sessions: int = 1


@dataclass(frozen=True)
class SetApart:
    """A run that is left out of its side, and the facts in which it differs from the newest."""

    run: Digest
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Side:
    """Runs that stand together for one machine and its software.

    Attributes:
        label: What the user calls it.
        runs: Oldest first; never empty.
        apart: Runs that are not like the newest.
        noise: What self-tests of the machine found, where there are any.
        repeated: Files that held a run that another file of the side holds too.
    """

    label: str
    runs: tuple[Digest, ...]
    apart: tuple[SetApart, ...] = ()
    noise: Noise | None = None
    repeated: tuple[str, ...] = ()

    @property
    def newest(self) -> Digest:
        """The run that decides what the side is."""
        return self.runs[-1]

    @property
    def facts(self) -> Mapping[str, Fact] | None:
        """Facts of the newest run."""
        return self.newest.facts

    @property
    def unmeasured(self) -> dict[Identity, str]:
        """What became of cases that no run of the side timed, as the newest run says."""
        measured = {reading.identity for run in self.runs for reading in run.readings}
        return {
            identity: said
            for run in self.runs
            for identity, said in run.unmeasured
            if identity not in measured
        }

    @property
    def foreign(self) -> int:
        """Benchmarks without a record of ours, in the newest run."""
        return self.newest.foreign


def side_of(label: str, digests: Iterable[Digest], noise: Noise | None = None) -> Side:
    """Make a side of runs in any order.

    Args:
        label: What the user calls it.
        digests: At least one run. A run that is in two files counts once.
        noise: What self-tests of the machine found.

    Raises:
        ValueError: There is no run.
    """
    ordered = sorted(digests, key=lambda run: (run.created, sorted(run.run_ids), run.name))
    if not ordered:
        raise ValueError(f"{label}: no runs")
    newest = ordered[-1]
    runs: list[Digest] = []
    apart: list[SetApart] = []
    repeated: list[str] = []
    seen: set[str] = set()
    # A merged file first: it holds all that its runs' own files hold.
    for run in sorted(ordered, key=lambda run: -len(run.run_ids)):
        if fields := _unlike(run, newest):
            apart.append(SetApart(run, fields))
        elif run.run_ids and run.run_ids <= seen:
            repeated.append(run.name)
        elif run.run_ids & seen:
            apart.append(SetApart(run, ("runs that another file shares in part",)))
        else:
            seen |= run.run_ids
            runs.append(run)
    runs.sort(key=ordered.index)
    return Side(label, tuple(runs), tuple(apart), noise, tuple(repeated))


def _unlike(run: Digest, newest: Digest) -> tuple[str, ...]:
    fields = []
    if run.machine != newest.machine:
        fields.append("machine")
    if run.protocol != newest.protocol:
        fields.append("protocol")
    one, other = run.facts or {}, newest.facts or {}
    fields += [name for name in _STABLE if one.get(name) != other.get(name)]
    return tuple(fields)


@dataclass(frozen=True)
class Pool:
    """One case on one side: the readings of all its runs that ran the very same program.

    Attributes:
        readings: Oldest first; never empty.
        older: How many readings of the side are left out, as they ran other code of that name.
    """

    readings: tuple[Reading, ...]
    older: int = 0

    @property
    def newest(self) -> Reading:
        """The reading that stands for the pool where one is needed."""
        return self.readings[-1]

    @property
    def identity(self) -> Identity:
        """What was measured."""
        return self.newest.identity

    @property
    def is_timed(self) -> bool:
        """Whether every reading counts as a measurement."""
        return self.newest.outcome is Outcome.OK

    @property
    def processes(self) -> int:
        """Processes of all runs."""
        return sum(map(len, self.runs))

    @property
    def runs(self) -> list[tuple[float, ...]]:
        """Medians of the processes of each run."""
        return [run for reading in self.readings for run in reading.medians_s]


def pools_of(side: Side) -> list[Pool]:
    """The cases of a side; readings of one identity that ran other code are pools of their own.

    A pool holds one version, clock and outcome. Of several programs under one version the newest
    counts: software is the same on a side, so the code that was measured has changed.
    """
    grouped: defaultdict[tuple[object, ...], list[Reading]] = defaultdict(list)
    for run in side.runs:
        # Tests of a user may be alike in all of this: then the first of them is one case, the
        # second another.
        often: Counter[tuple[object, ...]] = Counter()
        for reading in run.readings:
            key = (reading.identity, reading.version, reading.clock, reading.outcome)
            grouped[*key, often[key]].append(reading)
            often[key] += 1
    pools = []
    for readings in grouped.values():
        program = readings[-1].program
        same = tuple(reading for reading in readings if reading.program == program)
        pools.append(Pool(same, len(readings) - len(same)))
    return pools
