"""``reelbench selftest``: how small a slowdown this machine can see, and if verdicts are right."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from reelbench.ab.session import DEFAULT_PAIRS, DEFAULT_THRESHOLD
from reelbench.cli.arguments import FormatOption, UsageError, answer
from reelbench.cli.paths import result_files
from reelbench.machine.awake import kept_awake
from reelbench.report.noise import selftest_tables
from reelbench.results import noise
from reelbench.results.noise import SelfTest
from reelbench.results.store import check_writable, new_file, write_new
from reelbench.selftest.judging import is_right, rejudged
from reelbench.selftest.planted import asked
from reelbench.selftest.run import run_selftest
from reelbench.stats.verdict import FEWEST_PAIRS
from reelbench.units import parse_duration, parse_share, print_change


def selftest(
    *,
    sessions: int = 1,
    pairs: int = DEFAULT_PAIRS,
    threshold: str = f"{100 * DEFAULT_THRESHOLD:.0f}%",
    budget: str | None = None,
    results: Path = Path("results"),
    awake: bool = False,
    again: Annotated[
        list[str] | None, Parameter(name="--from", negative="", consume_multiple=True)
    ] = None,
    style: FormatOption = "table",
) -> int:
    """How small a slowdown this machine can see, and whether the verdicts on it are right.

    Small layers are compared with themselves, alike and with 2, 3 and 5 % more work inside the same
    program. Results are stored; `reelbench compare` takes them as the noise floor of single runs.

    Args:
        sessions: How often to do it all.
        pairs: Pairs of processes at most; even, at least 6.
        threshold: The difference that does not matter.
        budget: Time after which no further pair of a session is begun, such as 10m.
        results: Where it is stored: RESULTS/MACHINE/selftest.
        awake: Keep CPUs of a virtual machine from idling meanwhile (Linux).
        again: Read stored self-tests instead of measuring: files, globs or folders.
        style: How to write it.

    Returns:
        1 if a verdict was wrong.
    """
    if again:
        tests = [rejudged(noise.load(path)) for path in result_files(again)]
    else:
        if pairs < FEWEST_PAIRS or pairs % 2:
            raise UsageError(f"--pairs {pairs}: must be even and at least {FEWEST_PAIRS}")
        if sessions < 1:
            raise UsageError(f"--sessions {sessions}: must be at least 1")
        plan = asked(pairs, parse_share(threshold), parse_duration(budget) if budget else None)
        check_writable(results)
        tests = []
        with kept_awake() if awake else nullcontext():
            for session in range(sessions):
                _say(f"session {session + 1} of {sessions}")
                found = run_selftest(plan, _say)
                _say(f"saved: {_saved(found, results)}")
                tests.append(found)
                if found.paired.ended_early == "interrupted":
                    break
    answer(selftest_tables(tests), style, main=1)
    wrong = [
        case for test in tests for case in test.paired.cases if is_right(case, test.paired) is False
    ]
    for case in wrong:
        _say(
            f"wrong: {case.a_name} against {case.b_name} was called {case.verdict}, planted "
            f"{print_change(case.planted or 0.0)}"
        )
    return int(bool(wrong))


def _saved(found: SelfTest, results: Path) -> Path:
    home = results / found.paired.machine_id / noise.FOLDER
    path = new_file(home, datetime.fromisoformat(found.paired.created_utc))
    write_new(path, noise.encode(found))
    return path


def _say(line: str) -> None:
    if sys.stderr:
        print(f"reelbench: {line}", file=sys.stderr, flush=True)
