"""MoViNet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.streaming import BlockState, MovinetBlock, MovinetStreamBlock
from reelbench.layers.streaming_ends import MovinetHead, MovinetStem
from reelbench.layers.streaming_parts import Average

if TYPE_CHECKING:
    from jaxtyping import Array, Float

# Width inside the block, and lengths of its depthwise kernel.
Block = tuple[int, tuple[int, int, int]]


class StreamState(NamedTuple):
    """What a streaming model carries from one chunk of a clip to the next.

    Attributes:
        blocks: Of each block.
        head: Of the head's average over frames.
    """

    blocks: tuple[BlockState, ...]
    head: Average


class Movinet(nnx.Module):
    """MoViNet for whole clips: a stem, stages of depthwise bottlenecks and a head.

    Kondratyuk et al., "MoViNets: Mobile Video Networks for Efficient Video Recognition", 2021,
    arXiv:2103.11511; tensorflow/models ``official/projects/movinet/modeling/movinet.py`` and
    ``movinet_model.py`` (stochastic depth and dropout left out).

    Args:
        stem_features: Channels of the stem.
        stages: For each stage its channels, the stride in space of its first block, and its blocks.
        head_features: Channels of the average, and channels that the classifier sees.
        num_classes: Classes.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    block_class: type[Any] = MovinetBlock
    streams = False

    def __init__(
        self,
        *,
        stem_features: int,
        stages: tuple[tuple[int, int, tuple[Block, ...]], ...],
        head_features: tuple[int, int],
        num_classes: int = 600,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.stem = MovinetStem(3, stem_features, streams=self.streams, **kinds)
        features, blocks = stem_features, []
        for width, stride, layers in stages:
            for index, (middle, kernel_size) in enumerate(layers):
                blocks.append(
                    self.block_class(
                        features,
                        middle,
                        width,
                        kernel_size=kernel_size,
                        strides=(1, 1, 1) if index else (1, stride, stride),
                        **kinds,
                    )
                )
                features = width
        self.blocks = nnx.List(blocks)
        self.head = MovinetHead(
            features, *head_features, num_classes, streams=self.streams, **kinds
        )

    def __call__(self, x: Float[Array, "batch t h w 3"]) -> Float[Array, "batch num_classes"]:
        """Score the classes of a clip."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class MovinetStream(Movinet):
    """MoViNet for streams: each block keeps some frames of its past, and averages so far.

    As `Movinet`, with causal blocks; strides are in space only.
    """

    block_class = MovinetStreamBlock
    streams = True

    def stream(
        self, x: Float[Array, "batch t h w 3"], state: StreamState | None = None
    ) -> tuple[Float[Array, "batch num_classes"], StreamState]:
        """Score the classes by the frames so far.

        Args:
            x: The next frames of a clip.
            state: What the call before returned; None at the start of a clip.

        Returns:
            The scores, and the state of the next call.
        """
        x = self.stem(x)
        before = state.blocks if state else (None,) * len(self.blocks)
        after = []
        block: Any
        for block, each in zip(self.blocks, before, strict=True):
            x, kept = block.stream(x, each)
            after.append(kept)
        scores, average = self.head.stream(x, state.head if state else None)
        return scores, StreamState(tuple(after), average)
