"""Makes one result file of several: the runs of one machine, processes kept apart.

What is merged is a set of atoms: runs, by their ids, and the rounds of each process of each case.
The merged file is a function of that set alone. So files may be merged in any order and grouping
with the same bytes as result, and merging a file in again changes nothing.

Of what can stand in a file only once, the earliest run decides: its machine's facts that change
from minute to minute, the commit, pytest-benchmark's own fields. Of a case, the earliest process
decides what does not depend on rounds: its program, work, memory and roofline. Each run's own
facts stay in its `Source`.
"""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

import msgspec
from pytest_benchmark.stats import Stats

from reelbench.machine.fields import FIELDS
from reelbench.results.outcome import Outcome
from reelbench.results.read import ResultFileError, parse
from reelbench.results.schema import (
    SCHEMA,
    CaseOutcome,
    CaseRecord,
    Ceiling,
    Fact,
    Identity,
    Machine,
    Replicate,
    Results,
    Run,
    Source,
)
from reelbench.stats.timing import Unsteadiness
from reelbench.stats.timing import merged as merged_record
from reelbench.stats.visits import usual

Json = dict[str, Any]
_EDITED = "one of them was edited; leave it out"
_Born = tuple[str, str]  # when a process started, and its id


@dataclass(frozen=True)
class _File:
    """A file as read: checked, and as it stands."""

    name: str
    results: Results
    raw: Json
    run: Run
    machine: Machine
    sources: tuple[Source, ...]
    born: dict[str, _Born]


@dataclass(frozen=True)
class _Case:
    """A case of a file: its record, the benchmark that holds it, and its first process."""

    file: _File
    record: CaseRecord
    raw: Json
    born: _Born


def merge(files: Sequence[tuple[str, bytes]]) -> bytes:
    """Merge result files.

    Args:
        files: Name and bytes of each.

    Raises:
        ResultFileError: One of them is no result file of reelbench, or is not of the machine,
            software and protocol of the first, or contradicts another.
        ValueError: There are no files.
    """
    read = [_read(name, data) for name, data in files]
    if not read:
        raise ValueError("no files")
    for each in read[1:]:
        _check_alike(read[0], each)
    sources = _sources(read)
    header = _header_of(read, sources[0])
    floors = [source.floor_s for source in sources if source.floor_s is not None]
    floor = statistics.median(floors) if floors else None
    colds = [each.cold_floor_s for each in sources if each.cold_floor_s is not None]
    wanders = [source.wander for source in sources if source.wander is not None]
    wander = statistics.median(wanders) if wanders else None
    benchmarks = _benchmarks(_cases(read), floor or 0.0, wander)
    machine = msgspec.structs.replace(
        header.machine,
        facts=_facts(header.machine.facts, sources[0]),
        ceilings=_ceilings(read),
        floor_s=floor,
        cold_floor_s=statistics.median(colds) if colds else None,
        overhead_s=sources[0].overhead_s,
        wander=wander,
    )
    run = _run(read, sources, header)
    made = {
        **header.raw,
        "machine_info": {**header.raw["machine_info"], "reelbench": msgspec.to_builtins(machine)},
        "commit_info": _commit(header.raw.get("commit_info") or {}, sources[0]),
        "benchmarks": benchmarks,
        "datetime": sources[0].created,
        "reelbench": msgspec.to_builtins(run),
    }
    # ASCII only, so that nothing in it can act on a terminal; DEL is the one that is left.
    text = json.dumps(made, sort_keys=True, ensure_ascii=True, allow_nan=False, indent=1)
    data = text.replace("\x7f", "\\u007f").encode() + b"\n"
    parse(data, "the merged file")
    return data


def _read(name: str, data: bytes) -> _File:
    results = parse(data, name)
    run, machine = results.reelbench, results.machine_info.reelbench
    if run is None or machine is None:
        raise ResultFileError(name, "is of pytest-benchmark alone", "measure with reelbench")
    if len(results.records) != len(results.benchmarks):
        raise ResultFileError(
            name, "holds benchmarks without a reelbench record", "leave them out of the run"
        )
    # Read strictly before; of a key that stands twice the last value counts both times.
    raw = _plain_json(name, data)
    sources = tuple(run.sources) or (_source(results, run, machine),)
    born = {process.id: (process.started, process.id) for process in run.processes}
    return _File(name, results, raw, run, machine, sources, born)


