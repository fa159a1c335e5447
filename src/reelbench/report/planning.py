"""A plan as tables: the answer first, then what limits it, what it hangs on, what it assumes."""

from __future__ import annotations

from collections.abc import Sequence

from reelbench.capacity.answers import Found
from reelbench.capacity.estimate import Estimate
from reelbench.capacity.explaining import Cause, by_kind, causes, worth_measuring
from reelbench.capacity.figure import Named
from reelbench.capacity.limits import Limit
from reelbench.capacity.outcome import Layout, Plan
from reelbench.capacity.quantities import Dimension, digits, dimension_of, print_quantity
from reelbench.capacity.question import Question
from reelbench.capacity.sweep import Axis, Point
from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.report.text import shorten
from reelbench.units import print_share

_SECOND, _JOULE, _DOLLAR = (dimension_of(unit) for unit in ("s", "J", "$"))
_RATE = dimension_of("$/s")
_MOST_CAUSES = 8
ANSWER = 0
"""Place of the main table."""

SHORT = 4
"""Tables of a brief answer: the answer, its limits, the models, what it hangs on."""


def _shown(value: float, dimension: Dimension, *, hours: bool = False) -> str:
    """As planners write it: days, device-hours, kWh."""
    if dimension == _SECOND:
        if hours:
            return f"{digits(value / 3600)} h"
        return print_quantity(value, dimension)
    if dimension == _JOULE:
        return f"{digits(value / 3.6e6)} kWh"
    return print_quantity(value, dimension)


def _row(
    key: str, name: str, estimate: Estimate | None, note: str = "", *, hours: bool = False
) -> tuple[Cell, ...] | None:
    if estimate is None:
        return None
    low, high = estimate.interval()
    middle = estimate.median
    texts = [_shown(each, estimate.dimension, hours=hours) for each in (middle, low, high)]
    same = low == high
    return (
        Cell(key, name),
        Cell(middle, texts[0]),
        Cell(low, "" if same else texts[1]),
        Cell(high, "" if same else texts[2]),
        plain(note),
    )


_ANSWER_COLUMNS = (
    Column("quantity", "answer"),
    Column("median", "median", align="right"),
    Column("low", "5 %", align="right"),
    Column("high", "95 %", align="right"),
    Column("note", "", give="fold"),
)


def plan_tables(
    question: Question, plan: Plan, limits: Sequence[Limit], seconds: float | None = None
) -> list[Table]:
    """Everything about a plan; `ANSWER` is the main table."""
    of_time = causes(plan.time, question.known)
    of_cost = [] if plan.cost is None else causes(plan.cost, question.known)
    return [
        _answer(question, plan),
        _limits(limits),
        _trainings(plan),
        _variance(of_time, of_cost),
        _demand(plan),
        assumptions(_used(plan), question),
    ]


