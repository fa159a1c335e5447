"""The part that models of camera images share: a residual network and a feature pyramid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.backbone import FPN, Bottleneck, ResNetStem, Style

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class CameraBackbone(nnx.Module):
    """A residual network over the cameras' images and a feature pyramid on its last stages.

    He et al., "Deep Residual Learning", 2015, arXiv:1512.03385; mmdet
    ``models/backbones/resnet.py`` and ``models/necks/fpn.py``. Normalisation is frozen; the stem
    and the first stage are not trained.

    Args:
        depths: Blocks of each stage.
        style: Which convolution of a block strides.
        deformable: Which stages have deformable convolutions.
        first: The first stage, counted from 0, that the pyramid takes.
        num_outs: Outputs of the pyramid.
        features: Channels of each output.
        width: Channels of the stem.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        *,
        depths: Sequence[int],
        style: Style,
        deformable: Sequence[bool] = (False,) * 4,
        first: int,
        num_outs: int,
        features: int,
        width: int = 64,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        each: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.first = first
        self.stem = ResNetStem(width, **each)
        stages, channels = [], width
        for stage, depth in enumerate(depths):
            mid = width * 2**stage
            blocks = []
            for number in range(depth):
                blocks.append(
                    Bottleneck(
                        channels,
                        mid,
                        4 * mid,
                        strides=2 if stage and not number else 1,
                        style=style,
                        deformable=deformable[stage],
                        **each,
                    )
                )
                channels = 4 * mid
            stages.append(nnx.List(blocks))
        self.stages = nnx.List(stages)
        taken = tuple(4 * width * 2**stage for stage in range(first, len(depths)))
        self.pyramid = FPN(taken, features, num_outs=num_outs, **each)

    def __call__(
        self, images: Float[Array, "batch cameras h w 3"]
    ) -> tuple[Float[Array, "batch cameras h2 w2 features"], ...]:
        """The pyramid's outputs, the finest first."""
        x = self.stem(images)
        maps = []
        for stage, blocks in enumerate(self.stages):
            for block in blocks:
                x = block(x)
            if stage == 0:
                x = jax.lax.stop_gradient(x)
            if stage >= self.first:
                maps.append(x)
        return self.pyramid(*maps)


def tokens_of(
    maps: Sequence[Float[Array, "batch cameras h w features"]],
) -> Float[Array, "batch cameras tokens features"]:
    """Feature maps in raster order, one after another."""
    flat = [one.reshape(*one.shape[:2], -1, one.shape[-1]) for one in maps]
    return jnp.concatenate(flat, axis=2)
