"""Changes of resolution in the Wan autoencoder."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.causal import CausalConv3D
from reelbench.layers.shuffle import enlarge

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class WanDownsample(nnx.Module):
    """Halves the height and the width, and the frames after the first where asked to.

    Wan2.1 ``wan/modules/vae.py``, ``Resample``; diffusers ``autoencoder_kl_wan.py``,
    ``WanResample``, modes ``downsample2d`` and ``downsample3d``. The first frame of a clip is kept
    as it is in time, as by the published code, which encodes it alone and then four frames at a
    time: every later output frame sees the two frames that it stands for and the one before.

    Args:
        features: Channels of the input and the output.
        time: Whether frames are halved too; their number must then be odd.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        time: bool,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = functools.partial(nnx.Conv, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.spatial = conv(features, features, (3, 3), (2, 2), padding=[(0, 1), (0, 1)])
        self.time = time
        if time:
            self.temporal = conv(features, features, (3, 1, 1), (2, 1, 1), padding="VALID")

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t2 h2 w2 features"]:
        """Shrink ``x``."""
        y = self.spatial(x)
        if not self.time or y.shape[1] == 1:
            return y
        return jnp.concatenate([y[:, :1], self.temporal(y)], axis=1)


class WanUpsample(nnx.Module):
    """Doubles the height and the width, and the frames after the first where asked to.

    Wan2.1 ``wan/modules/vae.py``, ``Resample``; diffusers ``autoencoder_kl_wan.py``,
    ``WanResample``, modes ``upsample2d`` and ``upsample3d``. A convolution over time makes two
    frames of each; nearest-neighbour interpolation and a convolution enlarge them. As in the
    published code, which decodes one latent frame at a time, the first frame of a clip is not
    doubled and the convolution over time does not see it: it finds zeros there.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        time: Whether frames are doubled too.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        time: bool,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.time = time
        if time:
            self.temporal = CausalConv3D(
                in_features,
                2 * in_features,
                kernel_size=(3, 1, 1),
                dtype=dtype,
                param_dtype=param_dtype,
                rngs=rngs,
            )
        self.spatial = nnx.Conv(
            in_features, out_features, (3, 3), dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Enlarge ``x``."""
        if self.time and x.shape[1] > 1:
            pairs = self.temporal(x[:, 1:])
            pairs = pairs.reshape(*pairs.shape[:-1], 2, -1)
            pairs = jnp.moveaxis(pairs, -2, 2).reshape(x.shape[0], -1, *x.shape[2:])
            x = jnp.concatenate([x[:, :1].astype(pairs.dtype), pairs], axis=1)
        return self.spatial(enlarge(x, (1, 2, 2)))
