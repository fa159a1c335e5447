"""Advice on CPUs: who else uses them, how many there are to use, and which."""

from __future__ import annotations

from collections.abc import Iterator

from reelbench.machine.advice.row import Advice, Seen, Severity, plural
from reelbench.machine.disturbances import (
    MOST_OTHERS_CPUS,
    MOST_OTHERS_SHARE,
    MOST_STEAL_SHARE,
    MOST_THROTTLED_SHARE,
    most_others,
)
from reelbench.machine.settings import written
from reelbench.units import print_share

# Two CPUs that are put on one core take 1.5 to 2 times as long; waking alone takes a tenth.
MOST_AFTER_PAUSE = 1.25


def advice(seen: Seen) -> Iterator[Advice]:
    """See `reelbench.machine.advice`."""
    yield from _others(seen)
    yield from _withheld(seen)
    yield from _idling(seen)
    yield from _which(seen)


def _others(seen: Seen) -> Iterator[Advice]:
    cpus = seen.number("cpus_usable") or len(seen.settings.cpus) or 1
    share, load = seen.health.others_share, seen.number("load_1m")
    if share is not None:
        if share <= most_others(cpus):
            return
        what = f"other work takes {print_share(share)} of the {cpus:.0f} CPUs"
        if seen.busy:
            what += f", {plural(seen.busy, 'process', 'processes')}"
        elif seen.busy == 0:
            what += ", none of it a process that can be seen from here"
    # The load average still holds the last command typed: it must be higher to tell.
    elif load is not None and load > max(MOST_OTHERS_SHARE * cpus, MOST_OTHERS_CPUS):
        what = f"the load average of the last minute is {load:.1f} on {cpus:.0f} CPUs"
    else:
        return
    yield Advice(
        Severity.DISTURBS,
        what,
        "layers wait for the CPUs that it holds",
        "end it or wait; top shows what runs",
    )


def _withheld(seen: Seen) -> Iterator[Advice]:
    steal, throttled = seen.health.steal_share, seen.health.throttled_share
    if steal is not None and steal > MOST_STEAL_SHARE:
        yield Advice(
            Severity.DISTURBS,
            f"the hypervisor gives {print_share(steal)} of this machine's CPU time to others",
            "times hold waiting that no change of code can mend",
            "measure at a quieter hour, or on a machine with CPUs of its own",
        )
    if throttled is not None and throttled > MOST_THROTTLED_SHARE:
        yield Advice(
            Severity.DISTURBS,
            f"the CPU quota stopped this container for {print_share(throttled)} of the time",
            "every stop is in some round",
            "raise the quota, or end what else runs in the container",
        )
    usable, quota = seen.number("cpus_usable"), seen.number("cgroup_cpus")
    if quota is not None and usable and quota < usable:
        few = (seen.settings.cpus or range(int(usable)))[: max(int(quota), 1)]
        yield Advice(
            Severity.DISTURBS,
            f"this container may use {quota:.3g} CPUs but sees {usable:.0f}",
            "XLA starts a thread for each that it sees, and the quota stops them all",
            f"taskset -c {written(few)} pytest --benchmark-only …",
        )


def _idling(seen: Seen) -> Iterator[Advice]:
    after, awake = seen.after_pause, seen.after_pause_awake
    if after is None or after <= MOST_AFTER_PAUSE:
        return
    what = f"after a pause of 100 ms, work takes {after:.2f} times as long"
    helps = awake is not None and awake - 1 < (after - 1) / 2
    if helps:
        what += f", {awake:.2f} with the CPUs kept awake"
    yield Advice(
        Severity.DISTURBS,
        what,
        "idle CPUs lose their core to another machine of the host, or their clock; the rounds "
        "after every pause are longer",
        "keep them awake: pytest --benchmark-only --reel-awake, ab --awake, selftest --awake"
        if helps
        else "make more rounds: --benchmark-max-time 5",
    )


def _which(seen: Seen) -> Iterator[Advice]:
    settings = seen.settings
    if len(settings.nodes) > 1:
        yield Advice(
            Severity.NOTE,
            f"the CPUs lie on {len(settings.nodes)} NUMA nodes",
            "times depend on which node's memory an array happens to lie in",
            f"numactl --cpunodebind={settings.nodes[0]} --membind={settings.nodes[0]} "
            "pytest --benchmark-only …",
        )
    threads, cores = len(settings.cpus), len(settings.one_a_core)
    if cores < threads:
        yield Advice(
            Severity.NOTE,
            f"the {threads} CPUs are threads of {plural(cores, 'core', 'cores')}",
            "two threads of a core share its arithmetic; one a core is steadier",
            f"taskset -c {written(settings.one_a_core)} pytest --benchmark-only …",
        )
