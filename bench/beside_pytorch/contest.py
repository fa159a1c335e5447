"""One layer and pass on the same numbers in JAX and in PyTorch, call by call in turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

from beside_pytorch.sitting import BEST, EAGER, LAST, PRODUCT, REFERENCE, Row
from beside_pytorch.torch_layers import LAYERS
from reelbench.catalogue import Preset
from reelbench.measure import build, choosing, protocol, verify
from reelbench.measure.compiling import trace
from reelbench.measure.failure import CaseFailure
from reelbench.measure.remembered import Remembered

Call = Callable[[], Any]

# Turns of every contender, after some that warm up; fewer where they would take too long.
_TURNS, _FEWEST, _SECONDS = 40, 7, 3.0
_WARMUPS = 2
# Untimed calls at a contender's turn: OpenMP's threads spin for milliseconds after their work.
_SETTLING_S = 0.02
# Largest difference relative to the norm. Where two frameworks round a sum differently, one element
# in some ten thousand falls on the other side of a ReLU, and its gradient differs wholly.
_WITHIN = 2e-2
# Time to try the implementations of a layer.
_CHOOSING_S = 240.0
_SEED = 20_261_126


class PeerError(RuntimeError):
    """PyTorch's layer is not the same function; the message names what differs."""


def contest(preset: Preset, pass_: str, facts: dict[str, Any], remembered: Remembered) -> Row:
    """Time JAX as the layer is written, JAX at its best here, and PyTorch in two layouts.

    Args:
        preset: Row of the catalogue.
        pass_: ``forward`` or ``train``.
        facts: Of this machine.
        remembered: What was found fastest before.

    Raises:
        PeerError: PyTorch's layer disagrees.
        CaseFailure: JAX's cannot be timed.
    """
    written = build.from_catalogue(preset, pass_=pass_, dtype="float32", batch=1)
    limits = choosing.limits_of(facts)
    best, chosen = written, REFERENCE
    try:
        choice = choosing.choose(written, limits, remembered, _CHOOSING_S)
        best = choosing.with_choice(written, choice)
        chosen = choice.name
    except (choosing.NoOtherWayError, CaseFailure):
        pass
    contenders: dict[str, Call] = {}
    traced = trace(written)
    if best is written or not choosing.may_not_return(written):
        contenders[REFERENCE] = protocol.prepare(traced)[1]
    if best is not written:
        contenders[BEST] = protocol.prepare(trace(best))[1]
    arguments = best.make()
    expected = jax.jit(best.function)(*arguments)
    for name, last in ((EAGER, False), (LAST, True)):
        peer = Peer(preset, pass_, arguments, channels_last=last)
        if last and not peer.has_layouts:
            continue
        _agree(peer, peer(), expected, pass_)
        contenders[name] = peer
    return Row(
        preset=preset.name,
        family=preset.family,
        layer=preset.layer,
        pass_=pass_,
        flops=traced.model_flops,
        least_bytes=float(traced.least_bytes),
        chosen=chosen,
        rounds_s=_in_turns(contenders),
    )


def products() -> dict[str, list[float]]:
    """Times of a matrix product alone in JAX and in PyTorch, call by call in turns.

    What a layer of products loses or gains beyond that is the layer's; this is the library's.
    """
    rows, inner, columns = PRODUCT
    rng = np.random.default_rng(_SEED)
    drawn = [rng.standard_normal(shape, np.float32) for shape in ((rows, inner), (inner, columns))]
    ours, theirs = [jnp.asarray(each) for each in drawn], [torch.from_numpy(each) for each in drawn]
    compiled = jax.jit(jnp.matmul)
    calls: dict[str, Call] = {
        REFERENCE: lambda: jax.block_until_ready(compiled(*ours)),
        EAGER: lambda: torch.matmul(*theirs),
    }
    return _in_turns(calls)


