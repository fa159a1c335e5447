"""``reelbench ab``: two environments compared on this machine, in pairs of fresh processes."""

from __future__ import annotations

import math
import sys
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from reelbench import catalogue
from reelbench.ab.session import DEFAULT_PAIRS, DEFAULT_THRESHOLD, Asked, compare
from reelbench.ab.sides import HERE, Side, read_side
from reelbench.catalogue.names import nearest
from reelbench.cli.arguments import FormatOption, UsageError, answer
from reelbench.cli.paths import result_files
from reelbench.machine.awake import kept_awake
from reelbench.report.pairs import paired_tables, tally_table
from reelbench.results import pairs as files
from reelbench.results.pairs import PairedRun
from reelbench.results.store import check_writable, new_file, write_new
from reelbench.stats.verdict import FEWEST_PAIRS
from reelbench.units import parse_duration, parse_share, print_share
from reelbench.wire import Case, CatalogueCase

PASSED, FAILED, OPEN = 0, 1, 3
"""Exit codes of the gate: not slower, slower, not decided."""

_PASSES = ("forward", "train")
_DTYPES = ("float32", "bfloat16", "float16")
_DEFAULT_SHARE = f"{100 * DEFAULT_THRESHOLD:.0f}%"


def ab(
    a: str | None = None,
    b: str = HERE,
    *,
    case: Annotated[list[str] | None, Parameter(negative="")] = None,
    test: Annotated[list[str] | None, Parameter(negative="")] = None,
    pass_: Annotated[str, Parameter(name="--pass")] = ",".join(_PASSES),
    dtype: str | None = None,
    batch: int = 1,
    pairs: int = DEFAULT_PAIRS,
    threshold: str = _DEFAULT_SHARE,
    fail_slower: str | None = None,
    budget: str | None = None,
    save: Path | None = None,
    awake: bool = False,
    again: Annotated[
        list[str] | None, Parameter(name="--from", negative="", consume_multiple=True)
    ] = None,
    style: FormatOption = "table",
) -> int:
    """Two environments compared on this machine: whether B is faster, slower or unchanged.

    A side is written in words, quoted as in a shell: environment variables (XLA_FLAGS=...),
    python=VENV, commit=REVISION, or case=PRESET or test=NODE for that side alone. `here` is this
    environment as it is.

    Args:
        a: The base, such as 'python=.venv-old'.
        b: What is judged against it.
        case: Preset of the catalogue to compare; may be repeated.
        test: Test that uses `measure`, as pytest names it; may be repeated.
        pass_: forward, train or both.
        dtype: Dtype of catalogue cases; the device's default where not given.
        batch: Clips a call of catalogue cases.
        pairs: Pairs of processes at most; even, at least 6. Cases that are decided stop earlier.
        threshold: The difference that does not matter.
        fail_slower: Exit with 1 if a case is shown slower and by so much, such as 3%; with 3 if
            that is not decided.
        budget: Time after which no further pair is begun, such as 20m.
        save: File for everything that was timed; by default one below results/MACHINE/ab.
        awake: Keep CPUs of a virtual machine from idling meanwhile (Linux).
        again: Read saved comparisons instead of measuring, files, globs or folders; several are
            counted.
        style: How to write it.
    """
    gate = None if fail_slower is None else parse_share(fail_slower)
    if again:
        runs = [(path.name, files.load(path)) for path in result_files(again)]
    else:
        asked = _asked(a, b, case or [], test or [], _passes(pass_), dtype, batch, pairs)
        asked = _limited(asked, parse_share(threshold), budget)
        if save is not None and save.exists():
            raise UsageError(f"--save {save}: exists already; name a new file")
        check_writable(save.parent if save else Path("results"))
        with kept_awake() if awake else nullcontext():
            run = compare(asked, _say)
        _say(f"saved: {_saved(run, save)}")
        runs = [("this comparison", run)]
    if len(runs) == 1:
        answer(paired_tables(runs[0][1]), style)
    else:
        answer([tally_table(runs)], style)
    if gate is None:
        return PASSED
    return max((_gated(run, gate) for _, run in runs), key=(PASSED, OPEN, FAILED).index)


