import pytest

from reelbench.compare import compare as compare_sides
from reelbench.report.comparison import RATIOS, comparison_tables
from reelbench.report.comparison_words import sentence as sentence_of
from reelbench.report.tables import render
from results import documents as make


def compare(base, new, base_label="base", new_label="new"):
    return compare_sides(make.side(base, label=base_label), make.side(new, label=new_label))


def written(base, new, width=100):
    return render(comparison_tables(compare(base, new)), "table", main=RATIOS, width=width)


def sentence(*sides):
    return sentence_of(compare(*sides))


def test_facts_come_before_the_sentence_and_the_sentence_before_the_rows():
    text = written(make.results(), make.results(on=make.machine(jaxlib="0.11")))
    places = [text.index(part) for part in ("jaxlib", "new runs at", "Cases, the most")]
    assert places == sorted(places)


def test_the_sentence_counts_everything():
    base = make.results(make.record(), make.record(batch=2), make.record(preset="a"))
    new = make.results(
        make.record(0.005),
        make.record(batch=4),
        make.record(preset="b"),
        block=make.run(outcomes=[make.outcome(preset="c")]),
    )
    assert sentence(base, new) == (
        "new runs at 2.000× the speed of base (one case, 1.944× to 2.057×); 1 undecided, "
        "1 set apart as unlike, 1 missing from new, 1 missing from base, 1 measured in neither."
    )


def test_a_mean_comes_with_its_interval_and_what_changed_most():
    base = make.results(make.record(), make.record(**{"pass": "train"}))
    records = make.record(0.005), make.record(0.020, **{"pass": "train"})
    new = make.results(*records, on=make.machine("h100"))
    assert sentence(base, new, "old", "h100").startswith(
        "h100 runs at 1.000× the speed of old (geometric mean of 2 cases, 0.97"
    )
    text = written(base, new)
    assert "slowest r3d-layer1 train 0.500×; fastest r3d-layer1 forward 2.000×" in text


def test_nothing_in_common_is_said():
    base, new = make.results(make.record()), make.results(make.record(preset="a"))
    assert sentence(base, new) == (
        "Nothing to compare: no case of base is also in new; 1 missing from new, "
        "1 missing from base."
    )


@pytest.mark.parametrize("facts", [{}, {"jaxlib": "0.11"}, {"cpu_threads": 64}])
def test_one_run_each_gives_no_verdict_and_says_why(facts):
    text = written(
        make.results(make.record(1.0)), make.results(make.record(9.0), on=make.machine(**facts))
    )
    assert "One process each cannot tell noise from change" in text
    for verdict in (" slower", " faster", "significant"):
        assert verdict not in text


def test_different_machines_are_never_a_regression():
    new = make.results(make.record(9.0), on=make.machine("other", cpu_threads=64))
    comparison = compare(make.results(make.record()), new)
    for style in ("table", "md", "json", "csv"):
        text = render(comparison_tables(comparison), style).lower()
        for word in ("regress", "verdicts:", "slower"):
            assert word not in text.replace('"slower": 0', "")


def test_shares_of_ceilings_are_shown_between_machines_only():
    one = make.results()
    assert "share  " not in written(one, make.results(block=make.run(run_id="b")))
    assert "share" in written(one, make.results(on=make.machine("other")))


def test_another_program_is_set_apart_under_the_same_software_and_noted_under_other():
    other = make.record()
    other["compilation"]["program_sha256"] = "cd" * 32
    text = written(make.results(make.record()), make.results(other))
    assert "Set apart: unlike" in text
    assert "the code that was measured has changed" in text.replace("\n", " ")
    software = make.machine(jaxlib="0.11")
    text = written(make.results(make.record()), make.results(other, on=software))
    assert "Other compiled program in 1 cases, where jaxlib differs" in text


def test_a_comparison_fits_in_a_hundred_characters():
    long = {"cpu_model": "EPYC " * 40, "xla_flags": "--xla_" + "x" * 300}
    new = make.results(
        make.record(version="v" * 64),
        make.record(0.02, preset="y" * 60),
        on=make.machine("m", **long),
    )
    text = written(make.results(make.record(), make.record(preset="y" * 60)), new)
    assert max(map(len, text.splitlines())) <= 100


def test_what_a_verdict_stands_on_is_said():
    runs = make.results(make.processes(0.0100, 0.0101, 0.0099))
    text = written(runs, runs).replace("\n", " ")
    assert "between the processes of one run each" in text
    assert "use reelbench ab" in text
    assert "threshold ±3.0 %" in text


def test_long_labels_give_way_to_short_headings():
    base, new = make.results(), make.results(on=make.machine("other"))
    labels = "epyc-2c-24g-b0e23118", "xeon-64c-512g-aabbccdd"
    tables = comparison_tables(compare(base, new, *labels))
    text = render(tables, "table", main=RATIOS, width=100)
    assert "base is epyc-2c-24g-b0e23118, new is xeon-64c-512g-aabbccdd." in text
    assert max(map(len, text.splitlines())) <= 100


def test_the_most_evident_cases_alone_can_be_shown_and_the_rest_is_counted():
    base = [make.record(preset=name) for name in "abcd"]
    new = [make.record(0.010 * (1 + n), preset=name) for n, name in enumerate("abcd")]
    comparison = compare(make.results(*base), make.results(*new))
    text = render(comparison_tables(comparison, 1), "table", main=RATIOS, width=100)
    assert "3 more cases, with less evidence of a change." in text
    assert render(comparison_tables(comparison, 1), "csv", main=RATIOS).count("\n") == 5


def test_plain_files_say_what_cannot_be_judged():
    plain = make.read(make.plain_document())
    text = written(plain, plain).replace("\n", " ")
    assert "do not say which machine it was" in text
    assert "No intervals: the files hold no rounds" in text
    assert "test_sort" in text
