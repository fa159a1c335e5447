"""X3D."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.depthwise import X3DBlock
from reelbench.layers.depthwise_ends import X3DHead, X3DStem

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class X3D(nnx.Module):
    """X3D: a stem, four stages of depthwise bottlenecks and a head.

    Feichtenhofer, "X3D: Expanding Architectures for Efficient Video Recognition", 2020,
    arXiv:2004.04730; PyTorchVideo ``models/x3d.py``, ``create_x3d`` (dropout left out). Every other
    block of a stage squeezes and excites, the first one included.

    Args:
        depths: Blocks of each stage.
        widths: Channels of each stage; the stem has those of the first.
        expansion: Width of the depthwise convolutions relative to the stage's.
        se_ratio: Width of the squeeze relative to the depthwise convolution's.
        head_features: Channels that the classifier sees.
        num_classes: Classes.
        pool_size: Window of the average in the head; None for all of the last stage's output.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        *,
        depths: tuple[int, ...] = (3, 5, 11, 7),
        widths: tuple[int, ...] = (24, 48, 96, 192),
        expansion: float = 2.25,
        se_ratio: float = 1 / 16,
        head_features: int = 2048,
        num_classes: int = 400,
        pool_size: tuple[int, int, int] | None = None,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        block = partial(X3DBlock, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.stem = X3DStem(3, widths[0], dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        blocks = []
        features = widths[0]
        for depth, width in zip(depths, widths, strict=True):
            for index in range(depth):
                blocks.append(
                    block(
                        features,
                        int(expansion * width),
                        width,
                        strides=(1, 1, 1) if index else (1, 2, 2),
                        se_ratio=0 if index % 2 else se_ratio,
                    )
                )
                features = width
        self.blocks = nnx.List(blocks)
        self.head = X3DHead(
            features,
            int(expansion * features),
            head_features,
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
