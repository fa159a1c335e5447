"""What a run says of its machine fits the width of its tables."""

from hypothesis import given
from hypothesis import strategies as st

from reelbench.plugin.progress import _folded

PARTS = st.lists(st.text("abc 12", min_size=1, max_size=60).map(str.strip).filter(bool), min_size=1)


@given(PARTS)
def test_parts_are_said_whole_and_in_order_in_lines_of_a_table(parts):
    lines = _folded("ceilings  ", parts)
    assert all(len(line) <= 100 for line in lines)
    assert all(line.startswith(" " * 10) for line in lines[1:])
    assert " ".join(line[10:] for line in lines) == ", ".join(parts)
