"""A run under pytest: the session, the items it measures, and what the user sees meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reelbench.catalogue import Preset
from reelbench.catalogue.models.steps import Step
from reelbench.measure.axes import Axes
from reelbench.measure.build import at_axes, count_at_axes, identity_at_axes
from reelbench.measure.choosing import NoOtherWayError
from reelbench.measure.failure import CaseFailure
from reelbench.measure.workload import Workload
from reelbench.plugin import opening
from reelbench.plugin.options import Options
from reelbench.plugin.planning import Work
from reelbench.plugin.progress import Progress
from reelbench.plugin.replicates import Replicates
from reelbench.plugin.session import Session, outcome_of, unknown_identity
from reelbench.plugin.timer import keep_rounds, timer_of
from reelbench.plugin.watchdog import resuming_arguments, start_again, watched
from reelbench.results.journal import JournalError
from reelbench.results.outcome import Outcome
from reelbench.results.schema import CaseRecord, Identity
from reelbench.results.store import StoreError
from reelbench.units import print_duration

# pytest-benchmark's options that ask for its own table.
_TABLE_OPTIONS = tuple(
    f"--benchmark-{name}"
    for name in (
        "columns",
        "sort",
        "group-by",
        "name",
        "compare",
        "histogram",
        "verbose",
        "cprofile",
    )
)


class Run:
    """What the plugin's hooks share while benchmarks run."""

    def __init__(self, config: pytest.Config, session: Session, progress: Progress) -> None:
        self._config = config
        self._session = session
        self._progress = progress
        self._names: set[str] = set()
        # Cases that the budget cannot come to; pytest is not asked to run them.
        self._never_begun: dict[str, Identity] = {}
        self._file: Path | None = None
        self._trouble = ""

    @classmethod
    def start(cls, config: pytest.Config, options: Options, items: Sequence[pytest.Item]) -> Run:
        """Survey the machine and open the journal.

        Raises:
            pytest.UsageError: Results cannot be kept, or there is nothing to resume.
        """
        progress = Progress(config)
        try:
            if options.resume is not None:
                session = opening.resume(options)
            else:
                progress.say("reelbench: reading the machine and measuring its ceilings …")
                names = [item.nodeid for item in items]
                dtypes = [axes.dtype or "float32" for axes in map(_axes, items)]
                session = opening.begin(options, names, dtypes, lambda: _pytest_benchmark(config))
        except (StoreError, JournalError) as error:
            raise pytest.UsageError(f"reelbench: {error}") from None
        progress.header(session)
        return cls(config, session, progress)

    def arrange(self, items: list[pytest.Item]) -> list[pytest.Item]:
        """The items to run, in the order of the plan; what was done before is left out."""
        missing = set(self._session.journal.missing)
        measuring = [item for item in items if "measure" in getattr(item, "fixturenames", ())]
        todo = [item for item in measuring if item.nodeid in missing]
        works = _works(todo)
        core = {item.nodeid for item in todo if _is_core(item)}
        steps = {item.nodeid for item in todo if isinstance(_preset(item), Step)}
        order = self._session.plan(works, core, steps, _turns(todo))
        self._names = set(order)
        beyond = set(self._session.spending.out_of_reach)
        self._never_begun = {item.nodeid: _identity(item) for item in todo if item.nodeid in beyond}
        self._progress.plan(self._session, len(measuring) - len(todo))
        by_name = {item.nodeid: item for item in todo}
        others = [item for item in items if item not in measuring]
        return [*others, *(by_name[name] for name in order if name not in self._never_begun)]

    def owns(self, name: str) -> bool:
        """Whether a test's progress is ours to show."""
        return name in self._names

    def drop(self, name: str) -> None:
        """Take a case out of the run: it was not asked for."""
        self._session.end(name, None, 0.0)

    def measure(
        self, node: pytest.Item, benchmark: Any, build: Callable[[], Workload]
    ) -> CaseRecord:
        """Measure one case through pytest-benchmark's fixture and journal what became of it."""
        try:
            return self._measure(node, benchmark, build)
        except StoreError as error:
            pytest.exit(f"reelbench: {error}", returncode=pytest.ExitCode.INTERNAL_ERROR)

    def _measure(
        self, node: pytest.Item, benchmark: Any, build: Callable[[], Workload]
    ) -> CaseRecord:
        name, session = node.nodeid, self._session
        identity = _identity(node)
        session.come_back()
        started = time.monotonic()
        allowance = session.spending.allowance_s(name)

        def end(failure: CaseFailure) -> None:
            session.end(name, outcome_of(name, identity, failure), time.monotonic() - started)
            self._progress.end(session, identity, failure=failure)

        def expire() -> None:
            reason = f"first call not returned after {print_duration(allowance)}"
            end(CaseFailure(Outcome.OVER_BUDGET, reason, allowance_s=allowance))
            self._start_again()

        try:
            session.begin(name)
            workload = build()
            identity = workload.identity
            if self._can_start_again:
                session.prepare_for_loss(workload)
            with watched(allowance, expire) if self._can_start_again else nullcontext():
                prepared = session.prepare(name, workload)
            made = session.time(name, prepared, timer_of(benchmark))
        except NoOtherWayError as error:
            self.drop(name)
            pytest.skip(str(error))
        except CaseFailure as failure:
            end(failure)
            message = f"{failure}. {failure.outcome.advice}"
            if failure.outcome.is_mistake:
                pytest.fail(message, pytrace=False)
            pytest.skip(message)
        except StoreError:
            raise
        except Exception as error:  # a mistake in the layer's own code: its traceback says most
            text = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            end(CaseFailure(Outcome.COMPILE_FAILED, text))
            raise
        keep_rounds(benchmark, made.timing.replicates[0].rounds_s)
        benchmark.extra_info["reelbench"] = msgspec.to_builtins(made)
        entry = benchmark.stats.as_dict(include_data=False)
        # What was chosen is known only now.
        entry["params"] = msgspec.to_builtins(made.identity)
        session.end(name, outcome_of(name, made.identity), time.monotonic() - started, entry)
        self._progress.end(session, made.identity, record=made)
        return made

    @property
    def _can_start_again(self) -> bool:
        # Only a process that is pytest and does nothing but measure can replace itself.
        return bool(self._config.option.benchmark_only) and "PYTEST_VERSION" in os.environ

    def _start_again(self) -> None:
        path, left = str(self._session.journal.path), self._session.spending.time_left_s
        given = list(map(str, self._config.invocation_params.args))
        # pytest would look for them above a folder among the options, such as that of the results.
        ini = self._config.inipath
        given = [*([f"--config-file={ini}"] if ini else []), *given]
        given.insert(0, f"--rootdir={self._config.rootpath}")
        self._progress.let_go("starting again without it …")
        os.chdir(self._config.invocation_params.dir)
        start_again(resuming_arguments(given, path, left))

    def replicate(self) -> None:
        """Measure what was timed here in further processes, if they were asked for.

        Intervals are made anew in any case: how the machine wanders is known best at the end.
        """
        missing = set(self._session.journal.missing)
        if missing - self._never_begun.keys():
            return
        given = list(map(str, self._config.invocation_params.args))
        folder = self._config.invocation_params.dir
        try:
            self._session.leave_out({name: self._never_begun[name] for name in missing})
            if self._session.replicated:
                self._settle()
            else:
                Replicates(self._session, self._progress, given, folder).run()
            self._session.tell(self._config._benchmarksession.benchmarks)  # type: ignore[attr-defined]
        except StoreError as error:
            pytest.exit(f"reelbench: {error}", returncode=pytest.ExitCode.INTERNAL_ERROR)

    def _settle(self) -> None:
        owed = self._session.spending.eta_s()
        if owed >= 1:  # less is over before it is read
            self._progress.say(f"timing the cases again, about {print_duration(owed)} …")
        self._session.visit_rest()
        self._session.merge()

    @property
    def failed(self) -> bool:
        """Whether a case, also before the run was resumed, was wrong, or the file not written."""
        ended = self._session.journal.ended.values()
        return bool(self._trouble) or any(
            entry.outcome and entry.outcome.outcome.is_mistake for entry in ended
        )

    def complete(self, output: dict[str, Any]) -> None:
        """Add our blocks to a document that pytest-benchmark wrote."""
        ours = self._session.document()
        output["machine_info"] = ours["machine_info"]
        output["reelbench"] = ours["reelbench"]
        others = [b for b in output["benchmarks"] if "reelbench" not in b["extra_info"]]
        output["benchmarks"] = [*others, *ours["benchmarks"]]

    def finish(self) -> None:
        """Write the result file, or keep the journal of a run that was cut short."""
        try:
            self._file = self._session.finish()
        except StoreError as error:
            self._trouble = str(error)
        benchmarks = self._config._benchmarksession  # type: ignore[attr-defined]
        arguments = map(str, self._config.invocation_params.args)
        asked = any(argument.startswith(_TABLE_OPTIONS) for argument in arguments)
        if not asked and all(each.fullname in self._names for each in benchmarks.benchmarks):
            benchmarks.quiet = True  # our table says the same in fewer columns

    def summarise(self, terminal: Any) -> None:
        """Print the table, where the results are, and what to type next."""
        self._progress.summary(self._session, self._file, terminal)
        if self._trouble:
            terminal.write_line(f"reelbench: {self._trouble}")


