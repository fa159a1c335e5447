"""Residual 3-D CNNs of bottleneck blocks with one pathway: C2D, I3D, Slow and R(2+1)D-50."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.catalogue.models.bottleneck3d import (
    DEPTHS,
    SLOW,
    STRIDES,
    Block,
    bottlenecks,
    factorised_options,
)
from reelbench.layers.convolution import Bottleneck, ConvStem
from reelbench.layers.factorised import R2Plus1DBottleneck
from reelbench.layers.head import PoolingHead

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class BottleneckResNet3D(nnx.Module):
    """A residual 3-D CNN of bottleneck blocks: a stem, four stages, and a linear classifier.

    Feichtenhofer et al., "SlowFast Networks for Video Recognition", 2019, arXiv:1812.03982;
    PyTorchVideo ``models/resnet.py``, ``create_resnet``, and ``models/r2plus1d.py``,
    ``create_r2plus1d`` (dropout left out, and the softmax that the latter puts behind the logits).

    Args:
        temporal_kernels: Kernel lengths along time of a stage's blocks, repeated over them.
        stem_kernel: Length of the stem's kernel along time.
        stem_pool: Whether the stem ends in a max pooling over space.
        time_pool: Whether a max pooling halves the frames after the first stage.
        factorised: Whether the blocks are those of R(2+1)D.
        strides: Strides of the first block of each stage.
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
        temporal_kernels: tuple[tuple[int, ...], ...] = SLOW,
        stem_kernel: int = 1,
        stem_pool: bool = True,
        time_pool: bool = False,
        factorised: bool = False,
        strides: tuple[tuple[int, int, int], ...] = STRIDES,
        depths: tuple[int, ...] = DEPTHS[50],
        width: int = 64,
        num_classes: int = 400,
        window: tuple[int, int, int] | None = None,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.stem = ConvStem(3, width, kernel_size=(stem_kernel, 7, 7), pool=stem_pool, **common)
        stages = bottlenecks(depths, temporal_kernels, strides, width, width)

        def make(block: Block) -> nnx.Module:
            if factorised:
                return R2Plus1DBottleneck(**factorised_options(block), **common)
            return Bottleneck(**block, **common)

        self.stages = nnx.List([nnx.List([make(block) for block in blocks]) for blocks in stages])
        self.time_pool = time_pool
        self.head = PoolingHead(
            stages[-1][-1]["out_features"], num_classes, window=window, **common
        )

    def __call__(self, x: Float[Array, "batch t h w 3"]) -> Float[Array, "batch num_classes"]:
        """Logits of the classes of a clip."""
        x = self.stem(x)
        for stage, blocks in enumerate(self.stages):
            for block in blocks:
                x = block(x)
            if self.time_pool and stage == 0:
                x = nnx.max_pool(x, (2, 1, 1), (2, 1, 1))
        return self.head(x)
