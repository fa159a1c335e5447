import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelbench.compare import compare
from reelbench.merge import merge
from reelbench.results.read import ResultFileError, parse
from results import documents as make


def one_run(number, cases, *, created=None, **facts):
    """A run in a process of its own that timed these cases, each with a time of its own."""
    rng = random.Random(number)
    process = f"p{number}"
    records = []
    for place, (preset, pass_) in enumerate(sorted(cases)):
        median = 0.01 * rng.uniform(0.9, 1.1)
        replicate = make.timing(median)["replicates"][0] | {"process": process, "order": place}
        timing = make.timing(median, replicates=[replicate])
        records.append(make.record(median, preset=preset, timing=timing, **{"pass": pass_}))
    every = [(p, w) for p in "abc" for w in ("forward", "train")]
    outcomes = [
        make.outcome(
            "ok" if (p, w) in cases else rng.choice(["over_budget", "would_not_fit"]),
            "" if (p, w) in cases else f"reason {number}",
            preset=p,
            **{"pass": w},
        )
        for p, w in every
    ]
    started = created or f"2026-01-{1 + number % 4:02d}T00:00:00Z"
    block = make.run(
        run_id=f"run-{number}",
        created=started,
        processes=[{"id": process, "started": started}],
        outcomes=outcomes,
        duration_s=0.1 * (number + 1),
    )
    machine = make.machine(load_1m=number / 10, **facts)
    machine["floor_s"] = (5 + number) * 1e-6
    machine["wander"] = 0.01 * number if number % 2 else None
    whole = make.document(on=machine, block=block, benchmarks=[make.benchmark(r) for r in records])
    whole["commit_info"]["id"] = f"{number:040x}"
    return make.encoded(whole)


CASES = st.sets(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["forward", "train"])), max_size=5
)
RUNS = st.lists(CASES, min_size=1, max_size=5).map(
    lambda drawn: [one_run(number, cases) for number, cases in enumerate(drawn)]
)


def merged(*files):
    return merge([(f"file {n}", data) for n, data in enumerate(files)])


@settings(max_examples=60, deadline=None)
@given(RUNS, st.randoms(use_true_random=False))
def test_any_order_and_grouping_gives_the_same_bytes(runs, rng):
    whole = merged(*runs)
    groups = [list(runs)]
    shuffled = rng.sample(runs, len(runs))
    groups.append(shuffled)
    cut = rng.randrange(1, len(runs) + 1)
    left = merged(*shuffled[:cut])
    groups.append([left, *shuffled[cut:]])
    if shuffled[cut:]:
        groups.append([left, merged(*shuffled[cut:])])
        groups.append([merged(*shuffled[cut:]), left])
    for group in groups:
        assert merged(*group) == whole


@settings(max_examples=40, deadline=None)
@given(RUNS)
def test_merging_in_again_changes_nothing(runs):
    whole = merged(*runs)
    assert merged(whole) == whole
    assert merged(whole, whole) == whole
    assert merged(whole, *runs) == whole
    assert merged(runs[-1], whole) == whole


@settings(max_examples=40, deadline=None)
@given(RUNS)
def test_no_round_of_any_process_is_lost_or_doubled(runs):
    def rounds(data):
        return sorted(
            (record.identity.preset, record.identity.pass_, each.process, tuple(each.rounds_s))
            for record in parse(data, "a").records
            for each in record.timing.replicates
        )

    assert rounds(merged(*runs)) == sorted(each for run in runs for each in rounds(run))


def test_a_merged_file_is_a_result_file_of_all_its_runs():
    both = {("a", "forward"), ("b", "train")}
    made = parse(merged(one_run(0, both), one_run(1, both | {("c", "train")})), "merged")
    assert [source.run_id for source in made.reelbench.sources] == ["run-0", "run-1"]
    assert len(made.reelbench.processes) == 2
    by_name = {record.identity.preset: record for record in made.records}
    assert [len(by_name[each].timing.replicates) for each in "abc"] == [2, 2, 1]
    assert "2 processes" in by_name["a"].timing.method
    outcomes = {(c.identity.preset, c.identity.pass_): c.outcome for c in made.reelbench.outcomes}
    assert outcomes["c", "train"] == "ok"
    assert outcomes["c", "forward"] != "ok"


def test_runs_and_their_merged_file_are_the_same_to_a_comparison():
    runs = [one_run(number, {("a", "forward")}) for number in range(3)]
    apart = make.side(*(parse(data, "a") for data in runs))
    together = make.side(parse(merged(*runs), "b"), label="new")
    comparison = compare(apart, together)
    assert comparison.same_run
    (row,) = comparison.ratios
    assert row.ratio == pytest.approx(1)
    assert (row.base.runs, row.new.runs) == (3, 3)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"jaxlib": "0.11"}, "jaxlib"),
        ({"xla_flags": "--xla_x"}, "xla_flags"),
        ({"cpus_usable": 1}, "cpus_usable"),
    ],
)
def test_unlike_runs_are_refused_and_the_field_named(changed, field):
    with pytest.raises(ResultFileError, match=f"file 1: does not belong with file 0: {field}"):
        merged(one_run(0, {("a", "forward")}), one_run(1, {("a", "forward")}, **changed))


def edited(data, change):
    whole = json.loads(data)
    change(whole)
    return make.encoded(whole)


def test_edited_code_of_a_case_is_refused():
    def change(whole):
        whole["benchmarks"][0]["extra_info"]["reelbench"]["version"] = "v-2"

    other = edited(one_run(1, {("a", "forward")}), change)
    with pytest.raises(ResultFileError, match="version of a forward differs"):
        merged(one_run(0, {("a", "forward")}), other)


def test_a_run_that_was_edited_is_refused():
    def slower(whole):
        timing = whole["benchmarks"][0]["extra_info"]["reelbench"]["timing"]
        timing["replicates"][0]["rounds_s"][0] *= 1.0001

    data = one_run(0, {("a", "forward")})
    with pytest.raises(ResultFileError, match="rounds of process 'p0' differ"):
        merged(data, edited(data, slower))

    def longer(whole):
        whole["reelbench"]["duration_s"] += 1

    with pytest.raises(ResultFileError, match="run 'run-0' differs from the same run"):
        merged(data, edited(data, longer))


def test_plain_files_are_refused_with_advice():
    with pytest.raises(ResultFileError, match="of pytest-benchmark alone"):
        merged(make.encoded(make.plain_document()))


def test_fields_of_others_are_kept():
    def add(whole):
        whole["their_own"] = {"x": 1}
        whole["benchmarks"][0]["extra_info"]["theirs"] = "kept"

    data = edited(one_run(0, {("a", "forward")}, created="2025-01-01T00:00:00Z"), add)
    whole = json.loads(merged(data, one_run(1, {("a", "forward")})))
    assert whole["their_own"] == {"x": 1}
    assert whole["benchmarks"][0]["extra_info"]["theirs"] == "kept"
