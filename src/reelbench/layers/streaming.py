"""Convolutional blocks that can run on a stream of frames."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.depthwise import SqueezeExcitation, round_width
from reelbench.layers.streaming_ends import MovinetHead, MovinetStem
from reelbench.layers.streaming_parts import Average, CausalSqueezeExcitation, ConvNorm, Shortcut

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int

__all__ = ["MovinetBlock", "MovinetHead", "MovinetStem", "MovinetStreamBlock", "MovinetStreamChunk"]


class BlockState(NamedTuple):
    """What a streaming block carries from one chunk of a clip to the next.

    Attributes:
        past: The last frames before the convolution over time; as many as its kernel reaches back.
        average: Of the squeeze-and-excitation.
    """

    past: Float[Array, "batch past h w mid_features"]
    average: Average


class MovinetBlock(nnx.Module):
    """The residual block of MoViNet for whole clips: widen, convolve each channel alone, narrow.

    Kondratyuk et al., "MoViNets: Mobile Video Networks for Efficient Video Recognition", 2021,
    arXiv:2103.11511; tensorflow/models ``official/projects/movinet/modeling/movinet_layers.py``,
    ``MovinetBlock`` as the base models call it (swish, gates from the means over the whole clip,
    the result scaled by one learned number; stochastic depth left out).

    Args:
        in_features: Channels of the input.
        mid_features: Channels of the depthwise convolution.
        out_features: Channels of the output.
        kernel_size: Lengths of the depthwise kernel along time, height and width.
        strides: Strides of the depthwise convolution and of the shortcut.
        se_ratio: Width of the squeeze relative to ``mid_features``, before rounding.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        mid_features: int,
        out_features: int,
        *,
        kernel_size: tuple[int, int, int] = (3, 3, 3),
        strides: tuple[int, int, int] = (1, 1, 1),
        se_ratio: float = 0.25,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        conv = functools.partial(ConvNorm, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.widen = conv(in_features, mid_features, activation=jax.nn.silu)
        self.depthwise = conv(
            mid_features,
            mid_features,
            kernel_size,
            strides=strides,
            depthwise=True,
            activation=jax.nn.silu,
        )
        self.squeeze_excitation = SqueezeExcitation(
            mid_features, round_width(mid_features, se_ratio), activation=jax.nn.silu, **kinds
        )
        self.narrow = conv(mid_features, out_features)
        self.scale = nnx.Param(jnp.zeros((), param_dtype))
        self.projects = in_features != out_features or max(strides) > 1
        if self.projects:
            self.shortcut = Shortcut(in_features, out_features, strides, **kinds)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Transform ``x`` and add it to the result."""
        y = self.narrow(self.squeeze_excitation(self.depthwise(self.widen(x))))
        return y * self.scale[...].astype(y.dtype) + (self.shortcut(x) if self.projects else x)


class MovinetStreamBlock(nnx.Module):
    """The residual block of MoViNet for streams: no output sees a later frame.

    The depthwise convolution is factorised, first over space, then over time with frames of the
    past only; the gates see averages over the frames so far.

    Kondratyuk et al. 2021, arXiv:2103.11511; tensorflow/models
    ``official/projects/movinet/modeling/movinet_layers.py``, ``MovinetBlock`` as the streaming
    models call it (``3d_2plus1d`` or ``2plus1d``, hard swish, stochastic depth left out).

    Args:
        in_features: Channels of the input.
        mid_features: Channels of the depthwise convolutions.
        out_features: Channels of the output.
        kernel_size: Lengths of the depthwise kernels along time, height and width; there is no
            convolution over time where its length is one.
        strides: Strides of the depthwise convolution over space and of the shortcut; one in time.
        se_ratio: Width of the squeeze relative to its ``2 * mid_features`` inputs, before rounding.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        mid_features: int,
        out_features: int,
        *,
        kernel_size: tuple[int, int, int] = (3, 3, 3),
        strides: tuple[int, int, int] = (1, 1, 1),
        se_ratio: float = 0.25,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        if strides[0] != 1:
            raise ValueError(f"a stream cannot stride in time, and {strides} does")
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        conv = functools.partial(ConvNorm, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        each = functools.partial(
            conv, mid_features, mid_features, depthwise=True, activation=jax.nn.hard_swish
        )
        self.past = kernel_size[0] - 1
        self.widen = conv(in_features, mid_features, activation=jax.nn.hard_swish)
        self.spatial = each((1, *kernel_size[1:]), strides=strides)
        if self.past:
            self.temporal = each((kernel_size[0], 1, 1), padding="VALID")
        self.squeeze_excitation = CausalSqueezeExcitation(
            mid_features, round_width(mid_features, 2 * se_ratio), **kinds
        )
        self.narrow = conv(mid_features, out_features)
        self.scale = nnx.Param(jnp.zeros((), param_dtype))
        self.projects = in_features != out_features or max(strides) > 1
        if self.projects:
            self.shortcut = Shortcut(in_features, out_features, strides, **kinds)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h2 w2 out_features"]:
        """Transform a whole clip and add it to the result."""
        return self.stream(x)[0]

    def stream(
        self, x: Float[Array, "batch t h w in_features"], state: BlockState | None = None
    ) -> tuple[Float[Array, "batch t h2 w2 out_features"], BlockState]:
        """Transform the next frames of a clip.

        Args:
            x: The frames.
            state: What the call before returned; None at the start of a clip.

        Returns:
            The transformed frames, and the state of the next call.
        """
        y = self.spatial(self.widen(x))
        if state is None:
            y = jnp.pad(y, [(0, 0), (self.past, 0), (0, 0), (0, 0), (0, 0)])
        else:
            y = jnp.concatenate((state.past, y), axis=1)
        past = y[:, y.shape[1] - self.past :]
        if self.past:
            y = self.temporal(y)
        y, average = self.squeeze_excitation(y, state.average if state else None)
        y = self.narrow(y)
        shortcut = self.shortcut(x) if self.projects else x
        return y * self.scale[...].astype(y.dtype) + shortcut, BlockState(past, average)


class MovinetStreamChunk(MovinetStreamBlock):
    """`MovinetStreamBlock` called chunk by chunk, with its state among inputs and outputs."""

    def __call__(  # type: ignore[override]
        self,
        x: Float[Array, "batch t h w in_features"],
        past: Float[Array, "batch past h2 w2 mid_features"],
        total: Float[Array, "batch mid_features"],
        count: Int[Array, " batch"],
    ) -> tuple[
        Float[Array, "batch t h2 w2 out_features"],
        Float[Array, "batch past h2 w2 mid_features"],
        Float[Array, "batch mid_features"],
    ]:
        """Transform the next frames of a clip.

        Args:
            x: The frames.
            past: The last frames before the convolution over time.
            total: Sums over the frames so far of the means of each channel before the gates.
            count: Frames so far.

        Returns:
            The transformed frames, and the next call's ``past`` and ``total``; its ``count`` is the
            caller's to keep.
        """
        y, state = self.stream(x, BlockState(past, Average(total, count)))
        return y, state.past, state.average.total
