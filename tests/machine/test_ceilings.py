"""Ceilings are rates that were reached, each with what it was reached with."""

import itertools

import jax
import jax.numpy as jnp
import pytest

from reelbench.machine import backend, ceilings, libraries


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Sweep few, small sizes for a few milliseconds each."""
    monkeypatch.setattr(ceilings, "_ROUND_S", 10.0)
    monkeypatch.setattr(ceilings, "_MATMUL_S", 0.002)
    monkeypatch.setattr(ceilings, "_MEMORY_S", 0.002)
    monkeypatch.setattr(backend, "memory_left", lambda: 20 * 2**20)


def sides(shape):
    return tuple(int(side) for side in shape.split("x"))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_matmul_ceiling_is_the_best_of_its_sweep_in_the_dtype_asked_for(monkeypatch, dtype):
    monkeypatch.setattr(ceilings, "_sides", lambda: iter((64, 128)))
    used = []
    matmul = jnp.matmul
    monkeypatch.setattr(
        jnp, "matmul", lambda a, b: (used.append((a.dtype, b.dtype)), matmul(a, b))[1]
    )
    ceiling = ceilings.matmul(dtype)
    assert {str(each) for pair in used for each in pair} == {dtype}
    assert (ceiling.kind, ceiling.dtype, ceiling.unit) == ("matmul", dtype, "FLOP/s")
    assert min(ceiling.sweep.values()) > 0
    assert ceiling.rate == ceiling.sweep[ceiling.shape] == max(ceiling.sweep.values())


def test_the_matmul_sweep_doubles_squares_and_then_tries_other_shapes_of_as_much_work(monkeypatch):
    monkeypatch.setattr(backend, "memory_left", lambda: 60 * 2**20)
    sweep = [sides(shape) for shape in ceilings.matmul("float32").sweep]
    squares = [m for m, k, n in sweep if m == k == n]
    assert squares == [512, 1024]
    others = [shape for shape in sweep if len(set(shape)) > 1]
    assert len(others) == 3
    work = {m * k * n for m, k, n in others}
    assert work in [{2 * side**3} for side in squares]


def test_the_matmul_rate_counts_two_flops_a_multiply_and_add(monkeypatch):
    monkeypatch.setattr(ceilings, "fastest", lambda call, seconds, least=3: 0.5)
    for shape, rate in ceilings.matmul("float32").sweep.items():
        m, k, n = sides(shape)
        assert rate == 2 * m * k * n / 0.5


def test_the_matmul_sweep_ends_when_a_call_takes_long(monkeypatch):
    monkeypatch.setattr(backend, "memory_left", lambda: 60 * 2**20)
    monkeypatch.setattr(ceilings, "fastest", lambda call, seconds, least=3: 3.0)
    squares = [shape for shape in ceilings.matmul("float32").sweep if len(set(sides(shape))) == 1]
    assert squares == ["512x512x512"]


def test_the_matmul_ceiling_tells_the_precision_in_force(monkeypatch):
    monkeypatch.setattr(ceilings, "_sides", lambda: iter((64,)))
    with jax.default_matmul_precision("highest"):
        assert ceilings.matmul("float32").precision == "highest"
    assert ceilings.matmul("float32").precision == "default"


def test_the_matmul_sweep_stays_within_the_memory_there_is():
    squares = [shape for shape in ceilings.matmul("float32").sweep if len(set(sides(shape))) == 1]
    assert squares == ["512x512x512"]


def test_the_memory_ceiling_is_the_rate_of_the_largest_size(monkeypatch):
    monkeypatch.setattr(backend, "memory_left", lambda: 60 * 2**20)
    ceiling = ceilings.memory()
    assert (ceiling.kind, ceiling.dtype, ceiling.unit) == ("memory", "float32", "B/s")
    assert [int(size) for size in ceiling.sweep] == [2**20, 2**22]
    assert min(ceiling.sweep.values()) > 0
    assert ceiling.shape == "4.00 MiB"
    assert ceiling.rate == ceiling.sweep[str(2**22)]


def test_a_cache_does_not_raise_the_memory_ceiling(monkeypatch):
    monkeypatch.setattr(backend, "memory_left", lambda: 60 * 2**20)
    monkeypatch.setattr(ceilings, "_memory_rates", lambda size: [1e15 / size, 1.0])
    ceiling = ceilings.memory()
    assert ceiling.sweep == {str(2**20): 1e15 / 2**20, str(2**22): 1e15 / 2**22}
    assert ceiling.rate == 1e15 / 2**22


def test_the_memory_operations_touch_as_many_bytes_as_they_are_credited_with(monkeypatch):
    seen = []
    random = ceilings._random
    monkeypatch.setattr(ceilings, "_random", lambda count: seen.append(count) or random(count))
    rates = list(ceilings._memory_rates(2**20))
    assert len(rates) == 3
    assert min(rates) > 0
    scaled, left, right, summed = (4 * count for count in seen)
    for touched in (2 * scaled, left + right + left, summed):
        assert touched == pytest.approx(2**20, rel=1e-4)


def test_operands_are_random():
    values = ceilings._random(1000)
    assert len(set(values.tolist())) > 900


def test_the_fastest_call_counts_and_the_first_does_not(monkeypatch):
    # Each call moves the clock: the warm-up by 1 ms, then 40, 20 and 30 ms.
    clock = itertools.accumulate([0.0, 0.001, 0.04, 0.02, 0.03])
    now = [next(clock)]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    calls = []

    def call():
        calls.append(1)
        now[0] = next(clock)

    assert ceilings.fastest(call, 0.0) == pytest.approx(0.02)
    assert len(calls) == 4


def test_the_rate_of_paging_is_what_a_new_buffer_takes_beyond_one_written_in_place(monkeypatch):
    taken = iter([0.5, 0.25])
    monkeypatch.setattr(
        ceilings, "fastest", lambda call, seconds, least=3: (call(), next(taken))[1]
    )
    found = ceilings.paging()
    (size,) = map(int, found.sweep)
    assert found.kind == "paging"
    assert found.rate == pytest.approx(size / 0.25)


def test_no_rate_of_paging_where_new_buffers_cost_nothing(monkeypatch):
    taken = iter([0.25, 0.25])
    monkeypatch.setattr(
        ceilings, "fastest", lambda call, seconds, least=3: (call(), next(taken))[1]
    )
    assert ceilings.paging() is None
    monkeypatch.setattr(backend, "is_accelerator", lambda: True)
    assert ceilings.paging() is None


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_convolution_has_a_ceiling_where_a_library_computes_it(dtype):
    found = ceilings.convolution(dtype)
    assert (found is None) == (not libraries.available())
    if found is not None:
        assert (found.kind, found.dtype, found.unit) == ("convolution", dtype, "FLOP/s")
        assert found.rate == max(found.sweep.values()) > 0
