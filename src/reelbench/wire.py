"""What a controller and the processes that it times say to each other: lines of JSON on two pipes.

Standard output and standard error stay free for whatever the timed code prints.
"""

from __future__ import annotations

import os
import select
import time

import msgspec

from reelbench.results.schema import CaseRecord, Identity, Replicate

VERSION = 1
"""Of these messages; two commits of reelbench itself understand each other if theirs are equal."""

_LARGEST_LINE = 2**24


class Hello(msgspec.Struct, tag=True, frozen=True):
    """A process is ready for its first case.

    Attributes:
        version: `VERSION` of the process.
        facts: What it knows of its software and device.
    """

    version: int
    facts: dict[str, str | float | int | None]


class Ready(msgspec.Struct, tag=True, frozen=True):
    """A case is compiled, checked and warmed up.

    Attributes:
        name: Its name on this side.
        identity: What it is.
        call_s: About the time of one call.
        program_sha256: Hash of the compiled program's text.
    """

    name: str
    identity: Identity
    call_s: float
    program_sha256: str


class Failed(msgspec.Struct, tag=True, frozen=True):
    """A case cannot be timed on this side."""

    name: str
    outcome: str
    reason: str


class Slot(msgspec.Struct, tag=True, frozen=True):
    """Asks for a short stretch of timing.

    Attributes:
        rounds: How many rounds.
        iterations: Calls a round.
        discarded: Calls before, which wake caches and threads and are not timed.
    """

    rounds: int
    iterations: int
    discarded: int


class Times(msgspec.Struct, tag=True, frozen=True):
    """The answer to a slot: seconds a call of each round."""

    rounds_s: list[float]


class Next(msgspec.Struct, tag=True, frozen=True):
    """Asks for the next case."""


class Done(msgspec.Struct, tag=True, frozen=True):
    """There is no further case."""


class CatalogueCase(msgspec.Struct, tag=True, frozen=True):
    """A row of the catalogue at one point of the axes.

    Attributes:
        preset: Its name.
        pass_: ``forward`` or ``train``.
        dtype: None for the device's default.
        batch: Clips a call.
    """

    preset: str
    pass_: str
    dtype: str | None = None
    batch: int = 1

    @property
    def name(self) -> str:
        """What the process calls it."""
        parts = [self.preset, self.pass_, self.dtype or "", f"b{self.batch}"]
        return " ".join(part for part in parts if part)


class ProbeCase(msgspec.Struct, tag=True, frozen=True):
    """A small layer repeated inside one program.

    Attributes:
        probe: Its name.
        turns: How often.
    """

    probe: str
    turns: int

    @property
    def name(self) -> str:
        """What the process calls it."""
        return f"{self.probe} x{self.turns}"


Case = CatalogueCase | ProbeCase


class Cases(msgspec.Struct, tag=True, frozen=True):
    """What a worker is to offer, one after the other."""

    cases: list[Case]


class Only(msgspec.Struct, tag=True, frozen=True):
    """Which of the tests that pytest collected are to be offered, in this order; empty for all."""

    names: list[str]


class Order(msgspec.Struct, frozen=True):
    """A case that a further process of a run is to measure.

    Attributes:
        name: Its full name.
        record: What the first process found, with the shortest of timings.
        seconds: What it is expected to take.
        most_s: Time after which its rounds end, however wide the interval.
    """

    name: str
    record: CaseRecord
    seconds: float
    most_s: float


class Orders(msgspec.Struct, tag=True, frozen=True):
    """What a further process of a run is to measure, in this order.

    Attributes:
        process: Its id.
        folder: Where the first process kept the programs.
        width: The wanted relative half-width of intervals, if any.
        time_left_s: Time for all of it.
    """

    process: str
    folder: str
    width: float | None
    time_left_s: float
    cases: list[Order]


class Began(msgspec.Struct, tag=True, frozen=True):
    """A further process begins a case."""

    name: str


class Measured(msgspec.Struct, tag=True, frozen=True):
    """A further process has measured a case."""

    name: str
    replicate: Replicate


Message = (
    Orders | Began | Measured | Only | Cases | Hello | Ready | Failed | Slot | Times | Next | Done
)


class Closed(Exception):  # noqa: N818 - says what the other side did, which need not be an error
    """The other process closed its end: it ended, or was killed."""


class Late(Exception):  # noqa: N818
    """The other process said nothing for as long as it was given."""


class Channel:
    """One end of two pipes.

    Args:
        receiving: File descriptor to read from.
        sending: File descriptor to write to.
    """

    def __init__(self, receiving: int, sending: int) -> None:
        self._receiving = receiving
        self._sending = sending
        self._pending = b""
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(Message)

    def send(self, message: Message) -> None:
        """Send one message.

        Raises:
            Closed: Nobody reads any more.
        """
        data = self._encoder.encode(message) + b"\n"
        try:
            while data:
                data = data[os.write(self._sending, data) :]
        except BrokenPipeError:
            raise Closed from None

    def receive(self, seconds: float | None = None) -> Message:
        """Wait for one message.

        Args:
            seconds: For how long at most; None waits as long as it takes.

        Raises:
            Closed: The other end is closed, or what came is no message.
            Late: Nothing came in time.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._pending:
            left = None if end is None else max(end - time.monotonic(), 0.0)
            if not select.select([self._receiving], [], [], left)[0]:
                raise Late
            data = os.read(self._receiving, 2**16)
            if not data or len(self._pending) > _LARGEST_LINE:
                raise Closed
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        try:
            return self._decoder.decode(line)
        except msgspec.MsgspecError:
            raise Closed from None

    def close(self) -> None:
        """Close both pipes; the other end notices."""
        for descriptor in (self._receiving, self._sending):
            try:
                os.close(descriptor)
            except OSError:
                continue
