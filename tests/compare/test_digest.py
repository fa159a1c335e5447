import pytest

from reelbench.compare.digest import FOREIGN, digest
from results import documents as make


def reading(case):
    (found,) = digest(make.results(case), "made.json").readings
    return found


def test_each_process_has_a_median():
    ((first, second),) = reading(make.processes(0.01, 0.02)).medians_s
    assert (first, second) == pytest.approx((0.01, 0.02))


@pytest.mark.parametrize(
    ("timing", "bound", "limit"),
    [
        ({}, "compute", "compute"),
        ({}, "memory", "memory"),
        ({"device_s": 0.002}, "compute", "dispatch"),
        ({"device_s": 0.0099}, "compute", "compute"),
        ({"floor_share": 0.5}, "memory", "dispatch"),
        ({}, None, None),
    ],
)
def test_what_limits_a_case(timing, bound, limit):
    case = make.record(timing=make.timing(**timing), rates=make.rates(bound=bound))
    assert reading(case).limit == limit


def test_what_was_not_timed_says_why():
    block = make.run(outcomes=[make.outcome("would_not_fit", "needs 9 GiB", preset="big")])
    ((identity, said),) = digest(make.results(block=block), "made.json").unmeasured
    assert (identity.preset, said) == ("big", "would not fit: needs 9 GiB")


def test_a_plain_file_gives_its_name_its_median_and_what_it_says_of_the_machine():
    whole = make.plain_document()
    whole["machine_info"] |= {"system": "Linux", "python_version": "3.12.1"}
    found = digest(make.read(whole), "plain.json")
    assert (found.machine, found.protocol, found.foreign) == (None, None, 1)
    assert found.facts == {"system": "Linux", "python": "3.12.1", "cpu_threads": 2}
    (only,) = found.readings
    assert (only.identity.family, only.median_s, only.confidence) == (FOREIGN, 0.010, 0.0)


def test_saved_rounds_of_a_plain_file_give_an_interval():
    whole = make.plain_document()
    whole["benchmarks"][0]["stats"]["data"] = [0.0099 + 1e-5 * n for n in range(20)]
    (only,) = digest(make.read(whole), "plain.json").readings
    assert only.confidence == 0.95
    assert only.low_s <= only.median_s <= only.high_s
