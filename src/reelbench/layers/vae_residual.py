"""The residual block of most video autoencoders, which differ in its norms and convolutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
from flax import nnx

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class ResidualBlock(nnx.Module):
    """Norm, SiLU, convolution, twice, and a shortcut.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        norm: Makes a norm of so many channels.
        conv: Makes a convolution from so many channels to so many.
        project: Makes the shortcut likewise where the number of channels changes; where it does
            not, the shortcut is the input itself.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        norm: Callable[[int], Any],
        conv: Callable[[int, int], Any],
        project: Callable[[int, int], Any],
    ) -> None:
        self.norm1 = norm(in_features)
        self.conv1 = conv(in_features, out_features)
        self.norm2 = norm(out_features)
        self.conv2 = conv(out_features, out_features)
        self.projects = in_features != out_features
        if self.projects:
            self.shortcut = project(in_features, out_features)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h w out_features"]:
        """Transform ``x`` and add it to the result."""
        y = self.conv1(jax.nn.silu(self.norm1(x)))
        y = self.conv2(jax.nn.silu(self.norm2(y)))
        return y + (self.shortcut(x) if self.projects else x)
