"""S3D."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.catalogue.models.s3d import STAGES, Branches, inception_options, inception_width
from reelbench.layers.convolution import ConvNorm
from reelbench.layers.factorised import SeparableConv3D, SepInception
from reelbench.layers.head import PoolingHead

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class S3D(nnx.Module):
    """A network of inception blocks with convolutions over space and over time.

    Xie et al., "Rethinking Spatiotemporal Feature Learning", 2018, arXiv:1712.04851; torchvision
    ``models/video/s3d.py``, ``S3D`` (dropout left out). The clip has a multiple of 8 frames and of
    32 pixels, and at least as many as the pooling window of the head needs.

    Args:
        stem_widths: Channels of the two separable convolutions at the beginning.
        stages: Channels of the branches of each inception block.
        num_classes: Classes.
        window: Lengths of the average pooling in the head.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        *,
        stem_widths: tuple[int, int] = (64, 192),
        stages: tuple[tuple[Branches, ...], ...] = STAGES,
        num_classes: int = 400,
        window: tuple[int, int, int] = (2, 7, 7),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        narrow, features = stem_widths
        self.stem = SeparableConv3D(3, narrow, kernel_length=7, stride=2, **common)
        self.point = ConvNorm(
            narrow, narrow, kernel_size=(1, 1, 1), epsilon=1e-3, momentum=0.999, **common
        )
        self.separable = SeparableConv3D(narrow, features, **common)
        groups = []
        for blocks in stages:
            group = []
            for branches in blocks:
                group.append(SepInception(features, **inception_options(branches), **common))
                features = inception_width(branches)
            groups.append(nnx.List(group))
        self.stages = nnx.List(groups)
        self.head = PoolingHead(features, num_classes, window=window, **common)

    def __call__(self, x: Float[Array, "batch t h w 3"]) -> Float[Array, "batch num_classes"]:
        """Logits of the classes of a clip."""
        x = _pool_space(self.stem(x))
        x = _pool_space(self.separable(self.point(x)))
        for stage, blocks in enumerate(self.stages):
            for block in blocks:
                x = block(x)
            # The last stage has no pooling behind it, the second but last one of length 2.
            left = len(self.stages) - 1 - stage
            if left > 1:
                x = nnx.max_pool(x, (3, 3, 3), (2, 2, 2), [(1, 1)] * 3)
            elif left == 1:
                x = nnx.max_pool(x, (2, 2, 2), (2, 2, 2))
        return self.head(x)


def _pool_space(x: Float[Array, "batch t h w c"]) -> Float[Array, "batch t h2 w2 c"]:
    """Largest of 3×3 positions of a frame, at every second one."""
    return nnx.max_pool(x, (1, 3, 3), (1, 2, 2), [(0, 0), (1, 1), (1, 1)])
