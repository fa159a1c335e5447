"""EfficientNet, an image classifier that takes the frames of a clip one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.mbconv import MBConv, MBConvHead, MBConvStem

if TYPE_CHECKING:
    from jaxtyping import Array, Float

STEM_FEATURES, HEAD_FEATURES = 32, 1280

Stages = tuple[tuple[int, int, int, int, int], ...]


class EfficientNetTrunk(nnx.Module):
    """EfficientNet without its head.

    Tan and Le, "EfficientNet", 2019, arXiv:1905.11946; lukemelas/EfficientNet-PyTorch
    ``efficientnet_pytorch/model.py``, without its stochastic depth.

    Args:
        stages: For each stage its blocks, kernel length, stride, expansion and channels.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        stages: Stages,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        made: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.stem = MBConvStem(3, STEM_FEATURES, **made)
        found: list[nnx.List[MBConv]] = []
        before = STEM_FEATURES
        for depth, kernel_size, stride, expand_ratio, width in stages:
            shape: dict[str, Any] = {"expand_ratio": expand_ratio, "kernel_size": kernel_size}
            first = MBConv(before, width, strides=(stride, stride), **shape, **made)
            rest = (MBConv(width, width, **shape, **made) for _ in range(depth - 1))
            found.append(nnx.List([first, *rest]))
            before = width
        self.stages = nnx.List(found)

    def __call__(
        self, frames: Float[Array, "batch frames h w 3"]
    ) -> list[Float[Array, "batch frames _h _w _width"]]:
        """The output of each stage."""
        x, found = self.stem(frames), []
        for stage in self.stages:
            for block in stage:
                x = block(x)
            found.append(x)
        return found


class EfficientNet(nnx.Module):
    """EfficientNet as a classifier.

    Tan and Le, "EfficientNet", 2019, arXiv:1905.11946; lukemelas/EfficientNet-PyTorch
    ``efficientnet_pytorch/model.py``, without its dropout and stochastic depth.

    Args:
        stages: For each stage its blocks, kernel length, stride, expansion and channels.
        num_classes: Classes.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        stages: Stages,
        num_classes: int = 1000,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        made: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.trunk = EfficientNetTrunk(stages, **made)
        self.head = MBConvHead(stages[-1][-1], HEAD_FEATURES, num_classes, **made)

    def __call__(
        self, frames: Float[Array, "batch frames h w 3"]
    ) -> Float[Array, "batch frames classes"]:
        """Classify each frame."""
        return self.head(self.trunk(frames)[-1])
