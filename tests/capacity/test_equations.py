"""Each equation against a case worked out by hand or a law it must obey."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.capacity import demand, energy, feed, goodput, money, step

DAY, HOUR = 86400.0, 3600.0
positive = st.floats(1e-3, 1e3)


def test_ring_and_tree_all_reduce():
    # 8 devices, 1 GB, 10 GB/s, 5 µs: 14·5 µs + 2·7/8·0.1 s; 6·5 µs + 0.2 s.
    assert step.ring_all_reduce(1e9, 8, 1e10, 5e-6) == pytest.approx(0.17507)
    assert step.tree_all_reduce(1e9, 8, 1e10, 5e-6) == pytest.approx(0.20003)
    assert step.ring_all_reduce(1e9, 1, 1e10, 5e-6) == 0
    assert step.tree_all_reduce(1e9, 1, 1e10, 5e-6) == 0


@given(positive, positive, st.floats(0, 1))
def test_overlap_hides_what_it_can_and_never_more_than_there_is(compute, communication, overlap):
    time = step.overlapped(compute, communication, overlap)
    assert max(compute, communication) <= time * (1 + 1e-12)
    assert time <= (compute + communication) * (1 + 1e-12)


def test_pipeline_and_stragglers():
    assert step.pipeline_factor(8, 4) == pytest.approx(11 / 8)
    assert step.pipeline_factor(8, 1) == 1
    assert step.straggler_factor(0.02, 1) == 1
    # The bound is above the true expected maximum of n normal draws, by little for many.
    draws = np.random.default_rng(0).standard_normal((4000, 512)).max(axis=1).mean()
    assert draws <= (step.straggler_factor(1.0, 512) - 1) <= 1.2 * draws


def test_memory_of_a_device():
    assert step.memory_per_device(1e9, 16, 4, 1, 8e9) == pytest.approx(6e9)
    assert step.memory_per_device(1e9, 16, 1, 8, 0) == pytest.approx(2e9)


def test_transformer_flops_with_attention():
    assert demand.transformer_flops_per_token(1e9) == 6e9
    assert demand.transformer_flops_per_token(1e9, 10, 1000, 100) == 6e9 + 12e6


def test_fleet():
    assert demand.fleet_frames(1000, 8, 36, 1 / 24) == pytest.approx(12_000)
    assert demand.fleet_bytes(1000, 8, 625e3, 1 / 24) == pytest.approx(8000 * 625e3 / 24)


def test_feeds():
    assert feed.storage_rate(1.6e12, 1.5e9) == pytest.approx(1066.67, rel=1e-4)
    assert feed.decode_rate(96, 300, 16, 4) == pytest.approx(450)
    assert feed.host_link_rate(25e9, 10e6, 8) == pytest.approx(20_000)
    assert feed.epoch_floor(1.5e15, 1.6e12) == pytest.approx(937.5)


def test_metas_goodput_and_time_to_failure():
    rate = goodput.failure_rate(2048, 6.5 / 1000 / DAY)
    assert goodput.mean_time_to_failure(rate) == pytest.approx(1.8 * HOUR, rel=0.03)
    assert goodput.effective_share(rate, 300, 300, 0) == pytest.approx(0.93, rel=0.03)
    assert goodput.first_order_share(rate, 300, 300) == pytest.approx(0.93, rel=0.03)


@given(st.floats(1e-9, 1e-6), st.floats(1, 1000), st.floats(10, 1e4), st.floats(0.01, 5))
def test_the_share_agrees_to_first_order(rate, restart, interval, checkpoint):
    exact = goodput.effective_share(rate, restart, interval, checkpoint)
    first = goodput.first_order_share(rate, restart, interval, checkpoint)
    lost = rate * (restart + interval + checkpoint) + checkpoint / interval
    assert abs(exact - first) <= 2 * lost**2 + 1e-9


@given(st.floats(0, 1), st.floats(0, 1e5), st.floats(1, 1e6), st.floats(0, 1e4))
def test_the_share_is_a_share(rate, restart, interval, checkpoint):
    assert 0 <= goodput.effective_share(rate, restart, interval, checkpoint) <= 1


def test_a_simulated_job_makes_the_progress_that_is_predicted():
    random = np.random.default_rng(3)
    rate, restart, interval, checkpoint = 1 / 4000.0, 300.0, 900.0, 30.0
    clock = progress = 0.0
    for _ in range(20_000):
        failure = random.exponential(1 / rate)
        if failure < interval + checkpoint:
            clock += failure + restart
        else:
            clock += interval + checkpoint
            progress += interval
    predicted = goodput.effective_share(rate, restart, interval, checkpoint)
    assert progress / clock == pytest.approx(predicted, rel=0.02)


@pytest.mark.parametrize(("checkpoint", "mttf"), [(10, 36_000), (60, 7200), (300, 3600)])
def test_dalys_interval_is_the_best_one(checkpoint, mttf):
    best = goodput.daly_interval(checkpoint, mttf)
    tries = np.geomspace(best / 10, best * 10, 2001)
    shares = goodput.effective_share(1 / mttf, 0.0, tries, checkpoint)
    at_best = goodput.effective_share(1 / mttf, 0.0, best, checkpoint)
    assert at_best >= shares.max() * (1 - 1e-3)
    assert goodput.young_interval(checkpoint, mttf) >= best
    assert goodput.daly_interval(3 * mttf, mttf) == mttf


def test_correlated_failures_grow_faster_than_the_job():
    one, many = (goodput.failure_rate(n, 1e-7, 1.5) for n in (10, 1000))
    assert many / one == pytest.approx(1000)
    assert goodput.failure_rate(10, 1e-7, 0.0) == goodput.failure_rate(1000, 1e-7, 0.0)


def test_an_owned_h100_costs_what_the_worked_example_says():
    recovery = money.capital_recovery(0.10, 5)
    assert recovery == pytest.approx(0.26380, rel=1e-4)
    capital = money.with_interconnect(31_900, 0.19)
    power = energy.facility_power(energy.server_power(energy.device_power(700, 0.75), 1.82), 1.10)
    per_year = money.owned_per_year(capital, recovery, 0)
    hour = money.owned_per_hour(per_year, 1, 1, power / 1000 * 0.0826)
    assert hour == pytest.approx(1.28, rel=0.02)
    assert money.break_even_utilisation(hour, 2.95) == pytest.approx(0.43, rel=0.02)


@given(st.floats(0, 0.5), st.floats(1, 30))
def test_capital_recovered_is_worth_the_capital(interest, years):
    years = round(years)
    payments = money.capital_recovery(interest, years) / (1 + interest) ** np.arange(1, years + 1)
    assert payments.sum() == pytest.approx(1, rel=1e-5)


def test_prices_decline_and_capital_is_written_off():
    assert money.declined(100, 0.2, 2) == pytest.approx(64)
    assert money.declined(100, 0.0, 2) == pytest.approx(100)
    assert money.book_value(100, 2, 5) == pytest.approx(60)
    assert money.book_value(100, 9, 5) == 0


def test_stable_video_diffusions_energy_at_the_devices():
    watts = energy.device_power(400, 0.75)
    assert 200_000 * watts / 1000 == pytest.approx(64_000, rel=0.10)
    assert energy.devices_within(1e6, 1274) == pytest.approx(784.9, rel=1e-3)
