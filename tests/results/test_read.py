"""Whatever the bytes or the path, reading ends in results or in one clear line."""

import copy
import json
import os
import resource
import socket
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reelbench.results import read
from reelbench.results.read import ResultFileError, load, parse
from reelbench.results.schema import SCHEMA, Results
from results import documents as make

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TIMING = "benchmarks[0].extra_info.reelbench.timing"


def problem_of(data: bytes | dict) -> str:
    """The error's line; fails if the data are read."""
    with pytest.raises(ResultFileError) as caught:
        parse(data if isinstance(data, bytes) else make.encoded(data), "A.json")
    line = str(caught.value)
    assert line.isprintable()
    assert len(line) < 600
    assert line.startswith("A.json: ")
    assert ";" in line  # what to do follows
    return line


def assert_ends_clearly(data: bytes) -> str | None:
    """Assert that the data are read or refused in one line; return the line."""
    try:
        results = parse(data, "A.json")
    except ResultFileError as error:
        line = str(error)
    else:
        assert isinstance(results, Results)
        return None
    assert line.isprintable()
    return line


def changed(path: str, value) -> dict:
    """A valid file with one field set; the path is dotted, with numbers for places in a list."""
    whole = make.document()
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    at = whole
    for part in parents:
        at = at[part]
    at[last] = value
    return whole


def test_a_file_of_ours_is_read(tmp_path):
    results = load(make.write(tmp_path, make.document()))
    assert [record.identity.pass_ for record in results.records] == ["forward", "train"]
    assert results.reelbench.run_id


def test_a_file_of_plain_pytest_benchmark_is_read_without_records():
    results = parse(make.encoded(make.plain_document()), "plain.json")
    assert results.records == []
    assert results.benchmarks[0].stats.median == 0.010


def test_a_file_that_pytest_benchmark_itself_wrote_is_read(tmp_path):
    (tmp_path / "test_sum.py").write_text(
        "def test_sum(benchmark):\n    benchmark.pedantic(sum, ([1, 2],), rounds=3)\n"
    )
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "pytest_benchmark.plugin",
            "--benchmark-json=a.json",
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        check=True,
    )
    results = load(tmp_path / "a.json")
    assert (results.records, len(results.benchmarks)) == ([], 1)


# Paths


def test_a_missing_file_is_named():
    with pytest.raises(ResultFileError, match=r"^nowhere\.json: cannot be read \(No such file"):
        load("nowhere.json")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ResultFileError, match="is a folder; name a file"):
        load(tmp_path)


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ResultFileError, match="is a pipe or a device"):
        load(tmp_path / "pipe")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_a_device_is_refused(device):
    with pytest.raises(ResultFileError, match=r"is a pipe or a device|cannot be read"):
        load(device)


def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(ResultFileError, match="is a pipe or a device"):
            load("s")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path):
    path = make.write(tmp_path, make.document())
    path.chmod(0)
    with pytest.raises(ResultFileError, match="Permission denied"):
        load(path)


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "loop", "", "\udc80", "new\nline\x1b[2J"])
def test_no_path_breaks_reading(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ResultFileError) as caught:
        load(path)
    assert str(caught.value).isprintable()


def test_a_file_that_is_too_large_is_refused_unread(tmp_path):
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(read.LARGEST_BYTES + 1)  # a hole: takes no space
    with pytest.raises(ResultFileError, match="is 67,108,865 bytes, more than 67,108,864"):
        load(tmp_path / "large.json")


def test_a_file_that_says_it_is_empty_is_read_to_its_end(tmp_path):
    if sys.platform == "linux":
        with pytest.raises(ResultFileError, match="is not strict JSON"):
            load("/proc/self/status")


# Bytes


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (make.encoded(make.document())[:500], "is cut off after 500 bytes"),
        (b"hello", "is not strict JSON"),
        (b"\xef\xbb\xbf{}", "is not strict JSON"),
        ("{}".encode("utf-16"), "is not strict JSON"),
        (b"\x1f\x8b\x08\x00", "is not strict JSON"),
        (b"[]", "field `(top level)`: Expected `object`"),
        (b"null", "field `(top level)`"),
        (b'{"machine_info": {}, "x": ' + b"[" * 100_000, "is nested too deeply"),
        (b'{"machine_info": {}, "x": ' + b'{"a":' * 100_000, "is nested too deeply"),
        (make.encoded(make.document(version="\udc80")), "is not strict JSON"),
        (b'{"machine_info": {}, "benchmarks": [], "version": "\xff"}', "is not UTF-8"),
        (make.encoded(make.document()) + b"{}", "is not strict JSON"),
        (b'{"machine_info": {}, "benchmarks": [], "x": NaN}', "holds NaN or Infinity"),
        (b'{"machine_info": {}, "benchmarks": [], "x": [-Infinity]}', "holds NaN or Infinity"),
    ],
)
def test_bytes_that_are_no_strict_json_are_refused(data, problem):
    assert problem in problem_of(data)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 5000, "NaN", "Infinity"])
def test_numbers_beyond_a_double_are_refused(number):
    data = make.encoded(changed("reelbench.duration_s", "@")).replace(b'"@"', number.encode())
    problem_of(data)


def test_of_a_key_that_stands_twice_the_last_value_counts():
    data = b'{"benchmarks": 3, "machine_info": {}, "benchmarks": []}'
    with pytest.raises(ResultFileError):
        parse(data, "A.json")  # each value is checked
    data = b'{"version": "1", "machine_info": {}, "benchmarks": [], "version": "2"}'
    assert parse(data, "A.json").version == "2"