def _plain_json(name: str, data: bytes) -> Json:
    """The document with all that others wrote into it."""
    try:
        raw: Json = json.loads(data)
        json.dumps(raw, allow_nan=False)
    except (ValueError, RecursionError):
        raise ResultFileError(
            name, "holds numbers that cannot be written again", "write the file again"
        ) from None
    return raw


def _source(results: Results, run: Run, machine: Machine) -> Source:
    return Source(
        run_id=run.run_id,
        created=run.created,
        version=run.version,
        duration_s=run.duration_s,
        complete=run.complete,
        options=run.options,
        processes=sorted(process.id for process in run.processes),
        commit=results.commit_info.id,
        dirty=results.commit_info.dirty,
        floor_s=machine.floor_s,
        cold_floor_s=machine.cold_floor_s,
        overhead_s=machine.overhead_s,
        wander=machine.wander,
        facts={name: value for name, value in machine.facts.items() if _is_volatile(name)},
        standards=run.standards,
    )


def _is_volatile(name: str) -> bool:
    return name in FIELDS and FIELDS[name].kind == "volatile"


def _check_alike(one: _File, other: _File) -> None:
    pairs: list[tuple[str, object, object]] = [
        ("machine", one.machine.id, other.machine.id),
        ("protocol", one.run.protocol, other.run.protocol),
    ]
    names = sorted(one.machine.facts.keys() | other.machine.facts.keys())
    pairs += [
        (name, one.machine.facts.get(name), other.machine.facts.get(name))
        for name in names
        if not _is_volatile(name)
    ]
    for field, here, there in pairs:
        if here != there:
            raise ResultFileError(
                other.name,
                f"does not belong with {one.name}: {field} is {str(there)[:60]!r}, there "
                f"{str(here)[:60]!r}",
                "compare them instead",
            )


def _sources(read: Sequence[_File]) -> list[Source]:
    """The runs of all files, earliest first, each once."""
    found: dict[str, Source] = {}
    for file in read:
        for source in file.sources:
            known = found.setdefault(source.run_id, source)
            if known != source:
                raise ResultFileError(
                    file.name,
                    f"run {source.run_id[:40]!r} differs from the same run in another file",
                    _EDITED,
                )
    return sorted(found.values(), key=lambda source: (source.created, source.run_id))


def _header_of(read: Sequence[_File], first: Source) -> _File:
    """The file whose own fields stand for all: that of the earliest run."""
    holders = [
        file for file in read if min(file.sources, key=lambda s: (s.created, s.run_id)) == first
    ]
    # Several hold it; what they say of it is the same but for what was edited.
    return min(holders, key=lambda file: _canonical(_own_fields(file.raw)))


def _own_fields(raw: Json) -> Json:
    machine = {key: value for key, value in raw["machine_info"].items() if key != "reelbench"}
    return {"machine_info": machine, "commit_info": raw.get("commit_info")}


def _commit(raw: Json, first: Source) -> Json:
    return {**raw, "id": first.commit, "dirty": first.dirty}


def _facts(facts: dict[str, Fact], first: Source) -> dict[str, Fact]:
    stable = {name: value for name, value in facts.items() if not _is_volatile(name)}
    return {**stable, **first.facts}


def _ceilings(read: Sequence[_File]) -> list[Ceiling]:
    """The best that any session reached; the machine can do at least that."""
    best: dict[tuple[str, str, str], Ceiling] = {}
    for file in read:
        for ceiling in file.machine.ceilings:
            key = (ceiling.kind, ceiling.dtype, ceiling.precision)
            if key not in best or _rank(ceiling) > _rank(best[key]):
                best[key] = ceiling
    return [best[key] for key in sorted(best)]


def _rank(ceiling: Ceiling) -> tuple[float, str]:
    return ceiling.rate, _canonical(msgspec.to_builtins(ceiling))


def _cases(read: Sequence[_File]) -> list[list[_Case]]:
    """What the files say of each case."""
    grouped: dict[Identity, list[_Case]] = {}
    for file in read:
        for record, raw in zip(file.results.records, file.raw["benchmarks"], strict=True):
            born = min(file.born.get(r.process, ("", r.process)) for r in record.timing.replicates)
            grouped.setdefault(record.identity, []).append(_Case(file, record, raw, born))
    return list(grouped.values())


