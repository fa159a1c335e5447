import pytest

from reelbench.compare import compare
from results import documents as make


def sides(base, new):
    other = make.machine("other")
    return make.side(make.results(*base)), make.side(make.results(*new, on=other), label="new")


def ways(**times):
    return [
        make.record(
            seconds,
            implementation=name,
            compilation=make.compilation(program_sha256=name[0] * 64),
        )
        for name, seconds in times.items()
    ]


def test_the_best_of_each_side_is_compared_beside_the_same_on_both():
    comparison = compare(
        *sides(ways(reference=0.10, taps=0.02), ways(reference=0.05, blocked=0.04))
    )
    (row,) = comparison.best
    assert (row.base.implementation, row.new.implementation) == ("taps", "blocked")
    assert row.ratio == pytest.approx(0.5)
    assert row.verdict is None
    assert [each.identity.implementation for each in comparison.ratios] == ["reference"]


def test_one_implementation_on_both_sides_has_no_best():
    assert compare(*sides(ways(reference=0.1), ways(reference=0.2))).best == ()


def test_other_work_is_no_other_implementation():
    edited = [make.record(implementation="taps", version="v-2")]
    assert compare(*sides(ways(reference=0.1), edited)).best == ()


def test_disturbed_readings_are_no_ones_best():
    marked = [make.record(0.001, implementation="taps", outcome="disturbed")]
    assert compare(*sides([*ways(reference=0.1), *marked], ways(reference=0.1))).best == ()
