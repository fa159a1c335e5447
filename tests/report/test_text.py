import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.report.tables import Cell, Column, Table, plain, render
from reelbench.report.text import markdown, shorten, spreadsheet, visible

HOSTILE = [
    "\x1b[2J\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b]52;c;Y3VybA==\x07",
    "\x9b31m",
    "a\rb",
    "a\nb",
    "a\tb",
    "\b\b\b",
    "\x7f",
    "\u202egpj.exe",
    "\u2066x\u2069",
    "zero\u200bwidth",
    "\u2028",
    "\ufeff",
    "\U000e0041",
    "[red]markup[/red]",
    "<script>alert(1)</script>",
    "a|b",
    "=HYPERLINK(1)",
]


@given(st.text())
def test_a_visible_text_prints_as_itself(text):
    shown = visible(text)
    assert shown.isprintable()
    assert visible(shown) == shown


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_an_ordinary_text_stays_as_it_is(text):
    assert visible(text) == text


def test_what_is_hidden_is_shown_as_its_escape():
    assert visible("a\x1b[31mb\u202ec\n") == r"a\x1b[31mb\u202ec\n"


@given(st.text(), st.integers(1, 40))
def test_a_shortened_text_is_never_longer(text, length):
    short = shorten(text, length)
    assert len(short) <= length
    assert short == text or short.endswith("…")


@given(st.text())
def test_no_cell_is_a_formula(text):
    assert not re.match(r"\s*[=+\-@＝＋－＠\t\r]", spreadsheet(text))


def test_markdown_shows_html_and_table_marks_literally():
    assert markdown("<b>a|b</b> `x` [l](u) &lt;") == (
        r"&lt;b\>a\|b&lt;/b\> \`x\` \[l\](u) &amp;lt;"
    )


@pytest.mark.parametrize("style", ["table", "md", "json", "csv"])
@pytest.mark.parametrize("text", HOSTILE)
def test_no_format_lets_a_text_act_on_the_terminal(style, text):
    table = Table(
        f"title {text}", (Column("a", "a", give="fold"),), ((plain(text),),), (f"note {text}",)
    )
    written = render([table], style, width=60)
    assert written.replace("\n", "").isprintable()


@given(st.text())
def test_json_carries_a_text_unchanged(text):
    table = Table("", (Column("a", "a"),), ((plain(text),),))
    assert json.loads(render([table], "json"))["tables"][0]["rows"] == [{"a": text}]


@given(st.text(), st.text())
def test_a_text_stays_in_its_csv_cell(one, other):
    table = Table("", (Column("a", "a"), Column("b", "b")), ((plain(one), plain(other)),))
    rows = list(csv.reader(io.StringIO(render([table], "csv"))))
    assert rows == [["a", "b"], [spreadsheet(one), spreadsheet(other)]]


@given(st.text(), st.text())
def test_a_text_stays_in_its_markdown_cell(one, other):
    table = Table("", (Column("a", "a"), Column("b", "b")), ((plain(one), plain(other)),))
    lines = render([table], "md").splitlines()
    assert len(lines) == 3
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", lines[2])) == 3


def test_a_negative_number_stays_a_number():
    table = Table("", (Column("a", "a"),), ((Cell(-1.5, "−1.5"),),))
    assert render([table], "csv") == "a\n-1.5\n"
