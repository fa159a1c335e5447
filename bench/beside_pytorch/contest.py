"""One layer and pass on the same numbers in JAX and in PyTorch, call by call in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

from beside_pytorch.peer import Peer, PeerError, Start, device, wait
from beside_pytorch.sitting import BEST, EAGER, GRAPH, LAST, PRODUCT, REFERENCE, Row
from reelbench.catalogue import Preset
from reelbench.machine import backend
from reelbench.measure import build, choosing, protocol, verify
from reelbench.measure.compiling import trace
from reelbench.measure.failure import CaseFailure
from reelbench.measure.remembered import Remembered

# Turns of every contender, after some that warm up; fewer where they would take too long.
_TURNS, _FEWEST, _SECONDS, _SECONDS_ON_GPU = 40, 7, 3.0, 0.5
_WARMUPS = 2
# Untimed calls at a contender's turn: OpenMP's threads spin for milliseconds after their work.
_SETTLING_S = 0.02
# Calls that a GPU is given one after the other, as a training loop does, are timed together: so
# long, and so many at most.
_QUEUED_S, _MOST_QUEUED = 5e-3, 50
# Largest difference relative to the norm, by dtype. Where two frameworks round a sum differently,
# one element in some ten thousand falls on the other side of a ReLU, and its gradient differs
# wholly; in bfloat16 one in some hundred.
_WITHIN = {"float32": 2e-2, "bfloat16": 2e-1}
# Time to try the implementations of a layer.
_CHOOSING_S = 240.0
_SEED = 20_261_126


def contest(
    preset: Preset,
    pass_: str,
    facts: dict[str, Any],
    remembered: Remembered,
    *,
    dtype: str = "float32",
    batch: int = 1,
) -> Row:
    """Prepare JAX as the layer is written, JAX at its best here, and PyTorch; time them in turns.

    See `prepare`.
    """
    row, contenders = prepare(preset, pass_, facts, remembered, dtype=dtype, batch=batch)
    row.rounds_s = in_turns(contenders)
    return row


def prepare(
    preset: Preset,
    pass_: str,
    facts: dict[str, Any],
    remembered: Remembered,
    *,
    dtype: str,
    batch: int,
) -> tuple[Row, dict[str, Contender]]:
    """JAX as the layer is written, JAX at its best here, and PyTorch in two layouts.

    On a GPU PyTorch's kernels are also recorded and replayed as one, without what starting each of
    them takes; and calls are started without waiting for the one before.

    Args:
        preset: Row of the catalogue.
        pass_: ``forward`` or ``train``.
        facts: Of this machine.
        remembered: What was found fastest before.
        dtype: Of the computation; parameters are stored in float32.
        batch: Clips.

    Returns:
        What is known before anything is timed, and what is to take turns.

    Raises:
        PeerError: PyTorch's layer disagrees.
        CaseFailure: JAX's cannot be timed.
    """
    written = build.from_catalogue(preset, pass_=pass_, dtype=dtype, batch=batch)
    limits = choosing.limits_of(facts)
    best, chosen = written, REFERENCE
    try:
        choice = choosing.choose(written, limits, remembered, _CHOOSING_S)
        best = choosing.with_choice(written, choice)
        chosen = choice.name
    except (choosing.NoOtherWayError, CaseFailure):
        pass
    contenders: dict[str, Contender] = {}
    traced = trace(written)
    arguments = best.make()
    if best is written or not choosing.may_not_return(written):
        contenders[REFERENCE] = Contender.of_jax(protocol.prepare(traced)[1].program, arguments)
    if best is not written:
        contenders[BEST] = Contender.of_jax(protocol.prepare(trace(best))[1].program, arguments)
    # Either was held against the layer as it is written.
    jax_s = contenders[BEST if BEST in contenders else REFERENCE]
    for name, last in ((EAGER, False), (LAST, True)):
        peer = Peer(preset, pass_, arguments, dtype, channels_last=last)
        if last and not peer.has_layouts:
            continue
        _agree(peer, peer(), jax_s, arguments, pass_, dtype)
        contenders[name] = Contender(peer.start, wait)
        if peer.records:
            # Beside the layout that it is of.
            contenders[f"{name}, {GRAPH}"] = Contender(peer.recorded(), wait)
    row = Row(
        preset=preset.name,
        family=preset.family,
        layer=preset.layer,
        pass_=pass_,
        batch=batch,
        flops=traced.model_flops,
        least_bytes=float(traced.least_bytes),
        chosen=chosen,
        rounds_s={},
    )
    return row, contenders


def products(dtype: str = "float32", batch: int = 1) -> dict[str, list[float]]:
    """Times of a matrix product alone in JAX and in PyTorch, call by call in turns.

    What a layer of products loses or gains beyond that is the layer's; this is the library's.
    """
    rows, inner, columns = PRODUCT
    shapes = (batch * rows, inner), (inner, columns)
    rng = np.random.default_rng(_SEED)
    drawn = [rng.standard_normal(shape, np.float32) for shape in shapes]
    ours = [jnp.asarray(each, dtype) for each in drawn]
    kind = getattr(torch, dtype)
    theirs = [torch.from_numpy(each).to(device(), kind) for each in drawn]
    compiled = jax.jit(jnp.matmul)

    return in_turns(
        {
            REFERENCE: Contender.of_jax(compiled, ours),
            EAGER: Contender(lambda: torch.matmul(*theirs), wait),
        }
    )


@dataclass(frozen=True)
class Contender:
    """What takes turns.

    Attributes:
        start: Starts a call.
        wait: Waits for what the last call gives, and so for all before it.
    """

    start: Start
    wait: Callable[[Any], Any]

    @classmethod
    def of_jax(cls, program: Any, arguments: Sequence[Any]) -> Contender:
        """A compiled program on its arguments, or on others that `start` is given."""
        return cls(lambda *other: program(*(other or arguments)), jax.block_until_ready)

    def seconds(self, calls: int = 1) -> float:
        """Time of a call, of so many that are waited for together."""
        started = time.perf_counter()
        for _ in range(calls):
            made = self.start()
        self.wait(made)
        return (time.perf_counter() - started) / calls


def _agree(
    peer: Peer, made: Any, contender: Contender, arguments: tuple[Any, ...], pass_: str, dtype: str
) -> None:
    """Hold PyTorch's results against JAX's.

    Raises:
        PeerError: They differ by more than the dtype's tolerance, and by more than roundings of the
            arguments move them.
    """

    def of_jax(given: tuple[Any, ...]) -> list[Any]:
        results = contender.start(*given)
        # Updated running statistics, which come last, are left out.
        return jax.tree.leaves(results if pass_ == "forward" else results[:2])

    ours, theirs, within = of_jax(arguments), peer.in_jax_order(made), _WITHIN[dtype]
    try:
        verify.agree(theirs, ours, dtype, within)
    except CaseFailure:
        try:
            verify.agree(theirs, ours, dtype, within, nearby=of_jax(verify.nudged(arguments)))
        except CaseFailure as failure:
            raise PeerError(f"PyTorch's layer {failure}") from None


def in_turns(contenders: dict[str, Contender]) -> dict[str, list[float]]:
    """Time the contenders each in turn, so that what disturbs one disturbs all alike."""
    slowest = 0.0
    calls: dict[str, int] = {}
    for name, each in contenders.items():
        last = [each.seconds() for _ in range(_WARMUPS)][-1]
        calls[name] = 1
        if backend.is_accelerator():
            calls[name] = max(1, min(_MOST_QUEUED, round(_QUEUED_S / last)))
        slowest += last * calls[name]
    seconds = _SECONDS_ON_GPU if backend.is_accelerator() else _SECONDS
    turns = max(_FEWEST, min(_TURNS, int(seconds * len(contenders) / slowest)))
    made: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(turns):
        order = list(contenders)
        # Each follows each as often.
        for name in order if turn % 2 else reversed(order):
            each = contenders[name]
            # The other framework's threads look for work a while longer; this one's are woken.
            settled = time.perf_counter() + (0.0 if backend.is_accelerator() else _SETTLING_S)
            each.seconds()
            while time.perf_counter() < settled:
                each.seconds()
            made[name].append(each.seconds(calls[name]))
    return made
