"""How much faster one side is than another, case by case, and what that decides."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from reelbench.compare.cases import Alike
from reelbench.compare.digest import Limit, Reading
from reelbench.compare.sides import Noise, Pool
from reelbench.results.schema import Identity
from reelbench.stats.moderation import prior
from reelbench.stats.unpaired import (
    NO_PRIORS,
    Basis,
    Known,
    Priors,
    Reason,
    difference,
    judge,
    known,
    spread_of,
)
from reelbench.stats.verdict import Verdict, error_of_case

USUAL = 0.95
"""Coverage of an interval that no verdict hangs on."""


@dataclass(frozen=True)
class Shown:
    """One side of a ratio.

    Attributes:
        median_s: Geometric mean over runs of what each took.
        share: Of that machine's own roofline, where its ceilings were measured.
        limit: What keeps the case from being faster there.
        runs: How many runs were pooled.
        processes: How many processes.
        implementation: Which way of computing the layer was timed.
    """

    median_s: float
    share: float | None
    limit: Limit | None
    runs: int
    processes: int
    implementation: str


@dataclass(frozen=True)
class Ratio:
    """Speed of the new side relative to the base in one case: above 1 the new side is faster.

    Attributes:
        identity: Of the case; of the base where the sides' implementations differ.
        ratio: Time of the base over that of the new side.
        low: Lower end of the ratio's interval.
        high: Upper end.
        confidence: Nominal coverage of the interval; 0 where nothing is known but two numbers.
        usual: Ends of the 95 % interval, where a verdict needs a surer one.
        verdict: None between different machines, where there is nothing to judge.
        reason: Why the verdict is what it is.
        program_reason: Facts by which the compiled programs may differ; empty where they do not.
    """

    identity: Identity
    ratio: float
    low: float
    high: float
    confidence: float
    usual: tuple[float, float]
    base: Shown
    new: Shown
    verdict: Verdict | None = None
    reason: Reason | None = None
    program_reason: tuple[str, ...] = ()

    @property
    def evidence(self) -> float:
        """How far the interval stays away from no change; below 0 it holds no change."""
        return max(math.log(self.low), -math.log(self.high))


@dataclass(frozen=True)
class Background:
    """What is known of a side beside the case at hand.

    Attributes:
        noise: What self-tests found of its machine.
        priors: What its other cases say of how much one varies.
    """

    noise: Noise | None = None
    priors: Priors = NO_PRIORS


def priors_of(pools: Iterable[Pool]) -> Priors:
    """What the cases of a side say together of how much one varies."""
    spreads = [spread_of(pool.runs) for pool in pools]
    return Priors(
        *(
            prior([(variance, freedom) for basis, variance, freedom in spreads if basis is wanted])
            for wanted in (Basis.RUNS, Basis.PROCESSES)
        )
    )


def ratio(
    alike: Alike,
    backgrounds: tuple[Background, Background],
    *,
    cases: int,
    threshold: float | None,
) -> Ratio:
    """The ratio of one case.

    Args:
        alike: The case on both sides.
        backgrounds: What is known of the two sides beside it.
        cases: How many are compared together: with many, each verdict must be surer.
        threshold: The difference that does not matter; None where nothing is to be judged.
    """
    sides = _known(alike.base, backgrounds[0]), _known(alike.new, backgrounds[1])
    wanted = USUAL if threshold is None else 1 - error_of_case(cases)
    found = difference(*sides, wanted)
    usual = difference(*sides, USUAL)
    verdict = reason = None
    if threshold is not None:
        verdict, reason = judge(found, threshold, (sides[0].basis, sides[1].basis))
    return Ratio(
        identity=alike.base.identity,
        ratio=math.exp(-found.estimate),
        low=math.exp(-found.high),
        high=math.exp(-found.low),
        usual=(math.exp(-usual.high), math.exp(-usual.low)),
        confidence=_confidence(found.confidence, alike, sides),
        base=shown(alike.base, sides[0]),
        new=shown(alike.new, sides[1]),
        verdict=verdict,
        reason=reason,
        program_reason=alike.program_reason,
    )


def shown(pool: Pool, what: Known | None = None) -> Shown:
    """A pool as one side of a ratio."""
    middle = (what or _known(pool, Background())).middle
    newest = pool.newest
    shares = [reading.share for reading in pool.readings if reading.share is not None]
    return Shown(
        median_s=math.exp(middle),
        share=math.fsum(shares) / len(shares) if shares else None,
        limit=newest.limit,
        runs=len(pool.runs),
        processes=pool.processes,
        implementation=newest.identity.implementation,
    )


def _known(pool: Pool, background: Background) -> Known:
    newest, noise = pool.newest, background.noise
    session = None
    if noise is not None and noise.session is not None:
        session = (noise.session, float(max(noise.sessions - 1, 1)))
    return known(
        pool.runs,
        reach=_reach(newest),
        process_spread=noise.process if noise else None,
        session_spread=session,
        priors=background.priors,
    )


def _reach(reading: Reading) -> tuple[float, float]:
    """How far the run's own interval reaches below and above its median, as logarithms."""
    return (
        math.log(reading.median_s / reading.low_s),
        math.log(reading.high_s / reading.median_s),
    )


def _confidence(wanted: float, alike: Alike, sides: tuple[Known, Known]) -> float:
    """What the interval can claim: of too few rounds no more than their own interval."""
    own = [
        pool.newest.confidence
        for pool, side in zip((alike.base, alike.new), sides, strict=True)
        if side.basis in (Basis.ROUNDS, Basis.FLOOR) and pool.newest.confidence < USUAL
    ]
    return min([wanted, *own])
