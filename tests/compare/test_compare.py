import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.compare import compare as compare_sides
from reelbench.compare.means import means
from reelbench.machine.fields import FIELDS
from results import documents as make

MEDIANS = st.floats(1e-6, 1e3)
WIDTHS = st.floats(0, 0.5)


def compare(base, new, **options):
    """A comparison of two runs."""
    return compare_sides(make.side(base), make.side(new, label="new"), **options)


def compared(base, new, **parts):
    """A comparison of lists of records."""
    return compare(make.results(*base), make.results(*new, **parts))


def on(base_facts=None, new_facts=None, new_name="xeon-2c-8g-12ab34cd"):
    return compare(
        make.results(on=make.machine(**(base_facts or {}))),
        make.results(on=make.machine(new_name, **(new_facts or {}))),
    )


# What differs


def test_only_facts_that_differ_are_listed_and_the_others_counted():
    facts = on({}, {"jaxlib": "0.11.0"}).facts
    assert [(row.name, row.base, row.new) for row in facts.rows] == [("jaxlib", "0.10.2", "0.11.0")]
    assert facts.equal == len(make.machine()["facts"]) - 1


def test_stable_facts_come_before_volatile_ones_and_unknown_ones_last():
    facts = on(
        {}, {"load_1m": 3.0, "zzz": 1, "python": "3.13", "cpu_threads": 64, "cgroup_cpus": 2.0}
    ).facts
    assert [row.name for row in facts.rows] == [
        "cpu_threads",
        "cgroup_cpus",
        "python",
        "load_1m",
        "zzz",
    ]
    assert facts.rows[1].base is None


@pytest.mark.parametrize(
    ("base", "new", "differ"), [(1, 1.0, False), (True, 1, True), ("1", 1, True)]
)
def test_facts_are_equal_as_people_see_them(base, new, differ):
    facts = on({"x64": base}, {"x64": new}).facts
    assert bool(facts.rows) == differ


# The mode


@pytest.mark.parametrize(
    ("new_name", "facts", "mode"),
    [
        ("xeon-2c-8g-12ab34cd", {}, "regression"),
        ("xeon-2c-8g-12ab34cd", {"load_1m": 7.0}, "regression"),
        ("xeon-2c-8g-12ab34cd", {"jaxlib": "0.11"}, "software"),
        ("xeon-2c-8g-12ab34cd", {"cpus_usable": 1}, "hardware"),
        ("h100-16c-98765432", {}, "hardware"),
        ("h100-16c-98765432", {"jaxlib": "0.11"}, "hardware"),
    ],
)
def test_the_mode_follows_from_what_differs(new_name, facts, mode):
    assert on({}, facts, new_name).mode == mode


def test_without_machine_facts_the_mode_is_unknown():
    plain = make.document(machine_info={})
    comparison = compare(make.read(plain), make.results())
    assert (comparison.mode, comparison.facts) == ("unknown", None)
    assert len(comparison.ratios) == 2


# Which cases


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"compilation": make.compilation(program_sha256="cd" * 32)}, "program"),
        ({"batch": 2}, "batch"),
        ({"dtype": "bfloat16"}, "dtype"),
        ({"precision": "highest"}, "precision"),
        ({"implementation": "flash"}, "implementation"),
        ({"mesh": "data=8"}, "mesh"),
        ({"version": "v-other"}, "version"),
        ({"outcome": "disturbed"}, "outcome"),
    ],
)
def test_unlike_cases_of_one_name_are_set_apart_with_the_field(change, field):
    comparison = compared([make.record()], [make.record(**change)])
    assert comparison.ratios == ()
    (unlike,) = comparison.matching.unlike
    assert [row.name for row in unlike.fields] == [field]
    assert comparison.matching.missing == ()


def test_another_clock_is_unlike():
    one, other = make.document(), make.document()
    other["benchmarks"][0]["options"] = {"timer": "process_time"}
    comparison = compare(make.read(one), make.read(other))
    assert [[f.name for f in row.fields] for row in comparison.matching.unlike] == [["clock"]]


@pytest.mark.parametrize("fact", ["jaxlib", "xla_flags", "backend", "accelerator_driver"])
def test_another_program_needs_a_reason_which_is_named(fact):
    new = make.record(compilation=make.compilation(program_sha256="cd" * 32))
    changed = make.results(new, on=make.machine(**{fact: "other"}))
    (row,) = compare(make.results(make.record()), changed).ratios
    assert row.program_reason == (FIELDS[fact].label,)
    (same,) = compare(make.results(new), changed).ratios
    assert same.program_reason == ()


