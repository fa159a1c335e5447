"""The plugin's own options, read once into one value."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reelbench import catalogue
from reelbench.catalogue.models import SizeError, find_model, models
from reelbench.catalogue.models.steps import STEP_PASSES, asked, layers_of
from reelbench.catalogue.names import UnknownNameError, nearest
from reelbench.measure.axes import DTYPES, PASSES, Axes
from reelbench.units import UnitError, parse_duration, parse_share

# The fewest rounds whose extremes enclose the median with a probability of 95 %: 1 - 2/2^6.
_FEWEST_ROUNDS = 6
LARGEST_AUTO_BATCH = 256
_MOST_RUNS = 100
_AS_WRITTEN, _BEST, _FASTEST = "reference", "best", "fastest"


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Attributes:
        budget_s: Time for the whole run.
        dtypes: Dtypes of catalogue cases, or None for the device's default.
        passes: Passes to measure; None for all that a layer or a step has.
        batches: Batches of catalogue cases, or None to let the device decide.
        doubles_batch: Whether batches double until it stops paying.
        cases: Preset names to keep, or empty for all.
        folder: Where result files go.
        resume: Whether to go on with a journal, and which (empty for the newest).
        max_time_s: pytest-benchmark's ``--benchmark-max-time``: time for a case's rounds.
        min_rounds: pytest-benchmark's ``--benchmark-min-rounds``, at least six.
        runs: Processes that measure each case.
        width: Relative half-width of the intervals at which measuring may end, or None.
        implementations: What computes the layers; None for each as it is written.
    """

    budget_s: float
    dtypes: tuple[str, ...] | None
    passes: tuple[str, ...] | None
    batches: tuple[int, ...] | None
    doubles_batch: bool
    cases: tuple[str, ...]
    folder: Path
    resume: str | None
    max_time_s: float
    min_rounds: int
    runs: int = 1
    width: float | None = None
    implementations: tuple[str | None, ...] = (None,)

    @property
    def rows(self) -> frozenset[str]:
        """Names of the rows to keep: of a model also those of its layers; empty for all."""
        if not self.cases:
            return frozenset()
        named = asked(self.cases) if set(self.cases) - {r.name for r in catalogue.presets()} else ()
        return frozenset((*self.cases, *(row.name for row in layers_of(named))))

    def facts(self) -> dict[str, str | float | int | None]:
        """The options that shape what is measured, for the result file."""
        return {
            "budget_s": self.budget_s,
            "max_time_s": self.max_time_s,
            "min_rounds": self.min_rounds,
            "passes": ",".join(self.passes or PASSES),
            "dtypes": ",".join(self.dtypes or ("default",)),
            "batches": ",".join(map(str, self.batches or ("default",))),
            "implementations": ",".join(each or _AS_WRITTEN for each in self.implementations),
            "runs": self.runs,
            "width": self.width,
        }

    def axes(self, *, of_catalogue: bool, of_steps: bool = False) -> list[Axes]:
        """The axes of a test; those of catalogue cases and steps depend on the device."""
        ways = self.implementations
        known: tuple[str, ...] = STEP_PASSES if of_steps else PASSES
        passes = [each for each in self.passes or known if each in known]
        if not of_catalogue and not of_steps:
            return [Axes(pass_, implementation=way) for pass_ in passes for way in ways]
        dtypes, batches = self.dtypes, self.batches
        if dtypes is None or batches is None:
            from reelbench.machine.backend import is_accelerator  # loads JAX

            accelerated = is_accelerator()
            dtypes = dtypes or (("bfloat16", "float32") if accelerated else ("float32",))
            batches = batches or (_doubling() if accelerated else (1,))
        return [
            Axes(pass_, dtype, batch, way)
            for dtype in dtypes
            for batch in batches
            for pass_ in passes
            for way in ways
        ]


