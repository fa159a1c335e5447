"""What the blocks of MoViNet are made of."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int

Activation = Callable[[jax.Array], jax.Array]


class Average(NamedTuple):
    """What a cumulative average carries from one chunk of a clip to the next.

    Attributes:
        total: Sum of the frames' means so far.
        frames: How many there were.
    """

    total: Float[Array, "batch features"]
    frames: Int[Array, " batch"]


def running_average(
    means: Float[Array, "batch t features"], before: Average | None
) -> tuple[Float[Array, "batch t features"], Average]:
    """For each frame the average over it and all frames before, those of earlier chunks included.

    Sums are taken in float32 at least and carried in the dtype of ``means``.
    """
    batch, frames, features = means.shape
    wide = jnp.promote_types(means.dtype, jnp.float32)
    if before is None:
        before = Average(jnp.zeros((batch, features), means.dtype), jnp.zeros((batch,), jnp.int32))
    totals = jnp.cumsum(means.astype(wide), axis=1) + before.total.astype(wide)[:, None]
    counts = before.frames[:, None] + jnp.arange(1, frames + 1, dtype=before.frames.dtype)
    averages = (totals / counts[..., None].astype(wide)).astype(means.dtype)
    return averages, Average(totals[:, -1].astype(means.dtype), counts[:, -1])


class ConvNorm(nnx.Module):
    """A convolution without bias, batch normalisation and an activation.

    tensorflow/models ``official/projects/movinet/modeling/movinet_layers.py``, ``ConvBlock``.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        kernel_size: Kernel lengths along time, height and width.
        strides: Strides along time, height and width.
        depthwise: Whether each channel is convolved alone.
        padding: ``SAME``, or ``VALID`` where the input is padded already.
        activation: What follows the normalisation, if anything.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: tuple[int, int, int] = (1, 1, 1),
        *,
        strides: tuple[int, int, int] = (1, 1, 1),
        depthwise: bool = False,
        padding: str = "SAME",
        activation: Activation | None = None,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.conv = nnx.Conv(
            in_features,
            out_features,
            kernel_size,
            strides,
            padding=padding,
            feature_group_count=in_features if depthwise else 1,
            use_bias=False,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.norm = nnx.BatchNorm(
            out_features,
            momentum=0.99,
            epsilon=1e-3,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.activation = activation

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Convolve ``x``."""
        y = self.norm(self.conv(x))
        return y if self.activation is None else self.activation(y)


class Shortcut(nnx.Module):
    """The shortcut of a block that changes the shape: an average where it strides, a projection.

    tensorflow/models ``official/projects/movinet/modeling/movinet_layers.py``, ``SkipBlock``.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        strides: Strides of the block; where any is more than one, height and width are halved by
            averages of 3×3, padding left out.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        strides: tuple[int, int, int],
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.shrinks = max(strides) > 1
        self.project = ConvNorm(
            in_features, out_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h2 w2 out_features"]:
        """Bring ``x`` to the shape of the block's output."""
        if self.shrinks:
            x = nnx.avg_pool(x, (1, 3, 3), (1, 2, 2), padding="SAME", count_include_pad=False)
        return self.project(x)


class CausalSqueezeExcitation(nnx.Module):
    """Scales each channel of a frame by a gate computed from that frame and those before it.

    The gate sees the means of the frame and their average over all frames so far.

    Kondratyuk et al., "MoViNets: Mobile Video Networks for Efficient Video Recognition", 2021,
    arXiv:2103.11511; tensorflow/models ``official/projects/movinet/modeling/movinet_layers.py``,
    ``StreamSqueezeExcitation`` of type ``2plus3d``.

    Args:
        features: Channels of the input and the output.
        reduced_features: Channels between the two projections.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        reduced_features: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        linear = functools.partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.reduce = linear(2 * features, reduced_features)
        self.expand = linear(reduced_features, features)

    def __call__(
        self, x: Float[Array, "batch t h w features"], before: Average | None = None
    ) -> tuple[Float[Array, "batch t h w features"], Average]:
        """Gate the channels of ``x``; also return what the next chunk's call takes."""
        means = jnp.mean(x, axis=(2, 3))
        averages, after = running_average(means, before)
        seen = jnp.concatenate((averages, means), axis=-1)
        gates = jax.nn.hard_sigmoid(self.expand(jax.nn.hard_swish(self.reduce(seen))))
        return x * gates[:, :, None, None], after
