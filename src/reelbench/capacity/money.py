"""What a device-hour costs, owned or rented.

Functions of arrays in SI base units – seconds, watts, joules – and dollars; estimates are taken as
they are. Rates such as interest are per second too: 10 % a year is 3.2e-9.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reelbench.capacity.estimate import choose

YEAR_S = 365.25 * 86400.0


def capital_recovery(interest: Any, years: Any) -> Any:
    """Yearly payment over capital: ``i / (1 − (1+i)^−L)``, and 1/L without interest.

    Args:
        interest: i, a year.
        years: L, the life.
    """
    safe = np.maximum(interest, 1e-9)
    return choose(interest < 1e-9, 1 / years, safe / (1 - np.exp(-years * np.log1p(safe))))


def with_interconnect(price: Any, share: Any) -> Any:
    """Price of a device with what connects it, which is ``share`` of the whole."""
    return price / (1 - share)


def owned_per_year(capital: Any, recovery: Any, operations: Any) -> Any:
    """Dollars a year: capital recovered over its life, and operations as a share of capital."""
    return capital * (recovery + operations)


def owned_per_hour(per_year: Any, utilisation: Any, availability: Any, power_cost: Any) -> Any:
    """Dollars for an hour that is used: ``per_year / (8766·U·A)`` and its electricity."""
    return per_year / (8766.0 * utilisation * availability) + power_cost


def break_even_utilisation(owned: Any, rent: Any) -> Any:
    """Utilisation above which owning is cheaper: an owned hour at full use over the rent."""
    return owned / rent


def declined(price: Any, decline: Any, years: Any) -> Any:
    """A price after so many years in which it falls by ``decline`` a year."""
    return price * np.exp(years * np.log1p(-np.minimum(decline, 0.99)))


def book_value(capital: Any, age: Any, life: Any) -> Any:
    """What is left of the capital after ``age`` of ``life``, written off in a straight line."""
    return capital * np.maximum(1 - age / life, 0.0)
