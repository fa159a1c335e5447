"""The device time of a clip from measured rates; `predict` can stand behind the same protocol.

A rate belongs to the machine on which it was measured. Carried to another device it is called
*extrapolated*, by the ratio of their ceilings, with the wide interval that such a step deserves;
this is never done unless the scenario asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from reelbench.capacity.errors import CapacityError
from reelbench.capacity.scenario import Case, Measured
from reelbench.catalogue.models import SizeError
from reelbench.catalogue.names import UnknownNameError
from reelbench.predict.errors import CeilingsError, RatesError
from reelbench.predict.step import predict_step
from reelbench.results.outcome import Outcome
from reelbench.results.read import load
from reelbench.results.schema import CaseRecord, Machine, Results


class RateError(CapacityError):
    """A rates file that lacks what the scenario needs; the message is one line for the user."""


@dataclass(frozen=True)
class Rate:
    """Device time of a clip.

    Attributes:
        low_s: 5th percentile of the seconds of a clip.
        high_s: 95th percentile.
        machine: Where it was measured.
        bound: ``compute`` or ``memory``: what limits most of it, where that is known.
        ceiling: Of that limit on that machine, FLOP/s or bytes/s; None where it is not known.
        processes: How many contributed; one alone cannot show what differs between them.
        whole: Whether it is one case that stands for the whole step, rather than layers summed.
        source: For people.
        watts: Least and most power that the device drew at the end of the rounds, where it was
            read.
    """

    low_s: float
    high_s: float
    machine: str
    bound: str
    ceiling: float | None
    processes: int
    whole: bool
    source: str
    watts: tuple[float, float] | None = None


class Rates(Protocol):
    """What knows rates: a result file, or a predictor made from one."""

    name: str
    machine: str

    def seconds_per_clip(self, measured: Measured) -> Rate:
        """Device time of a clip.

        Raises:
            RateError: It does not know the case.
        """


class FileRates:
    """Rates of one result file."""

    def __init__(self, path: str | Path) -> None:
        """Read the file.

        Raises:
            ResultFileError: It cannot be read.
            RateError: It is of plain pytest-benchmark, which does not say what was measured.
        """
        self.name = str(path)
        self._results: Results = load(path)
        machine = self._results.machine_info.reelbench
        if machine is None:
            raise RateError(
                f"{self.name}: does not say which machine it is; measure with reelbench"
            )
        self._machine: Machine = machine
        self.machine = machine.id
        self.accelerator = str(machine.facts.get("accelerator") or "")

    def seconds_per_clip(self, measured: Measured) -> Rate:
        """Sum the cases' times, each as often as the scenario says, or predict the step."""
        if measured.step is not None:
            return self._predicted(measured, measured.step)
        records = [(case, self._find(case)) for case in measured.cases]
        low = sum(case.times * _clip(record)[0] for case, record in records)
        high = sum(case.times * _clip(record)[1] for case, record in records)
        bounds = [record.rates.bound or "" for _, record in records]
        longest = max(range(len(records)), key=lambda i: records[i][1].timing.median_s)
        bound = bounds[longest] or "compute"
        dtype = records[longest][1].identity.dtype
        processes = min(len(record.timing.replicates) for _, record in records)
        named = ", ".join(
            f"{case.times} × {case.case}" if case.times > 1 else case.case
            for case in measured.cases
        )
        return Rate(
            low,
            high,
            self.machine,
            bound,
            self._ceiling(bound, dtype),
            processes,
            len(records) == 1 and records[0][0].times == 1,
            f"{Path(self.name).name} on {self.machine}: {named[:120]}",
            _watts([record for _, record in records]),
        )

    def _predicted(self, measured: Measured, model: str) -> Rate:
        """The training step of a model from its layers in this file."""
        try:
            step = predict_step(
                model,
                self._results,
                dtype=measured.dtype,
                batch=measured.batch,
                implementation=measured.implementation,
                rematerialised=measured.rematerialised,
            )
        except (UnknownNameError, SizeError, RatesError, CeilingsError) as error:
            raise RateError(f"{self.name}: measured.step: {error}") from None
        records = self._results.records
        filled = f", {len(step.missing)} of its layers filled in" if step.missing else ""
        return Rate(
            step.low_s / measured.batch,
            step.high_s / measured.batch,
            self.machine,
            "compute",
            self._ceiling("compute", measured.dtype),
            min((len(record.timing.replicates) for record in records), default=1),
            True,
            f"{Path(self.name).name} on {self.machine}: step of {model} predicted from its "
            f"layers{filled}",
            _watts(records),
        )

    def _find(self, case: Case) -> CaseRecord:
        preset, _, pass_ = case.case.partition("/")
        found = [
            record
            for record in self._results.records
            if record.identity.preset == preset
            and record.identity.pass_ == (pass_ or "train")
            and record.identity.mesh is None  # the time of one device
            and record.outcome is Outcome.OK
            and case.dtype in (None, record.identity.dtype)
            and case.batch in (None, record.identity.batch)
            and case.implementation in (None, record.identity.implementation)
        ]
        if not found:
            raise RateError(
                f"{self.name}: lacks {case.case}: {self._why(preset, pass_ or 'train')}"
            )
        # The plain implementation unless another is asked for; then the best batch.
        reference = [each for each in found if each.identity.implementation == "reference"]
        return min(reference or found, key=lambda record: _clip(record)[1])

    def _why(self, preset: str, pass_: str) -> str:
        outcomes = self._results.reelbench.outcomes if self._results.reelbench else []
        for each in outcomes:
            if (each.identity.preset, each.identity.pass_) == (preset, pass_):
                return f"{each.outcome.value.replace('_', ' ')}. {each.advice or each.reason}"
        known = sorted({f"{r.identity.preset}/{r.identity.pass_}" for r in self._results.records})
        return (
            f"measure it with pytest --benchmark-only --reel-case {preset} --reel-pass {pass_}, or "
            f"use one of {', '.join(known[:6])}{', …' if len(known) > 6 else ''}"
        )

    def _ceiling(self, bound: str, dtype: str) -> float | None:
        kind = "memory" if bound == "memory" else "matmul"
        rates = [each for each in self._machine.ceilings if each.kind == kind]
        same: Sequence[float] = [each.rate for each in rates if each.dtype == dtype]
        return max(same or [each.rate for each in rates], default=None)


def _watts(records: Sequence[CaseRecord]) -> tuple[float, float] | None:
    read = [
        replicate.health.accelerator_power_w
        for record in records
        for replicate in record.timing.replicates
        if replicate.health is not None and replicate.health.accelerator_power_w
    ]
    return (min(read), max(read)) if read else None


def _clip(record: CaseRecord) -> tuple[float, float]:
    """5th and 95th percentile of a clip's seconds, from the interval of the median."""
    timing, clips = record.timing, max(record.work.clips, 1e-300)
    # The interval covers `confidence`; at 0.9 it is narrower by the ratio of normal quantiles.
    from scipy.special import ndtri

    wide = float(ndtri((1 + max(min(timing.confidence, 0.999999), 0.5)) / 2))
    shrink = float(ndtri(0.95)) / wide
    low = timing.median_s * (timing.low_s / timing.median_s) ** shrink
    high = timing.median_s * (timing.high_s / timing.median_s) ** shrink
    return low / clips, high / clips
