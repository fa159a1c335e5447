"""A kill or a full disk at any moment costs the case in hand and nothing else."""

import errno
import json
import os
import subprocess
import sys

import msgspec
import pytest

from reelbench.results import journal as journals
from reelbench.results.journal import Journal, JournalError, document, encode
from reelbench.results.read import parse
from results import documents
from results import journals as make
from results.journals import A, B, C


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.journal"


def refusal(path) -> str:
    """The one line with which a journal is refused; nothing of it may stay open or locked."""
    with pytest.raises(JournalError) as caught:
        Journal.reopen(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    return line


def strict(data: bytes) -> dict:
    """JSON without the NaN and Infinity that Python's reader takes."""
    return json.loads(data, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_a_journal_reopens_as_it_was_left(path):
    written = make.whole(path)
    written.close()
    again = Journal.reopen(path)
    assert again.header == make.header()
    assert again.entries == make.steps()
    assert document(again) == document(written)
    again.close()


def test_every_line_is_on_disk_as_soon_as_it_is_written(path, monkeypatch):
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (fsync(fd), synced.append(path.stat().st_size)))
    journal = Journal.create(path, make.header())
    for count, step in enumerate(make.steps(), 2):
        journal.append(step)
        data = path.read_bytes()
        assert data.count(b"\n") == len(synced) == count
        assert len(data) == synced[-1]
    journal.close()


def test_a_journal_cut_anywhere_keeps_every_whole_line_and_goes_on_to_the_same_file(path):
    unbroken = make.whole(path)
    expected = encode(document(unbroken))
    unbroken.close()
    data = path.read_bytes()
    path.unlink()
    begins = data.index(b"\n") + 1
    steps = make.steps()
    for cut in range(begins, len(data) + 1):
        path.write_bytes(data[:cut])
        journal = Journal.reopen(path)
        kept = data[:cut].count(b"\n") - 1
        assert journal.entries == steps[:kept]
        # Going on from one place in each line, and from its very ends, tells as much as from all.
        if cut % 97 == 0 or data[cut - 1 : cut] == b"\n" or data[cut : cut + 1] == b"\n":
            for step in steps[kept:]:
                journal.append(step)
            assert encode(document(journal)) == expected
            assert path.read_bytes() == data
        journal.close()


def test_a_journal_cut_in_its_first_line_is_refused_and_left_alone(path):
    make.whole(path).close()
    data = path.read_bytes()
    for cut in range(data.index(b"\n") + 1):
        path.write_bytes(data[:cut])
        assert "no complete line; delete it" in refusal(path)
        assert path.read_bytes() == data[:cut]


@pytest.mark.parametrize("tail", [b"\0" * 4096, b"\xff\xfe", b'{"kind":"case"', b" "])
def test_what_a_crash_leaves_at_the_end_is_dropped(path, tail):
    make.whole(path).close()
    data = path.read_bytes()
    path.write_bytes(data + tail)
    journal = Journal.reopen(path)
    assert journal.entries == make.steps()
    journal.append(make.process("p1"))
    journal.close()
    assert path.read_bytes() == data + msgspec.json.encode(make.process("p1")) + b"\n"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[" * 100_000,
        b"\xff",
        b'{"kind":"other"}',
        b"null",
        b'{"kind":"case","name":1}',
    ],
)
def test_a_journal_with_a_damaged_line_is_refused_and_left_alone(path, line):
    make.whole(path).close()
    data = path.read_bytes() + line + b"\n"
    path.write_bytes(data)
    assert "is damaged" in refusal(path)
    assert path.read_bytes() == data


def test_a_journal_of_another_schema_is_refused(path):
    Journal.create(path, make.header(schema=999)).close()
    assert "schema 999" in refusal(path)


def test_a_journal_that_is_not_there_or_no_file_is_refused(path):
    assert "cannot be opened" in refusal(path)
    path.mkdir()
    assert "cannot be opened" in refusal(path)


SECOND_WRITER = """
import pathlib, sys
from reelbench.results.journal import Journal, JournalError
try:
    Journal.reopen(pathlib.Path(sys.argv[1])).close()
except JournalError as error:
    print(error)
else:
    print("opened")
"""


