import json

from reelbench.report.layers import layer_table, outcome_table
from reelbench.report.tables import render
from results import documents as make


def shown(*records, outcomes=(), width=100):
    results = make.results(*records, block=make.run(outcomes=list(outcomes)))
    table = layer_table(results.records, results.reelbench.outcomes)
    return render([table], "table", width=width).splitlines()


def test_a_case_shows_time_interval_rate_and_share_of_its_ceiling():
    lines = shown(make.record())
    assert lines[0].split() == [
        "layer",
        "pass",
        "median",
        "±",
        "clips/s",
        "rate",
        "share",
        "of",
        "ceiling",
    ]
    assert lines[2].split() == (
        [
            "r3d-layer1",
            "forward",
            "10.0",
            "ms",
            "2.0",
            "%",
            "100",
            "22.0",
            "GFLOP/s",
            "50",
            "%",
            "compute",
        ]
    )


def test_a_case_that_memory_limits_shows_bytes():
    (line,) = shown(make.record(rates=make.rates(bound="memory")))[2:]
    assert "2.60 GB/s" in line
    assert line.endswith("memory")


def test_a_case_without_a_ceiling_shows_that_none_is_known():
    (line,) = shown(make.record(rates=make.rates(roofline_share=None, bound=None)))[2:]
    assert line.split()[-2:] == ["–", "–"]


def test_usual_properties_are_not_named():
    assert shown(make.record())[2].startswith("r3d-layer1  forward")


def test_unusual_properties_are_named():
    (line,) = shown(make.record(dtype="bfloat16", batch=8, implementation="xla"))[2:]
    assert line.startswith("r3d-layer1 bfloat16 batch 8 xla")


def test_properties_that_vary_are_named_in_every_row():
    records = make.record(precision="highest"), make.record(dtype="bfloat16")
    lines = shown(*records, width=140)[2:]
    assert [line.split("  ")[0] for line in lines] == [
        "r3d-layer1 bfloat16 precision default",
        "r3d-layer1 float32 precision highest",
    ]


def test_rows_go_by_family_then_preset_and_forward_comes_before_train():
    cases = [
        ("dit", "b", "train"),
        ("dit", "b", "forward"),
        ("dit", "a", "train"),
        ("attention", "z", "train"),
    ]
    records = [
        make.record(family=family, preset=preset, **{"pass": which})
        for family, preset, which in cases
    ]
    names = [tuple(line.split()[:2]) for line in shown(*records)[2:]]
    assert names == [("z", "train"), ("a", "train"), ("b", "forward"), ("b", "train")]


def test_cases_without_timing_follow_with_their_reasons():
    outcomes = [
        make.outcome("would_not_fit", "needs 81 GiB of 40 GiB", preset="z"),
        make.outcome("ok", ""),  # the measured one
        make.outcome("over_budget", "slow " * 100, preset="a"),
    ]
    lines = shown(make.record(), outcomes=outcomes)
    text = "\n".join(lines[3:])
    assert text.index("z forward: would not fit") < text.index("over budget: a (forward).")
    assert "needs 81 GiB of 40 GiB" in text
    assert "--reel-budget" in text
    assert "r3d-layer1" not in text


def test_warnings_and_disturbed_times_are_not_hidden():
    lines = shown(make.record(outcome="disturbed", warnings=["clock fell to 71 %"]))
    assert "disturbed 10.0 ms" in lines[2]
    assert lines[3] == "clock fell to 71 %: r3d-layer1 forward"


def test_no_measured_case_is_said():
    results = make.results(make.record())
    assert "No layer was measured." in layer_table([], []).notes
    assert "No layer was measured." not in layer_table(results.records).notes


def test_the_longest_ordinary_row_fits_in_a_hundred_characters():
    lines = shown(
        make.record(
            0.1234, preset="wan2.1-1.3b-block-small", dtype="bfloat16", **{"pass": "train"}
        ),
        make.record(0.000012345, preset="wan2.1-1.3b-block-small", dtype="float32"),
    )
    assert all(len(line) <= 100 for line in lines)


def test_json_carries_the_identity_and_the_interval_in_seconds():
    results = make.results(make.record(batch=4))
    (row,) = json.loads(render([layer_table(results.records)], "json"))["tables"][0]["rows"]
    assert (row["preset"], row["batch"], row["pass"]) == ("r3d-layer1", 4, "forward")
    assert row["low_s"] < row["median_s"] == 0.010 < row["high_s"]


def test_outcomes_come_with_one_advice_a_kind():
    outcomes = [make.outcome(preset=name) for name in ("a", "b")]
    results = make.results(make.record(), block=make.run(outcomes=outcomes))
    table = outcome_table(results.records, results.reelbench.outcomes)
    assert len(table.rows) == 2
    assert len(table.notes) == 1
    assert "--reel-budget" in table.notes[0]


def never_begun(count):
    cases = [make.outcome(preset=f"p{n}", family=f"family-{n % 2}") for n in range(count)]
    return [case | {"numbers": {"estimated_s": 9.0}} for case in cases]


def test_many_cases_that_were_never_begun_are_one_line_for_people_and_rows_for_programs():
    outcomes = [
        *never_begun(31),
        make.outcome("over_budget", "first call not returned", preset="slow"),
        make.outcome("would_not_fit", "needs 81 GiB of 40 GiB", preset="large"),
    ]
    results = make.results(make.record(), block=make.run(outcomes=outcomes))
    table = outcome_table(results.records, results.reelbench.outcomes)
    text = render([table], "table", width=100)
    assert "Not measured: 33" in text
    assert "16 family-0, 15 family-1" in text
    assert "first call not returned" in text
    assert "needs 81 GiB of 40 GiB" in text
    assert "p30" not in text
    (whole,) = json.loads(render([table], "json"))["tables"]
    assert {row["preset"] for row in whole["rows"]} == {o["identity"]["preset"] for o in outcomes}
    assert render([table], "csv").count("over_budget") == 32


def test_a_few_cases_that_were_never_begun_are_rows():
    outcomes = never_begun(15)
    results = make.results(make.record(), block=make.run(outcomes=outcomes))
    table = outcome_table(results.records, results.reelbench.outcomes)
    assert len(table.rows) == 15
    assert not table.folded


def test_disturbed_cases_are_gathered_in_one_line_with_what_disturbed_them():
    noisy = "disturbed: others' CPU 23 %, stolen by the hypervisor 8.1 %"
    records = [
        make.record(preset="a", warnings=[noisy]),
        make.record(preset="b"),
        make.record(preset="c", warnings=["disturbed: others' CPU 12 % in 1 of 2 processes"]),
    ]
    results = make.results(*records)
    (note,) = layer_table(results.records).notes
    assert note == (
        "disturbed: a forward (others' CPU 23 %, stolen by the hypervisor 8.1 %), "
        "c forward (others' CPU 12 % in 1 of 2 processes)"
    )


def test_many_disturbed_cases_are_counted_instead_of_named():
    records = [make.record(preset=f"p{n:02}", warnings=["disturbed: x"]) for n in range(15)]
    results = make.results(*records)
    (note,) = layer_table(results.records).notes
    assert note.count("(x)") == 12
    assert note.endswith(", and 3 more")
