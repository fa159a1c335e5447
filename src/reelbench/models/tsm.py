"""TSM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.catalogue.models.bottleneck3d import DEPTHS
from reelbench.catalogue.models.tsm import first_stride
from reelbench.layers.convolution import ConvStem
from reelbench.layers.head import PoolingHead
from reelbench.layers.shift import ShiftBottleneck

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class TSM(nnx.Module):
    """A 2-D residual network over frames, which exchange channels before every block.

    Lin et al., "TSM: Temporal Shift Module for Efficient Video Understanding", 2019,
    arXiv:1811.08383; ``ops/models.py``, ``TSN`` with ``is_shift`` and averaged segments (dropout
    left out). Each frame is classified; the logits of a clip are the mean over its frames.

    Args:
        depths: Blocks of each stage.
        width: Channels of the stem.
        num_classes: Classes.
        window: Lengths of the average pooling in the head; by default the whole input.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        *,
        depths: tuple[int, ...] = DEPTHS[50],
        width: int = 64,
        num_classes: int = 400,
        window: tuple[int, int, int] | None = None,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.stem = ConvStem(3, width, kernel_size=(7, 7), strides=(2, 2), pool=True, **common)
        blocks, features = [], width
        for stage, depth in enumerate(depths):
            middle = width * 2**stage
            for index in range(depth):
                stride = 1 if index else first_stride(stage)
                blocks.append(
                    ShiftBottleneck(
                        features, middle, 4 * middle, strides=(stride, stride), **common
                    )
                )
                features = 4 * middle
        self.blocks = nnx.List(blocks)
        self.head = PoolingHead(features, num_classes, window=window, **common)

    def __call__(self, x: Float[Array, "batch t h w 3"]) -> Float[Array, "batch num_classes"]:
        """Logits of the classes of a clip."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)
