"""What many small samples say together of how much any of them varies.

Two or three processes a case say little of how much that case differs from process to process, but
thirty such cases say how much cases do as a rule, and how alike they are in it. Each case's
variance is drawn towards that, the more the less it is known itself (Smyth, "Linear Models and
Empirical Bayes Methods for Assessing Differential Expression in Microarray Experiments", Stat.
Appl. Genet. Mol. Biol. 3, 2004).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy import special

FEWEST = 5
"""Samples that say something together."""

# What is expected is itself learnt from a few dozen cases, whose spreads follow no textbook
# distribution. Trusted with all its degrees of freedom it makes sure intervals too narrow; with so
# many of them, and never more than so many, they hold (tests/stats/test_moderation.py).
_TRUSTED = 0.6
_MOST_FREEDOM = 12.0


@dataclass(frozen=True)
class Prior:
    """What is expected of a variance before its own sample is seen.

    Attributes:
        variance: Its size.
        freedom: Degrees of freedom that this is worth.
    """

    variance: float
    freedom: float

    def moderated(self, variance: float, freedom: float) -> tuple[float, float]:
        """A sample's variance drawn towards what is expected, and its degrees of freedom.

        Args:
            variance: Of the sample.
            freedom: Its degrees of freedom; 0 where there is no variance to be seen.
        """
        total = self.freedom + freedom
        return (self.freedom * self.variance + freedom * variance) / total, total


def prior(samples: Sequence[tuple[float, float]]) -> Prior | None:
    """What these samples expect of a further one; None where they are too few.

    The logarithms of their variances spread by chance, by as much as their degrees of freedom say;
    what they spread beyond that is how unlike the cases are.

    Args:
        samples: Variance and degrees of freedom of each.
    """
    known = [(variance, freedom) for variance, freedom in samples if variance > 0 and freedom > 0]
    if len(known) < FEWEST:
        return None
    logs = [
        math.log(variance) - float(special.digamma(freedom / 2)) + math.log(freedom / 2)
        for variance, freedom in known
    ]
    middle = fmean(logs)
    spread = math.fsum((each - middle) ** 2 for each in logs) / (len(logs) - 1)
    # By its standard error more than what was seen: to think cases more alike than they are makes
    # intervals too narrow, to think them less alike costs little.
    spread *= 1 + math.sqrt(2 / (len(logs) - 1))
    beyond = spread - fmean(float(special.polygamma(1, freedom / 2)) for _, freedom in known)
    if beyond <= 0:
        return Prior(math.exp(middle), _MOST_FREEDOM)
    freedom = 2 * _inverse_trigamma(beyond)
    size = middle + float(special.digamma(freedom / 2)) - math.log(freedom / 2)
    return Prior(math.exp(size), min(_TRUSTED * freedom, _MOST_FREEDOM))


def _inverse_trigamma(value: float) -> float:
    """The number whose trigamma this is, by Newton's method on its reciprocal."""
    found = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(special.polygamma(1, found))
        step = trigamma * (1 - trigamma / value) / float(special.polygamma(2, found))
        found += step
        if -step / found < 1e-8:
            break
    return found
