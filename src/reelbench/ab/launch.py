"""Starts the processes of a side, each in the environment that its words describe."""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

import reelbench
from reelbench.ab.sides import Side, interpreter
from reelbench.ab.worktree import checked_out
from reelbench.wire import Channel

# Another length of the environment puts the stack elsewhere, which alone can change times by some
# per cent (Mytkowicz et al., "Producing Wrong Data Without Doing Anything Obviously Wrong!", 2009).
_PADDING = "REELBENCH_PADDING"
_LONGEST_PADDING = 4096
# Two processes share the accelerator: neither may take most of its memory at once.
_SHARED = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
_FAREWELL_S = 10


class Process:
    """A started process and the channel to it.

    Args:
        popen: The process.
        channel: To it.
        complaints: File that takes its standard output and error.
    """

    def __init__(self, popen: subprocess.Popen[bytes], channel: Channel, complaints: IO[bytes]):
        self._popen = popen
        self.channel = channel
        self._complaints = complaints

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def end(self) -> None:
        """Close the channel, and end the process and what it started if it does not end itself."""
        self.channel.close()
        try:
            self._popen.wait(_FAREWELL_S)
        except subprocess.TimeoutExpired:
            self._kill()
            self._popen.wait()
        self._complaints.close()

    def kill(self) -> None:
        """End the process at once."""
        self._kill()
        self.end()

    def last_words(self) -> str:
        """How it ended and the last line that it wrote, for the user."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(1)
        code = self._popen.poll()
        self._complaints.seek(0)
        text = self._complaints.read().decode(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        how = "still runs" if code is None else "ended early"
        if code is not None and code < 0:
            with suppress(ValueError):
                how = f"was ended by {signal.Signals(-code).name}"
        return f"the process {how}" + (f": {lines[-1][:300]}" if lines else "")

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)


class Launcher:
    """Starts processes of one side; made inside an `ExitStack` that removes what it needs.

    Args:
        side: What the user wrote.
        scratch: Folder for what exists only during the comparison.
        stack: Takes what must be undone.

    Raises:
        SideError: The interpreter or the commit does not exist.
    """

    def __init__(self, side: Side, scratch: Path, stack: ExitStack) -> None:
        self.side = side
        self._python = interpreter(side.python) if side.python else Path(sys.executable)
        self._folder = Path.cwd()
        sources: list[Path] = []
        if side.commit:
            place = scratch / f"commit-{secrets.token_hex(4)}"
            self._folder = stack.enter_context(checked_out(side.commit, place))
            sources += [self._folder / "src", self._folder]
        # This very package measures both sides, whatever else an environment has installed.
        shared = scratch / "package"
        if not shared.exists():
            shared.mkdir()
            (shared / "reelbench").symlink_to(Path(reelbench.__file__).parent)
        self._path = [str(each) for each in (*sources, shared) if each.exists()]
        self._scratch = scratch

    def start(self, arguments: Sequence[str]) -> Process:
        """Start a process with ``python -m <arguments> RECEIVING SENDING``."""
        receiving, to_worker = os.pipe()
        from_worker, sending = os.pipe()
        # A file, as nobody reads a pipe while the process is timed.
        complaints = (self._scratch / f"said-{secrets.token_hex(8)}").open("w+b")
        words = [each.replace("{channel}", f"{receiving},{sending}") for each in arguments]
        popen = subprocess.Popen(
            [str(self._python), "-m", *words],
            cwd=self._folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=complaints,
            stderr=subprocess.STDOUT,
            pass_fds=(receiving, sending),
            # An interrupt goes to the controller, which ends both sides. A group and not a
            # session: Linux gives each session a share of the CPUs (see `machine.awake`).
            process_group=0,
        )
        os.close(receiving)
        os.close(sending)
        return Process(popen, Channel(from_worker, to_worker), complaints)

    def _environment(self) -> dict[str, str]:
        variables = {**os.environ, **_SHARED, **self.side.variables}
        path = [*self._path, *filter(None, [variables.get("PYTHONPATH")])]
        padding = "x" * random.SystemRandom().randrange(_LONGEST_PADDING)
        variables |= {"PYTHONPATH": os.pathsep.join(path), _PADDING: padding}
        # An empty value stands for a variable that is not there.
        unset = {name for name, value in self.side.variables.items() if not value}
        return {name: value for name, value in variables.items() if name not in unset}
