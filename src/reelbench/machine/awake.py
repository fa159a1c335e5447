"""Keeps the CPUs of a virtual machine from idling while something is measured on them.

A CPU of a virtual machine that has nothing to do halts, and its host gives the core to somebody
else. When work comes back the host wakes it wherever there is room, often on the other thread of a
core that a second CPU of the same machine runs on, and it takes its scheduler some 100 ms to put
them apart: until then both are slower by half or more. Rounds after every pause show that – after
compiling, or after the part of a program that one thread computes – and no counter of the guest
does.

So one process on each CPU counts, in the scheduling class that Linux runs only when nothing else
wants the CPU (`SCHED_IDLE`, see sched(7)). It gives way at once and takes under 1 % from work that
is there. What it changes is what the host sees.

Linux shares the CPUs out between sessions first, where `sched_autogroup_enabled` is 1, and then
within one: the processes must be in the session of what they make way for, or they take half. So
whatever measures is started as a process group of the same session.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from reelbench.machine import cgroup, settings
from reelbench.machine.settings import written

_VARIABLE = "REELBENCH_AWAKE"
"""Ids of the processes, for those that this one starts."""

# Ends with its parent, which cannot end it when it is killed. Looked at about once a second.
_COUNT = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while os.getppid() == int(sys.argv[2]):
    for _ in range(100_000):
        pass
"""


class AwakeError(Exception):
    """CPUs cannot be kept awake here, or it would do harm; says why and what to do."""


@contextmanager
def kept_awake() -> Iterator[None]:
    """Keep every CPU that this process may use from idling until the block ends.

    Within such a block of this process, or of one that started it, nothing more is done.

    Raises:
        AwakeError: The system has no such scheduling class; a quota on CPU time would be used up;
            CPUs are threads of one core, where one that counts slows the other; or the block that
            this is in is of another session, to which it would not give way.
    """
    if counting_now := processes():
        if _session(counting_now[0]) != _session(os.getpid()):
            raise AwakeError(
                "what keeps the CPUs awake is in another session and takes half of them; start "
                "this in the same one (no setsid)"
            )
        yield
        return
    check()
    counting: list[subprocess.Popen[bytes]] = []
    try:
        for cpu in settings.read().cpus:
            # Isolated and without site: nothing of the environment is loaded.
            words = [sys.executable, "-I", "-S", "-c", _COUNT, str(cpu), str(os.getpid())]
            counting.append(subprocess.Popen(words, stdin=subprocess.DEVNULL))
        os.environ[_VARIABLE] = ",".join(str(each.pid) for each in counting)
        yield
    finally:
        os.environ.pop(_VARIABLE, None)
        for each in counting:
            each.kill()
            each.wait()


def processes() -> tuple[int, ...]:
    """Ids of the processes that keep the CPUs awake now; empty where none do."""
    numbers = os.environ.get(_VARIABLE, "").split(",")
    return tuple(int(each) for each in numbers if each.isdecimal() and psutil.pid_exists(int(each)))


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:  # it has just ended
        return None


def check() -> None:
    """Whether CPUs can be kept awake here without harm.

    Raises:
        AwakeError: They cannot, as told in `kept_awake`.
    """
    seen = settings.read()
    if not hasattr(os, "SCHED_IDLE") or not seen.cpus:
        raise AwakeError("CPUs can be kept awake on Linux only; leave it out")
    quota = cgroup.limits().get("cgroup_cpus")
    if quota is not None and quota < len(seen.cpus):
        raise AwakeError(
            f"keeping {len(seen.cpus)} CPUs awake would use up this container's quota of "
            f"{quota:.3g} CPUs; leave it out, or raise the quota"
        )
    if len(seen.one_a_core) < len(seen.cpus):
        raise AwakeError(
            "some CPUs here are threads of one core, and one that is kept awake slows the other; "
            f"use one a core: taskset -c {written(seen.one_a_core)} …"
        )


def can_be_kept_awake() -> bool:
    """Whether `check` passes."""
    try:
        check()
    except AwakeError:
        return False
    return True
