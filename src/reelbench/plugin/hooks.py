"""The pytest plugin: a `measure` fixture over pytest-benchmark's `benchmark`, and all around it.

Nothing here loads JAX before a test that measures is about to run, so the plugin costs other test
suites nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from reelbench.measure.axes import Axes
from reelbench.plugin import options as options_
from reelbench.plugin.options import Options

if TYPE_CHECKING:
    from reelbench.plugin.fixture import Measure
    from reelbench.plugin.replica import Replica
    from reelbench.plugin.run import Run
    from reelbench.wire import Channel

_OPTIONS: pytest.StashKey[Options] = pytest.StashKey()
_RUN: pytest.StashKey[Run | Replica] = pytest.StashKey()
_CHANNEL: pytest.StashKey[Channel] = pytest.StashKey()
_BARE: pytest.StashKey[bool] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options_.add(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check the options; collect the benchmarks' folder, not the tests', under --benchmark-only."""
    if not hasattr(config.option, "benchmark_only"):
        return  # pytest-benchmark was switched off
    config.addinivalue_line(
        "markers", "reel_named: is not measured unless its file, or a case in it, is named"
    )
    config.stash[_OPTIONS] = options_.read(config)
    if config.option.reel_replicate:
        options_.write_nothing(config)
    paths = config.getini("reel_benchpaths")
    bare = config.args_source is not pytest.Config.ArgsSource.ARGS
    if paths and bare and config.option.benchmark_only:
        config.stash[_BARE] = not config.stash[_OPTIONS].cases
        config.args = [str(config.rootpath / path) for path in paths]
        config.args_source = pytest.Config.ArgsSource.ARGS  # the header need not name testpaths


@pytest.hookimpl(trylast=True)  # so that names begin with the test's own parameters
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that measures once for each pass (dtype, batch) asked for."""
    options = metafunc.config.stash.get(_OPTIONS, None)
    if options and "reel_axes" in metafunc.fixturenames:
        names = metafunc.fixturenames
        axes = options.axes(of_catalogue="preset" in names, of_steps="step" in names)
        metafunc.parametrize("reel_axes", axes, ids=[each.id for each in axes], indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out presets that were not asked for, and passes that a preset does not have."""
    options = config.stash.get(_OPTIONS, None)
    wanted = options.rows if options else frozenset()
    bare = config.stash.get(_BARE, False)
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        preset, axes = parameters.get("preset"), parameters.get("reel_axes")
        preset = parameters.get("step", preset)
        misses = bool(wanted) and preset is None and config.option.benchmark_only
        if preset is not None and isinstance(axes, Axes):
            misses = axes.pass_ not in preset.passes or (bool(wanted) and preset.name not in wanted)
        # None of the passes asked for is one that this test has.
        misses |= "reel_axes" in parameters and not isinstance(axes, Axes)
        misses |= bare and item.get_closest_marker("reel_named") is not None
        (left_out if misses else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Survey the machine and plan the run, when there is something to measure; repeat it after."""
    with _kept_awake(session.config):
        run = _begin(session)
        ended = yield
        if run:
            run.replicate()
    return ended


@contextlib.contextmanager
def _kept_awake(config: pytest.Config) -> Iterator[None]:
    if not getattr(config.option, "reel_awake", False) or config.option.collectonly:
        yield
        return
    from reelbench.machine.awake import AwakeError, kept_awake

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(kept_awake())
        except AwakeError as error:
            raise pytest.UsageError(f"--reel-awake: {error}") from None
        yield


def _begin(session: pytest.Session) -> Run | Replica | None:
    config = session.config
    measuring = [i for i in session.items if "measure" in getattr(i, "fixturenames", ())]
    benchmarks = getattr(config, "_benchmarksession", None)
    if not measuring or config.option.collectonly or config.option.benchmark_skip:
        return None
    if config.option.reel_serve:
        from reelbench.measure.serving import greet
        from reelbench.wire import Channel, Only

        receiving, sending = map(int, config.option.reel_serve.split(","))
        config.stash[_CHANNEL] = channel = Channel(receiving, sending)
        greet(channel)
        chosen = channel.receive()
        if isinstance(chosen, Only) and chosen.names:
            by_name = {item.nodeid: item for item in session.items}
            session.items[:] = [by_name[name] for name in chosen.names if name in by_name]
        return None
    if benchmarks is None or benchmarks.disabled:
        return None
    run: Run | Replica
    if config.option.reel_replicate:
        from reelbench.plugin.replica import Replica

        run = Replica.start(config.option.reel_replicate, config.stash[_OPTIONS])
    else:
        from reelbench.plugin.run import Run

        run = Run.start(config, config.stash[_OPTIONS], measuring)
    config.stash[_RUN] = run
    session.items[:] = run.arrange(session.items)
    return run


@pytest.fixture
def reel_axes(request: pytest.FixtureRequest) -> Axes:
    """The pass, dtype and batch of this run of the test."""
    return request.param


@pytest.fixture
def measure(request: pytest.FixtureRequest, benchmark: Any, reel_axes: Axes) -> Iterator[Measure]:
    """Measure a layer; see `reelbench.plugin.fixture.Measure`."""
    from reelbench.plugin.fixture import Measure

    stash = request.config.stash
    run, channel = stash.get(_RUN, None), stash.get(_CHANNEL, None)
    yield Measure(request.node, benchmark, reel_axes, run, channel)
    # A case that is not timed does not use pytest-benchmark's fixture, which would warn of that.
    benchmark._mode = benchmark._mode or "reelbench"


def pytest_report_teststatus(report: Any, config: pytest.Config) -> tuple[str, str, str] | None:
    """Let the progress lines stand alone, without letters between them."""
    run = config.stash.get(_RUN, None)
    if run and report.when == "call" and run.owns(report.nodeid) and report.outcome != "failed":
        return report.outcome, "", ""
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Keep the host's name out of every file."""
    machine_info.pop("node", None)


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """Add our blocks to the files that pytest-benchmark itself writes."""
    run = config.stash.get(_RUN, None)
    if run:
        run.complete(output_json)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn the journal into a result file; say goodbye to a controller."""
    channel = session.config.stash.get(_CHANNEL, None)
    if channel:
        from reelbench.wire import Closed, Done

        with contextlib.suppress(Closed):
            channel.send(Done())
    run = session.config.stash.get(_RUN, None)
    if run:
        run.finish()
        if run.failed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table, where the file is, and what to type next."""
    run = config.stash.get(_RUN, None)
    if run:
        run.summarise(terminalreporter)