def test_another_measuring_protocol_makes_every_case_unlike():
    comparison = compare(make.results(), make.results(block=make.run(protocol=2)))
    assert [[f.name for f in row.fields] for row in comparison.matching.unlike] == [
        ["protocol"]
    ] * 2


def test_all_fields_that_differ_are_named():
    new = make.record(dtype="bfloat16", batch=8, version="v-2")
    (unlike,) = compared([make.record()], [new]).matching.unlike
    assert [(row.name, row.base, row.new) for row in unlike.fields] == [
        ("version", "v-0123", "v-2"),
        ("dtype", "float32", "bfloat16"),
        ("batch", "1", "8"),
    ]


def test_equal_cases_are_matched_before_unlike_ones():
    base = [make.record(dtype="bfloat16"), make.record()]
    new = [make.record(0.005), make.record(batch=8)]
    comparison = compared(base, new)
    assert [row.identity.dtype for row in comparison.ratios] == ["float32"]
    assert len(comparison.matching.unlike) == 1


def test_an_unlike_case_is_set_against_the_most_similar_one():
    base = [make.record(dtype="bfloat16", batch=8)]
    new = [make.record(dtype="float32", batch=4), make.record(dtype="bfloat16", batch=4)]
    matching = compared(base, new).matching
    assert [[f.name for f in row.fields] for row in matching.unlike] == [["batch"]]
    assert [row.identity.dtype for row in matching.missing] == ["float32"]


def test_another_preset_or_pass_is_missing_not_unlike():
    matching = compared([make.record()], [make.record(**{"pass": "train"})]).matching
    assert [(row.identity.pass_, row.absent_from) for row in matching.missing] == [
        ("forward", "new"),
        ("train", "base"),
    ]


def test_a_missing_case_says_what_became_of_it():
    block = make.run(outcomes=[make.outcome("would_not_fit", "needs 9 GiB", preset="big")])
    comparison = compared([make.record(preset="big")], [make.record()], block=block)
    reasons = {row.identity.preset: row.reason for row in comparison.matching.missing}
    assert reasons == {"big": "would not fit: needs 9 GiB", "r3d-layer1": "not in the file"}


def test_cases_that_no_run_measured_are_counted():
    block = make.run(outcomes=[make.outcome(preset="big")])
    assert compared([make.record()], [make.record()], block=block).matching.neither == 1


def test_tests_of_equal_identity_are_paired_by_their_code():
    def twice(first, second):
        cases = [make.record(first[1], version=first[0]), make.record(second[1], version=second[0])]
        return make.document(
            benchmarks=[make.benchmark(c, f"test_{n}") for n, c in enumerate(cases)]
        )

    base = make.read(twice(("v1", 0.01), ("v2", 0.5)))
    new = make.read(twice(("v2", 0.5), ("v1", 0.01)))
    assert [row.ratio for row in compare(base, new).ratios] == [1.0, 1.0]


CASES = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["float32", "bfloat16"]),
        st.sampled_from([1, 8]),
        st.sampled_from(["v1", "v2"]),
    ),
    max_size=6,
)


@given(CASES, CASES)
def test_every_case_ends_in_exactly_one_list(base, new):
    def results(cases):
        records = [
            make.record(preset=preset, dtype=dtype, batch=batch, version=version)
            for preset, dtype, batch, version in cases
        ]
        named = [make.benchmark(r, f"test_{n}") for n, r in enumerate(records)]
        return make.read(make.document(benchmarks=named))

    matching = compare(results(base), results(new)).matching
    pairs = len(matching.alike) + len(matching.unlike)
    gone = [row.absent_from for row in matching.missing]
    assert pairs + gone.count("new") == len(base)
    assert pairs + gone.count("base") == len(new)


# Ratios


def ratio(base, new):
    """Between machines, where intervals are of 95 %."""
    (row,) = compared([base], [new], on=make.machine("other")).ratios
    return row


def timed(median_s, half_width):
    timing = make.timing(median_s, half_width)
    return make.record(median_s, timing=timing)


