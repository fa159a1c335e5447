from reelbench.compare import compare
from reelbench.report.sides import CASES, several_tables
from reelbench.report.tables import render
from results import documents as make


def written(*others, style="table", width=100):
    base = make.side(make.results(make.processes(0.0100, 0.0101, 0.0099)), label="old")
    sides = [make.side(each, label=f"side-{n}") for n, each in enumerate(others)]
    tables = several_tables([compare(base, side) for side in sides])
    return render(tables, style, main=CASES, width=width)


SLOWER = make.results(make.processes(0.0200, 0.0201, 0.0199), block=make.run(run_id="s"))
OTHER = make.results(make.record(0.005), on=make.machine("other", cpu_threads=64))


def test_each_side_is_a_column_and_a_row():
    text = written(SLOWER, OTHER)
    assert "Speed relative to old" in text
    assert "0.500× ▼" in text
    assert "2.000×" in text
    assert "CPU threads" in text


def test_between_machines_there_is_no_sign():
    line = next(each for each in written(OTHER).splitlines() if "r3d-layer1" in each)
    assert not set(line) & set("▲▼=")


def test_what_a_side_lacks_is_a_dash():
    text = written(make.results(make.record(preset="other")), SLOWER)
    assert "–" in next(each for each in text.splitlines() if "r3d-layer1" in each)


def test_many_sides_fit_and_json_has_them_all():
    many = [SLOWER] * 12
    text = written(*many, OTHER)
    assert max(map(len, text.splitlines())) <= 100
    assert "7 more sides are in --format json." in text
    assert '"ratio_12"' in written(*many, style="json")