def opened_elsewhere(path) -> str:
    command = [sys.executable, "-c", SECOND_WRITER, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_second_writer_is_refused_until_the_first_has_ended(path):
    journal = make.whole(path)
    data = path.read_bytes()
    assert "another run is still writing it" in opened_elsewhere(path)
    assert path.read_bytes() == data
    journal.close()
    again = Journal.reopen(path)
    assert "another run is still writing it" in opened_elsewhere(path)
    again.close()
    assert opened_elsewhere(path) == "opened\n"


def test_a_refused_journal_is_not_locked(path):
    path.write_bytes(b"{}\n")
    with pytest.raises(JournalError, match="is damaged") as caught:
        Journal.reopen(path)
    assert "is damaged" in opened_elsewhere(path)
    assert caught.tb  # which still holds on to what was open


def test_a_new_journal_never_replaces_another(path):
    make.whole(path).close()
    data = path.read_bytes()
    with pytest.raises(FileExistsError):
        Journal.create(path, make.header())
    assert path.read_bytes() == data


def test_a_journal_that_cannot_be_begun_leaves_nothing_behind(path):
    with make.room_for(100), pytest.raises(OSError, match="No space left"):
        Journal.create(path, make.header())
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("room", [0, 1, 100])
def test_a_full_disk_is_an_error_and_costs_only_the_line_in_hand(path, room):
    journal = make.whole(path)
    data, entries = path.read_bytes(), list(journal.entries)
    with make.room_for(len(data) + room), pytest.raises(OSError) as caught:  # noqa: PT011 - below
        journal.append(make.timed(C))
    assert caught.value.errno in (errno.ENOSPC, errno.EFBIG)
    assert path.read_bytes() == data
    assert journal.entries == entries
    journal.append(make.timed(C))  # room was made
    journal.close()
    again = Journal.reopen(path)
    assert again.entries == [*entries, make.timed(C)]
    again.close()


@pytest.mark.parametrize("room", [0, 1, 100, 700])
def test_lines_written_together_are_kept_or_lost_together(path, room):
    journal = make.whole(path)
    data, entries = path.read_bytes(), list(journal.entries)
    both = [make.timed(B), make.timed(C)]
    with make.room_for(len(data) + room), pytest.raises(OSError, match=r"No space left|too large"):
        journal.extend(both)
    assert path.read_bytes() == data
    assert journal.entries == entries
    journal.extend(both)  # room was made
    journal.close()
    again = Journal.reopen(path)
    assert again.entries == [*entries, *both]
    assert again.ended[C] == both[1]
    again.close()


def test_a_line_that_could_not_be_synced_is_not_kept_twice(path, monkeypatch):
    journal = make.whole(path)
    data = path.read_bytes()

    def fails(fd):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(OSError, match="Input/output error"):
            journal.append(make.timed(C))
    assert path.read_bytes() == data
    journal.append(make.timed(C))
    assert path.read_bytes().count(b"\n") == data.count(b"\n") + 1
    journal.close()


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_lacks_does_not_cost_the_run(path, number):
    journal = make.whole(path)
    numbers = {"relative_error": number, "tolerance": 0.1}
    journal.append(make.failed(C, "disagrees_with_reference", reason="nan", numbers=numbers))
    journal.close()
    again = Journal.reopen(path)
    assert again.ended[C].outcome.numbers == {"tolerance": 0.1}
    assert strict(encode(document(again)))
    again.close()


def test_a_very_long_reason_does_not_cost_the_run(path):
    journal = make.whole(path)
    entry = make.failed(C)
    long = msgspec.structs.replace(entry.outcome, reason="x" * 100_000)
    journal.append(msgspec.structs.replace(entry, outcome=long))
    journal.close()
    again = Journal.reopen(path)
    assert again.ended[C].outcome.reason.startswith("xxx")
    assert encode(document(again))
    again.close()


def test_a_line_that_could_not_be_read_back_is_never_written(path):
    journal = make.whole(path)
    data = path.read_bytes()
    long = msgspec.structs.replace(make.outcome(C), name="x" * 5000)
    for entry in (journals.Entry(kind="case", name=C, outcome=long), make.begin("\ud800")):
        with pytest.raises(ValueError, match=r"length|encod"):
            journal.append(entry)
    journal.close()
    assert path.read_bytes() == data


def test_a_case_that_began_and_never_ended_is_what_the_process_died_in(path):
    journal = Journal.create(path, make.header())
    for entry in (make.process(), make.begin(A), make.timed(A), make.begin(B)):
        journal.append(entry)
    assert journal.died_in == {B: 1}
    journal.append(make.process("p1"))
    journal.append(make.begin(B))
    assert journal.died_in == {B: 2}
    assert journal.missing == [B, C]
    journal.append(make.failed(B, "crashed"))
    assert journal.died_in == {}
    assert journal.missing == [C]
    journal.close()


def test_what_further_processes_found_is_kept_beside_what_the_first_one_did(path):
    journal = make.whole(path)
    for entry in (make.process("p1"), make.again(A), make.again(B, reason="x" * 9000)):
        journal.append(entry)
    journal.append(make.timed(A, 0.05))  # all processes together
    journal.close()
    again = Journal.reopen(path)
    assert {name: len(tries) for name, tries in again.replicates.items()} == {A: 1, B: 1}
    assert again.replicates[A][0].replicate.process == "p1"
    assert again.replicates[B][0].replicate is None
    assert len(again.replicates[B][0].reason) < 4000
    assert again.first_timed[A].benchmark["stats"]["median"] == 0.01
    assert again.ended[A].benchmark["stats"]["median"] == 0.05
    assert C not in again.first_timed
    assert again.missing == []
    assert [each["id"] for each in document(again)["reelbench"]["processes"]] == ["p0", "p1"]
    again.close()


def test_the_last_word_on_a_case_counts(path):
    journal = make.whole(path)
    journal.append(make.timed(C, 0.05))
    made = document(journal)
    assert [each["name"] for each in made["benchmarks"]] == [A, B, C]
    assert [each["outcome"] for each in made["reelbench"]["outcomes"]] == ["ok"] * 3
    journal.close()


def test_the_file_of_a_whole_run_is_strict_valid_json_in_the_planned_order(path):
    journal = make.whole(path)
    data = encode(document(journal))
    journal.close()
    assert strict(data) == document(journal)
    results = parse(data, "made.json")
    assert [record.identity.preset for record in results.records] == [A, B]
    assert [each.name for each in results.reelbench.outcomes] == [A, B, C]
    assert results.reelbench.complete
    assert results.reelbench.duration_s == 1.5 + 1.5 + 0.25
    assert [each.id for each in results.reelbench.processes] == ["p0"]
    assert results.machine_info.reelbench == make.header().machine
    assert strict(data)["machine_info"]["cpu"] == {"count": 2}


def test_the_file_of_an_interrupted_run_says_that_it_is_not_complete(path):
    journal = Journal.create(path, make.header())
    journal.append(make.timed(B))
    assert not parse(encode(document(journal)), "made.json").reelbench.complete
    journal.close()


def test_numbers_that_json_lacks_are_null_in_the_file(path):
    entry = make.timed(A)
    entry.benchmark["stats"]["stddev"] = float("nan")
    journal = Journal.create(path, make.header(planned=[A]))
    journal.append(entry)
    assert strict(encode(document(journal)))["benchmarks"][0]["stats"]["stddev"] is None
    journal.close()


def test_a_document_that_does_not_fit_the_schema_is_not_encoded():
    made = documents.document()
    made["benchmarks"][0]["stats"]["median"] = -1.0
    with pytest.raises(msgspec.ValidationError, match="median"):
        encode(made)


def test_a_journal_goes_once_its_file_is_written_and_stays_otherwise(path):
    journal = make.whole(path)
    journal.close()
    assert path.exists()
    journal = Journal.reopen(path)
    journal.close(remove=True)
    assert not path.exists()
