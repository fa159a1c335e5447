"""Power, energy and money of a plan, from what its scenario says of them."""

from __future__ import annotations

from dataclasses import replace

from reelbench.capacity import energy, money
from reelbench.capacity.estimate import Estimate, constant
from reelbench.capacity.outcome import Plan, PlanError
from reelbench.capacity.quantities import dimension_of
from reelbench.capacity.scenario import Scenario

_SECOND = dimension_of("s")
_HOUR = constant(3600.0, _SECOND)
_YEAR = constant(money.YEAR_S, _SECOND)


def device_power(scenario: Scenario[Estimate]) -> Estimate | None:
    """Watts that a device draws: as measured, else by its thermal design power and load."""
    if scenario.power.measured is not None:
        return scenario.power.measured
    if scenario.device.power is None or scenario.power.load is None:
        return None
    result: Estimate = energy.device_power(scenario.device.power, scenario.power.load)
    return result


def powers_of(scenario: Scenario[Estimate], device: Estimate) -> dict[str, Estimate]:
    """Watts of a device at each boundary."""
    server = energy.server_power(device, scenario.device.server_power)
    return {
        "device": device,
        "server": server,
        "facility": energy.facility_power(server, scenario.power.pue),
    }


def priced(plan_: Plan, scenario: Scenario[Estimate], powers: dict[str, Estimate] | None) -> Plan:
    """The plan with what it costs, owned and rented, where there are prices."""
    given = scenario.money
    years = constant(0.0) if given.years_ahead is None else given.years_ahead / _YEAR
    cheaper = constant(1.0)
    if given.years_ahead is not None and given.price_decline is not None:
        cheaper = money.declined(1.0, given.price_decline * _YEAR, years)
    rent_rate = own_rate = full = rent = own = capital = left = break_even = None
    if scenario.device.rent is not None:
        rent_rate = scenario.device.rent * cheaper
        if given.discount is not None:
            rent_rate = rent_rate * (1 - given.discount)
        rent = rent_rate * plan_.device_time
    if scenario.device.price is not None and powers is not None:
        price = money.with_interconnect(scenario.device.price * cheaper, given.interconnect)
        full = _owned_rate(scenario, price, powers, used=False)
        own_rate = _owned_rate(scenario, price, powers, used=True)
        own = own_rate * plan_.device_time
        capital = price * plan_.devices
        left = money.book_value(capital, plan_.time, given.life)
        if rent_rate is not None:
            break_even = money.break_even_utilisation(full, rent_rate)
    cost = {"rent": rent, "own": own, None: rent if rent is not None else own}[given.mode]
    if given.mode is not None and cost is None:
        missing = "device.rent" if given.mode == "rent" else "device.price"
        raise PlanError(f"field `{missing}`: is missing; money.mode is {given.mode}")
    return replace(
        plan_,
        cost=cost,
        rent_rate=rent_rate,
        own_rate=own_rate,
        own_full_rate=full,
        rent=rent,
        own=own,
        capital=capital,
        book_value=left,
        break_even=break_even,
    )


def _owned_rate(
    scenario: Scenario[Estimate], price: Estimate, powers: dict[str, Estimate], *, used: bool
) -> Estimate:
    """Dollars a second of an owned device, at its utilisation or at full use."""
    given = scenario.money
    interest = given.interest * _YEAR
    operations = constant(0.0) if given.operations is None else given.operations * _YEAR
    recovery = money.capital_recovery(interest, given.life / _YEAR)
    per_year = money.owned_per_year(price, recovery, operations)
    if given.facility is not None and given.facility_life is not None:
        # A site is built for what servers draw at most, where that is known.
        most = scenario.device.power
        server = powers["server"] if most is None else most * scenario.device.server_power
        site = given.facility * server
        per_year = per_year + site * money.capital_recovery(interest, given.facility_life / _YEAR)
    electricity = powers["facility"] * given.electricity * _HOUR
    share = (given.utilisation, given.availability) if used else (constant(1.0), constant(1.0))
    result: Estimate = money.owned_per_hour(per_year, *share, electricity) / _HOUR
    return result