def test_a_long_list_of_short_numbers_stays_within_memory_and_time():
    numbers = b"1," * (4 * 2**20) + b"1"
    whole = make.encoded(changed("benchmarks.0.extra_info.reelbench.timing.replicates", "@"))
    replicate = (
        b'[{"process":"p","order":0,"iterations":1,"warmup_s":[],"rounds_s":[%s]}]' % numbers
    )
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    parse(whole.replace(b'"@"', replicate), "A.json")
    kib = 1024 if sys.platform == "darwin" else 1
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / kib < 300_000
    assert time.monotonic() - start < 10


# Fields


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("benchmarks", {}, "benchmarks"),
        ("benchmarks.0.stats.median", -1.0, "benchmarks[0].stats.median"),
        ("benchmarks.0.stats.median", "fast", "benchmarks[0].stats.median"),
        ("benchmarks.0.stats.median", 99.0, "benchmarks[0].stats.median"),
        ("benchmarks.1.name", "x" * 5000, "benchmarks[1].name"),
        ("benchmarks.1.extra_info.reelbench.identity.batch", 1.5, "identity.batch"),
        ("benchmarks.1.extra_info.reelbench.identity.batch", -1, "identity.batch"),
        ("benchmarks.1.extra_info.reelbench.identity.batch", 2**70, "identity.batch"),
        ("benchmarks.0.extra_info.reelbench.outcome", "\x1b[31mevil", "reelbench.outcome"),
        ("benchmarks.0.extra_info.reelbench.timing.low_s", 0.0101, f"{TIMING}.low_s"),
        ("benchmarks.0.extra_info.reelbench.timing.high_s", 0.0099, f"{TIMING}.high_s"),
        ("benchmarks.0.extra_info.reelbench.timing.low_s", 1e-300, f"{TIMING}.low_s"),
        ("benchmarks.0.extra_info.reelbench.timing.high_s", 1e300, f"{TIMING}.high_s"),
        ("benchmarks.0.extra_info.reelbench.timing.median_s", None, f"{TIMING}.median_s"),
        ("benchmarks.0.extra_info.reelbench.timing.confidence", 1.0, f"{TIMING}.confidence"),
        ("benchmarks.0.extra_info.reelbench.timing.replicates", [], f"{TIMING}.replicates"),
        ("machine_info.reelbench.facts", {"a": [1]}, "machine_info.reelbench.facts"),
        ("machine_info.reelbench.facts", {"a": 2**70}, "machine_info.reelbench.facts.a"),
        ("machine_info.reelbench.ceilings.0.rate", 0, "ceilings[0].rate"),
        ("reelbench.options", {"\x1b[2J": 10**30}, "reelbench.options."),
        ("reelbench.schema", "1", "reelbench.schema"),
        ("reelbench.schema", 0, "reelbench.schema"),
        ("reelbench.schema", -7, "reelbench.schema"),
        ("reelbench.schema", SCHEMA + 1, "reelbench.schema"),
        ("reelbench.schema", 10**400, "reelbench.schema"),
        ("reelbench.duration_s", -1, "reelbench.duration_s"),
    ],
)
def test_a_field_that_cannot_be_true_is_named(path, value, field):
    assert field in problem_of(changed(path, value))


def test_a_newer_schema_says_to_upgrade():
    assert "pip install -U reelbench" in problem_of(changed("reelbench.schema", SCHEMA + 1))


def test_two_benchmarks_of_one_name_are_refused():
    whole = make.document(make.record(), make.record())
    assert "`benchmarks[1].fullname`: is the same as that of benchmarks[0]" in problem_of(whole)


# Properties


@QUICK
@given(st.binary(max_size=400))
@example(b'{"reelbench": {"schema": 1e400}}')
def test_any_bytes_end_in_results_or_one_line(data):
    assert_ends_clearly(data)


@QUICK
@given(st.integers(0, 10_000), st.binary(max_size=6), st.integers(0, 30))
def test_a_file_with_damaged_bytes_ends_in_results_or_one_line(place, inserted, deleted):
    data = make.encoded(make.document())
    place %= len(data)
    damaged = data[:place] + inserted + data[place + deleted :]
    assert_ends_clearly(damaged)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from([10**4000, -(2**63), 5e-324, 1.7e308, "\ud800", "\x1b]0;x\x07", "", -0.0]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def _places(value, at=()):
    yield at
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(inner, (*at, key))


WHOLE = make.document(block=make.run(outcomes=[make.outcome()]))
PLACES = [place for place in _places(WHOLE) if place]


@QUICK
@given(st.sampled_from(PLACES), ANYTHING)
def test_a_file_with_any_value_anywhere_ends_in_results_or_one_line(place, value):
    whole = copy.deepcopy(WHOLE)
    at = whole
    for part in place[:-1]:
        at = at[part]
    at[place[-1]] = value
    assert_ends_clearly(json.dumps(whole).encode())


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_a_missing_field_is_read_without_it_or_named(place):
    whole = copy.deepcopy(WHOLE)
    at = whole
    for part in place[:-1]:
        at = at[part]
    del at[place[-1]]
    line = assert_ends_clearly(make.encoded(whole))
    assert line is None or str(place[-1]) in line or isinstance(place[-1], int)
