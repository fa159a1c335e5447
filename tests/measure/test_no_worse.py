import time

import pytest

from reelbench.measure import no_worse
from reelbench.measure.failure import CaseFailure
from reelbench.results.outcome import Outcome
from reelbench.results.schema import Memory


def memory(needed):
    return Memory(
        argument_bytes=0,
        output_bytes=0,
        temporary_bytes=0,
        needed_bytes=needed,
        available_bytes=2**30,
    )


def takes(seconds):
    return lambda: time.sleep(seconds)


def does_not_fit():
    raise CaseFailure(Outcome.WOULD_NOT_FIT, "needs 3 GiB")


def test_a_layer_that_became_slower_is_refused_with_both_times():
    with pytest.raises(CaseFailure, match=r"takes \d.* as it is written \d") as caught:
        no_worse.refuse_slower(takes(0.02), 1e-3, lambda: takes(1e-3))
    assert caught.value.outcome is Outcome.REFERENCE_IS_BEST
    assert caught.value.numbers["chosen_s"] >= 0.02
    assert 1e-3 <= caught.value.numbers["reference_s"] < 0.02


def test_a_layer_as_it_is_written_that_met_a_faster_minute_is_timed_again():
    no_worse.refuse_slower(takes(0.01), 1e-3, lambda: takes(0.05))


def test_where_both_do_not_fit_at_once_the_earlier_time_decides():
    with pytest.raises(CaseFailure) as caught:
        no_worse.refuse_slower(takes(0.01), 1e-3, does_not_fit)
    assert caught.value.outcome is Outcome.REFERENCE_IS_BEST
    assert caught.value.numbers["reference_s"] == 1e-3


def test_a_faster_layer_and_one_without_a_reference_go_on():
    # Neither asks for the layer as it is written.
    no_worse.refuse_slower(lambda: None, 1e-3, does_not_fit)
    no_worse.refuse_slower(takes(0.01), None, does_not_fit)


@pytest.mark.parametrize("outcome", [Outcome.WOULD_NOT_FIT, Outcome.OUT_OF_MEMORY])
def test_what_does_not_fit_leaves_the_layer_as_it_is_written(outcome):
    refused = pytest.raises(CaseFailure, match="does not fit: needs 3 GiB")
    with refused as caught, no_worse.fits_or_as_written():
        raise CaseFailure(outcome, "needs 3 GiB", needed_bytes=3.0 * 2**30)
    assert caught.value.outcome is Outcome.REFERENCE_IS_BEST
    assert caught.value.numbers == {"needed_bytes": 3.0 * 2**30}


def test_a_wrong_answer_stays_one():
    with pytest.raises(CaseFailure) as caught, no_worse.fits_or_as_written():
        raise CaseFailure(Outcome.DISAGREES_WITH_REFERENCE, "relative error 1")
    assert caught.value.outcome is Outcome.DISAGREES_WITH_REFERENCE


def test_more_memory_is_told():
    assert no_worse.more_memory(memory(2**30), {"memory": {"needed_bytes": 2**29}}) == [
        "more memory: 1.00 GiB, as it is written 512 MiB"
    ]
    assert no_worse.more_memory(memory(2**29), {"memory": {"needed_bytes": 2**29}}) == []
    assert no_worse.more_memory(memory(2**29), None) == []