def _axes(item: pytest.Item) -> Axes:
    return item.callspec.params["reel_axes"]  # type: ignore[attr-defined]


def _preset(item: pytest.Item) -> Preset | Step | None:
    """The row of the catalogue, or the whole step, that an item measures."""
    parameters = item.callspec.params  # type: ignore[attr-defined]
    found = parameters.get("step", parameters.get("preset"))
    return found if isinstance(found, Preset | Step) else None


def _turns(items: Sequence[pytest.Item]) -> dict[str, int]:
    """How many dtypes and batches of a test come before an item's."""
    places: dict[str, dict[tuple[str | None, int | None], int]] = {}
    turns: dict[str, int] = {}
    for item in items:
        own = places.setdefault(_row(item), {})
        turns[item.nodeid] = own.setdefault((_axes(item).dtype, _axes(item).batch), len(own))
    return turns


def _row(item: pytest.Item) -> str:
    """What an item measures, the same at all its axes."""
    preset = _preset(item)
    return preset.name if preset else _axes(item).strip(item.nodeid)


def _is_core(item: pytest.Item) -> bool:
    preset = _preset(item)
    # A user's own layer is what the user came for.
    return preset is None or preset.core


def _identity(item: pytest.Item) -> Identity:
    preset, axes = _preset(item), _axes(item)
    if preset is None:
        return unknown_identity(axes.strip(item.nodeid), axes.pass_)
    return identity_at_axes(preset, axes)


def _works(items: Sequence[pytest.Item]) -> dict[str, Work]:
    """Work of each case: as recorded, or what builds it where nobody recorded it."""
    makers: dict[tuple[Any, ...], Callable[[], Workload]] = {}
    works: dict[str, Work] = {}
    for item in items:
        preset, axes = _preset(item), _axes(item)
        if preset is None:
            works[item.nodeid] = None
        elif count := count_at_axes(preset, axes):
            works[item.nodeid] = (count, axes.dtype or "float32")
        else:
            # Another implementation is other operations for the same work.
            written = replace(axes, implementation=None)
            make = partial(at_axes, preset, written)
            works[item.nodeid] = makers.setdefault((type(preset), preset.name, written), make)
    return works


def _pytest_benchmark(config: pytest.Config) -> tuple[dict[str, Any], dict[str, Any], str]:
    """pytest-benchmark's machine info, commit info and version."""
    import pytest_benchmark

    commit = config.hook.pytest_benchmark_generate_commit_info(config=config)
    config.hook.pytest_benchmark_update_commit_info(config=config, commit_info=commit)
    benchmarks = config._benchmarksession  # type: ignore[attr-defined]
    return benchmarks.get_machine_info(), commit, pytest_benchmark.__version__
