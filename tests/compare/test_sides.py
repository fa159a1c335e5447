import pytest

from reelbench.compare import compare
from reelbench.compare.loading import digests, noise_beside
from reelbench.compare.sides import pools_of
from results import documents as make


def run(number, *records, **parts):
    """A run; higher numbers are newer."""
    block = make.run(run_id=f"r{number}", created=f"2026-01-{number + 1:02d}T00:00:00Z")
    return make.results(*records, block=block, **parts)


def test_runs_stand_in_the_order_of_their_time():
    side = make.side(run(2), run(0), run(1))
    assert [each.created[8:10] for each in side.runs] == ["01", "02", "03"]


@pytest.mark.parametrize("fact", ["jaxlib", "xla_flags", "cpus_usable", "accelerator_driver"])
def test_runs_unlike_the_newest_are_set_apart_and_the_fact_is_named(fact):
    side = make.side(run(0, on=make.machine(**{fact: "old"})), run(1), run(2))
    assert len(side.runs) == 2
    assert [each.fields for each in side.apart] == [(fact,)]


def test_load_and_clock_set_nothing_apart():
    side = make.side(run(0, on=make.machine(load_1m=9.0)), run(1))
    assert len(side.runs) == 2


def test_a_run_in_two_files_counts_once():
    side = make.side(run(0), run(1), run(1))
    assert len(side.runs) == 2
    assert len(side.repeated) == 1


def test_readings_of_a_case_are_pooled_over_runs():
    side = make.side(*(run(n, make.record(0.01 + n * 1e-4)) for n in range(3)))
    (pool,) = pools_of(side)
    assert len(pool.readings) == 3
    assert pool.processes == 3


def test_several_runs_are_the_sample_and_their_spread_the_interval():
    base = make.side(*(run(n, make.record(0.0100 + n * 1e-4)) for n in range(4)))
    new = make.side(*(run(n + 9, make.record(0.0150 + n * 1e-4)) for n in range(4)), label="new")
    (row,) = compare(base, new).ratios
    assert row.ratio == pytest.approx(0.667, abs=0.01)
    assert (row.base.runs, row.new.runs) == (4, 4)
    assert row.verdict == "slower"


def test_older_code_of_the_same_name_is_left_out_and_counted():
    base = make.side(run(0, make.record(version="v1")), run(1, make.record(version="v2")))
    new = make.side(run(5, make.record(version="v2")), label="new")
    matching = compare(base, new).matching
    assert len(matching.alike) == 1
    assert matching.unlike == matching.missing == ()
    assert matching.older == (1, 0)


def test_code_that_only_an_older_run_shares_is_still_compared():
    base = make.side(run(0, make.record(version="v1")), run(1, make.record(version="v2")))
    new = make.side(run(5, make.record(version="v1")), label="new")
    matching = compare(base, new).matching
    assert len(matching.alike) == 1
    assert [row.absent_from for row in matching.missing] == ["new"]


def test_many_files_are_read_alike_with_and_without_processes(tmp_path, monkeypatch):
    paths = []
    for number in range(40):
        made = make.document(make.record(0.01 + number * 1e-5), block=make.run(run_id=f"r{number}"))
        paths.append(make.write(tmp_path, made, f"{number:03d}.json"))
    alone = digests(paths)
    monkeypatch.setattr("reelbench.compare.loading._ALONE_BYTES", 0)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert digests(paths) == alone
    (tmp_path / "020.json").write_text("{")
    with pytest.raises(ValueError, match=r"020\.json"):
        digests(paths)


def test_without_self_tests_there_is_no_noise_floor(tmp_path):
    assert noise_beside(make.write(tmp_path, make.document()), "xeon-2c-8g-12ab34cd") is None
