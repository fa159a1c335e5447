import pytest

from reelbench.compare.digest import digest
from reelbench.compare.history import history
from reelbench.report.history import history_tables, sparkline
from reelbench.report.tables import render
from results import documents as make

LEVEL = (0.0100, 0.0101, 0.0099, 0.01005, 0.00995)


def run(day, *records, commit="0123456789abcdef", **facts):
    block = make.run(run_id=f"r{day}", created=f"2026-02-{day:02d}T00:00:00Z")
    whole = make.document(
        *records, on=make.machine(**facts), block=block, commit_info={"id": commit, "dirty": False}
    )
    return digest(make.read(whole), f"{day}.json")


def stepped(**changes):
    """Ten runs; from the sixth on the case takes a quarter longer."""
    before = [run(n + 1, make.record(t), commit="a" * 40) for n, t in enumerate(LEVEL)]
    after = [
        run(n + 6, make.record(1.25 * t, **changes), commit="b" * 40, jaxlib="0.11.0")
        for n, t in enumerate(LEVEL)
    ]
    return [*before, *after]


def test_a_step_names_the_commits_and_what_else_changed():
    made = history(reversed(stepped()), threshold=0.03)
    (series,) = made.series
    (step,) = series.steps
    assert step.direction == "slower"
    assert step.change == pytest.approx(0.223, abs=0.01)
    assert (step.before.commit[0], step.after.commit[0]) == ("a", "b")
    assert [(row.name, row.base, row.new) for row in step.facts] == [("jaxlib", "0.10.2", "0.11.0")]
    text = render(history_tables(made, 0.03), "table", width=100)
    assert "10 runs, 2026-02-01 to 2026-02-10; 1 step in 1 series" in text
    for part in ("+25.0 %", "2026-02-06", "aaaaaaa..bbbbbbb", "jaxlib 0.10.2 → 0.11.0"):
        assert part in text.replace("\n", " ")
    assert max(map(len, text.splitlines())) <= 100


def test_another_program_at_the_step_is_said():
    made = history(stepped(compilation=make.compilation(program_sha256="cd" * 32)), threshold=0.03)
    assert made.series[0].steps[0].program
    assert "the compiled program" in render(history_tables(made, 0.03), "table", width=200)


def test_edited_benchmark_code_begins_a_new_series_and_no_step():
    made = history(stepped(version="v-2"), threshold=0.03)
    assert [len(series.points) for series in made.series] == [5, 5]
    assert not any(series.steps for series in made.series)
    assert sorted(series.superseded for series in made.series) == [False, True]


def test_other_limits_on_the_machine_begin_a_new_series():
    runs = [run(n + 1, make.record(t)) for n, t in enumerate(LEVEL)]
    runs += [run(n + 6, make.record(2 * t), cpus_usable=1) for n, t in enumerate(LEVEL)]
    assert len(history(runs, threshold=0.03).series) == 2


def test_a_run_in_two_files_is_one_point():
    runs = stepped()
    made = history([*runs, runs[3]], threshold=0.03)
    assert len(made.runs) == 10
    assert made.repeated == 1


def test_several_machines_are_no_history():
    other = digest(make.read(make.document(on=make.machine("other"))), "other.json")
    with pytest.raises(ValueError, match="one machine"):
        history([run(1), other], threshold=0.03)


def test_lines_are_drawn_between_lowest_and_highest():
    assert sparkline([1.0, 2.0]) == "▁█"
    assert sparkline([1.0, 1.001, 1.0]) == "▄▄▄"
    assert len(sparkline([1.0 + n for n in range(100)])) == 24