def test_twice_as_fast_is_a_ratio_of_two():
    row = ratio(timed(0.010, 0.03), timed(0.005, 0.04))
    assert row.ratio == pytest.approx(2)
    assert row.low == pytest.approx(2 * (1 - 0.05), rel=2e-3)
    assert row.high == pytest.approx(2 * (1 + 0.05), rel=4e-3)


@given(MEDIANS, WIDTHS, MEDIANS, WIDTHS)
def test_the_interval_holds_the_ratio_and_turns_with_the_runs(base, base_width, new, new_width):
    one, other = timed(base, base_width), timed(new, new_width)
    there, back = ratio(one, other), ratio(other, one)
    assert there.low <= there.ratio <= there.high
    assert back.ratio == pytest.approx(1 / there.ratio)
    assert back.low == pytest.approx(1 / there.high)
    assert back.high == pytest.approx(1 / there.low)


@given(MEDIANS, WIDTHS, WIDTHS)
def test_the_interval_is_wider_than_either_run_and_narrower_than_both(median, one, other):
    row = ratio(timed(median, one), timed(median, other))
    downs = -math.log(1 - one), math.log(1 + other)
    assert max(downs) - 1e-9 <= -math.log(row.low) <= sum(downs) + 1e-9


def test_the_lower_confidence_counts():
    new = make.record(timing=make.timing(confidence=0.5))
    assert ratio(make.record(), new).confidence == 0.5


def test_half_and_twice_as_fast_cancel():
    base = [make.record(preset=name) for name in "ab"]
    new = [make.record(0.005, preset="a"), make.record(0.020, preset="b")]
    assert compared(base, new).mean.ratio == pytest.approx(1)
    assert means([]) == (None, [])


def test_the_largest_change_comes_first_in_either_direction():
    base = [make.record(preset=name) for name in "abc"]
    new = [
        make.record(t, preset=name) for name, t in zip("abc", (0.009, 0.05, 0.0033), strict=True)
    ]
    assert [row.identity.preset for row in compared(base, new).ratios] == ["b", "c", "a"]


def test_families_and_their_weights_are_shown_and_weigh_as_asked():
    names = [("convolution", 0.010), ("convolution", 0.010), ("convolution", 0.010), ("dit", 0.005)]
    base = [make.record(preset=f"p{n}", family=f) for n, (f, _) in enumerate(names)]
    new = [make.record(t, preset=f"p{n}", family=f) for n, (f, t) in enumerate(names)]
    by_case, by_family = (
        compare(make.results(*base), make.results(*new), weighting=each)
        for each in ("case", "family")
    )
    assert [(each.name, each.cases) for each in by_case.families] == [
        ("convolution", 3),
        ("dit", 1),
    ]
    assert [each.weight for each in by_case.families] == [0.75, 0.25]
    assert [each.weight for each in by_family.families] == [0.5, 0.5]
    assert by_case.mean.ratio == pytest.approx(2**0.25)
    assert by_family.mean.ratio == pytest.approx(2**0.5)


def test_the_interval_of_a_mean_supposes_that_all_cases_err_together():
    base = [make.record(preset=name) for name in "abcd"]
    comparison = compared(base, base)
    (row, *_) = comparison.ratios
    assert comparison.mean.low == pytest.approx(row.usual[0])
    assert comparison.mean.high == pytest.approx(row.usual[1])


def test_shares_are_each_machines_own():
    row = ratio(
        make.record(rates=make.rates(roofline_share=0.5)),
        make.record(rates=make.rates(roofline_share=None)),
    )
    assert (row.base.share, row.new.share) == (0.5, None)


def test_the_fewest_processes_of_a_case_are_known():
    replicates = make.timing()["replicates"]
    two = [replicates[0], replicates[0] | {"process": "p1"}]
    both = make.record(timing=make.timing(replicates=two))
    assert compared([both], [both]).processes == 2
    assert compared([both], [make.record()]).processes == 1


def test_a_run_compared_with_itself_is_recognised():
    assert compare(make.results(), make.results()).same_run
    assert not compare(make.results(), make.results(block=make.run(run_id="b"))).same_run


def test_benchmarks_of_others_are_counted():
    other = make.read(make.plain_document())
    comparison = compare(other, make.results())
    assert (comparison.base.foreign, comparison.new.foreign) == (1, 0)
    assert comparison.mean is None
    assert len(comparison.matching.missing) == 3