def add(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("reelbench", "video-layer benchmarks")
    group.addoption("--reel-budget", default="5m", help="time for the whole run (default: 5m)")
    group.addoption("--reel-dtype", help=f"dtypes, comma-separated: {', '.join(DTYPES)}")
    group.addoption(
        "--reel-batch",
        help="clips a call, comma-separated, or 'auto' to double until it stops paying",
    )
    group.addoption(
        "--reel-pass",
        help="comma-separated: forward and train of layers, step and step-remat of whole models "
        "(default: all)",
    )
    group.addoption(
        "--reel-implementation",
        default=f"{_AS_WRITTEN},{_BEST}",
        metavar="NAMES",
        help="reference, best (the fastest known here), fastest (best where it is faster, else "
        "reference), the name of one, or all (default: reference,best)",
    )
    group.addoption("--reel-case", action="append", default=[], metavar="NAME",
                    help="measure only this preset of the catalogue; may be repeated")  # fmt: skip
    group.addoption(
        "--reel-results", metavar="FOLDER", help="where result files go (default: results)"
    )
    group.addoption(
        "--reel-resume",
        nargs="?",
        const="",
        metavar="JOURNAL",
        help="go on with an interrupted run (default: this machine's newest)",
    )
    group.addoption(
        "--reel-runs",
        default="1",
        metavar="N",
        help="measure each case in N fresh processes, merged into one file (default: 1)",
    )
    group.addoption(
        "--reel-width",
        metavar="SHARE",
        help="make rounds until the interval's half-width is so small, such as 2%%, or time is up",
    )
    group.addoption(
        "--reel-awake",
        action="store_true",
        help="keep CPUs of a virtual machine from idling between rounds (Linux; see reelbench "
        "doctor)",
    )
    # How the first process of a run drives the others: file descriptors as below.
    group.addoption("--reel-replicate", help=argparse.SUPPRESS)
    # How `reelbench ab` times the tests of a user: file descriptors to receive from and send to.
    group.addoption("--reel-serve", help=argparse.SUPPRESS)
    parser.addini("reel_results", "where result files go", default="results")
    parser.addini(
        "reel_benchpaths", "collected instead of testpaths under --benchmark-only", "args"
    )


def read(config: pytest.Config) -> Options:
    """Read and check the options.

    Raises:
        pytest.UsageError: A value makes no sense; the message names the option and what would.
    """
    option = config.option
    try:
        budget = parse_duration(option.reel_budget)
        for name in option.reel_case:
            _check_case(name)
    except UnitError as error:
        raise pytest.UsageError(f"--reel-budget: {error}") from None
    except (UnknownNameError, SizeError) as error:
        raise pytest.UsageError(f"--reel-case: {error}") from None
    try:
        width = None if option.reel_width is None else parse_share(option.reel_width)
    except UnitError as error:
        raise pytest.UsageError(f"--reel-width: {error}") from None
    if not option.reel_runs.isdecimal() or not 1 <= int(option.reel_runs) <= _MOST_RUNS:
        raise pytest.UsageError(
            f"--reel-runs: {option.reel_runs[:80]!r}; write a number from 1 to {_MOST_RUNS}"
        )
    _check_folder(config)
    folder = Path(option.reel_results or config.rootpath / config.getini("reel_results"))
    return Options(
        budget_s=budget,
        dtypes=_words("--reel-dtype", option.reel_dtype, DTYPES),
        passes=_words("--reel-pass", option.reel_pass, (*PASSES, *STEP_PASSES)),
        batches=_batches(option.reel_batch),
        doubles_batch=option.reel_batch in (None, "auto"),
        cases=tuple(option.reel_case),
        folder=folder,
        resume=option.reel_resume,
        max_time_s=float(_benchmark(option, "max_time")),
        min_rounds=max(int(_benchmark(option, "min_rounds")), _FEWEST_ROUNDS),
        runs=int(option.reel_runs),
        width=width,
        implementations=_implementations(config),
    )


def _check_case(name: str) -> None:
    """Refuse what is neither a preset nor a model, at a size that it can have."""
    published = [model.name for model in models()]
    if name.partition("@")[0] in published:
        find_model(name)
    elif name not in (rows := [row.name for row in catalogue.presets()]):
        raise UnknownNameError("preset", name, (*rows, *published))


def write_nothing(config: pytest.Config) -> None:
    """Keep a further process of a run, which has the arguments of the first, from its files."""
    for name in ("json", "save", "autosave", "compare", "compare_fail", "histogram", "cprofile"):
        setattr(config.option, f"benchmark_{name}", None)
    config.option.xmlpath = None


def _benchmark(option: Any, name: str) -> Any:
    return getattr(option, f"benchmark_{name}")


def _words(flag: str, text: str | None, known: tuple[str, ...]) -> tuple[str, ...] | None:
    if text is None:
        return None
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    for word in words:
        if word not in known:
            guess = nearest(word, known)
            advice = f"did you mean {guess!r}?" if guess else f"choose from {', '.join(known)}"
            raise pytest.UsageError(f"{flag}: unknown {word[:80]!r}; {advice}")
    if not words:
        raise pytest.UsageError(f"{flag}: is empty; choose from {', '.join(known)}")
    return tuple(dict.fromkeys(words))


def _implementations(config: pytest.Config) -> tuple[str | None, ...]:
    """What computes the layers; where nothing is timed, they themselves."""
    option = config.option
    if option.benchmark_disable or option.reel_serve:
        return (None,)
    words = [word.strip() for word in option.reel_implementation.split(",") if word.strip()]
    known: list[str] = [_AS_WRITTEN, _BEST, _FASTEST]
    if not words or set(words) - set(known):
        from reelbench.implementations import implementations  # loads JAX

        known += dict.fromkeys(each.name for each in implementations())
    if "all" in words:
        words = [word for word in known if word != _FASTEST]
    chosen = _words("--reel-implementation", ",".join(words), (*known, "all")) or ()
    return tuple(None if word == _AS_WRITTEN else word for word in chosen)


def _check_folder(config: pytest.Config) -> None:
    """Refuse a folder by which pytest has lost the project's settings.

    Before it knows our options it takes every word that is the path of something for what it is to
    collect, and looks for its settings above all of these.
    """
    folder = config.option.reel_results
    if config.inipath is None and "--reel-results" in config.invocation_params.args:
        raise pytest.UsageError(
            f"--reel-results {folder}: pytest looks for its settings above it and finds none; "
            f"write --reel-results={folder}"
        )


def _batches(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    if text == "auto":
        return _doubling()
    numbers = [part.strip() for part in text.split(",")]
    if not all(number.isdecimal() and 0 < int(number) <= 2**20 for number in numbers):
        raise pytest.UsageError(
            f"--reel-batch: {text[:80]!r}; write numbers such as 1,4,16, or auto"
        )
    return tuple(sorted({int(number) for number in numbers}))


def _doubling() -> tuple[int, ...]:
    batches = [1]
    while batches[-1] < LARGEST_AUTO_BATCH:
        batches.append(2 * batches[-1])
    return tuple(batches)
