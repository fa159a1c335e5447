"""A commit of the user's repository, checked out beside it for as long as it is measured."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reelbench.ab.errors import SideError

_SECONDS = 120


@contextmanager
def checked_out(revision: str, place: Path) -> Iterator[Path]:
    """Check a revision out into a new folder, and remove it afterwards.

    Args:
        revision: Anything that git understands as a commit.
        place: Folder that does not exist yet.

    Yields:
        The folder in it that stands for the current one.

    Raises:
        SideError: There is no repository here, or no such commit.
    """
    top = Path(_git(revision, "rev-parse", "--show-toplevel"))
    commit = _git(
        revision, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
    )
    _git(revision, "worktree", "add", "--quiet", "--detach", str(place), commit)
    try:
        inside = place / Path.cwd().resolve().relative_to(top.resolve())
        if not inside.is_dir():
            raise SideError(f"commit={revision}: has no folder {inside.name}; start from the top")
        yield inside
    finally:
        _git(revision, "worktree", "remove", "--force", str(place), fails=False)


def _git(revision: str, *words: str, fails: bool = True) -> str:
    # Hooks of the repository are not for a copy that is only measured.
    command = ["git", "-c", "core.hooksPath=/dev/null", *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except FileNotFoundError:
        raise SideError(f"commit={revision}: git is not installed") from None
    except subprocess.TimeoutExpired:
        raise SideError(f"commit={revision}: git took longer than {_SECONDS} s") from None
    if done.returncode and fails:
        said = " ".join(done.stderr.split())[-200:] or "there is no such commit"
        raise SideError(f"commit={revision}: {said}")
    return done.stdout.strip()
