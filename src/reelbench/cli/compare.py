"""``reelbench compare``: two runs side by side."""

from __future__ import annotations

from pathlib import Path

from reelbench.cli.arguments import FormatOption, UsageError, answer, labelled, run_file
from reelbench.compare import compare
from reelbench.report.comparison import RATIOS, comparison_tables
from reelbench.results import noise
from reelbench.results.noise import FOLDER
from reelbench.results.read import load
from reelbench.results.schema import Results
from reelbench.results.store import newest


def compare_runs(*runs: str, style: FormatOption = "table") -> None:
    """Two runs side by side: what differs, and the ratios.

    Args:
        runs: Two result files or machine folders, as in `base=A.json new=B.json`; the first is the
            base unless the labels say otherwise.
        style: How to write it.
    """
    (base, base_path), (new, new_path) = _two(runs)
    files = run_file(base_path), run_file(new_path)
    loaded = load(files[0]), load(files[1])
    spreads = process_spread(files[0], loaded[0]), process_spread(files[1], loaded[1])
    comparison = compare(*loaded, spreads)
    answer(comparison_tables(comparison, base, new), style, main=RATIOS)


def process_spread(path: Path, run: Results) -> float | None:
    """What the newest self-test beside a run found for its machine, if there is one."""
    machine = run.machine_info.reelbench
    found = newest(path.parent / FOLDER, ".json")
    if machine is None or found is None:
        return None
    test = noise.load(found)
    return test.process_spread if test.paired.machine_id == machine.id else None


def _two(runs: tuple[str, ...]) -> list[tuple[str, str]]:
    """Labels and paths of base and new run, in this order."""
    if len(runs) != 2:
        raise UsageError(
            f"compare takes exactly two runs, not {len(runs)}; write "
            "reelbench compare base=A.json new=B.json"
        )
    pairs = [labelled(run) for run in runs]
    if pairs[0][0] == "new" or pairs[1][0] == "base":
        pairs.reverse()
    labels = [label or usual for (label, _), usual in zip(pairs, ("base", "new"), strict=True)]
    if labels[0] == labels[1]:
        raise UsageError(f"both runs are labelled {labels[0]!r}; give two labels")
    return [(label, path) for label, (_, path) in zip(labels, pairs, strict=True)]
