"""A plan as tables: the answer first, then what limits it, what it hangs on, what it assumes."""

from __future__ import annotations

from collections.abc import Sequence

from reelbench.capacity.explaining import causes
from reelbench.capacity.limits import Limit
from reelbench.capacity.outcome import Layout, Plan
from reelbench.capacity.quantities import digits, dimension_of, print_quantity
from reelbench.capacity.question import Question
from reelbench.report.quantities import ANSWER_COLUMNS, quantity_row
from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.report.uncertainty import assumptions, variance_table
from reelbench.units import print_share

_SECOND = dimension_of("s")
ANSWER = 0
"""Place of the main table."""

SHORT = 4
"""Tables of a brief answer: the answer, its limits, the models, what it hangs on."""


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
        variance_table({"time": of_time, "cost": of_cost}),
        _demand(plan),
        assumptions(_used(plan), question),
    ]


def _answer(question: Question, plan: Plan) -> Table:
    boundary = question.scenario.power.boundary
    scenario = question.scenario
    mode = scenario.money.mode or ("rent" if plan.rent is not None else "own")
    other = plan.own if mode == "rent" else plan.rent
    rows = [
        quantity_row("devices", "devices", plan.devices, scenario.device.kind),
        quantity_row("time_s", "time", plan.time, "start to end, failures included"),
        quantity_row(
            "device_time_s", "device-hours", plan.device_time, "held, waiting included", hours=True
        ),
        quantity_row("energy_j", "energy", plan.energy, f"{boundary} boundary"),
        quantity_row("cost_usd", "cost", plan.cost, {"rent": "rented", "own": "owned"}[mode]),
        quantity_row("other_cost_usd", "or", other, {"rent": "owned", "own": "rented"}[mode]),
        quantity_row("rent_per_s", "rent a device-hour", plan.rent_rate),
        quantity_row("own_per_s", "owned device-hour", plan.own_rate),
        quantity_row("break_even", "break-even use", plan.break_even, "owning is cheaper above it"),
        quantity_row("cost_per_training_usd", "cost a trained network", plan.cost_per_training),
        quantity_row("cost_per_epoch_usd", "cost an epoch", plan.cost_per_epoch),
        quantity_row("cost_per_clip_usd_per_clip", "cost a clip, once", plan.cost_per_clip),
        quantity_row("power_w", "power", plan.power, f"all devices, {boundary} boundary"),
        quantity_row("capital_usd", "capital", plan.capital, "if owned, with interconnect"),
        quantity_row("book_value_usd", "what it is worth then", plan.book_value),
        quantity_row("goodput", "goodput", plan.goodput, "progress over wall time"),
        quantity_row("mttf_s", "time between failures", plan.mttf),
        quantity_row("checkpoint_interval_s", "checkpoint every", plan.interval),
        quantity_row("cadence", "busy with retraining", plan.cadence, "above 1 it falls behind"),
    ]
    bases = sorted({each.basis for each in plan.trainings})
    notes = [*_kept(question, plan), f"Step times: {', '.join(bases)}."]
    if "extrapolated" in bases:
        notes.append(
            "extrapolated: measured elsewhere and carried here by the ratio of ceilings; nobody "
            "measured this device."
        )
    return Table(scenario.title, ANSWER_COLUMNS, tuple(filter(None, rows)), (*notes, *plan.notes))


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
        Column("device_time_s", "computing, h", align="right"),
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


def _demand(plan: Plan) -> Table:
    found = plan.demand
    rows = [
        quantity_row("frames_per_day", "frames a day", found.frames_per_day),
        quantity_row("bytes_per_day", "bytes a day", found.bytes_per_day),
        quantity_row("raw_clips", "clips before curation", found.raw_clips),
        quantity_row("clips", "clips", found.clips),
        quantity_row("size_bytes", "data set", found.size),
        quantity_row("clip_bytes", "a clip", found.clip_size),
        quantity_row("ingest_s", "time to bring it in", plan.ingest),
        quantity_row("curation_s", "time to curate it", plan.curation),
    ]
    kept = tuple(filter(None, rows))
    return Table("Demand", ANSWER_COLUMNS, kept) if kept else Table("")


def _used(plan: Plan) -> set[str]:
    names: set[str] = set()
    for estimate in plan.estimates().values():
        names |= estimate.figures
    return names