class Peer:
    """PyTorch's layer with its gradients; a call gives what JAX's pass gives, as arrays.

    Args:
        preset: Row of the catalogue.
        pass_: ``forward`` or ``train``.
        arguments: Of JAX's pass: parameters, other variables, inputs, and the cotangent.
        channels_last: Whether volumes lie channels last in memory.
    """

    def __init__(
        self, preset: Preset, pass_: str, arguments: tuple[Any, ...], *, channels_last: bool
    ) -> None:
        self._layer, self._volumes = LAYERS[preset.layer]
        self._options, self._trains = preset.options, pass_ == "train"
        self._last = channels_last
        self._names = _paths(arguments[0])
        self._parameters = {
            name: self._given(_turned(name, value))
            for name, value in zip(self._names, jax.tree.leaves(arguments[0]), strict=True)
        }
        others = zip(_paths(arguments[1]), jax.tree.leaves(arguments[1]), strict=True)
        self._others = {
            name: torch.from_numpy(np.array(value))
            for name, value in others
            if np.issubdtype(value.dtype, np.floating)
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
        known = {**self._parameters, **self._others}
        if not self._trains:
            with torch.inference_mode():
                return [self._layer(known, self._inputs, self._options, False)]
        outputs = self._layer(known, self._inputs, self._options, True)
        loss = (outputs * self._cotangent).sum()
        wanted = [*self._parameters.values(), *self._inputs]
        return [loss.detach(), *torch.autograd.grad(loss, wanted)]

    def in_jax_order(self, made: list[torch.Tensor]) -> list[np.ndarray]:
        """The results with the axes that JAX's have."""
        if not self._trains:
            return [self._back(made[0])]
        loss, *gradients = made
        count = len(self._names)
        parameters = [
            _turned_back(name, each.numpy())
            for name, each in zip(self._names, gradients[:count], strict=True)
        ]
        return [loss.numpy(), *parameters, *map(self._back, gradients[count:])]

    def _volume(self, value: Any) -> torch.Tensor:
        array = np.array(value)
        if self._volumes and array.ndim == 5:
            array = np.moveaxis(array, -1, 1)
        return self._given(array)

    def _given(self, array: np.ndarray) -> torch.Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        if self._last and tensor.ndim in (4, 5) and self._volumes:
            formats = {4: torch.channels_last, 5: torch.channels_last_3d}
            return tensor.contiguous(memory_format=formats[tensor.ndim])
        return tensor

    def _back(self, tensor: torch.Tensor) -> np.ndarray:
        array = tensor.numpy()
        return np.moveaxis(array, 1, -1) if self._volumes and array.ndim == 5 else array


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


def _agree(peer: Peer, made: Any, expected: Any, pass_: str) -> None:
    """Hold PyTorch's results against JAX's.

    Raises:
        PeerError: They differ by more than the dtype's tolerance.
    """
    # Updated running statistics, which come last, are left out.
    wanted = jax.tree.leaves(expected if pass_ == "forward" else expected[:2])
    try:
        verify.agree(peer.in_jax_order(made), wanted, "float32", _WITHIN)
    except CaseFailure as failure:
        raise PeerError(f"PyTorch's layer {failure}") from None


def _in_turns(contenders: dict[str, Call]) -> dict[str, list[float]]:
    """Time the contenders one call each in turn, so that what disturbs one disturbs all alike."""
    slowest = 0.0
    for call in contenders.values():
        for _ in range(_WARMUPS):
            started = time.perf_counter()
            call()
            last = time.perf_counter() - started
        slowest += last
    turns = max(_FEWEST, min(_TURNS, int(_SECONDS * len(contenders) / slowest)))
    made: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(turns):
        order = list(contenders)
        # Each follows each as often.
        for name in order if turn % 2 else reversed(order):
            call = contenders[name]
            # The other framework's threads look for work a while longer; this one's are woken.
            settled = time.perf_counter() + _SETTLING_S
            call()
            while time.perf_counter() < settled:
                call()
            started = time.perf_counter()
            call()
            made[name].append(time.perf_counter() - started)
    return made
