"""reelbench side by side with plain pytest-benchmark and with pytest-jax-bench, in one sitting.

    python bench/harnesses/compare.py --save results/harnesses/NAME.json.gz
    python bench/harnesses/compare.py --from results/harnesses/NAME.json.gz

The first command measures the same ten functions (`functions.py`) with every harness, prints the
tables and keeps what was measured; the second prints them again. Nothing else should run beside it.

Each harness runs in fresh processes, one at a time. A block holds one process of each harness and
some of a plain loop without any harness, in shuffled order, so that a change of the machine meets
all of them alike. The processes of the plain loop together are the long run that intervals are held
against: an interval about the mean against the long-run mean, one about the median against the
median of the processes' medians, one over several processes against their geometric mean, which it
is about.

Columns:
    Claims: the coverage that the interval claims; – where none is stated.
    Half-width: relative; the median over processes of each function, and the median of those.
    Holds long run: how many of the intervals contain what the plain loop takes in the long run.
        What a harness adds to each call counts against it. The first table says how well the long
        run itself is known; an interval much narrower than that cannot be judged by it.
    … its own: how many contain what the other processes of the same harness found, so that only
        what differs between processes counts.
    Rule: how the harness, or who reads it, tells two runs apart.
    False alarms: of all pairs of processes of the same code, the later after the earlier, how many
        the rule calls different. Pairs share processes: they are not independent.
    The time in a table's title is that of a whole process, from its start to its end.

What each is given, to be fair to all:
    pytest-benchmark: its defaults. The function waits for its outputs and is compiled before, as a
        user of JAX must see to; otherwise it would time the dispatch, or settle for five rounds. It
        claims no interval: shown are those that its columns lead a reader to compute, and the
        margin of its --benchmark-precision. As rules the two tests that people make of its rounds,
        and its own --benchmark-compare-fail at 5 %, which looks for slower runs only.
    pytest-jax-bench: rounds and warm-up of its README's first example; the default is to time
        nothing. Its README calls the standard deviation of the rounds "measurement uncertainty" and
        it prints mean+-std; two runs are coloured where they differ by twice both together. It
        advises against functions under 1 ms and prefers 5 ms: see --at-least. Its files hold
        hundredths of a millisecond.
    reelbench: its defaults, but the forward pass only, and of functions as they are written.
        `reelbench compare` gives no verdict on single runs; shown is what a reader might take for
        one. Verdicts are for `reelbench ab`: files that it saved, of the same code against itself,
        are added to a sitting, kept or new, with --ab:

            cd bench/harnesses
            reelbench ab here here --test with_reelbench.py --pass forward --save AB.json
            python compare.py --from SITTING.json.gz --ab AB.json --save BOTH.json.gz
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path


def main() -> int:
    """Measure a sitting or read one, keep it, print its tables."""
    options = _options()
    needed = ["reelbench", "msgspec", "scipy"]
    if options.source is None:
        needed += ["pytest_benchmark", "pytest_jax_bench"]
    if absent := [name for name in needed if importlib.util.find_spec(name) is None]:
        return _complain(
            f"not installed: {', '.join(absent)}; what is needed comes with: "
            "pip install 'reelbench[all]' pytest-jax-bench==0.5.0"
        )
    # What these need was looked for first.
    from measuring import Plan, measure
    from side_by_side import tables
    from sitting import SittingError, load, load_comparisons, save

    from reelbench.report.tables import render
    from reelbench.units import UnitError, parse_duration

    try:
        at_least_s = parse_duration(options.at_least) if options.at_least else 0.0
        if options.source is None:
            sitting = measure(Plan.read(options), options.save)
        else:
            sitting = load(options.source)
        for path in options.ab:
            sitting.comparisons += load_comparisons(path)
        if options.save:
            save(sitting, options.save)
        made = tables(sitting, at_least_s=at_least_s, each=options.each)
    except (SittingError, UnitError) as error:
        return _complain(str(error))
    print(render(made, options.format), end="")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--from", dest="source", type=Path, metavar="FILE", help="print a sitting kept before")
    add("--save", type=Path, metavar="FILE", help="where the sitting goes; .json or .json.gz")
    add("--ab", type=Path, action="append", default=[], metavar="FILE",
        help="add what reelbench ab saved of the same code against itself")  # fmt: skip
    add("--processes", type=int, default=10, help="processes of each harness (default: 10)")
    add("--loops", type=int, default=3,
        help="processes of the plain loop for each of these (default: 3)")  # fmt: skip
    add("--runs", type=int, default=5,
        help="what --reel-runs is given; 0 leaves it out (default: 5)")  # fmt: skip
    add("--max-time", type=float, default=1.0,
        help="seconds for the rounds of a function (default: 1, as theirs)")  # fmt: skip
    add("--loop-time", type=float, default=1.0, help="the same for the plain loop (default: 1)")
    add("--budget", default="15m", help="--reel-budget of each run of reelbench (default: 15m)")
    add("--seed", type=int, help="of the order of the processes (default: drawn, and kept)")
    add("--at-least", metavar="TIME", help="leave out functions that take less, such as 5ms")
    add("--each", action="store_true", help="a row for every function too")
    add("--format", choices=("table", "md", "json"), default="table")
    options = parser.parse_args()
    if options.source is None and options.save is None:
        parser.error("a sitting takes long and is kept: name a file with --save")
    if options.processes < 2 or options.loops < 1 or options.runs < 0:
        parser.error("--processes takes at least 2, --loops 1, --runs 0")
    return options


def _complain(problem: str) -> int:
    print(f"compare.py: {problem}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
