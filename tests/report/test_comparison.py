import pytest

from reelbench.compare import compare
from reelbench.report.comparison import RATIOS, comparison_tables, sentence
from reelbench.report.tables import render
from results import documents as make


def written(base, new, width=100):
    tables = comparison_tables(compare(base, new), "base", "new")
    return render(tables, "table", main=RATIOS, width=width)


def test_facts_come_before_the_sentence_and_the_sentence_before_the_rows():
    text = written(make.results(), make.results(on=make.machine(jaxlib="0.11")))
    places = [text.index(part) for part in ("jaxlib", "new runs at", "Cases, the largest")]
    assert places == sorted(places)


def test_the_sentence_counts_everything():
    base = make.results(make.record(), make.record(batch=2), make.record(preset="a"))
    new = make.results(
        make.record(0.005),
        make.record(batch=4),
        make.record(preset="b"),
        block=make.run(outcomes=[make.outcome(preset="c")]),
    )
    assert sentence(compare(base, new), "base", "new") == (
        "new runs at 2.000× the speed of base (one case); 1 set apart as unlike, "
        "1 missing from new, 1 missing from base, 1 measured in neither."
    )


def test_a_mean_comes_with_its_spread():
    base = make.results(make.record(), make.record(**{"pass": "train"}))
    new = make.results(make.record(0.005), make.record(0.020, **{"pass": "train"}))
    assert sentence(compare(base, new), "old", "h100") == (
        "h100 runs at 1.000× the speed of old (geometric mean of 2 cases, 0.500× to 2.000×)."
    )


def test_nothing_in_common_is_said():
    base, new = make.results(make.record()), make.results(make.record(preset="a"))
    assert sentence(compare(base, new), "base", "new") == (
        "Nothing to compare: no case of base is also in new; 1 missing from new, "
        "1 missing from base."
    )


@pytest.mark.parametrize("facts", [{}, {"jaxlib": "0.11"}, {"cpu_threads": 64}])
def test_one_run_each_gives_no_verdict_and_says_why(facts):
    text = written(
        make.results(make.record(1.0)), make.results(make.record(9.0), on=make.machine(**facts))
    )
    assert "One run each cannot tell noise from change" in text
    for verdict in ("slower", "faster", "unchanged", "significant", "undecided"):
        assert verdict not in text


def test_different_machines_are_never_a_regression():
    new = make.results(make.record(9.0), on=make.machine("other", cpu_threads=64))
    comparison = compare(make.results(make.record()), new)
    for style in ("table", "md", "json", "csv"):
        assert "regress" not in render(comparison_tables(comparison, "base", "new"), style).lower()


def test_shares_of_ceilings_are_shown_between_machines_only():
    one = make.results()
    assert "share" not in written(one, one)
    assert "share" in written(one, make.results(on=make.machine("other")))


def test_another_program_is_noted_under_the_same_software_only():
    other = make.record()
    other["compilation"]["program_sha256"] = "cd" * 32
    assert "Other compiled program" in written(make.results(make.record()), make.results(other))
    software = make.machine(jaxlib="0.11")
    text = written(make.results(make.record()), make.results(other, on=software))
    assert "Other compiled program" not in text


def test_a_comparison_fits_in_a_hundred_characters():
    long = {"cpu_model": "EPYC " * 40, "xla_flags": "--xla_" + "x" * 300}
    new = make.results(
        make.record(version="v" * 64),
        make.record(0.02, preset="y" * 60),
        on=make.machine("m", **long),
    )
    text = written(make.results(make.record(), make.record(preset="y" * 60)), new)
    assert max(map(len, text.splitlines())) <= 100
