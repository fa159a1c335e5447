"""Causal 3-D convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float

Border = Literal["zeros", "first", "nearest"]


class CausalConv3D(nnx.Module):
    """A 3-D convolution padded in time on the left only, so that no output sees a later frame.

    Wan Team, "Wan: Open and Advanced Large-Scale Video Generative Models", 2025, arXiv:2503.20314;
    Wan2.1 ``wan/modules/vae.py``, ``CausalConv3d``. Other autoencoders differ in what stands beyond
    the clip: see ``border``.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        kernel_size: Kernel lengths along time, height and width.
        strides: Strides along time, height and width.
        use_bias: Whether a bias is added.
        border: ``zeros`` everywhere (Wan); the ``first`` frame before the clip and zeros around the
            frames (CogVideoX, LTX-Video); the ``nearest`` pixel in time and space (HunyuanVideo).
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        kernel_size: tuple[int, int, int] = (3, 3, 3),
        strides: tuple[int, int, int] = (1, 1, 1),
        use_bias: bool = True,
        border: Border = "zeros",
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.past = kernel_size[0] - 1
        self.border = border
        self.around = [(length // 2, length // 2) for length in kernel_size[1:]]
        self.conv = nnx.Conv(
            in_features,
            out_features,
            kernel_size,
            strides,
            padding=[(0, 0), *([(0, 0), (0, 0)] if border == "nearest" else self.around)],
            use_bias=use_bias,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Convolve a whole clip."""
        return self.stream(x)[0]

    def stream(
        self,
        x: Float[Array, "batch t h w in_features"],
        cache: Float[Array, "batch past h w in_features"] | None = None,
    ) -> tuple[
        Float[Array, "batch t2 h2 w2 out_features"], Float[Array, "batch past h w in_features"]
    ]:
        """Convolve the next frames of a clip.

        Args:
            x: The frames. A stride in time must divide their number, but in the last call.
            cache: What the call before returned; None at the start of a clip.

        Returns:
            The convolved frames, and the cache of the next call: the last ``kernel_size[0] - 1``
            input frames.
        """
        if cache is None:
            before = [(0, 0), (self.past, 0), (0, 0), (0, 0), (0, 0)]
            x = jnp.pad(x, before, mode="constant" if self.border == "zeros" else "edge")
        else:
            x = jnp.concatenate((cache, x), axis=1)
        cache = x[:, x.shape[1] - self.past :]
        if self.border == "nearest":
            x = jnp.pad(x, [(0, 0), (0, 0), *self.around, (0, 0)], mode="edge")
        return self.conv(x), cache
