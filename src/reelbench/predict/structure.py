"""What a sum of layers misses of a whole step, learned from other models measured both ways.

Inside a step layers are not what they are alone: a compiler fuses the end of one with the beginning
of the next, what one leaves in the cache the next finds there, and buffers are taken from one
allocation instead of many. No layer measured alone shows this; models whose step and whose layers
were both measured do. From them, the model that is predicted always left out, come the usual ratio
of a step to its sum and how much it scatters from model to model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from scipy import stats

# Before any model was measured whole on a machine: sums are believed as they are, to within this.
_PRIOR_SPREAD = 0.12
# A prior of so many models: few that happen to agree must not promise too much.
_PRIOR_MODELS = 3.0
# One more model is imagined whose step is its sum, so that a single one is not believed.
_IMAGINED = (0.0,)
# Share of the models on either side that the usual ratio leaves out: one that differs for reasons
# of its own must not move the others.
_TRIMMED = 0.2


@dataclass(frozen=True)
class Pair:
    """A model whose step and whose layers were measured.

    Attributes:
        model: Its name.
        group: Its published model, whatever its size: all of a group are left out together.
        measured_s: The step.
        sum_s: The sum of its parts.
        sum_spread: Standard deviation of the logarithm of the sum.
        measured_spread: The same of the step.
    """

    model: str
    group: str
    measured_s: float
    sum_s: float
    sum_spread: float
    measured_spread: float

    @property
    def log_ratio(self) -> float:
        """Logarithm of the step over its sum."""
        return log(self.measured_s / self.sum_s)


@dataclass(frozen=True)
class Structure:
    """How steps relate to their sums.

    Attributes:
        log_factor: Usual logarithm of a step over its sum.
        spread: Standard deviation of that logarithm from model to model, what measuring them adds
            taken out.
        models: How many models it was learned from.
        factor_of_90: Half-width of a 90 % interval in standard deviations.
    """

    log_factor: float
    spread: float
    models: int
    factor_of_90: float


def learn(pairs: Sequence[Pair], *, without: str = "") -> Structure:
    """Learn from models that were measured whole, those of one group left out.

    The usual ratio is a trimmed mean; the spread is that around it, shrunk towards the prior by so
    many models as the prior counts for.
    """
    used = [pair for pair in pairs if pair.group != without]
    count = len(used)
    ratios = np.array([pair.log_ratio for pair in used])
    log_factor = float(stats.trim_mean([*ratios, *_IMAGINED], _TRIMMED)) if count else 0.0
    around = float(((ratios - log_factor) ** 2).sum()) if count else 0.0
    noise = sum(pair.sum_spread**2 + pair.measured_spread**2 for pair in used)
    variance = (max(around - noise, 0.0) + _PRIOR_MODELS * _PRIOR_SPREAD**2) / (
        count + _PRIOR_MODELS
    )
    # The factor itself is known as well as so many models tell it.
    variance *= 1 + 1 / (count + _PRIOR_MODELS)
    freedom = count + _PRIOR_MODELS
    return Structure(log_factor, sqrt(variance), count, float(stats.t.ppf(0.95, freedom)))
