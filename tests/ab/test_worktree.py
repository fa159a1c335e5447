import subprocess

import pytest

from reelbench.ab.errors import SideError
from reelbench.ab.worktree import checked_out


def git(folder, *words):
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    folder = tmp_path / "repository"
    (folder / "inner").mkdir(parents=True)
    git(folder, "init", "-q")
    for text in ("old", "new"):
        (folder / "inner" / "file").write_text(text)
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", text)
    monkeypatch.chdir(folder / "inner")
    return folder


def test_an_older_commit_stands_beside_the_files_and_is_removed(repository, tmp_path):
    with checked_out("HEAD~1", tmp_path / "place") as inside:
        assert (inside / "file").read_text() == "old"
        assert (repository / "inner" / "file").read_text() == "new"
    assert not (tmp_path / "place").exists()
    listed = subprocess.run(["git", "worktree", "list"], capture_output=True, text=True, check=True)
    assert len(listed.stdout.splitlines()) == 1


def test_hooks_of_the_repository_do_not_run(repository, tmp_path):
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
    hook.chmod(0o755)
    with checked_out("HEAD", tmp_path / "place"):
        pass
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("revision", ["nothing", "--help", "-q", "HEAD:inner"])
def test_what_is_no_commit_is_refused(repository, tmp_path, revision):
    with pytest.raises(SideError, match="commit="), checked_out(revision, tmp_path / "place"):
        pass


def test_outside_of_a_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(SideError, match="not a git repository"):
        checked_out("HEAD", tmp_path / "place").__enter__()
