import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from reelbench.report.tables import Cell, Column, Table, plain, render, terminal_width

COLUMNS = (
    Column("name", "layer", give="fold"),
    Column("median_s", "median", align="right"),
    Column("low_s", "", shown=False),
)


def table(name: str = "r3d-layer1") -> Table:
    return Table(
        "Layers", COLUMNS, ((plain(name), Cell(0.01, "10.0 ms"), Cell(0.009, "")),), ("n",)
    )


def test_a_terminal_gets_title_headings_texts_and_notes():
    assert render([table()], "table", width=80).splitlines() == [
        "Layers",
        "layer        median",
        "───────────────────",
        "r3d-layer1  10.0 ms",
        "n",
    ]


def test_json_and_csv_carry_raw_values_of_all_columns():
    row = {"name": "r3d-layer1", "median_s": 0.01, "low_s": 0.009}
    assert json.loads(render([table()], "json")) == {
        "tables": [{"title": "Layers", "rows": [row], "notes": ["n"]}]
    }
    assert render([table()], "csv") == "name,median_s,low_s\nr3d-layer1,0.01,0.009\n"


def test_markdown_is_a_table():
    assert render([table()], "md") == (
        "**Layers**\n\n| layer | median |\n| :--- | ---: |\n| r3d-layer1 | 10.0 ms |\n\n- n\n"
    )


def test_csv_holds_the_main_table_and_those_with_its_columns():
    other = Table("", (Column("x", "x"),), ((plain(1),),))
    assert render([other, table("a"), table("b")], "csv", main=1).splitlines() == [
        "name,median_s,low_s",
        "a,0.01,0.009",
        "b,0.01,0.009",
    ]


@pytest.mark.parametrize("style", ["table", "md", "json", "csv"])
def test_a_table_without_rows_is_written(style):
    assert render([Table("", COLUMNS), Table("only a title")], style).endswith("\n")


TEXTS = st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=60)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=4), st.integers(70, 160))
def test_no_line_is_wider_than_the_terminal(rows, width):
    columns = (
        Column("a", "fold", give="fold"),
        Column("b", "keep", align="right"),
        Column("c", "cut", give="cut"),
    )
    cells = tuple((plain(a), plain(b[:30]), plain(c)) for a, b, c in rows)
    written = render([Table(rows[0][0], columns, cells, (rows[0][1],))], "table", width=width)
    assert all(cell_len(line) <= width for line in written.splitlines())


def test_what_may_fold_is_shown_whole_and_what_must_not_stays_on_one_line():
    name = "x" * 150
    written = render([table(name)], "table", width=60)
    assert written.count("x") == 150
    assert "10.0 ms" in written


def test_a_name_made_of_several_is_broken_between_them():
    columns = (Column("name", "layer", give="fold"), Column("other", "other"))
    name = "x3d-m-res4 affine+ones+patches+shifts"
    made = Table("", columns, ((plain(name), plain("-" * 20)),))
    lines = [line.split("  ")[0].strip() for line in render([made], width=40).splitlines()[2:]]
    assert lines == ["x3d-m-res4", "affine+ones+", "patches+shifts"]


NAMES = st.lists(st.text("abcdefgh", min_size=1, max_size=14), min_size=1, max_size=6)


@given(NAMES, st.integers(30, 60))
def test_no_name_shorter_than_its_column_is_broken(names, width):
    columns = (Column("name", "layer", give="fold"), Column("other", "other"))
    made = Table("", columns, ((plain("+".join(names)), plain("-" * 12)),))
    lines = [
        line.partition("  ")[0].strip() for line in render([made], width=width).splitlines()[2:]
    ]
    said = [each for line in lines for each in line.strip("+").split("+") if each]
    assert said == names


def test_what_may_be_cut_ends_in_an_ellipsis_on_one_line():
    columns = (Column("name", "name"), Column("source", "source", give="cut"))
    row = (plain("r3d-layer1"), plain("Tran et al. 2018, arXiv:1711.11248; torchvision"))
    lines = render([Table("", columns, (row,))], "table", width=40).splitlines()
    assert lines[-1] == "r3d-layer1  Tran et al. 2018, arXiv:171…"


def test_without_a_terminal_lines_have_a_hundred_characters(capsys):
    assert terminal_width() == 100
