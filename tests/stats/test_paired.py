import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.stats.paired import block_ratio, pair_ratio

seconds = st.floats(1e-6, 10.0)
two = st.tuples(seconds, seconds)


@given(two, two)
def test_swapping_the_sides_changes_the_sign(a_s, b_s):
    assert block_ratio(a_s, b_s) == pytest.approx(-block_ratio(b_s, a_s))


@given(two, two, st.floats(0.01, 100.0))
def test_a_machine_twice_as_fast_changes_nothing(a_s, b_s, factor):
    scaled = block_ratio([factor * t for t in a_s], [factor * t for t in b_s])
    assert scaled == pytest.approx(block_ratio(a_s, b_s), abs=1e-9)


@given(st.lists(st.integers(0, 1), min_size=7, max_size=7), st.floats(1.0, 50.0))
def test_slow_slots_on_either_side_do_not_make_a_difference(places, factor):
    """One disturbed slot a block, of either side, leaves two per cent where they were."""
    blocks = [
        ((1.0, factor if place else 1.0), (1.02, 1.02 if place else 1.02 * factor))
        for place in places
    ]
    assert pair_ratio(blocks) == pytest.approx(math.log(1.02))


def test_no_blocks_are_refused():
    with pytest.raises(ValueError, match="one block"):
        pair_ratio([])
