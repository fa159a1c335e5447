"""Where a case's time asks a profiler, and that a profiler's trouble is told and costs no case."""

from __future__ import annotations

import itertools

import pytest

from reelbench.machine import backend
from reelbench.measure import device, protocol
from reelbench.measure.device import DeviceTime
from reelbench.measure.disturbance import Reading


class Call:
    """A call that makes nothing, of a program that cannot be printed."""

    def __init__(self):
        self.made = 0

    @property
    def program(self):
        return self

    def as_text(self):
        raise NotImplementedError("no text of a loaded program")

    def __call__(self):
        self.made += 1


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Rounds are taken once, and nothing disturbs them; the clock is planted, 1 ms a call."""
    ticks = itertools.count(0.0, 0.001)
    monkeypatch.setattr(protocol.clock.time, "perf_counter", lambda: next(ticks))
    monkeypatch.setattr(
        protocol.disturbance, "read_undisturbed", lambda take, time_left_s: Reading(take())
    )
    monkeypatch.setattr(protocol.eviction, "cold_rounds", lambda *_: [0.003])


def timed():
    effort = protocol.Effort(max_time_s=0.01, min_rounds=5)
    return protocol.time_(
        Call(), lambda *_: [0.001] * 5, effort, process="p", order=0, time_left_s=60.0
    )


def test_on_a_cpu_no_profiler_is_asked_and_nothing_is_said(monkeypatch):
    def never(*_, **__):
        raise AssertionError("a profiler was asked")

    monkeypatch.setattr(device, "device_time", never)
    replicate, notes = timed()
    assert replicate.device_s is None
    assert notes == []


def test_calls_with_emptied_caches_stand_beside_the_rounds():
    replicate, _ = timed()
    assert (replicate.rounds_s, replicate.cold_s) == ([0.001] * 5, [0.003])


def test_on_an_accelerator_the_devices_own_time_is_kept(monkeypatch):
    asked = []

    def planted(call, calls, *, program):
        asked.append((call.made > 0, calls, program is call))
        return DeviceTime(0.0007, 0.0)

    monkeypatch.setattr(backend, "is_accelerator", lambda: True)
    monkeypatch.setattr(device, "device_time", planted)
    replicate, notes = timed()
    assert replicate.device_s == 0.0007
    assert notes == []
    ((warm, calls, same),) = asked
    assert warm
    assert same
    assert calls >= 1


def test_a_profiler_that_fails_is_a_note_beside_the_rounds(monkeypatch):
    monkeypatch.setattr(backend, "is_accelerator", lambda: True)
    monkeypatch.setattr(device.jax, "default_backend", lambda: "gpu")
    replicate, notes = timed()
    assert replicate.device_s is None
    assert len(replicate.rounds_s) == 5
    assert notes == [
        "device time unknown: no profiler trace: NotImplementedError: no text of a loaded program"
    ]
