"""What the back-tests must show."""

import pytest

from capacity.scenarios import text
from reelbench.capacity.errors import ScenarioError
from reelbench.capacity.validate import backtests, summaries, validate


@pytest.fixture(scope="module")
def tests():
    return validate()


def of(tests, run, quantity):
    (found,) = [t for t in tests if run in t.run and t.published.quantity == quantity]
    return found


def test_goodput_and_time_to_failure_at_16384_gpus(tests):
    assert abs(of(tests, "RSC-1, 16,384", "goodput").error) < 0.03
    assert abs(of(tests, "RSC-1, 16,384", "mttf").error) < 0.03


def test_one_failure_rate_misses_at_1024_gpus_and_a_second_regime_halves_that(tests):
    one, two = of(tests, "one rate", "mttf"), of(tests, "two regimes", "mttf")
    assert not one.inside
    assert abs(two.error) < abs(one.error) / 2


def test_energy_and_money_of_the_worked_examples(tests):
    assert abs(of(tests, "Stable Video", "device_energy").error) < 0.10
    assert abs(of(tests, "owned H100", "own_full_rate").error) < 0.02
    assert abs(of(tests, "owned H100", "break_even").error) < 0.02
    assert abs(of(tests, "Tesla", "epoch_floor").error) < 0.01


def test_intervals_hold_about_as_often_as_they_say(tests):
    whole = summaries(tests)[-1]
    assert whole.forecasts >= 15
    assert whole.covered / whole.forecasts >= 0.6


def test_no_answer_is_an_input_of_its_own_prediction():
    """The published number is nowhere in the scenario that predicts it, nor is a utilisation."""
    for name, data in backtests():
        scenario, answers = [], []
        for line in data.decode().splitlines():
            (answers if line.startswith("answer") else scenario).append(line)
        rest = "\n".join(
            line for line in scenario if not line.startswith(("known", "source", "title", "about"))
        )
        assert "mfu" not in rest, name
        for answer in answers:
            number = answer.split('"')[1].split()[0].lstrip("$")
            if len(number) > 2:
                assert number not in rest, (name, number)


def test_files_of_ones_own_are_tested_too():
    own = (
        text() + '\n[[backtest]]\npaper = "p"\nanswer = "1 h"\nquantity = "time"\n'
        'source = "s"\nknown = "k"\n'
    )
    (found,) = validate([("own.toml", own.encode())])
    assert found.answer == 3600
    assert found.low < found.median < found.high


@pytest.mark.parametrize(
    ("answer", "quantity", "problem"),
    [("1 h", "beauty", "no beauty"), ("1 GB", "time", "is in B, and s is needed")],
)
def test_a_wrong_back_test_is_one_line(answer, quantity, problem):
    own = (
        text() + f'\n[[backtest]]\npaper = "p"\nanswer = "{answer}"\nquantity = "{quantity}"\n'
        'source = "s"\nknown = "k"\n'
    )
    with pytest.raises(ScenarioError, match=problem):
        validate([("own.toml", own.encode())])
    with pytest.raises(ScenarioError, match="no \\[\\[backtest\\]\\]"):
        validate([("own.toml", text().encode())])