def _answer(question: Question, plan: Plan) -> Table:
    boundary = question.scenario.power.boundary
    scenario = question.scenario
    mode = scenario.money.mode or ("rent" if plan.rent is not None else "own")
    other = plan.own if mode == "rent" else plan.rent
    rows = [
        _row("devices", "devices", plan.devices, scenario.device.kind),
        _row("time_s", "time", plan.time, "start to end, failures included"),
        _row("device_time_s", "device-hours", plan.device_time, hours=True),
        _row("energy_j", "energy", plan.energy, f"{boundary} boundary"),
        _row("cost_usd", "cost", plan.cost, {"rent": "rented", "own": "owned"}[mode]),
        _row("other_cost_usd", "or", other, {"rent": "owned", "own": "rented"}[mode]),
        _row("rent_per_s", "rent a device-hour", plan.rent_rate),
        _row("own_per_s", "owned device-hour", plan.own_rate),
        _row("break_even", "break-even use", plan.break_even, "owning is cheaper above it"),
        _row("cost_per_training_usd", "cost a trained network", plan.cost_per_training),
        _row("cost_per_epoch_usd", "cost an epoch", plan.cost_per_epoch),
        _row("cost_per_clip_usd_per_clip", "cost a clip, once", plan.cost_per_clip),
        _row("power_w", "power", plan.power, f"all devices, {boundary} boundary"),
        _row("capital_usd", "capital", plan.capital, "if owned, with interconnect"),
        _row("book_value_usd", "of it left at the end", plan.book_value),
        _row("goodput", "goodput", plan.goodput, "progress over wall time"),
        _row("mttf_s", "time between failures", plan.mttf),
        _row("checkpoint_interval_s", "checkpoint every", plan.interval),
        _row("cadence", "busy with retraining", plan.cadence, "above 1 it falls behind"),
    ]
    bases = sorted({each.basis for each in plan.trainings})
    notes = [*_kept(question, plan), f"Step times: {', '.join(bases)}."]
    if "extrapolated" in bases:
        notes.append(
            "extrapolated: measured elsewhere and carried here by the ratio of ceilings; nobody "
            "measured this device."
        )
    return Table(scenario.title, _ANSWER_COLUMNS, tuple(filter(None, rows)), (*notes, *plan.notes))


def _kept(question: Question, plan: Plan) -> list[str]:
    """How likely the plan keeps to its goals."""
    goal, said = question.scenario.goal, []
    if goal.deadline is not None:
        chance = float((plan.time.sample <= goal.deadline.spread.low).mean())
        said.append(f"Ends within {goal.deadline.text} in {print_share(chance)} of the draws.")
    if goal.budget is not None and plan.cost is not None:
        chance = float((plan.cost.sample <= goal.budget.spread.low).mean())
        said.append(f"Costs no more than {goal.budget.text} in {print_share(chance)} of the draws.")
    return said


def _limits(limits: Sequence[Limit]) -> Table:
    columns = (
        Column("limit", "limit"),
        Column("in_use", "in use", align="right"),
        Column("gain", "time with twice as much", align="right"),
        Column("binds", ""),
    )
    rows = tuple(
        (
            plain(limit.name),
            Cell(limit.in_use, print_share(limit.in_use)),
            Cell(limit.gain, f"−{print_share(limit.gain)}" if limit.gain >= 0.0005 else "same"),
            Cell(limit.binds, "← bottleneck" if limit.binds else ""),
        )
        for limit in limits
    )
    return Table("Limits, the one that binds first", columns, rows)


def _trainings(plan: Plan) -> Table:
    if not plan.trainings:
        return Table("")
    columns = (
        Column("model", "model", give="cut"),
        Column("trainings", "trainings", align="right"),
        Column("device_time_s", "device-hours", align="right"),
        Column("time_s", "time", align="right"),
        Column("tensor", "tensor", align="right", shown=False),
        Column("pipeline", "pipeline", align="right", shown=False),
        Column("split", "split", align="right"),
        Column("memory", "memory", align="right"),
        Column("basis", "step time"),
        Column("why", "from", give="fold"),
    )
    rows = tuple(
        (
            plain(each.model),
            Cell(each.trainings.median, digits(each.trainings.median)),
            Cell(each.device_time.median, digits(each.device_time.median / 3600)),
            Cell(each.wall.median, print_quantity(each.wall.median, _SECOND)),
            plain(int(each.layout.tensor.max())),
            plain(int(each.layout.pipeline.max())),
            _split(each.layout),
            Cell(None, "–")
            if each.layout.memory is None
            else Cell(each.layout.memory.median, print_share(each.layout.memory.median)),
            plain(each.basis),
            plain(each.why),
        )
        for each in plan.trainings
    )
    return Table("Models", columns, rows)


def _split(layout: Layout) -> Cell:
    """Devices that one replica is spread over: tensor × pipeline."""
    tensor, pipeline = int(layout.tensor.max()), int(layout.pipeline.max())
    return Cell(tensor * pipeline, "–" if tensor * pipeline == 1 else f"{tensor}×{pipeline}")


