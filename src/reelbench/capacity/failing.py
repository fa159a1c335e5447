"""What failures do to a job of a scenario: how often, how much progress is left."""

from __future__ import annotations

from dataclasses import dataclass

from reelbench.capacity import goodput
from reelbench.capacity.estimate import Estimate, choose, constant, maximum
from reelbench.capacity.layout import nodes_of
from reelbench.capacity.outcome import Relief
from reelbench.capacity.quantities import dimension_of
from reelbench.capacity.scenario import Scenario

_SECOND = dimension_of("s")


@dataclass(frozen=True)
class Failing:
    """What failures do to a job on all devices."""

    share: Estimate
    mttf: Estimate | None
    interval: Estimate | None

    @staticmethod
    def of(scenario: Scenario[Estimate], devices: Estimate, relief: Relief) -> Failing:
        """For a job on so many devices."""
        given = scenario.reliability
        if given.failures is None or given.restart is None or given.checkpoint_time is None:
            return Failing(constant(1.0), None, None)
        nodes = nodes_of(scenario, devices)
        rate = goodput.failure_rate(nodes, given.failures)
        for regime in given.regime:
            exponent = regime.exponent if regime.exponent is not None else 1.0
            further = goodput.failure_rate(nodes, regime.rate, exponent)
            if regime.until is not None:
                further = choose(devices > regime.until, 0 * further, further)
            rate = rate + further
        rate = rate / relief.reliability
        # Without failures, once in longer than anything lasts.
        mttf = goodput.mean_time_to_failure(maximum(rate, constant(1e-15, rate.dimension)))
        pause = given.checkpoint_time
        every = given.checkpoint_every
        if every is None:
            every = goodput.daly_interval(maximum(pause, constant(1e-3, _SECOND)), mttf)
        share = goodput.effective_share(rate, given.restart, every, pause)
        return Failing(share, mttf, every)
