"""EfficientDet, a detector that takes the frames of a clip one by one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.bifpn import BiFPNLayer, CoarserLevels, PyramidHead
from reelbench.models.efficientnet import EfficientNetTrunk, Stages

if TYPE_CHECKING:
    from jaxtyping import Array, Float

    Outputs = tuple[Float[Array, "batch frames _h _w _outputs"], ...]

LEVELS, ANCHORS = 5, 9


class EfficientDet(nnx.Module):
    """EfficientDet: class logits and box offsets of nine anchors at each pixel of five levels.

    Tan et al., "EfficientDet", 2020, arXiv:1911.09070; google/automl
    ``efficientdet/efficientdet_arch.py``, without its stochastic depth.

    Args:
        stages: Stages of the trunk, see `EfficientNetTrunk`.
        from_trunk: Which stages of the trunk are the finest levels, counted from one.
        features: Channels of the BiFPN and of the heads.
        rounds: Rounds of BiFPN.
        repeats: Hidden layers of a head.
        num_classes: Classes.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        stages: Stages,
        from_trunk: tuple[int, ...] = (3, 5, 7),
        features: int = 64,
        rounds: int = 3,
        repeats: int = 3,
        num_classes: int = 90,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        made: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        widths = [stages[stage - 1][-1] for stage in from_trunk]
        new = LEVELS - len(widths)
        self.from_trunk = from_trunk
        self.trunk = EfficientNetTrunk(stages, **made)
        self.coarser = CoarserLevels(widths[-1], features, new, **made)
        entering = [(*widths, *[features] * new)] + [(features,) * LEVELS] * (rounds - 1)
        self.rounds = nnx.List(BiFPNLayer(each, features, **made) for each in entering)
        head = partial(PyramidHead, features, levels=LEVELS, repeats=repeats, **made)
        self.classes = head(out_features=ANCHORS * num_classes)
        self.boxes = head(out_features=ANCHORS * 4)

    def __call__(self, frames: Float[Array, "batch frames h w 3"]) -> tuple[Outputs, Outputs]:
        """Class logits and box offsets of each level, finest first."""
        stages = self.trunk(frames)
        levels = tuple(stages[stage - 1] for stage in self.from_trunk)
        levels += self.coarser(levels[-1])
        for layer in self.rounds:
            levels = layer(*levels)
        return self.classes(*levels), self.boxes(*levels)
