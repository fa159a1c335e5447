"""A profiler is asked for the device's own time only where there is a device, and costs no case."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from measure.traces import calls, kernel, one_gpu
from reelbench.measure import device
from reelbench.measure.device import DeviceTime, device_time, module_of

NS = 1e-9


def test_a_compiled_program_says_its_name_in_traces():
    compiled = jax.jit(jnp.negative).lower(1.0).compile()
    assert module_of(compiled) == "jit_negative"


@pytest.fixture
def gpu(monkeypatch):
    """As if there were a GPU, whose profiler writes `trace` once the calls are made."""
    planted = Planted()
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax.profiler, "start_trace", planted.start)
    monkeypatch.setattr(jax.profiler, "stop_trace", planted.stop)
    return planted


class Planted:
    def __init__(self):
        self.trace: bytes | None = b""
        self.folder = Path()
        self.running = False
        self.fails = ""

    def start(self, folder, *, profiler_options):
        if self.fails == "start":
            raise RuntimeError("Only one profile may be run at a time.")
        self.folder, self.running, self.options = Path(folder), True, profiler_options

    def stop(self):
        self.running = False
        if self.fails == "stop":
            raise OSError(28, "No space left on device")
        if self.trace is not None:
            written = self.folder / "plugins" / "profile" / "run" / "host.xplane.pb"
            written.parent.mkdir(parents=True)
            written.write_bytes(self.trace)


def program(name="jit_f"):
    """A compiled program of that name."""

    class Program:
        def as_text(self):
            return f"HloModule {name}, is_scheduled=true\n\nENTRY %main () -> f32[] {{\n}}\n"

    return Program()


def test_no_profiler_is_started_on_a_cpu(monkeypatch):
    def never(*_, **__):
        raise AssertionError("a profiler was started")

    monkeypatch.setattr(jax.profiler, "start_trace", never)
    assert device_time(never, 3) is None


def test_it_is_read_from_the_calls_that_were_asked_for(gpu):
    gpu.trace = one_gpu([*calls([kernel(0, 300)], 3), kernel(0, 900, module="jit_other")])
    made = []
    found = device_time(lambda: made.append(gpu.running), 3, program=program())
    assert found == DeviceTime(pytest.approx(300 * NS), pytest.approx(0.0))
    assert made == [True] * 3
    assert not gpu.running
    assert not gpu.folder.exists()


def test_the_host_is_not_traced_meanwhile(gpu):
    device_time(lambda: None, 1)
    assert (gpu.options.python_tracer_level, gpu.options.host_tracer_level) == (0, 0)


def test_no_trace_is_a_reason(gpu):
    gpu.trace = None
    assert device_time(lambda: None, 1) == DeviceTime(None, reason="the profiler wrote no trace")


def test_an_unreadable_trace_is_a_reason(gpu):
    gpu.trace = b"garbage"
    found = device_time(lambda: None, 1)
    assert found.seconds is None
    assert found.reason.startswith("the trace cannot be read: ")


@pytest.mark.parametrize(
    ("fails", "text"),
    [
        ("start", "RuntimeError: Only one profile may be run at a time."),
        ("stop", "OSError: [Errno 28] No space left on device"),
    ],
)
def test_a_profiler_that_fails_is_a_reason(gpu, fails, text):
    gpu.fails = fails
    assert device_time(lambda: None, 1) == DeviceTime(None, reason=f"no profiler trace: {text}")


def test_a_call_that_fails_is_a_reason_and_the_profiler_is_stopped(gpu):
    def call():
        raise ValueError("RESOURCE_EXHAUSTED:\n  out of memory")

    found = device_time(call, 1)
    assert found == DeviceTime(
        None, reason="no profiler trace: ValueError: RESOURCE_EXHAUSTED: out of memory"
    )
    assert not gpu.running


def test_a_program_that_cannot_be_printed_is_a_reason(gpu):
    class Unprintable:
        def as_text(self):
            raise NotImplementedError("no text of a loaded program")

    found = device_time(lambda: None, 1, program=Unprintable())
    assert found.seconds is None
    assert "no text of a loaded program" in found.reason


def test_an_interruption_by_the_user_is_not_swallowed(gpu):
    def call():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        device_time(call, 1)
    assert not gpu.running


def test_a_real_profiler_runs_with_our_options(monkeypatch):
    # On a CPU the real profiler writes a trace too, in which there is no device.
    monkeypatch.setattr(device.jax, "default_backend", lambda: "gpu")
    assert device_time(lambda: None, 1) == DeviceTime(None, reason="the trace holds no device")
