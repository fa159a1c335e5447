"""``reelbench show``: one run, or one case of it."""

from __future__ import annotations

from pathlib import Path

from reelbench import catalogue
from reelbench.catalogue import UnknownNameError
from reelbench.catalogue import models as compositions
from reelbench.cli.arguments import FormatOption, answer, exists, run_file
from reelbench.cli.cases import names_of, suggested
from reelbench.cli.counting import count
from reelbench.report.case import case_tables
from reelbench.report.catalogue import preset_in_full
from reelbench.report.composition import LAYERS as COMPOSITION
from reelbench.report.composition import model_tables
from reelbench.report.run import LAYERS, run_tables
from reelbench.report.tables import Format
from reelbench.results.read import load
from reelbench.results.schema import Benchmark, CaseOutcome, Results


def show(run: str, case: str | None = None, /, *, style: FormatOption = "table") -> None:
    """What one run measured: the machine, the layers, what was left out. Or what a model is.

    Args:
        run: A result file, or a machine's folder, which means its newest run. Or the name of a
            model, to see its layers, their work and its published figures; or of a preset.
        case: Everything known of one case: a preset, a preset and pass such as `r3d-layer1/train`,
            or the name of a benchmark.
        style: How to write it.
    """
    if case is None and _is_name(run):
        _from_catalogue(run, style)
        return
    path = run_file(run)
    results = load(path)
    if case is None:
        answer(run_tables(results, Path(path).name), style, main=LAYERS)
        return
    answer(case_tables(*_chosen(results, case)), style)


def _is_name(text: str) -> bool:
    """Whether this is a name of the catalogue rather than a file: a file that exists is a file."""
    looks_like_path = any(sign in text for sign in "/\\~") or text.endswith((".json", ".jsonl"))
    return not looks_like_path and not exists(text)


def _from_catalogue(name: str, style: Format) -> None:
    published = {model.name for model in compositions.models()}
    if name.partition("@")[0] in published:
        answer(model_tables(compositions.find_model(name), count), style, main=COMPOSITION)
        return
    for preset in catalogue.presets():
        if preset.name == name:
            answer([preset_in_full(preset, count)], style)
            return
    names = [model.name for model in compositions.models()]
    names += [preset.name for preset in catalogue.presets()]
    raise UnknownNameError("file, model or preset", name, tuple(names))


def _chosen(results: Results, case: str) -> tuple[list[Benchmark], list[CaseOutcome]]:
    """The benchmarks and the unmeasured cases that go by the name."""
    outcomes = results.reelbench.outcomes if results.reelbench else []
    measured = {record.identity for record in results.records}
    names: list[str] = []
    benchmarks = []
    for benchmark in results.benchmarks:
        record = benchmark.extra_info.reelbench
        own = [benchmark.name, benchmark.fullname, *(names_of(record.identity) if record else ())]
        names += own
        if case in own:
            benchmarks.append(benchmark)
    unmeasured = []
    for outcome in outcomes:
        own = [outcome.name, *names_of(outcome.identity)]
        names += own
        if case in own and outcome.identity not in measured:
            unmeasured.append(outcome)
    if not benchmarks and not unmeasured:
        raise UnknownNameError("case", case, suggested(names))
    return benchmarks, unmeasured
