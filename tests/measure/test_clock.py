"""What the timing loop itself costs."""

from types import SimpleNamespace

from reelbench.measure import clock


def test_the_overhead_is_what_our_call_adds_to_a_bare_one(monkeypatch):
    # A planted clock that stands still, but for the two seconds that each of our calls adds.
    planted = SimpleNamespace(now=0.0)
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: planted.now))

    class Slow(clock.Call):
        def __call__(self):
            planted.now += 2.0
            return super().__call__()

    assert clock.overhead_s() == 0.0
    monkeypatch.setattr(clock, "Call", Slow)
    assert clock.overhead_s() == 2.0


def test_rounds_are_of_the_call_alone_and_a_call():
    ticks = iter(range(100))
    calls = []
    times = clock.time_rounds(lambda: calls.append(1), 3, 4, lambda: float(next(ticks)))
    assert times == [0.25] * 3
    assert len(calls) == 12
