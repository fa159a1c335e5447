"""Channel-separated networks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.separated import CSNBlock, CSNHead, CSNStem

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class CSN(nnx.Module):
    """ir-CSN: a residual network whose bottlenecks convolve each channel alone.

    Tran et al., "Video Classification with Channel-Separated Convolutional Networks", 2019,
    arXiv:1904.02811; PyTorchVideo ``models/csn.py``, ``create_csn`` as the hub's ``csn_r101`` calls
    it (dropout left out). From its second stage on, each stage halves time, height and width.

    Args:
        depths: Blocks of each stage.
        width: Channels of the stem and of the first stage's depthwise convolutions.
        num_classes: Classes.
        pool_size: Window of the average in the head; None for all of the last stage's output.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        *,
        depths: tuple[int, ...] = (3, 4, 23, 3),
        width: int = 64,
        num_classes: int = 400,
        pool_size: tuple[int, int, int] | None = None,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        block = partial(CSNBlock, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.stem = CSNStem(3, width, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        blocks = []
        features = width
        for stage, depth in enumerate(depths):
            middle = width * 2**stage
            for index in range(depth):
                strides = (2, 2, 2) if stage and not index else (1, 1, 1)
                blocks.append(block(features, middle, 4 * middle, strides=strides))
                features = 4 * middle
        self.blocks = nnx.List(blocks)
        self.head = CSNHead(
            features,
            num_classes,
            pool_size=pool_size,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(self, x: Float[Array, "batch t h w 3"]) -> Float[Array, "batch num_classes"]:
        """Score the classes of a clip."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)
