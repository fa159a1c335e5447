import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.ab.errors import SideError
from reelbench.ab.sides import interpreter, read_side


def test_words_are_read_as_in_a_shell():
    side = read_side("XLA_FLAGS='--a=1 --b=2' python=.venv commit=main~3 case=r3d-layer1")
    assert side.variables == {"XLA_FLAGS": "--a=1 --b=2"}
    assert (side.python, side.commit, side.case) == (".venv", "main~3", "r3d-layer1")


@pytest.mark.parametrize("text", ["", "  ", "here"])
def test_this_environment_as_it_is(text):
    side = read_side(text)
    assert (side.variables, side.python, side.commit, side.words) == ({}, None, None, "here")


def test_an_empty_variable_is_kept_for_unsetting():
    assert read_side("XLA_FLAGS=").variables == {"XLA_FLAGS": ""}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("there", "cannot read 'there'"),
        ("xla_flags=1", "upper case|environment variable"),
        ("python=", "python= is empty"),
        ("commit=a commit=b", "twice"),
        ("case=x test=y", "not both"),
        ("XLA_FLAGS='unclosed", "quote"),
        ("--upload-pack=evil", "cannot read"),
    ],
)
def test_other_words_are_refused_in_one_line(text, said):
    with pytest.raises(SideError, match=said) as caught:
        read_side(text)
    assert "\n" not in str(caught.value)


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        side = read_side(text)
    except SideError:
        return
    assert side.words


def test_an_interpreter_is_found_in_its_environment(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    # The link itself: followed, it would be another environment's interpreter.
    assert interpreter(str(tmp_path)) == tmp_path / "bin" / "python"
    assert interpreter(sys.executable).samefile(sys.executable)
    with pytest.raises(SideError, match="no interpreter"):
        interpreter(str(tmp_path / "nothing"))
