"""Disturbed readings are taken again while time allows, and never pass for quiet ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.measure import disturbance
from reelbench.measure.disturbance import read_undisturbed
from reelbench.results.schema import Health


class Stage:
    """A clock, and readings that are what a test says: (median of the rounds, others' share)."""

    def __init__(self, patch, readings, took_s=1.0):
        self.now, self.taken, self.left, self.took_s = 100.0, 0, list(readings), took_s
        patch.setattr(disturbance.time, "monotonic", lambda: self.now)
        patch.setattr(disturbance.time, "sleep", self.pass_)
        patch.setattr(disturbance, "Watch", lambda **_: self)

    def pass_(self, seconds):
        self.now += seconds

    def take(self):
        self.pass_(self.took_s)
        self.taken += 1
        self.median, self.share = self.left.pop(0)
        return [self.median * 0.9, self.median, self.median * 1.1]

    def end(self):
        return Health(seconds=self.took_s, others_share=self.share)


def test_a_quiet_reading_is_taken_once_and_kept(monkeypatch):
    stage = Stage(monkeypatch, [(2.0, 0.01)])
    reading = read_undisturbed(stage.take, 1000)
    assert reading.rounds_s == [1.8, 2.0, 2.2]
    assert (reading.disturbed, reading.retries, stage.taken) == ([], 0, 1)
    assert reading.health.others_share == 0.01


def test_a_disturbed_reading_is_replaced_by_a_quiet_one_even_a_slower_one(monkeypatch):
    stage = Stage(monkeypatch, [(2.0, 0.5), (3.0, 0.0)])
    reading = read_undisturbed(stage.take, 1000)
    assert reading.rounds_s[1] == 3.0
    assert (reading.disturbed, reading.retries) == ([], 1)
    assert reading.health.others_share == 0.0


def test_of_readings_all_disturbed_the_fastest_stays_with_its_own_marks(monkeypatch):
    stage = Stage(monkeypatch, [(3.0, 0.9), (2.0, 0.3), (4.0, 0.7)])
    reading = read_undisturbed(stage.take, 1000)
    assert reading.rounds_s[1] == 2.0
    assert reading.disturbed == ["others' CPU: 30 %"]
    assert reading.health.others_share == 0.3
    assert (reading.retries, stage.taken) == (2, 3)


def test_there_is_a_pause_before_the_next_reading(monkeypatch):
    stage = Stage(monkeypatch, [(1.0, 0.5)] * 3)
    read_undisturbed(stage.take, 1000)
    assert stage.now > 100 + 3 * stage.took_s


@pytest.mark.parametrize(("time_left_s", "taken"), [(-5.0, 1), (1.0, 1), (2.1, 1), (2.3, 2)])
def test_without_time_for_another_reading_the_disturbed_one_stays(monkeypatch, time_left_s, taken):
    stage = Stage(monkeypatch, [(1.0, 0.5)] * 3)
    reading = read_undisturbed(stage.take, time_left_s)
    assert stage.taken == taken
    assert reading.retries == taken - 1
    assert reading.disturbed == ["others' CPU: 50 %"]


readings = st.tuples(st.floats(1e-6, 1e3), st.sampled_from([0.0, 0.05, 0.5, 0.9]))


@given(
    st.lists(readings, min_size=3, max_size=3),
    st.floats(0, 20),
    st.floats(0.01, 10),
)
def test_no_reading_is_dropped_silently_nor_time_overdrawn(each, time_left_s, took_s):
    with pytest.MonkeyPatch.context() as patch:
        stage = Stage(patch, each, took_s)
        reading = read_undisturbed(stage.take, time_left_s)
        assert reading.retries == stage.taken - 1
        assert bool(reading.disturbed) == (reading.health.others_share >= 0.5)
        assert reading.rounds_s[1] in [median for median, _ in each[: stage.taken]]
        assert stage.taken == 1 or stage.now - 100 <= time_left_s + 1e-6


def test_what_the_reading_raises_is_not_taken_again(monkeypatch):
    stage = Stage(monkeypatch, [])

    def fails():
        stage.taken += 1
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        read_undisturbed(fails, 1000)
    assert stage.taken == 1


def test_real_readings_on_this_machine_have_their_health():
    reading = read_undisturbed(lambda: [1e-3, 2e-3], 0)
    assert reading.health.seconds >= 0
    assert reading.rounds_s == [1e-3, 2e-3]


def test_rounds_on_a_cpu_are_not_disturbed_by_work_on_a_gpu_beside_it(monkeypatch):
    asked = {}

    class Recorder:
        def __init__(self, **options):
            asked.update(options)

        def end(self):
            return Health(seconds=1.0)

    monkeypatch.setattr(disturbance, "Watch", Recorder)
    for accelerator in (False, True):
        monkeypatch.setattr(disturbance.backend, "is_accelerator", lambda: accelerator)  # noqa: B023
        read_undisturbed(lambda: [1.0], 0)
        assert asked == {"gpus": accelerator}
