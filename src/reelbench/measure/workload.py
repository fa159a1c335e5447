"""A workload: one pass of a layer as a pure function, with what it takes to build its arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reelbench.results.schema import Identity


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What is compiled and timed.

    Attributes:
        identity: What it is.
        version: Hash of the code and sizes that define it.
        function: Pure function of ``arguments``; returns a pytree of arrays.
        arguments: Shapes of the arguments, one pytree each; known without any memory.
        make: Builds the arguments on the device.
        inputs: Positions of the arguments that hold data, which must not be constant.
        carry: How many leading arguments the outputs replace at the next call; they are donated.
        parameters: Parameters of the layer, in elements.
        clips: Video clips a call handles.
        frames: Video frames a call handles.
        tokens: Positions (tokens, pixels, voxels) a call handles.
        kept_bytes: Counts the activations kept for the backward pass; only tracing, no memory.
        reference: Function of the same arguments that must give the same outputs, if there is one.
        slope: Function of the same arguments and of a direction for parameters and floating
            inputs: the reference's outputs and other variables, and the derivative of its loss
            along the direction. Checks gradients where the reference's own take too long.
        plain: The same pass of the reference implementation, whose FLOPs are counted; None where
            ``function`` itself is that.
        apply: Function of parameters, other variables and inputs before it is differentiated; None
            where the pass is not made of one.
        library: What XLA is allowed to call for it, see `reelbench.machine.libraries`; empty where
            it compiles the program as it does for any user.
        applied: Positions of those three among the arguments.
        rebuild: Makes the workload anew with another ``apply`` in place of this one, under the name
            of an implementation.
    """

    identity: Identity
    version: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    make: Callable[[], tuple[Any, ...]]
    inputs: tuple[int, ...]
    carry: int = 0
    parameters: int = 0
    clips: float = 1.0
    frames: float = 0.0
    tokens: float = 0.0
    kept_bytes: Callable[[], int] = lambda: 0
    reference: Callable[..., Any] | None = None
    slope: Callable[..., Any] | None = None
    plain: Callable[..., Any] | None = None
    apply: Callable[..., Any] | None = None
    applied: tuple[int, int, int] = (0, 1, 2)
    library: str = ""
    rebuild: Callable[[Callable[..., Any], str], Workload] | None = None
