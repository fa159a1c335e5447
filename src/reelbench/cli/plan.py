"""``reelbench plan``: devices, days, energy and money for a scenario."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from reelbench.capacity.answers import COUNT, deadline_for, devices_for, largest, with_count
from reelbench.capacity.estimate import Draws
from reelbench.capacity.figure import Named
from reelbench.capacity.joining import question
from reelbench.capacity.limits import limits
from reelbench.capacity.presets import preset, presets
from reelbench.capacity.quantities import NUMBER, dimension_of, parse_quantity
from reelbench.capacity.question import Question, naming
from reelbench.capacity.rates import FileRates
from reelbench.capacity.reading import load, parse
from reelbench.capacity.scenario import Scenario, schema
from reelbench.capacity.sweep import parse_axis, sweep
from reelbench.cli.arguments import FormatOption, UsageError, answer
from reelbench.report.planning import SHORT, plan_tables
from reelbench.report.searching import found_table, sweep_table
from reelbench.report.tables import Column, Table, plain
from reelbench.report.uncertainty import explained, given
from reelbench.units import parse_share

_MOST_DRAWS = 200_000
_SWEPT = 1000  # draws at each point of a sweep, at most
_DEVICES = "Devices for "


def plan_scenario(
    scenario: Path | None = None,
    /,
    *,
    preset_: Annotated[str | None, Parameter(name="--preset")] = None,
    rates: Path | None = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", negative="")] = None,
    explain: str | None = None,
    sweep_: Annotated[list[str] | None, Parameter(name="--sweep", negative="")] = None,
    devices_for_: Annotated[str | None, Parameter(name="--devices-for")] = None,
    deadline_for_: Annotated[str | None, Parameter(name="--deadline-for")] = None,
    largest_: Annotated[str | None, Parameter(name="--largest")] = None,
    budget: str | None = None,
    deadline: str | None = None,
    confidence: str = "90%",
    draws: int = 10_000,
    seed: int = 0,
    schema_: Annotated[bool, Parameter(name="--schema", negative="")] = False,
    brief: Annotated[bool, Parameter(negative="")] = False,
    show: Annotated[bool, Parameter(negative="")] = False,
    style: FormatOption = "table",
) -> None:
    """What it takes to train models on a fleet's or a corpus's video: devices, days, kWh, money.

    Args:
        scenario: A scenario file (TOML); see --preset NAME --show for one, --schema for editors.
        preset_: One of the scenarios that come with reelbench, instead of a file; without a name
            that exists it lists them.
        rates: A result file of reelbench, for models whose step time is measured.
        set_: Change a figure, as in device.count=512; may be repeated.
        explain: A figure of the answer, or of the scenario: where it comes from.
        sweep_: Vary a figure, as in device.count=64,128 or device.count=64..4096*2; several make a
            grid.
        devices_for_: The fewest devices that end within this time, such as '30 days'.
        deadline_for_: The least time within this budget, such as '$2M'.
        largest_: The largest value of a figure, such as model.parameters, within --budget and
            --deadline.
        budget: For --largest, such as '$1M'.
        deadline: For --largest, such as '30 days'.
        confidence: Share of the draws in which such an answer must hold.
        draws: Random draws of every uncertain figure.
        seed: The same seed gives the same draws.
        schema_: Write the JSON Schema of scenario files.
        brief: Leave out the demand and the figures that it was computed from.
        show: Write the preset's file, to start one's own from.
        style: How to write it.
    """
    if schema_:
        _write_schema()
        return
    if not 100 <= draws <= _MOST_DRAWS:
        raise UsageError(f"--draws {draws}: must be between 100 and {_MOST_DRAWS:,}")
    if not 0 <= seed < 2**63:
        raise UsageError(f"--seed {seed}: must be 0 or more")
    if preset_ is not None and show:
        sys.stdout.write(preset(preset_).decode())
        return
    if scenario is None and preset_ is None:
        answer([_listed()], style)
        return
    share, made = parse_share(confidence), Draws(draws, seed)
    read = _read(scenario, preset_, set_ or [])
    with naming(str(scenario) if scenario is not None else f"preset {preset_}"):
        asked = question(read, FileRates(rates) if rates else None)
        if sweep_:
            tables = [_swept(asked, sweep_, made)]
        elif largest_ is not None:
            tables = [_largest(asked, largest_, budget, deadline, share)]
        elif deadline_for_ is not None:
            tables = [_least_time(asked, deadline_for_, share)]
        elif explain is not None:
            tables = _explained(asked, explain, made)
        else:
            tables = _planned(asked, devices_for_, share, made, brief=brief)
    # A table of what was searched for may stand before the plan's own.
    answer(tables, style, main=min(int(tables[0].title.startswith(_DEVICES)), len(tables) - 1))


def _planned(
    asked: Question, wanted: str | None, share: float, draws: Draws, *, brief: bool
) -> list[Table]:
    """The plan, for as many devices as a deadline takes if there is one to meet."""
    tables: list[Table] = []
    goal = asked.scenario.goal.deadline
    if wanted is None and asked.scenario.device.count is None and goal is not None:
        wanted = goal.text
    if wanted is not None:
        time, _ = parse_quantity(wanted, dimension_of("s"))
        found = devices_for(asked, time, share)
        tables = [found_table(f"{_DEVICES}{wanted}", "devices", NUMBER, found)]
        if found.value is None:
            return tables
        asked = with_count(asked, found.value)
    result = asked.answer(draws)
    every = plan_tables(asked, result, limits(asked, result))
    return [*tables, *(every[:SHORT] if brief else every)]


def _swept(asked: Question, sweeps: list[str], draws: Draws) -> Table:
    if asked.scenario.device.count is None and any(each.startswith(COUNT) for each in sweeps):
        asked = with_count(asked, 1)
    axes = [parse_axis(each, asked) for each in sweeps]
    return sweep_table(axes, sweep(asked, axes, min(draws.count, _SWEPT), draws.seed))


def _least_time(asked: Question, budget: str, share: float) -> Table:
    money, _ = parse_quantity(budget, dimension_of("$"))
    found = deadline_for(asked, money, share)
    title = f"{asked.scenario.title}: the least time for {budget}"
    return found_table(title, "time", dimension_of("s"), found)


def _read(path: Path | None, name: str | None, changes: list[str]) -> Scenario[Named]:
    values = {}
    for each in changes:
        field, equals, value = each.partition("=")
        if not equals:
            raise UsageError(f"--set {each[:60]}: write FIELD=VALUE, such as device.count=512")
        values[field.strip()] = value.strip()
    if path is not None and name is not None:
        raise UsageError("name a scenario file or --preset, not both")
    if name is not None:
        return parse(preset(name), f"preset {name}", values)
    assert path is not None
    return load(path, values)


def _largest(
    asked: Question, path: str, budget: str | None, deadline: str | None, share: float
) -> Table:
    goal = asked.scenario.goal
    money = parse_quantity(budget, dimension_of("$"))[0] if budget else None
    time = parse_quantity(deadline, dimension_of("s"))[0] if deadline else None
    if money is None and goal.budget is not None:
        money = goal.budget.spread.low
    if time is None and goal.deadline is not None:
        time = goal.deadline.spread.low
    found = largest(asked, path, money, time, share)
    within = " and ".join(filter(None, [budget, deadline])) or "the scenario's goals"
    title = f"{asked.scenario.title}: the largest {path} within {within}"
    return found_table(title, path, asked.known[asked.path(path)].dimension, found)


def _explained(asked: Question, name: str, draws: Draws) -> list[Table]:
    if asked.path(name) in asked.known:
        return given(asked.known[asked.path(name)])
    found = asked.answer(draws).estimates()
    if name not in found:
        answers = ", ".join(sorted(each for each in found if "." not in each))
        raise UsageError(
            f"--explain {name[:80]}: is no figure of this plan; there are {answers}, and the "
            "scenario's own, such as device.count"
        )
    return explained(name, found[name], asked)


def _listed() -> Table:
    columns = (Column("preset", "preset"), Column("title", "what it plans", give="fold"))
    rows = tuple((plain(name), plain(title)) for name, title in presets().items())
    return Table(
        "Scenarios that come with reelbench",
        columns,
        rows,
        ("reelbench plan --preset NAME plans one; with --show it writes the file.",),
    )


def _write_schema() -> None:
    import json

    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
