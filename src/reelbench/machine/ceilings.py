"""Ceilings: the matrix-multiply and memory rates that this machine reaches, measured now.

Operands are random; all-ones matrices run faster on chips that clock by power. A ceiling is the
fastest round of the best shape: a rate that was reached, so that a share of it stays below one.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from reelbench.machine import backend, libraries
from reelbench.results.schema import Ceiling
from reelbench.units import print_bytes

_ROUND_S = 0.25  # the sweep of sizes ends when one call takes longer
_MATMUL_S = 0.4  # time given to each shape
# Frames, height and width, channels, and length of the kernel, of a dense convolution.
_CONVOLVED = 4, 28, 256, 3
_PAGED_BYTES = 2**28
_UNTIL_KEPT = 8
_MEMORY_S = 0.15  # time given to each size and operation


def matmul(dtype: str) -> Ceiling:
    """The matrix-multiply ceiling of a dtype: growing squares, then longer and flatter shapes."""
    sweep: dict[str, float] = {}
    best, best_side = 0.0, 0
    for side in _sides():
        rate, seconds = _matmul_rate(side, side, side, dtype)
        sweep[_shape(side, side, side)] = rate
        if rate > best:
            best, best_side = rate, side
        if seconds > _ROUND_S / 4:
            break
    side = best_side
    for m, k, n in (
        (4 * side, side, side // 2),
        (2 * side, side // 2, 2 * side),
        (side // 2, 4 * side, side),
    ):
        sweep[_shape(m, k, n)] = _matmul_rate(m, k, n, dtype)[0]
    return _arithmetic("matmul", dtype, sweep)


def convolution(dtype: str) -> Ceiling | None:
    """The rate of a dense convolution by a library that XLA may call here; None without one.

    Its kernels meet the processor's own rate, which no matrix product may: a convolution would be
    above the matrix-multiply ceiling.
    """
    named = libraries.available()
    if not named:
        return None
    sweep: dict[str, float] = {}
    frames, side, channels, taps = _CONVOLVED
    x = jax.random.normal(jax.random.key(2), (1, frames, side, side, channels), dtype)
    kernel = jax.random.normal(jax.random.key(3), (*(taps,) * 3, channels, channels), dtype)

    def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(
            x, kernel, (1, 1, 1), "SAME", dimension_numbers=("NDHWC", "DHWIO", "NDHWC")
        )

    flops = 2.0 * x.size * taps**3 * channels
    for library in named:
        lowered = jax.jit(convolve).lower(x, kernel)
        program = lowered.compile(compiler_options=libraries.options(library))
        seconds = fastest(functools.partial(program, x, kernel), _MATMUL_S)
        sweep[f"{frames}x{side}x{side}x{channels} {library}"] = flops / seconds
    return _arithmetic("convolution", dtype, sweep)


def memory() -> Ceiling:
    """The memory ceiling: bytes read plus bytes written a second, at the largest size.

    The sweep holds smaller working sets too, whose data stay in a cache: a case that is smaller
    than the last-level cache is compared with the rate of its own size.
    """
    sweep: dict[str, float] = {}
    largest = (4096 if backend.is_accelerator() else 256) * 2**20
    size = 2**20
    while size <= min(largest, backend.memory_left() // 8):
        sweep[str(size)] = max(_memory_rates(size))
        size *= 4
    size = max(map(int, sweep))
    return Ceiling(
        kind="memory",
        dtype="float32",
        precision="default",
        rate=sweep[str(size)],
        unit="B/s",
        shape=print_bytes(size),
        sweep=sweep,
    )


def paging() -> Ceiling | None:
    """Bytes a second at which memory that a program takes anew becomes usable; None where at once.

    An operating system hands out memory page by page, when it is first written, and clears each
    page. A program that takes a large buffer at every call pays for that at every call; one that
    works in place, or in what is small enough to be kept, does not. The rate is that of the extra
    time which writing a new buffer takes over writing in place.
    """
    if backend.is_accelerator():
        return None  # the runtime keeps what it took
    size = min(_PAGED_BYTES, backend.memory_left() // 8)
    x = _random(size // 4)
    fresh = jax.jit(lambda x, s: x * s).lower(x, 0.999).compile()
    # An allocator that keeps memory has it only after calls that took it.
    anew = fastest(lambda: fresh(x, 0.999), _MEMORY_S, least=_UNTIL_KEPT)
    scale = jax.jit(lambda x, s: x * s, donate_argnums=0).lower(x, 0.999).compile()
    in_place = fastest(_replacing(scale, x, 0.999), _MEMORY_S)
    if anew <= in_place:
        return None
    rate = size / (anew - in_place)
    return Ceiling(
        kind="paging",
        dtype="float32",
        precision="default",
        rate=rate,
        unit="B/s",
        shape=print_bytes(size),
        sweep={str(size): rate},
    )


def _arithmetic(kind: str, dtype: str, sweep: dict[str, float]) -> Ceiling:
    """The best FLOP/s of a sweep over shapes."""
    shape = max(sweep, key=sweep.__getitem__)
    return Ceiling(
        kind=kind,
        dtype=dtype,
        precision=backend.matmul_precision(),
        rate=sweep[shape],
        unit="FLOP/s",
        shape=shape,
        sweep=sweep,
    )


def _sides() -> Iterator[int]:
    side = 512
    while 3 * 4 * side**2 < backend.memory_left() // 4 and side <= 16384:
        yield side
        side *= 2


def _shape(m: int, k: int, n: int) -> str:
    return f"{m}x{k}x{n}"


def _matmul_rate(m: int, k: int, n: int, dtype: str) -> tuple[float, float]:
    left, right = jax.random.split(jax.random.key(m + n))
    a = jax.random.normal(left, (m, k), dtype)
    b = jax.random.normal(right, (k, n), dtype)
    product = jax.jit(jnp.matmul).lower(a, b).compile()
    seconds = fastest(lambda: product(a, b), _MATMUL_S)
    return 2.0 * m * k * n / seconds, seconds


def _memory_rates(size: int) -> Iterator[float]:
    """Rates of scaling in place, adding in place and summing, ``size`` bytes touched in all."""
    # The output takes the donated input's buffer: a fresh one would be paged in at every call.
    x = _random(size // 8)
    scale = jax.jit(lambda x, s: x * s, donate_argnums=0).lower(x, 0.999).compile()
    yield size / fastest(_replacing(scale, x, 0.999), _MEMORY_S)
    x, y = _random(size // 12), _random(size // 12)
    add = jax.jit(lambda x, y: x * 0.5 + y, donate_argnums=0).lower(x, y).compile()
    yield size / fastest(_replacing(add, x, y), _MEMORY_S)
    x = _random(size // 4)
    total = jax.jit(jnp.sum).lower(x).compile()
    yield size / fastest(lambda: total(x), _MEMORY_S)


def _random(count: int) -> jax.Array:
    """Float32 random values; one block of them is repeated, since drawing is slow on a CPU."""
    block = jax.random.normal(jax.random.key(1), (min(count, 2**18),), jnp.float32)
    return jnp.resize(block, (count,))


def _replacing(program: Callable[..., Any], x: jax.Array, other: Any) -> Callable[[], jax.Array]:
    """A call whose output replaces its first argument at the next call."""
    held = x

    def call() -> jax.Array:
        nonlocal held
        held = program(held, other)
        return held

    return call


def fastest(call: Callable[[], Any], seconds: float, least: int = 3) -> float:
    """The fastest of the calls made in ``seconds``, at least so many, after one to warm up."""
    jax.block_until_ready(call())
    best, spent, rounds = float("inf"), 0.0, 0
    while rounds < least or spent < seconds:
        start = time.perf_counter()
        jax.block_until_ready(call())
        elapsed = time.perf_counter() - start
        best, spent, rounds = min(best, elapsed), spent + elapsed, rounds + 1
    return best
