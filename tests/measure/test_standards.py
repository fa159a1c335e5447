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


def test_every_call_is_waited_for(monkeypatch):
    waited = []
    monkeypatch.setattr(jax, "block_until_ready", lambda x: waited.append(x) or x)
    Standards().read(0.0)
    # A call to warm up and a round of each, however short the time.
    assert len(waited) == 2 * (1 + 1)


def test_where_no_room_is_left_there_is_no_reading(monkeypatch):
    made = Standards()

    def fail(*_):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(standards, "_reading", fail)
    assert made.read(0.01) == {}


def test_a_mistake_of_ours_is_not_hidden(monkeypatch):
    made = Standards()
    monkeypatch.setattr(standards, "_reading", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        made.read(0.01)