def _variance(of_time: list[Cause], of_cost: list[Cause]) -> Table:
    if not of_time and not of_cost:
        return Table("", notes=("Nothing here is uncertain: all inputs are points.",))
    columns = (
        Column("input", "input", give="cut"),
        Column("kind", "kind"),
        Column("time_share", "of time", align="right"),
        Column("cost_share", "of cost", align="right"),
    )
    of = [{each.figure.name: each for each in found} for found in (of_time, of_cost)]
    names = list(dict.fromkeys(each.figure.name for each in (*of_time, *of_cost)))
    names.sort(key=lambda name: -max(found[name].total for found in of if name in found))

    def cell(found: dict[str, Cause], name: str) -> Cell:
        if not found:
            return plain(None)
        share = found[name].total if name in found else 0.0
        return Cell(share, print_share(share) if share >= 0.0005 else "–")

    def cells(name: str) -> tuple[Cell, ...]:
        figure = next(found[name].figure for found in of if name in found)
        return plain(name), plain(figure.kind), cell(of[0], name), cell(of[1], name)

    rows = tuple(map(cells, names))
    notes = []
    for what, causes_ in (("time", of_time), ("cost", of_cost)):
        shares = by_kind(causes_)
        said = [f"{kind} {print_share(share)}" for kind, share in shares.items() if share > 0]
        if said:
            notes.append(f"Variance of {what} by kind: {', '.join(said)}.")
    notes.append("Total Sobol indices of the logarithm.")
    if len(rows) > _MOST_CAUSES:
        notes.append(f"{len(rows) - _MOST_CAUSES} more inputs, with smaller shares.")
    best = worth_measuring(of_time or of_cost)
    if best is not None:
        cause, advice = best
        notes.append(
            f"Next measurement: {cause.figure.name}, now {cause.figure.kind} "
            f"({cause.figure.text}); it would remove {print_share(cause.first)} of the variance: "
            f"{advice}."
        )
    return Table(
        "What the uncertainty comes from",
        columns,
        rows[:_MOST_CAUSES],
        tuple(notes),
        rows[_MOST_CAUSES:],
    )


def _demand(plan: Plan) -> Table:
    found = plan.demand
    rows = [
        _row("frames_per_day", "frames a day", found.frames_per_day),
        _row("bytes_per_day", "bytes a day", found.bytes_per_day),
        _row("raw_clips", "clips before curation", found.raw_clips),
        _row("clips", "clips", found.clips),
        _row("size_bytes", "data set", found.size),
        _row("clip_bytes", "a clip", found.clip_size),
        _row("ingest_s", "time to bring it in", plan.ingest),
        _row("curation_s", "time to curate it", plan.curation),
    ]
    kept = tuple(filter(None, rows))
    return Table("Demand", _ANSWER_COLUMNS, kept) if kept else Table("")


def _used(plan: Plan) -> set[str]:
    names: set[str] = set()
    for estimate in plan.estimates().values():
        names |= estimate.figures
    return names


def assumptions(names: set[str], question: Question) -> Table:
    """The figures that answers were computed from."""
    columns = (
        Column("figure", "figure", give="cut"),
        Column("value", "value", give="fold"),
        Column("kind", "kind"),
        Column("given", "given by", shown=True),
        Column("source", "source", give="fold"),
    )
    kinds = {"assumed": 0, "published": 1, "measured": 2, "chosen": 3}
    known = [question.known[name] for name in names if name in question.known]
    known.sort(key=lambda figure: (kinds[figure.kind], figure.name))
    rows = tuple(
        (
            plain(figure.name),
            plain(figure.text),
            plain(figure.kind),
            Cell(figure.given, "scenario" if figure.given else "reelbench"),
            Cell(figure.source, shorten(figure.source, 160)),
        )
        for figure in known
    )
    return Table("Figures it was computed from", columns, rows)