def _benchmarks(
    grouped: Sequence[Sequence[_Case]], floor_s: float, wander: float | None
) -> list[Json]:
    """The benchmarks of all cases, in the order of their names."""
    for cases in grouped:
        _check_same_case(cases)
    replicates = [_replicates(cases) for cases in grouped]
    # What cases vary from visit to visit is needed where one process is all there is of a case.
    alone = [each for each, *more in replicates if not more]
    unsteadiness = Unsteadiness(wander, usual(alone))
    made = [
        _case(cases, each, floor_s, unsteadiness)
        for cases, each in zip(grouped, replicates, strict=True)
    ]
    return sorted(made, key=lambda each: (each["fullname"], _canonical(each.get("params"))))


def _case(
    cases: Sequence[_Case],
    replicates: Sequence[Replicate],
    floor_s: float,
    unsteadiness: Unsteadiness,
) -> Json:
    first = _first_of(cases)
    record = merged_record(first.record, replicates, floor_s, unsteadiness)
    return {
        **first.raw,
        "extra_info": {
            **first.raw.get("extra_info", {}),
            "reelbench": msgspec.to_builtins(record),
        },
        "stats": {**first.raw["stats"], **statistics_of(replicates).as_dict()},
    }


def _first_of(cases: Sequence[_Case]) -> _Case:
    return min(cases, key=lambda case: (case.born, _canonical(case.raw)))


def _check_same_case(cases: Sequence[_Case]) -> None:
    first = _first_of(cases)
    for case in cases:
        _check_same(first, case)


def _check_same(first: _Case, case: _Case) -> None:
    here, there = first.record, case.record
    for field, one, other in (
        ("version", here.version, there.version),
        ("program", here.compilation.program_sha256, there.compilation.program_sha256),
        ("outcome", here.outcome, there.outcome),
        *(
            # Of one and the same process only one thing can be true.
            (name, getattr(here, name), getattr(there, name))
            for name in ("work", "compilation", "memory")
            if first.born == case.born
        ),
    ):
        if one != other:
            raise ResultFileError(
                case.file.name,
                f"does not belong with {first.file.name}: {field} of {here.identity.preset[:80]} "
                f"{here.identity.pass_[:20]} differs",
                "compare them instead",
            )


def _replicates(cases: Sequence[_Case]) -> list[Replicate]:
    found: dict[tuple[_Born, int], Replicate] = {}
    for case in cases:
        for each in case.record.timing.replicates:
            born = case.file.born.get(each.process, ("", each.process))
            known = found.setdefault((born, each.order), each)
            if known != each:
                raise ResultFileError(
                    case.file.name,
                    f"rounds of process {each.process[:40]!r} differ from those in another file",
                    _EDITED,
                )
    return [found[key] for key in sorted(found)]


def statistics_of(replicates: Iterable[Replicate]) -> Stats:
    """pytest-benchmark's statistics of all rounds of all visits of these processes."""
    stats = Stats()
    stats.data = [s for each in replicates for visit in each.visits_s for s in visit]
    return stats


def _run(read: Sequence[_File], sources: Sequence[Source], header: _File) -> Run:
    processes = {process.id: process for file in read for process in file.run.processes}
    ids = [source.run_id for source in sources]
    joined = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:12]
    return Run(
        schema=SCHEMA,
        protocol=header.run.protocol,
        version=sources[0].version,
        run_id=ids[0] if len(ids) == 1 else f"merged-{joined}",
        created=sources[0].created,
        duration_s=fsum(source.duration_s for source in sources),
        complete=all(source.complete for source in sources),
        options=sources[0].options,
        processes=sorted(processes.values(), key=lambda each: (each.started, each.id)),
        outcomes=_outcomes(read),
        sources=list(sources),
    )


def _outcomes(read: Sequence[_File]) -> list[CaseOutcome]:
    """What became of each case; a run that timed it is believed before one that did not."""
    best: dict[Identity, CaseOutcome] = {}
    for file in read:
        for case in file.run.outcomes:
            known = best.get(case.identity)
            if known is None or _order(case) < _order(known):
                best[case.identity] = case
    return sorted(best.values(), key=lambda case: (case.name, _order(case)))


def _order(case: CaseOutcome) -> tuple[bool, str]:
    return case.outcome is not Outcome.OK, _canonical(msgspec.to_builtins(case))


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)