def _asked(
    a: str | None,
    b: str,
    case: list[str],
    test: list[str],
    passes: tuple[str, ...],
    dtype: str | None,
    batch: int,
    pairs: int,
) -> Asked:
    if a is None:
        raise UsageError("name two sides: reelbench ab XLA_FLAGS=... here --case NAME")
    if pairs < FEWEST_PAIRS or pairs % 2:
        raise UsageError(f"--pairs {pairs}: must be even and at least {FEWEST_PAIRS}")
    if dtype not in (None, *_DTYPES):
        raise UsageError(f"--dtype {dtype}: choose from {', '.join(_DTYPES)}")
    if not 0 < batch <= 2**20:
        raise UsageError(f"--batch {batch}: must be at least 1")
    sides = read_side(a), read_side(b)
    cases = [_cases(side, case) for side in sides]
    tests = [(side.test,) if side.test else tuple(test) for side in sides]
    if any(cases) and any(tests):
        raise UsageError("compare presets (--case, case=) or tests (--test, test=), not both")
    if any(tests):
        if not all(tests):
            raise UsageError("one side has no test; give --test, or test= on both sides")
        options = ["-q", f"--reel-pass={','.join(passes)}"]
        options += [f"--reel-dtype={dtype}"] if dtype else []
        words = [(*each, *options, f"--reel-batch={batch}") for each in tests]
        return Asked(*sides, tests=(words[0], words[1]), pairs=pairs)
    if len(cases[0]) != len(cases[1]) or not cases[0]:
        problem = "name what to compare" if not any(cases) else "the sides have unlike cases"
        raise UsageError(f"{problem}: --case NAME (see reelbench list) or --test FILE::NAME")
    both = [
        (_target(ours, pass_, dtype, batch), _target(theirs, pass_, dtype, batch))
        for ours, theirs in zip(*cases, strict=True)
        for pass_ in passes
        if all(pass_ in catalogue.find(name).passes for name in (ours, theirs))
    ]
    if not both:
        raise UsageError(f"none of the cases has a {' or '.join(passes)} pass")
    return Asked(*sides, cases=tuple(both), pairs=pairs)


def _cases(side: Side, case: list[str]) -> list[str]:
    names = [side.case] if side.case else [] if side.test else list(dict.fromkeys(case))
    for name in names:
        catalogue.find(name)
    return names


def _target(name: str, pass_: str, dtype: str | None, batch: int) -> Case:
    return CatalogueCase(name, pass_, dtype, batch)


def _limited(asked: Asked, threshold: float, budget: str | None) -> Asked:
    seconds = None if budget is None else parse_duration(budget)
    return replace(asked, threshold=threshold, budget_s=seconds)


def _passes(text: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    for word in words:
        if word not in _PASSES:
            guess = nearest(word, _PASSES) or " or ".join(_PASSES)
            raise UsageError(f"--pass {text[:80]!r}: unknown {word[:80]!r}; did you mean {guess}?")
    return words


def _saved(run: PairedRun, save: Path | None) -> Path:
    home = Path("results") / run.machine_id / files.FOLDER
    path = save or new_file(home, datetime.fromisoformat(run.created_utc))
    write_new(path, files.encode(run))
    return path


def _gated(run: PairedRun, gate: float) -> int:
    """Whether the cases of a comparison pass; what does not is said on standard error."""
    bound = math.log1p(gate)
    code = PASSED
    for case in run.cases:
        name = case.b_name
        if case.failure or case.estimate is None or case.high is None:
            _say(f"{name}: not measured, so not known to be within {print_share(gate)}")
        elif case.verdict == "slower" and case.estimate >= bound:
            _say(f"{name}: slower by {print_share(math.expm1(case.estimate))}")
            return FAILED
        elif case.high < bound:
            continue
        else:
            _say(f"{name}: may be slower by up to {print_share(math.expm1(min(case.high, 5.0)))}")
        code = OPEN
    return code


def _say(line: str) -> None:
    if sys.stderr:
        print(f"reelbench: {line}", file=sys.stderr, flush=True)