def explained(name: str, estimate: Estimate, question: Question) -> list[Table]:
    """One figure of the answer: its value, what it hangs on, and its inputs."""
    row = _row(name, name, estimate)
    assert row is not None
    value = Table(name, _ANSWER_COLUMNS, (row,))
    return [
        value,
        _variance(causes(estimate, question.known), []),
        assumptions(set(estimate.figures), question),
    ]


def given(figure: Named) -> list[Table]:
    """One figure of the scenario as it was read."""
    columns = (Column("what", "what"), Column("value", "value", give="fold"))
    spread = figure.spread
    distribution = spread.kind or "a point"
    ends = " to ".join(
        print_quantity(each, figure.dimension) for each in dict.fromkeys((spread.low, spread.high))
    )
    rows = (
        (plain("value"), plain(figure.text)),
        (plain("is"), plain(f"{ends} ({distribution}), in {figure.dimension}")),
        (plain("kind"), plain(figure.kind)),
        (plain("source"), plain(figure.source)),
        (plain("given by"), plain("scenario" if figure.given else "reelbench")),
    )
    return [Table(figure.name, columns, rows)]


def found_table(title: str, name: str, dimension: Dimension, found: Found) -> Table:
    """What was found on a grid of devices."""
    columns = (
        Column("answer", "answer"),
        Column("value", "value", align="right"),
        Column("low", "5 %", align="right"),
        Column("high", "95 %", align="right"),
        Column("devices", "devices", align="right"),
        Column("confidence", "holds in", align="right"),
    )
    if found.value is None:
        said = f"Nothing holds in {print_share(found.confidence)} of the draws."
        if found.least is not None:
            least = print_quantity(found.least, _SECOND if name == "devices" else _DOLLAR)
            said += f" The least that any number of devices reaches in as many is {least}."
        return Table(title, notes=(said,))

    def cell(value: float | None) -> Cell:
        return plain(None) if value is None else Cell(value, print_quantity(value, dimension))

    row = (
        plain(name),
        cell(found.value),
        cell(found.low),
        cell(found.high),
        plain(None) if found.devices is None else Cell(found.devices, digits(found.devices)),
        Cell(found.confidence, print_share(found.confidence)),
    )
    return Table(title, columns, (row,))


_SWEPT = {
    "devices": ("devices", "devices"),
    "time": ("time_s", "time"),
    "device_time": ("device_time_s", "device-hours"),
    "energy": ("energy_j", "energy"),
    "cost": ("cost_usd", "cost"),
    "goodput": ("goodput", "goodput"),
}
_DIMENSIONS = {"time": _SECOND, "device_time": _SECOND, "energy": _JOULE, "cost": _DOLLAR}


def sweep_table(axes: Sequence[Axis], points: Sequence[Point], most: int = 60) -> Table:
    """A row for each point of a grid; people see the first of many."""
    answers = [name for name in _SWEPT if points and name in points[0].answers]
    columns = [Column(axis.path, axis.path, align="right") for axis in axes]
    for name in answers:
        key, heading = _SWEPT[name]
        columns += [
            Column(key, heading, align="right", shown=name != "goodput"),
            Column(f"{key}_low", "5 %", align="right", shown=name == "time"),
            Column(f"{key}_high", "95 %", align="right", shown=name == "time"),
        ]
    rows = []
    for point in points:
        cells = [
            Cell(value, print_quantity(value, axis.dimension))
            for value, axis in zip(point.at, axes, strict=True)
        ]
        for name in answers:
            low, middle, high = point.answers[name]
            of = _DIMENSIONS.get(name, Dimension())
            cells += [
                Cell(each, _shown(each, of, hours=name == "device_time"))
                for each in (middle, low, high)
            ]
        rows.append(tuple(cells))
    notes = (f"{len(rows) - most} more points; JSON and CSV have all.",) if len(rows) > most else ()
    return Table("Sweep", tuple(columns), tuple(rows[:most]), notes, tuple(rows[most:]))
