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

from beside_pytorch.sitting import BEST, EAGER, GRAPH, LAST, PRODUCT, REFERENCE, Row
from beside_pytorch.torch_layers import LAYERS
from reelbench.catalogue import Preset
from reelbench.machine import backend
from reelbench.measure import build, choosing, protocol, verify
from reelbench.measure.compiling import trace
from reelbench.measure.failure import CaseFailure
from reelbench.measure.remembered import Remembered

Start = Callable[..., Any]
"""Starts a call; on a CPU it may have ended when that returns."""

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
# Parameters that are not cast to the dtype of the computation before they are used.
_WIDE = ("scale_shift_table", "bias_table")
# Calls of PyTorch before its kernels are recorded, as its documentation of CUDA graphs asks for.
_BEFORE_RECORDING = 3
# Time to try the implementations of a layer.
_CHOOSING_S = 240.0
_SEED = 20_261_126


class PeerError(RuntimeError):
    """PyTorch's layer is not the same function; the message names what differs."""


def device() -> torch.device:
    """Where PyTorch computes: on the GPU if JAX does.

    Raises:
        PeerError: JAX computes where this PyTorch cannot.
    """
    if not backend.is_accelerator():
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise PeerError("PyTorch sees no GPU, but JAX computes on one: install its CUDA build")
    return torch.device("cuda")


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
        contenders[name] = Contender(peer.start, _wait)
        if peer.records:
            # Beside the layout that it is of.
            contenders[f"{name}, {GRAPH}"] = Contender(peer.recorded(), _wait)
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
            EAGER: Contender(lambda: torch.matmul(*theirs), _wait),
        }
    )


def _wait(_: Any) -> None:
    """Wait until PyTorch's kernels are done."""
    if backend.is_accelerator():
        torch.cuda.synchronize()


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


class Peer:
    """PyTorch's layer with its gradients; a call gives what JAX's pass gives, as arrays.

    Args:
        preset: Row of the catalogue.
        pass_: ``forward`` or ``train``.
        arguments: Of JAX's pass: parameters, other variables, inputs, and the cotangent.
        dtype: Of the computation. Parameters are stored in float32 and cast at every call, as JAX's
            are; but those that PyTorch's kernels take in float32.
        channels_last: Whether volumes lie channels last in memory.
    """

    def __init__(
        self,
        preset: Preset,
        pass_: str,
        arguments: tuple[Any, ...],
        dtype: str,
        *,
        channels_last: bool,
    ) -> None:
        self._layer, self._volumes = LAYERS[preset.layer]
        self._dtype, self._device = getattr(torch, dtype), device()
        self._options, self._trains = preset.options, pass_ == "train"
        self._last = channels_last
        self._names = _paths(arguments[0])
        self._parameters = {
            name: self._given(_turned(name, value))
            for name, value in zip(self._names, jax.tree.leaves(arguments[0]), strict=True)
        }
        others = zip(_paths(arguments[1]), jax.tree.leaves(arguments[1]), strict=True)
        self._others = {
            name: torch.from_numpy(np.array(value)).to(self._device)
            for name, value in others
            if np.issubdtype(value.dtype, np.floating)
        }
        # Batch norms keep scale and bias beside their float32 statistics; in the gradients of the
        # others many numbers add up to few.
        normed = {name.removesuffix(".mean") for name in self._others}
        self._wide = {
            name
            for name in self._names
            if name.rpartition(".")[0] in normed or name.endswith(_WIDE)
        }
        self._inputs = tuple(self._volume(value) for value in jax.tree.leaves(arguments[2]))
        if self._trains:
            for each in (*self._parameters.values(), *self._inputs):
                each.requires_grad_(True)
            (cotangent,) = jax.tree.leaves(arguments[3])
            self._cotangent = self._volume(cotangent)

    @property
    def has_layouts(self) -> bool:
        """Whether channels could lie first or last."""
        return self._volumes

    def __call__(self) -> list[torch.Tensor]:
        """The outputs; of the train pass the loss and the gradients, parameters first."""
        made = self.start()
        _wait(made)
        return made

    @property
    def records(self) -> bool:
        """Whether its kernels can be recorded."""
        return self._device.type == "cuda"

    def recorded(self) -> Start:
        """Record the kernels of a call; gives what replays them."""
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(_BEFORE_RECORDING):
                self.start()
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            kept = self.start()

        def replay() -> list[torch.Tensor]:
            graph.replay()
            return kept

        return replay

    def start(self) -> list[torch.Tensor]:
        """Start a call; what it gives may not be there yet."""
        with torch.inference_mode(mode=not self._trains):
            known = self._others | {
                name: each if name in self._wide else each.to(self._dtype)
                for name, each in self._parameters.items()
            }
            outputs = self._layer(known, self._inputs, self._options, self._trains)
        if not self._trains:
            return [outputs]
        loss = (outputs * self._cotangent).sum(dtype=torch.float32)
        wanted = [*self._parameters.values(), *self._inputs]
        return [loss.detach(), *torch.autograd.grad(loss, wanted)]

    def in_jax_order(self, made: list[torch.Tensor]) -> list[np.ndarray]:
        """The results with the axes that JAX's have."""
        if not self._trains:
            return [self._back(made[0])]
        loss, *gradients = made
        count = len(self._names)
        parameters = [
            _turned_back(name, _numbers(each))
            for name, each in zip(self._names, gradients[:count], strict=True)
        ]
        return [_numbers(loss), *parameters, *map(self._back, gradients[count:])]

    def _volume(self, value: Any) -> torch.Tensor:
        array = np.array(value, np.float32)
        if self._volumes and array.ndim == 5:
            array = np.moveaxis(array, -1, 1)
        return self._given(array).to(getattr(torch, str(value.dtype)))

    def _given(self, array: np.ndarray) -> torch.Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array)).to(self._device)
        if self._last and tensor.ndim in (4, 5) and self._volumes:
            formats = {4: torch.channels_last, 5: torch.channels_last_3d}
            return tensor.contiguous(memory_format=formats[tensor.ndim])
        return tensor

    def _back(self, tensor: torch.Tensor) -> np.ndarray:
        array = _numbers(tensor)
        return np.moveaxis(array, 1, -1) if self._volumes and array.ndim == 5 else array


def _numbers(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()


def _paths(tree: Any) -> list[str]:
    """Paths of a state's leaves, as ``attn.qkv.kernel``, in the order of its leaves."""
    names = []
    for path, _ in jax.tree_util.tree_leaves_with_path(tree):
        keys = [str(getattr(key, "key", getattr(key, "name", ""))) for key in path]
        # A variable's own leaf is called value; so may a layer be.
        own = keys[:-1] if keys[-1] in ("", "value") else keys
        names.append(".".join(own))
    return names


def _turned(name: str, value: Any) -> np.ndarray:
    """A kernel with the axes of PyTorch: output, input, then places."""
    array = np.array(value)
    if not name.endswith("kernel"):
        return array
    return array.T if array.ndim == 2 else np.moveaxis(array, (-1, -2), (0, 1))


def _turned_back(name: str, array: np.ndarray) -> np.ndarray:
    if not name.endswith("kernel"):
        return array
    return array.T if array.ndim == 2 else np.moveaxis(array, (0, 1), (-1, -2))


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
