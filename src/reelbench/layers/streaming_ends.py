"""The first and the last layer of MoViNet."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.streaming_parts import Average, ConvNorm, running_average

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class MovinetStem(nnx.Module):
    """The first layer of MoViNet: a convolution of each frame, normalised and activated.

    Kondratyuk et al., "MoViNets: Mobile Video Networks for Efficient Video Recognition", 2021,
    arXiv:2103.11511; tensorflow/models ``official/projects/movinet/modeling/movinet_layers.py``,
    ``Stem``.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        streams: Whether it is a streaming model's, whose activation is hard swish instead of swish.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        streams: bool = False,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.conv = ConvNorm(
            in_features,
            out_features,
            (1, 3, 3),
            strides=(1, 2, 2),
            activation=jax.nn.hard_swish if streams else jax.nn.silu,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h2 w2 out_features"]:
        """Convolve each frame."""
        return self.conv(x)


class MovinetHead(nnx.Module):
    """The last layer of MoViNet: widen, average, widen again, classify.

    Kondratyuk et al. 2021, arXiv:2103.11511; tensorflow/models
    ``official/projects/movinet/modeling/movinet_layers.py``, ``Head`` and ``ClassifierHead``
    (dropout left out).

    Args:
        in_features: Channels of the input.
        mid_features: Channels of the average.
        head_features: Channels that the classifier sees.
        num_classes: Classes.
        streams: Whether it is a streaming model's, whose first activation is hard swish instead of
            swish.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        mid_features: int,
        head_features: int,
        num_classes: int,
        *,
        streams: bool = False,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        linear = functools.partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.widen = ConvNorm(
            in_features,
            mid_features,
            activation=jax.nn.hard_swish if streams else jax.nn.silu,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.project = linear(mid_features, head_features)
        self.classify = linear(head_features, num_classes)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch num_classes"]:
        """Score the classes of a whole clip."""
        return self._scores(jnp.mean(self.widen(x), axis=(1, 2, 3)))

    def stream(
        self, x: Float[Array, "batch t h w in_features"], before: Average | None = None
    ) -> tuple[Float[Array, "batch num_classes"], Average]:
        """Score the classes by the frames so far.

        Args:
            x: The next frames of a clip.
            before: What the call before returned; None at the start of a clip.

        Returns:
            The scores, and what the next call takes.
        """
        averages, after = running_average(jnp.mean(self.widen(x), axis=(2, 3)), before)
        return self._scores(averages[:, -1]), after

    def _scores(
        self, average: Float[Array, "batch mid_features"]
    ) -> Float[Array, "batch num_classes"]:
        return self.classify(jax.nn.silu(self.project(average)))
