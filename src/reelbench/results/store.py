"""Where result files live, and how they are written: ``<folder>/<machine id>/<utc>-<commit>.json``.

Files are immutable: nothing is ever overwritten, and a file appears whole or not at all.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path

_SPARE_BYTES = 32 * 2**20  # a long run's journal and file together are a few MiB
# What a file system without hard links (exFAT, some network mounts) answers.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


class StoreError(OSError):
    """A folder that cannot take results; the message says why and what to do."""


def new_stem(folder: Path, machine_id: str, created: datetime, commit: str | None) -> Path:
    """A path without suffix for a new run, in an existing folder, that no other run uses."""
    # Outside a repository pytest-benchmark gives a word instead of a hash.
    short = commit[:7] if commit and re.fullmatch(r"[0-9a-f]{7,64}", commit) else "nocommit"
    home = folder / machine_id
    stem = home / f"{created:%Y%m%dT%H%M%SZ}-{short}"
    for number in range(2, 1000):
        if not any(stem.with_name(stem.name + end).exists() for end in (".json", ".journal")):
            return stem
        stem = home / f"{created:%Y%m%dT%H%M%SZ}-{short}-{number}"
    raise StoreError(f"{home}: holds a thousand runs of this second; choose another --reel-results")


def new_file(home: Path, created: datetime) -> Path:
    """A path for a new JSON file named by its time; the folder is made if it is not there."""
    home.mkdir(parents=True, exist_ok=True)
    for number in range(1, 1000):
        path = home / f"{created:%Y%m%dT%H%M%SZ}{f'-{number}' if number > 1 else ''}.json"
        if not path.exists():
            return path
    raise StoreError(f"{home}: holds a thousand files of this second; choose another folder")


def check_writable(folder: Path) -> None:
    """Create the folder and prove that a run's results can be written to it.

    Raises:
        StoreError: It cannot be created or written, or the disk has too little room.
    """
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        if free < _SPARE_BYTES:
            raise StoreError(
                f"{folder}: only {free // 2**20} MiB free, results need {_SPARE_BYTES // 2**20}; "
                "make room or choose another --reel-results"
            )
        with probe.open("wb") as file:
            file.write(os.urandom(2**20))
            file.flush()
            os.fsync(file.fileno())
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be written ({error.strerror}); choose another --reel-results"
        ) from None
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def write_new(path: Path, data: bytes) -> None:
    """Write a file that must not exist yet, whole or not at all.

    Raises:
        FileExistsError: The file exists.
        OSError: It cannot be written; nothing is left behind.
    """
    partial = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        with partial.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(partial, path)  # unlike a rename, a link does not replace
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if path.exists():
                raise FileExistsError(errno.EEXIST, "exists already", str(path)) from None
            partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


def newest(folder: Path, suffix: str) -> Path | None:
    """The newest file of a machine's folder by its name, which begins with the time."""
    return max(folder.glob(f"*{suffix}"), key=_age, default=None)


def _age(path: Path) -> tuple[str, int, str]:
    """What orders files by time: the time in the name, then the number of a run of that second."""
    time, _, rest = path.stem.partition("-")
    number = rest.partition("-")[2]
    return time, int(number) if number.isdecimal() else 1, path.name
