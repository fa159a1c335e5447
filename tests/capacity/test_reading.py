import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capacity.scenarios import BASE, figure, text
from reelbench.capacity.errors import ScenarioError
from reelbench.capacity.figure import Named
from reelbench.capacity.reading import figures, parse
from reelbench.capacity.scenario import Scenario
from reelbench.capacity.shapes import shapes


def read(source, **changes):
    return parse(source.encode(), "plan.toml", changes or None)


def problem(source):
    with pytest.raises(ScenarioError) as caught:
        read(source)
    line = str(caught.value)
    assert line.startswith("plan.toml: ")
    assert "\n" not in line
    assert len(line) < 600
    return line


def test_figures_are_read_in_base_units_with_their_kind_and_source():
    known = figures(read(BASE))
    throughput = known["model.throughput"]
    assert isinstance(throughput, Named)
    assert (throughput.spread.low, throughput.spread.high) == (10, 20)
    assert (throughput.kind, throughput.source, throughput.given) == ("published", "a paper", True)
    assert known["device.count"].kind == "chosen"
    assert known["device.peak.bf16"].spread.low == 989e12
    assert not known["device.peak.bf16"].given


def test_defaults_fill_in_and_can_be_replaced():
    assert figures(read(BASE))["power.pue"].given is False
    own = figures(read(BASE + f"[power]\npue = {figure('1.5 to 1.6')}\n"))["power.pue"]
    assert (own.given, own.spread.low) == (True, 1.5)


def test_a_peak_of_ones_own_stands_beside_the_catalogues():
    known = figures(
        read(BASE.replace('kind = "h100"', f'kind = "h100"\npeak.fp4 = {figure("4 PFLOP/s")}'))
    )
    assert {"device.peak.fp4", "device.peak.bf16"} <= set(known)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (text(count="-4"), "field `device.count`: -4 is not above zero"),
        (text(epochs='"two"'), "field `model.epochs`: 'two' does not begin with a number"),
        (text(clips='"5 MB"'), "field `model.clips`: '5 MB' is in B, and clip is needed"),
        (
            text(throughput='{ value = "20 to 10 clips/s", kind = "assumed", source = "x" }'),
            "field `model.throughput`: '20 to 10 clips/s' is an impossible range",
        ),
        (
            text(throughput='{ value = "10 clips/s", kind = "published" }'),
            "field `model.throughput`: source is missing; a published figure says where",
        ),
        (
            text(throughput='{ value = "10 clips/s", kind = "assumed", source = "  " }'),
            "field `model.throughput`: source is missing; an assumed figure says why",
        ),
        (text(throughput='"10 clips/s"'), "field `model.throughput`: a figure needs its kind and"),
        (
            text(throughput='{ value = "10 clips/s", kind = "guessed", source = "x" }'),
            "field `model[0].throughput.kind`",
        ),
        (
            text(throughput='{ value = "10 clips/s", kind = "chosen" }'),
            "field `model.throughput`: is nothing to choose",
        ),
        (
            text(throughput='{ value = "10 clips/s", kind = "assumed", sorce = "x" }'),
            "there is no such field; did you mean source?",
        ),
        (
            text() + "cuont = 3\n",
            "field `device.cuont`: there is no such field; did you mean count?",
        ),
        ("titel = 'x'\n" + text(), "field `titel`: there is no such field; did you mean title?"),
        (text(title=None), "field `title`: is missing"),
        (text(kind=None), "field `device.kind`: is missing"),
        (text(name="3"), "field `model[0].name`"),
        (text(count="nan"), "field `device.count`: nan is not a finite number"),
        (text(count="-inf"), "field `device.count`: -inf is not a finite number"),
        (text(count="true"), "field `device.count`"),
        (text(count="1" * 30), "64 bits"),
        (text(count="1" * 5000), "is not TOML"),
        (text(epochs='"1e999"'), "field `model.epochs`"),
        (text(title='"a\\u001b[2Jb"'), "field `title`: holds characters that do not print"),
        (text(title='"a\\u202eb"'), "field `title`: holds characters that do not print"),
        (text() + '"\\u001b" = 3\n', "a key of `device` is too long or does not print"),
        (text() + "x" * 5000 + " = 3\n", "a key of `device` is too long"),
        ("a = " + "[" * 2000 + "]" * 2000, "is nested too deeply"),
        (".".join("a" * 40) + " = 1", "is nested too deeply"),
        ("title = 'x'\n# " + "x" * 2**20, "longer than 1,048,576"),
        ("title = ", "is not TOML"),
        ("", "is missing"),
        ("title = 'x'\ndevice = 3\n", "field `device`"),
        ("title = 'x'\nmodel = 3\n[device]\nkind = 'h100'\n", "field `model`"),
        (text() + "\n[[model]]\nname = 'net'\n", "two are called 'net'"),
        (text() + "[power]\nboundary = 'galaxy'\n", "field `power.boundary`"),
        (text() + f"[power]\nload = {figure('1.2')}\n", "field `power.load`: is a share"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_field(source, said):
    assert said in problem(source)


def test_what_is_no_text_is_said():
    with pytest.raises(ScenarioError, match="is not UTF-8"):
        parse(b"title = '\xff'", "plan.toml")


@given(st.text(max_size=60))
def test_no_text_of_a_figure_is_more_than_an_error(value):
    with contextlib.suppress(ScenarioError):
        read(text(clips=json.dumps(value)))


def test_every_field_that_takes_a_figure_says_its_unit_by_name():
    """A wrong dimension in any field is caught with the field's own name."""
    wrong = "3 m·kg/K"
    tried = 0
    for table, shape in shapes(Scenario).items():
        if shape.part is None or shape.many:
            continue
        for field, inner in shapes(shape.part).items():
            if inner.quantity is None or inner.many:
                continue
            tried += 1
            source = f"{BASE}\n[{table}]\n" if table != "device" else BASE
            line = problem(
                f"{source}{field} = {figure(wrong)}\n".replace("count = 64\ncount", "count")
            )
            assert f"field `{table}.{field}`" in line or "is missing" in line, line
    assert tried > 40


def test_values_are_changed_from_the_command_line():
    changed = figures(parse(BASE.encode(), "x", {"device.count": "512", "model.epochs": "3"}))
    assert changed["device.count"].spread.low == 512
    assert changed["device.count"].kind == "chosen"
    changed = figures(parse(BASE.encode(), "x", {"power.pue": "1.5", "model.net.epochs": "9"}))
    assert changed["power.pue"].kind == "assumed"
    assert changed["model.epochs"].spread.low == 9
    with pytest.raises(ScenarioError, match="no table"):
        parse(BASE.encode(), "x", {"title.x.y": "3"})
    with pytest.raises(ScenarioError, match="no such field"):
        parse(BASE.encode(), "x", {"device.cuont": "3"})
