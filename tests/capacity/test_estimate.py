import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.capacity.estimate import DimensionError, Draws, choose, constant
from reelbench.capacity.quantities import NUMBER, dimension_of
from reelbench.capacity.sobol import indices
from reelbench.capacity.spread import Spread

SECOND, BYTE = dimension_of("s"), dimension_of("B")
DRAWS = Draws(4000)


def wide(name, low=1.0, high=4.0, dimension=NUMBER):
    return DRAWS.of(name, Spread(low, high, "lognormal"), dimension)


def test_arithmetic_keeps_dimension_inputs_and_figures():
    size, time = wide("size", dimension=BYTE), wide("time", dimension=SECOND)
    rate = 2 * size / (time + constant(1.0, SECOND))
    assert rate.dimension == dimension_of("B/s")
    assert rate.inputs == ("size", "time")
    assert rate.figures == {"size", "time"}
    assert rate.rows.shape == (4, 4000)


def test_an_input_used_twice_is_one_input():
    x = wide("x")
    assert (x / x).rows == pytest.approx(1.0)
    assert (x - x).rows == pytest.approx(0.0)


def test_the_same_name_and_seed_give_the_same_draws_whatever_else_there_is():
    alone = wide("x").rows
    wide("other")
    assert (wide("x").rows == alone).all()
    assert not (Draws(4000, seed=1).of("x", Spread(1, 4, "lognormal"), NUMBER).rows == alone).all()


def test_the_interval_is_the_range_that_was_given():
    low, high = wide("x", 5, 20).interval()
    assert low == pytest.approx(5, rel=0.01)
    assert high == pytest.approx(20, rel=0.01)


UNITS = ("s", "B", "clip", "frame", "token", "FLOP", "$", "J", "B/s", "clip/s", "")


@given(st.sampled_from(UNITS), st.sampled_from(UNITS), st.sampled_from(["+", "-", "max", "<"]))
def test_unlike_quantities_cannot_be_added_or_compared(one, other, how):
    a, b = (
        wide("here.a", dimension=dimension_of(one)),
        wide("here.b", dimension=dimension_of(other)),
    )
    operations = {
        "+": lambda: a + b,
        "-": lambda: a - b,
        "max": lambda: np.maximum(a, b),
        "<": lambda: np.less(a, b),
    }
    if one == other:
        operations[how]()
    else:
        with pytest.raises(DimensionError, match=r"here\.a .* here\.b"):
            operations[how]()


@given(st.sampled_from([u for u in UNITS if u]))
def test_functions_of_plain_numbers_refuse_others(unit):
    for function in (np.exp, np.log, np.log2, np.ceil):
        with pytest.raises(DimensionError, match="takes a plain number"):
            function(wide("x", dimension=dimension_of(unit)))


def test_roots_and_powers_take_the_dimension_along():
    assert np.sqrt(wide("x", dimension=SECOND) * wide("y", dimension=SECOND)).dimension == SECOND
    assert (wide("x", dimension=SECOND) ** 2).dimension == dimension_of("s^2")


def test_choosing_is_draw_by_draw():
    x = wide("x", 1, 9)
    assert (choose(x > 3, x, constant(3.0)).rows == np.maximum(x.rows, 3)).all()


def test_indices_of_a_product_are_the_shares_of_the_logarithms_variance():
    # ln of a ratio of ends: 1, 2 and 0 times ln 4, so the shares are 1/5 and 4/5.
    product = wide("a", 1, 4) * wide("b", 1, 16) * constant(7.0)
    found = {each.input: each for each in indices(product)}
    assert found["a"].total == pytest.approx(0.2, abs=0.03)
    assert found["b"].first == pytest.approx(0.8, abs=0.03)
    assert [each.input for each in indices(product)] == ["b", "a"]


def test_indices_of_ishigamis_function_are_the_known_ones():
    # Ishigami and Homma 1990: f = sin x1 + 7 sin² x2 + 0.1 x3⁴ sin x1; of exp(f), the logarithm.
    draws = Draws(20_000)
    x = [draws.of(name, Spread(-np.pi, np.pi, "uniform"), NUMBER) for name in ("x1", "x2", "x3")]
    rows = [np.zeros((5, 20_000)) for _ in range(3)]
    whole = x[0] + 0 * x[1] + 0 * x[2]
    assert whole.inputs == ("x1", "x2", "x3")
    for place, each in enumerate(x):
        rows[place] = (each + 0 * x[0] + 0 * x[1] + 0 * x[2]).rows
        order = (each + 0 * x[0] + 0 * x[1] + 0 * x[2]).inputs
        rows[place] = rows[place][[0, 1, *(2 + order.index(n) for n in ("x1", "x2", "x3"))]]
    f = np.sin(rows[0]) + 7 * np.sin(rows[1]) ** 2 + 0.1 * rows[2] ** 4 * np.sin(rows[0])
    from reelbench.capacity.estimate import Estimate

    found = {e.input: e for e in indices(Estimate(np.exp(f), NUMBER, ("x1", "x2", "x3")))}
    assert found["x1"].first == pytest.approx(0.314, abs=0.03)
    assert found["x2"].first == pytest.approx(0.442, abs=0.03)
    assert found["x3"].first == pytest.approx(0.0, abs=0.03)
    assert found["x1"].total == pytest.approx(0.558, abs=0.03)
    assert found["x3"].total == pytest.approx(0.244, abs=0.03)


def test_a_certain_value_has_no_causes():
    assert indices(constant(3.0) * constant(4.0)) == []
