import os

import pytest

from reelbench.wire import Channel, Closed, Late, Next, Slot, Times


@pytest.fixture
def ends():
    here, there = os.pipe(), os.pipe()
    one, other = Channel(here[0], there[1]), Channel(there[0], here[1])
    yield one, other
    one.close()
    other.close()


def test_messages_arrive_in_order(ends):
    one, other = ends
    sent = [Slot(rounds=3, iterations=2, discarded=1), Times([0.1, 0.25]), Next()]
    for message in sent:
        one.send(message)
    assert [other.receive(1.0) for _ in sent] == sent


def test_silence_and_a_closed_end_are_told_apart(ends):
    one, other = ends
    with pytest.raises(Late):
        other.receive(0.01)
    one.close()
    with pytest.raises(Closed):
        other.receive(1.0)
    with pytest.raises(Closed):
        other.send(Next())


@pytest.mark.parametrize("line", [b"hello\n", b'{"type":"Evil"}\n', b"{}\n", b"\xff\n"])
def test_what_is_no_message_closes_the_channel(line):
    reading, writing = os.pipe()
    os.write(writing, line)
    channel = Channel(reading, writing)
    with pytest.raises(Closed):
        channel.receive(1.0)
    channel.close()
