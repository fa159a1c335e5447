"""Deformable convolution: each tap of the kernel is sampled where the input itself says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.deformable import bilinear_sample

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class DeformableConv2D(nnx.Module):
    """A 3×3 convolution whose taps are moved and weighted by an ordinary one; no bias.

    Zhu et al., "Deformable ConvNets v2", 2018, arXiv:1811.11168; mmcv
    ``ops/modulated_deform_conv.py``, ``ModulatedDeformConv2dPack`` with one group.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        strides: Stride along height and width.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        strides: int = 1,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.strides = strides
        self.dtype = dtype or param_dtype
        # For each of the nine taps how far down, how far right, and how much.
        self.offset = nnx.Conv(
            in_features,
            27,
            (3, 3),
            strides,
            padding=1,
            kernel_init=nnx.initializers.zeros_init(),
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        init = nnx.initializers.lecun_normal()
        self.kernel = nnx.Param(init(rngs.params(), (3, 3, in_features, out_features), param_dtype))

    def __call__(
        self, x: Float[Array, "*batch h w in_features"]
    ) -> Float[Array, "*batch h2 w2 out_features"]:
        """Convolve ``x``; positions, weights of the taps and interpolation are at least float32."""
        x = x.astype(self.dtype)
        wide = jnp.promote_types(x.dtype, jnp.float32)
        steer = self.offset(x).astype(wide)
        moves = steer[..., :18].reshape(*steer.shape[:-1], 9, 2)
        share = jax.nn.sigmoid(steer[..., 18:])

        height, width = steer.shape[-3:-1]
        tap = jnp.arange(-1, 2, dtype=wide)
        rows = jnp.arange(height, dtype=wide)[:, None, None] * self.strides + jnp.repeat(tap, 3)
        columns = jnp.arange(width, dtype=wide)[:, None] * self.strides + jnp.tile(tap, 3)
        y, ahead = moves[..., 0] + rows, moves[..., 1] + columns

        images = x.reshape(-1, *x.shape[-3:])
        places = (len(images), height, width, 9)
        taps = jax.vmap(bilinear_sample)(images, ahead.reshape(places), y.reshape(places))
        taps = (taps * share.reshape(*places, 1)).astype(self.dtype)
        kernel = self.kernel[...].astype(self.dtype).reshape(9, *self.kernel.shape[2:])
        out = jnp.einsum("nhwkc,kcd->nhwd", taps, kernel)
        return out.reshape(*steer.shape[:-1], -1)
