"""Result files are never overwritten, appear whole or not at all, and trouble is told in a line."""

import errno
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reelbench.results.store import StoreError, check_writable, new_stem, newest, write_new
from results.journals import room_for

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "epyc-2c"
    folder.mkdir()
    return folder


def trouble(folder) -> str:
    """The one line that tells why a folder cannot take results."""
    with pytest.raises(StoreError) as caught:
        check_writable(folder)
    line = str(caught.value)
    assert line.startswith(f"{folder}: ")
    assert line.isprintable()
    assert "choose another --reel-results" in line
    return line


def test_a_run_is_named_by_its_time_and_commit(tmp_path, home):
    assert new_stem(tmp_path, home.name, NOON, COMMIT) == home / "20260102T120000Z-0123456"


@pytest.mark.parametrize("commit", [None, "", "unversioned", "../..", "\0"])
def test_a_run_outside_version_control_has_a_safe_name_too(tmp_path, home, commit):
    stem = new_stem(tmp_path, home.name, NOON, commit)
    assert stem.parent == home
    assert stem.name.startswith("20260102T120000Z-")
    stem.with_name(f"{stem.name}.json").touch()


@pytest.mark.parametrize("suffix", [".json", ".journal"])
def test_runs_of_the_same_second_and_commit_have_names_of_their_own(tmp_path, home, suffix):
    stems = []
    for _ in range(12):
        stems.append(new_stem(tmp_path, home.name, NOON, COMMIT))
        stems[-1].with_name(stems[-1].name + suffix).touch()
    assert len(set(stems)) == 12


def test_a_thousand_runs_of_one_second_are_refused_clearly(tmp_path, home, monkeypatch):
    monkeypatch.setattr(Path, "exists", lambda self: True)
    with pytest.raises(StoreError, match="choose another --reel-results"):
        new_stem(tmp_path, home.name, NOON, COMMIT)


def test_the_newest_run_is_found_by_its_name_and_not_by_when_it_was_copied(home):
    names = ["20260102T120000Z-ffffff", "20260102T120001Z-000000", "20251231T235959Z-aaaaaa"]
    for age, name in enumerate(names):
        (home / f"{name}.json").touch()
        os.utime(home / f"{name}.json", (age, age))
    assert newest(home, ".json").stem == names[1]


def test_the_last_of_a_seconds_runs_is_the_newest(tmp_path, home):
    for _ in range(11):
        stem = new_stem(tmp_path, home.name, NOON, COMMIT)
        stem.with_name(f"{stem.name}.json").touch()
        assert newest(home, ".json").stem == stem.name


def test_journals_and_results_are_not_mistaken_for_each_other(home):
    (home / "20260102T120000Z-a.json").touch()
    (home / "20260103T120000Z-b.journal").touch()
    assert newest(home, ".json").name == "20260102T120000Z-a.json"
    assert newest(home, ".journal").name == "20260103T120000Z-b.journal"


def test_files_of_other_names_do_not_hide_the_newest_run(home):
    for name in ("20260102T120000Z-a.json", ".json", "._20260103T120000Z-a.json", "-2-x.json"):
        (home / name).touch()
    assert newest(home, ".json").name == "20260102T120000Z-a.json"


def test_a_folder_without_runs_has_no_newest(home):
    assert newest(home, ".json") is None
    assert newest(home / "nowhere", ".json") is None


def test_a_new_file_holds_what_was_written_and_nothing_lies_beside_it(home):
    write_new(home / "run.json", b"data")
    assert {path.name: path.read_bytes() for path in home.iterdir()} == {"run.json": b"data"}


def test_a_file_is_never_overwritten(home):
    (home / "run.json").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        write_new(home / "run.json", b"new")
    assert {path.name: path.read_bytes() for path in home.iterdir()} == {"run.json": b"old"}


def test_a_link_to_nowhere_is_not_written_through(home, tmp_path):
    (home / "run.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        write_new(home / "run.json", b"new")
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_does_not_fit_on_the_disk_leaves_nothing_behind(home):
    with room_for(1000), pytest.raises(OSError, match="File too large"):
        write_new(home / "run.json", b"x" * 5000)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("step", ["fsync", "link"])
def test_a_file_that_cannot_be_finished_leaves_nothing_behind(home, monkeypatch, step):
    def fails(*args):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, step, fails)
    with pytest.raises(OSError, match="Input/output error"):
        write_new(home / "run.json", b"data")
    assert list(home.iterdir()) == []


def test_a_file_is_whole_on_disk_before_it_has_its_name(home, monkeypatch):
    seen = []
    fsync = os.fsync

    def look(fd):
        seen.append((os.fstat(fd).st_size, (home / "run.json").exists()))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", look)
    write_new(home / "run.json", b"data")
    assert seen == [(4, False)]


def test_what_a_killed_process_left_does_not_stop_the_next_one(home, monkeypatch):
    with monkeypatch.context() as killed:  # before it could tidy up; containers reuse process ids
        killed.setattr(
            os, "link", lambda *args: (_ for _ in ()).throw(OSError(errno.EIO, "killed"))
        )
        killed.setattr(Path, "unlink", lambda self, missing_ok=False: None)
        with pytest.raises(OSError, match="killed"):
            write_new(home / "run.json", b"half")
    assert len(list(home.iterdir())) == 1
    write_new(home / "run.json", b"data")
    assert (home / "run.json").read_bytes() == b"data"
    assert newest(home, ".json").name == "run.json"


def test_a_folder_that_can_take_results_is_made_and_left_empty(tmp_path):
    folder = tmp_path / "results" / "deep"
    check_writable(folder)
    check_writable(folder)
    assert list(folder.iterdir()) == []


def test_a_file_in_the_way_of_the_folder_is_told(tmp_path):
    (tmp_path / "results").write_text("mine")
    assert "cannot be written" in trouble(tmp_path / "results")
    assert "cannot be written" in trouble(tmp_path / "results" / "below")
    assert (tmp_path / "results").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that takes no files")
def test_a_folder_that_takes_no_files_is_told(monkeypatch):
    trouble(Path("/proc/reelbench"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 0, 2**40))
    assert "cannot be written" in trouble(Path("/proc"))


def test_a_read_only_folder_is_told(tmp_path, monkeypatch):
    def refused(self, *args, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refused)
    assert "Permission denied" in trouble(tmp_path)


def test_a_nearly_full_disk_is_told_with_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 2**20))
    assert "only 1 MiB free, results need 32; make room" in trouble(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_beyond_what_it_says_is_told(tmp_path):
    with room_for(2**19):  # as with a quota
        assert "cannot be written" in trouble(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_links_takes_files_too_and_still_overwrites_nothing(
    tmp_path, monkeypatch
):
    def no_links(*_):
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "run.json"
    write_new(path, b"first")
    with pytest.raises(FileExistsError):
        write_new(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_outside_a_repository_says_so_in_its_name(tmp_path):
    assert new_stem(tmp_path, "m", NOON, "unversioned").name == "20260102T120000Z-nocommit"
    assert new_stem(tmp_path, "m", NOON, COMMIT).name == "20260102T120000Z-0123456"
