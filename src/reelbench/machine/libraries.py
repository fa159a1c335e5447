"""Libraries that XLA can hand operations of a program to, where the program's options let it.

XLA for CPUs computes convolutions itself unless it is told otherwise, many of them slowly. A build
of it may hold oneDNN too, as jaxlib 0.12 for x86 does: with the option set, XLA hands over those
that it recognises. Whether a build does so can only be seen from a program that it compiled.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jax import lax

# Options by library, as `jax.jit(..., compiler_options=...)` takes them. The flag is named in
# XLA's xla/debug_options_flags.cc.
_OPTIONS: dict[str, dict[str, str | bool]] = {
    "onednn": {"xla_cpu_experimental_onednn_custom_call": True},
}
# How a call of each stands in a compiled program.
_CALLS = {"onednn": "__onednn$"}
# Of a convolution that shows it.
_SHAPES = (1, 8, 8, 16), (3, 3, 16, 16)


def options(library: str) -> dict[str, str | bool]:
    """Options that a program is compiled with to use a library; none for an empty name.

    Raises:
        KeyError: There is no such library.
    """
    return dict(_OPTIONS[library]) if library else {}


@functools.cache
def available() -> tuple[str, ...]:
    """Names of the libraries that XLA uses here if it may."""
    if jax.default_backend() != "cpu":
        return ()
    return tuple(name for name in _OPTIONS if _is_called(name))


def _is_called(library: str) -> bool:
    x, kernel = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in _SHAPES)

    def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    try:
        program = jax.jit(convolve).lower(x, kernel).compile(compiler_options=options(library))
    except Exception:  # this version has no such option; its error has no narrower public type
        return False
    return _CALLS[library] in (program.as_text() or "")
