"""A further process of a run: measures what the first one asks for, and tells it at once."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from reelbench.machine import facts
from reelbench.measure import choosing, protocol
from reelbench.measure.cache import Place
from reelbench.measure.failure import CaseFailure
from reelbench.measure.workload import Workload
from reelbench.plugin.options import Options
from reelbench.plugin.timer import timer_of
from reelbench.results.outcome import Outcome
from reelbench.results.schema import CaseRecord
from reelbench.stats.timing import merged
from reelbench.wire import VERSION, Began, Channel, Closed, Done, Failed, Hello, Measured, Orders

_ABANDONED = 3


class Replica:
    """What the plugin's hooks share in a further process; stands where `Run` stands in the first.

    Args:
        channel: To the first process.
        orders: What it asks for.
        options: Those of the first process.
    """

    failed = False

    def __init__(self, channel: Channel, orders: Orders, options: Options) -> None:
        self._channel = channel
        self._orders = {each.name: each for each in orders.cases}
        self._folder = Path(orders.folder)
        self._process = orders.process
        self._options = options
        self._width = orders.width
        self._end = time.monotonic() + orders.time_left_s
        self._order = 0
        self._done = threading.Event()

    @classmethod
    def start(cls, descriptors: str, options: Options) -> Replica:
        """Ask the first process what to do."""
        receiving, sending = map(int, descriptors.split(","))
        channel = Channel(receiving, sending)
        channel.send(Hello(VERSION, {}))
        orders = channel.receive()
        if not isinstance(orders, Orders):
            raise Closed
        replica = cls(channel, orders, options)
        leaves = threading.Thread(target=_leave_with, args=(receiving, replica._done), daemon=True)
        leaves.start()
        return replica

    def arrange(self, items: Sequence[pytest.Item]) -> list[pytest.Item]:
        """The items that were asked for, in the order in which they were."""
        by_name = {item.nodeid: item for item in items}
        return [by_name[name] for name in self._orders if name in by_name]

    def measure(
        self, node: pytest.Item, benchmark: Any, build: Callable[[], Workload]
    ) -> CaseRecord:
        """Measure one case that the first process has measured."""
        order = self._orders[node.nodeid]
        self._channel.send(Began(order.name))
        record = order.record
        floor_s = (record.timing.floor_share or 0.0) * record.timing.median_s
        sha256, place = record.compilation.program_sha256, Place.of(self._folder, order.name)
        try:
            if self._end - time.monotonic() < order.seconds:
                raise CaseFailure(Outcome.OVER_BUDGET, "no time was left")
            workload = build()
            if record.operations:
                limits = choosing.limits_of(facts.collect())
                workload = choosing.again(workload, record.operations, limits)
            call, loaded = protocol.prepare_again(workload, sha256, place)
            replicate, _ = protocol.time_(
                call,
                timer_of(benchmark),
                protocol.Effort(
                    self._options.max_time_s, self._options.min_rounds, self._width, order.most_s
                ),
                process=self._process,
                order=self._order,
                time_left_s=self._end - time.monotonic(),
                cached=loaded,
            )
        except CaseFailure as failure:
            self._channel.send(Failed(order.name, str(failure.outcome), failure.reason))
            pytest.skip(str(failure))
        except Exception as error:
            text = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            self._channel.send(Failed(order.name, str(Outcome.COMPILE_FAILED), text))
            raise
        self._order += 1
        self._channel.send(Measured(order.name, replicate))
        return merged(record, [replicate], floor_s)

    def drop(self, name: str) -> None:
        """Nothing: what is not wanted was not asked for."""

    def owns(self, name: str) -> bool:
        """Whether a test's progress is ours to show."""
        return name in self._orders

    def replicate(self) -> None:
        """Nothing: further processes have none of their own."""

    def complete(self, output: dict[str, Any]) -> None:
        """Nothing: only the first process writes files."""

    def finish(self) -> None:
        """Say that nothing more comes."""
        self._done.set()
        self._channel.send(Done())

    def summarise(self, terminal: Any) -> None:
        """Nothing: the first process tells the user."""


def _leave_with(receiving: int, done: threading.Event) -> None:
    """End this process, whatever it is doing, when the first one has gone before its end."""
    os.read(receiving, 1)
    if not done.is_set():
        os._exit(_ABANDONED)
