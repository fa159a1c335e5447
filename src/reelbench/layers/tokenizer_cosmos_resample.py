"""Changes of resolution in the Cosmos continuous video tokenizer."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.causal import CausalConv3D
from reelbench.layers.shuffle import enlarge
from reelbench.layers.tokenizer_magvit import average

if TYPE_CHECKING:
    from jaxtyping import Array, Float

_Conv = functools.partial(CausalConv3D, border="first")


class CosmosDownsample(nnx.Module):
    """A strided convolution plus a mean, over space and then over time, and a 1×1×1 convolution.

    NVIDIA/Cosmos-Tokenizer ``cosmos_tokenizer/modules/layers3d.py``, ``CausalHybridDownsample3d``.
    In time the first frame stands for itself and the one before it.

    Args:
        features: Channels of the input and the output.
        space: Whether height and width are halved.
        time: Whether the frames after the first are halved.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        space: bool = True,
        time: bool = True,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = functools.partial(nnx.Conv, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.space, self.time = space, time
        if space:
            self.spatial = conv(features, features, (3, 3), (2, 2), padding=[(0, 1), (0, 1)])
        if time:
            self.temporal = _Conv(
                features,
                features,
                kernel_size=(3, 1, 1),
                strides=(2, 1, 1),
                dtype=dtype,
                param_dtype=param_dtype,
                rngs=rngs,
            )
        self.out = conv(features, features, (1, 1))

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t2 h2 w2 features"]:
        """Shrink ``x``."""
        if self.space:
            x = self.spatial(x) + average(x, (1, 2, 2))
        if self.time:
            pairs = jnp.concatenate([x[:, :1], x], axis=1)
            x = self.temporal(x) + average(pairs, (2, 1, 1))
        return self.out(x)


class CosmosUpsample(nnx.Module):
    """Repetition plus a convolution of it, over time and then over space, and a 1×1×1 convolution.

    NVIDIA/Cosmos-Tokenizer ``cosmos_tokenizer/modules/layers3d.py``, ``CausalHybridUpsample3d``.
    The first frame is not repeated in time.

    Args:
        features: Channels of the input and the output.
        space: Whether height and width are doubled.
        time: Whether the frames after the first are doubled.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        space: bool = True,
        time: bool = True,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = functools.partial(_Conv, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.space, self.time = space, time
        if time:
            self.temporal = conv(features, features, kernel_size=(3, 1, 1))
        if space:
            self.spatial = conv(features, features, kernel_size=(1, 3, 3))
        self.out = conv(features, features, kernel_size=(1, 1, 1))

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t2 h2 w2 features"]:
        """Enlarge ``x``."""
        if self.time:
            x = enlarge(x, (2, 1, 1))[:, 1:]
            x = self.temporal(x) + x
        if self.space:
            x = enlarge(x, (1, 2, 2))
            x = self.spatial(x) + x
        return self.out(x)
