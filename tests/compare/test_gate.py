import pytest

from reelbench.compare import compare
from reelbench.compare.gate import State, gate
from results import documents as make

SAME = (0.0100, 0.0101, 0.0099, 0.01005, 0.00995)
SLOWER = tuple(1.2 * each for each in SAME)
FORWARD, TRAIN = {"pass": "forward"}, {"pass": "train"}


def gated(base, new, allowed=(), **parts):
    sides = (
        make.side(make.results(*base)),
        make.side(make.results(*new, **parts), label="new"),
    )
    return gate(compare(*sides), 0.05, allowed)


def test_alike_passes_without_a_word():
    found = gated([make.processes(*SAME)], [make.processes(*SAME)])
    assert (found.state, found.lines) == (State.PASSED, ())


def test_slower_fails_and_says_by_how_much():
    found = gated([make.processes(*SAME)], [make.processes(*SLOWER)])
    assert found.state is State.FAILED
    assert found.lines[1] == "r3d-layer1 forward: slower by +20.0 %"


def test_faster_passes():
    assert gated([make.processes(*SLOWER)], [make.processes(*SAME)]).state is State.PASSED


def test_what_may_be_slower_keeps_it_open():
    wide = (0.008, 0.012, 0.009, 0.011, 0.010)
    found = gated([make.processes(*wide)], [make.processes(*wide)])
    assert found.state is State.OPEN
    assert "may be slower by up to" in found.lines[1]


@pytest.mark.parametrize(
    ("allowed", "state"),
    [((), State.FAILED), (("r3d-layer1",), State.PASSED), (("r3d-layer1/train",), State.PASSED),
     (("r3d-layer1/forward",), State.FAILED), (("r3d",), State.FAILED)],
)  # fmt: skip
def test_a_missing_case_fails_unless_it_is_allowed_by_name(allowed, state):
    base = [make.processes(*SAME), make.processes(*SAME, **TRAIN)]
    found = gated(base, [make.processes(*SAME)], allowed)
    assert found.state is state
    if state is State.FAILED:
        assert "r3d-layer1 train: missing from new (not in the file)" in found.lines


def test_a_new_case_does_not_matter():
    new = [make.processes(*SAME), make.processes(*SAME, **TRAIN)]
    assert gated([make.processes(*SAME)], new).state is State.PASSED


def test_edited_code_leaves_it_open_and_names_the_field():
    found = gated([make.processes(*SAME)], [make.processes(*SAME, version="v-2")])
    assert found.state is State.OPEN
    assert found.lines[1] == "r3d-layer1 forward: unlike, differs in version"


def test_one_process_decides_nothing():
    found = gated([make.record(0.01)], [make.record(0.001)])
    assert found.state is State.OPEN
    assert "not decided (one process shows" in found.lines[1]


def test_other_machines_decide_nothing():
    found = gated([make.processes(*SAME)], [make.processes(*SAME)], on=make.machine("other"))
    assert found.state is State.OPEN
    assert "a gate needs runs of one machine" in found.lines[1]


def test_nothing_compared_is_not_a_pass():
    found = gated([make.record(preset="a")], [make.record(preset="b")], ("a",))
    assert found.state is State.OPEN


def test_a_failure_decides_over_what_is_open_and_stands_first():
    base = [make.processes(*SAME), make.processes(*SAME, **TRAIN)]
    new = [make.processes(*SAME, version="v-2"), make.processes(*SLOWER, **TRAIN)]
    found = gated(base, new)
    assert found.state is State.FAILED
    assert "slower" in found.lines[1]
    assert "unlike" in found.lines[2]
