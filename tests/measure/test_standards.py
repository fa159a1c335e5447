"""Check standards can be read whatever a case has left of the memory."""

import jax
import pytest

from reelbench.measure import standards
from reelbench.measure.standards import Standards


def test_a_reading_is_the_time_of_a_call_within_its_interval():
    found = Standards().read(0.02)
    assert set(found) == {"matmul", "memory"}
    for each in found.values():
        assert 0 < each.low_s <= each.median_s <= each.high_s


def test_a_short_reading_is_warmed_up_as_long_as_a_long_one(monkeypatch):
    within = []
    monkeypatch.setattr(
        standards, "rounds_within", lambda call, seconds: within.append(seconds) or [1e-3] * 9
    )
    made = Standards()
    made.read(0.02)
    assert within == pytest.approx([0.05, 0.05, 0.01, 0.01])
    within.clear()
    made.read(0.2)
    assert within == pytest.approx([0.05, 0.05, 0.1, 0.1])


def test_every_call_is_waited_for(monkeypatch):
    waited = []
    monkeypatch.setattr(jax, "block_until_ready", lambda x: waited.append(x) or x)
    monkeypatch.setattr(standards, "_WARM_S", 0.0)
    Standards().read(0.0)
    # A call to warm up and a round of each, however short the time.
    assert len(waited) == 2 * (1 + 1)


@pytest.mark.parametrize("place", ["_reading", "_compiled"])
def test_where_no_room_is_left_there_is_no_reading(monkeypatch, place):
    def fail(*_):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    made = Standards()
    with monkeypatch.context() as patch:
        patch.setattr(standards, place, fail)
        assert made.read(0.01) == {}
    # Once there is room again, there is.
    assert set(made.read(0.01)) == {"matmul", "memory"}


@pytest.mark.parametrize("place", ["_reading", "_compiled"])
def test_a_mistake_of_ours_is_not_hidden(monkeypatch, place):
    monkeypatch.setattr(standards, place, lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Standards().read(0.01)
