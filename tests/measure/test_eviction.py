"""Calls after the caches were emptied: how many there are, when there are none, what they find."""

from __future__ import annotations

import itertools

import pytest

from reelbench.machine import backend, facts, shared_caches
from reelbench.measure import eviction

EMPTYING_S = 0.002


@pytest.fixture
def happened(monkeypatch):
    """What happens in order; the clock is planted, 1 ms a reading; emptying takes 2 ms."""
    done = []

    class Evictor:
        seconds = EMPTYING_S

        def evict(self):
            done.append("emptied")

    ticks = itertools.count(0.0, 0.001)
    monkeypatch.setattr(eviction, "_evictor", Evictor)
    monkeypatch.setattr(eviction.time, "perf_counter", lambda: next(ticks))
    return done


def test_every_call_comes_right_after_the_caches_were_emptied(happened):
    times = eviction.cold_rounds(lambda: happened.append("called"), 0.001, 60.0)
    assert happened == ["emptied", "called"] * eviction.ROUNDS
    assert times == pytest.approx([0.001] * eviction.ROUNDS)


@pytest.mark.parametrize(
    ("seconds", "left_s"),
    [
        pytest.param(100 * EMPTYING_S, 60.0, id="a long call"),
        pytest.param(0.01, 0.05, id="no time"),
        pytest.param(0.01, -1.0, id="time is over"),
    ],
)
def test_none_is_made_where_it_would_not_show_or_take_too_long(happened, seconds, left_s):
    assert eviction.cold_rounds(lambda: happened.append("called"), seconds, left_s) == []
    assert happened == []


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param({"cpu_l2_bytes": 2**20, "cpu_l3_bytes": 2**25, "cpus_usable": 4},
                     2 * 2**25 + 4 * 2**20, id="all cores' and the shared ones"),
        pytest.param({"cpu_l2_bytes": 2**22, "cpus_usable": 8}, 2**25, id="no shared cache"),
        pytest.param({"cpu_l2_bytes": 2**20, "cpu_l3_bytes": 2**32, "cpus_usable": 2}, 2**28,
                     id="a host's caches altogether"),
        pytest.param({}, 2**26, id="nothing known"),
    ],
)  # fmt: skip
def test_what_is_to_be_emptied_follows_from_the_caches(monkeypatch, known, expected):
    monkeypatch.setattr(backend, "is_accelerator", lambda: False)
    monkeypatch.setattr(facts, "collect", lambda: known)
    monkeypatch.setattr(shared_caches, "instances", lambda level: {3: 2}[level])
    assert eviction._cache_bytes() == expected


def test_emptying_passes_over_twice_the_caches_and_can_be_repeated():
    evictor = eviction._evictor()
    before = evictor.held
    evictor.evict()
    evictor.evict()
    assert evictor.held.nbytes == 2 * eviction._cache_bytes()
    assert evictor.seconds > 0
    assert before.is_deleted(), "memory would grow with every call"


def test_an_empty_call_has_a_time_then_too():
    assert eviction.cold_empty_call_s() > 0
