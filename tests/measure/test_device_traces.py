"""The device's own time of a call, read from traces made by hand.

The traces have the planes, lines and stats that XLA's collectors write (openxla/xla
``xla/backends/profiler/gpu/cupti_collector.cc``, ``xla/tsl/profiler/utils/xplane_schema.cc``).
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure.traces import GPU, STREAM, calls, copy, kernel, one_gpu, piece, serialized
from reelbench.measure.device import DeviceTime, of_trace

NS = 1e-9


def test_it_is_the_time_a_call_and_gaps_are_not_in_it():
    found = of_trace(one_gpu(calls([kernel(0, 300), kernel(500, 100, "add.2")], 4)), 4)
    assert found == DeviceTime(pytest.approx(400 * NS), pytest.approx(0.0))


def test_streams_that_work_at_once_count_once():
    lines = {"Stream #13": calls([kernel(0, 300)], 2), "Stream #14": calls([kernel(200, 300)], 2)}
    assert of_trace(serialized({GPU: lines}), 2).seconds == pytest.approx(500 * NS)


def test_the_slowest_of_several_devices_decides():
    planes = {f"/device:GPU:{n}": {STREAM: calls([kernel(0, 100 + n)], 3)} for n in (0, 7, 4)}
    assert of_trace(serialized(planes), 3).seconds == pytest.approx(107 * NS)


def test_a_device_that_the_program_does_not_use_changes_nothing():
    planes = {GPU: {STREAM: calls([kernel(0, 100)], 3)}, "/device:GPU:1": {}}
    assert of_trace(serialized(planes), 3).seconds == pytest.approx(100 * NS)
    planes["/device:GPU:1"] = {STREAM: [kernel(0, 9_999, module="jit_other"), copy(1, 5_000)]}
    assert of_trace(serialized(planes), 3, module="jit_f").seconds == pytest.approx(100 * NS)


@pytest.mark.parametrize(
    "line", ["Steps", "XLA Modules", "XLA Ops", "Framework Ops", "Framework Name Scope", "XLA Time"]
)
def test_lines_that_repeat_the_streams_are_left_out(line):
    work = calls([kernel(0, 300), kernel(500, 100, "add.2")], 2)
    whole = calls([kernel(0, 900)], 2)  # as a step or a module: from its first to its last kernel
    assert of_trace(one_gpu(work, **{line: whole}), 2).seconds == pytest.approx(400 * NS)


def test_planes_of_the_host_are_left_out():
    planes = {
        "/host:CPU": {"python": calls([kernel(0, 900)], 2)},
        "/host:CUPTI": {STREAM: calls([kernel(0, 900)], 2)},
        "/device:CUSTOM:Megascale Trace": {"XLA Ops": calls([kernel(0, 900)], 2)},
        GPU: {STREAM: calls([kernel(0, 300)], 2)},
    }
    assert of_trace(serialized(planes), 2).seconds == pytest.approx(300 * NS)


def test_a_tpu_is_read_from_its_line_of_operations():
    loop, body = piece(0, 500, "while.1"), piece(100, 200, "fusion.2")
    lines = {
        "XLA Modules": calls([piece(0, 900, "jit_f(1)")], 2),
        "XLA Ops": calls([loop, body], 2),
    }
    found = of_trace(serialized({"/device:TPU:0": lines}), 2, module="jit_f")
    assert found.seconds == pytest.approx(500 * NS)


def test_work_of_other_programs_is_left_out():
    work = [*calls([kernel(0, 300)], 4), kernel(300, 700, module="jit_other")]
    assert of_trace(one_gpu(work), 4).reason
    assert of_trace(one_gpu(work), 4, module="jit_f").seconds == pytest.approx(300 * NS)


def test_work_that_names_no_program_goes_with_the_program():
    work = calls([kernel(0, 300), copy(400, 50)], 2)
    assert of_trace(one_gpu(work), 2, module="jit_f").seconds == pytest.approx(350 * NS)


def test_a_trace_of_other_programs_alone_gives_no_figure():
    # Were what names no program taken for the program here, its time would be that of the copies.
    work = calls([kernel(0, 300, module="jit_other"), copy(400, 50)], 2)
    found = of_trace(one_gpu(work), 2, module="jit_f")
    assert (found.seconds, found.reason) == (None, "the trace holds no work of the program")


def test_a_trace_that_names_no_program_anywhere_is_taken_whole():
    work = calls([piece(0, 300), copy(400, 50)], 2)
    assert of_trace(one_gpu(work), 2, module="jit_f").seconds == pytest.approx(350 * NS)


def test_copies_are_told_apart_where_nothing_is_computed_meanwhile():
    found = of_trace(one_gpu(calls([kernel(0, 300), copy(200, 300)], 2)), 2)
    assert found == DeviceTime(pytest.approx(500 * NS), pytest.approx(200 * NS))


@pytest.mark.parametrize("kind", ["memalloc", "memfree", "memory_residency"])
def test_what_takes_no_time_of_the_device_is_left_out(kind):
    note = piece(300, 600, kind, **{f"{kind}_details": "num_bytes:4096"})
    assert of_trace(one_gpu(calls([kernel(0, 300), note], 2)), 2).seconds == pytest.approx(300 * NS)


def test_the_collectors_own_time_is_left_out_but_not_the_work_beside_it():
    # A stream on which there was overhead is called after it.
    lines = {"CUPTI overhead": [*calls([kernel(0, 300)], 2), piece(300, 600, "Buffer flush")]}
    assert of_trace(serialized({GPU: lines}), 2).seconds == pytest.approx(300 * NS)


@pytest.mark.parametrize(
    "trace", [b"", serialized({}), serialized({"/host:CPU": {"python": [piece(0, 5)]}})]
)
def test_a_trace_without_a_device_says_so(trace):
    assert of_trace(trace, 2) == DeviceTime(None, reason="the trace holds no device")


@pytest.mark.parametrize("lines", [{}, {STREAM: []}, {"XLA Modules": [kernel(0, 5)]}])
def test_a_device_without_work_says_so(lines):
    found = of_trace(serialized({GPU: lines}), 2)
    assert found == DeviceTime(None, reason="the trace holds no work of the program")


@given(st.data())
def test_a_truncated_trace_gives_no_figure(data):
    whole = one_gpu(calls([kernel(0, 300), copy(400, 50)], 3))
    cut = data.draw(st.integers(0, len(whole) - 1))
    found = of_trace(whole[:cut], 3)
    assert found.seconds is None
    assert found.reason


@given(st.binary(max_size=200))
def test_garbage_gives_no_figure(garbage):
    found = of_trace(garbage, 3)
    assert found.seconds is None
    assert found.reason


def test_calls_that_the_collector_dropped_are_noticed():
    work = calls([kernel(0, 300), kernel(500, 100, "add.2")], 10)
    for kept in (work[:19], work[:10], work[1:]):  # ten of twenty, too: five whole calls
        found = of_trace(one_gpu(kept), 10)
        assert found.seconds is None
        assert found.reason.startswith("the trace is not whole: ")


@given(st.integers(1, 12), st.integers(0, 40))
def test_another_number_of_calls_than_was_made_gives_no_figure(asked, traced):
    found = of_trace(one_gpu(calls([kernel(0, 300), kernel(500, 100, "add.2")], traced)), asked)
    if traced == asked:
        assert found.seconds == pytest.approx(400 * NS)
    elif traced % asked or not traced:  # a call may run its program more than once
        assert found.seconds is None


@given(
    st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 500)), min_size=1, max_size=30),
    st.integers(1, 4),
)
def test_it_is_as_many_nanoseconds_as_some_stream_works_in(pieces, streams):
    lines = {
        f"Stream #{stream}": [kernel(*each) for each in pieces[stream::streams]]
        for stream in range(streams)
    }
    covered = {moment for start, length in pieces for moment in range(start, start + length)}
    found = of_trace(serialized({GPU: lines}), 1)
    assert (found.seconds or 0.0) == pytest.approx(len(covered) * NS)
