"""A layer of the catalogue in PyTorch, on the numbers of JAX's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import torch

from beside_pytorch.torch_layers import LAYERS
from reelbench.catalogue import Preset
from reelbench.machine import backend

Start = Callable[..., Any]
"""Starts a call; on a CPU it may have ended when that returns."""

# Parameters that are not cast to the dtype of the computation before they are used.
_WIDE = ("scale_shift_table", "bias_table")
# Calls of PyTorch before its kernels are recorded, as its documentation of CUDA graphs asks for.
_BEFORE_RECORDING = 3


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


def wait(_: Any) -> None:
    """Wait until PyTorch's kernels are done."""
    if backend.is_accelerator():
        torch.cuda.synchronize()


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
        wait(made)
        return made

    @property
    def records(self) -> bool:
        """Whether its kernels can be recorded."""
        return self._device.type == "cuda"

    def recorded(self) -> Start:
        """Record the kernels of a call; gives what replays them.

        Raises:
            RuntimeError: They cannot be recorded.
        """
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(_BEFORE_RECORDING):
                self.start()
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        # What another framework asks of the driver meanwhile would end a recording of all threads.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
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
