"""Whatever stands in a file, every command that reads one ends in a clear line, or answers."""

import json
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelbench.cli import main
from results import documents as make

GOOD = make.encoded(make.document())
ESCAPES = "\x1b]0;owned\x07\x1b[2J\u202e\x00\u200b\r\n=cmd|' /C calc'!A0"

COMMANDS = (
    ["show", "F"],
    ["predict", "r3d_18@8x56x56", "--rates", "F"],
    ["validate", "F"],
    ["plan", "--preset", "measured-layers", "--rates", "F"],
    ["compare", "F", "F"],
    ["compare", "F", "G"],
    ["compare", "G", "F", "F", "--format", "md"],
    ["compare", "G", "F", "--format", "csv"],
    ["compare", "G", "F", "--fail-slower", "3%"],
    ["history", "F"],
    ["export", "F"],
    ["export", "F", "--to", "md"],
    ["merge", "F", "G", "--output", "-"],
)
SEVERAL = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)


def answer(words, folder, data, capsys):
    """What a command says of hostile bytes: its exit code, and its output checked."""
    (folder / "F").write_bytes(data)
    (folder / "G").write_bytes(GOOD)
    given_words = [str(folder / word) if word in ("F", "G") else word for word in words]
    begun = time.monotonic()
    code = main(given_words)
    took = time.monotonic() - begun
    out, err = capsys.readouterr()
    assert code in (0, 1, 2, 3)
    assert took < 20
    if code == 2:
        assert out == "" or words[0] == "export"
        assert err.startswith("reelbench: ")
        assert err.count("\n") == 1
    assert all(c.isprintable() or c == "\n" for c in out)
    assert all(c.isprintable() or c == "\n" for c in err)
    return code, err


# What a byte of the file becomes, or what stands in the place of a value.
MUTATIONS = st.one_of(
    st.binary(max_size=300),
    st.integers(0, len(GOOD)).map(lambda n: GOOD[:n]),
    st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=8)).map(
        lambda drawn: GOOD[: drawn[0]] + drawn[1] + GOOD[drawn[0] + 1 :]
    ),
)


@SEVERAL
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=MUTATIONS)
def test_mutated_bytes_end_in_a_line_or_an_answer(words, data, tmp_path, capsys):
    answer(words, tmp_path, data, capsys)


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places(each, (*path, key))
    elif isinstance(value, list):
        for number, each in enumerate(value[:2]):
            yield from places(each, (*path, number))


PLACES = list(places(make.document()))[1:]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1e-320, 1e308, -1e308, 2**70, "", ESCAPES, [], {}, [[]], {"a": {}}]),
    st.text(max_size=20),
    st.floats(allow_nan=False, allow_infinity=False),
)


def replaced(path, value):
    whole = json.loads(GOOD)
    inside = whole
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return make.encoded(whole)


@SEVERAL
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(path=st.sampled_from(PLACES), value=VALUES)
def test_any_value_in_any_place_ends_in_a_line_or_an_answer(words, path, value, tmp_path, capsys):
    answer(words, tmp_path, replaced(path, value), capsys)


@SEVERAL
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[" * 100_000,
        b'{"benchmarks":' * 50_000,
        b'{"benchmarks": [' + b"1," * 500_000,
        GOOD.replace(b"0.01", b"NaN", 1),
        GOOD.replace(b"0.01", b"1e999", 1),
        GOOD.replace(b"somewhere", b"\\ud800", 1),
        GOOD.replace(b'"node": "somewhere"', b'"node": ' + b"9" * 5000, 1),
        b"\xff\xfe" + GOOD,
        b"\x1f\x8b\x08\x00" + GOOD,
    ],
    ids=["empty", "null", "deep", "deep objects", "long", "NaN", "huge number", "half a pair",
         "long number", "other encoding", "compressed"],
)  # fmt: skip
def test_broken_files_end_in_a_line(words, data, tmp_path, capsys):
    code, _ = answer(words, tmp_path, data, capsys)
    # What stands where nobody looks may be passed over, but not written again.
    assert code == 2 or b"9" * 5000 in data


@SEVERAL
@pytest.mark.parametrize(
    "path",
    [
        ("benchmarks", 0, "fullname"),
        ("benchmarks", 0, "extra_info", "reelbench", "identity", "preset"),
        ("benchmarks", 0, "extra_info", "reelbench", "identity", "family"),
        ("machine_info", "reelbench", "id"),
        ("machine_info", "reelbench", "facts", "cpu_model"),
        ("reelbench", "created"),
        ("reelbench", "run_id"),
        ("commit_info", "id"),
    ],
    ids=lambda path: path[-1],
)
def test_escape_codes_in_names_never_reach_the_terminal(words, path, tmp_path, capsys):
    code, _ = answer(words, tmp_path, replaced(path, ESCAPES), capsys)
    assert code in (0, 2, 3) or "--fail-slower" in words


def test_a_huge_file_takes_bounded_memory(tmp_path):
    """Nearly the largest file that is read, of one-digit times: the costliest text."""
    rounds = b"[" + b"1," * (30 * 2**20) + b"1]"
    data = make.encoded(make.document(make.record())).replace(b"[0.0099, 0.01, 0.0101]", rounds, 1)
    assert rounds in data
    (tmp_path / "F").write_bytes(data)
    script = (
        "import resource, sys\nfrom reelbench.cli import main\n"
        f"code = main(['compare', {str(tmp_path / 'F')!r}, {str(tmp_path / 'F')!r}])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert "share a run" in done.stdout
    assert int(done.stderr.split()[-1]) < 2 * 2**20  # KiB


def test_hostile_file_names_are_escaped(tmp_path, capsys):
    path = tmp_path / "\x1b[2J.json"
    path.write_bytes(b"{")
    assert main(["compare", str(path), str(path)]) == 2
    assert "\x1b" not in capsys.readouterr().err
