"""Checks made before anything is timed: real data, work that stays, finite and right answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reelbench.layers.passes import inner_product, is_floating
from reelbench.measure.compiling import Compiled
from reelbench.measure.failure import CaseFailure
from reelbench.results.outcome import Outcome
from reelbench.units import print_rate
from reelbench.work.compiled import loop_work

# Work may disappear for good reasons (a factor folded into another); half of it may not.
_LEAST_KEPT = 0.5

# Largest difference from the reference, relative to its norm: some hundred roundings at random
# signs. float32 products on a GPU may round to TF32 (2^-11).
_TOLERANCE = {"float64": 1e-9, "float32": 2e-3, "bfloat16": 5e-2, "float16": 1e-2}

# Below this share of the typical size of all outputs' elements, an output counts as vanished.
_VANISHED = 1e-3

# As many moves of an output by a rounding of the arguments may lie between two ways to compute it,
# which round at every operation.
_MOVES = 10.0
# Where a gradient jumps, as at a ReLU's zero, a number that lies nearer to it than two ways to
# compute it do falls to either side. How far the reference itself jumps for arguments as far away
# as fast ways to multiply differ by tells what may be: so many roundings, in so many draws, and
# twice the farthest, or of slopes as many standard deviations as of the tolerance. Only of float32:
# so many roundings of fewer digits are another argument.
_FAR_ROUNDINGS, _FAR_DRAWS, _FAR_MOVES = 64, 4, 2.0

# Random directions in which each gradient is held against a slope, and how many standard deviations
# the product with a gradient that is off by the tolerance may be off. One that is off by ten times
# the tolerance passes three directions in 3 of 100 cases, by fifty times in 3 of 10,000.
_DIRECTIONS, _SIGMAS = 3, 4.0


def data(compiled: Compiled, arguments: tuple[Any, ...]) -> None:
    """Refuse inputs whose values are all equal.

    Raises:
        CaseFailure: ``constant_input``.
    """
    for position in compiled.traced.workload.inputs:
        for leaf in jax.tree.leaves(arguments[position]):
            if is_floating(leaf) and leaf.size > 1 and bool(_is_constant(leaf)):
                raise CaseFailure(
                    Outcome.CONSTANT_INPUT,
                    f"an input of shape {tuple(leaf.shape)} holds one value everywhere",
                )


def work_stays(compiled: Compiled) -> list[str]:
    """Refuse a program that does less than its text says.

    Three looks: at the traced program for results nobody uses, work on constants and work that a
    loop repeats unchanged; at XLA's own count for what the compiler removed beyond that; and, as
    that count takes a loop's body once, at the compiled text for what was moved out of loops. The
    second is left out where libraries are called, whose work XLA does not count.

    Returns:
        What could not be shown, as warnings.

    Raises:
        CaseFailure: ``work_removed``.
    """
    flops = compiled.traced.flops
    if flops.kept < _LEAST_KEPT * flops.valid:
        raise CaseFailure(
            Outcome.WORK_REMOVED,
            f"of {print_rate(flops.valid, 'FLOP')} only {print_rate(flops.kept, 'FLOP')} depend on "
            "the inputs, reach an output and change from turn to turn",
            written_flops=flops.valid,
            kept_flops=flops.kept,
        )
    counted = compiled.xla_flops or 0.0
    if counted < _LEAST_KEPT * flops.kept and not flops.loops and not _has_calls(compiled):
        raise CaseFailure(
            Outcome.WORK_REMOVED,
            f"of {print_rate(flops.kept, 'FLOP')} the compiled program does "
            f"{print_rate(counted, 'FLOP')}",
            written_flops=flops.kept,
            kept_flops=counted,
        )
    return _loops_keep_work(compiled) if flops.loops else []


def _loops_keep_work(compiled: Compiled) -> list[str]:
    """Hold the text before compiling against the text after it: loops' work must still be in loops.

    A loop whose turns are known may have been unrolled, and is then found outside as often as it
    runs; one whose turns are an argument cannot be.
    """
    flops = compiled.traced.flops
    before = loop_work(compiled.written)
    after = loop_work(compiled.program.as_text())
    if not before.inside or after.inside >= _LEAST_KEPT * before.inside:
        return []
    if after.opaque:
        return ["not shown that the loops kept their work, as they call kernels of unknown work"]
    unrolled = not flops.unbounded and flops.kept > 0
    if unrolled and after.inside + after.outside >= _LEAST_KEPT * flops.kept:
        return []
    raise CaseFailure(
        Outcome.WORK_REMOVED,
        f"of {print_rate(before.inside, 'operations')} that a turn of the loops was to do the "
        f"compiled loops do {print_rate(after.inside, 'operations')}: the rest was moved out or "
        "dropped",
        written_flops=before.inside,
        kept_flops=after.inside,
    )


def _has_calls(compiled: Compiled) -> bool:
    return "custom-call" in compiled.program.as_text()


def outputs(compiled: Compiled, got: Any, arguments: tuple[Any, ...]) -> None:
    """Check that the outputs are finite, and equal to the reference's where there is one.

    Args:
        compiled: The program.
        got: Its outputs for ``arguments``.
        arguments: What it was called with; only used with a reference.

    Raises:
        CaseFailure: ``not_finite`` or ``disagrees_with_reference``.
    """
    finite(got)
    workload = compiled.traced.workload
    dtype = workload.identity.dtype
    if workload.reference is None and workload.slope is not None:
        slopes(got, workload.slope, arguments, dtype)
    # A user's own reference is of the forward pass; another implementation has one of either.
    elif workload.reference and (workload.identity.pass_ == "forward" or workload.plain):
        reference = jax.jit(workload.reference)
        expected = reference(*arguments)
        try:
            agree(got, expected, dtype)
        except CaseFailure:
            nearby = reference(*nudged(arguments))
            draws = range(_FAR_DRAWS if dtype == "float32" else 0)
            far = [reference(*nudged(arguments, _FAR_ROUNDINGS, seed)) for seed in draws]
            agree(got, expected, dtype, nearby=nearby, far=far)


def nudged(arguments: Any, roundings: int = 1, seed: int = 1) -> Any:
    """The arguments with every real number so many roundings away, up or down at random."""
    rng = np.random.default_rng(seed)

    def of(leaf: Any) -> Any:
        if not is_floating(leaf):
            return leaf
        up = jnp.asarray(rng.integers(0, 2, leaf.shape).astype(bool))
        limit = jnp.asarray(jnp.inf, leaf.dtype)
        return leaf + (jnp.nextafter(leaf, jnp.where(up, limit, -limit)) - leaf) * roundings

    return jax.tree.map(of, arguments)


def slopes(got: Any, slope: Callable[..., Any], arguments: tuple[Any, ...], dtype: str) -> None:
    """Hold a train pass against the reference's slopes along random directions.

    Each gradient is met alone: its product with a normal direction is a normal number as large as
    the gradient, and so is the product of whatever is wrong with it. Where a gradient jumps, as at
    a ReLU's zero, it may be off by as much more as the reference's own slopes move for arguments
    some roundings away.

    Args:
        got: Loss, gradients and other variables.
        slope: See `reelbench.measure.workload.Workload`.
        arguments: What the pass was called with.
        dtype: Of the case.

    Raises:
        CaseFailure: ``disagrees_with_reference``.
    """
    loss, gradients, updated = got
    run = jax.jit(slope)
    leaves, structure = jax.tree.flatten(gradients)
    squares = sum(float(np.sum(np.square(np.asarray(leaf, np.float64)))) for leaf in leaves)
    typical = (squares / max(sum(leaf.size for leaf in leaves), 1)) ** 0.5
    tolerance = _TOLERANCE.get(dtype, 2e-3)
    rng = np.random.default_rng(0)
    far: list[Any] = []  # made once something is off
    for place, leaf in enumerate(leaves):
        wide = np.asarray(leaf, np.float64)
        least = _VANISHED * typical * wide.size**0.5
        scale = max(float(np.linalg.norm(wide)), least) or 1.0
        directions, off, moved = [], [], []
        for _ in range(_DIRECTIONS):
            drawn = jnp.asarray(rng.standard_normal(leaf.shape), leaf.dtype)
            one = [jnp.zeros_like(each) for each in leaves]
            one[place] = drawn
            directions.append(jax.tree.unflatten(structure, one))
            made, expected = run(*arguments, directions[-1])
            found = float(np.sum(wide * np.asarray(drawn, np.float64)))
            off.append((found - float(expected)) / scale)
            moved.append(float(expected))
        worst = float(np.max(np.abs(off)))  # NaN stays
        allowed = _SIGMAS * tolerance
        if worst > allowed and dtype == "float32":
            far = far or [nudged(arguments, _FAR_ROUNDINGS, seed) for seed in range(_FAR_DRAWS)]
            there = [[float(run(*each, way)[1]) for way in directions] for each in far]
            # Slopes along random directions are normal numbers; so are their moves.
            moves = (np.array(there) - np.array(moved)) / scale
            allowed += _SIGMAS * float(np.sqrt(np.mean(np.square(moves))))
        _hold(worst, allowed, dtype)
    outputs, others = made
    wanted = float(inner_product(outputs, arguments[3]))
    norm = sum(float(jnp.sum(jnp.square(x))) for x in jax.tree.leaves(outputs) if is_floating(x))
    _hold((float(loss) - wanted) / (norm**0.5 or 1.0), _SIGMAS * tolerance, dtype)
    agree(updated, others, dtype)


def _hold(error: float, tolerance: float, dtype: str) -> None:
    if not abs(error) <= tolerance:
        raise CaseFailure(
            Outcome.DISAGREES_WITH_REFERENCE,
            f"relative error {abs(error):.2g}, more than {tolerance:.2g} for {dtype}",
            relative_error=abs(error),
            tolerance=tolerance,
        )


def finite(got: Any) -> None:
    """Check that the outputs are finite.

    Raises:
        CaseFailure: ``not_finite``.
    """
    bad = [leaf.shape for leaf in jax.tree.leaves(got) if is_floating(leaf) and not _finite(leaf)]
    if bad:
        raise CaseFailure(
            Outcome.NOT_FINITE, f"an output of shape {tuple(bad[0])} holds NaN or infinity"
        )


def agree(
    got: Any,
    expected: Any,
    dtype: str,
    within: float | None = None,
    nearby: Any = None,
    far: Sequence[Any] = (),
) -> None:
    """Check two pytrees of outputs for agreement within the dtype's tolerance.

    Args:
        got: Outputs.
        expected: What they are held against.
        dtype: Of the case.
        within: Another tolerance.
        nearby: What the reference gives for arguments one rounding away. Where that alone moves an
            output by a share of the tolerance, it is made of roundings, as the gradient of a bias
            that softmax takes no notice of; it may then differ by as much as several such moves.
        far: What the reference gives for arguments some roundings away, each time others; an output
            may differ by twice the farthest of them.

    Raises:
        CaseFailure: ``disagrees_with_reference``.
    """
    pairs = jax.tree.leaves(got), jax.tree.leaves(expected)
    if [x.shape for x in pairs[0]] != [x.shape for x in pairs[1]]:
        shapes = [[tuple(x.shape) for x in side] for side in pairs]
        raise CaseFailure(
            Outcome.DISAGREES_WITH_REFERENCE,
            f"output shapes are {shapes[0]}, the reference's {shapes[1]}",
        )
    tolerance = _TOLERANCE.get(dtype, 2e-3) if within is None else within
    wides = [np.asarray(theirs, np.float64) for theirs in pairs[1]]
    squares = sum(float(np.sum(wide**2)) for wide in wides)
    typical = (squares / max(sum(wide.size for wide in wides), 1)) ** 0.5
    may = [_MOVES * moved for moved in _moves(wides, nearby)]
    for each in far:
        farther = (_FAR_MOVES * moved for moved in _moves(wides, each))
        may = list(map(max, may, farther))
    for ours, wide, allowed in zip(pairs[0], wides, may, strict=True):
        difference = float(np.linalg.norm(np.asarray(ours, np.float64) - wide))
        if difference <= allowed:
            continue
        # A gradient that vanishes, as that of a bias before a norm, is made of roundings alone.
        least = _VANISHED * typical * wide.size**0.5
        error = difference / (max(float(np.linalg.norm(wide)), least) or 1.0)
        _hold(error, tolerance, dtype)


def _moves(wides: list[Any], nearby: Any) -> list[float]:
    """How far each output moved; 0 where nothing is known of it."""
    if nearby is None:
        return [0.0] * len(wides)
    there = [np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(nearby)]
    return [float(np.linalg.norm(one - other)) for one, other in zip(there, wides, strict=True)]


@jax.jit
def _is_constant(x: jax.Array) -> jax.Array:
    return jnp.all(x == x.ravel()[0])


@jax.jit
def _finite(x: jax.Array) -> jax.Array:
    return jnp.all(jnp.isfinite(x))
